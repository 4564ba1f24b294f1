package compare

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// sentence says what a row found, as a person would.
func (r *Row) sentence() string {
	return fmt.Sprintf("%s %s → %s, %s (%s), %s", r.Unit, number(r.Old), number(r.New), change(r.Change()), r.bounds(), r.count())
}

// place is where a row's benchmark stands, as an annotation has it.
func (c *Comparison) place(r *Row, escape *strings.Replacer) string {
	if c.Locate == nil {
		return ""
	}
	file, line := c.Locate(r)
	if file == "" {
		return ""
	}
	return fmt.Sprintf("file=%s,line=%d,", escape.Replace(file), line)
}

// The elements of a JUnit report that its readers agree on.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
	}
)

// junit writes a test for each gated cell and unit: worse, lost and failed ones fail,
// unclear ones are skipped.
func (c *Comparison) junit(w io.Writer) error {
	s := junitSuite{Name: c.OldLabel + " → " + c.NewLabel}
	add := func(class, name string, failure, skipped, out string) {
		x := junitCase{Class: class, Name: name, Out: out}
		if failure != "" {
			x.Failure = &junitMessage{failure}
			s.Failures++
		}
		if skipped != "" {
			x.Skipped = &junitMessage{skipped}
			s.Skipped++
		}
		s.Cases = append(s.Cases, x)
	}
	for _, n := range c.Notices {
		if n.Alarm {
			add("contend", n.Text, n.What, "", "")
		}
	}
	for _, f := range c.Failures {
		add("contend", "failed in "+c.NewLabel, f, "", "")
	}
	for _, r := range c.Gated() {
		switch name, text := r.Name.String()+" "+r.Unit, r.sentence(); r.Verdict {
		case Worse:
			add(r.Pkg, name, text, "", "")
		case Unclear:
			add(r.Pkg, name, "", text, "")
		default:
			add(r.Pkg, name, "", "", text)
		}
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
