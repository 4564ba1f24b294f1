package host

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Severity says how much a finding matters.
type Severity int

// The severities, in rising order.
const (
	OK      Severity = iota // checked, and as it should be
	Note                    // know it when reading the numbers
	Warning                 // will widen or bend the numbers
	Problem                 // will spoil them
)

func (s Severity) String() string { return [...]string{"ok", "note", "warning", "problem"}[s] }

// MarshalText makes JSON say "warning".
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is the outcome of one check of the host.
type Finding struct {
	ID       string   `json:"id"` // one word: "governor", "quota" …
	Severity Severity `json:"severity"`
	What     string   `json:"what"`          // what was found
	Why      string   `json:"why,omitempty"` // why it matters for measurements
	Do       string   `json:"do,omitempty"`  // how to mend it: a command, or a flag of contend
}

// Checkup is what [Doctor] found out about a host.
type Checkup struct {
	Facts        Facts      `json:"facts"`
	Usable       float64    `json:"usable_cpus"`
	Boundaries   []Boundary `json:"boundaries"`
	DefaultProcs []int      `json:"default_procs"`
	Observed     Observed   `json:"observed"`
	Findings     []Finding  `json:"findings"` // the worst first
}

// Doctor examines whether this host is fit to measure on and whether out (a
// folder that need not exist yet) can hold the results. For the time of look
// it watches the CPUs, first at rest and then, for the second half, keeping
// all usable CPUs busy; less than half a second tells little.
func Doctor(out string, look time.Duration) Checkup {
	f := Read()
	return examine(f, observe(&f, out, look))
}

func examine(f Facts, o Observed) Checkup {
	c := Checkup{
		Facts:        f,
		Usable:       f.Usable(),
		Boundaries:   f.Boundaries(),
		DefaultProcs: f.DefaultProcs(),
		Observed:     o,
	}
	for _, check := range checks {
		if found := check(&f, &o); found.ID != "" {
			c.Findings = append(c.Findings, found)
		}
	}
	slices.SortStableFunc(c.Findings, func(a, b Finding) int { return int(b.Severity - a.Severity) })
	return c
}

// Worst is the severity of the worst finding, OK if there is none.
func (c *Checkup) Worst() Severity {
	if len(c.Findings) == 0 {
		return OK
	}
	return c.Findings[0].Severity
}

// WriteText writes the checkup for people: the facts, what contend makes of
// them, and the findings, the worst first.
func (c *Checkup) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range c.Facts.Config() {
		fmt.Fprintf(tw, "%s\t%s\n", line.Key, line.Value)
	}
	fmt.Fprintf(tw, "memory\t%s\n", bytesText(c.Facts.Memory))
	fmt.Fprintf(tw, "default --procs\t%s\n", joinInts(c.DefaultProcs))
	for _, b := range c.Boundaries {
		fmt.Fprintf(tw, "above %d Ps\t%s\n", b.After, b.Label)
	}
	fmt.Fprintf(tw, "above %d Ps\toversubscribed: Ps queue for CPUs, nothing scales\n", c.Facts.MaxProcs())
	if err := tw.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	var counts [Problem + 1]int
	b.WriteByte('\n')
	for _, f := range c.Findings {
		counts[f.Severity]++
		fmt.Fprintf(&b, "%-8s %-11s %s\n", f.Severity, f.ID, f.What)
		if f.Severity == OK {
			continue
		}
		fmt.Fprintf(&b, "%21swhy: %s\n%21sdo:  %s\n", "", f.Why, "", f.Do)
	}
	fmt.Fprintf(&b, "\nproblems: %d, warnings: %d, notes: %d, ok: %d\n", counts[Problem], counts[Warning], counts[Note], counts[OK])
	_, err := io.WriteString(w, b.String())
	return err
}

func joinInts(ns []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ns), " ", ","), "[]")
}

// bytesText writes a number of bytes in a binary unit.
func bytesText(n int64) string {
	switch {
	case n <= 0:
		return Unknown
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}
