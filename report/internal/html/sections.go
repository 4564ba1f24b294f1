package html

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
)

// measure is one quantity that a chart can show, as a line per series.
type measure struct {
	Key     string // of the estimate; see estimates
	Label   string
	Unit    string // as derive.Format knows it
	About   string
	Ceiling string // key of the dashed line, if any
	Dashed  string // what that line is; the share-nothing ceiling if empty
	Ideal   string // "linear" or "one": the line that perfect scaling would draw
	Zero    bool   // the axis begins at zero
}

// chart is one set of axes; with several measures the reader switches.
type chart struct {
	ID       string
	Title    string
	Bars     string // a kind of stacked bars, as small multiples: "cpu" or "wait"
	Needs    string // key without which there is no such chart; empty for any of Measures
	Measures []measure
}

// section is a part of the page, shown where its facet has any of its measures.
type section struct {
	ID, Title, About string
	Charts           []chart
}

// shown is a section as its facet has it.
type shown struct {
	section
	Constant []string // what charts of a single value would show
}

// paced are the sections of an open load, which come first: its throughput is what others set.
var paced = []section{
	{"latency", "What a caller waits", "From when an operation was due by the plan, so that waiting behind others counts. Hollow marks at the top: the load was not carried, the backlog grew, and no quantile means anything.",
		[]chart{quantiles()}},
	{"beside", "Beside it", "What the same operations show to those who do not ask for the wait, and what the generator itself did.",
		[]chart{
			about(one("u:closed-p99-ns", "What a closed loop shows (closed-p99-ns)", "closed-p99-ns"), "99th percentile of an operation's time where the next begins when the last has ended: nothing queues."),
			about(one("u:service-p99-ns", "An operation alone (service-p99-ns)", "service-p99-ns"), "99th percentile from an operation's begin to its end, without the queue before it."),
			one("u:capacity/s", "Capacity (capacity/s)", "capacity/s"),
			about(one("u:lag-p99-ns", "The generator's own lag (lag-p99-ns)", "lag-p99-ns"), "How late the generator itself began operations with nothing before them. Waits of less than ten times that are not resolved."),
		}},
}

// quantiles is the chart of latency over the rate, one quantile at a time with the service time dashed.
func quantiles() chart {
	c := chart{ID: "latency"}
	for _, q := range []string{"p99-ns", "p50-ns", "p90-ns", "p99.9-ns", "p99.99-ns", "max-ns"} {
		m := measure{Key: "u:" + q, Label: strings.TrimSuffix(q, "-ns"), Unit: q, About: "From when it was due, queue included. Dashed: the operation alone (service)."}
		if q == "max-ns" {
			m.About = "The longest that any caller waited."
		} else {
			m.Ceiling, m.Dashed = "u:"+derive.Service+q, "service: the operation alone"
		}
		c.Measures = append(c.Measures, m)
	}
	return c
}

// aboveCeiling is why a ceiling is none at some points.
const aboveCeiling = "A point can lie above the ceiling: by noise, or because many private copies need more memory than one that is shared."

