// Package compare holds two sets of samples against each other: how far each
// cell has moved, how sure that is, and whether a change may pass.
//
// Noise is taken to multiply, so a cell's samples are compared by their
// logarithms and its change is a ratio; units that are not positive throughout
// are compared by differences. Where both sides were measured in the same
// blocks of one run, the comparison is of pairs, and the drift of the machine
// cancels. The family is every gated cell and unit; Holm's procedure (1979)
// keeps the chance of even one false alarm in it at Alpha. See [ranks] for the
// test itself.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// Options says what counts as a change.
type Options struct {
	// Units are gated: each of a cell's units that is listed is a member of the
	// family. None stands for one primary unit per cell: ops/s, or else ns/op,
	// or else the first that both sides have and that has a direction.
	Units []string
	// CPU gates cpu-ns/op too, where Units names none and both sides have it:
	// what others on the host take from wall time, they do not take from it.
	CPU bool
	// MinEffect is the smallest change that matters, as a fraction: 0.03.
	MinEffect float64
	// Alpha is the chance of a false alarm in the whole family: 0.05. Gains are no
	// alarms, and have a chance of their own of the same size.
	Alpha float64
	// Between is the standard deviation, as a fraction, by which two runs of the
	// same code differ that were not measured side by side, beyond the noise within
	// each. Such runs meet another state of the host, and no number of samples in
	// one of them shows how far that goes. See [apart].
	Between float64
	// Sequential is the design of the run, if it left cells when they were clear.
	Sequential Sequential
	// Rules and Allowances are for some of the benchmarks only. Now is the time at
	// which allowances end.
	Rules      []Rule
	Allowances []Allowance
	Now        time.Time
	// Want is a change that the reader wants to be found, as a fraction: the
	// comparison says how many samples that takes.
	Want float64
	// Locate finds where a row's benchmark stands in the sources, for annotations; nil,
	// or an empty file, is not known.
	Locate func(*Row) (file string, line int)
}

// Default are the options of the command.
var Default = Options{MinEffect: 0.03, Alpha: 0.05, Between: 0.05, Want: 0.05}

// MinN is the least number of samples on each side, or of pairs, that are
// tested at all. It is the first at which ranks alone can say anything at 95%.
const MinN = 6

// Side is one of the two that are compared.
type Side struct {
	Label   string // for the reader: "base", a path
	Set     *sample.Set
	Variant string // only samples of this variant; "" for all of the set
}

// Verdict is what the data say of one cell.
type Verdict string

// The verdicts. Worse and Better need a test that excludes no change and
// an estimate of at least the smallest effect. Same is a finding too: the
// interval of [sameLevel] lies within the smallest effect to both sides
// (equivalence by two one-sided tests, Schuirmann 1987). All else is Unclear: to
// have found nothing is not to have found that there is nothing.
const (
	Worse   Verdict = "worse"
	Better  Verdict = "better"
	Same    Verdict = "same"
	Unclear Verdict = "unclear"
)

// sameLevel is the confidence of the interval that decides over Same: 5% to each
// side, without correction. That a cell is the same cannot raise an alarm, and
// "no cell has changed" holds at 5% if each does (Berger 1982).
const sameLevel = 0.9

