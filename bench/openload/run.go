package openload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// leadPart is the part of the window that is offered before it begins, and leastClosed the shortest closed loop
// of operations that take less than a millisecond.
const (
	leadPart    = 10
	leastClosed = 50 * time.Millisecond
)

// ClosedPhase is how long the closed loop lasts before a window.
func ClosedPhase(window, least time.Duration) time.Duration { return max(window/4, least) }

// Extra is what an open load takes beside its window, once its speed is known.
func Extra(window time.Duration) time.Duration {
	return window/leadPart + ClosedPhase(window, leastClosed)
}

// A Run is the open load of one cell.
type Run struct {
	Group    int     // operations that begin at one reading of the clock
	Capacity float64 // operations per second of the closed loop by the same means
	Rate     float64 // that is offered
	Window   time.Duration

	*load.Schedule // of the generators

	clock  load.Clock
	closed *load.Record
	begin  time.Time // of the window, on the wall
	others bool      // other processes carry the operations out
	watch  *load.Watch
}

// Saturate drives what is measured in a closed loop for a time, in groups of operations,
// and returns what was recorded and how many operations there were per second.
type Saturate func(group int, d time.Duration) (*load.Record, float64, error)

// Prepare finds the capacity in a closed loop by the means of the window, and plans the rate, of which
// a Share is one of that capacity. fast is how many operations per second there are about, if
// nobody reads a clock: it tells how many have to be a group.
func (s *Spec) Prepare(clock load.Clock, generators int, fast float64, window time.Duration, seed uint64, saturate Saturate) (*Run, error) {
	r := &Run{clock: clock, Window: window, Rate: s.Offered.Rate}
	read, _ := load.ReadCost(clock, 10_000)
	n := float64(generators)
	if r.Rate > 0 {
		fast = r.Rate
	}
	r.Group = load.GroupFor(fast/n, read)
	var err error
	if r.closed, r.Capacity, err = saturate(r.Group, ClosedPhase(window, leastClosed)); err != nil {
		return nil, err
	}
	if err := r.plan(s, generators, seed); err != nil {
		return nil, err
	}
	if own := n * load.Limit(clock, r.Group); r.Rate > own {
		return nil, fmt.Errorf("the generators fell behind: they offer %.3g operations per second at most, in groups of %d, and %.3g were asked for", own, r.Group, r.Rate)
	}
	return r, nil
}

// Plan plans the load of generators that begin each operation by itself, and are other processes
// with the same clock: closed is what they did in a closed loop, and capacity how much of it per
// second.
func (s *Spec) Plan(clock load.Clock, generators int, window time.Duration, seed uint64, closed *load.Record, capacity float64) (*Run, error) {
	r := &Run{clock: clock, Window: window, Rate: s.Offered.Rate, Group: 1, Capacity: capacity, closed: closed, others: true}
	return r, r.plan(s, generators, seed)
}

func (r *Run) plan(s *Spec, generators int, seed uint64) (err error) {
	if s.Offered.Share > 0 {
		r.Rate = s.Offered.Share / 100 * r.Capacity
	}
	r.Schedule, err = load.NewSchedule(s.Arrivals, r.Rate, generators, seed)
	return err
}

// Begin is when the plans begin, and the window, if the first are to begin in so long.
func (r *Run) Begin(in time.Duration) (plans, window int64) {
	if !r.others {
		r.watch = load.NewWatch()
	}
	plans = r.clock.Now() + int64(in)
	window = plans + int64(r.Window/leadPart)
	r.begin = time.Now().Add(time.Duration(window - r.clock.Now()))
	return plans, window
}

// Ops is how many operations a generator's plan has, until the window ends.
func (r *Run) Ops(generator int) (n int) {
	p := r.Plan(generator, 0)
	for end := int64(r.Window + r.Window/leadPart); p.Next() < end; {
		n++
	}
	return n
}

// Values are those of a cell whose time is set by others, after those that it has in a
// closed loop: rates, and the quantiles that the operations tell, if the load was carried.
// Warnings say why there are none.
func (r *Run) Values(rec *load.Record, loop []sample.Value) (values []sample.Value, warnings []string) {
	// At a rate that others set these say nothing but the rate.
	values = slices.DeleteFunc(loop, func(v sample.Value) bool { return v.Unit == "ns/op" || v.Unit == "ops/s" })
	add := func(unit string, v float64) { values = append(values, sample.Value{Unit: unit, V: v}) }
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	add("achieved/s", float64(rec.Intime)/r.Window.Seconds())
	add("capacity/s", r.Capacity)
	add("offered/s", r.Rate)
	if !r.others {
		add("group-ops", float64(r.Group))
	}
	if !rec.Stable(r.Window) {
		warn("unstable: %s of the operations that were due were carried out in time, and the last began %v late, so there are no quantiles",
			percent(rec.Intime, rec.Offered), rounded(rec.End))
		return values, warnings
	}
	for _, q := range load.Told(rec.Response.TotalCount()) {
		name := "p" + strconv.FormatFloat(100*q, 'f', -1, 64) + "-ns"
		add(name, float64(rec.Response.ValueAtQuantile(100*q)))
		add("service-"+name, float64(rec.Service.ValueAtQuantile(100*q)))
		if slices.Contains(load.Told(r.closed.Service.TotalCount()), q) {
			add("closed-"+name, float64(r.closed.Service.ValueAtQuantile(100*q)))
		}
	}
	add("max-ns", float64(rec.Response.Max()))
	if rec.Lag.TotalCount() == 0 {
		return values, warnings
	}
	lag := rec.Lag.ValueAtQuantile(99)
	add("lag-p99-ns", float64(lag))
	if rec.Response.ValueAtQuantile(50) < 10*lag {
		warn("waits below %v are not resolved: the generator itself began one of a hundred operations %v late", 10*time.Duration(lag), time.Duration(lag))
	}
	return values, warnings
}

// percent is a part of a whole with one decimal, rounded down: what is not the whole is never 100%.
func percent(part, whole int64) string {
	return strconv.FormatFloat(math.Floor(1000*float64(part)/float64(max(whole, 1)))/10, 'f', -1, 64) + "%"
}

// rounded is a time with three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// Attach writes the histograms beside the samples, if the window's samples are kept.
func (r *Run) Attach(rec *load.Record, w bench.Window) ([]sample.Attachment, error) {
	end := r.begin.Add(r.Window)
	l := rec.Log(r.closed, r.begin)
	if r.watch != nil {
		l.Causes = r.watch.End(r.begin, end)
	}
	if w.Dir == "" {
		return nil, nil
	}
	text, err := l.Encode(r.begin, end)
	if err != nil {
		return nil, err
	}
	name := "latencies/" + w.Prefix + ".hlog"
	path := filepath.Join(w.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	if err := whole.WriteBytes(path, text); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return []sample.Attachment{{Kind: "hdrhistogram", Path: name, SHA256: hex.EncodeToString(sum[:])}}, nil
}
