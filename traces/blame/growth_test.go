package blame

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// seen is CPU samples of one kind at one place.
type seen struct {
	kind  account.CPUKind
	stack []string // innermost first: function, and line behind a colon
	n     int64
}

// loadOf is one repetition: ops operations in a second of procs Ps, which had CPUs for that share of it.
func loadOf(procs int, ops, had float64, samples ...seen) Load {
	w := &account.Window{Start: 0, End: time.Second, MaxProcs: procs, Capacity: time.Duration(procs) * time.Second}
	w.Parts[account.Running] = w.Capacity
	for _, s := range samples {
		var stack account.Stack
		for _, f := range s.stack {
			fn, _, _ := strings.Cut(f, ":")
			line := 10
			if strings.HasSuffix(f, ":20") {
				line = 20
			}
			file := "/src/app/" + fn + ".go"
			if strings.HasPrefix(fn, "runtime.") || strings.HasPrefix(fn, "sync.") {
				file = "runtime/x.go"
			}
			stack = append(stack, account.Frame{Func: fn, File: file, Line: line})
		}
		w.CPU = append(w.CPU, account.CPU{Kind: s.kind, Samples: s.n, Stacks: []account.StackCount{{Stack: stack, Count: s.n}}})
	}
	return Load{Procs: procs, Ops: ops, CPU: time.Duration(had * float64(w.Capacity)), Window: w}
}

// TestGrow: the function whose cost grew is named first, by its hottest line; what
// the allocator takes, and functions that cost what they did, are not.
func TestGrow(t *testing.T) {
	from := []Load{loadOf(1, 1e6, 1,
		seen{account.User, []string{"app.work"}, 200}, seen{account.User, []string{"app.count:20"}, 50})}
	to := []Load{loadOf(2, 1e6, 1,
		seen{account.User, []string{"app.work"}, 205}, seen{account.User, []string{"app.count:20"}, 200}, seen{account.User, []string{"app.count"}, 40},
		seen{account.User, []string{"runtime.mallocgc", "app.work"}, 55})}
	g, untold := Grow(from, to)
	if g == nil || len(g.Grown) != 1 {
		t.Fatalf("%+v, %q", g, untold)
	}
	d := g.Grown[0]
	if d.Line.Func != "app.count" || d.Line.Line != 20 || d.What() != "shared memory" || d.Before != 200 || d.After != 960 {
		t.Errorf("%+v", d)
	}
	if g.From != 1 || g.To != 2 || g.Before != 1000 || g.After != 1780 {
		t.Errorf("%+v", g)
	}
	text := strings.Join(g.Lines(), "\n")
	for _, want := range []string{"1000 ns of CPU at GOMAXPROCS 1 and 1780 ns at 2", "app.count", ":20", "200 ns → 960 ns", "try: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// TestGrowKinds: a lock's own functions are named by the line that called them.
func TestGrowKinds(t *testing.T) {
	from := []Load{loadOf(1, 1e6, 1, seen{account.LockFast, []string{"sync.(*RWMutex).RLock", "app.read"}, 60})}
	to := []Load{loadOf(2, 1e6, 1, seen{account.LockFast, []string{"sync.(*RWMutex).RLock", "app.read"}, 300})}
	g, _ := Grow(from, to)
	if g == nil || g.Grown[0].What() != "lock fast path" || g.Grown[0].Line.Func != "app.read" || !strings.Contains(g.Next(), "cache line") {
		t.Errorf("%+v", g)
	}
}

// TestGrowUntold: without CPUs of its own, or enough samples, nothing is claimed, and
// the reason is said.
func TestGrowUntold(t *testing.T) {
	cheap := seen{account.User, []string{"app.count"}, 100}
	dear := seen{account.User, []string{"app.count"}, 400}
	for _, c := range []struct {
		name     string
		from, to []Load
		want     string
	}{
		{"neighbours", []Load{loadOf(1, 1e6, 1, cheap)}, []Load{loadOf(2, 1e6, .8, dear)}, "other processes used the CPUs in 1 of 2 repetitions"},
		{"few", []Load{loadOf(1, 1e6, 1, seen{account.User, []string{"app.count"}, 9})}, []Load{loadOf(2, 1e6, 1, dear)}, "by 9 and 400 samples"},
		{"spread", []Load{loadOf(1, 1e6, 1, spread(100, 1)...)}, []Load{loadOf(2, 1e6, 1, spread(100, 2)...)}, "at which line cannot be told"},
		{"no growth", []Load{loadOf(1, 1e6, 1, cheap)}, []Load{loadOf(2, 2e6, 1, seen{account.User, []string{"app.count"}, 200})}, ""},
		{"nothing", nil, []Load{loadOf(2, 1e6, 1, dear)}, ""},
	} {
		g, untold := Grow(c.from, c.to)
		if g != nil || !strings.Contains(untold, c.want) || c.want == "" && untold != "" {
			t.Errorf("%s: %+v, %q", c.name, g, untold)
		}
	}
	// A repetition that neighbours spoilt is left out beside one that is good.
	if g, untold := Grow([]Load{loadOf(1, 1e6, 1, cheap)}, []Load{loadOf(2, 1e6, .5, cheap), loadOf(2, 1e6, 1, dear)}); g == nil {
		t.Error(untold)
	}
}

// spread is samples of as many functions, so many of each.
func spread(funcs int, n int64) (list []seen) {
	for i := range funcs {
		list = append(list, seen{account.User, []string{"app.f" + string(rune('a'+i%26)) + string(rune('a'+i/26))}, n})
	}
	return list
}

// TestGrowByChance: where nothing grew, the noise of counts is no finding.
func TestGrowByChance(t *testing.T) {
	const families = 2000
	random := rand.New(rand.NewPCG(1, 2))
	poisson := func(mean float64) (n int64) {
		for sum := random.ExpFloat64(); sum < mean; sum += random.ExpFloat64() {
			n++
		}
		return n
	}
	side := func(procs int) []Load {
		var list []seen
		for i, mean := range []float64{40, 20, 10, 5, 5} {
			list = append(list, seen{account.User, []string{"app.f" + string(rune('a'+i))}, poisson(mean)})
		}
		return []Load{loadOf(procs, 1e6*float64(procs), 1+random.NormFloat64()*.03, list...)}
	}
	found := 0
	for range families {
		// Both sides take as many samples: at twice the GOMAXPROCS in half of the time.
		if g, _ := Grow(side(1), side(2)); g != nil {
			found++
		}
	}
	if found > 2 {
		t.Errorf("%d findings in %d comparisons of the same load", found, families)
	}
}
