package primitives

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Subscriptions are kept by pattern. A topic is levels with dots between them,
// "stock.nyse.acme"; in a pattern, "*" stands for any one level, and "#", as the
// last level, for any number of levels, none included.
const (
	anyLevel = "*"
	anyRest  = "#"
)

// topics is a set of subscriptions.
type topics interface {
	Subscribe(pattern string, id uint32)
	Unsubscribe(pattern string, id uint32)
	// Lookup appends the subscribers to a topic: one for each of their
	// patterns that match it, in no particular order.
	Lookup(topic string, ids []uint32) []uint32
}

// level is what a node of a subscription trie holds: what is subscribed to the
// pattern that ends here, and the next level. The zero L is nothing.
type level[L any] interface {
	comparable
	child(name string) L
	subscribers() []uint32
}

// match appends the subscribers of all patterns below l that match the rest of
// a topic. Both tries are searched by it.
func match[L level[L]](l L, rest string, ids []uint32) []uint32 {
	var none L
	if all := l.child(anyRest); all != none {
		ids = append(ids, all.subscribers()...)
	}
	if rest == "" {
		return append(ids, l.subscribers()...)
	}
	name, rest, _ := strings.Cut(rest, ".")
	if c := l.child(name); c != none {
		ids = match(c, rest, ids)
	}
	if c := l.child(anyLevel); c != none {
		ids = match(c, rest, ids)
	}
	return ids
}

// lockedTopics is a subscription trie that is changed in place, under one
// read-write mutex.
type lockedTopics struct {
	mu   sync.RWMutex
	root lockedLevel // guarded by mu, with all below it
}

type lockedLevel struct {
	ids      []uint32
	children map[string]*lockedLevel
}

func (n *lockedLevel) child(name string) *lockedLevel { return n.children[name] }
func (n *lockedLevel) subscribers() []uint32          { return n.ids }

func (t *lockedTopics) Lookup(topic string, ids []uint32) []uint32 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return match(&t.root, topic, ids)
}

func (t *lockedTopics) Subscribe(pattern string, id uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &t.root
	for name := range strings.SplitSeq(pattern, ".") {
		next := n.children[name]
		if next == nil {
			next = new(lockedLevel)
			if n.children == nil {
				n.children = map[string]*lockedLevel{}
			}
			n.children[name] = next
		}
		n = next
	}
	n.ids = append(n.ids, id)
}

func (t *lockedTopics) Unsubscribe(pattern string, id uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.root.remove(pattern, id)
}

// remove takes one subscription out, and levels that nothing is left of.
func (n *lockedLevel) remove(pattern string, id uint32) {
	if pattern == "" {
		if i := slices.Index(n.ids, id); i >= 0 {
			n.ids = slices.Delete(n.ids, i, i+1)
		}
		return
	}
	name, rest, _ := strings.Cut(pattern, ".")
	if c := n.children[name]; c != nil {
		c.remove(rest, id)
		if len(c.ids) == 0 && len(c.children) == 0 {
			delete(n.children, name)
		}
	}
}

// lockFreeTopics is a subscription trie of which every level can be changed apart:
// the inner nodes and tombs of [trie], with names for hashes. Nodes stay; a write
// copies what is in one and swaps the copy in, so that writers meet only where
// their patterns do, and a write is repeated only where another has succeeded.
//
// A node below the root whose level has no subscribers and nothing below it is a
// tomb: it is never changed again, and every write that meets it unlinks it. So a
// node that is no tomb is linked from its parent, and a swap within it is seen by
// every lookup that comes later.
//
// Each pattern is linearizable for itself: a lookup sees every subscription that
// was made before it began, and none that was ended before. It is no snapshot: of
// two changes that are made while it runs it may see the later and not the
// earlier. A snapshot would take generations, as in [trie], and every lookup
// would begin one.
type lockFreeTopics struct{ root node }

// node is a place for a level.
type node struct {
	// Swapped by anyone, until it is a tomb. Its compare-and-swap publishes the
	// level, which does not change any more, to the Load of every reader.
	level atomic.Pointer[frozenLevel]
}

type frozenLevel struct {
	ids []uint32
	// The next level, in the order of the names' hashes. A change copies the
	// slice, which is cheap as long as a level has tens of names, not thousands.
	next []named
}

