package record

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/contend-go/contend/traces/account"
)

// Switches is what a switches file tells: which thread of a process was on a
// CPU when. Times are nanoseconds of CLOCK_MONOTONIC, the clock of Go's traces
// on Linux; a thread's id is the id of its M in the trace.
type Switches struct {
	PID        int
	CPUs       int // that the process could use, by its affinity mask
	Start, End int64

	// Log is every switch; nil where the kernel refused to tell, and then
	// Refused says why.
	Log     *account.SwitchLog
	Refused string

	// Broken is how the file broke off, nil if it is complete. What was read
	// before is here.
	Broken error

	// Clocks are the threads' CPU clocks at some moments: at the start, the
	// end, every mark and both ends of every trace. In order of time.
	Clocks []Clocks

	// Waited is how long all threads together were runnable without a CPU
	// between start and end, in nanoseconds; 0 where the file broke off.
	Waited int64

	queue map[int32]int64 // of the first queue frame
}

// Clocks is every thread's CPU clock at one moment.
type Clocks struct {
	Time    int64           // ns
	Threads map[int32]int64 // CPU time since the start of the thread, ns
}

// Since is the CPU time of all threads together since an earlier moment, in
// nanoseconds. A thread that has ended meanwhile is left out.
func (c *Clocks) Since(earlier *Clocks) int64 { return sumSince(c.Threads, earlier.Threads) }

func sumSince(now, before map[int32]int64) (sum int64) {
	for tid, ns := range now {
		sum += ns - before[tid]
	}
	return sum
}

// ReadSwitches reads a switches file. A file that breaks off is no error, but
// noted in Broken; the error is for what is no switches file at all.
func ReadSwitches(r io.Reader) (*Switches, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	magic := make([]byte, len(switchMagic))
	if _, err := io.ReadFull(br, magic); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if string(magic) != switchMagic {
		return nil, fmt.Errorf("no switches file: it does not start with %q", switchMagic)
	}
	s := &Switches{Log: &account.SwitchLog{}}
	for s.Broken == nil {
		kind, payload, err := readFrame(br)
		if err == io.EOF && s.End > 0 {
			break
		}
		if err == io.EOF {
			err = errTruncated
		}
		if s.Broken = err; err == nil {
			s.Broken = s.frame(kind, &frameReader{b: payload, pid: int32(s.PID)})
		}
	}
	s.finish()
	return s, nil
}

// frame takes in one frame.
func (s *Switches) frame(kind byte, f *frameReader) error {
	switch kind {
	case frameHeader:
		s.PID, s.Start, s.CPUs = int(f.uint()), f.nanos(), int(f.uint())
		s.Refused = string(f.b)
	case frameSwitches:
		cpu, at := int32(f.uint()), f.nanos()
		for len(f.b) > 0 {
			v, tid := f.uint(), f.tid()
			if at += int64(v >> 2); at < 0 || f.err != nil {
				return errMalformed
			}
			s.Log.Records = append(s.Log.Records, account.Switch{At: at, TID: tid, CPU: cpu, In: action(v&3) == switchedIn})
		}
	case frameClocks:
		at, clocks := f.nanos(), f.threads()
		if f.err == nil {
			s.Clocks = append(s.Clocks, Clocks{at, clocks})
		}
	case frameQueue:
		f.nanos() // the time
		queue := f.threads()
		if s.queue == nil {
			s.queue = queue
		}
		s.Waited = sumSince(queue, s.queue)
	case frameLost:
		f.uint() // the CPU
		s.Log.Lost += f.uint()
	case frameEnd:
		s.End = f.nanos()
	}
	return f.err
}

// finish brings the records into the order and the completeness that
// account.SwitchLog promises.
func (s *Switches) finish() {
	recs := s.Log.Records
	slices.SortStableFunc(recs, func(a, b account.Switch) int { return cmp.Compare(a.At, b.At) })
	if s.End == 0 { // it broke off: what is the last that was seen?
		s.End = s.Start
		if n := len(recs); n > 0 {
			s.End = max(s.End, recs[n-1].At)
		}
		if n := len(s.Clocks); n > 0 {
			s.End = max(s.End, s.Clocks[n-1].Time)
		}
	}
	if s.Refused != "" {
		s.Log = nil
		return
	}
	s.Log.From, s.Log.To = s.Start, s.End
	if n := len(s.Clocks); n > 1 {
		s.reconcile(&s.Clocks[0], &s.Clocks[n-1])
	}
}

// reconcile holds the records against the threads' own CPU clocks, read at both
// ends of the recording.
//
// A thread without a record ran all the time or not at all: its clock tells.
//
// The kernel charges a thread from the moment it is chosen to run, but writes
// the record when the switch is done. On a CPU that wakes from idle this lasts
// up to 20 µs, in virtual machines above all: 1% for threads that take short
// naps. What a thread's clock has more than its records is therefore spread
// over its switches, as far as the CPU and the thread were free before.
func (s *Switches) reconcile(first, last *Clocks) {
	seen, _ := onCPU(s.Log, first.Time, last.Time)
	var always []account.Switch
	for tid, clock := range last.Threads {
		if _, ok := seen[tid]; !ok && clock-first.Threads[tid] > (last.Time-first.Time)/2 {
			always = append(always, account.Switch{At: s.Start, TID: tid, CPU: -1, In: true})
		}
	}
	// What does not fit before one switch goes before the others in the next round.
	for range 4 {
		seen, ins := onCPU(s.Log, first.Time, last.Time)
		lag := map[int32]int64{}
		for tid, n := range ins {
			lag[tid] = min(max(last.Threads[tid]-first.Threads[tid]-seen[tid], 0)/n, maxLag)
		}
		s.bringForward(lag)
	}
	s.Log.Records = append(always, s.Log.Records...)
}

// bringForward moves every switch-in by its thread's lag, but not to before
// what came before it on its CPU and of its thread.
func (s *Switches) bringForward(lag map[int32]int64) {
	cpuFree, threadFree := map[int32]int64{}, map[int32]int64{}
	for i := range s.Log.Records {
		r := &s.Log.Records[i]
		at := r.At
		if r.In {
			r.At = max(r.At-lag[r.TID], cpuFree[r.CPU], threadFree[r.TID], s.Start)
		}
		cpuFree[r.CPU], threadFree[r.TID] = at, at
	}
	slices.SortStableFunc(s.Log.Records, func(a, b account.Switch) int { return cmp.Compare(a.At, b.At) })
}

// maxLag bounds what one round takes for the time to switch to a thread.
const maxLag = 20e3

// onCPU sums up each thread's time on CPUs between two moments, and counts how
// often it was switched in. Only threads with records are in the maps.
func onCPU(log *account.SwitchLog, from, to int64) (ns, ins map[int32]int64) {
	ns, ins = map[int32]int64{}, map[int32]int64{}
	on := map[int32]bool{}
	since := map[int32]int64{}
	add := func(tid int32, until int64) { ns[tid] += max(min(until, to)-max(since[tid], from), 0) }
	for _, r := range log.Records {
		was, known := on[r.TID]
		if !known { // before its first record a thread was in the other state
			was, since[r.TID] = !r.In, log.From
		}
		switch {
		case r.In && !was:
			since[r.TID] = r.At
			ins[r.TID]++
		case !r.In && was:
			add(r.TID, r.At)
		}
		on[r.TID] = r.In
	}
	for tid, running := range on {
		if running {
			add(tid, log.To)
		} else if _, ok := ns[tid]; !ok {
			ns[tid] = 0
		}
	}
	return ns, ins
}
