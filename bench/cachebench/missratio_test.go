package cachebench_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/catalog"
)

// TestMissRatios replays real traces, read-through from one goroutine, every
// object of size 1, and compares with libCacheSim's own simulator, to the
// printed digit.
func TestMissRatios(t *testing.T) {
	const tolerance = 0.5e-4 + 1e-12
	type ratio struct {
		capacity    int
		lru, s3fifo float64
	}
	for _, trace := range []struct {
		name   string
		path   string
		ratios []ratio
	}{
		{"gli", gliPath(t), []ratio{
			{250, 0.9909, 0.9879}, {500, 0.9905, 0.8387}, {1000, 0.8879, 0.6495}, {2000, 0.4259, 0.4786},
		}},
		{"oltp", dataPath("oltp.gz"), []ratio{
			{500, 0.7655, 0.6736}, {1000, 0.6717, 0.5916}, {2000, 0.5753, 0.5299},
			{5000, 0.4635, 0.4412}, {10000, 0.3930, 0.3736},
		}},
		{"cloudPhysicsIO", dataPath("cloudPhysicsIO.oracleGeneral.bin"), []ratio{
			{500, 0.8378, 0.8303}, {1000, 0.8327, 0.8256}, {2000, 0.8271, 0.8119},
			{5000, 0.8038, 0.7498}, {10000, 0.6976, 0.6693}, {20000, 0.6328, 0.6184},
		}},
	} {
		t.Run(trace.name, func(t *testing.T) {
			replayed, err := workload.OpenTrace(trace.path, workload.Auto)
			if errors.Is(err, fs.ErrNotExist) && trace.name != "gli" {
				t.Skipf("%v; put the file there, or name its folder in CONTEND_DATA", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range trace.ratios {
				for backend, ratio := range map[string]float64{"mutexlru": want.lru, "s3fifo": want.s3fifo} {
					got := missRatio(t, backend, want.capacity, replayed)
					t.Logf("%s at %d: %.4f, libCacheSim %.4f", backend, want.capacity, got, ratio)
					if math.Abs(got-ratio) > tolerance {
						t.Errorf("%s at capacity %d: miss ratio %.5f, want %.4f", backend, want.capacity, got, ratio)
					}
				}
			}
		})
	}
}

// missRatio is the share of requests that miss, each miss being followed by
// a Set.
func missRatio(t *testing.T, backend string, capacity int, trace *workload.Trace) float64 {
	spec, ok := catalog.Lookup(backend)
	if !ok {
		t.Fatalf("no backend %q", backend)
	}
	c, err := spec.Uint64(capacity)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	item, misses := new(caches.Item), 0
	for _, r := range trace.Requests {
		key := trace.IDs[r.Index()]
		if _, ok := c.Get(key); !ok {
			misses++
			c.Set(key, item)
		}
	}
	return float64(misses) / float64(len(trace.Requests))
}

// dataPath is where a published trace lies that is no part of the project.
func dataPath(name string) string {
	if dir := os.Getenv("CONTEND_DATA"); dir != "" {
		return filepath.Join(dir, name)
	}
	return filepath.Join("..", "..", "..", "shared", "data", name)
}

// gliPath is the trace that ristretto's module ships.
func gliPath(t *testing.T) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dgraph-io/ristretto/v2").Output()
	if err != nil {
		t.Fatalf("finding the ristretto module: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "sim", "gli.lirs.gz")
}