// Row is one cell in one unit.
type Row struct {
	Name   *sample.Name
	Pkg    string // the pkg: line of text that has one
	Unit   string
	Better sample.Better
	// Gated rows are the family. The others inform: their intervals hold
	// Alpha each, without correction, and they have no verdict, but for first-ns:
	// what first calls take is a family of its own, and no alarm.
	Gated   bool
	Verdict Verdict
	Why     string // of an unclear verdict
	Allowed string // why it may be worse; empty if nothing allows that
	// Counted rows are of a unit that counts what the code does, such as
	// allocs/op: they are a family of their own. See [Row.countTest].
	Counted bool

	Paired     bool
	NOld, NNew int     // samples; pairs if Paired; machines in a fleet
	Old, New   float64 // medians
	// Ratio is the estimate of new ÷ old, from Lo to Hi with confidence Level.
	// NaN where there is none: too few samples, or an old median that is not
	// positive.
	Ratio, Lo, Hi, Level float64
	// Shift is the change in the unit itself where a ratio makes no sense
	// because not all values are positive; NaN otherwise.
	Shift float64
	P     float64 // of a change as clear as this one in its direction, if there is none; NaN if not tested
	PHolm float64 // P corrected for the family
	// Needed is how many samples a side an unclear row needs: those that find
	// Options.Want nine times in ten, or [MinN] where there are too few to tell; 0 is
	// not known.
	Needed int

	Oversubscribed bool // at more Ps than usable CPUs, by the samples' warnings
	FewIterations  bool // some windows hold too few for a mean, by the same

	lost    tally      // of an open load that the new side did not carry throughout
	blocks  []blockKey // of the pairs
	data    data
	logs    bool        // data are logarithms
	flipped bool        // tested by maxT: too few pairs for ranks alone
	alpha   float64     // what p must reach in the first step of the family
	lower   float64     // what the interval leaves out below
	upper   float64     // and above
	same    float64     // what the interval that shows Same leaves out on each side
	bands   *[2]float64 // see band
	power   int         // samples a side that find Options.Want nine times in ten; 0 unknown
	// machines says that each value, or pair, is of one machine of a fleet.
	machines bool
	spans    int  // blocks in which the cell was measured, up to the last one
	clear    bool // its cell is settled
	// The test that decides has no interval of its own, and excludes no change.
	excludesZero bool
	// From the rules that match: see [Rule].
	minEffect, threshold float64
	test                 test // nil without enough samples
}

// Procs is the cell's GOMAXPROCS, 0 if its name does not state it.
func (r *Row) Procs() int { return r.Name.Procs() }

// Change is the relative change of the estimate: +0.05 is 5% more. It is ±Inf
// for a change from zero.
func (r *Row) Change() float64 {
	if math.IsNaN(r.Ratio) && !math.IsNaN(r.Shift) && r.Shift != 0 {
		return math.Inf(int(math.Copysign(1, r.Shift)))
	}
	return r.Ratio - 1
}

// loss is the change towards the worse; a gain is negative.
func (r *Row) loss() float64 {
	if r.Better == sample.Higher {
		return -r.Change()
	}
	return r.Change()
}

// Difference is a configuration key that the two sides do not agree in.
type Difference struct {
	Key      string
	Old, New []string // values, in order; none where a side does not state it
}

// Comparison is the outcome.
type Comparison struct {
	Options
	OldLabel, NewLabel string
	Rows               []*Row // gated ones first, worst first
	Missing, New       []string
	NoUnit             []string  // cells on both sides without a common unit to compare
	Failures           []string  // lines of the new text in which go test says that something failed
	Crashed            []string  // cells whose samples are all invalid on one side only
	Invalid            [2]int    // samples left out: old, new
	reasons            [2]string // the last reason of each
	Traced             int       // samples of traced cells, which are not compared
	OtherParts         [2]int    // samples of earlier parts of a run, on another host or of another build
	Differs            []Difference
	Unstated           []string // configuration keys that one side alone states
	MaxProcs           int
	UsableCPUs         string
	Toolchain          string // the Go of both sides, where one line says it
	Notices            []Notice
	Notes              []string
}

// Notice is what a reader must know before the numbers, of what was not measured.
type Notice struct {
	What  string `json:"what"` // LOST, new, note …
	Text  string `json:"text"`
	Alarm bool   `json:"alarm"` // what it says must not pass
}

func (n Notice) String() string { return n.What + ": " + n.Text }

// Alarms counts the notices that must not pass.
func Alarms(list []Notice) (n int) {
	for _, x := range list {
		if x.Alarm {
			n++
		}
	}
	return n
}

