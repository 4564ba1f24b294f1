package main

import (
	"os"
	"testing"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/bench/lockbench/locktest"
)

// TestMain lets the test binary play servers, clients and cells.
func TestMain(m *testing.M) {
	family.RunCell([]family.Family{locks()}, nil)
	os.Exit(m.Run())
}

// TestConformance: every service keeps what it promises.
func TestConformance(t *testing.T) {
	for _, s := range services() {
		if s.Name == lease.Null().Name || s.Name == lease.None().Name {
			continue // they promise nothing
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			locktest.Run(t, s)
		})
	}
}
