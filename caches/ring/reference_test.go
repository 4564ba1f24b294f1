package ring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// TestAgainstReference runs random operations on the cache and on a slow, obvious
// S3-FIFO side by side, whose ghost forgets keys a step at a time, as the README
// says: they must hold the same keys at every step. The index gets so many buckets
// that none has to give up a mark, and runs end before the steps in marks come round.
func TestAgainstReference(t *testing.T) {
	seed := rand.Uint64()
	for _, capacity := range []int{1, 2, 3, 9, 10, 37, 100, 250, 600} {
		for run := range uint64(50) {
			rng := rand.New(rand.NewPCG(seed, run))
			c, err := New[int, int](capacity)
			if err != nil {
				t.Fatal(err)
			}
			c.index = newIndex(1 << 14)
			ref := newReference(c)
			for step := 0; c.shards[0].ghost.step < steps-1; step++ {
				if err := sameStep(rng, c, ref, step); err != nil {
					t.Fatalf("seed %d, capacity %d, run %d, step %d: %v", seed, capacity, run, step, err)
				}
			}
		}
	}
}

// reference is S3-FIFO on slices and a map.
type reference struct {
	capacity    int
	small, main []*refEntry // oldest first
	held        map[int]*refEntry
	id          func(key int) uint64 // what the ghost takes for the key
	ghost       []refStep            // oldest first; the last is the present one
	added       int                  // keys in the present step
}

type refEntry struct{ key, value, hits int }

// refStep is a part of the ghost that is forgotten at once.
type refStep struct {
	left int // places that no key has been taken from
	ids  []uint64
}

func newReference(c *Cache[int, int]) *reference {
	return &reference{
		capacity: c.capacity,
		held:     make(map[int]*refEntry),
		id: func(key int) uint64 {
			hash := c.hash(word(key))
			return hash&c.mask<<16 | uint64(print(hash))
		},
	}
}

func (r *reference) Get(key int) (int, bool) {
	e, ok := r.held[key]
	if !ok {
		return 0, false
	}
	e.hits = min(e.hits+1, 3)
	return e.value, true
}

func (r *reference) Set(key, value int) {
	if e, ok := r.held[key]; ok {
		e.hits = min(e.hits+1, 3)
		e.value = value
		return
	}
	e := &refEntry{key: key, value: value}
	remembered := r.recall(r.id(key))
	for len(r.held) >= r.capacity {
		r.evict()
	}
	r.held[key] = e
	if remembered {
		r.main = append(r.main, e)
	} else {
		r.small = append(r.small, e)
	}
}

func (r *reference) Update(key int, f func(old int, ok bool) int) int {
	e, ok := r.held[key]
	old := 0
	if ok {
		old = e.value
	}
	value := f(old, ok)
	r.Set(key, value)
	return value
}

func (r *reference) Delete(key int) {
	e := r.held[key]
	delete(r.held, key)
	is := func(x *refEntry) bool { return x == e }
	r.small, r.main = slices.DeleteFunc(r.small, is), slices.DeleteFunc(r.main, is)
}

// evict evicts one entry, or moves all of small to main.
func (r *reference) evict() {
	if len(r.main) > r.capacity-max(1, r.capacity/10) || len(r.small) == 0 {
		for {
			e := r.main[0]
			r.main = r.main[1:]
			if e.hits == 0 {
				delete(r.held, e.key)
				return
			}
			e.hits--
			r.main = append(r.main, e)
		}
	}
	for len(r.small) > 0 {
		e := r.small[0]
		r.small = r.small[1:]
		if e.hits < 2 {
			delete(r.held, e.key)
			r.remember(r.id(e.key))
			return
		}
		e.hits = 0
		r.main = append(r.main, e)
	}
}

// remember adds a key to the present step, and begins another if that is full: then
// the oldest steps are forgotten until the ghost's size is right again.
func (r *reference) remember(id uint64) {
	room := r.capacity * 9 / 10
	perStep := room/16 + 1
	if r.added == 0 {
		r.ghost = append(r.ghost, refStep{left: perStep})
		for {
			kept := 0
			for _, s := range r.ghost {
				kept += s.left
			}
			if kept <= room+perStep/2 && len(r.ghost) < 64 {
				break
			}
			r.ghost = r.ghost[1:]
		}
	}
	if len(r.ghost) > 0 { // it is empty where a step is more than there is room for
		last := &r.ghost[len(r.ghost)-1]
		last.ids = append(last.ids, id)
	}
	r.added = (r.added + 1) % perStep
}

