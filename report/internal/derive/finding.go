package derive

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Finding is one thing that a report has to say first. Every view shows these
// words; none makes sentences of its own out of numbers.
type Finding struct {
	Kind  Kind     `json:"kind"`
	Where string   `json:"where,omitempty"` // the conditions, or the line: "reads=75, GOMAXPROCS=2", "pkg.Func file.go:12"
	What  string   `json:"what"`            // "ring leads"
	Much  string   `json:"much,omitempty"`  // "12.9 M ops/s, 2.06× that of mutexlru"
	Sure  string   `json:"sure,omitempty"`  // "95% interval 0.54 to 3.65×, 6 paired blocks"
	Next  string   `json:"next,omitempty"`  // what to do about it
	More  []string `json:"more,omitempty"`
}

// Kind is what a finding is about.
type Kind string

// The kinds, as a reader meets them.
const (
	State    Kind = "state"    // of the run: how far, when, by what
	Leader   Kind = "leader"   // who is fastest
	Gains    Kind = "gains"    // where curves stop
	Blame    Kind = "blame"    // the line that CPUs wait at
	Unknown  Kind = "unknown"  // what cannot be told
	Warnings Kind = "warnings" // by kind, with counts
)

// String is the finding in one sentence, without More.
func (f Finding) String() string {
	text := f.What
	if f.Where != "" {
		text = f.Where + ": " + text
	}
	if f.Much != "" {
		text += ", " + f.Much
	}
	if f.Sure != "" {
		text += " (" + f.Sure + ")"
	}
	return text
}

// NextOnce leaves out what to do where the finding behind it says the same, for people.
func NextOnce(fs []Finding) []Finding {
	fs = slices.Clone(fs)
	for i := range max(0, len(fs)-1) {
		if fs[i].Next == fs[i+1].Next {
			fs[i].Next = ""
		}
	}
	return fs
}

// findings are those of one facet.
func findings(f *Facet) []Finding {
	var fs []Finding
	for _, c := range f.Contests {
		if f.Paced {
			fs = append(fs, patience(f, c))
		} else {
			fs = append(fs, leader(f, c))
		}
	}
	if !f.Paced && (f.X.Procs() || f.X.stated) { // who reads along a size of his own does not expect a gain
		fs = append(fs, gains(f))
	}
	return append(fs, Finding{Kind: Unknown, What: "What these samples cannot tell", More: limits(f)})
}

// at says at which value of the axis series are compared.
func (f *Facet) at(x float64) string {
	at := f.X.At(x)
	if valid := f.Valid(); f.X.Procs() && f.Usable > 0 && len(valid) > 0 && x == valid[len(valid)-1] && f.Oversubscribed(f.X.Highest()) {
		at += ", the highest that is not oversubscribed"
	}
	return at
}

func leader(f *Facet, c *Contest) Finding {
	fd := Finding{Kind: Leader, Where: c.where(f.at(c.X))}
	switch {
	case len(c.Ranks) == 0:
		fd.Where, fd.What = c.Group, "nobody leads: there is no throughput (ops/s or ns/op) at a value that is not oversubscribed"
		return fd
	case c.Unrelated != "":
		fd.What = c.Unrelated
		return fd
	}
	a := c.Ranks[0]
	if !a.competes() {
		fd.What, fd.Much = "no lock that was measured here excluded, so none leads", strings.TrimPrefix(besides(c), "; ")
		if c.Group == groupWithout {
			fd.What = "nothing that was measured here excluded, so nothing leads"
		}
		return fd
	}
	rate := Format("ops/s", a.Rate.Median)
	b, ok := c.next()
	if !ok {
		fd.What, fd.Much = "only "+a.Name+" was measured", rate
		if len(c.broken()) > 0 {
			fd.What = "only " + a.Name + " excluded"
		}
		fd.Much += besides(c)
		return fd
	}
	lead := b.lead()
	fd.Sure = lead.uncertainty("×")
	fd.Much = fmt.Sprintf("%s, %s that of %s%s", rate, Format("×", lead.Median), b.Name, besides(c))
	switch tied := c.Winners(); {
	case b.Standing == Open:
		fd.What = "which is fastest cannot be told: " + a.Name + " has the highest median"
	case len(tied) > 1:
		fd.What = list(tied) + " cannot be told apart"
		fd.Much = fmt.Sprintf("%s for %s, %s that of %s%s", rate, a.Name, Format("×", lead.Median), b.Name, besides(c))
	default:
		fd.What = a.Name + " leads"
	}
	return fd
}

