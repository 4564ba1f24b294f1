package account

import (
	"cmp"
	"fmt"
	"math"
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
		a.Lost.add(fmt.Sprintf("more windows than the %d that are told apart for %d Ps: the last one holds what follows", len(s.books), s.most))
	}
	if log != nil && log.Lost > 0 {
		a.Lost.add(fmt.Sprintf("the kernel dropped %d switch records", log.Lost))
	}
	total := newBook(s.origin)
	total.end = s.end
	same := func(i int32) int32 { return i }
	for _, b := range s.books {
		a.Windows = append(a.Windows, s.window(b, false))
		total.add(b, same, func(i uint64) uint64 { return i })
		total.procs.add(b.procs.min)
		total.procs.add(b.procs.max)
		total.capacity += b.capacity
	}
	s.parkedThroughout(total)
	s.openWaits(a)
	a.GuessedProcs = s.guessed
	if s.holders != nil {
		a.SkippedHolds = s.holders.skipped
		total.charges = s.totalCharges()
	}
	a.Total = s.window(total, true)
	a.Samples = len(a.Total.CPU) > 0
	if s.world.grid != nil {
		a.Timeline = s.world.grid.timeline(s.origin, s.lanes)
	}
}

// window makes a book readable.
func (s *stitcher) window(b *book, total bool) Window {
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
	s.addSites(&w, b, total)
	s.addSamples(&w, b)
	return w
}

// totalCharges are those of all windows.
func (s *stitcher) totalCharges() *charges {
	t := &charges{serial: make(map[serialKey]int64)}
	for _, b := range s.books {
		for i := range b.charges.sites {
			x := b.charges.sites[i].round() // so that windows add up to the whole
			to := t.site(int32(i))
			to.blocked += float64(x.Blocked)
			to.wake += float64(x.WakeUp)
			to.switching += float64(x.Switching)
			to.inferred += float64(x.Inferred)
			to.syscall += int64(x.Syscall)
			to.stw += int64(x.Stopped)
			to.assist += b.charges.sites[i].assist
			to.ended += b.charges.sites[i].ended
			to.ran += b.charges.sites[i].ran
			to.yields += b.charges.sites[i].yields
		}
		t.noCPU += math.Round(b.charges.noCPU)
		t.noWork += math.Round(b.charges.noWork)
		for k, d := range b.charges.serial {
			t.serial[k] += d
		}
	}
	return t
}

// parkedThroughout counts the goroutines that were blocked all the time of the trace, instead of those of its windows.
func (s *stitcher) parkedThroughout(total *book) {
	for i := range total.sites {
		total.sites[i].parked = 0
	}
	for _, c := range s.gs {
		if (c.state == gWaiting || c.state == gSyscallOut) && c.since <= s.origin {
			total.site(c.site).parked++
		}
	}
}

