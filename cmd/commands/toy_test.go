package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/bundle"
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/study"
)

// turnstile is a cell of the toy family: a number of clients, one after the
// other.
type turnstile struct {
	family.Base
	Clients int    `json:"clients"`
	Kind    string `json:"kind"`
}

// toys is a family that nothing but this value knows: an axis of its own, along
// which reports draw, and series of its own. testdata/script/toy.txt sweeps it.
var toys = family.New(family.Definition[turnstile]{
	Name: "toys", About: "turnstiles over clients",
	Benchmark: "Turnstile", X: "clients",
	Lists: []family.List{{Name: "turnstiles", Columns: []string{"TURNSTILE"}, Rows: [][]string{{"brass"}, {"steel"}}}},
	Columns: []family.Column[turnstile]{
		{
			Axis: family.Axis{Flag: "clients", Default: []string{"1", "2", "4"}, Usage: "clients that pass"},
			Read: family.Integer(1, 1000, func(c *turnstile, n int) { c.Clients = n }),
			Key:  "clients", Show: func(c *turnstile) string { return strconv.Itoa(c.Clients) },
		},
		{
			Axis: family.Axis{Flag: "kind", Default: []string{"all"}, Words: func() []string { return []string{"brass", "steel"} }, Usage: "turnstiles, or all"},
			Read: family.Word(func(c *turnstile, w string) { c.Kind = w }),
			Key:  "kind", Show: func(c *turnstile) string { return c.Kind },
		},
	},
	Expect: func(c *turnstile) time.Duration { return c.Time },
	Measure: func(c *turnstile, _ *host.Facts, probe bench.Probe, w bench.Window) (bench.Printed, error) {
		ns := 100 * float64(c.Clients)
		if c.Kind == "brass" {
			ns *= 2
		}
		return bench.Printed{Procs: c.Procs, Results: []bench.Result{{
			Iters: 1000, Values: []sample.Value{{Unit: "ns/op", V: ns}, {Unit: "ops/s", V: 1e9 / ns}},
		}}}, nil
	},
})

// everyFamily is contend's own families, and the toys.
func everyFamily() []family.Family {
	caches, rows := cachebench.Family(), primitives.Family()
	return []family.Family{caches, rows, study.Family(caches, rows), toys}
}

// TestPackAnyFamily: what was typed travels, but for what belongs to this host,
// and so do files that flags name.
func TestPackAnyFamily(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "some.trace")
	if err := os.WriteFile(trace, []byte("1\n2\n3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typed, args string
		files       int
	}{
		{"--suite toys --clients 1,2 --out here", "sweep --clients=1 --clients=2 --suite=toys", 0},
		{"--suite study --quick", "sweep --quick=true --suite=study", 0},
		{"--suite primitives --row lock --hold 0s,1us", "sweep --hold=0s --hold=1us --row=lock --suite=primitives", 0},
		{"--workload replay --backend mutexlru --input " + trace, "sweep --backend=mutexlru --workload=replay --input=${BUNDLE}/files/some.trace", 1},
	} {
		s := sweep{families: everyFamily()}
		cmd := &cobra.Command{}
		s.bind(cmd)
		if err := cmd.ParseFlags(append(strings.Fields(c.typed), "--procs", "1")); err != nil {
			t.Fatal(err)
		}
		b, err := s.bundle(cmd)
		if err != nil {
			t.Errorf("%s: %v", c.typed, err)
			continue
		}
		args := strings.Join(slices.DeleteFunc(b.Args, func(a string) bool { return a == "--procs=1" }), " ")
		if want := strings.ReplaceAll(c.args, "${BUNDLE}", bundle.Here); args != want || len(b.Files) != c.files {
			t.Errorf("%s: packed as %q with %v, want %q", c.typed, args, b.Files, want)
		}
	}
}
