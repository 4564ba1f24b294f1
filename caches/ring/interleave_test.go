//go:build invariants

package ring

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/contend-go/contend/caches/internal/invariants"
)

// TestEveryInterleaving runs the index's own code in every interleaving of its
// steps, for a few goroutines that do a few operations on one key: each must be
// linearizable, none may deadlock, and at the end nothing may be left busy or
// counted twice. A step is what lies between two edges; the goroutines are
// coroutines, of which this test lets one step at a time.
//
// Schedules that lead to the same state are followed once. That state is the
// memory of the buckets, what each goroutine has seen on its way, and what the
// history so far allows the register to be.
func TestEveryInterleaving(t *testing.T) {
	defer func() { invariants.Hook = nil }() // where a scenario ended early
	for _, s := range []scenario{
		{name: "set and deleted beside two readers", goroutines: []string{"s1 d", "g", "g"}},
		{name: "set beside one who reads twice", goroutines: []string{"s1", "g g", "g"}},
		{name: "two writers of a new key", goroutines: []string{"s1", "s2", "g"}},
		{name: "two writers, two readers", held: true, goroutines: []string{"d", "s1", "g", "g"}},
		{name: "a slot reused under the same tag", held: true, goroutines: []string{"d s1", "g g", "g"}},
		{name: "removed twice, and set again", held: true, goroutines: []string{"d", "d s1", "g"}},
		{name: "overwriting beside removal", held: true, goroutines: []string{"s1", "d", "g g"}},
		{name: "in another bucket than its home", full: true, goroutines: []string{"s1 d", "g g"}},
		{name: "in another bucket, two writers", full: true, goroutines: []string{"s1", "s2", "g"}},
		{name: "its home has room meanwhile", full: true, held: true, goroutines: []string{"d s1", "x", "g"}},
		{name: "beside a neighbour that passes by too", full: true, goroutines: []string{"s1", "n", "g"}},
		{name: "evicted, a mark in its slot, beside two readers", held: true, marks: true, goroutines: []string{"e", "g g", "g"}},
		{name: "evicted, and set again where a mark was", held: true, marks: true, goroutines: []string{"e s1", "g g"}},
		{name: "evicted beside a writer and a reader", held: true, marks: true, goroutines: []string{"e", "s1", "g g"}},
		{name: "evicted and deleted at once, and set", held: true, marks: true, goroutines: []string{"e", "d s1", "g"}},
		{name: "evicted from another bucket", full: true, held: true, marks: true, goroutines: []string{"e s1", "g g"}},
	} {
		t.Run(s.name, func(t *testing.T) {
			invariants.Hook = nil
			states, ends := s.explore(t)
			t.Logf("%d states, %d ends", states, ends)
		})
	}
}

// scenario is some goroutines' operations: sN sets the key to N, d deletes it,
// e evicts it, g gets it; x deletes an entry that fills the key's home, n sets
// another key of that home.
type scenario struct {
	name       string
	held       bool // the key is there at the beginning, with the value 9
	full       bool // and its home is full, so that the key's place is the next bucket
	marks      bool // and its home remembers four keys: one has to give way to the next
	goroutines []string
}

// The key has the words of an empty entry but for the size: nobody may take for it
// what a mark stands for.
const (
	theKey  = 0
	theHash = 0x11 << 56 // home bucket 0
	absentV = 0
)

// run is one schedule being followed.
type run struct {
	x       index
	ids     map[*entry]uint64
	workers []*worker
	now     *worker // the one that steps
	spec    monitor
	filler  *entry
}

// worker is one goroutine of the scenario.
type worker struct {
	run     *run
	step    func() (bool, bool) // next of its coroutine: whether it waits; false at its end
	yield   func(bool) bool
	ops     []string
	trace   uint64 // of what it has seen
	base    uint64 // trace where the call to link or unlink began
	waiting string // memory that it waits to change; "" if it does not wait
	done    bool
}

