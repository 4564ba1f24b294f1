package commands

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/compare"
)

// gate is what decides over a comparison: the run records it, and every command
// that judges the run reads that record.
type gate struct {
	compare.Options
	allowLost  string // benchmarks that may be missing in head, as a regular expression
	base, head string // what the sides are called
}

// bind adds the flags of a gate, with the defaults that g has.
func (g *gate) bind(f *pflag.FlagSet) {
	f.StringSliceVar(&g.Units, "unit", g.Units, "units in which a change counts, e.g. ops/s,cpu-ns/op (default those that the run states, else ops/s or ns/op; with an open load p99-ns and capacity/s)")
	f.Var((*share)(&g.MinEffect), "min-effect", "smallest change that counts")
	f.Var((*share)(&g.Alpha), "alpha", "accepted probability that any of the comparisons is a false alarm")
	f.Var((*share)(&g.Between), "between", "standard deviation between separate runs of the same code on one host; used only if the two sides were not measured in one run")
	f.StringVar(&g.allowLost, "allow-lost", "", "benchmarks that may be missing on the new side, as a regular expression")
}

// check refuses what the flags cannot be.
func (g *gate) check() error {
	if _, err := regexp.Compile(g.allowLost); err != nil {
		return fmt.Errorf("--allow-lost: %w", err)
	}
	return nil
}

// records are the gate as the run's file has it.
func (g *gate) records() []sample.Record {
	exact := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	fields := []sample.Field{{Key: "cpu", Value: strconv.FormatBool(g.CPU)}, {Key: "min-effect", Value: exact(g.MinEffect)}, {Key: "alpha", Value: exact(g.Alpha)}}
	if g.Sequential.End > 0 {
		fields = append(fields, sample.Field{Key: "end", Value: strconv.Itoa(g.Sequential.End)})
	}
	for key, value := range map[string]string{"units": strings.Join(g.Units, ","), "allow-lost": g.allowLost, "base": g.base, "head": g.head} {
		if value != "" {
			fields = append(fields, sample.Field{Key: key, Value: value})
		}
	}
	list := []sample.Record{{Verb: "gate", Fields: fields}}
	for _, r := range g.Rules {
		fields := []sample.Field{{Key: "match", Value: r.Match}, {Key: "min-effect", Value: exact(r.MinEffect)}, {Key: "threshold", Value: exact(r.Threshold)}}
		if r.Units != nil {
			fields = append(fields, sample.Field{Key: "units", Value: cmp.Or(strings.Join(*r.Units, ","), noUnits)})
		}
		list = append(list, sample.Record{Verb: "rule", Fields: fields})
	}
	for _, a := range g.Allowances {
		fields := []sample.Field{{Key: "match", Value: a.Match}, {Key: "reason", Value: a.Reason}}
		if a.Unit != "" {
			fields = append(fields, sample.Field{Key: "unit", Value: a.Unit})
		}
		if !a.Until.IsZero() {
			fields = append(fields, sample.Field{Key: "until", Value: a.Until.Format(time.DateOnly)})
		}
		list = append(list, sample.Record{Verb: "allow", Fields: fields})
	}
	return list
}

// noUnits stands in a rule's record for an empty list of units.
const noUnits = "none"

// adoptRule takes over a rule or an allowance that the run records.
func (g *gate) adoptRule(r sample.Record) {
	number := func(key string) float64 { x, _ := strconv.ParseFloat(r.Get(key), 64); return x }
	switch r.Verb {
	case "rule":
		rule := compare.Rule{Match: r.Get("match"), MinEffect: number("min-effect"), Threshold: number("threshold")}
		switch units := r.Get("units"); units {
		case "":
		case noUnits:
			rule.Units = &[]string{}
		default:
			list := strings.Split(units, ",")
			rule.Units = &list
		}
		g.Rules = append(g.Rules, rule)
	case "allow":
		until, _ := time.ParseInLocation(time.DateOnly, r.Get("until"), time.Local)
		g.Allowances = append(g.Allowances, compare.Allowance{Match: r.Get("match"), Unit: r.Get("unit"), Reason: r.Get("reason"), Until: until})
	}
}

// adopt takes over what the run records, but for what was given as a flag.
func (g *gate) adopt(set *sample.Set, given func(flag string) bool) {
	g.Sequential = design(set)
	for _, r := range set.Last() {
		g.adoptRule(r)
		if r.Verb != "gate" {
			continue
		}
		number := func(flag, key string, to *float64) {
			if x, err := strconv.ParseFloat(r.Get(key), 64); err == nil && !given(flag) {
				*to = x
			}
		}
		number("min-effect", "min-effect", &g.MinEffect)
		number("alpha", "alpha", &g.Alpha)
		if !given("unit") {
			g.CPU = r.Get("cpu") == "true"
			if units := r.Get("units"); units != "" {
				g.Units = strings.Split(units, ",")
			}
		}
		if !given("allow-lost") {
			g.allowLost = r.Get("allow-lost")
		}
		g.base, g.head = r.Get("base"), r.Get("head")
	}
}

