package claims

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/contend-go/contend/report/internal/derive"
)

// Write prints the answers for a person.
func Write(w io.Writer, hosts []Host) error {
	var b strings.Builder
	for i, h := range hosts {
		if i > 0 {
			b.WriteString("\n")
		}
		h.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON prints them for a program: an array, one element for each host.
func WriteJSON(w io.Writer, hosts []Host) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(hosts)
}

func (h Host) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %s\n", h.Label, h.Usable())
	for _, a := range h.Answers {
		fmt.Fprintf(b, "\n%d. %s\n", a.Number, a.Statement)
		a.Study.write(b, "study")
		a.Fair.write(b, "fair")
		fmt.Fprintf(b, "   theirs: %s\n", a.Theirs)
	}
	n := h.count()
	fmt.Fprintf(b, "\n%s as the study tested them: %d confirmed, %d refuted, %d cannot tell.\n", derive.Plural(len(h.Answers), "claim"), n[Confirmed], n[Refuted], n[CannotTell])
	if n[CannotTell] > 0 {
		fmt.Fprintln(b, "contend sweep --suite study measures the cells that are missing; CPUs that are missing take a larger host.")
	}
}

// Usable says how many CPUs the host could use.
func (h Host) Usable() string {
	if h.CPUs == 0 {
		return "usable CPUs not stated"
	}
	return fmt.Sprintf("%g usable CPUs", h.CPUs)
}

func (h Host) count() map[Verdict]int {
	n := map[Verdict]int{}
	for _, a := range h.Answers {
		n[a.Study.Verdict]++
	}
	return n
}

func (r Result) write(b *strings.Builder, which string) {
	fmt.Fprintf(b, "   %s: %s\n     %s\n", which, r.Answer(), r.Says)
	for _, e := range r.Evidence {
		if e.N == 0 {
			fmt.Fprintf(b, "       missing: %s\n", e.What)
			continue
		}
		fmt.Fprintf(b, "       %s: %s; %s: needs %s\n", e.What, e.Figure(), e.Verdict, e.Needs)
	}
}

// Answer is the verdict, and what is missing where it is none.
func (r Result) Answer() string {
	if len(r.Why) == 0 {
		return string(r.Verdict)
	}
	return string(r.Verdict) + ": " + strings.Join(r.Why, "; ")
}

// Figure is the estimate with its interval and what it rests on.
func (e Evidence) Figure() string {
	of := "sample"
	if e.Paired {
		of = "paired block"
	}
	if e.Lo == nil {
		return fmt.Sprintf("%.3g (%s, no interval)", e.Estimate, derive.Plural(e.N, of))
	}
	return fmt.Sprintf("%.3g [%.3g, %.3g] (%s)", e.Estimate, *e.Lo, *e.Hi, derive.Plural(e.N, of))
}

// Summary is the evidence in one line.
func (r Result) Summary() string {
	var parts []string
	for _, e := range r.Evidence {
		if e.N == 0 {
			parts = append(parts, "missing: "+e.What)
			continue
		}
		limit, _, _ := strings.Cut(e.Needs, ":")
		parts = append(parts, fmt.Sprintf("%s: %s, needs %s: %s", e.What, e.Figure(), limit, e.Verdict))
	}
	return strings.Join(parts, "; ")
}