func (s *scenario) start() (r *run, stop func()) {
	r = &run{x: index{newBuckets(2), 1}, ids: make(map[*entry]uint64)}
	link := func(key, hash, value uint64) *entry {
		e := r.entry(key, hash, value)
		r.x.link(e, nil)
		return e
	}
	if s.full {
		for i := range uint64(slotsPerBucket) {
			r.filler = link(100+i, (0x20+i)<<56, 0)
		}
	}
	initial := uint8(absentV)
	if s.held {
		link(theKey, theHash, 9)
		initial = 9
	}
	if s.marks {
		for i := range uint64(4) {
			r.x.bucket(0, 0).marks.push(newMark((500+i)<<40, 0))
		}
	}
	r.spec = newMonitor(initial)
	invariants.Hook = func(waits bool) { r.now.edge(waits) }
	var stops []func()
	for i, ops := range s.goroutines {
		w := &worker{run: r, ops: strings.Fields(ops)}
		next, stop := iter.Pull(func(yield func(bool) bool) {
			w.yield = yield
			defer func() {
				if p := recover(); p != nil && p != errStopped {
					panic(p)
				}
			}()
			w.work(i)
		})
		w.step = next
		stops = append(stops, stop)
		r.workers = append(r.workers, w)
	}
	return r, func() {
		invariants.Hook = func(bool) { panic(errStopped) }
		for _, stop := range stops {
			stop()
		}
		invariants.Hook = nil
	}
}

var errStopped = fmt.Errorf("stopped")

func (r *run) entry(key, hash, value uint64) *entry {
	e := &entry{hash: hash, words: word(key)}
	e.value.Store(boxed(value))
	r.ids[e] = uint64(len(r.ids) + 1)
	return e
}

// values are what boxed points into: the number of a value is its address.
var values [16]byte

func boxed(v uint64) *byte { return &values[v] }
func unboxed(p *byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(p)) - uintptr(unsafe.Pointer(&values)))
}

// work is what the coroutine of goroutine i does.
func (w *worker) work(i int) {
	r := w.run
	for n, op := range w.ops {
		if n > 0 {
			w.edge(false)
		}
		result := uint8(0)
		if op != "x" && op != "n" {
			r.spec.begin(i, op)
		}
		switch op[0] {
		case 's':
			e := r.entry(theKey, theHash, uint64(op[1]-'0'))
			e.hits.Store(uint32(i)<<8 | uint32(n)) // names the entry whatever the schedule
			w.call(n, e)
			if there, _ := r.x.link(e, nil); there != nil {
				w.edge(false)
				there.value.Store(e.value.Load())
			}
		case 'd', 'e':
			if e := r.x.find(theHash, word(uint64(theKey))); e != nil {
				w.edge(false)
				w.call(n, e)
				left := leftover{}
				if op == "e" {
					left = leftover{mark: newMark(theHash, 1), window: 1}
				}
				r.x.unlink(e, left)
			}
		case 'g':
			if e := r.x.find(theHash, word(uint64(theKey))); e != nil {
				w.edge(false)
				result = uint8(unboxed(e.value.Load()))
			}
		case 'x':
			w.call(n, r.filler)
			r.x.unlink(r.filler, leftover{})
		case 'n':
			e := r.entry(200, 0x31<<56, 0)
			e.hits.Store(uint32(i)<<8 | uint32(n))
			w.call(n, e)
			r.x.link(e, nil)
		}
		if op != "x" && op != "n" {
			r.spec.end(i, result)
		}
	}
}

// call notes the state in which a call to link or unlink begins: when one gives
// up and begins anew, it knows no more than then.
func (w *worker) call(n int, e *entry) {
	w.base = mix(uint64(n+1), uint64(e.hits.Load())<<32|uint64(unboxed(e.value.Load())))
	w.trace = w.base
}

// edge ends a step.
func (w *worker) edge(waits bool) {
	if !w.yield(waits) {
		panic(errStopped)
	}
}

// memory is the content of the buckets, entries by name and with their values.
func (r *run) memory() string {
	var b []byte
	for i := range r.x.mask + 1 {
		bucket := r.x.bucket(i, 0)
		b = binary.AppendUvarint(b, bucket.word.Load())
		b = binary.AppendUvarint(b, uint64(bucket.marks))
		for s := range bucket.slot {
			if e := bucket.slot[s].Load(); parked(e) != 0 {
				b = binary.LittleEndian.AppendUint16(append(b, 2), uint16(parked(e)))
			} else if e != nil {
				b = append(b, 1, byte(e.a), byte(e.hits.Load()), byte(e.hits.Load()>>8), byte(unboxed(e.value.Load()))+1)
			} else {
				b = append(b, 0)
			}
		}
	}
	return string(b)
}

// advance lets worker i make a step.
func (r *run) advance(i int) {
	w := r.workers[i]
	w.waiting = ""
	w.trace = mix(w.trace, maphash.String(seed, r.memory()))
	r.now = w
	waits, more := w.step()
	w.done = !more
	if waits && more {
		w.waiting = r.memory()
		w.trace = w.base
	}
}

var seed = maphash.MakeSeed()

func mix(a, b uint64) uint64 { return fold(a^golden, b^0x8ebc6af09c88c6e3) + 1 }

