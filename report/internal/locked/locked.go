// Package locked is what a report shows of lock services beside their cost: which
// excluded under which fault, and pictures of those that did not.
package locked

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/strip"
)

// Locks are what a report shows of the locks in a set.
type Locks struct {
	Tables   []html.Table
	Summary  html.Table // of services that promise something, those that did not hold
	Pictures []*chart.Picture
	Strips   []strip.Strip // the same for the page
	Notes    []string      // histories that cannot be read, and what was left out
}

// group is the samples of a service under a fault, whatever the rest is.
type group struct {
	derive.LockCase
	samples []*sample.Sample
	invalid int
}

// mostPictures are shown; the rest is noted.
const mostPictures = 8

// Open reads the samples of locks, and the histories of those that broke.
func Open(set *sample.Set) (l Locks, err error) {
	groups := collect(set)
	if len(groups) == 0 {
		return l, nil
	}
	l.Tables = []html.Table{verdicts(groups, tokensOf(set))}
	l.Summary = summary(groups, set)
	left, bare := 0, 0
	for _, g := range groups {
		s := g.worst()
		if s == nil || g.Fault == "none" {
			continue
		}
		if len(l.Pictures) == mostPictures {
			left++
			continue
		}
		lanes, err := lanesOf(s, fmt.Sprintf("%s under %s, fence %s", g.Service, g.Fault, g.Fence))
		if errors.Is(err, errNoHistory) {
			bare++
			continue
		}
		if err != nil {
			l.Notes = append(l.Notes, err.Error())
			continue
		}
		pic := lanes.Picture()
		pic.Name = "lanes-" + g.Service + "-" + g.Fault + "-fence-" + g.Fence
		l.Pictures = append(l.Pictures, pic)
		l.Strips = append(l.Strips, lanes.Strip())
	}
	if bare > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("not drawn over time, as the samples came without their histories: combinations in which a lock did not exclude (%d)", bare))
	}
	if left > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("of %d combinations in which a lock did not exclude, %d are drawn over time; a sweep of another alone (--service, --fault) draws it too", left+mostPictures, mostPictures))
	}
	return l, nil
}

func collect(set *sample.Set) (groups []*group) {
	for _, s := range set.Samples {
		of, ok := derive.LockCaseOf(s)
		if !ok {
			continue
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.LockCase == of })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{LockCase: of})
		}
		if s.Valid() {
			groups[i].samples = append(groups[i].samples, s)
		} else {
			groups[i].invalid++
		}
	}
	return groups
}

func value(s *sample.Sample, unit string) float64 {
	v, _ := s.Value(unit)
	return v
}

// worst is the sample that broke longest; nil if none did.
func (g *group) worst() (w *sample.Sample) {
	for _, s := range g.samples {
		if !derive.Excluded(s) && (w == nil || value(s, "overlap-ms") > value(w, "overlap-ms")) {
			w = s
		}
	}
	return w
}

// outcome is what became of the locks of a group: each group has one.
type outcome string

const (
	held    outcome = "held"
	broken  outcome = "broken"
	stood   outcome = "stood still" // and was not broken
	unknown outcome = "cannot tell"
)

// waited counts the samples at whose end a client waited without an answer, and broke those in which the lock did not exclude.
func (g *group) waited() int {
	return g.count(func(s *sample.Sample) bool { return value(s, "waiting") > 0 })
}
func (g *group) broke() int {
	return g.count(func(s *sample.Sample) bool { return !derive.Excluded(s) })
}

func (g *group) count(is func(s *sample.Sample) bool) (n int) {
	for _, s := range g.samples {
		if is(s) {
			n++
		}
	}
	return n
}

func (g *group) outcome() outcome {
	switch {
	case len(g.samples) == 0:
		return unknown
	case g.broke() > 0:
		return broken
	case g.waited() > 0:
		return stood
	}
	return held
}

// longest is the highest value of the group's samples, and the sample that has it; of equals one at whose end clients waited.
func (g *group) longest(unit string) (v float64, of *sample.Sample) {
	for _, s := range g.samples {
		if x := value(s, unit); x > v || x == v && value(s, "waiting") > 0 {
			v, of = x, s
		}
	}
	return v, of
}

// all is the sum over the group's samples.
func (g *group) all(unit string) (sum float64) {
	for _, s := range g.samples {
		sum += value(s, unit)
	}
	return sum
}