// recall takes a key out of the ghost, the one added last where two look the same.
func (r *reference) recall(id uint64) bool {
	for i := len(r.ghost) - 1; i >= 0; i-- {
		s := &r.ghost[i]
		if at := slices.Index(s.ids, id); at >= 0 && s.left > 0 {
			s.ids = slices.Delete(s.ids, at, at+1)
			s.left--
			return true
		}
	}
	return false
}

// sameStep does the same to both caches and says where they differ.
func sameStep(rng *rand.Rand, c *Cache[int, int], ref *reference, step int) error {
	key := int(rng.ExpFloat64() * float64(c.capacity))
	got, ok := c.Get(key)
	want, wanted := ref.Get(key)
	if ok != wanted || got != want {
		return fmt.Errorf("Get(%d) = %d, %v, want %d, %v", key, got, ok, want, wanted)
	}
	switch op := rng.IntN(20); {
	case op == 0 && ok:
		c.Delete(key)
		ref.Delete(key)
	case op == 1:
		inc := func(old int, _ bool) int { return old + 1 }
		if got, want := c.Update(key, inc), ref.Update(key, inc); got != want {
			return fmt.Errorf("Update(%d) = %d, want %d", key, got, want)
		}
	case op < 5 || !ok:
		c.Set(key, step)
		ref.Set(key, step)
	}
	if got, want := c.Len(), len(ref.held); got != want {
		return fmt.Errorf("Len = %d, want %d", got, want)
	}
	if step%100 == 0 {
		return c.Check()
	}
	return nil
}

