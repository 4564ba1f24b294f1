package s3fifo

// entry is a key with its value or, in the ghost queue, without.
type entry[K comparable, V any] struct {
	key   K
	value V
	hits  int // since it entered small or, in main, not yet paid for

	in         *queue[K, V] // the queue that links it
	prev, next *entry[K, V]
}

// queue is a FIFO that any entry can be removed from: a circular list, where
// root.next is the oldest entry and root.prev the youngest.
type queue[K comparable, V any] struct {
	root entry[K, V]
	len  int
	room int // entries it is meant to hold
}

func (q *queue[K, V]) init(room int) {
	q.root.prev, q.root.next = &q.root, &q.root
	q.room = room
}

func (q *queue[K, V]) push(e *entry[K, V]) {
	e.in = q
	e.prev, e.next = q.root.prev, &q.root
	e.prev.next, e.next.prev = e, e
	q.len++
}

// oldest is the entry pushed first; q must not be empty.
func (q *queue[K, V]) oldest() *entry[K, V] { return q.root.next }

func (q *queue[K, V]) pop() *entry[K, V] {
	e := q.oldest()
	q.remove(e)
	return e
}

func (q *queue[K, V]) remove(e *entry[K, V]) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.in, e.prev, e.next = nil, nil, nil
	q.len--
}
