package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// Describe prints what the plan would measure, how long that takes, and what
// it costs at the given price per hour (0: not said).
func (p *Plan) Describe(w io.Writer, pricePerHour float64) {
	for _, l := range p.lines() {
		fmt.Fprintf(w, "%3d × %s\n", l.blocks, l.name)
	}
	for _, r := range p.Records {
		switch r.Verb {
		case "absent":
			fmt.Fprintf(w, "  – %s: %s\n", r.Get("name"), r.Get("reason"))
		case "note":
			fmt.Fprintln(w, r.Get("text"))
		}
	}
	d := p.Duration()
	fmt.Fprint(w, p.Size())
	if pricePerHour > 0 {
		fmt.Fprintf(w, ", %.2f at %g per hour", d.Hours()*pricePerHour, pricePerHour)
	}
	fmt.Fprintln(w)
}

// Size is how much the plan measures, and how long that should take.
func (p *Plan) Size() string {
	return fmt.Sprintf("%s, %s, about %v", Count(len(p.Cells), "cell", "cells"), Count(p.Samples(), "process", "processes"), p.Duration().Round(time.Second))
}

// Lacking is what this machine lacks for cells that are left out, each once.
func (p *Plan) Lacking() (reasons []string) {
	for _, r := range p.Records {
		if reason := r.Get("reason"); r.Verb == "absent" && r.Get("lacking") != "" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// Count is a number with its noun: "1 process", "3 processes".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// planLine is cells that differ in GOMAXPROCS only: "…/gomaxprocs=1,2,4".
type planLine struct {
	blocks int
	name   string
}

// lines are the plan's cells for people to read.
func (p *Plan) lines() []planLine {
	var lines []planLine
	last := ""
	for _, c := range p.Cells {
		name, _ := sample.ParseName(c.Name)
		procs, stated := name.Get(sample.GOMAXPROCS)
		alike := fmt.Sprint(c.blocks(p), c.Variant, name.Without(sample.GOMAXPROCS))
		if stated && c.Variant == "" && alike == last {
			lines[len(lines)-1].name += "," + procs
			continue
		}
		last = alike
		text := c.Name
		if c.Variant != "" {
			text += " (" + c.Variant + ")"
		}
		lines = append(lines, planLine{c.blocks(p), text})
	}
	return lines
}

// Describe prints what the run has come to.
func (s Summary) Describe(w io.Writer) {
	fmt.Fprintf(w, "%s measured", Count(s.Measured, "sample", "samples"))
	if s.Reused > 0 {
		fmt.Fprintf(w, ", %d found finished", s.Reused)
	}
	if n := len(s.Invalid); n > 0 {
		fmt.Fprintf(w, ", %d invalid:", n)
	}
	fmt.Fprintln(w)
	if t := s.Time.String(); t != "" {
		fmt.Fprintln(w, t)
	}
	if s.Cut != "" {
		fmt.Fprintln(w, s.Cut)
	}
	const most = 10
	for i, f := range s.Invalid {
		if i == most {
			fmt.Fprintf(w, "  … and %d more; see %s\n", len(s.Invalid)-most, sample.FileName)
			break
		}
		fmt.Fprintf(w, "  %s, block %d: %s\n", f.Name, f.Block, f.Reason)
		for _, a := range f.Left {
			fmt.Fprintf(w, "    its %s: %s\n", a.Kind, a.Path)
		}
	}
	if len(s.Invalid) > 0 {
		fmt.Fprintln(w, "run the same command again to measure only these once more")
	}
}

// The exit codes of every command.
const (
	ExitGood    = 0
	ExitFailed  = 1 // a regression or a failed check
	ExitUsage   = 2 // wrong usage, or nothing readable
	ExitInvalid = 3 // measured, but not all valid
)

// ExitCode is the exit code of a run that ended with this summary and error.
func ExitCode(s Summary, err error, strict bool) int {
	measured := s.Measured+s.Reused+len(s.Invalid) > 0
	switch {
	case err != nil && !measured && !errors.Is(err, ErrInterrupted):
		return ExitUsage
	case err != nil, len(s.Invalid) > 0, strict && s.Warned > 0:
		return ExitInvalid
	}
	return ExitGood
}

// Provenance is what the run's line says of this program: the command as typed,
// when it began, and the version and commit it was built from, where the toolchain
// recorded them.
func Provenance() []sample.Field {
	fields := []sample.Field{{Key: "cmd", Value: commandLine(os.Args)}, {Key: "date", Value: time.Now().UTC().Format(time.RFC3339)}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fields
	}
	if v := info.Main.Version; v != "" {
		fields = append(fields, sample.Field{Key: "version", Value: v})
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			fields = append(fields, sample.Field{Key: "commit", Value: s.Value})
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "true"
			}
		}
	}
	if dirty != "" {
		fields = append(fields, sample.Field{Key: "modified", Value: dirty})
	}
	return fields
}

// commandLine is how the arguments would be typed into a shell.
func commandLine(args []string) string {
	typed := make([]string, len(args))
	for i, a := range args {
		if i == 0 {
			a = a[strings.LastIndexByte(a, os.PathSeparator)+1:]
		}
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>()*?[]{}~#`!") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		typed[i] = a
	}
	return strings.Join(typed, " ")
}