// uncertainty is the estimate's interval and what it rests on, or why there is
// none.
func (e Estimate) uncertainty(unit string) string {
	of, least := e.Basis(), MinN
	if !e.Paired && len(e.Machines) == 0 {
		of, least = of+" a side", minApart
	}
	if !e.Interval() {
		return fmt.Sprintf("%s, no interval: it takes %d", of, least)
	}
	return fmt.Sprintf("95%% interval %s to %s, %s", strings.TrimSuffix(Format(unit, e.Lo), "×"), Format(unit, e.Hi), of)
}

// where is what stands before a finding of the contest: its group, and the value of the axis.
func (c *Contest) where(at string) string {
	if c.Group == "" {
		return at
	}
	return c.Group + ", " + at
}

// besides names those that the sentence leaves out: what did not exclude, and references.
func besides(c *Contest) (text string) {
	if broken := c.broken(); len(broken) > 0 {
		text = "; " + list(broken) + " did not exclude and " + map[bool]string{true: "does", false: "do"}[len(broken) == 1] + " not compete"
	}
	var refs []string
	for _, s := range c.Series {
		if s.Reference {
			refs = append(refs, s.Name)
		}
	}
	switch len(refs) {
	case 0:
		return text
	case 1:
		return text + "; " + refs[0] + " synchronises nothing and does not compete"
	}
	return text + "; " + list(refs) + " synchronise nothing and do not compete"
}

// gains says up to where each series gains, a line for each value of the axis: the
// smallest valid one that no higher valid one is shown to beat, by an interval of
// the ratio that lies above 1. Where an interval holds 1 there may be a gain all the same:
// that none could be told is all that is said.
func gains(f *Facet) Finding {
	fd := Finding{Kind: Gains, What: "Up to where a gain in throughput could be told", Sure: fmt.Sprintf("a gain is told where the whole %g%% interval of the ratio lies above 1", 100*Confidence)}
	valid := f.Valid()
	if len(valid) < 2 || f.X.Procs() && valid[0] == 0 {
		fd.What, fd.Sure = "Where the curves stop gaining cannot be told", fmt.Sprintf("it takes two values of %s%s", f.X.Title(), map[bool]string{true: " that are not oversubscribed"}[f.X.Procs()])
		return fd
	}
	most := valid[len(valid)-1]
	stops, peaks, slower := map[float64][]string{}, map[float64][]string{}, map[float64]*fall{}
	for _, s := range f.Series {
		if s.Reference {
			continue
		}
		at, falls, ok := s.stop(f)
		switch {
		case ok:
			stops[at] = append(stops[at], s.Name)
			if falls.Below(1) {
				slower[at] = slower[at].with(s.Name, falls.Median)
			}
		case at > 0:
			peaks[at] = append(peaks[at], s.Name)
		}
	}
	for _, x := range slices.Backward(slices.Sorted(maps.Keys(stops))) {
		line, again := "up to "+f.X.At(x), "slower again"
		switch x {
		case most:
			line += ", the highest valid"
		case valid[0]:
			line, again = "no gain could be told beyond "+f.X.At(x), "slower"
		default:
			line += ", and no gain could be told beyond"
		}
		line += ": " + list(stops[x])
		if fall := slower[x]; fall != nil {
			line += fmt.Sprintf("; %s at %s: %s", again, f.X.Label(most), fall.String(len(stops[x])))
		}
		fd.More = append(fd.More, line)
	}
	if len(peaks) > 0 {
		if len(stops) == 0 {
			fd.What, fd.Sure = "Whether throughput grows cannot be told", fmt.Sprintf("points with fewer than %d samples have no interval", MinN)
		}
		for _, x := range slices.Backward(slices.Sorted(maps.Keys(peaks))) {
			fd.More = append(fd.More, fmt.Sprintf("highest median at %s, by chance or not: %s", f.X.At(x), list(peaks[x])))
		}
	}
	if len(fd.More) == 0 {
		fd.What, fd.Sure = fmt.Sprintf("Nothing that synchronises was measured at two values of %s", f.X.Title()), ""
	}
	return fd
}

// fall is the series that lose what they gained.
type fall struct {
	names  []string
	lo, hi float64 // what is left of it
}

func (f *fall) with(name string, left float64) *fall {
	if f == nil {
		f = &fall{lo: left, hi: left}
	}
	f.names = append(f.names, name)
	f.lo, f.hi = min(f.lo, left), max(f.hi, left)
	return f
}