// Compare compares two sides. It is an error if they have no cell and unit in
// common, or if a listed unit is in neither or has no direction.
func Compare(old, new Side, opt Options) (*Comparison, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	for unit, better := range new.Set.Better {
		if was := old.Set.Better[unit]; was != sample.Neither && was != better {
			return nil, fmt.Errorf("unit %s is better=%s in %s, and better=%s in %s: correct one of the Unit lines", unit, was, old.Label, better, new.Label)
		}
	}
	c := &Comparison{Options: opt, OldLabel: old.Label, NewLabel: new.Label}
	direction := func(unit string) sample.Better {
		return cmp.Or(new.Set.Better[unit], old.Set.Direction(unit))
	}
	a, b := collect(old, c, 0), collect(new, c, 1)
	c.configuration(a, b)
	c.noteCopies(old, new)
	if old.Set != new.Set {
		for _, f := range new.Set.Failures {
			c.Failures = append(c.Failures, f.String())
		}
	}
	align(a, b)
	if err := c.match(a, b, direction); err != nil {
		return nil, err
	}
	c.judge(newNulls())
	c.noteStalls()
	return c, nil
}

// noteCopies says that both sides hold the same samples of a run, as a folder and its copy do.
func (c *Comparison) noteCopies(old, new Side) {
	if old.Set == new.Set || old.Variant != new.Variant {
		return
	}
	type place struct {
		run, cell string
		block     int
	}
	held := map[place]bool{}
	for _, s := range old.Set.Samples {
		if s.Run != nil && s.Run.ID != "" {
			held[place{s.Run.ID, s.Cell, s.Block}] = true
		}
	}
	n := 0
	for _, s := range new.Set.Samples {
		if s.Run != nil && held[place{s.Run.ID, s.Cell, s.Block}] {
			n++
		}
	}
	if n > 0 {
		c.Notices = append(c.Notices, Notice{"note", fmt.Sprintf("%d of %d samples of %s are the same processes' as in %s, a copy: what differs between them is no change", n, len(new.Set.Samples), new.Label, old.Label), false})
	}
}

func (o Options) check() error {
	switch {
	case !(o.MinEffect >= 0 && o.MinEffect < 1):
		return fmt.Errorf("--min-effect: %g; a share from 0%% to under 100%%, such as 3%%", o.MinEffect)
	case !(o.Alpha > 0 && o.Alpha < 0.5):
		return fmt.Errorf("--alpha: %g; a probability above 0 and below 0.5, such as 0.05", o.Alpha)
	case !(o.Between >= 0 && o.Between < 1):
		return fmt.Errorf("--between: %g; a share from 0%% to under 100%%, such as 5%%", o.Between)
	case !(o.Want > o.MinEffect):
		return fmt.Errorf("--want: %g; a change above --min-effect, such as 5%%", o.Want)
	}
	return o.checkRules()
}

// match finds the cells that both sides have, and the units to compare.
func (c *Comparison) match(a, b *cells, direction func(string) sample.Better) error {
	c.noteFailures(a, b)
	for _, key := range a.order {
		if failed, _ := b.fared(key); b.byKey[key] == nil && failed == 0 { // else a notice says it
			c.absent(&c.Missing, key, b)
		}
	}
	seen := map[string]bool{}
	var loads []*load
	for _, key := range b.order {
		x, y := a.byKey[key], b.byKey[key]
		if x == nil {
			c.absent(&c.New, key, a)
			continue
		}
		c.MaxProcs = max(c.MaxProcs, y.name.Procs())
		units := commonUnits(x, y)
		if l, ok := newLoad(key, x, y); ok {
			loads = append(loads, l)
		}
		gated := c.gate(y.name.String(), units, direction)
		if own := c.rule(y.name.String()).Units; len(gated) == 0 && (own == nil || len(*own) > 0) {
			c.NoUnit = append(c.NoUnit, key.String())
		}
		for _, u := range units {
			seen[u] = true
			if d := direction(u); d != sample.Neither || slices.Contains(gated, u) {
				r := newRow(x, y, u, d)
				r.Gated = slices.Contains(gated, u)
				c.Rows = append(c.Rows, r)
			}
		}
	}
	c.judgeLoads(loads)
	for _, u := range c.Units {
		if direction(u) == sample.Neither {
			return fmt.Errorf("--unit: %s has no direction; a line \"Unit %s better=lower\" (or higher) in the text gives it one", u, u)
		}
		if !seen[u] && Alarms(c.Notices) == 0 {
			return fmt.Errorf("--unit: no cell has %s on both sides", u)
		}
	}
	if !slices.ContainsFunc(c.Rows, func(r *Row) bool { return r.Gated }) && Alarms(c.Notices) == 0 {
		return errors.New(c.nothing())
	}
	return nil
}

