package primitives

import (
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

// level is a node of a subscription trie: what is subscribed to the pattern
// that ends here, and the nodes of the next level. The zero N is none.
type level[N any] interface {
	comparable
	child(name string) N
	subscribers() []uint32
}

// match appends the subscribers of all patterns below n that match the rest of
// a topic. Both tries are searched by it.
func match[N level[N]](n N, rest string, ids []uint32) []uint32 {
	var none N
	if all := n.child(anyRest); all != none {
		ids = append(ids, all.subscribers()...)
	}
	if rest == "" {
		return append(ids, n.subscribers()...)
	}
	name, rest, _ := strings.Cut(rest, ".")
	if c := n.child(name); c != none {
		ids = match(c, rest, ids)
	}
	if c := n.child(anyLevel); c != none {
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

// lockFreeTopics is a subscription trie of immutable levels behind one atomic
// root; see trie, which it is like in every respect: a write copies the path of
// its pattern, takes effect at its compare-and-swap of the root, and publishes
// by it to the Load of every reader.
type lockFreeTopics struct {
	root atomic.Pointer[frozenLevel]
}

// frozenLevel is never changed once a root leads to it.
type frozenLevel struct {
	ids      []uint32
	children hamt[string, *frozenLevel]
}

func newLockFreeTopics() *lockFreeTopics {
	t := new(lockFreeTopics)
	t.root.Store(new(frozenLevel))
	return t
}

func (n *frozenLevel) child(name string) *frozenLevel {
	c, _ := n.children.get(name)
	return c
}

func (n *frozenLevel) subscribers() []uint32 { return n.ids }

func (t *lockFreeTopics) Lookup(topic string, ids []uint32) []uint32 {
	return match(t.root.Load(), topic, ids)
}

func (t *lockFreeTopics) Subscribe(pattern string, id uint32) {
	t.change(func(root *frozenLevel) *frozenLevel { return root.with(pattern, id) })
}

func (t *lockFreeTopics) Unsubscribe(pattern string, id uint32) {
	t.change(func(root *frozenLevel) *frozenLevel {
		if next := root.without(pattern, id); next != nil {
			return next
		}
		return new(frozenLevel)
	})
}

func (t *lockFreeTopics) change(f func(*frozenLevel) *frozenLevel) {
	for {
		old := t.root.Load()
		if next := f(old); next == old || t.root.CompareAndSwap(old, next) {
			return
		}
	}
}

// with returns a copy of n, which may be nil, with one more subscription.
func (n *frozenLevel) with(pattern string, id uint32) *frozenLevel {
	var c frozenLevel
	if n != nil {
		c = *n
	}
	if pattern == "" {
		c.ids = append(slices.Clip(c.ids), id) // a new array: the old one is shared
		return &c
	}
	name, rest, _ := strings.Cut(pattern, ".")
	next, _ := c.children.get(name)
	c.children = c.children.put(name, next.with(rest, id))
	return &c
}

// without returns a copy of n with one subscription less: nil if nothing is
// left, n itself if there was no such subscription.
func (n *frozenLevel) without(pattern string, id uint32) *frozenLevel {
	c := *n
	if pattern == "" {
		i := slices.Index(c.ids, id)
		if i < 0 {
			return n
		}
		c.ids = slices.Concat(c.ids[:i], c.ids[i+1:])
	} else {
		name, rest, _ := strings.Cut(pattern, ".")
		old := n.child(name)
		if old == nil {
			return n
		}
		switch next := old.without(rest, id); next {
		case old:
			return n
		case nil:
			c.children, _ = c.children.remove(name)
		default:
			c.children = c.children.put(name, next)
		}
	}
	if len(c.ids) == 0 && c.children.size == 0 {
		return nil
	}
	return &c
}
