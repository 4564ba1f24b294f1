package compare

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchunit"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/markdown"
)

// Formats are the ways to write a comparison.
var Formats = []string{"text", "markdown", "json", "csv", "junit", "github"}

// Write writes the comparison in one of [Formats].
func (c *Comparison) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return c.text(w)
	case "markdown":
		return c.markdown(w)
	case "json":
		return c.json(w)
	case "csv":
		return c.csv(w)
	case "junit":
		return c.junit(w)
	case "github":
		return c.github(w)
	}
	return fmt.Errorf("--format: %q unknown; there are %s", format, strings.Join(Formats, ", "))
}

// Headline is the outcome in one line.
func (c *Comparison) Headline() string {
	n := len(c.Gated())
	var parts []string
	for _, v := range []Verdict{Worse, Better, Unclear, Same} {
		if k := c.Count(v); k > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k, v))
		}
	}
	counts := fmt.Sprintf("%s of %d %s", strings.Join(parts, ", "), n, plural(n, "comparison"))
	if n == 0 {
		counts = "nothing else could be compared"
	}
	var red []string
	if slices.ContainsFunc(c.Rows, (*Row).Alarms) {
		red = append(red, "Regression")
	}
	if len(c.Failures) > 0 {
		red = append(red, "Failed")
	}
	alarms := map[string]int{}
	for _, n := range c.Notices {
		if n.Alarm {
			alarms[n.What]++
		}
	}
	for _, kind := range []struct{ what, headline string }{{whatLost, "Lost"}, {whatFails, "Failing"}, {whatUnstable, "Unstable"}} {
		if n := alarms[kind.what]; n > 0 {
			red = append(red, fmt.Sprintf("%s %d", kind.headline, n))
		}
	}
	switch {
	case len(red) > 0:
		return strings.Join(red, ", ") + ": " + counts
	case c.Count(Same) == n:
		return "Same: " + counts
	}
	return "No regression found: " + counts
}

// sides are what is compared, in one line.
func (c *Comparison) sides() string {
	text := c.OldLabel + " → " + c.NewLabel
	if c.Toolchain != "" {
		text += ", " + strings.ReplaceAll(c.Toolchain, ",", " and ")
	}
	return text
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// remarks are what a reader of the outcome must know, most important first.
func (c *Comparison) remarks() []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if len(c.Failures) > 0 {
		add("FAILED in %s: %s", c.NewLabel, few(c.Failures))
	}
	for _, d := range c.Differs {
		add("NOT THE SAME CONDITIONS: %s is %s in %s, %s in %s", d.Key, strings.Join(d.Old, " and "), c.OldLabel, strings.Join(d.New, " and "), c.NewLabel)
	}
	if len(c.Crashed) > 0 {
		add("no valid sample on one side: %s", few(c.Crashed))
	}
	list = append(list, c.passed()...)
	if text := c.firstCalls(); text != "" {
		add("%s", text)
	}
	if n := c.fewIterations(); n > 0 {
		add("%d %s of few iterations: a single call fills the window, so that one that is held up decides; a longer --time gives more", n, plural(n, "comparison"))
	}
	if n := c.Count(Unclear); n > 0 {
		add("%d %s unclear: the data cannot decide%s", n, plural(n, "comparison"), c.wanting())
		why := map[string]int{}
		for _, r := range c.Gated() {
			if r.Why != "" {
				why[r.Why]++
			}
		}
		for _, text := range slices.Sorted(maps.Keys(why)) {
			add("%d unclear: %s", why[text], text)
		}
	}
	if len(c.Missing) > 0 {
		add("%d %s missing from %s: %s", len(c.Missing), plural(len(c.Missing), "cell"), c.NewLabel, few(c.Missing))
	}
	if len(c.New) > 0 {
		add("%d new in %s: %s", len(c.New), c.NewLabel, few(c.New))
	}
	if len(c.NoUnit) > 0 {
		add("no gated unit on both sides: %s", few(c.NoUnit))
	}
	if n := len(c.Gated()) - len(c.shown()); n > 0 {
		add("not listed: %d %s that stayed the same", n, plural(n, "count"))
	}
	for i, label := range []string{c.OldLabel, c.NewLabel} {
		if n := c.Invalid[i]; n > 0 {
			add("%s: %d invalid %s left out, the last one for: %s", label, n, plural(n, "sample"), c.reasons[i])
		}
		if n := c.OtherParts[i]; n > 0 {
			add("%s: %d %s of earlier parts of the run (another host or build) left out", label, n, plural(n, "sample"))
		}
	}
	if c.Traced > 0 {
		add("%d %s of traced cells left out: tracing slows what it measures", c.Traced, plural(c.Traced, "sample"))
	}
	if len(c.Unstated) > 0 {
		add("only one side states %s: that they agree is not checked", few(c.Unstated))
	}
	if n := c.contrary(); n > 0 {
		add("%d %s against old → new: the change is the middle of the pairs' own ratios, in which drift cancels; old and new are medians of all blocks, in which it does not", n, plural(n, "change"))
	}
	add("%s", c.design())
	if text := c.spent(); text != "" {
		add("%s", text)
	}
	if line := c.reach(); line != "" {
		add("%s", line)
	}
	if line := c.power(); line != "" {
		add("%s", line)
	}
	return append(list, c.Notes...)
}