// nothing says why no cell can be compared.
func (c *Comparison) nothing() string {
	text := "nothing to compare: no cell is on both sides with a unit that has a direction"
	for _, list := range []struct {
		what  string
		cells []string
	}{{"only in " + c.OldLabel, c.Missing}, {"only in " + c.NewLabel, c.New}, {"invalid on one side", c.Crashed}, {"without a common unit", c.NoUnit}} {
		if len(list.cells) > 0 {
			text += fmt.Sprintf("; %s: %s", list.what, few(list.cells))
		}
	}
	return text
}

// absent notes a cell that the other side has not, or only invalid.
func (c *Comparison) absent(list *[]string, key cellKey, other *cells) {
	if why, ok := other.invalid[key]; ok {
		c.Crashed = append(c.Crashed, fmt.Sprintf("%s: %s: %s", other.label, key, why))
		return
	}
	*list = append(*list, key.String())
}

// gate chooses the family's members among a cell's units.
func (c *Comparison) gate(name string, units []string, direction func(string) sample.Better) []string {
	asked := c.Units
	own := c.rule(name).Units
	if own != nil {
		asked = *own
	}
	if len(asked) > 0 || own != nil {
		return slices.DeleteFunc(slices.Clone(units), func(u string) bool { return !slices.Contains(asked, u) })
	}
	gated := primary(units, direction)
	if c.CPU && slices.Contains(units, unitCPU) && !slices.Contains(gated, unitCPU) {
		gated = append(gated, unitCPU)
	}
	for _, u := range units {
		if counted(u) && !slices.Contains(gated, u) {
			gated = append(gated, u)
		}
	}
	return gated
}

const unitCPU = "cpu-ns/op"

// primary is the unit that stands for a cell, as a list; of an open load there are two.
func primary(units []string, direction func(string) sample.Better) []string {
	for _, u := range []string{"ops/s", "ns/op"} {
		if slices.Contains(units, u) {
			return []string{u}
		}
	}
	if slices.Contains(units, unitOffered) {
		return openUnits(units)
	}
	for _, u := range units {
		if direction(u) != sample.Neither {
			return []string{u}
		}
	}
	return nil
}

// judge tests the families, corrects, and gives the verdicts.
func (c *Comparison) judge(nulls *nulls) {
	for _, r := range c.Rows {
		c.apply(r)
		r.lower, r.upper, r.same = c.Alpha/2, c.Alpha/2, (1-sameLevel)/2
		if r.alpha = c.Alpha; r.kind() == alone && r.enough() {
			r.prepare(nulls, c.Options)
		}
	}
	for _, k := range []kind{timed, firstCalls} {
		c.test(c.of(k), nulls)
	}
	for _, r := range c.Rows {
		r.estimate()
		if !r.Counted { // a count does not become clearer by repetition
			r.power = r.needed(max(c.Want, r.minEffect*5/3), r.minEffect)
		}
		switch {
		case r.Gated && r.Counted:
			r.decideCount()
		case r.kind() != alone:
			r.decide(c.Options)
		}
		switch { // what is decided needs no more
		case r.Verdict == Unclear && r.enough():
			r.Needed = r.power
		case r.Verdict == Unclear:
			r.Needed = MinN
		}
	}
	correctCounts(c.Rows, c.Alpha)
	c.markClear()
	rank := map[Verdict]int{Worse: 0, Unclear: 1, Better: 2, Same: 3}
	slices.SortStableFunc(c.Rows, func(a, b *Row) int {
		if a.Gated != b.Gated {
			return cmp.Compare(rankBool(b.Gated), rankBool(a.Gated))
		}
		if !a.Gated {
			return 0
		}
		return cmp.Or(cmp.Compare(rank[a.Verdict], rank[b.Verdict]), cmp.Compare(sortable(b.loss()), sortable(a.loss())))
	})
}

