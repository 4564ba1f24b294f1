package load

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// threads reads what the kernel knows of this process's threads, and of the hypervisor. The files stay
// open: to open one takes longer than to read it.
type threads struct {
	known map[string]*thread
	stat  *os.File
	stole time.Duration
	reads int
	buf   [4096]byte
}

type thread struct {
	schedstat, stat *os.File
	queued          time.Duration
	cpu             int
}

// rescan is how many readings threads that were begun since then may stay unknown.
const rescan = 10

func openThreads() *threads {
	t := &threads{known: map[string]*thread{}}
	t.stat, _ = os.Open("/proc/stat") // nil reads nothing
	return t
}

func (t *threads) close() {
	for _, x := range t.known {
		x.close()
	}
	_ = t.stat.Close()
}

func (x *thread) close() {
	_ = x.schedstat.Close()
	_ = x.stat.Close()
}

// read is what happened since the reading before.
func (t *threads) read() map[Cause]time.Duration {
	found := map[Cause]time.Duration{}
	if t.reads%rescan == 0 {
		t.scan()
	}
	t.reads++
	for id, x := range t.known {
		queued, ok := t.queued(x)
		if !ok { // it has ended
			x.close()
			delete(t.known, id)
			continue
		}
		found[Queue] += queued - x.queued
		x.queued = queued
		if cpu := t.lastCPU(x); cpu != x.cpu {
			found[Moved]++
			x.cpu = cpu
		}
	}
	stole := t.stolen()
	found[Steal], t.stole = stole-t.stole, stole
	return found
}

// scan opens the files of threads that are new.
func (t *threads) scan() {
	list, _ := os.ReadDir("/proc/self/task")
	for _, e := range list {
		dir := "/proc/self/task/" + e.Name()
		if t.known[e.Name()] != nil {
			continue
		}
		x := new(thread)
		var err error
		if x.schedstat, err = os.Open(dir + "/schedstat"); err != nil {
			continue
		}
		x.stat, _ = os.Open(dir + "/stat")
		x.queued, _ = t.queued(x)
		x.cpu = t.lastCPU(x)
		t.known[e.Name()] = x
	}
}

func (t *threads) text(f *os.File) []byte {
	n, _ := f.ReadAt(t.buf[:], 0)
	return t.buf[:max(n, 0)]
}

// queued is the second number of schedstat: ns on a run queue.
func (t *threads) queued(x *thread) (time.Duration, bool) {
	f := bytes.Fields(t.text(x.schedstat))
	if len(f) < 2 {
		return 0, false
	}
	ns, err := strconv.ParseInt(string(f[1]), 10, 64)
	return time.Duration(ns), err == nil
}

// lastCPU is field 39 of stat, the 37th behind the name in brackets.
func (t *threads) lastCPU(x *thread) int {
	text := t.text(x.stat)
	f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(f) < 37 {
		return -1
	}
	cpu, _ := strconv.Atoi(string(f[36]))
	return cpu
}

// userHZ is the kernel's unit of time in /proc/stat on all architectures that Go runs on.
const userHZ = 100

// stolen is the eighth number of the first line of /proc/stat.
func (t *threads) stolen() time.Duration {
	line, _, _ := bytes.Cut(t.text(t.stat), []byte("\n"))
	f := bytes.Fields(line)
	if len(f) < 9 {
		return 0
	}
	ticks, _ := strconv.ParseInt(string(f[8]), 10, 64)
	return time.Duration(ticks) * time.Second / userHZ
}
