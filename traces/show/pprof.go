package show

import (
	"io"

	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/traces/account"
)

// Profile writes an off-CPU profile that `go tool pprof` opens: by stack, how
// often and how long goroutines waited, and how much idle P-time that is
// charged with. Samples are labelled with the reason and, where a trace has
// several, the window.
func Profile(w io.Writer, traces []*Trace) error {
	b := &profileBuilder{
		p: &profile.Profile{
			SampleType: []*profile.ValueType{
				{Type: "waits", Unit: "count"}, {Type: "wait", Unit: "nanoseconds"}, {Type: "lost", Unit: "nanoseconds"},
			},
			DefaultSampleType: "lost",
			PeriodType:        &profile.ValueType{Type: "wait", Unit: "nanoseconds"},
			Period:            1,
		},
		functions: map[funcKey]*profile.Function{},
		locations: map[account.Frame]*profile.Location{},
	}
	for _, t := range traces {
		b.add(t)
	}
	if err := b.p.CheckValid(); err != nil {
		return err
	}
	return b.p.Write(w)
}

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
			b.p.Sample = append(b.p.Sample, &profile.Sample{
				Location: b.stack(s.Stack), Label: labels,
				Value: []int64{s.Waits, int64(s.Wait), int64(s.Charged)},
			})
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