// kind is which family a row is tested in.
type kind int

const (
	alone      kind = iota // in none; see [correctCounts] for those that count
	timed                  // the gated rows
	firstCalls             // what first calls took, where that is not gated: a gate on one call of each process would alarm about noise
)

// unitFirst is what a benchmark's first call takes: what later ones find done.
const unitFirst = "first-ns"

func (r *Row) kind() kind {
	switch {
	case r.Counted:
		return alone
	case r.Gated:
		return timed
	case r.Unit == unitFirst:
		return firstCalls
	}
	return alone
}

func (c *Comparison) of(k kind) (rows []*Row) {
	for _, r := range c.Rows {
		if r.kind() == k {
			rows = append(rows, r)
		}
	}
	return rows
}

// test tests rows as a family, corrects their p values for it, and sets the level
// of their intervals. It returns the family: the rows that have enough samples.
func (c *Comparison) test(rows []*Row, nulls *nulls) (family []*Row) {
	for _, r := range rows {
		if r.enough() {
			family = append(family, r)
		}
	}
	size := len(family)
	if c.Sequential.End > 0 { // chosen before the data
		size = len(rows)
	}
	for _, r := range rows {
		r.alpha = c.Alpha / float64(max(1, size))
	}
	for _, r := range family {
		r.prepare(nulls, c.Options)
	}
	c.correct(family, size)
	return family
}

// correct gives the family's rows their corrected p values, and the levels of the
// intervals that agree with them. Rows whose pairs are too few for ranks to reach
// their step are tested together, by [maxT]; each of the two parts gets the share of
// Alpha that its number of rows has.
func (c *Comparison) correct(family []*Row, size int) {
	var byRanks, byFlips []*Row
	for _, r := range family {
		if r.flipped {
			byFlips = append(byFlips, r)
		} else {
			byRanks = append(byRanks, r)
		}
	}
	flips := float64(len(byFlips)) / float64(max(1, size))
	holm(byRanks, size-len(byFlips), c.Alpha*(1-flips))
	maxT(byFlips)
	for _, r := range byRanks {
		r.PHolm = min(1, r.PHolm/(1-flips))
		if c.Sequential.End > 0 && r.Paired { // an e-value gives no interval of its own
			r.same = c.Sequential.sameAlpha()
			r.lower, r.upper = r.same, r.same
			r.excludesZero = r.PHolm <= c.Alpha
		}
	}
	for _, r := range byFlips { // max-T gives no interval of its own either
		r.PHolm = min(1, r.PHolm/flips)
		r.lower, r.upper = r.same, r.same
		r.excludesZero = r.PHolm <= c.Alpha
	}
}

