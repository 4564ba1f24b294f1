package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Schedstat sums what the kernel's scheduler counts for each thread of this
// process, in /proc/self/task/*/schedstat. The zero value is ready for use, by
// one goroutine at a time.
//
// The files of a thread vanish with it. Schedstat remembers what it last saw
// of every thread, so that the sums never fall; what a thread did between the
// last Read that saw it and its end is missing. Go's runtime keeps its threads,
// but for those that end together with a goroutine locked to them.
type Schedstat struct {
	root   fs.FS             // the host's root; nil is the real one
	last   map[int]SchedTime // by thread id
	exited SchedTime         // sum over the threads that are gone
}

// SchedTime is time that threads spent on CPUs and runnable but waiting for
// one. The kernel adds a wait when it ends and refreshes the CPU time of
// running threads at its timer tick, so each running thread's lags by up to
// one tick (1 to 10 ms).
type SchedTime struct {
	CPU, Wait time.Duration
}

// Sub is what happened between before and t.
func (t SchedTime) Sub(before SchedTime) SchedTime {
	return SchedTime{t.CPU - before.CPU, t.Wait - before.Wait}
}

func (t SchedTime) add(u SchedTime) SchedTime { return SchedTime{t.CPU + u.CPU, t.Wait + u.Wait} }

// Read returns the sums since the process started, or since the first Read for
// threads that had ended by then. It costs about 5 µs for each thread. It fails
// where there is no schedstat: other systems, hidden /proc, kernels without
// CONFIG_SCHED_INFO; the error then wraps [fs.ErrNotExist] or
// [fs.ErrPermission].
func (s *Schedstat) Read() (SchedTime, error) {
	if s.root == nil {
		s.root = os.DirFS("/")
	}
	const tasks = "proc/self/task"
	threads, err := fs.ReadDir(s.root, tasks)
	if err != nil {
		return SchedTime{}, fmt.Errorf("read the threads' run-queue waits: %w", err)
	}
	now := make(map[int]SchedTime, len(threads))
	sum := SchedTime{}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		file := tasks + "/" + thread.Name() + "/schedstat"
		text, err := fs.ReadFile(s.root, file)
		if errors.Is(err, fs.ErrNotExist) && len(threads) > 1 {
			continue // it ended just now
		}
		if err != nil {
			return SchedTime{}, fmt.Errorf("read a thread's run-queue wait: %w", err)
		}
		if now[id], err = parseSchedstat(string(text)); err != nil {
			return SchedTime{}, fmt.Errorf("/%s: %w", file, err)
		}
		sum = sum.add(now[id])
	}
	if len(now) == 0 {
		return SchedTime{}, fmt.Errorf("/%s/*/schedstat: %w", tasks, fs.ErrNotExist)
	}
	for id, was := range s.last {
		// A smaller number is another thread under the same id.
		if is, alive := now[id]; !alive || is.CPU < was.CPU || is.Wait < was.Wait {
			s.exited = s.exited.add(was)
		}
	}
	s.last = now
	return sum.add(s.exited), nil
}

// parseSchedstat reads "on-CPU ns, run-queue wait ns, number of time slices".
func parseSchedstat(text string) (SchedTime, error) {
	fields := strings.Fields(text)
	if len(fields) >= 2 {
		cpu, err := strconv.ParseInt(fields[0], 10, 64)
		wait, err2 := strconv.ParseInt(fields[1], 10, 64)
		if err == nil && err2 == nil && cpu >= 0 && wait >= 0 {
			return SchedTime{time.Duration(cpu), time.Duration(wait)}, nil
		}
	}
	return SchedTime{}, fmt.Errorf("%q is not a schedstat line (CPU and wait in nanoseconds)", clean(text))
}
