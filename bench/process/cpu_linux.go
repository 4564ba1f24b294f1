package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time that a live process and its descendants have used, those
// that have ended included.
func CPUTime(pid int) (time.Duration, bool) {
	own, ok := clock(pid)
	if !ok {
		return 0, false
	}
	ended, children := relatives()
	sum := own + ended[pid]
	for list := children[pid]; len(list) > 0; {
		next := list[0]
		own, _ := clock(next) // 0 if it ended just now
		sum += own + ended[next]
		list = append(list[1:], children[next]...)
	}
	return sum, true
}

// clock is the CPU time of one live process, all its threads together. The clock of
// another process is told by its number: see clock_getcpuclockid(3) and
// CPUCLOCK_SCHED in the kernel's posix-timers_types.h.
func clock(pid int) (time.Duration, bool) {
	const sched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|sched, &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// tick is the unit of times in /proc: the kernel shows them with 100 a second,
// whatever it counts by itself.
const tick = time.Second / 100

// relatives are all processes by their parents, and the CPU time of those that each
// has had and that have ended, from the fields of /proc/PID/stat in proc(5): 4 ppid,
// 16 cutime, 17 cstime.
func relatives() (ended map[int]time.Duration, children map[int][]int) {
	ended, children = map[int]time.Duration{}, map[int][]int{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		name := bytes.LastIndexByte(text, ')') // field 2, which may hold anything
		f := bytes.Fields(text[name+1:])
		if len(f) < 15 {
			continue
		}
		field := func(n int) int {
			v, _ := strconv.Atoi(string(f[n-3]))
			return v
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		children[field(4)] = append(children[field(4)], pid)
		ended[pid] = time.Duration(field(16)+field(17)) * tick
	}
	return ended, children
}