// verdict is what the tables say of a group.
func (g *group) verdict() string {
	n := len(g.samples)
	var more []string
	add := func(is bool, format string, args ...any) {
		if is {
			more = append(more, fmt.Sprintf(format, args...))
		}
	}
	word := string(g.outcome())
	switch g.outcome() {
	case unknown:
		return word + ": no valid sample"
	case broken:
		word = fmt.Sprintf("%s in %d of %d", broken, g.broke(), n)
	case stood:
		word = fmt.Sprintf("%s in %d of %d", stood, g.waited(), n)
	}
	overlap, _ := g.longest("overlap-ms")
	away, last := g.longest("unavailable-ms")
	lost, _ := g.longest("lost/op")
	atLeast := "up to"
	if last != nil && value(last, "waiting") > 0 { // the run's end cut it off
		atLeast = "at least"
	}
	add(overlap > 0, "two holders for up to %s", derive.Format("x-ns", overlap*1e6))
	for _, c := range []struct{ unit, text string }{
		{"stale-accepted", "late writes accepted"}, {"stale-rejected", "late accesses refused"}, {"fresh-rejected", "accesses refused that were not late"},
	} {
		sum := g.all(c.unit)
		add(sum > 0, "%s: %.0f in all", c.text, sum)
	}
	add(lost > 0, "up to %s of updates lost", derive.Format("efficiency", lost))
	add(g.outcome() == broken && g.waited() > 0, "%s in %d of %d", stood, g.waited(), n)
	add(away > 0, "granted to nobody for %s %s", atLeast, derive.Format("x-ns", away*1e6))
	if len(more) > 0 {
		word += ": " + strings.Join(more, ", ")
	}
	return word
}

// What the tables say below them: by which rule the outcomes and times are counted.
const (
	aboutOutcomes = "Broken: two clients had the same thing at once by their own clocks, or a change was lost, or a late one accepted. Stood still: a client still waited when nothing happened any more, and the run was ended."
	aboutNobody   = "Granted to nobody: the longest time without a grant, from the fault (or from when a holder that can go on let go) to the end of the run; at least, where the run stood still."
	aboutTokens   = "A fence refuses late writes by tokens that rise. Where the token is unordered or there is none, a late write that was accepted is not the fence's fault."
	aboutTimes    = "Up to, at least: of the worst run. In all: the sum of the runs. Late: after an access under a later lease."
)

// about is what tables say of these groups.
func about(groups []*group, tokens map[string]string) string {
	parts := []string{aboutOutcomes}
	if slices.ContainsFunc(groups, func(g *group) bool { return g.all("unavailable-ms") > 0 }) {
		parts = append(parts, aboutNobody)
	}
	if slices.ContainsFunc(groups, func(g *group) bool {
		return g.Fence == "on" && g.all("stale-accepted") > 0 && tokens[g.Service] != "" && tokens[g.Service] != "rising"
	}) {
		parts = append(parts, aboutTokens)
	}
	return strings.Join(parts, " ")
}

// tokensOf are the kinds of the services' tokens, as their run recorded them.
func tokensOf(set *sample.Set) map[string]string {
	tokens := map[string]string{}
	for _, r := range set.Records {
		if r.Verb == "service" {
			tokens[r.Get("name")] = r.Get("token")
		}
	}
	return tokens
}

// verdicts is services × faults.
func verdicts(groups []*group, tokens map[string]string) html.Table {
	t := html.Table{Title: "Does the lock exclude?", About: "All numbers of clients together. " + aboutTimes + " " + about(groups, tokens)}
	var faults, rows []string
	text, token := map[string]string{}, map[string]string{}
	for _, g := range groups {
		row := g.Service + ", fence " + g.Fence
		if !slices.Contains(faults, g.Fault) {
			faults = append(faults, g.Fault)
		}
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
			token[row] = cmp.Or(tokens[g.Service], "–")
		}
		text[row+" "+g.Fault] = g.verdict()
	}
	slices.SortStableFunc(faults, func(a, b string) int { return order(a) - order(b) })
	t.Columns = append([]string{"Service", "Token"}, faults...)
	for _, row := range rows {
		cells := []string{row, token[row]}
		for _, f := range faults {
			v := text[row+" "+f]
			if v == "" {
				v = "–"
			}
			cells = append(cells, v)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// summary says of which groups more is to be said than that the lock held, and how many came out how. What was promised
// and did not hold comes first.
func summary(groups []*group, set *sample.Set) html.Table {
	references, tokens, promised := derive.References(set), tokensOf(set), map[string][]string{}
	for _, r := range set.Records {
		if r.Verb == "service" {
			promised[r.Get("name")] = strings.Split(r.Get("excludes"), ",")
		}
	}
	t := html.Table{Title: "Does the lock exclude?", Columns: []string{"service", "token", "fault", "promises to exclude", "seen (times: worst run; counts: sums)"}, Numeric: make([]bool, 5)}
	var kept [][]string
	var told []*group
	counts := map[outcome]int{}
	for _, g := range groups {
		if references[g.Service] {
			continue
		}
		told = append(told, g)
		counts[g.outcome()]++
		if g.outcome() == held {
			continue
		}
		row := []string{g.Service, tokens[g.Service], fmt.Sprintf("%s, fence %s", g.Fault, g.Fence), "no", g.verdict()}
		if slices.Contains(promised[g.Service], g.Fault) {
			row[3] = "yes"
		}
		if row[3] == "yes" && g.outcome() == broken {
			t.Rows = append(t.Rows, row)
		} else {
			kept = append(kept, row)
		}
	}
	if len(told) == 0 {
		return html.Table{} // of references alone there is nothing to say
	}
	t.About = tally(counts, len(t.Rows))
	if counts[broken]+counts[stood] > 0 {
		t.About += " " + about(told, tokens)
	}
	byName := func(a, b []string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[2], b[2])) }
	slices.SortFunc(t.Rows, byName) // samples come in the random order of blocks
	slices.SortFunc(kept, byName)
	t.Rows = append(t.Rows, kept...)
	return t
}

