package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/lockbench/locktest"
)

// TestMain lets the test binary be the program.
func TestMain(m *testing.M) {
	if os.Getenv("EXAMPLE_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestMine holds the lock to what it promises.
func TestMine(t *testing.T) { locktest.Run(t, mine()) }

// TestSweep sweeps it, with a holder that is killed: the others wait for ever.
func TestSweep(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(os.Args[0], "sweep", "--service", "lockfile", "--fault", "none,kill-holder", "--clients", "2", "--ttl", "100ms", "--count", "1", "--out", out)
	cmd.Env = append(os.Environ(), "EXAMPLE_MAIN=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(filepath.Join(out, "samples.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(text, []byte("\n")) {
		l := string(line)
		if strings.HasPrefix(l, "BenchmarkLock/fault=kill-holder") && !strings.Contains(l, " 1 waiting") {
			t.Errorf("nobody waits for the lock of a dead client: %s", l)
		}
		if strings.HasPrefix(l, "BenchmarkLock/") && !strings.Contains(l, " 0 overlaps") {
			t.Errorf("two holders: %s", l)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
		t.Error(err)
	}
}
