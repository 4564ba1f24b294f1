// Package synthetic makes run texts with known truth for the report's tests:
// nothing in them was measured.
package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// Plan says what the run holds. The zero value of every field but Backends,
// Procs and Blocks leaves the thing out.
type Plan struct {
	Backends  []string
	Procs     []int
	Blocks    int
	Usable    float64
	Workloads []string // one facet each; "zipf" if empty
	Control   bool     // the share-nothing control beside every cell
	Traced    bool     // a traced sample beside every cell
	Invalid   bool     // one crashed sample per backend
	Seed      uint64

	Boundaries []sample.Record
	Config     []sample.Field // beside the usual lines
	Cmd        string
}

// Names returns n names of backends.
func Names(n int) []string {
	names := []string{
		"s3fifo", "ring", "otter2", "otter1", "xsyncmap", "syncmap", "fido", "phuslu", "theine", "ristretto",
		"stripedlru", "mutexlru", "golanglru", "workerpool", "workerpoolring",
	}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("backend%02d", i))
	}
	return names[:n]
}

// Boundary is the record of one topology boundary.
func Boundary(after int, label string) sample.Record {
	return sample.Record{Verb: "boundary", Fields: []sample.Field{{Key: "after", Value: fmt.Sprint(after)}, {Key: "label", Value: label}}}
}

// Rate is the true throughput of the i-th backend: the universal scalability
// law (Gunther, 1993) with contention and coherence that grow with i.
// Oversubscribed Ps add nothing.
func (p Plan) Rate(i, procs int) float64 {
	n := float64(procs)
	if p.Usable > 0 {
		n = min(n, p.Usable)
	}
	sigma, kappa := 0.01+0.03*float64(i), 0.00002*float64(i*i)
	return 22e6 / (1 + 0.12*float64(i)) * n / (1 + sigma*(n-1) + kappa*n*(n-1))
}

// Ceiling is the true throughput of the i-th backend's control.
func (p Plan) Ceiling(i, procs int) float64 {
	n := float64(procs)
	if p.Usable > 0 {
		n = min(n, p.Usable)
	}
	return 22e6 / (1 + 0.12*float64(i)) * math.Pow(n, 0.97)
}

// Text is the samples file of the plan.
func (p Plan) Text() string {
	rng := rand.New(rand.NewPCG(p.Seed, 1))
	workloads := p.Workloads
	if len(workloads) == 0 {
		workloads = []string{"zipf"}
	}
	var b strings.Builder
	p.header(&b)
	for block := range p.Blocks {
		drift := 1 + 0.05*math.Sin(float64(block))
		for w, workload := range workloads {
			for i, name := range p.Backends {
				for _, procs := range p.Procs {
					c := cell{plan: p, rng: rng, i: i, procs: procs, block: block, slow: drift * (1 + 0.3*float64(w)),
						name: func(keys string) string {
							return fmt.Sprintf("BenchmarkCache/workload=%s/reads=75/keys=65536%s/backend=%s/gomaxprocs=%d", workload, keys, name, procs)
						}}
					c.write(&b)
				}
			}
		}
	}
	return b.String()
}

func (p Plan) header(b *strings.Builder) {
	fmt.Fprintln(b, "# contend protocol=1")
	cmd := p.Cmd
	if cmd == "" {
		cmd = "contend sweep --backend all --procs pow2:64 --count 10"
	}
	fmt.Fprintln(b, sample.Record{Verb: "run", Fields: []sample.Field{
		{Key: "id", Value: "synthetic"}, {Key: "seed", Value: fmt.Sprint(p.Seed)}, {Key: "exe", Value: "sha256:0"}, {Key: "cmd", Value: cmd}}})
	fmt.Fprintln(b, sample.Record{Verb: sample.VerbOrder, Fields: []sample.Field{{Key: "key", Value: "workload"}, {Key: "values", Value: strings.Join(p.Workloads, " ")}}})
	for i, name := range p.Backends {
		fmt.Fprintln(b, sample.Record{Verb: "backend", Fields: []sample.Field{
			{Key: "name", Value: name}, {Key: "sync", Value: []string{"lock-free", "striped", "mutex", "hand-off"}[i%4]},
			{Key: "policy", Value: "S3-FIFO"}, {Key: "bounded", Value: "true"}, {Key: "strict", Value: fmt.Sprint(i%3 > 0)},
			{Key: "about", Value: "synthetic backend of a test"}}})
	}
	for _, r := range p.Boundaries {
		fmt.Fprintln(b, r)
	}
	fmt.Fprintln(b, sample.Record{Verb: "absent", Fields: []sample.Field{
		{Key: "name", Value: "plainmap"}, {Key: "reason", Value: "read-only: cannot run reads=75"}}})
	for _, f := range append([]sample.Field{
		{Key: "goos", Value: "linux"}, {Key: "goarch", Value: "amd64"}, {Key: "cpu", Value: "Synthetic CPU @ 3.00GHz"},
		{Key: "usable-cpus", Value: fmt.Sprint(p.Usable)}, {Key: "go", Value: "go1.26.8"}}, p.Config...) {
		fmt.Fprintf(b, "%s: %s\n", f.Key, f.Value)
	}
	for _, u := range sample.Units {
		if u.Better != sample.Neither {
			fmt.Fprintf(b, "Unit %s better=%s\n", u.Name, u.Better)
		}
	}
	fmt.Fprintln(b, "# begin")
}