// TestCollisions gives all keys one hash: they share one home bucket and one
// tag, and only comparing keys tells them apart.
func TestCollisions(t *testing.T) {
	const capacity = 300
	c, err := New[uint64, uint64](capacity)
	if err != nil {
		t.Fatal(err)
	}
	c.secrets.k0, c.secrets.k1, c.secrets.k2, c.secrets.k3 = 0, 0, 0, 0
	if a, b := c.hash(words{a: 1}), c.hash(words{a: 2}); a != b {
		t.Fatalf("hashes %#x and %#x differ: the test needs collisions", a, b)
	}
	want := make(map[uint64]uint64)
	rng := rand.New(rand.NewPCG(1, 2))
	for step := range uint64(20_000) {
		key := rng.Uint64N(capacity)
		if got, ok := c.Get(key); got != want[key] || ok != (want[key] != 0) {
			t.Fatalf("step %d: Get(%d) = %d, %v, want %d", step, key, got, ok, want[key])
		}
		if rng.IntN(3) == 0 {
			c.Delete(key)
			delete(want, key)
		} else {
			c.Set(key, step+1)
			want[key] = step + 1
		}
	}
	for key := range uint64(10 * capacity) { // and with evictions
		c.Set(key, key)
		if got, ok := c.Get(key); !ok || got != key {
			t.Fatalf("Get(%d) = %d, %v after Set", key, got, ok)
		}
	}
	if c.Len() != capacity {
		t.Errorf("Len = %d, want %d", c.Len(), capacity)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

// TestLongCollisions: long strings and boxed keys of one hash are told apart, strings of one
// length too, and a string from one that it begins with.
func TestLongCollisions(t *testing.T) {
	const hash = 5 << 56
	x := index{newBuckets(4), 3}
	long := strings.Repeat("k", 2*longestKey)
	texts := []string{
		long[:30], long[:29] + "x", "x" + long[:29], long[:31],
		long[:longestKey], long[:longestKey-1] + "x",
		long[:longestKey+1], long[:longestKey] + "x", long,
	}
	entries := make([]*entry, len(texts))
	for i, k := range texts {
		entries[i] = newLong(k)
		entries[i].hash = hash
		if there, _ := x.link(entries[i], nil); there != nil {
			t.Errorf("string %d is taken for one of %d bytes", i, len(there.string()))
		}
	}
	for i, k := range texts {
		if e := x.findLong(hash, strings.Clone(k)); e != entries[i] {
			t.Errorf("string %d leads to another's entry, or none", i)
		}
	}
	type box struct{ a, b any }
	x = index{newBuckets(4), 3}
	for i := range 9 {
		key := box{i, "b"}
		e := &entry{hash: hash, ref: unsafe.Pointer(&key)}
		if there, _ := x.link(e, sameAs(key)); there != nil {
			t.Errorf("box %d is taken for another", i)
		}
		if x.findBoxed(hash, sameAs(box{i, "b"})) != e {
			t.Errorf("box %d is not found", i)
		}
	}
}

// TestSpread: keys that differ in few bits fill the buckets as evenly as
// random ones would: about one in 20 has its home full at four to a bucket.
func TestSpread(t *testing.T) {
	const n = 1 << 16
	integer := func(at func(i uint64) uint64) func(*table, uint64) uint64 {
		return func(c *table, i uint64) uint64 { return c.hash(words{a: at(i)}) }
	}
	text := func(zeros string) func(*table, uint64) uint64 {
		return func(c *table, i uint64) uint64 { return c.newString(string(decimal(i, zeros))).hash }
	}
	for name, hash := range map[string]func(*table, uint64) uint64{
		"counting":       integer(func(i uint64) uint64 { return i }),
		"pages":          integer(func(i uint64) uint64 { return i << 12 }),
		"high bits":      integer(func(i uint64) uint64 { return i << 44 }),
		"decimal string": text("key-0000000000000"),
		"short string":   text("000000"),
		"long string":    text("which differs from others at its end: 000000"),
		"longer string":  text(strings.Repeat("-", 200) + "000000"),
	} {
		c, err := New[uint64, *int](n)
		if err != nil {
			t.Fatal(err)
		}
		homes := make(map[uint64]int)
		for i := range uint64(n) {
			homes[hash(&c.table, i)&c.mask]++
		}
		beyond := 0
		for _, in := range homes {
			beyond += max(0, in-slotsPerBucket)
		}
		// Poisson with mean 4: E[max(0, X−6)] = 0.195 per bucket, 0.049 per key.
		if got := float64(beyond) / n; got > 0.06 {
			t.Errorf("%s: %.3f of the keys are beyond their home's six slots, want about 0.049", name, got)
		}
	}
}

// decimal writes i over the end of the text.
func decimal(i uint64, text string) []byte {
	b := []byte(text)
	for at := len(b) - 1; i > 0; at-- {
		b[at] = byte('0' + i%10)
		i /= 10
	}
	return b
}

// TestAllKeysFit fills a cache of many shards to the last entry: hashes do not
// spread evenly, so shards have to borrow from each other.
func TestAllKeysFit(t *testing.T) {
	for _, shards := range []int{1, 2, 16, 64} {
		const capacity = 10_000
		c, err := New[int, int](capacity, Shards(shards))
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			for i := range capacity {
				c.Set(i, i+round)
			}
			for i := range capacity {
				if v, ok := c.Get(i); !ok || v != i+round {
					t.Fatalf("%d shards, round %d: Get(%d) = %d, %v, want %d", shards, round, i, v, ok, i+round)
				}
			}
			for i := 0; i < capacity; i += round + 1 {
				c.Delete(i)
			}
			if err := c.Check(); err != nil {
				t.Fatalf("%d shards, round %d: %v", shards, round, err)
			}
		}
	}
}

// TestLanes deletes entries that wait in lanes: they must be gone at once, and
// what is kept from use must stay within its bound.
func TestLanes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // with one P there are none
	const capacity = 1000
	c, err := New[uint64, uint64](capacity)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.shards[0].lanes) == 0 {
		t.Fatal("no lanes: the test needs a larger capacity")
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	waited := 0
	for key := range uint64(10 * capacity) {
		c.Set(key, key)
		if v, ok := c.Get(key); !ok || v != key {
			t.Fatalf("seed %d: Get(%d) = %d, %v after Set", seed, key, v, ok)
		}
		if back := key - rng.Uint64N(min(key+1, 10)); rng.IntN(4) == 0 {
			if e := c.lookup(back); e != nil && waits(c.shards[0], e) {
				waited++
			}
			c.Delete(back)
			if _, ok := c.Get(back); ok {
				t.Fatalf("seed %d: key %d is found after Delete", seed, back)
			}
		}
		if key%50 == 0 {
			if err := c.Check(); err != nil {
				t.Fatalf("seed %d, key %d: %v", seed, key, err)
			}
			if n, want := c.Len(), len(c.entries()); n != want {
				t.Fatalf("seed %d, key %d: Len = %d, the index has %d", seed, key, n, want)
			}
		}
	}
	if waited < capacity/10 {
		t.Errorf("seed %d: %d of the deleted entries waited in lanes: the test needs more", seed, waited)
	}
	for key := range uint64(2 * capacity) {
		c.Set(key<<32, key)
	}
	if n := c.Len(); n < capacity-capacity/laneShare {
		t.Errorf("seed %d: Len = %d of %d: lanes keep more than one place in %d", seed, n, capacity, laneShare)
	}
}