// tooMany is a number of samples that no host is asked for: what needs them is
// noise that another host may not have.
const tooMany = 1000

// wanting says how many samples more would decide.
func (c *Comparison) wanting() string {
	needs := c.Needs()
	few := slices.IndexFunc(needs, func(n int) bool { return n > tooMany })
	if few < 0 {
		few = len(needs)
	}
	text := ""
	if few > 0 {
		text += fmt.Sprintf("; %d %s can for %d (column \"needs\")", needs[few-1], c.drawn(), few)
	}
	if n := len(needs) - few; n > 0 {
		text += fmt.Sprintf("; %d would take more than %d: too noisy a host, or too short windows", n, tooMany)
	}
	return text
}

// firstCalls says which benchmarks' first calls have changed, in either direction.
func (c *Comparison) firstCalls() string {
	_, label := labels(c.Gated())
	var moved []string
	for _, r := range c.of(firstCalls) {
		if r.Verdict == Worse || r.Verdict == Better {
			moved = append(moved, fmt.Sprintf("%s %s: %s → %s (%s)", r.Verdict, label(r), nanoseconds(r.Old), nanoseconds(r.New), r.bounds()))
		}
	}
	if len(moved) == 0 {
		return ""
	}
	return fmt.Sprintf("first calls, which are in no other number and not gated (--unit %s gates them): %s", unitFirst, few(moved))
}

// drawn are what more of would decide.
func (c *Comparison) drawn() string {
	if slices.ContainsFunc(c.Gated(), func(r *Row) bool { return r.machines }) {
		return "machines"
	}
	return "samples a side"
}

// nanoseconds prints a time: 61.3ms.
func nanoseconds(x float64) string { return number(x*1e-9) + "s" }

// fewIterations counts the gated rows with windows of few iterations.
func (c *Comparison) fewIterations() (n int) {
	for _, r := range c.Gated() {
		if r.FewIterations {
			n++
		}
	}
	return n
}

// contrary counts the rows whose change and medians point in different directions,
// by the smallest effect or more.
func (c *Comparison) contrary() (n int) {
	for _, r := range c.Gated() {
		medians := r.New/r.Old - 1
		if r.Paired && r.Old > 0 && medians*r.Change() < 0 && math.Abs(medians-r.Change()) >= c.MinEffect {
			n++
		}
	}
	return n
}

