package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is the kernel's ring buffer of one CPU: the switch records of all our
// threads on it. The kernel writes the data and Data_head; we read up to that
// and publish Data_tail, which lets the kernel reuse the space.
type ring struct {
	cpu  int
	meta *unix.PerfEventMmapPage
	data []byte // a power of two long
	mem  []byte // the whole mapping: meta's page, then data
	buf  []byte // scratch for a record that wraps around the end of data
}

// rings are the open rings of all CPUs that the process may use.
type rings struct {
	cpus   []*ring
	owners []int          // per ring, the event descriptor that owns the mapping
	fds    []int          // every other event descriptor: one per thread and CPU
	seen   map[int]bool   // threads with events of their own
	set    int            // epoll descriptor: what to wait for, the owners
	poller *os.File       // set, in the runtime's poller
	recs   []switchRecord // scratch
}

// ringSize is the data of one ring. Unprivileged users may lock
// perf_event_mlock_kb (default 516) per CPU: 512 KB and one page.
const ringSize = 512 << 10

// switchEvent asks for a record at every context switch of a thread, and for
// nothing else: the dummy event counts nothing. exclude_kernel is what makes
// it lawful for an ordinary user at perf_event_paranoid=2. Records carry the
// thread and the time, in the clock of Go's traces; task adds thread ends,
// which have no switch record of their own.
var switchEvent = unix.PerfEventAttr{
	Type:        unix.PERF_TYPE_SOFTWARE,
	Config:      unix.PERF_COUNT_SW_DUMMY,
	Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
	Sample_type: unix.PERF_SAMPLE_TID | unix.PERF_SAMPLE_TIME,
	Bits: unix.PerfBitInherit | unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv | unix.PerfBitContextSwitch |
		unix.PerfBitTask | unix.PerfBitSampleIDAll | unix.PerfBitUseClockID |
		unix.PerfBitWatermark, // without a number: readers are woken when the ring is half full
	Clockid: unix.CLOCK_MONOTONIC,
}

// openRings starts switch records of all threads of the process, those to come
// included. The error says why the kernel refused.
func openRings() (*rings, error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	r := &rings{seen: map[int]bool{}}
	var err error
	if err = r.openEpoll(); err != nil {
		return nil, err
	}
	for cpu := range len(allowed) * 64 {
		if !allowed.IsSet(cpu) {
			continue
		}
		if err := r.openCPU(cpu); err != nil {
			r.close()
			return nil, err
		}
	}
	// A thread started by one that has events inherits them; one started by a
	// thread that we have not come to yet is in the next listing.
	for {
		tids, err := threads()
		if err != nil {
			r.close()
			return nil, err
		}
		fresh := false
		for _, tid := range tids {
			if !r.seen[tid] {
				r.seen[tid], fresh = true, true
				if err := r.openThread(tid); err != nil {
					r.close()
					return nil, err
				}
			}
		}
		if !fresh {
			return r, nil
		}
	}
}