// sections is the one list of what a facet shows, top down. Units that no
// section names follow in a last one.
var sections = []section{
	{"throughput", "Throughput", "", []chart{{ID: "throughput", Measures: []measure{
		{Key: "rate", Label: "ops/s", Unit: "ops/s", Ceiling: "ceiling", About: "Operations per second, all goroutines together. Dashed: the share-nothing ceiling, the same load with a private copy for each goroutine. " + aboveCeiling, Zero: true},
		{Key: "u:ns/op", Label: "ns/op", Unit: "ns/op", About: "Wall time per operation, all goroutines together.", Zero: true},
		{Key: "u:sec/op", Label: "sec/op", Unit: "sec/op", About: "Wall time per operation, all goroutines together.", Zero: true},
		{Key: "speedup", Label: "speed-up", Unit: "×", Ideal: "linear", About: "Throughput ÷ throughput at the lowest value of the axis, paired by block. Dashed, for GOMAXPROCS: linear.", Zero: true},
		{Key: "efficiency", Label: "efficiency", Unit: "efficiency", Ideal: "one", About: "Throughput ÷ the share-nothing ceiling at the same point, paired by block. Dashed: 100%, nothing lost by sharing. " + aboveCeiling, Zero: true},
		{Key: "per-price", Label: "ops per price", Unit: "ops/price", About: "Operations for one unit of the price of a machine-hour, as the fleet's plan states it.", Zero: true},
	}}}},
	{"cpu", "CPU time per operation", "",
		[]chart{
			{ID: "cpu-bars", Title: "Share-nothing ceiling and overhead of sharing", Bars: "cpu", Needs: "overhead", Measures: []measure{
				{Key: "c:cpu-ns/op", Label: "share-nothing ceiling", Unit: "cpu-ns/op"},
				{Key: "overhead", Label: "overhead of sharing", Unit: "cpu-ns/op"},
				{Key: "u:cpu-ns/op", Label: "total", Unit: "cpu-ns/op", About: "The overhead of sharing is how much more CPU time an operation takes than at the share-nothing ceiling (the same load with a private copy for each goroutine), paired by block. Noise can make it negative."},
			}},
			{ID: "cpu-lines", Title: "CPU time per operation", Measures: []measure{
				{Key: "u:cpu-ns/op", Label: "total", Unit: "cpu-ns/op", About: "Process CPU time, user and system, ÷ operations.", Zero: true},
				{Key: "overhead", Label: "overhead", Unit: "cpu-ns/op", About: "What sharing costs.", Zero: true},
				{Key: "c:cpu-ns/op", Label: "share-nothing ceiling", Unit: "cpu-ns/op", About: "CPU time per operation with a private copy for each goroutine.", Zero: true},
			}},
		}},
	{"waiting", "Waiting and capacity not used",
		"Quantities that are not the same: stalled Ps (from a trace), idle Ps, CPU capacity not used, and threads that wait for a CPU.",
		[]chart{
			waitBars(),
			one("w:p-wait", "Stalled Ps (p-wait)", "p-wait"),
			{ID: "cost", Title: "Throughput while traced ÷ untraced", Measures: []measure{
				{Key: "cost", Label: "traced ÷ untraced", Unit: "×", Ideal: "one", About: "What the tracer costs the runs that p-wait is of, paired by block.", Zero: true}}},
			one("u:p-idle", "Idle Ps (p-idle)", "p-idle"),
			one("u:cpu-unused", "Capacity not used (cpu-unused)", "cpu-unused"),
			one("u:os-wait", "Threads waiting for a CPU (os-wait)", "os-wait"),
			one("u:mutex-wait-ns/op", "Blocked on mutexes (mutex-wait-ns/op)", "mutex-wait-ns/op"),
			one("u:ctxsw/op", "Context switches (ctxsw/op)", "ctxsw/op"),
			one("u:ctxsw-forced/op", "Involuntary switches (ctxsw-forced/op)", "ctxsw-forced/op"),
		}},
	{"hits", "Hit ratio and mix", "A miss can be cheaper than a hit: compare throughput only at like hit ratios.",
		[]chart{
			one("u:hits/get", "Hit ratio (hits/get)", "hits/get"),
			one("u:reads/op", "Achieved reads (reads/op)", "reads/op"),
			one("u:lost/op", "Lost updates (lost/op)", "lost/op"),
		}},
	{"fairness", "Fairness", "Whether the goroutines got the same share of the operations.",
		[]chart{one("u:fairness", "Slowest ÷ fastest goroutine (fairness)", "fairness"), one("u:jain", "Jain's index (jain)", "jain")}},
	{"exclusion", "Exclusion", "Whether two clients of a lock service held a lock at once, what came of it, and who got none. Medians of the runs; what the worst run showed is in the table of what excluded.",
		[]chart{
			one("u:overlaps", "Grants while another held (overlaps)", "overlaps"),
			one("u:overlap-ms", "Time with two holders (overlap-ms)", "overlap-ms"),
			one("u:stale-accepted", "Late writes accepted (stale-accepted)", "stale-accepted"),
			one("u:stale-rejected", "Late accesses refused (stale-rejected)", "stale-rejected"),
			one("u:fresh-rejected", "Accesses refused in order (fresh-rejected)", "fresh-rejected"),
			one("u:tokens-fell", "Tokens that did not rise (tokens-fell)", "tokens-fell"),
			one("u:waiting", "Clients that wait for ever (waiting)", "waiting"),
			one("u:refused/op", "Refused because of another (refused/op)", "refused/op"),
			one("u:twice", "Items handed out once more (twice)", "twice"),
			one("u:unavailable-ms", "Nobody got it (unavailable-ms)", "unavailable-ms"),
		}},
}

// waitBars are the parts of p-wait, and p-wait itself.
func waitBars() chart {
	c := chart{ID: "wait-bars", Title: "What Ps wait for", Bars: "wait", Needs: "w:" + derive.WaitParts[0].Unit}
	for _, p := range derive.WaitParts {
		c.Measures = append(c.Measures, measure{Key: "w:" + p.Unit, Label: p.Label, Unit: p.Unit})
	}
	c.Measures = append(c.Measures,
		measure{Key: "w:" + derive.WaitUnit, Label: "p-wait", Unit: derive.WaitUnit, About: "Share of GOMAXPROCS × time. Bars are medians, part by part; the line is the median of p-wait with its interval."},
		measure{Key: "cost", Label: "traced ÷ untraced throughput", Unit: "×"})
	return c
}

func one(key, title, unit string) chart {
	u, _ := sample.LookupUnit(unit)
	return chart{ID: key, Title: title, Measures: []measure{{Key: key, Label: unit, Unit: unit, About: u.About, Zero: true}}}
}

// about replaces what a chart of one measure says of it.
func about(c chart, text string) chart {
	c.Measures[0].About = text
	return c
}

// latency matches percentiles such as "p99-ns".
var latency = regexp.MustCompile(`^p\d+(\.\d+)?-`)

