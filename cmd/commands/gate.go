package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
	f.StringSliceVar(&g.Units, "unit", g.Units, "gated units, e.g. ops/s,cpu-ns/op (default what the run records, else ops/s or ns/op)")
	f.Var((*share)(&g.MinEffect), "min-effect", "smallest change that matters")
	f.Var((*share)(&g.Alpha), "alpha", "chance of a false alarm in the whole family")
	f.Var((*share)(&g.Between), "between", "standard deviation of separate runs of the same code, where the sides are not measured side by side")
	f.StringVar(&g.allowLost, "allow-lost", "", "benchmarks that may be missing in head, as a regular expression")
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

// verdict prints the comparison, and before it what head has lost. Its error is
// the exit code.
func (g *gate) verdict(c *compare.Comparison, records []sample.Record, format string, strict bool) error {
	out := io.Writer(os.Stdout)
	if format != "text" && format != "markdown" { // a program reads it
		out = os.Stderr
	}
	for _, name := range c.Missing { // of texts, which have no record of it
		records = append(slices.Clip(records), sample.Record{Verb: "lost", Fields: []sample.Field{{Key: "name", Value: name}, {Key: "reason", Value: "not in " + c.NewLabel}}})
	}
	lost := g.lost(out, records, format == "markdown")
	if err := c.Write(os.Stdout, format); err != nil {
		return err
	}
	switch {
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
func (g *gate) nothing(records []sample.Record, format string, err error) error {
	if lost := g.lost(os.Stdout, records, format == "markdown"); lost > 0 {
		return lostError(lost)
	}
	return err
}

func lostError(n int) error {
	return exit(bench.ExitFailed, fmt.Errorf("lost in head: %d of the benchmarks; --allow-lost REGEXP if that is meant", n))
}

// lost prints the benchmarks that head lacks, those that are new there, and what a
// reader of the numbers must know of the run. It returns how many are lost that
// nothing allows.
func (g *gate) lost(w io.Writer, records []sample.Record, markdown bool) (n int) {
	allowed := regexp.MustCompile(g.allowLost) // checked with the flags
	for _, a := range g.Allowances {
		if a.Ended(g.Now) {
			fmt.Fprintf(w, "note: the allowance for %s ended on %s\n\n", a.Match, a.Until.Format(time.DateOnly))
		}
	}
	say := func(format string, texts ...string) {
		args := make([]any, len(texts))
		for i, t := range texts {
			if markdown {
				t = compare.Escape(t)
			}
			args[i] = t
		}
		fmt.Fprintf(w, format+"\n\n", args...)
	}
	for _, r := range records {
		name := r.Get("name")
		allowance := slices.IndexFunc(g.Allowances, func(a compare.Allowance) bool { return !a.Ended(g.Now) && a.Covers(name, "") })
		switch {
		case r.Verb == "lost" && allowance >= 0:
			say("lost, as allowed: %s: %s; %s", name, g.Allowances[allowance].Reason, r.Get("reason"))
		case r.Verb == "lost" && g.allowLost != "" && allowed.MatchString(name):
			say("lost, as allowed: %s: %s", name, r.Get("reason"))
		case r.Verb == "lost":
			n++
			say("LOST: %s: %s", name, r.Get("reason"))
		case r.Verb == "note" && strings.HasPrefix(r.Get("text"), "not the same conditions"):
			say("NOT THE SAME CONDITIONS: %s", strings.TrimPrefix(r.Get("text"), "not the same conditions: "))
		case r.Verb == "note":
			say("note: %s", r.Get("text"))
		case r.Verb == "changed":
			say("NOT COMPARED: %s: %s", name, r.Get("reason"))
		case r.Verb == "added":
			say("new: %s", name)
		}
	}
	return n
}