// ready lists the workers that can step.
func (r *run) ready() (ready []int) {
	memory := r.memory()
	for i, w := range r.workers {
		if !w.done && w.waiting != memory {
			ready = append(ready, i)
		}
	}
	return ready
}

// state identifies where the run stands.
func (r *run) state() string {
	b := []byte(r.memory())
	for _, w := range r.workers {
		b = binary.LittleEndian.AppendUint64(b, w.trace)
		if b = append(b, 0); w.done {
			b[len(b)-1] = 1
		} else if w.waiting != "" {
			b[len(b)-1] = 2
		}
	}
	return string(b) + r.spec.key()
}

// explore follows every schedule, depth first: it starts anew for every branch,
// as coroutines cannot be copied.
func (s *scenario) explore(t *testing.T) (states, ends int) {
	seen := make(map[string]bool)
	pending := [][]int{nil}
	for len(pending) > 0 {
		path := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		r, stop := s.start()
		for _, i := range path {
			r.advance(i)
		}
		for {
			if len(r.spec.allowed) == 0 {
				t.Fatalf("not linearizable: goroutine by step %v of %q", path, s.goroutines)
			}
			key := r.state()
			if seen[key] {
				break
			}
			seen[key] = true
			ready := r.ready()
			if len(ready) == 0 {
				ends++
				if err := r.atEnd(); err != nil {
					t.Fatalf("%v: goroutine by step %v of %q", err, path, s.goroutines)
				}
				break
			}
			for _, i := range ready[1:] {
				pending = append(pending, append(slices.Clone(path), i))
			}
			path = append(path, ready[0])
			r.advance(ready[0])
		}
		stop()
	}
	return len(seen), ends
}

// atEnd checks what must hold when all have ended.
func (r *run) atEnd() error {
	for i, w := range r.workers {
		if !w.done {
			return fmt.Errorf("goroutine %d waits for ever", i)
		}
	}
	var passed [2]uint64
	for i := range uint64(2) {
		b := r.x.bucket(i, 0)
		if b.word.Load()&busy != 0 {
			return fmt.Errorf("bucket %d is busy", i)
		}
		for k := range b.slot {
			e := b.slot[k].Load()
			if parked(e) != 0 {
				e = nil
			}
			if tag := b.word.Load() >> (8 * (k + 1)) & 0xff; (e == nil) != (tag == 0) || e != nil && tag != tagOf(e.hash) {
				return fmt.Errorf("bucket %d, slot %d has the tag %#x for %v", i, k, tag, e)
			}
			if e != nil && i == 1 {
				passed[0]++
			}
		}
	}
	for i, want := range passed {
		if got := r.x.bucket(uint64(i), 0).word.Load() & overflow; got != want {
			return fmt.Errorf("%d passed by bucket %d, %d are counted", want, i, got)
		}
	}
	return nil
}

// monitor follows a register's history: allowed is every pair of its value and
// of what pending operations have done, that some order of those explains.
type monitor struct {
	ops     [4]string
	allowed map[config]bool
}

type config struct {
	value uint8
	did   [4]uint8 // by goroutine: nothing, pending, or taken effect with a result
}

const (
	nothing uint8 = iota
	pendingOp
	effect // + what a Get has seen
)

func newMonitor(value uint8) monitor {
	return monitor{allowed: map[config]bool{{value: value}: true}}
}

func (m *monitor) begin(i int, op string) {
	m.ops[i] = op
	next := make(map[config]bool)
	for c := range m.allowed {
		c.did[i] = pendingOp
		next[c] = true
	}
	m.allowed = next
}

// end keeps what explains that goroutine i's operation returned this.
func (m *monitor) end(i int, result uint8) {
	todo := slices.Collect(maps.Keys(m.allowed))
	for len(todo) > 0 {
		c := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for j, did := range c.did {
			if did != pendingOp {
				continue
			}
			then := c
			then.did[j] = effect
			switch op := m.ops[j]; op[0] {
			case 's':
				then.value = op[1] - '0'
			case 'd', 'e':
				then.value = absentV
			case 'g':
				then.did[j] += c.value
			}
			if !m.allowed[then] {
				m.allowed[then] = true
				todo = append(todo, then)
			}
		}
	}
	next := make(map[config]bool)
	for c := range m.allowed {
		if c.did[i] == effect+result {
			c.did[i] = nothing
			next[c] = true
		}
	}
	m.allowed = next
}

func (m *monitor) key() string {
	var keys []string
	for c := range m.allowed {
		keys = append(keys, string(append([]byte{c.value}, c.did[:]...)))
	}
	slices.Sort(keys)
	return strings.Join(keys, "")
}