// sectionsOf are the sections that the facet has measures for, and no more.
func sectionsOf(v *derive.View, f *derive.Facet) []shown {
	all := slices.Clone(sections)
	if f.Paced {
		all = slices.Concat(paced, sections)
	}
	named := map[string]bool{"u:ops/s": true}
	for _, s := range all {
		for _, c := range s.Charts {
			for _, m := range c.Measures {
				named[m.Key], named[m.Ceiling] = true, true
			}
		}
	}
	lat := section{ID: "latency", Title: "Latency"}
	trace := section{ID: "traced", Title: "Under the probe", About: "What else traced runs measured. Tracing slows what it observes: compare with the untraced throughput above."}
	rest := section{ID: "more", Title: "Memory and other units"}
	for _, u := range v.Units {
		c := one("u:"+u.Name, u.Name, u.Name)
		c.Measures[0].About = u.About
		switch {
		case named["u:"+u.Name]:
		case latency.MatchString(u.Name):
			lat.Charts = append(lat.Charts, c)
		case !named["w:"+u.Name]:
			rest.Charts = append(rest.Charts, c)
		}
		if t := one("t:"+u.Name, u.Name+", traced", u.Name); !named["w:"+u.Name] {
			t.Measures[0].About = u.About
			if u.Name == "ops/s" || !measured(f, "u:"+u.Name) {
				trace.Charts = append(trace.Charts, t)
			}
		}
	}
	all = append(all, lat, trace, rest)
	return present(f, all)
}

// present leaves out what the facet has no estimate of.
func present(f *derive.Facet, all []section) []shown {
	var ss []shown
	for _, of := range all {
		s := shown{section: of}
		var cs []chart
		var values []string
		titles := map[string][]string{} // by the value that their charts would show
		for _, c := range s.Charts {
			c.Measures = slices.DeleteFunc(slices.Clone(c.Measures), func(m measure) bool { return !measured(f, m.Key) })
			if c.Needs != "" && !measured(f, c.Needs) {
				continue
			}
			for i := range c.Measures {
				c.Measures[i].adapt(f)
			}
			if value, ok := constant(f, c); ok {
				if titles[value] == nil {
					values = append(values, value)
				}
				titles[value] = append(titles[value], c.Title)
			} else if len(c.Measures) > 0 {
				cs = append(cs, c)
			}
		}
		for _, value := range values {
			s.Constant = append(s.Constant, fmt.Sprintf("%s: %s everywhere.", strings.Join(titles[value], ", "), value))
		}
		if s.Charts = cs; len(cs)+len(s.Constant) > 0 {
			ss = append(ss, s)
		}
	}
	return ss
}

// constant reports whether a chart of one measure would show one value at all points:
// a word says that. References do not count, as null misses always.
func constant(f *derive.Facet, c chart) (value string, ok bool) {
	if len(c.Measures) != 1 || c.Title == "" || c.Bars != "" {
		return "", false
	}
	n := 0
	for _, s := range f.Series {
		for _, p := range s.Points {
			e := estimate(p, c.Measures[0].Key)
			if e.N == 0 || s.Reference {
				continue
			}
			text := c.Measures[0].value(e.Median) // the unit stands in the title
			if n++; n > 1 && text != value {
				return "", false
			}
			value = text
		}
	}
	return value, n > 1
}

// adapt drops the dashed line that the facet has no estimates for, and says
// where rates were computed.
func (m *measure) adapt(f *derive.Facet) {
	if m.Ceiling != "" && !measured(f, m.Ceiling) {
		m.Ceiling = ""
		if m.Dashed == "" {
			m.About = "Operations per second, all goroutines together."
		}
	}
	if m.Key == "w:"+derive.WaitUnit || m.Key == "cost" {
		m.About = strings.TrimSuffix(m.About, ".") + ". " + whence(f)
	}
	if m.Key == "rate" && f.DerivedRate {
		m.About += " Computed as 10⁹ ÷ ns/op: the text does not state it."
	}
}

// whence says which samples p-wait is of.
func whence(f *derive.Facet) string {
	if f.Toured {
		return "From tours: one process through all values of GOMAXPROCS, traced throughout."
	}
	return "From traced repetitions of the cells, in short windows."
}

func measured(f *derive.Facet, key string) bool {
	for _, s := range f.Series {
		for _, p := range s.Points {
			if estimate(p, key).N > 0 {
				return true
			}
		}
	}
	return false
}

// estimate is the point's estimate of that key: one of the derived ones, or
// "u:", "c:", "t:" with a unit for untraced, control and traced samples, "w:"
// with one of p-wait's.
func estimate(p *derive.Point, key string) derive.Estimate {
	switch key {
	case "rate":
		return p.Rate
	case "ceiling":
		return p.Ceiling
	case "speedup":
		return p.Speedup
	case "efficiency":
		return p.Efficiency
	case "per-price":
		return p.PerPrice
	case "overhead":
		return p.Overhead
	case "cost":
		return p.Cost
	}
	switch unit := key[2:]; key[:2] {
	case "u:":
		return p.Units[unit]
	case "c:":
		return p.Control[unit]
	case "w:":
		return p.Wait[unit]
	default:
		return p.Traced[unit]
	}
}
