package lockbench_test

import (
	"os"
	"testing"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
)

func services() []lockbench.Service {
	return []lockbench.Service{lease.Service(), lease.Null(), lease.None()}
}

// TestMain lets the test binary play servers, clients and cells.
func TestMain(m *testing.M) {
	family.RunCell([]family.Family{lockbench.Family(services(), lockbench.Quick{})}, nil)
	os.Exit(m.Run())
}

func TestTry(t *testing.T) {
	os.Setenv("CONTEND_DIR", t.TempDir())
	os.Setenv("CONTEND_PREFIX", "x-0")
	f := lockbench.Family(services(), lockbench.Quick{})
	if err := f.Child(os.Getenv("TRY"), nil, os.Stdout); err != nil {
		t.Fatal(err)
	}
}