// design says how the samples were paired, and what was asked of them.
func (c *Comparison) design() string {
	paired, apart := 0, 0
	for _, r := range c.Gated() {
		if r.Counted {
			continue
		}
		if r.Paired {
			paired++
		} else {
			apart++
		}
	}
	how := "paired within blocks of one run: drift of the machine cancels"
	switch {
	case paired+apart == 0:
		how = "counts, in which drift of the machine has no part"
	case paired == 0:
		how = "measured apart: what changed on the machine between the two looks like a change of the code"
		if c.Between > 0 {
			how += fmt.Sprintf(", for which %s a run is allowed (--between); side by side (contend test --against) far smaller changes are told", percent(c.Between))
		}
	case apart > 0:
		how = fmt.Sprintf("%d paired within blocks of one run, %d measured apart", paired, apart)
	}
	return fmt.Sprintf("%s; worse and better: no change is excluded and the estimate is %s or more, false in at most %s of such families; same: the %[4]s interval lies within %[2]s; unclear: neither is shown",
		how, percent(c.MinEffect), percent(c.Alpha), percent(c.sameLevel()))
}

// reach says up to where the code was looked at.
func (c *Comparison) reach() string {
	if c.MaxProcs == 0 {
		return ""
	}
	text := fmt.Sprintf("checked up to GOMAXPROCS=%d", c.MaxProcs)
	if c.UsableCPUs != "" {
		text += " on " + c.UsableCPUs + " usable CPUs"
		if cpus, err := strconv.ParseFloat(c.UsableCPUs, 64); err == nil && float64(c.MaxProcs) > cpus {
			text += " (above that oversubscribed, which says nothing about scaling)"
		}
	}
	return text + ": what happens on more CPUs was not measured"
}

// power says how many samples the wanted effect takes in the median and in the
// noisiest cell.
func (c *Comparison) power() string {
	var needed []float64
	for _, r := range c.Gated() {
		if r.power > 0 {
			needed = append(needed, float64(r.power))
		}
	}
	if len(needed) == 0 {
		return ""
	}
	return fmt.Sprintf("a change of %s is found nine times in ten with %s %s in the median cell, %s in the noisiest", percent(c.Want), needs(int(math.Ceil(median(needed)))), c.drawn(), needs(int(slices.Max(needed))))
}

// labels are the cells' names without what all of them have in common, and that.
func labels(rows []*Row) (common string, label func(*Row) string) {
	shared := map[sample.Field]int{}
	bases := map[string]int{}
	seen := map[*sample.Name]bool{}
	for _, r := range rows {
		if !seen[r.Name] {
			seen[r.Name] = true
			bases[r.Pkg+" "+r.Name.Base]++
			for _, f := range r.Name.Keys {
				shared[f]++
			}
		}
	}
	everywhere := func(f sample.Field) bool { return len(seen) > 1 && shared[f] == len(seen) }
	oneBase := len(bases) == 1 && len(seen) > 1
	join := func(r *Row, keep func(sample.Field) bool, base bool) string {
		var parts []string
		if base {
			parts = append(parts, r.Name.Base)
		}
		for _, f := range r.Name.Keys {
			if keep(f) {
				parts = append(parts, strings.TrimPrefix(f.Key+"="+f.Value, "="))
			}
		}
		text := strings.Join(parts, "/")
		if base && r.Pkg != "" && len(bases) > 1 {
			text = r.Pkg + "." + text
		}
		return text
	}
	if len(rows) > 0 && oneBase {
		common = "Benchmark" + join(rows[0], everywhere, true)
	}
	return common, func(r *Row) string {
		text := join(r, func(f sample.Field) bool { return !everywhere(f) || common == "" }, !oneBase)
		if text == "" {
			text = r.Name.Base
		}
		if r.Oversubscribed {
			text += " (oversubscribed)"
		}
		if r.FewIterations {
			text += " (few iterations)"
		}
		return text
	}
}

func (c *Comparison) text(w io.Writer) error {
	p := &printer{w: w}
	p.line("%s", c.Headline())
	p.line("%s", c.sides())
	for _, n := range c.Notices {
		p.line("%s", n)
	}
	common, label := labels(c.Gated())
	if common != "" {
		p.line("every cell: %s", common)
	}
	p.line("")
	t := tabwriter.NewWriter(p, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "\tcell\tunit\told\tnew\tchange\tinterval\tn\tp (Holm)\tneeds\n")
	for _, r := range c.shown() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Verdict, label(r), r.Unit,
			number(r.Old), number(r.New), change(r.Change()), r.bounds(), c.pairs(r), probability(r.PHolm), needs(r.Needed))
	}
	t.Flush()
	p.line("")
	for _, text := range c.remarks() {
		p.line("%s", text)
	}
	return p.err
}

