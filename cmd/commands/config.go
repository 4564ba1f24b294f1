package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/vocabulary"
	"github.com/contend-go/contend/report/compare"
)

// config is the file that a project keeps its gate in, at the top of its repository or
// of its module. What a flag says goes before it.
type config struct {
	Units     []string `toml:"units"`
	MinEffect *share   `toml:"min-effect"`
	Alpha     *share   `toml:"alpha"`
	Benchmark []struct {
		Match     string    `toml:"match"`
		Units     *[]string `toml:"units"`
		MinEffect share     `toml:"min-effect"`
		Threshold share     `toml:"threshold"`
	} `toml:"benchmark"`
	Allow []struct {
		Match  string    `toml:"match"`
		Unit   string    `toml:"unit"`
		Reason string    `toml:"reason"`
		Until  time.Time `toml:"until"`
	} `toml:"allow"`
}

// UnmarshalText reads a percentage of a file.
func (s *share) UnmarshalText(text []byte) error { return s.Set(string(text)) }

// findConfig is the file that governs a folder: its own, or that of the nearest
// folder above it, up to the top of the repository; empty if there is none.
func findConfig(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, gotest.GateFile)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, err
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || dir == filepath.Dir(dir) {
			return "", nil
		}
		dir = filepath.Dir(dir)
	}
}

// configure takes over what a file says, but for what was given as a flag.
func (g *gate) configure(path string, given func(flag string) bool) error {
	var c config
	read, err := toml.DecodeFile(path, &c)
	var parse toml.ParseError
	switch {
	case errors.As(err, &parse):
		return fmt.Errorf("%s:%d: %s", path, parse.Position.Line, parse.Message)
	case err != nil:
		return fmt.Errorf("%s: %w (benchmark and allow are lists: [[benchmark]], [[allow]])", path, err)
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%s: %s unknown; there are units, min-effect, alpha, [[benchmark]] with match, units, min-effect and threshold, [[allow]] with match, unit, reason and until", path, unknown[0])
	}
	if c.Units != nil && !given("unit") {
		g.Units = c.Units
		if err := checkUnits(path+": units", g.Units); err != nil {
			return err
		}
	}
	if c.MinEffect != nil && !given("min-effect") {
		g.MinEffect = float64(*c.MinEffect)
	}
	if c.Alpha != nil && !given("alpha") {
		g.Alpha = float64(*c.Alpha)
	}
	for _, b := range c.Benchmark {
		if b.Match == "" {
			return fmt.Errorf("%s: [[benchmark]] without match: write a regular expression of names", path)
		}
		if b.Units != nil {
			if err := checkUnits(path+": units of [[benchmark]] "+b.Match, *b.Units); err != nil {
				return err
			}
		}
		g.Rules = append(g.Rules, compare.Rule{Match: b.Match, Units: b.Units, MinEffect: float64(b.MinEffect), Threshold: float64(b.Threshold)})
	}
	for _, a := range c.Allow {
		if a.Match == "" || a.Reason == "" || a.Until.IsZero() {
			return fmt.Errorf("%s: [[allow]]: write match, a regular expression of names, reason, and until, a day such as 2027-01-31", path)
		}
		g.Allowances = append(g.Allowances, compare.Allowance{Match: a.Match, Unit: a.Unit, Reason: a.Reason, Until: a.Until})
	}
	return nil
}

// checkUnits refuses units that cannot be gated, before anything is measured. One that is
// not ours may be a benchmark's own, unless its name is all but that of one of ours.
func checkUnits(source string, units []string) error {
	var known []string
	for _, u := range sample.Units {
		known = append(known, u.Name)
	}
	for _, name := range units {
		i := slices.Index(known, name)
		switch {
		case i >= 0 && sample.Units[i].Better == sample.Neither:
			return fmt.Errorf("%s: %s is neither better when higher nor when lower: it cannot be gated", source, name)
		case i < 0 && vocabulary.Slip(name, known):
			return fmt.Errorf("%s: %w", source, vocabulary.Unknown("unit", name, known))
		}
	}
	return nil
}

// allow takes over the allowances of commit messages.
func (g *gate) allow(trailers []string) error {
	for _, text := range trailers {
		match, reason, _ := strings.Cut(strings.TrimSpace(text), " ")
		if reason = strings.TrimSpace(reason); reason == "" {
			return fmt.Errorf("%s: %s: write a regular expression of names, and the reason behind it", gotest.AllowTrailer, text)
		}
		g.Allowances = append(g.Allowances, compare.Allowance{Match: match, Reason: reason + " (commit message)"})
	}
	return nil
}