// addSites adds everything by site.
func (s *stitcher) addSites(w *Window, b *book, total bool) {
	waits := make(map[Reason]*Wait)
	var charged []charge
	if b.charges != nil {
		charged = b.charges.sites
	}
	for i := range max(len(b.sites), len(charged)) {
		var from siteBook
		if i < len(b.sites) {
			from = b.sites[i]
		}
		var c charge
		if i < len(charged) {
			c = charged[i]
		}
		by := c.round()
		if from.empty() && by.total() == 0 && c.assist == 0 && c.ended == 0 && c.yields == 0 {
			continue
		}
		k := s.names.sites[i]
		site := Site{
			Reason: k.reason, Stack: s.names.stacks[k.stack], Wait: time.Duration(from.wait), Waits: from.waits, Ready: time.Duration(from.ready),
			MaxWait: time.Duration(from.maxWait), Parked: from.parked, Open: from.open, MaxOpen: time.Duration(from.maxOpen),
			Handoffs: from.handoffs, Apparatus: s.names.apparatus[i], ByDesign: s.names.classes[i] == lesser && k.reason.patient(), Detail: s.names.details[int32(i)], Charged: by.total(), By: by, Assist: time.Duration(c.assist),
			Ended: c.ended, Ran: time.Duration(c.ran), Yields: c.yields,
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
		if total && s.holders != nil {
			site.Holds, site.Held = s.holds(int32(i)), time.Duration(s.holders.waits[int32(i)])
		}
		w.Sites = append(w.Sites, site)
		for kind, d := range []time.Duration{Blocked: by.Blocked, WakeUp: by.WakeUp, Switching: by.Switching, InSyscall: by.Syscall, Stopped: by.Stopped} {
			if d != 0 {
				w.Causes = append(w.Causes, Cause{CauseKind(kind), k.reason, site.Stack, d})
			}
		}
		if from.wait == 0 && from.waits == 0 {
			continue
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
	if b.charges != nil {
		s.addRest(w, b.charges)
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

// round makes whole ns of a charge.
func (c *charge) round() Charge {
	return Charge{
		Blocked: part(c.blocked), WakeUp: part(c.wake), Switching: part(c.switching),
		Syscall: time.Duration(c.syscall), Stopped: time.Duration(c.stw), Inferred: part(c.inferred),
	}
}

// addRest adds what is charged to no site, and the serial part. Fractions of a ns, and what contradicting events leave, make the sum right.
func (s *stitcher) addRest(w *Window, c *charges) {
	rest := w.Lost()
	for _, x := range w.Causes {
		rest -= x.Time
	}
	w.skew = time.Duration(c.skew)
	w.unexplained = rest - part(c.noCPU) - part(c.noWork)
	none := min(part(c.noCPU), max(rest, 0))
	if none > 0 {
		w.Causes = append(w.Causes, Cause{Kind: NoCPU, Time: none})
	}
	if rest != none {
		w.Causes = append(w.Causes, Cause{Kind: NoWork, Time: rest - none})
	}
	for k, d := range c.serial {
		x := Serial{Time: time.Duration(d), Syscall: k.syscall, Goroutine: k.g}
		if k.site >= 0 {
			n := s.names.sites[k.site]
			x.Stack, x.Reason = s.names.stacks[n.stack], n.reason
		}
		x.Start = s.names.stacks[k.start]
		w.Serial = append(w.Serial, x)
	}
	slices.SortFunc(w.Serial, func(x, y Serial) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.Goroutine, y.Goroutine), x.Stack.compare(y.Stack))
	})
}

// holds is what stood in the way of waits at a site, in all of the trace.
func (s *stitcher) holds(site int32) (list []Hold) {
	for _, k := range s.holders.bySite[site] {
		h := Hold{Activity: k.act, Time: time.Duration(s.holders.time[k]), Release: s.names.stacks[k.stack]}
		if k.at >= 0 {
			n := s.names.sites[k.at]
			h.At, h.Reason = s.names.stacks[n.stack], n.reason
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(x, y Hold) int {
		return cmp.Or(cmp.Compare(y.Time, x.Time), cmp.Compare(x.Activity, y.Activity), x.At.compare(y.At), x.Release.compare(y.Release))
	})
	return list
}

// maxOpenWaits bounds Account.OpenWaits.
const maxOpenWaits = 100

// openWaits lists what is blocked at the end.
func (s *stitcher) openWaits(a *Account) {
	for id, c := range s.gs {
		if c.state != gWaiting && c.state != gSyscallOut {
			continue
		}
		k := s.names.sites[c.site]
		a.OpenWaits = append(a.OpenWaits, OpenWait{
			Goroutine: id, Reason: k.reason, Stack: s.names.stacks[k.stack], Age: time.Duration(max(s.end-c.since, 0)), Through: c.since <= s.origin,
			System: s.names.classes[c.site] == exempt,
		})
	}
	a.OpenCount = len(a.OpenWaits)
	slices.SortFunc(a.OpenWaits, func(x, y OpenWait) int {
		return cmp.Or(cmp.Compare(y.Age, x.Age), cmp.Compare(x.Goroutine, y.Goroutine))
	})
	a.OpenWaits = a.OpenWaits[:min(len(a.OpenWaits), maxOpenWaits)]
}

// maxSampleStacks bounds CPU.Stacks.
const maxSampleStacks = 1000

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