// waits reports whether e, which is in the index, is in no queue of s yet.
func waits(s *shard, e *entry) bool {
	slots := s.slots[e.place&1]
	i := int(e.place >> 1)
	return i >= len(slots) || slots[i] != e
}

// TestPoorShard takes a shard's allowance away and has it insert again, into a
// full cache: it must get its share back.
func TestPoorShard(t *testing.T) {
	const capacity, shards = 4096, 4
	c, err := New[uint64, uint64](capacity, Shards(shards))
	if err != nil {
		t.Fatal(err)
	}
	poor, key := c.shards[0], uint64(0)
	inPoor := func(k uint64) bool { return c.shard(c.hash(word(k))) == poor }
	set := func(n int, want bool) (keys []uint64) {
		for ; n > 0; key++ {
			if inPoor(key) == want {
				c.Set(key, key)
				keys = append(keys, key)
				n--
			}
		}
		return keys
	}
	keys := set(int(c.share), true)
	set(3*int(c.share), false)
	for _, k := range keys {
		c.Delete(k)
	}
	set(2*int(c.share), false) // the others take what they may
	if poor.quota > c.share-c.share/4 {
		t.Fatalf("the shard still has %d of %d: the test needs it poor", poor.quota, c.share)
	}
	for _, k := range set(500, true) {
		if _, ok := c.Get(k); !ok && poor.used < 100 {
			t.Fatalf("key %d is gone already", k)
		}
	}
	if poor.quota < 500 {
		t.Errorf("the shard has %d of its share of %d again, want 500", poor.quota, c.share)
	}
	if n := c.Len(); n < capacity-capacity/laneShare || n > capacity {
		t.Errorf("Len = %d, want %d but for what lanes hold", n, capacity)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

// TestTakeEvictsLast: while any shard has room, none evicts for another, whichever is asked
// first: places move from shard to shard while one after the other is asked.
func TestTakeEvictsLast(t *testing.T) {
	const capacity = 4096
	c, err := New[uint64, *int](capacity, Shards(4))
	if err != nil {
		t.Fatal(err)
	}
	c.secrets.k0, c.secrets.k1, c.secrets.k2, c.secrets.k3 = 1, 2, 3, 4 // the same shards each time
	for key := range uint64(capacity) {
		c.Set(key, nil)
	}
	rich := slices.MaxFunc(c.shards, func(a, b *shard) int { return int(a.quota) - int(b.quota) })
	before, after := c.shards[(rich.id+3)%4], c.shards[(rich.id+1)%4]
	if rich.quota == c.share || c.idle.Load() > 0 {
		t.Fatalf("a shard has %d of its share of %d, %d have room: the test needs a rich one, and all full", rich.quota, c.share, c.idle.Load())
	}
	inShard := func(s *shard, from uint64) uint64 {
		for c.shard(c.hash(word(from))) != s {
			from++
		}
		return from
	}
	c.Delete(inShard(after, 0))
	if !c.take(before, true) || c.Len() != capacity-1 || after.used < after.quota {
		t.Errorf("%d of %d entries are left, and a shard kept its room: %v", c.Len(), capacity-1, after.used < after.quota)
	}
	c.Set(inShard(before, capacity), nil)
	if !c.take(before, true) || c.Len() != capacity-1 || before.used == before.quota {
		t.Errorf("with no room anywhere, %d entries are left, want %d, and the rich shard gave its room: %v", c.Len(), capacity-1, before.used < before.quota)
	}
	victim := inShard(rich, 0)
	for c.lookup(victim) != nil {
		victim = inShard(rich, victim+1)
	}
	c.Set(victim, nil)
	if e := c.lookup(victim); e.place&1 != main {
		t.Error("a key that was evicted for another shard is not remembered")
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}
