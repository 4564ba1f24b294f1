package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// left are the processes that carry a mark in their environment, and the folders
// of services in a run.
func left(mark, dir string) (list []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		if env, err := os.ReadFile(p); err == nil && strings.Contains(string(env), mark) {
			list = append(list, p)
		}
	}
	folders, _ := filepath.Glob(filepath.Join(dir, ".locks*"))
	return append(list, folders...)
}

// TestKilledSweep: whenever the sweep is killed, nothing of it is left, and the
// same command goes on with what was measured.
func TestKilledSweep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what is left is seen in /proc, which only Linux has")
	}
	dir := filepath.Join(t.TempDir(), "run")
	mark := "CONTEND_LOCKS_TEST=" + dir
	words := strings.Fields("sweep --service lease-bbolt,raft,none --fault none,pause-holder --clients 2 --ttl 300ms --count 1 --out " + dir)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 10 {
		cmd := program(words...)
		cmd.Env = append(cmd.Env, mark)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond) // some moment
		if err := cmd.Process.Kill(); err != nil {
			t.Logf("seed %d: ended before: %v", seed, err)
		}
		_ = cmd.Wait()
		for len(left(mark, dir)) > 0 { // the test's own time-out ends this
			time.Sleep(5 * time.Millisecond)
		}
	}
	cmd := program(words...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("seed %d: the run does not go on: %v\n%s", seed, err, out)
	}
}
