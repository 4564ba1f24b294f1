//go:build !386 && !arm

// The workloads count to 2^32 in an int.

package ring_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/ring"
	"github.com/contend-go/contend/caches/s3fifo"
)

// traces are recorded requests, with the capacities at which they are
// replayed. gli comes with a module that the project uses; the others are
// found beside the repository, or in the folder that CONTEND_DATA names.
var traces = []struct {
	name, file string
	capacities []int
}{
	{"gli", "", []int{250, 500, 1000, 2000}},
	{"oltp", "oltp.gz", []int{500, 1000, 2000, 5000, 10000}},
	{"cloudPhysicsIO", "cloudPhysicsIO.oracleGeneral.bin", []int{500, 1000, 2000, 5000, 10000, 20000}},
}

func openTrace(t *testing.T, file string) *workload.Trace {
	path := os.Getenv("CONTEND_DATA")
	switch {
	case file == "":
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dgraph-io/ristretto/v2").Output()
		if err != nil {
			t.Fatalf("finding the ristretto module: %v", err)
		}
		path = filepath.Join(strings.TrimSpace(string(out)), "sim", "gli.lirs.gz")
	case path != "":
		path = filepath.Join(path, file)
	default:
		path = filepath.Join("..", "..", "..", "shared", "data", file)
	}
	trace, err := workload.OpenTrace(path, workload.Auto)
	if errors.Is(err, fs.ErrNotExist) && file != "" {
		t.Skipf("%v; put the file there, or name its folder in CONTEND_DATA", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// missRatio replays a trace, read-through, from the given number of goroutines
// that share one cursor.
func missRatio(t *testing.T, spec caches.Spec, capacity int, trace *workload.Trace, goroutines int) float64 {
	c, err := spec.Uint64(capacity)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cursor, item := trace.Cursor(1), new(caches.Item)
	var misses atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			missed := 0
			for {
				requests, lap := cursor.Claim()
				if lap > 0 {
					misses.Add(int64(missed))
					return
				}
				for _, r := range requests {
					key := trace.IDs[r.Index()]
					if _, ok := c.Get(key); !ok {
						missed++
						c.Set(key, item)
					}
				}
			}
		})
	}
	wg.Wait()
	return float64(misses.Load()) / float64(len(trace.Requests))
}

// TestHitRatio compares with the exact algorithm, with some room above what the
// README says was seen: each cache hashes in its own way.
func TestHitRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("nothing here depends on the race detector, and it makes the replays slow")
	}
	for _, c := range traces {
		t.Run(c.name, func(t *testing.T) {
			trace := openTrace(t, c.file)
			for _, capacity := range c.capacities {
				want := missRatio(t, s3fifo.Spec(), capacity, trace, 1)
				got := missRatio(t, ring.Spec(), capacity, trace, 1)
				if math.Abs(got-want) > 0.005 {
					t.Errorf("capacity %d: miss ratio %.4f, the exact S3-FIFO's is %.4f: want it within 0.005", capacity, got, want)
				}
				shared := missRatio(t, ring.Spec(), capacity, trace, 8)
				if c.file != "" && capacity >= 1000 && math.Abs(shared-want) > 0.01 {
					t.Errorf("capacity %d, 8 goroutines: miss ratio %.4f, the exact S3-FIFO's is %.4f: want it within 0.01", capacity, shared, want)
				}
				t.Logf("capacity %5d: miss ratio %.4f exact, %.4f ring (%+.4f), %.4f with 8 goroutines (%+.4f)",
					capacity, want, got, got-want, shared, shared-want)
			}
		})
	}
}
