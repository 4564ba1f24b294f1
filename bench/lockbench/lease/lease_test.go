package lease_test

import (
	"testing"

	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/bench/lockbench/locktest"
)

func TestConformance(t *testing.T) { locktest.Run(t, lease.Service()) }

// TestNoneIsCaught: no lock at all breaks what every lock promises.
func TestNoneIsCaught(t *testing.T) {
	s := lease.None()
	s.Promises.Excludes = lease.Service().Promises.Excludes
	found := locktest.Check(s, t.TempDir())
	if len(found) < 3 {
		t.Errorf("none is found to break only %q", found)
	}
}