// tally says how many combinations came out how. Each is counted once, so that the numbers add up.
func tally(counts map[outcome]int, promised int) string {
	all := 0
	var parts []string
	for _, o := range []outcome{held, broken, stood, unknown} {
		all += counts[o]
		if counts[o] == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", counts[o], o)
		if o == broken {
			against := "none"
			if promised > 0 {
				against = strconv.Itoa(promised)
			}
			text += " (" + against + " of them where the service promises to exclude)"
		}
		parts = append(parts, text)
	}
	return fmt.Sprintf("Of %s of service, fault and fence: %s.", derive.Plural(all, "combination"), strings.Join(parts, ", "))
}

// order puts the column without a fault first.
func order(fault string) int {
	if fault == "none" {
		return 0
	}
	return 1
}

// lanesOf reads the lanes of a sample's history.
func lanesOf(s *sample.Sample, title string) (*chart.Lanes, error) {
	events, err := events(s)
	if err != nil {
		return nil, err
	}
	lanes, err := Lanes(events)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", title, err)
	}
	lanes.Title, lanes.Conditions = title, s.Name.Without("service", "fault", "fence")
	return lanes, nil
}

var errNoHistory = errors.New("the sample has no history")

// events are a sample's history.
func events(s *sample.Sample) ([]history.Event, error) {
	for _, a := range s.Attachments {
		if a.Kind != "history" {
			continue
		}
		path := filepath.Join(filepath.Dir(s.File), filepath.FromSlash(a.Path))
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list, err := history.ReadAll(z, path)
		if err != nil {
			return nil, err
		}
		history.Sort(list)
		return list, nil
	}
	return nil, errNoHistory
}

// mostLanes are drawn: those of the clients that held the lock first.
const mostLanes = 12

// Lanes is the picture of the lock that the fault struck, or that broke first,
// around that time.
func Lanes(events []history.Event) (*chart.Lanes, error) {
	v := history.Judge(events)
	fault := slices.IndexFunc(events, func(e history.Event) bool { return e.What == history.Fault })
	var lock int
	var from, to int64
	switch {
	case fault >= 0:
		lock, from = max(events[fault].Lock, 0), events[fault].T
		to = from
		if i := slices.IndexFunc(events, func(e history.Event) bool { return e.What == history.Healed }); i >= 0 {
			to = events[i].T
		}
	case len(v.Spans) > 0:
		lock, from, to = v.Spans[0].Lock, v.Spans[0].From, v.Spans[0].To
	default:
		return nil, fmt.Errorf("neither a fault nor an overlap in %d events", len(events))
	}
	for _, s := range v.Spans {
		if s.Lock == lock && s.From >= from && s.From < to {
			to = max(to, s.To)
		}
	}
	pad := max((to-from)/6, int64(2e6))
	l := &chart.Lanes{From: from - pad, To: to + pad}
	for _, e := range events {
		switch e.What {
		case history.Fault:
			l.Moments = append(l.Moments, chart.Moment{T: e.T, Text: e.Note})
		case history.Healed:
			l.Moments = append(l.Moments, chart.Moment{T: e.T, Text: "over"})
		}
	}
	for _, s := range v.Spans {
		if s.Lock == lock && s.To > l.From && s.From < l.To {
			l.Overlaps = append(l.Overlaps, chart.Belief{From: s.From, To: s.To})
		}
	}
	fill(l, events, lock, v)
	l.Conditions = fmt.Sprintf("lock %d; time from the fault; %s while another believed, %s in all", lock, derive.Plural(v.Overlaps, "grant"), derive.Format("x-ns", float64(v.Overlap)))
	return l, nil
}

// fill adds the clients with their beliefs, and the writes that came too late.
func fill(l *chart.Lanes, events []history.Event, lock int, v history.Verdict) {
	lane := map[int]int{}
	for _, x := range history.Leases(events) {
		if x.Lock != lock || x.End < l.From || x.Granted > l.To {
			continue
		}
		at, ok := lane[x.Client]
		if !ok {
			if len(lane) == mostLanes {
				continue
			}
			at = len(lane)
			lane[x.Client] = at
			l.Names = append(l.Names, fmt.Sprintf("client %d", x.Client))
		}
		l.Beliefs = append(l.Beliefs, chart.Belief{Lane: at, From: x.Granted, To: x.End})
	}
	stale := map[int64]bool{}
	for _, e := range v.Stale {
		stale[e.T] = true
	}
	for _, e := range events {
		at, ok := lane[e.Client]
		if ok && e.Lock == lock && e.T >= l.From && e.T <= l.To && (e.What == history.Rejected || stale[e.T]) {
			l.Writes = append(l.Writes, chart.Write{Lane: at, T: e.T, Accepted: e.What == history.Write})
		}
	}
}
