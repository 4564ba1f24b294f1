package primitives

import (
	"os"
	"runtime"
	"testing"
)

func TestMain(m *testing.M) {
	RunCell(nil) // this binary is the program of the sweeps that tests run
	os.Exit(m.Run())
}

// TestRows runs every implementation of every row, each checking itself, with
// fewer and with more Ps than this host has CPUs.
func TestRows(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	for _, procs := range []int{1, 2, 8, 32} {
		atProcs(t, procs)
		for _, r := range rows {
			for _, i := range r.impls {
				for _, n := range []int{1, n} { // fewer operations than goroutines, and more
					c := conditions{procs: procs, hold: 1, think: 1}
					if err := i.job(c, n).do(func() {}, func() {}); err != nil {
						t.Errorf("%s %s, %d operations at GOMAXPROCS=%d: %v", r.name, i.name, n, procs, err)
					}
				}
			}
		}
	}
}

// atProcs sets GOMAXPROCS for the rest of the test.
func atProcs(t *testing.T, procs int) {
	old := runtime.GOMAXPROCS(procs)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}