// shown are the gated rows without counts that stay the same, which few ask for
// where times are compared.
func (c *Comparison) shown() []*Row {
	timed := slices.ContainsFunc(c.Gated(), func(r *Row) bool { return !r.Counted })
	return slices.DeleteFunc(slices.Clone(c.Gated()), func(r *Row) bool { return timed && r.Counted && r.Verdict == Same })
}

// marker lets a workflow find the comment that it wrote before.
const marker = "<!-- contend-compare -->"

// worstShown is how many rows stand above the fold, and most how many below:
// a comment may hold 65,536 characters.
const (
	worstShown = 10
	mostShown  = 150
)

func (c *Comparison) markdown(w io.Writer) error {
	p := &printer{w: w}
	icon := "✅"
	switch {
	case c.Regressed():
		icon = "❌"
	case len(c.Crashed) > 0 || len(c.Differs) > 0:
		icon = "⚠️"
	case c.Count(Unclear) > 0: // no alarm, and no all-clear
		icon = "▫️"
	}
	p.line("%s", marker)
	p.line("### %s %s", icon, c.Headline())
	p.line("")
	p.line("%s", markdown.Escape(c.sides()))
	p.line("")
	p.notices(c.Notices)
	for _, d := range c.Differs {
		p.line("> **Not the same conditions:** `%s` is %s in the old, %s in the new.", markdown.Escape(d.Key), markdown.Escape(strings.Join(d.Old, " and ")), markdown.Escape(strings.Join(d.New, " and ")))
		p.line("")
	}
	if len(c.Failures) > 0 {
		p.line("**Failed in the new:** %s", markdown.Escape(few(c.Failures)))
		p.line("")
	}
	common, label := labels(c.Gated())
	var shown []*Row
	for _, r := range c.Gated() {
		if (r.Verdict == Worse || r.Verdict == Better) && len(shown) < worstShown {
			shown = append(shown, r)
		}
	}
	if len(shown) > 0 {
		p.table(shown, label, c.pairs)
	}
	if line := c.reach(); line != "" {
		p.line("%s.", capital(line))
		p.line("")
	}
	p.line("<details><summary>All %d, and how they were compared</summary>", len(c.Gated()))
	p.line("")
	if common != "" {
		p.line("Every cell: %s", markdown.Escape(common))
		p.line("")
	}
	rows := c.shown()
	if len(rows) > mostShown {
		p.line("The first %d of %d; the rest is in the files of the run.", mostShown, len(rows))
		p.line("")
		rows = rows[:mostShown]
	}
	p.table(rows, label, c.pairs)
	for _, text := range c.remarks() {
		p.line("- %s", markdown.Escape(capital(text)))
	}
	p.line("")
	p.line("</details>")
	return p.err
}

// notices lists them, alarms first as they come.
func (p *printer) notices(list []Notice) {
	const most = 15
	for i, n := range list {
		if i == most {
			p.line("- … and %d more, in the log of the run", len(list)-most)
			break
		}
		what := markdown.Escape(n.What)
		if n.Alarm {
			what = "**" + what + "**"
		}
		p.line("- %s: %s", what, markdown.Escape(n.Text))
	}
	if len(list) > 0 {
		p.line("")
	}
}

