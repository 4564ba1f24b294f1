package compare

import (
	"strings"
	"testing"
	"time"
)

// TestRules: of rules that match, the last counts, for units, the smallest effect and
// what alarms, each by itself.
func TestRules(t *testing.T) {
	text := func(a, b []float64) string {
		return lines("BenchmarkA", "ns/op", a...) + lines("BenchmarkB", "ns/op", b...)
	}
	old, new := text(ninety, ninety), text(hundred, hundred) // +11%
	wide := Rule{Match: "A", MinEffect: 0.2}
	for name, c := range map[string]struct {
		rules []Rule
		want  string // verdicts of A and B
		red   bool
	}{
		"none":             {nil, "worse worse", true},
		"wider for A":      {[]Rule{wide}, "same worse", true},
		"back for A":       {[]Rule{wide, {Match: "^BenchmarkA$", MinEffect: 0.05}}, "worse worse", true},
		"threshold for B":  {[]Rule{wide, {Match: "B$", Threshold: 0.3}}, "same worse", false},
		"threshold passed": {[]Rule{wide, {Match: "B$", Threshold: 0.05}}, "same worse", true},
		"no gate for A":    {[]Rule{{Match: "A", Units: &[]string{}}}, " worse", true},
		"units unchanged":  {[]Rule{{Match: "A", Units: &[]string{}}, {Match: ".", MinEffect: 0.2}}, " same", false},
	} {
		opt := beside
		opt.Rules = c.rules
		cmp := compareTexts(t, old, new, opt)
		verdict := map[string]Verdict{}
		for _, r := range cmp.Rows {
			verdict[r.Name.Base] = r.Verdict
		}
		if got := string(verdict["A"] + " " + verdict["B"]); got != c.want || cmp.Regressed() != c.red || strings.HasPrefix(cmp.Headline(), "Regression") != c.red {
			t.Errorf("%s: %q, red %v, %s; want %q, %v", name, got, cmp.Regressed(), cmp.Headline(), c.want, c.red)
		}
	}
}

// TestAllowances: they are for a unit and until the end of a day, and change no
// verdict.
func TestAllowances(t *testing.T) {
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		a   Allowance
		now time.Time
		red bool
	}{
		"for all units":  {Allowance{Match: "A", Reason: "meant"}, day, false},
		"for the unit":   {Allowance{Match: "A", Unit: "ns/op", Reason: "meant"}, day, false},
		"for another":    {Allowance{Match: "A", Unit: "B/op", Reason: "meant"}, day, true},
		"for others":     {Allowance{Match: "B$", Reason: "meant"}, day, true},
		"on its day":     {Allowance{Match: "A", Reason: "meant", Until: day}, day.Add(23 * time.Hour), false},
		"after its day":  {Allowance{Match: "A", Reason: "meant", Until: day}, day.Add(25 * time.Hour), true},
		"before its day": {Allowance{Match: "A", Reason: "meant", Until: day}, day.AddDate(-1, 0, 0), false},
	} {
		opt := beside
		opt.Allowances, opt.Now = []Allowance{c.a}, c.now
		cmp := compareTexts(t, lines("BenchmarkA", "ns/op", ninety...), lines("BenchmarkA", "ns/op", hundred...), opt)
		said := strings.Contains(strings.Join(cmp.remarks(), "\n"), "allowed: A in ns/op: meant")
		if cmp.Regressed() != c.red || only(t, cmp).Verdict != Worse || said == c.red {
			t.Errorf("%s: red %v, %s, said %v", name, cmp.Regressed(), only(t, cmp).Verdict, said)
		}
	}
	for want, opt := range map[string]Options{
		"it needs a reason": with(func(o *Options) { o.Allowances = []Allowance{{Match: "A"}} }),
		"missing closing )": with(func(o *Options) { o.Rules = []Rule{{Match: "("}} }),
	} {
		if _, err := Compare(side(t, "old", lines("BenchmarkA", "ns/op", ninety...)), side(t, "new", lines("BenchmarkA", "ns/op", ninety...)), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestChange: changes of any size read without an exponent.
func TestChange(t *testing.T) {
	for x, want := range map[float64]string{2.2: "×3.2", 1233: "×1230", 1e7: "×10000000", -0.99925: "−99.9%", 0.051: "+5.1%"} {
		if got := change(x); got != want {
			t.Errorf("%g prints as %q, want %q", x, got, want)
		}
	}
}
