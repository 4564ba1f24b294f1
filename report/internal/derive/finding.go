package derive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finding is one sentence that follows from a facet's samples.
type Finding struct {
	Kind string // "leader", "gains", "limits"
	Text string
}

func findings(f *Facet) []Finding {
	fs := []Finding{{"leader", leader(f)}}
	if f.X.Procs() || f.X.stated { // who reads along a size of his own does not expect a gain
		fs = append(fs, Finding{"gains", gains(f)})
	}
	return append(fs, Finding{"limits", limits(f)})
}

// competitor is a series at the GOMAXPROCS that is compared.
type competitor struct {
	name string
	*Point
}

// contest returns the highest valid value of the axis at which two series can be
// compared (or else one was measured), and the series there, fastest first.
// References are no competitors: a cache without synchronisation wins trivially.
func contest(f *Facet) (x float64, cs []competitor) {
	for _, p := range slices.Backward(f.Valid()) {
		var at []competitor
		for _, s := range f.Series {
			if pt := s.Point(p); pt != nil && !s.Reference && pt.Rate.N > 0 {
				at = append(at, competitor{s.Name, pt})
			}
		}
		if len(at) > len(cs) && len(cs) < 2 {
			x, cs = p, at
		}
	}
	slices.SortStableFunc(cs, func(a, b competitor) int { return cmp.Compare(b.Rate.Median, a.Rate.Median) })
	return x, cs
}

func leader(f *Facet) string {
	x, cs := contest(f)
	at := "At " + f.X.At(x)
	if valid := f.Valid(); f.X.Procs() && f.Usable > 0 && len(valid) > 0 && x == valid[len(valid)-1] {
		at += ", the highest that is not oversubscribed,"
	}
	switch len(cs) {
	case 0:
		return "Nobody leads: there is no throughput (ops/s or ns/op) at a GOMAXPROCS that is not oversubscribed."
	case 1:
		return fmt.Sprintf("%s only %s was measured: %s%s.", at, cs[0].name, Format("ops/s", cs[0].Rate.Median), among(f))
	}
	a, b := cs[0], cs[1]
	mine, _ := ratesOf(a.shared)
	theirs, _ := ratesOf(b.shared)
	r := relate(mine, theirs, ratio)
	rate := Format("ops/s", a.Rate.Median)
	switch {
	case r.Above(1):
		return fmt.Sprintf("%s %s leads with %s: %s that of %s (%s)%s.", at, a.name, rate, Format("×", r.Median), b.name, r.uncertainty("×"), among(f))
	case r.Interval():
		return fmt.Sprintf("%s %s (%s) and %s cannot be told apart: their ratio is %s (%s)%s.", at, a.name, rate, b.name, Format("×", r.Median), r.uncertainty("×"), among(f))
	}
	return fmt.Sprintf("%s %s is fastest with %s, %s that of %s; whether that is chance cannot be told (%s)%s.", at, a.name, rate, Format("×", r.Median), b.name, r.uncertainty("×"), among(f))
}

// uncertainty is the estimate's interval and what it rests on, or why there is
// none.
func (e Estimate) uncertainty(unit string) string {
	of := "sample a side"
	if e.Paired {
		of = "paired block"
	}
	if e.N != 1 {
		of = strings.Replace(strings.Replace(of, "sample", "samples", 1), "block", "blocks", 1)
	}
	if !e.Interval() {
		return fmt.Sprintf("%d %s: too few for an interval", e.N, of)
	}
	return fmt.Sprintf("95%% interval %s to %s, %d %s", strings.TrimSuffix(Format(unit, e.Lo), "×"), Format(unit, e.Hi), e.N, of)
}

// among names the references that the sentence leaves out.
func among(f *Facet) string {
	var refs []string
	for _, s := range f.Series {
		if s.Reference {
			refs = append(refs, s.Name)
		}
	}
	if len(refs) == 0 {
		return ""
	}
	if len(refs) == 1 {
		return "; " + refs[0] + " synchronises nothing and does not compete"
	}
	return "; " + list(refs) + " synchronise nothing and do not compete"
}

