package family_test

import (
	"fmt"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// A family of one axis: a cell as data, a table, and what measures a cell. A main
// hands it to commands.Main, and has every command.
func ExampleNew() {
	type sleeper struct {
		family.Base
		Nap time.Duration `json:"nap"`
	}
	f := family.New(family.Definition[sleeper]{
		Name: "sleepers", About: "naps", Benchmark: "Sleep", X: "nap",
		Columns: []family.Column[sleeper]{{
			Axis: family.Axis{Flag: "nap", Default: []string{"1ms", "2ms"}, Usage: "how long to sleep"},
			Read: family.Span(time.Second, func(c *sleeper, d time.Duration) { c.Nap = d }),
			Key:  "nap", Show: func(c *sleeper) string { return c.Nap.String() },
		}},
		Expect: func(c *sleeper) time.Duration { return c.Time },
		Measure: func(c *sleeper, _ *host.Facts, _ bench.Probe, _ bench.Window) (bench.Printed, error) {
			start := time.Now()
			time.Sleep(c.Nap)
			return bench.Printed{Procs: c.Procs, Results: []bench.Result{{
				Iters: 1, Values: []sample.Value{{Unit: "ns/op", V: float64(time.Since(start))}},
			}}}, nil
		},
	})
	facts := host.Read()
	plan, err := f.Plan(&family.Sweep{
		SweepOptions: &bench.SweepOptions{Procs: "1", Time: time.Second, Count: 6, Affinity: "none", Trace: "none", TraceBlocks: 1, Out: "run"},
		Values:       family.Values{"nap": {"1ms", "5ms"}}, Host: &facts,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.Cells {
		fmt.Println(c.Name)
	}
	// Output:
	// BenchmarkSleep/nap=1ms/gomaxprocs=1
	// BenchmarkSleep/nap=5ms/gomaxprocs=1
}
