package host

import (
	"strconv"
	"strings"
	"time"
)

// Interference is what kept this process from its CPUs through no fault of its
// own, as counters since boot; the difference of two is what a window saw.
type Interference struct {
	// Steal is CPU time that the hypervisor gave to other guests while our
	// CPUs wanted to run, summed over the CPUs of the affinity mask, in
	// steps of 10 ms per CPU (/proc/stat counts in ticks of 1/100 s).
	Steal time.Duration `json:"steal"`
	// Throttled is the time for which the kernel held our cgroups back
	// because a CPU quota was used up, and Throttles in how many periods.
	// Both are summed over the cgroups that have a quota; the kernel sums
	// the time over CPUs too, so it can exceed the wall time.
	Throttled time.Duration `json:"throttled"`
	Throttles int64         `json:"throttles"`
	// Pressure is the time in which at least one runnable thread of the
	// whole host waited for a CPU (PSI, /proc/pressure/cpu): this process's
	// own threads included.
	Pressure time.Duration `json:"pressure"`
}

// Interference reads the counters. What the host does not count is 0, and so is
// everything for facts that [Read] did not make (decoded from JSON, say). It
// costs a tenth of a millisecond, more on large hosts: read it outside of the
// timed window, at both ends.
func (f *Facts) Interference() Interference {
	t := f.tree()
	i := Interference{
		Steal:    t.steal(f.CPUs),
		Pressure: t.pressure(),
	}
	for _, q := range f.Quotas {
		throttled, times := t.throttled(strings.TrimPrefix(q.Dir, "/") + "/cpu.stat")
		i.Throttled += throttled
		i.Throttles += times
	}
	return i
}

// Sub is what happened between before and i.
func (i Interference) Sub(before Interference) Interference {
	return Interference{
		Steal:     i.Steal - before.Steal,
		Throttled: i.Throttled - before.Throttled,
		Throttles: i.Throttles - before.Throttles,
		Pressure:  i.Pressure - before.Pressure,
	}
}

// tick is the unit of /proc/stat: USER_HZ is 100 on every architecture that Go
// runs Linux on.
const tick = 10 * time.Millisecond

// The columns of a "cpuN" line of /proc/stat, after the name; proc_stat(5).
const (
	statIdle   = 3
	statIOWait = 4
	statSteal  = 7
	statGuest  = 8 // from here on, time that is in other columns already
)

// stat calls f with the columns of each of the CPUs' lines in /proc/stat.
func (t tree) stat(cpus []CPU, f func(columns []time.Duration)) {
	wanted := make(map[string]bool, len(cpus))
	for _, c := range cpus {
		wanted["cpu"+strconv.Itoa(c.ID)] = true
	}
	for line := range strings.Lines(t.text("proc/stat")) {
		if !strings.HasPrefix(line, "cpu") {
			break // they come first
		}
		fields := strings.Fields(line)
		if !wanted[fields[0]] {
			continue
		}
		columns := make([]time.Duration, len(fields)-1)
		for i, s := range fields[1:] {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < 0 || n > int64(1<<63-1)/int64(tick) {
				n = 0
			}
			columns[i] = time.Duration(n) * tick
		}
		f(columns)
	}
}

func (t tree) steal(cpus []CPU) (total time.Duration) {
	t.stat(cpus, func(columns []time.Duration) {
		if len(columns) > statSteal {
			total += columns[statSteal]
		}
	})
	return total
}

// throttled reads a cgroup's cpu.stat: throttled_usec in version 2,
// throttled_time in nanoseconds in version 1.
func (t tree) throttled(file string) (total time.Duration, times int64) {
	for line := range strings.Lines(t.text(file)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > 1<<53 {
			continue
		}
		switch key {
		case "nr_throttled":
			times = n
		case "throttled_usec":
			total = time.Duration(n) * time.Microsecond
		case "throttled_time":
			total = time.Duration(n)
		}
	}
	return total, times
}

// pressure is the total of the line "some avg10=0.92 … total=23451803", in
// microseconds.
func (t tree) pressure() time.Duration {
	for line := range strings.Lines(t.text("proc/pressure/cpu")) {
		_, total, ok := strings.Cut(strings.TrimSpace(line), "total=")
		n, err := strconv.ParseInt(total, 10, 64)
		if ok && strings.HasPrefix(line, "some ") && err == nil && n >= 0 && n < 1<<53 {
			return time.Duration(n) * time.Microsecond
		}
	}
	return 0
}
