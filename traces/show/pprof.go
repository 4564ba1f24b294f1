package show

import (
	"io"

	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/traces/account"
)

// Profile writes a profile that `go tool pprof` opens: by stack, what P time was lost there, and the
// goroutines' time. Samples are labelled with the reason and, where a trace has
// several, the window.
func Profile(w io.Writer, traces []*Trace) error {
	b := &profileBuilder{
		p:         &profile.Profile{DefaultSampleType: "lost", PeriodType: &profile.ValueType{Type: "wait", Unit: "nanoseconds"}, Period: 1},
		functions: map[funcKey]*profile.Function{},
		locations: map[account.Frame]*profile.Location{},
	}
	for _, v := range values {
		b.p.SampleType = append(b.p.SampleType, &profile.ValueType{Type: v.name, Unit: v.unit})
	}
	for _, t := range traces {
		b.add(t)
	}
	if err := b.p.CheckValid(); err != nil {
		return err
	}
	return b.p.Write(w)
}

// values are a profile's sample types: P time that was lost, and of it while goroutines at the place were blocked, woken up, left the P, were in a system
// call or stopped the world; goroutine time blocked, and runnable since then (the delay of scheduling); how often; and
// held is what held others up, at the place of those who did.
var values = []struct {
	name, unit string
	of         func(*account.Site) int64
}{
	{"waits", "count", func(s *account.Site) int64 { return s.Waits }},
	{"wait", "nanoseconds", func(s *account.Site) int64 { return int64(s.Wait) }},
	{"runnable", "nanoseconds", func(s *account.Site) int64 { return int64(s.Ready) }},
	{"blocked", "nanoseconds", func(s *account.Site) int64 { return int64(s.By.Blocked) }},
	{"wake-up", "nanoseconds", func(s *account.Site) int64 { return int64(s.By.WakeUp) }},
	{"switching", "nanoseconds", func(s *account.Site) int64 { return int64(s.By.Switching) }},
	{"syscall", "nanoseconds", func(s *account.Site) int64 { return int64(s.By.Syscall) }},
	{"stopped", "nanoseconds", func(s *account.Site) int64 { return int64(s.By.Stopped) }},
	{"held", "nanoseconds", func(s *account.Site) int64 { return 0 }},
	{"lost", "nanoseconds", func(s *account.Site) int64 { return int64(s.Charged) }},
}

// held is the index of that value.
const held = 8

type funcKey struct{ name, file string }

type profileBuilder struct {
	p         *profile.Profile
	functions map[funcKey]*profile.Function
	locations map[account.Frame]*profile.Location
}

func (b *profileBuilder) add(t *Trace) {
	if !t.Account.Wall.IsZero() && b.p.TimeNanos == 0 {
		b.p.TimeNanos = t.Account.Wall.UnixNano()
	}
	b.p.DurationNanos += int64(t.Account.Duration)
	for i := range t.Account.Windows {
		w := &t.Account.Windows[i]
		for j := range w.Sites {
			s := &w.Sites[j]
			labels := map[string][]string{"reason": {string(s.Reason)}}
			if len(t.Account.Windows) > 1 {
				labels["window"] = []string{t.label(w)}
			}
			if s.Apparatus {
				labels["measurement"] = []string{"yes"}
			}
			sample := &profile.Sample{Location: b.stack(s.Stack), Label: labels}
			for _, v := range values {
				sample.Value = append(sample.Value, v.of(s))
			}
			b.p.Sample = append(b.p.Sample, sample)
		}
	}
	for i := range t.Account.Total.Sites {
		for _, h := range t.Account.Total.Sites[i].Holds {
			stack := h.At
			if len(stack) == 0 {
				stack = h.Release
			}
			sample := &profile.Sample{Location: b.stack(stack), Label: map[string][]string{"holder": {h.Activity.String()}}, Value: make([]int64, len(values))}
			sample.Value[held] = int64(h.Time)
			b.p.Sample = append(b.p.Sample, sample)
		}
	}
}

func (b *profileBuilder) stack(s account.Stack) []*profile.Location {
	if len(s) == 0 {
		s = account.Stack{{Func: unknown}}
	}
	locations := make([]*profile.Location, 0, len(s))
	for _, f := range s {
		locations = append(locations, b.location(f))
	}
	return locations
}

// location is that of a frame. Frames are told apart by what they say, not by
// their address: that of inlined frames is the same.
func (b *profileBuilder) location(f account.Frame) *profile.Location {
	if l := b.locations[f]; l != nil {
		return l
	}
	key := funcKey{f.Func, f.File}
	fn := b.functions[key]
	if fn == nil {
		fn = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: f.Func, SystemName: f.Func, Filename: f.File}
		b.functions[key] = fn
		b.p.Function = append(b.p.Function, fn)
	}
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
	b.locations[f] = l
	b.p.Location = append(b.p.Location, l)
	return l
}