// gains says where each series stops gaining: at the smallest valid value of the
// axis that no higher valid one is shown to beat, by an interval of the ratio that
// lies above 1.
func gains(f *Facet) string {
	valid := f.Valid()
	if len(valid) < 2 || f.X.Procs() && valid[0] == 0 {
		return fmt.Sprintf("Where the curves stop gaining cannot be told: it takes two values of %s%s.", f.X.Title(), map[bool]string{true: " that are not oversubscribed"}[f.X.Procs()])
	}
	most := valid[len(valid)-1]
	stops, peaks := map[float64][]string{}, map[float64][]string{}
	var slower []string
	lowest, highest := 1.0, 0.0
	for _, s := range f.Series {
		if s.Reference {
			continue
		}
		at, falls, ok := s.stop(f)
		if !ok {
			if at > 0 {
				peaks[at] = append(peaks[at], s.Name)
			}
			continue
		}
		stops[at] = append(stops[at], s.Name)
		if falls.Below(1) {
			slower = append(slower, s.Name)
			lowest, highest = min(lowest, falls.Median), max(highest, falls.Median)
		}
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if names := stops[most]; len(names) > 0 {
		add("still gaining at %s, the highest valid: %s", f.X.At(most), list(names))
		delete(stops, most)
	}
	switch at := slices.Sorted(maps.Keys(stops)); {
	case len(at) > 3: // as many groups as a reader keeps in mind
		first, last := at[0], at[len(at)-1]
		add("no gain shown beyond %s: %s, up to beyond %s: %s", f.X.Label(first), list(stops[first]), f.X.Label(last), list(stops[last]))
	default:
		for _, p := range slices.Backward(at) {
			add("no gain shown beyond %s: %s", f.X.Label(p), list(stops[p]))
		}
	}
	switch {
	case len(slower) == 1:
		add("slower at %s than at its best: %s (%s)", f.X.Label(most), slower[0], Format("×", lowest))
	case len(slower) > 1:
		add("slower at %s than at their best: %s (%s to %s)", f.X.Label(most), list(slower), Format("×", lowest), Format("×", highest))
	}
	if len(parts) > 0 {
		parts[len(parts)-1] += fmt.Sprintf("; shown is what a %g%% interval of the ratio tells from no change", 100*Confidence)
	}
	if len(peaks) > 0 {
		var highest []string
		for _, p := range slices.Sorted(maps.Keys(peaks)) {
			highest = append(highest, fmt.Sprintf("at %s: %s", f.X.Label(p), list(peaks[p])))
		}
		add("with fewer than %d samples a point, whether a gain is chance cannot be told; the highest medians are %s", MinN, strings.Join(highest, "; "))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("Nothing that synchronises was measured at two values of %s.", f.X.Title())
	}
	text := strings.Join(parts, "; ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// stop finds where the series stops gaining, and the ratio of its rate at the
// highest valid value of the axis to the one there. ok is false where the samples
// cannot tell: x is then where the highest median is, 0 if there are not
// two.
func (s *Series) stop(f *Facet) (x float64, falls Estimate, ok bool) {
	var rates [][]obs
	var at []float64
	for _, p := range s.Points {
		if p.Rate.N > 0 && !p.Oversubscribed {
			r, _ := ratesOf(p.shared)
			rates, at = append(rates, r), append(at, p.X)
		}
	}
	if len(at) < 2 {
		return 0, Estimate{}, false
	}
	last := len(at) - 1
	for i := range at {
		beaten := false
		for j := i + 1; j <= last; j++ {
			r := relate(rates[j], rates[i], ratio)
			if !r.Interval() {
				return s.peak(), Estimate{}, false
			}
			beaten = beaten || r.Above(1)
		}
		if !beaten {
			if i < last {
				falls = relate(rates[last], rates[i], ratio)
			}
			return at[i], falls, true
		}
	}
	panic("unreachable: nothing beats the last point")
}

// peak is the valid value of the axis with the highest median rate.
func (s *Series) peak() (x float64) {
	best := 0.0
	for _, p := range s.Points {
		if p.Rate.Median > best && !p.Oversubscribed {
			best, x = p.Rate.Median, p.X
		}
	}
	return x
}

// limits says what the host and the samples could not tell.
func limits(f *Facet) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }

	var over []string
	for _, x := range f.X.Values {
		if f.Oversubscribed(x) {
			over = append(over, f.X.Label(x))
		}
	}
	switch {
	case !f.X.Procs() && len(over) > 0:
		add("with %s usable CPUs, GOMAXPROCS is oversubscribed at %s %s", number(f.Usable), f.X.Title(), list(over))
	case !f.X.Procs():
	case f.Usable == 0:
		add("the text does not state how many CPUs were usable, so oversubscription cannot be told from scaling")
	case len(over) > 0:
		add("with %s usable CPUs, GOMAXPROCS %s is oversubscription and no evidence of scaling", number(f.Usable), list(over))
	default:
		add("nothing was measured beyond the %s usable CPUs", number(f.Usable))
	}
	if f.X.Procs() && f.Usable > 0 && len(f.Boundaries) == 0 {
		add("no socket, cache or hyperthread boundary is visible within them")
	}
	if v := f.Config["virtualization"]; v != "" && v != "none" && v != "unknown" {
		add("the host is virtual (%s): its topology and neighbours may be hidden", v)
	}
	if n, of, what := warned(f); n > 0 {
		add("%d of %d samples carry a warning, most often %q", n, of, what)
	}
	if n := fewest(f); n > 0 && n < MinN {
		add("points with fewer than %d samples have no interval (the fewest have %d)", MinN, n)
	}
	if !f.HasControl && f.X.Procs() {
		add("without a share-nothing control neither efficiency nor the overhead of sharing is known")
	}
	if !f.HasTraced && f.X.Procs() {
		add("nothing was traced, so Ps at a stand are not accounted for")
	}
	if len(parts) == 0 {
		return "Nothing is known to be missing from these samples."
	}
	return "What these samples cannot tell: " + strings.Join(parts, "; ") + "."
}

// warned counts the samples with a warning other than of oversubscription,
// which is shown anyway, and finds the most frequent kind of warning.
func warned(f *Facet) (n, of int, what string) {
	kinds := map[string]int{}
	for _, s := range f.Series {
		for _, p := range s.Points {
			for _, sm := range slices.Concat(p.shared, p.control, p.traced) {
				of++
				has := false
				for _, w := range sm.Warnings {
					if !Oversubscription(w) {
						has = true
						kinds[kind(w)]++
					}
				}
				if has {
					n++
				}
			}
		}
	}
	for k, c := range kinds {
		if c > kinds[what] || c == kinds[what] && k < what {
			what = k
		}
	}
	return n, of, what
}

// kind is a warning without its figures: what stands before the first of them.
func kind(warning string) string {
	if i := strings.IndexAny(warning, "0123456789:"); i > 0 {
		warning = warning[:i]
	}
	return strings.TrimSpace(warning)
}

// Oversubscription reports whether a warning only says that GOMAXPROCS exceeds
// the usable CPUs, which points tell of themselves.
func Oversubscription(warning string) bool { return strings.HasPrefix(warning, "oversubscribed") }

func fewest(f *Facet) int {
	n := 0
	for _, s := range f.Series {
		for _, p := range s.Points {
			for _, e := range p.Units {
				if n == 0 || e.N < n {
					n = e.N
				}
			}
		}
	}
	return n
}

// list joins names as a sentence does, and cuts a long list short.
func list(names []string) string {
	const most = 6
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d others", len(names)-most+1))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