// design is how the run that the set holds chose its samples: what it recorded when it
// began, and where the clock first ended it with enough samples to test any; before
// that, nothing can be learnt from them. So a run that is continued is judged by the
// design that it began with.
func design(set *sample.Set) (s compare.Sequential) {
	for _, r := range set.Last() {
		switch r.Verb {
		case "gate":
			s.End, _ = strconv.Atoi(r.Get("end"))
		case bench.VerbCut:
			if n, _ := strconv.Atoi(r.Get("blocks")); s.Cut == 0 && n >= compare.MinN {
				s.Cut = n
			}
		}
	}
	return s
}

// verdict prints the comparison, with what head has lost. Its error is the exit
// code.
func (g *gate) verdict(c *compare.Comparison, records []sample.Record, format string, strict bool) error {
	for _, name := range c.Missing { // of texts, which have no record of it
		records = append(slices.Clip(records), sample.Record{Verb: "lost", Fields: []sample.Field{{Key: "name", Value: name}, {Key: "reason", Value: "not in " + c.NewLabel}}})
	}
	if format == "github" {
		c.Locate = locate(".")
	}
	own := g.notices(records)
	c.Notices = append(own, c.Notices...)
	if err := c.Write(os.Stdout, format); err != nil {
		return err
	}
	switch lost := compare.Alarms(own); {
	case lost > 0:
		return lostError(lost)
	case c.Regressed():
		return exit(bench.ExitFailed, nil)
	case strict && c.Undecided():
		return exit(bench.ExitInvalid, errors.New("the data cannot decide, and --strict asks that they do"))
	}
	return nil
}

// nothing is the verdict where there is nothing to compare, for the reason in err:
// a failure if head has lost all there was.
func (g *gate) nothing(records []sample.Record, err error) error {
	notices := g.notices(records)
	for _, n := range notices {
		fmt.Println(n)
	}
	if lost := compare.Alarms(notices); lost > 0 {
		return lostError(lost)
	}
	return err
}

func lostError(n int) error {
	return exit(bench.ExitFailed, fmt.Errorf("lost in head: %d of the benchmarks; --allow-lost REGEXP if that is meant", n))
}

// gateChanged begins the note of a run whose head changes what is gated.
const gateChanged = "the gate is changed: "

// notices are the benchmarks that head lacks, then those that are not compared or
// new there, and what a reader of the numbers must know of the run.
func (g *gate) notices(records []sample.Record) (list []compare.Notice) {
	say := func(what, format string, args ...any) {
		list = append(list, compare.Notice{What: what, Text: fmt.Sprintf(format, args...)})
	}
	for _, a := range g.Allowances {
		if a.Ended(g.Now) {
			say("note", "the allowance for %s ended on %s", a.Match, a.Until.Format(time.DateOnly))
		}
	}
	for _, r := range records {
		name, reason, text := r.Get("name"), r.Get("reason"), r.Get("text")
		conditions, differ := strings.CutPrefix(text, "not the same conditions: ")
		switch {
		case r.Verb == "lost":
			if allowed, ok := g.allowsLoss(name); ok {
				say("lost, as allowed", "%s: %s%s", name, allowed, reason)
			} else {
				list = append(list, compare.Notice{What: "LOST", Text: name + ": " + reason, Alarm: true})
			}
		case r.Verb == "note" && strings.HasPrefix(text, gateChanged):
			say("GATE CHANGED", "%s", strings.TrimPrefix(text, gateChanged))
		case r.Verb == "note" && differ:
			say("NOT THE SAME CONDITIONS", "%s", conditions)
		case r.Verb == "note":
			say("note", "%s", text)
		case r.Verb == "changed":
			say("NOT COMPARED", "%s: %s", name, reason)
		case r.Verb == "added":
			say("new", "%s", name)
		}
	}
	rank := func(n compare.Notice) int {
		return max(0, slices.Index([]string{"LOST", "GATE CHANGED", "NOT THE SAME CONDITIONS", "NOT COMPARED", "lost, as allowed", "new", "note"}, n.What))
	}
	slices.SortStableFunc(list, func(a, b compare.Notice) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// allowsLoss reports whether a benchmark may be missing in head, with the reason
// if there is one.
func (g *gate) allowsLoss(name string) (reason string, ok bool) {
	for _, a := range g.Allowances {
		if !a.Ended(g.Now) && a.Covers(name, "") {
			return a.Reason + "; ", true
		}
	}
	return "", g.allowLost != "" && regexp.MustCompile(g.allowLost).MatchString(name) // checked with the flags
}
