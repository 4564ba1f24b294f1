package account

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

func procsLabel(n int) string { return fmt.Sprintf("gomaxprocs=%d", n) }

// write writes what was stitched into the account.
func (s *stitcher) write(a *Account, log *SwitchLog) {
	a.Origin = s.origin
	a.Duration = time.Duration(s.end - s.origin)
	a.Events = s.events
	if s.odd > 0 {
		a.Lost.Events = s.odd
		a.Lost.add(fmt.Sprintf("%d events contradict others", s.odd))
	}
	if s.crowded {
		a.Lost.add(fmt.Sprintf("more windows than the %d that are told apart for %d Ps: the last one holds what follows", len(s.windows), s.most))
	}
	if log != nil && log.Lost > 0 {
		a.Lost.add(fmt.Sprintf("the kernel dropped %d switch records", log.Lost))
	}
	total := newBook(s.origin)
	total.end = s.end
	same := func(i int32) int32 { return i }
	for _, b := range s.windows {
		a.Windows = append(a.Windows, s.window(b))
		total.add(b, same, func(i uint64) uint64 { return i })
		total.procs.add(b.procs.min)
		total.procs.add(b.procs.max)
		total.capacity += b.capacity
		for k, d := range b.charged {
			total.charged[k] += d
		}
	}
	a.Total = s.window(total)
	a.Samples = len(a.Total.CPU) > 0
	if s.world.grid != nil {
		a.Timeline = s.world.grid.timeline(s.origin, s.lanes)
	}
}

// window makes a book readable.
func (s *stitcher) window(b *book) Window {
	w := Window{
		Label: b.label, Start: time.Duration(b.start - s.origin), End: time.Duration(b.end - s.origin),
		MinProcs: b.procs.min, MaxProcs: b.procs.max, Capacity: time.Duration(b.capacity),
		PerP: b.parts, WakeToRun: b.wake,
		Goroutines: Goroutines{
			Running: time.Duration(b.g[gRunning]), Runnable: time.Duration(b.g[gRunnable]),
			Syscall: time.Duration(b.g[gSyscall] + b.g[gSyscallOut]), Waiting: time.Duration(b.g[gWaiting]),
			Created: b.created, Exited: b.exited,
		},
	}
	for p := range b.parts {
		for st, d := range b.parts[p] {
			w.Parts[st] += d
		}
	}
	w.Residual = w.Capacity - w.Parts.Total()
	for _, c := range s.cpus {
		w.Threads += time.Duration(c.overlap(b.start, b.end))
	}
	s.addSites(&w, b)
	s.addSamples(&w, b)
	return w
}

// addSites adds everything by site.
func (s *stitcher) addSites(w *Window, b *book) {
	waits := make(map[Reason]*Wait)
	for i := range b.sites {
		from := &b.sites[i]
		if from.wait == 0 && from.waits == 0 && from.parked == 0 {
			continue
		}
		k := s.names.sites[i]
		site := Site{
			Reason: k.reason, Stack: s.names.stacks[k.stack], Wait: time.Duration(from.wait), Waits: from.waits,
			MaxWait: time.Duration(from.maxWait), Parked: from.parked, Charged: time.Duration(from.charged),
			Handoffs: from.handoffs, Apparatus: s.names.apparatus[i],
		}
		if isLock(k.reason) {
			site.Barging = from.waits - from.handoffs
		}
		from.eachReleaser(func(stack uint64, n int64) {
			site.Releasers = append(site.Releasers, Releaser{s.names.stacks[stack], n})
		})
		slices.SortFunc(site.Releasers, func(x, y Releaser) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), x.Stack.compare(y.Stack))
		})
		w.Sites = append(w.Sites, site)
		if from.charged > 0 {
			w.Causes = append(w.Causes, Cause{Blocked, k.reason, site.Stack, site.Charged})
		}
		sum := waits[k.reason]
		if sum == nil {
			sum = &Wait{Reason: k.reason}
			waits[k.reason] = sum
		}
		sum.Time += site.Wait
		sum.Count += site.Waits
		sum.Parked += site.Parked
	}
	for _, kind := range []CauseKind{WakeUp, NoWork} {
		if d := b.charged[kind]; d > 0 {
			w.Causes = append(w.Causes, Cause{Kind: kind, Time: time.Duration(d)})
		}
	}
	for _, sum := range waits {
		w.Waits = append(w.Waits, *sum)
	}
	slices.SortFunc(w.Waits, func(x, y Wait) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(y.Parked, x.Parked), cmp.Compare(x.Reason, y.Reason))
	})
	slices.SortFunc(w.Sites, func(x, y Site) int {
		return cmp.Or(cmp.Compare(y.Charged, x.Charged), cmp.Compare(y.Wait, x.Wait), cmp.Compare(y.Waits, x.Waits),
			cmp.Compare(x.Reason, y.Reason), x.Stack.compare(y.Stack))
	})
	slices.SortFunc(w.Causes, func(x, y Cause) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Reason, y.Reason), x.Stack.compare(y.Stack))
	})
}

// maxSampleStacks bounds CPU.Stacks.
const maxSampleStacks = 20

// addSamples adds the CPU-profile samples by kind.
func (s *stitcher) addSamples(w *Window, b *book) {
	var kinds [NumCPUKinds]CPU
	var all int64
	for k, n := range b.samples {
		c := &kinds[k.kind]
		c.Samples += n
		c.Stacks = append(c.Stacks, StackCount{s.names.stacks[k.stack], n})
		all += n
	}
	for k := range kinds {
		c := &kinds[k]
		if c.Samples == 0 {
			continue
		}
		c.Kind, c.Share = CPUKind(k), float64(c.Samples)/float64(all)
		slices.SortFunc(c.Stacks, func(x, y StackCount) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), x.Stack.compare(y.Stack))
		})
		c.Stacks = c.Stacks[:min(len(c.Stacks), maxSampleStacks)]
		w.CPU = append(w.CPU, *c)
	}
}

// compare orders stacks, so that the same trace always gives the same lists.
func (s Stack) compare(o Stack) int {
	return slices.CompareFunc(s, o, func(x, y Frame) int {
		return cmp.Or(cmp.Compare(x.Func, y.Func), cmp.Compare(x.Line, y.Line), cmp.Compare(x.PC, y.PC))
	})
}