type named struct {
	hash uint64 // of name: a search looks at one name only
	name string
	*node
}

func newNamed(name string, l *frozenLevel) named {
	n := named{maphash.String(hashSeed, name), name, new(node)}
	n.level.Store(l)
	return n
}

func newLockFreeTopics() *lockFreeTopics {
	t := new(lockFreeTopics)
	t.root.level.Store(new(frozenLevel))
	return t
}

// find returns where the name is, or else where it belongs.
func (l *frozenLevel) find(name string) (i int, ok bool) {
	hash := maphash.String(hashSeed, name)
	for end := len(l.next); i < end; {
		if middle := (i + end) / 2; l.next[middle].hash < hash {
			i = middle + 1
		} else {
			end = middle
		}
	}
	for ; i < len(l.next) && l.next[i].hash == hash; i++ {
		if l.next[i].name == name {
			return i, true
		}
	}
	return i, false
}

func (l *frozenLevel) child(name string) *frozenLevel {
	if i, ok := l.find(name); ok {
		return l.next[i].level.Load()
	}
	return nil
}

func (l *frozenLevel) subscribers() []uint32 { return l.ids }

func (l *frozenLevel) empty() bool { return len(l.ids) == 0 && len(l.next) == 0 }

func (t *lockFreeTopics) Lookup(topic string, ids []uint32) []uint32 {
	return match(t.root.level.Load(), topic, ids)
}

func (t *lockFreeTopics) Subscribe(pattern string, id uint32) {
	for !t.root.subscribe(true, pattern, id) {
	}
}

// subscribe reports whether it added the subscription to n, which may be the
// root: not if another change was first, or n is a tomb.
func (n *node) subscribe(root bool, pattern string, id uint32) bool {
	l := n.level.Load()
	if !root && l.empty() {
		return false
	}
	if pattern == "" {
		return n.level.CompareAndSwap(l, l.with(id))
	}
	name, rest, _ := strings.Cut(pattern, ".")
	i, ok := l.find(name)
	if !ok {
		fresh := newNamed(name, pathTo(rest, id))
		return n.level.CompareAndSwap(l, &frozenLevel{l.ids, slices.Insert(slices.Clip(l.next), i, fresh)})
	}
	if l.next[i].subscribe(false, rest, id) {
		return true
	}
	n.bury(l, i)
	return false
}

// pathTo is a level with nothing but one subscription.
func pathTo(pattern string, id uint32) *frozenLevel {
	if pattern == "" {
		return &frozenLevel{ids: []uint32{id}}
	}
	name, rest, _ := strings.Cut(pattern, ".")
	return &frozenLevel{next: []named{newNamed(name, pathTo(rest, id))}}
}

func (l *frozenLevel) with(id uint32) *frozenLevel {
	return &frozenLevel{append(slices.Clip(l.ids), id), l.next} // a new array: the old one is shared
}

func (t *lockFreeTopics) Unsubscribe(pattern string, id uint32) {
	for !t.root.unsubscribe(pattern, id) {
	}
}

// unsubscribe reports whether the subscription is gone from n: not if another
// change was first.
func (n *node) unsubscribe(pattern string, id uint32) bool {
	l := n.level.Load()
	if pattern == "" {
		i := slices.Index(l.ids, id)
		return i < 0 || n.level.CompareAndSwap(l, &frozenLevel{slices.Concat(l.ids[:i], l.ids[i+1:]), l.next})
	}
	name, rest, _ := strings.Cut(pattern, ".")
	i, ok := l.find(name)
	if !ok {
		return true
	}
	done := l.next[i].unsubscribe(rest, id)
	n.bury(l, i)
	return done
}

// bury unlinks the i-th node of the next level, as it was loaded from n, if that
// is a tomb, and nobody else has. n itself may become one.
func (n *node) bury(l *frozenLevel, i int) {
	tomb := l.next[i]
	if !tomb.level.Load().empty() {
		return
	}
	for {
		if n.level.CompareAndSwap(l, &frozenLevel{l.ids, slices.Concat(l.next[:i], l.next[i+1:])}) {
			return
		}
		l = n.level.Load()
		var ok bool
		if i, ok = l.find(tomb.name); !ok || l.next[i].node != tomb.node {
			return
		}
	}
}