// cell is one backend at one GOMAXPROCS in one block.
type cell struct {
	plan            Plan
	rng             *rand.Rand
	i, procs, block int
	slow            float64
	name            func(keys string) string
}

func (c cell) write(b *strings.Builder) {
	over := c.plan.Usable > 0 && float64(c.procs) > c.plan.Usable
	rate := c.plan.Rate(c.i, c.procs)
	const goroutines = "/goroutines-per-p=1"
	if c.plan.Invalid && c.block == 1 && c.procs == c.plan.Procs[0] {
		fmt.Fprintf(b, "# sample cell=%x block=%d invalid=%q\n# result %s\n", c.i, c.block, "crashed: exit status 2", c.name(goroutines+"/sharing=all"))
	} else {
		c.identity(b, over)
		c.line(b, c.name(goroutines+"/sharing=all"), rate, 0.06*float64(c.i%5), false)
	}
	if c.plan.Control {
		c.identity(b, over)
		c.line(b, c.name(goroutines+"/sharing=none"), c.plan.Ceiling(c.i, c.procs), 0, false)
	}
	if c.plan.Traced {
		c.identity(b, over)
		c.line(b, c.name(goroutines+"/sharing=all/probe=trace"), rate*0.8, 0.06*float64(c.i%5), true)
	}
}

func (c cell) identity(b *strings.Builder, over bool) {
	fmt.Fprintf(b, "# sample cell=%x block=%d\n", c.i, c.block)
	if over {
		fmt.Fprintf(b, "# warn text=%q\n", "oversubscribed: GOMAXPROCS above the usable CPUs")
	}
}

func (c cell) line(b *strings.Builder, name string, rate, idle float64, traced bool) {
	rate = rate / c.slow * (1 + 0.02*c.rng.NormFloat64())
	p := float64(c.procs)
	cpus := p
	if c.plan.Usable > 0 {
		cpus = min(p, c.plan.Usable)
	}
	unused := idle * (1 - 1/p) * (1 + 0.05*c.rng.NormFloat64())
	values := []sample.Value{
		{Unit: "ns/op", V: 1e9 / rate}, {Unit: "ops/s", V: rate},
		{Unit: "cpu-ns/op", V: cpus * (1 - unused) * 1e9 / rate},
		{Unit: "cpu-unused", V: unused}, {Unit: "p-idle", V: max(0, unused*1.1)},
		{Unit: "os-wait", V: max(0, (p-cpus)*(1-unused)*(1+0.05*c.rng.NormFloat64()))},
		{Unit: "hits/get", V: 0.70 + 0.02*float64(c.i%6) + 0.002*c.rng.NormFloat64()},
		{Unit: "reads/op", V: 0.75}, {Unit: "fairness", V: max(0.02, 1-0.03*p/4*float64(1+c.i%3)+0.01*c.rng.NormFloat64())},
		{Unit: "jain", V: 0.99}, {Unit: "allocs/op", V: 0}, {Unit: "B/op", V: float64(c.i)},
	}
	if traced {
		wait := min(0.95, unused+0.02)
		values = append(values, sample.Value{Unit: "p-wait", V: wait},
			sample.Value{Unit: "p-wait-lock", V: wait * 0.6}, sample.Value{Unit: "p-wait-wakeup", V: wait * 0.25},
			sample.Value{Unit: "p-wait-held", V: wait * 0.1}, sample.Value{Unit: "p-wait-other", V: wait * 0.05})
	}
	fmt.Fprintln(b, sample.FormatResult(name, 1000000, values))
}
