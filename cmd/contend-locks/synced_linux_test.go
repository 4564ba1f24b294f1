package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/sample"
)

// syncs counts the calls that sync a file to disk, of all processes of a sweep of one
// service, and the changes that it made.
func syncs(t *testing.T, service string) (calls, changes int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace here: apt-get install strace")
	}
	dir := t.TempDir()
	trace, run := filepath.Join(dir, "trace"), filepath.Join(dir, "run")
	words := strings.Fields("-f -qq -e trace=fsync,fdatasync -e signal=none -o " + trace + " " + os.Args[0] + " sweep --clients 1 --count 1 --service " + service + " --out " + run)
	cmd := exec.Command(strace, words...)
	cmd.Env = program().Env
	out, err := cmd.CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("ptrace")) {
		t.Skipf("strace may not trace here: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	set, err := sample.Load(run)
	if err != nil || len(set.Samples) != 1 {
		t.Fatal(len(set.Samples), err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls = bytes.Count(text, []byte("sync("))
	t.Logf("%s: %d calls, %d changes", service, calls, set.Samples[0].Iters)
	return calls, set.Samples[0].Iters
}

// TestSyncs: a log that syncs each change does so, and one that never does has no more
// calls than it takes to begin and end.
func TestSyncs(t *testing.T) {
	const beginAndEnd = 50
	if calls, changes := syncs(t, "natslog-always"); calls < changes {
		t.Errorf("natslog-always: %d calls for %d changes", calls, changes)
	}
	if calls, changes := syncs(t, "natslog-never"); calls > beginAndEnd {
		t.Errorf("natslog-never: %d calls, %d changes", calls, changes)
	}
	syncs(t, "natslog-interval") // its calls depend on how long it takes
}