// openEpoll makes the set of descriptors to wait for, which is itself in the runtime's poller. A
// thread that waits in a system call of its own keeps its P until the runtime notices, which
// can take 20 ms of a worker's time.
func (r *rings) openEpoll() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the runtime would not poll it
		_ = unix.Close(fd)
		return fmt.Errorf("epoll: %w", err)
	}
	r.set, r.poller = fd, os.NewFile(uintptr(fd), "perf rings")
	if err := r.poller.SetReadDeadline(time.Time{}); err != nil { // it is not in the poller
		r.wake()
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// openCPU maps the ring of one CPU. Its owner is an event on the calling
// thread alone, disabled: it only holds the mapping that others write to.
func (r *rings) openCPU(cpu int) error {
	attr := switchEvent
	attr.Bits |= unix.PerfBitDisabled
	attr.Bits &^= unix.PerfBitInherit
	fd, err := unix.PerfEventOpen(&attr, 0, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return refusal(err)
	}
	r.owners = append(r.owners, fd)
	// What the kernel wakes is the set, and with it the runtime's poller; which ring it was does not matter.
	if err := unix.EpollCtl(r.set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	page := os.Getpagesize()
	var mem []byte
	for size := ringSize; ; size /= 2 { // smaller where the user's allowance is used up
		mem, err = unix.Mmap(fd, 0, page+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err == nil {
			break
		}
		if size <= 8*page {
			return fmt.Errorf("mmap of a perf ring: %w (kernel.perf_event_mlock_kb used up?)", err)
		}
	}
	r.cpus = append(r.cpus, &ring{cpu: cpu, mem: mem, data: mem[page:], meta: (*unix.PerfEventMmapPage)(unsafe.Pointer(&mem[0]))})
	return nil
}

// openThread opens one event per CPU on a thread. An event that is inherited
// must be bound to a CPU, or it could not write to a ring.
func (r *rings) openThread(tid int) error {
	for i, ring := range r.cpus {
		fd, err := unix.PerfEventOpen(&switchEvent, tid, ring.cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if errors.Is(err, unix.ESRCH) {
			return nil // it ended meanwhile
		}
		if err != nil {
			return refusal(err)
		}
		r.fds = append(r.fds, fd)
		if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_OUTPUT, r.owners[i]); err != nil {
			return fmt.Errorf("perf: redirect to one ring per CPU: %w", err)
		}
	}
	return nil
}

// refusal explains an error of perf_event_open.
func refusal(err error) error {
	why := ""
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		b, _ := os.ReadFile("/proc/sys/kernel/perf_event_paranoid")
		level, e := strconv.Atoi(strings.TrimSpace(string(b)))
		switch {
		case e != nil:
			why = " (kernel.perf_event_paranoid is not readable: a container profile forbids it?)"
		case level > 2:
			why = fmt.Sprintf(" (kernel.perf_event_paranoid=%d; 2 or lower is needed)", level)
		default:
			why = fmt.Sprintf(" (kernel.perf_event_paranoid=%d would allow it: a container profile forbids it?)", level)
		}
	case errors.Is(err, unix.EMFILE):
		why = " (one descriptor per thread and CPU is needed: raise ulimit -n)"
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		why = " (this kernel has no such event)"
	}
	return fmt.Errorf("perf_event_open: %w%s", err, why)
}

// wait returns when a ring is half full, when wake was called, and at the latest
// after a time. Only the one that drains may call it.
func (r *rings) wait(atMost time.Duration) {
	conn, err := r.poller.SyscallConn()
	if err != nil || r.poller.SetReadDeadline(time.Now().Add(atMost)) != nil {
		return // woken
	}
	waited := false
	// A wake-up of the kernel before this call is forgotten by it, one after it is not:
	// between them is the look at the rings.
	_ = conn.Read(func(uintptr) bool {
		if waited || r.halfFull() {
			return true
		}
		waited = true
		return false
	})
}

func (r *rings) halfFull() bool {
	for _, ring := range r.cpus {
		if atomic.LoadUint64(&ring.meta.Data_head)-ring.meta.Data_tail >= uint64(len(ring.data)/2) {
			return true
		}
	}
	return false
}

// wake ends every wait from now on.
func (r *rings) wake() { _ = r.poller.Close() }

// drain moves what the rings hold into w.
func (r *rings) drain(w *switchWriter) {
	for _, ring := range r.cpus {
		var lost uint64
		r.recs, lost = ring.read(r.recs[:0])
		w.switches(ring.cpu, r.recs)
		if lost > 0 {
			w.lost(ring.cpu, lost)
		}
	}
}

// disable ends the recording: no record is written after it returns.
func (r *rings) disable() {
	for _, fd := range r.fds {
		// Cannot fail on an open event; inherited ones follow their parent.
		_ = unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_DISABLE, 0)
	}
}

func (r *rings) close() {
	for _, ring := range r.cpus {
		_ = unix.Munmap(ring.mem)
	}
	for _, fd := range append(r.fds, r.owners...) {
		_ = unix.Close(fd)
	}
	r.wake()
}

// Layout of the kernel's records, linux/perf_event.h. Each starts with
// {type u32, misc u16, size u16}; the trailer asked for is {pid, tid u32, time u64}.
const (
	perfHeader  = 8
	perfTrailer = 16
)

// read appends the ring's records to recs and frees their space.
func (r *ring) read(recs []switchRecord) (_ []switchRecord, lost uint64) {
	head := atomic.LoadUint64(&r.meta.Data_head) // acquires the records below it
	tail := r.meta.Data_tail                     // ours alone
	le := binary.NativeEndian
	for tail < head {
		h := r.at(tail, perfHeader)
		kind, misc, size := le.Uint32(h), le.Uint16(h[4:]), uint64(le.Uint16(h[6:]))
		if size < perfHeader || size > head-tail {
			break // not possible with a sound kernel; better no records than a loop
		}
		b := r.at(tail, size)
		tail += size
		if size < perfHeader+perfTrailer {
			continue
		}
		id := b[size-perfTrailer:]
		rec := switchRecord{tid: int32(le.Uint32(id[4:])), time: int64(le.Uint64(id[8:]))}
		switch kind {
		case unix.PERF_RECORD_SWITCH:
			switch {
			case misc&unix.PERF_RECORD_MISC_SWITCH_OUT == 0:
				rec.action = switchedIn
			case misc&unix.PERF_RECORD_MISC_SWITCH_OUT_PREEMPT != 0:
				rec.action = preempted
			default:
				rec.action = blocked
			}
		case unix.PERF_RECORD_EXIT: // {pid, ppid, tid, ptid u32, time u64}
			rec.action = exited
		case unix.PERF_RECORD_LOST: // {id, lost u64}
			lost += le.Uint64(b[perfHeader+8:])
			continue
		default:
			continue
		}
		recs = append(recs, rec)
	}
	atomic.StoreUint64(&r.meta.Data_tail, head) // releases: the kernel may overwrite from here
	return recs, lost
}

// at returns n bytes of the ring from a position, copied only where they wrap.
func (r *ring) at(pos, n uint64) []byte {
	i := pos & uint64(len(r.data)-1)
	if i+n <= uint64(len(r.data)) {
		return r.data[i : i+n]
	}
	r.buf = append(append(r.buf[:0], r.data[i:]...), r.data[:i+n-uint64(len(r.data))]...)
	return r.buf
}

// threads lists the thread ids of this process.
func threads() ([]int, error) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	tids := make([]int, 0, len(entries))
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

// threadClocks reads every thread's CPU clock, in nanoseconds: its CPU time, the
// slice that is running included. It is quick, as windows are measured by it.
func threadClocks() map[int32]int64 {
	tids, err := threads()
	if err != nil {
		return nil
	}
	clocks := make(map[int32]int64, len(tids))
	for _, tid := range tids {
		// CPUCLOCK_SCHED | CPUCLOCK_PERTHREAD, as clock_getcpuclockid(3) makes them.
		var ts unix.Timespec
		if unix.ClockGettime(int32(^tid<<3|6), &ts) == nil { // or it has ended meanwhile
			clocks[int32(tid)] = ts.Nano()
		}
	}
	return clocks
}

// threadQueues reads from schedstat how long every thread has been runnable
// without a CPU, in nanoseconds.
func threadQueues() map[int32]int64 {
	tids, err := threads()
	if err != nil {
		return nil
	}
	queues := make(map[int32]int64, len(tids))
	for _, tid := range tids {
		b, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(tid) + "/schedstat")
		if f := strings.Fields(string(b)); err == nil && len(f) == 3 {
			queues[int32(tid)], _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	return queues
}

// monotonic is the time in the clock of switch records and Go's traces.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return ts.Nano()
}