func (p *printer) table(rows []*Row, label, pairs func(*Row) string) {
	p.line("| | cell | unit | old | new | change | interval | n | needs |")
	p.line("|---|---|---|--:|--:|--:|---|--:|--:|")
	for _, r := range rows {
		verdict := string(r.Verdict)
		if r.Alarms() {
			verdict = "**worse**"
		}
		p.line("| %s | %s | %s | %s | %s | %s | %s | %s | %s |", verdict, markdown.Escape(label(r)), markdown.Escape(r.Unit),
			number(r.Old), number(r.New), change(r.Change()), r.bounds(), pairs(r), needs(r.Needed))
	}
	p.line("")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// jsonRow is a row as JSON and CSV have it. Numbers that are not there are
// null, or empty.
type jsonRow struct {
	Name           string   `json:"name"`
	Pkg            string   `json:"pkg,omitempty"`
	Unit           string   `json:"unit"`
	Better         string   `json:"better"`
	Gated          bool     `json:"gated"`
	Verdict        Verdict  `json:"verdict,omitempty"`
	Why            string   `json:"why,omitempty"`
	Allowed        string   `json:"allowed,omitempty"`
	Alarm          bool     `json:"alarm"`
	Paired         bool     `json:"paired"`
	NOld           int      `json:"n_old"`
	NNew           int      `json:"n_new"`
	Ended          string   `json:"ended,omitempty"`
	Old            *float64 `json:"old_median"`
	New            *float64 `json:"new_median"`
	Ratio          *float64 `json:"ratio"`
	Lo             *float64 `json:"ratio_lo"`
	Hi             *float64 `json:"ratio_hi"`
	Level          *float64 `json:"confidence"`
	Shift          *float64 `json:"shift"`
	P              *float64 `json:"p"`
	PHolm          *float64 `json:"p_holm"`
	Needed         int      `json:"samples_needed"`
	Oversubscribed bool     `json:"oversubscribed"`
	FewIterations  bool     `json:"few_iterations"`
}

func (c *Comparison) row(r *Row) jsonRow {
	return jsonRow{r.Name.String(), r.Pkg, r.Unit, r.Better.String(), r.Gated, r.Verdict, r.Why, r.Allowed, r.Alarms(), r.Paired, r.NOld, r.NNew, c.ended(r),
		finite(r.Old), finite(r.New), finite(r.Ratio), finite(r.Lo), finite(r.Hi), finite(r.Level), finite(r.Shift), finite(r.P), finite(r.PHolm), r.Needed, r.Oversubscribed, r.FewIterations}
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func (c *Comparison) json(w io.Writer) error {
	rows := make([]jsonRow, len(c.Rows))
	for i, r := range c.Rows {
		rows[i] = c.row(r)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(struct {
		Headline  string       `json:"headline"`
		Old       string       `json:"old"`
		New       string       `json:"new"`
		Notices   []Notice     `json:"notices,omitempty"`
		Regressed bool         `json:"regressed"`
		Undecided bool         `json:"undecided"`
		MinEffect float64      `json:"min_effect"`
		Alpha     float64      `json:"alpha"`
		Want      float64      `json:"want"`
		MaxProcs  int          `json:"max_procs"`
		Rows      []jsonRow    `json:"rows"`
		Missing   []string     `json:"missing,omitempty"`
		Added     []string     `json:"new_cells,omitempty"`
		NoUnit    []string     `json:"without_common_unit,omitempty"`
		Crashed   []string     `json:"without_valid_sample,omitempty"`
		Invalid   [2]int       `json:"invalid_samples"`
		Differs   []Difference `json:"differs,omitempty"`
		Remarks   []string     `json:"remarks"`
	}{c.Headline(), c.OldLabel, c.NewLabel, c.Notices, c.Regressed(), c.Undecided(), c.MinEffect, c.Alpha, c.Want, c.MaxProcs, rows,
		c.Missing, c.New, c.NoUnit, c.Crashed, c.Invalid, c.Differs, c.remarks()})
}

func (c *Comparison) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"name", "pkg", "unit", "better", "gated", "verdict", "paired", "n_old", "n_new", "old_median", "new_median",
		"ratio", "ratio_lo", "ratio_hi", "confidence", "shift", "p", "p_holm", "samples_needed", "oversubscribed", "few_iterations"})
	cell := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'g', -1, 64)
	}
	for _, row := range c.Rows {
		r := c.row(row)
		out.Write([]string{r.Name, r.Pkg, r.Unit, r.Better, strconv.FormatBool(r.Gated), string(r.Verdict), strconv.FormatBool(r.Paired),
			strconv.Itoa(r.NOld), strconv.Itoa(r.NNew), cell(r.Old), cell(r.New), cell(r.Ratio), cell(r.Lo), cell(r.Hi), cell(r.Level), cell(r.Shift),
			cell(r.P), cell(r.PHolm), strconv.Itoa(r.Needed), strconv.FormatBool(r.Oversubscribed), strconv.FormatBool(r.FewIterations)})
	}
	out.Flush()
	return out.Error()
}

