package claims

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

// Verdict is what the samples say of a claim.
type Verdict string

// The verdicts.
const (
	Confirmed  Verdict = "confirmed"
	Refuted    Verdict = "refuted"
	CannotTell Verdict = "cannot tell"
)

// Answer is the judgement of one claim by what was measured on one host.
type Answer struct {
	Number    int    `json:"claim"`
	Statement string `json:"statement"`
	Theirs    string `json:"published"` // the study's own evidence
	Study     Result `json:"study"`     // as the study tested it
	Fair      Result `json:"fair"`      // its fair variant
}

// Result is the judgement of one test.
type Result struct {
	Says     string     `json:"says"`
	Verdict  Verdict    `json:"verdict"`
	Why      []string   `json:"missing,omitempty"` // of cannot tell: what is missing
	Evidence []Evidence `json:"evidence"`
}

// Evidence is one check of a test.
type Evidence struct {
	What    string  `json:"what"`
	Needs   string  `json:"needs"` // "above 1.05: …"
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`
	// The estimate; N is 0 where a cell is missing, Lo and Hi are nil where
	// samples are too few for an interval.
	Estimate float64  `json:"estimate,omitempty"`
	Lo       *float64 `json:"lo,omitempty"`
	Hi       *float64 `json:"hi,omitempty"`
	N        int      `json:"n"`
	Paired   bool     `json:"paired"`
}

// Host is where samples come from, and what they say of the claims.
type Host struct {
	Label   string   `json:"host"`
	CPUs    float64  `json:"usable_cpus"` // 0 where that is not stated
	Answers []Answer `json:"answers"`
}

// Judge judges every claim by the samples of each host in the set; those of
// different hosts, toolchains or builds are not pooled. cpus is the number of
// usable CPUs of texts that do not state it, 0 if that is unknown.
func Judge(set *sample.Set, cpus float64) []Host {
	var hosts []Host
	groups := map[string][]*sample.Sample{}
	var order []string
	type kind struct {
		shared  *sample.Shared
		variant string
	}
	origins := map[kind]string{}
	for _, s := range set.Samples {
		key, known := origins[kind{s.Shared, s.Variant}]
		if !known {
			key = origin(s)
			origins[kind{s.Shared, s.Variant}] = key
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], s)
	}
	for _, key := range order {
		j := newJudge(groups[key], cpus)
		h := Host{Label: label(groups[key][0]), CPUs: j.cpus}
		for i, c := range list {
			h.Answers = append(h.Answers, Answer{Number: i + 1, Statement: c.statement, Theirs: c.theirs, Study: j.test(c.study), Fair: j.test(c.fair)})
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// Measured reports whether any check of the host's answers had its samples.
func (h Host) Measured() bool {
	for _, a := range h.Answers {
		for _, e := range slices.Concat(a.Study.Evidence, a.Fair.Evidence) {
			if e.N > 0 {
				return true
			}
		}
	}
	return false
}

// origin tells samples apart that must not be pooled.
func origin(s *sample.Sample) string {
	var parts []string
	for k, v := range s.Config {
		if k != "pkg" {
			parts = append(parts, k+"="+v)
		}
	}
	sort.Strings(parts)
	return strings.Join(append(parts, s.Variant), "\n")
}

func label(s *sample.Sample) string {
	var parts []string
	for _, k := range []string{"goos", "goarch", "cpu", "go"} {
		if v := s.Config[k]; v != "" {
			parts = append(parts, v)
		}
	}
	if s.Variant != "" {
		parts = append(parts, s.Variant)
	}
	if len(parts) == 0 {
		return "a host that the text does not describe"
	}
	return strings.Join(parts, ", ")
}

// judge holds one host's samples, without those under a probe.
type judge struct {
	cpus  float64
	names map[*sample.Name]map[string]string
	by    map[*sample.Name][]*sample.Sample
}

func newJudge(samples []*sample.Sample, cpus float64) *judge {
	j := &judge{cpus: cpus, names: map[*sample.Name]map[string]string{}, by: map[*sample.Name][]*sample.Sample{}}
	if c := samples[0].UsableCPUs(); c > 0 {
		j.cpus = c
	}
	for _, s := range samples {
		if _, traced := s.Name.Get("probe"); traced || !s.Valid() {
			continue
		}
		if j.names[s.Name] == nil {
			keys := map[string]string{}
			for _, f := range s.Name.Keys {
				keys[f.Key] = f.Value
			}
			j.names[s.Name] = keys
		}
		j.by[s.Name] = append(j.by[s.Name], s)
	}
	return j
}

// test judges by all checks.
func (j *judge) test(t test) Result {
	r := Result{Says: t.says, Verdict: Confirmed}
	for _, c := range t.checks {
		e := j.check(c)
		r.Evidence = append(r.Evidence, e)
		switch {
		case e.Verdict == Refuted:
			r.Verdict = Refuted
		case e.Verdict == CannotTell && r.Verdict == Confirmed:
			r.Verdict = CannotTell
		}
	}
	if r.Verdict == CannotTell {
		for _, e := range r.Evidence {
			if e.Why != "" && !slices.Contains(r.Why, e.Why) {
				r.Why = append(r.Why, e.Why)
			}
		}
	}
	return r
}

// check looks at one comparison: whether the host can decide it, whether its
// cells are there, and on which side of the limit the interval lies.
func (j *judge) check(c check) Evidence {
	e := Evidence{What: c.String(), Needs: c.needs(), Verdict: CannotTell}
	switch {
	case j.cpus == 0:
		e.Why = "how many CPUs were usable is not stated (--cpus)"
		return e
	case j.cpus < float64(c.cpus):
		e.Why = fmt.Sprintf("needs %d CPUs, has %g", c.cpus, j.cpus)
		return e
	}
	at, why := j.procs(c)
	if why != "" {
		e.Why = why
		return e
	}
	pa, pb := c.a.procs.at(at), c.b.procs.at(at)
	as, whyA := j.samples(c.a.keys, pa)
	bs, whyB := j.samples(c.b.keys, pb)
	if c.how == valueOf {
		whyB = ""
	}
	if why := whyA + whyB; why != "" {
		if whyA != "" {
			why = whyA
		}
		e.Why = why
		return e
	}
	e.What = c.at(pa, pb)
	e.take(c, c.estimate(as, bs))
	return e
}

// take judges by the estimate.
func (e *Evidence) take(c check, est derive.Estimate) {
	e.Estimate, e.N, e.Paired = est.Median, est.N, est.Paired
	switch {
	case est.N == 0:
		e.Why = "not measured: " + string(c.quantity) + " of " + c.a.keys
		return
	case !est.Interval():
		e.Why = fmt.Sprintf("%s of each cell: too few for an interval, which takes %d", derive.Plural(est.N, "sample"), derive.MinN)
		return
	}
	e.Lo, e.Hi = &est.Lo, &est.Hi
	above, below := est.Above(c.beyond.value), est.Below(c.beyond.value)
	if c.below {
		above, below = below, above
	}
	switch {
	case above:
		e.Verdict = Confirmed
	case below:
		e.Verdict = Refuted
	default:
		e.Why = fmt.Sprintf("the interval holds the limit of %v: more blocks would narrow it (--count)", c.beyond)
	}
}

func (c check) estimate(as, bs []*sample.Sample) derive.Estimate {
	q := c.quantity.of
	switch c.how {
	case ratioOf:
		return derive.Ratio(as, bs, q)
	case differenceOf:
		return derive.Difference(as, bs, q)
	}
	return derive.Median(as, q)
}

func (q quantity) of(s *sample.Sample) (v float64, ok bool) {
	switch q {
	case rate, perCPU:
		v, _, ok = derive.Rate(s)
		if q == perCPU {
			v /= float64(max(s.Name.Procs(), 1))
		}
		return v, ok
	}
	return s.Value(string(q))
}

// procs finds the GOMAXPROCS that the check's choice stands for: the highest at
// which all cells that leave it open were measured, and that is enough for the
// check. 0 if the check leaves nothing open.
func (j *judge) procs(c check) (at int, why string) {
	most := int(j.cpus)
	var open []string
	for _, cl := range []cell{c.a, c.b} {
		if cl.keys == "" || cl.procs > 0 {
			continue
		}
		open = append(open, cl.keys)
		if cl.procs == few {
			most = min(most, laptop)
		}
	}
	if len(open) == 0 {
		return 0, ""
	}
	for p := most; p >= c.cpus; p-- {
		if !slices.ContainsFunc(open, func(keys string) bool { return len(j.match(keys, p)) == 0 }) {
			return p, ""
		}
	}
	return 0, fmt.Sprintf("not measured at any GOMAXPROCS from %d to %d: %s", c.cpus, most, strings.Join(open, ", "))
}

func (p procs) at(open int) int {
	if p > 0 {
		return int(p)
	}
	return open
}

// samples are those of the one cell that answers to the keys.
func (j *judge) samples(keys string, procs int) ([]*sample.Sample, string) {
	switch names := j.match(keys, procs); len(names) {
	case 0:
		return nil, fmt.Sprintf("not measured: %s at GOMAXPROCS=%d", keys, procs)
	case 1:
		return j.by[names[0]], ""
	default:
		return nil, fmt.Sprintf("%d cells answer to %s at GOMAXPROCS=%d, such as %s: judge them apart", len(names), keys, procs, names[0])
	}
}

// usual are the values that a cell's keys have unless it names others. A key
// that a sample's name lacks matches, for other tools do not write them all.
var usual = map[string]string{
	"sharing": "all", "reads": "100", "goroutines-per-p": "1", "keys": "32768", "item-lock": "on",
}

// match are the names of the samples at procs that answer to the keys.
func (j *judge) match(keys string, procs int) []*sample.Name {
	var found []*sample.Name
	for n, has := range j.names {
		if n.Procs() == procs && answers(has, keys) {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b *sample.Name) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func answers(has map[string]string, keys string) bool {
	asked := map[string]string{}
	for _, f := range strings.Fields(keys) {
		k, v, _ := strings.Cut(f, "=")
		asked[k] = v
		got, ok := has[k]
		if got != v && (ok || usual[k] != v) {
			return false
		}
	}
	for k, v := range usual {
		got, ok := has[k]
		if _, named := asked[k]; !named && ok && got != v {
			return false
		}
	}
	for _, k := range []string{"work", "hold", "think"} { // more is done where these are there
		if _, ok := has[k]; ok && asked[k] == "" {
			return false
		}
	}
	return true
}

// String is the check in words, before it is known at which GOMAXPROCS.
func (c check) String() string {
	return c.words(c.a.procs.choice(c.cpus), c.b.procs.choice(c.cpus))
}

func (c check) at(pa, pb int) string { return c.words(strconv.Itoa(pa), strconv.Itoa(pb)) }

func (c check) words(pa, pb string) string {
	a := fmt.Sprintf("%s of %s at GOMAXPROCS=%s", c.quantity, c.a.keys, pa)
	switch {
	case c.how == valueOf:
		return a
	case c.a.keys == c.b.keys:
		return fmt.Sprintf("%s of %s at GOMAXPROCS=%s %s at %s", c.quantity, c.a.keys, pa, c.how, pb)
	case pa == pb:
		return fmt.Sprintf("%s of %s %s %s at GOMAXPROCS=%s", c.quantity, c.a.keys, c.how, c.b.keys, pa)
	}
	return fmt.Sprintf("%s %s %s at %s", a, c.how, c.b.keys, pb)
}

// choice is what may be chosen from, where the check takes that many CPUs.
func (p procs) choice(cpus int) string {
	switch p {
	case top:
		return fmt.Sprintf("%d or more", cpus)
	case few:
		return fmt.Sprintf("%d to %d", cpus, laptop)
	}
	return strconv.Itoa(int(p))
}

func (c check) needs() string {
	side := "above"
	if c.below {
		side = "below"
	}
	return fmt.Sprintf("%s %v: %s", side, c.beyond, c.beyond.why)
}
