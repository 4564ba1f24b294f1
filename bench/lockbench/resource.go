package lockbench

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// resource is what the locks guard: one number for each lock, which critical
// sections read and write back increased by one. It can refuse accesses under a
// token that is older than one that it has seen.
//
// It is memory that all processes of a cell share: a round trip to another process
// would cost more than many locks do. An access is a record that never changes once
// it is the last one of its lock, which it becomes by one compare-and-swap. So who
// is stopped or killed within an access holds nobody up, and the records of a lock,
// each of which names the one before it, are what happened to it, in order.
type resource struct {
	*sharedMemory
	path     string
	stop     chan struct{}
	watchers sync.WaitGroup
}

// sharedMemory is one process's view of the resource.
type sharedMemory struct {
	bytes   []byte
	header  *header
	heads   []head
	records []record
}

// header begins the memory. No two of its users' fields share a cache line.
type header struct {
	next  atomic.Uint64 // the first record that no client has taken
	fence uint64        // 1 if it refuses old tokens; never changes
	_     [cacheLine - 16]byte
}

// head is one lock's: its last record, 0 if there is none yet.
type head struct {
	last atomic.Uint64
	_    [cacheLine - 8]byte
}

// record is one access and what it led to.
type record struct {
	t      int64 // before it took effect, and after all before it
	op     int64
	client int32
	what   accessKind
	kind   history.Kind
	token  uint64
	value  int64  // what was read or written, or would have been
	number int64  // what the lock guards from here on
	seen   uint64 // the highest ordered token so far
	before uint64 // the lock's record before this one
}

const cacheLine = 64

// accessKind is what a record stands for.
type accessKind byte

const (
	readAccess accessKind = iota
	writeAccess
	refusedAccess
)

var accessWords = [...]history.What{readAccess: history.Read, writeAccess: history.Write, refusedAccess: history.Rejected}

const (
	// mostRecords is the room for accesses. The file is sparse: what is not used
	// takes address space only, of which 32 bits have little.
	mostRecords = 1 << (20 + 6*(^uint(0)>>63))
	// atOnce is how many records a client takes for itself.
	atOnce = 64
)

// request is one access.
type request struct {
	what   accessKind // readAccess or writeAccess
	client int
	op     int
	lock   int
	token  history.Token
	value  int64
}

func newResource(path string, locks int, fence bool) (*resource, error) {
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(int64(memorySize(locks)))
		_ = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("the shared resource: %w", err)
	}
	m, err := openMemory(path, locks)
	if err != nil {
		return nil, err
	}
	m.header.next.Store(1) // 0 is no record
	if fence {
		m.header.fence = 1
	}
	return &resource{sharedMemory: m, path: path, stop: make(chan struct{})}, nil
}

func memorySize(locks int) uintptr {
	return unsafe.Sizeof(header{}) + uintptr(locks)*unsafe.Sizeof(head{}) + mostRecords*unsafe.Sizeof(record{})
}

func openMemory(path string, locks int) (*sharedMemory, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("the shared resource: %w", err)
	}
	defer f.Close()
	b, err := mapShared(f, memorySize(locks))
	if err != nil {
		return nil, fmt.Errorf("the shared resource: %s: %w", path, err)
	}
	heads := unsafe.Add(unsafe.Pointer(&b[0]), unsafe.Sizeof(header{}))
	records := unsafe.Add(heads, uintptr(locks)*unsafe.Sizeof(head{}))
	return &sharedMemory{
		bytes: b, header: (*header)(unsafe.Pointer(&b[0])),
		heads: unsafe.Slice((*head)(heads), locks), records: unsafe.Slice((*record)(records), mostRecords),
	}, nil
}

func (r *resource) close() error {
	close(r.stop)
	r.watchers.Wait()
	return unmapShared(r.bytes)
}

// since are the records of a lock after the given one, the last one first.
func (m *sharedMemory) since(lock int, first uint64) (list []*record) {
	for at := m.heads[lock].last.Load(); at != first; at = m.records[at].before {
		list = append(list, &m.records[at])
	}
	return list
}

// watchEvery is how often a lock is looked at that somebody waits for.
const watchEvery = time.Millisecond

// await returns a channel that is closed soon after the next access to a lock by
// another client than the given one.
func (r *resource) await(lock, client int) <-chan struct{} {
	from, touched := r.heads[lock].last.Load(), make(chan struct{})
	r.watchers.Go(func() {
		for ticker := time.NewTicker(watchEvery); ; {
			if slices.ContainsFunc(r.since(lock, from), func(a *record) bool { return int(a.client) != client }) {
				close(touched)
				return
			}
			select {
			case <-ticker.C:
			case <-r.stop:
				return
			}
		}
	})
	return touched
}

// events are all accesses so far, those of each lock in their order.
func (r *resource) events() (list []history.Event) {
	for lock := range r.heads {
		for _, a := range slices.Backward(r.since(lock, 0)) {
			list = append(list, history.Event{
				T: a.t, Client: int(a.client), Op: int(a.op), What: accessWords[a.what], Lock: lock,
				Token: history.Token{Kind: a.kind, Value: a.token}, Value: a.value,
			})
		}
	}
	return list
}

// accessor is a client's access to the resource.
type accessor struct {
	*sharedMemory
	next, end uint64 // records that are its own
}

// do reads or writes a number; ok is false if the token is too old. Reading
// counts as having been seen, so that an old holder cannot write between a new
// one's reading and writing.
func (a *accessor) do(q request) (value int64, ok bool, err error) {
	if a.next == a.end {
		a.next = a.header.next.Add(atOnce) - atOnce
		a.end = a.next + atOnce
	}
	if a.end > mostRecords {
		return 0, false, fmt.Errorf("the shared resource has room for %d accesses: take a shorter --time", uint64(mostRecords))
	}
	at, head := a.next, &a.heads[q.lock].last
	r := &a.records[at]
	for {
		last := head.Load()
		ok = a.decide(r, q, last)
		if head.CompareAndSwap(last, at) {
			a.next++
			return r.number, ok, nil
		}
	}
}

// decide makes r the outcome of an access after the given record.
func (a *accessor) decide(r *record, q request, last uint64) (ok bool) {
	var before record
	if last > 0 {
		before = a.records[last]
	}
	*r = record{
		t: history.Now(), op: int64(q.op), client: int32(q.client), what: q.what, kind: q.token.Kind, token: q.token.Value,
		value: q.value, number: before.number, seen: before.seen, before: last,
	}
	ordered := q.token.Kind == history.Ordered
	if ordered && q.token.Value < before.seen && a.header.fence == 1 {
		r.what = refusedAccess
		return false
	}
	if ordered {
		r.seen = max(r.seen, q.token.Value)
	}
	if q.what == writeAccess {
		r.number = q.value
	} else {
		r.value = r.number
	}
	return true
}