// github prints what must not pass, and what a reviewer must know, as commands of a
// GitHub workflow, which shows them on the page of the run and of the pull request.
func (c *Comparison) github(w io.Writer) error {
	p := &printer{w: w}
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	at := "" // file and line of the row's benchmark
	say := func(command, title, text string) {
		p.line("::%s %stitle=%s::%s", command, at, property.Replace(title), message.Replace(text))
	}
	for _, n := range c.Notices {
		switch {
		case n.Alarm:
			say("error", n.What, n.Text)
		case n.What == strings.ToUpper(n.What): // weighs on the verdict
			say("warning", n.What, n.Text)
		}
	}
	for _, f := range c.Failures {
		say("error", "FAILED", f)
	}
	for _, d := range c.Differs {
		say("warning", "NOT THE SAME CONDITIONS", fmt.Sprintf("%s is %s in %s, %s in %s", d.Key, strings.Join(d.Old, " and "), c.OldLabel, strings.Join(d.New, " and "), c.NewLabel))
	}
	_, label := labels(c.Gated())
	for _, r := range c.Gated() {
		if r.Alarms() {
			at = c.place(r, property)
			say("error", "worse: "+label(r), r.sentence())
		}
	}
	at = ""
	say("notice", "contend", c.Headline())
	return p.err
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) Write(b []byte) (int, error) {
	if p.err == nil {
		_, p.err = p.w.Write(b)
	}
	return len(b), p.err
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// number prints a measurement in four digits, scaled: 24.27M.
func number(x float64) string { return benchunit.Scale(x, benchunit.Decimal) }

// percent prints a share: 3%, 2.5%.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'g', 3, 64) + "%" }

// change prints a relative change with its sign: +5.1%, ×3.2 above double.
func change(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 0):
		return "from 0"
	case x >= 1:
		return "×" + plain(1+x)
	}
	return strings.Replace(fmt.Sprintf("%+.1f%%", 100*x), "-", "−", 1)
}

// plain prints three significant digits without an exponent: 3.2, 1230.
func plain(x float64) string {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64) // our own text
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (r *Row) bounds() string {
	if math.IsNaN(r.Lo) || math.IsInf(r.Lo, 0) || math.IsInf(r.Hi, 0) {
		return "–"
	}
	return change(r.Lo-1) + " to " + change(r.Hi-1)
}

// pairs is the number of samples, and why a sequential run took no more.
func (c *Comparison) pairs(r *Row) string {
	text := r.count()
	if why := c.ended(r); why != "" {
		text += ", " + why
	}
	return text
}

func (r *Row) count() string {
	switch {
	case r.machines && r.Paired:
		return fmt.Sprintf("%d %s", r.NOld, plural(r.NOld, "machine"))
	case r.machines:
		return fmt.Sprintf("%d+%d machines", r.NOld, r.NNew)
	case r.Paired:
		return fmt.Sprintf("%d %s", r.NOld, plural(r.NOld, "pair"))
	}
	return fmt.Sprintf("%d+%d", r.NOld, r.NNew)
}

func probability(p float64) string {
	switch {
	case math.IsNaN(p):
		return "–"
	case p < 0.0001:
		return "<0.0001"
	}
	return strconv.FormatFloat(p, 'f', 4, 64)
}

func needs(n int) string {
	switch {
	case n == 0:
		return "–"
	case n > tooMany:
		return fmt.Sprintf(">%d", tooMany)
	}
	return strconv.Itoa(n)
}
