package userbench_test

import (
	"math"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/userbench"
)

// run runs a benchmark function as go test does, and returns what it reports.
func run(f func(b *testing.B)) testing.BenchmarkResult {
	return testing.Benchmark(f)
}

func TestReports(t *testing.T) {
	r := run(func(b *testing.B) {
		m := userbench.New(b)
		b.RunParallel(func(pb *testing.PB) {
			w := m.Worker()
			for i := 0; pb.Next(); i++ {
				w.Op(3)
				w.Hit(i%4 != 0)
			}
		})
	})
	wantOps := 3 * float64(r.N) / r.T.Seconds()
	if got := r.Extra["ops/s"]; math.Abs(got/wantOps-1) > 1e-6 {
		t.Errorf("%v ops/s, want %v", got, wantOps)
	}
	if got := r.Extra["hits/get"]; math.Abs(got-.75) > .01 {
		t.Errorf("%v hits/get, want 0.75", got)
	}
	for _, unit := range []string{"fairness", "jain"} {
		if got, ok := r.Extra[unit]; ok && !(got >= 0 && got <= 1+1e-9) {
			t.Errorf("%v %s", got, unit)
		}
	}
	if _, ok := r.Extra["p50-ns"]; ok {
		t.Error("a latency is reported, and none was measured")
	}
}

// TestPercentiles: latencies known beforehand come back, and only those
// percentiles that 10 samples lie beyond.
func TestPercentiles(t *testing.T) {
	const n = 1000
	r := run(func(b *testing.B) {
		for range b.N {
		}
		m := userbench.New(b)
		w := m.Worker()
		for i := range n { // milliseconds are far above what the clock costs
			w.Since(time.Now().Add(-time.Duration(i+1) * time.Millisecond))
		}
	})
	if r.Extra["latencies"] != n {
		t.Errorf("%v latencies", r.Extra["latencies"])
	}
	for unit, want := range map[string]time.Duration{"p50-ns": 500 * time.Millisecond, "p90-ns": 900 * time.Millisecond, "p99-ns": 990 * time.Millisecond} {
		if got := r.Extra[unit]; math.Abs(got/float64(want)-1) > .01 {
			t.Errorf("%s is %v, want %v", unit, time.Duration(got), want)
		}
	}
	for _, unit := range []string{"p99.9-ns", "p99.99-ns"} {
		if got, ok := r.Extra[unit]; ok {
			t.Errorf("%s is %v from %d samples", unit, got, n)
		}
	}
}

// TestLoop: a benchmark with b.Loop reports too.
func TestLoop(t *testing.T) {
	r := run(func(b *testing.B) {
		w := userbench.New(b).Worker()
		for b.Loop() {
			w.Op(2)
		}
	})
	if got, want := r.Extra["ops/s"], 2*float64(r.N)/r.T.Seconds(); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("%v ops/s, want %v", got, want)
	}
}

// TestNoAllocation: counting allocates nothing after the first latency.
func TestNoAllocation(t *testing.T) {
	run(func(b *testing.B) {
		w := userbench.New(b).Worker()
		w.Since(w.Start())
		if n := testing.AllocsPerRun(100, func() { w.Op(1); w.Hit(true); w.Since(w.Start()) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// TestPace: a stop of the loop counts for all operations that were due meanwhile, and a
// load that is not carried says how far behind it is.
func TestPace(t *testing.T) {
	const stop = 20 * time.Millisecond
	r := run(func(b *testing.B) {
		m := userbench.New(b)
		w, p := m.Worker(), m.Pace(10_000)
		for i := range max(b.N, 400) {
			due := p.Wait()
			if i == 200 {
				time.Sleep(stop)
			}
			w.Since(due)
		}
	})
	// 200 operations were due while it stopped, some 2% of those in the second that testing
	// asks for: half of them waited for more than half of it.
	if r.Extra["p99-ns"] < float64(stop/4) {
		t.Errorf("a p99 of %v ns beside a stop of %v", r.Extra["p99-ns"], stop)
	}
	if _, ok := r.Extra["behind-ns"]; !ok {
		t.Error("how far behind the plan it was is not reported")
	}
	r = run(func(b *testing.B) {
		m := userbench.New(b)
		p := m.Pace(1e6)
		for range 50 {
			p.Wait()
			time.Sleep(time.Millisecond)
		}
	})
	if behind := r.Extra["behind-ns"]; behind < float64(40*time.Millisecond) {
		t.Errorf("%v ns behind after 50 operations of 1 ms that were due every microsecond", behind)
	}
}
