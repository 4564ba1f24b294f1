package compare

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Rule is what a project asks of some of its benchmarks, where that is something
// else than [Options] ask of all. Of several that match, the last counts.
type Rule struct {
	Match     string    // regular expression of names, as samples have them
	Units     *[]string // gated units, none for no gate; nil leaves them
	MinEffect float64   // smallest effect; 0 leaves it
	Threshold float64   // the least loss that is an alarm, above the smallest effect; 0 leaves it
}

// Allowance lets benchmarks be worse, or lost, for a reason.
type Allowance struct {
	Match  string // regular expression of names
	Unit   string // the only one that may be worse; empty for all, and for being lost
	Reason string
	Until  time.Time // the day after which it ends; zero for no end
}

// Ended reports whether the allowance's last day is over.
func (a Allowance) Ended(now time.Time) bool {
	return !a.Until.IsZero() && now.After(a.Until.AddDate(0, 0, 1))
}

// Covers reports whether the allowance is for the benchmark, in a unit or, if that
// is empty, for being lost.
func (a Allowance) Covers(name, unit string) bool {
	return (a.Unit == "" || a.Unit == unit) && regexp.MustCompile(a.Match).MatchString(name) // checked
}

// checkRules refuses what cannot be applied.
func (o Options) checkRules() error {
	for _, r := range o.Rules {
		if _, err := regexp.Compile(r.Match); err != nil {
			return fmt.Errorf("rule for benchmarks: %w", err)
		}
	}
	for _, a := range o.Allowances {
		if _, err := regexp.Compile(a.Match); err != nil {
			return fmt.Errorf("allowance: %w", err)
		}
		if a.Reason == "" {
			return fmt.Errorf("allowance for %s: it needs a reason", a.Match)
		}
	}
	return nil
}

// rule is what the rules ask of a benchmark.
func (o Options) rule(name string) Rule {
	asked := Rule{MinEffect: o.MinEffect}
	for _, r := range o.Rules {
		if !regexp.MustCompile(r.Match).MatchString(name) { // checked
			continue
		}
		if r.Units != nil {
			asked.Units = r.Units
		}
		if r.MinEffect > 0 {
			asked.MinEffect = r.MinEffect
		}
		if r.Threshold > 0 {
			asked.Threshold = r.Threshold
		}
	}
	return asked
}

// apply notes in a row what is asked of it.
func (o Options) apply(r *Row) {
	name := ""
	if r.Name != nil {
		name = r.Name.String()
	}
	asked := o.rule(name)
	r.minEffect, r.threshold = asked.MinEffect, asked.Threshold
	i := slices.IndexFunc(o.Allowances, func(a Allowance) bool { return !a.Ended(o.Now) && a.Covers(name, r.Unit) })
	if i >= 0 {
		r.Allowed = o.Allowances[i].Reason
	}
}

// Alarms reports whether the row must not pass: it is worse, by as much as alarms
// here, and nothing allows it.
func (r *Row) Alarms() bool {
	return r.Gated && r.Verdict == Worse && r.Allowed == "" && r.loss() >= r.threshold
}

// passed says which rows are worse and no alarm.
func (c *Comparison) passed() (texts []string) {
	_, label := labels(c.Gated())
	for _, r := range c.Gated() {
		switch {
		case r.Verdict != Worse || r.Alarms():
		case r.Allowed != "":
			texts = append(texts, fmt.Sprintf("allowed: %s in %s: %s", label(r), r.Unit, r.Allowed))
		default:
			texts = append(texts, fmt.Sprintf("worse, and no alarm: %s in %s, which alarms from %s", label(r), r.Unit, percent(r.threshold)))
		}
	}
	return texts
}
