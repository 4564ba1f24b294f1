package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kills is how many processes TestKilledSweep kills.
var kills = flag.Int("kills", 6, "processes of a sweep to kill, at random moments")

// marked are the folders in /proc of the processes that carry a mark in their
// environment.
func marked(mark string) (list []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		if env, err := os.ReadFile(p); err == nil && strings.Contains(string(env), mark) {
			list = append(list, filepath.Dir(p))
		}
	}
	return list
}

// left is what is left of a sweep: processes, and folders of services in the run.
func left(mark, dir string) []string {
	folders, _ := filepath.Glob(filepath.Join(dir, ".locks*"))
	return append(marked(mark), folders...)
}

// killOne kills a server or a client of the sweep, if it has one now.
func killOne(r *rand.Rand, mark string) (what string) {
	procs := marked(mark)
	r.Shuffle(len(procs), func(i, j int) { procs[i], procs[j] = procs[j], procs[i] })
	for _, p := range procs {
		env, _ := os.ReadFile(filepath.Join(p, "environ"))
		for _, role := range []string{"server", "client"} {
			if strings.Contains(string(env), `CONTEND_LOCKS={"`+role+`"`) {
				if pid, err := strconv.Atoi(filepath.Base(p)); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
					return role
				}
			}
		}
	}
	return "nothing"
}

// TestKilledSweep: whenever the sweep is killed, nothing of it is left, and the
// same command goes on with what was measured. A server or client that is killed
// spoils its cell, and nothing else.
func TestKilledSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	mark := "CONTEND_LOCKS_TEST=" + dir
	words := strings.Fields("sweep --service lease-bbolt,raft,redis,pg-row,none --fault none,pause-holder --clients 2 --ttl 300ms --count 1 --out " + dir)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range *kills {
		cmd := program(words...)
		cmd.Env = append(cmd.Env, mark)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond) // some moment
		what := "the sweep"
		if n%2 == 0 {
			what = killOne(r, mark)
			time.Sleep(time.Duration(r.IntN(500)) * time.Millisecond)
		}
		if n%4 > 0 {
			_ = cmd.Process.Kill() // it may have ended before
		}
		_ = cmd.Wait()
		for began := time.Now(); len(left(mark, dir)) > 0; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 5*time.Minute {
				t.Fatalf("seed %d, kill %d, of %s: left for good: %v\n%s", seed, n, what, left(mark, dir), &out)
			}
		}
		if strings.Contains(out.String(), "panic:") {
			t.Errorf("seed %d, kill %d, of %s: %s", seed, n, what, &out)
		}
	}
	cmd := program(words...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("seed %d: the run does not go on: %v\n%s", seed, err, out)
	}
}