func rankBool(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sortable(x float64) float64 {
	if math.IsNaN(x) {
		return math.Inf(-1)
	}
	return x
}

// holm corrects the p values of a family of m rows, and gives the levels at which
// the intervals agree with it. Worse and better are two families, each with alpha.
// With r rejections among m, the level is alpha ÷ (m − r): each rejected cell's p is
// at most its own step's threshold, which is below this one; the next smallest p is
// above it, and so are all others. So an interval excludes no change on that side
// exactly where Holm rejects.
func holm(family []*Row, m int, alpha float64) {
	level := map[bool]float64{}
	for _, worse := range []bool{true, false} {
		rows := slices.DeleteFunc(slices.Clone(family), func(r *Row) bool { return r.toWorse() != worse })
		slices.SortFunc(rows, func(a, b *Row) int { return cmp.Compare(a.P, b.P) })
		rejected, worst := 0, 0.0
		for i, r := range rows {
			worst = max(worst, min(1, r.P*float64(m-i)))
			r.PHolm = worst
			if worst <= alpha {
				rejected++
			}
		}
		level[worse] = alpha / float64(max(1, m-rejected))
	}
	for _, r := range family {
		r.lower, r.upper = level[r.Better != sample.Higher], level[r.Better == sample.Higher]
	}
}

// toWorse reports whether the change that P speaks of is one to the worse. The
// probability of one in the other direction is no less than a half.
func (r *Row) toWorse() bool { return r.test.center() > 0 == (r.Better != sample.Higher) }

// decide gives the verdict of a gated row.
func (r *Row) decide(o Options) {
	loss := r.loss()
	switch certain := r.PHolm <= o.Alpha; {
	case !r.enough():
		r.Verdict, r.Why = Unclear, r.lacking()
	case r.within(r.minEffect):
		r.Verdict = Same
	case certain && loss >= r.minEffect:
		r.Verdict = Worse
	case certain && loss <= -r.minEffect:
		r.Verdict = Better
	case !r.Paired && o.Between > 0:
		r.Verdict, r.Why = Unclear, fmt.Sprintf("two separate runs: a host alone makes them differ by %s or so", percent(o.Between))
	case loss >= r.minEffect:
		r.Verdict, r.Why = Unclear, "it would be a regression, but may be chance"
	default:
		r.Verdict, r.Why = Unclear, fmt.Sprintf("a change of %s or more is not excluded", percent(r.minEffect))
	}
	if r.lost.lost > 0 && (r.Verdict == Same || r.Verdict == Better) {
		r.Verdict, r.Why = Unclear, fmt.Sprintf("the load was carried in %s samples only, and the others tell no quantiles", r.lost)
	}
}

// band is the interval of [sameLevel], which several ask for.
func (r *Row) band() (lo, hi float64) {
	if r.bands == nil {
		lo, hi := r.test.interval(2 * r.same)
		r.bands = &[2]float64{lo, hi}
	}
	return r.bands[0], r.bands[1]
}

// within reports whether the data exclude a change of the smallest effect or
// more, in either direction. Values that are rounded to steps may hide a change of
// one step.
func (r *Row) within(effect float64) bool {
	lo, hi := r.band()
	if r.data.ties() {
		step := r.data.grain()
		lo, hi = lo-step, hi+step
	}
	if r.logs {
		return -math.Log1p(effect) <= lo && hi <= math.Log1p(effect)
	}
	margin := effect * math.Abs(r.Old)
	return -margin <= lo && hi <= margin
}

// Needs are how many samples a side decide each of the unclear rows nine times in
// ten, if their true change is Want, the fewest first. Rows with too few samples to
// tell are not among them.
func (c *Comparison) Needs() (list []int) {
	for _, r := range c.Gated() {
		if r.Verdict == Unclear && r.enough() && r.Needed > 0 {
			list = append(list, r.Needed)
		}
	}
	slices.Sort(list)
	return list
}

// Count is how many gated rows have the verdict.
func (c *Comparison) Count(v Verdict) int {
	n := 0
	for _, r := range c.Rows {
		if r.Gated && r.Verdict == v {
			n++
		}
	}
	return n
}

// Gated are the rows of the family.
func (c *Comparison) Gated() []*Row {
	n := 0
	for n < len(c.Rows) && c.Rows[n].Gated {
		n++
	}
	return c.Rows[:n]
}

// Regressed reports whether a change must not pass: something is worse, lost, or
// failed in the new side's text.
func (c *Comparison) Regressed() bool {
	return len(c.Failures)+Alarms(c.Notices) > 0 || slices.ContainsFunc(c.Rows, (*Row).Alarms)
}

// Undecided reports whether the data cannot decide all that they should:
// unclear or crashed cells, or sides that were measured on different hosts.
func (c *Comparison) Undecided() bool {
	return c.Count(Unclear) > 0 || len(c.Crashed) > 0 || len(c.Differs) > 0
}

// few names the first of many.
func few(list []string) string {
	const most = 5
	text := strings.Join(list[:min(most, len(list))], ", ")
	if len(list) > most {
		text += fmt.Sprintf(" and %d more", len(list)-most)
	}
	return text
}

// median is the middle of the values, or of the two in the middle, as benchstat
// has it.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
