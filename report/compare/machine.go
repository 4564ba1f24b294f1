package compare

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// sentence says what a row found, as a person would.
func (r *Row) sentence() string {
	return fmt.Sprintf("%s %s: %s → %s, %s (%s, %s)", r.Unit, r.Verdict, number(r.Old), number(r.New), change(r.Change()), r.bounds(), r.count())
}

// annotations writes what GitHub Actions shows at the lines of a pull request: a
// slowdown as an error, a gain as a notice, with the cell in the title
// (docs.github.com, workflow commands).
func (c *Comparison) annotations(w io.Writer) error {
	p := &printer{w: w}
	say := func(level, at, title, message string) {
		p.line("::%s %stitle=%s::%s", level, at, property(title), escaped(message))
	}
	for _, f := range c.Failures {
		say("error", "", "failed in "+c.NewLabel, f)
	}
	for _, d := range c.Differs {
		say("warning", "", "not the same conditions", fmt.Sprintf("%s is %s in %s, %s in %s", d.Key, strings.Join(d.Old, " and "), c.OldLabel, strings.Join(d.New, " and "), c.NewLabel))
	}
	for _, name := range c.Missing {
		say("error", "", "lost in "+c.NewLabel, name)
	}
	for _, r := range c.Gated() {
		level := map[Verdict]string{Worse: "error", Better: "notice"}[r.Verdict]
		if level == "" {
			continue
		}
		at := ""
		if c.Locate != nil {
			if file, line := c.Locate(r); file != "" {
				at = fmt.Sprintf("file=%s,line=%d,", property(file), line)
			}
		}
		say(level, at, r.Name.String(), r.sentence())
	}
	return p.err
}

// escaped and property escape what a workflow command would take for its own.
func escaped(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escaped(text))
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
	for _, f := range c.Failures {
		add("contend", "failed in "+c.NewLabel, f, "", "")
	}
	for _, name := range c.Missing {
		add("contend", name, "lost in "+c.NewLabel, "", "")
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