// String names the series, of that many that stop where they do.
func (f *fall) String(of int) string {
	names := list(f.names)
	if len(f.names) == of && of > 1 {
		names = "all"
	}
	if f.lo == f.hi {
		return fmt.Sprintf("%s (%s)", names, Format("×", f.lo))
	}
	return fmt.Sprintf("%s (%s to %s)", names, strings.TrimSuffix(Format("×", f.lo), "×"), Format("×", f.hi))
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
func limits(f *Facet) (parts []string) {
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
		add("the text does not state how many CPUs were usable (--cpus), so oversubscription cannot be told from scaling")
	case f.mixed:
		add("hosts have different numbers of usable CPUs, at most %s: points above a host's own are oversubscription and no evidence of scaling", number(f.Usable))
	case len(over) > 0:
		add("with %s usable CPUs, GOMAXPROCS %s is oversubscription and no evidence of scaling", number(f.Usable), list(over))
	default:
		add("nothing was measured beyond the %s usable CPUs", number(f.Usable))
	}
	if f.X.Procs() && f.Usable > 0 && len(f.Boundaries) == 0 {
		add("no socket, cache or hyperthread boundary is visible within the usable CPUs")
	}
	if v := f.Config["virtualization"]; v != "" && v != "none" && v != "unknown" {
		add("the host is virtual (%s): its topology and neighbours may be hidden", v)
	}
	if text := machines(f); text != "" {
		add("%s", text)
	} else if n := fewest(f); n > 0 && n < MinN {
		add("points with fewer than %d samples have no interval (the fewest have %d)", MinN, n)
	}
	if !f.HasControl && f.X.Procs() {
		how := ""
		if f.sharing { // what has the axis
			how = " (--sharing all,none)"
		}
		add("without the share-nothing ceiling%s neither efficiency nor the overhead of sharing is known", how)
	}
	if !f.HasTraced && !f.Toured && f.X.Procs() {
		add("no trace was taken, so it is not known where CPUs wait: repeat with --trace cells")
	}
	if f.locks {
		add("lock services are not traced, so it is not known where their CPUs wait")
	}
	if f.served && f.Usable > 0 {
		add("clients and servers shared %s CPUs, so rates are not those of servers with CPUs of their own", number(f.Usable))
	}
	return parts
}

// aboveCeiling tells of the points, not oversubscribed, whose whole interval of the efficiency lies
// above 1, and names the one that is furthest above; empty if there are none.
func (v *View) aboveCeiling() string {
	var most Estimate
	var where string
	above, all := 0, 0
	for _, f := range v.Facets {
		for _, s := range f.Series {
			for _, p := range s.Points {
				if !p.Efficiency.Interval() || p.Oversubscribed || s.Reference {
					continue
				}
				all++
				if !p.Efficiency.Above(1) {
					continue
				}
				if above++; p.Efficiency.Median > most.Median {
					most, where = p.Efficiency, fmt.Sprintf("%s at %s", s.Name, f.X.At(p.X))
					if label := f.Label(); label != "" {
						where += " (" + label + ")"
					}
				}
			}
		}
	}
	format := func(e float64) string { return Format("efficiency", e) }
	figures := fmt.Sprintf("efficiency %s (%s to %s); what sharing costs is not known there", format(most.Median), format(most.Lo), format(most.Hi))
	switch above {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s is above its share-nothing ceiling by more than the interval: %s", where, figures)
	}
	return fmt.Sprintf("%s of %s points are above their share-nothing ceiling by more than the interval (up to one in 40 can be so by chance); furthest %s: %s",
		thousands(above), thousands(all), where, figures)
}

// machines says how much machines of a fleet differ from each other, and from
// themselves, and what they are too few for; empty outside a fleet.
func machines(f *Facet) string {
	most, least, between, within, where := 0, 0, 0.0, 0.0, ""
	for _, s := range f.Series {
		for _, p := range s.Points {
			n := len(p.Rate.Machines)
			if n == 0 {
				n = 1
				if len(p.shared) == 0 || p.shared[0].Run.Machine() == "" {
					continue
				}
			}
			if least == 0 || n < least {
				least = n
			}
			most = max(most, n)
			if spread := p.Rate.Spread(); spread > between {
				between, where = spread, s.Name+" at "+f.X.At(p.X)
				within = 0
				for _, m := range p.Rate.Machines {
					if m.Interval() && m.Lo > 0 {
						within = max(within, m.Hi/m.Lo)
					}
				}
			}
		}
	}
	switch {
	case most == 0:
		return ""
	case most == 1:
		return "one machine stands for its kind: nothing tells how much machines of the kind differ"
	}
	count := strconv.Itoa(most)
	if least != most {
		count = fmt.Sprintf("%d to %d", least, most)
	}
	text := fmt.Sprintf("%s machines of a kind differ by up to %.2f× (%s)", count, between, where)
	if within > 0 {
		text += fmt.Sprintf(", the interval of one of them spans %.2f×", within)
	}
	if least < MinN {
		text += fmt.Sprintf("; an interval for the kind takes %d machines", MinN)
	}
	return text
}

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
