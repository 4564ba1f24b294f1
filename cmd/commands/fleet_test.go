package commands

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/fleet"
	"github.com/contend-go/contend/bench/sample"
)

// TestFleetSSH: three machines over ssh, one of which is killed in mid-run and
// continued, and one that is not of the kind that was asked for. Collected twice, the
// bytes are the same, and the machines are left clean.
func TestFleetSSH(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := []string{"a", "b", "c"}
	hosts, config := map[string]sshHost{}, ""
	for _, name := range names {
		hosts[name] = sshd(t, "CONTEND_NODE=node-"+name)
		config += fmt.Sprintf("Host %s\n HostName 127.0.0.1\n Port %d\n User %s\n IdentityFile %s\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n BatchMode yes\n LogLevel ERROR\n",
			name, hosts[name].port, me.Username, hosts[name].key)
	}
	if err := os.WriteFile(filepath.Join(dir, "ssh_config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	exe := built(t)
	start := func(args ...string) (*exec.Cmd, *strings.Builder) {
		c := exec.Command(exe, append([]string{"fleet"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), "CONTEND_SSH=ssh -F "+filepath.Join(dir, "ssh_config"))
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		return c, &out
	}
	run := func(want int, args ...string) string {
		t.Helper()
		c, out := start(args...)
		c.Run()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Fatalf("%v: exit %d, want %d\n%s", args, got, want, out)
		}
		return out.String()
	}
	sweep := []string{"sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "12", "--procs", "1"}
	cpus := "cpus=" + strconv.Itoa(runtime.NumCPU())
	run(0, append([]string{"plan", "--kind", "here,hosts=a b," + cpus, "--kind", "big,hosts=c,cpus=4096", "--out", "f"}, sweep...)...)
	run(2, append([]string{"plan", "--kind", "here,hosts=a b", "--out", "f"}, sweep...)...) // it is there already
	f, err := fleet.Load(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}

	// Kill what measures on b once it has samples.
	c, out := start("run", "f")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	shard := filepath.Join(hosts["b"].home, ".contend-"+f.ID, fleet.Delivered, "here-1")
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for killed := false; !killed; {
		select {
		case <-ended:
			t.Fatalf("it ended before it was killed\n%s", out)
		case <-time.After(5 * time.Millisecond):
		}
		files, _ := filepath.Glob(filepath.Join(shard, "*", sample.FileName))
		pid, _ := os.ReadFile(filepath.Join(shard, "pid"))
		n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
		if len(files) == 1 && n > 0 {
			if text, _ := os.ReadFile(files[0]); strings.Count(string(text), "# sample ") >= 3 {
				syscall.Kill(n, syscall.SIGKILL)
				killed = true
			}
		}
	}
	<-ended
	if code := c.ProcessState.ExitCode(); code != bench.ExitInvalid {
		t.Fatalf("killed: exit %d\n%s", code, out)
	}
	for _, want := range []string{"here-0               12 of 12 repetitions by node-a", "ended early: what it completed counts", "wanted 4096 CPUs, has " + strconv.Itoa(runtime.NumCPU()), "big-0                0 of 12 repetitions"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q\n%s", want, out)
		}
	}

	// The same command continues on b; c stays what it is.
	again := run(bench.ExitInvalid, "run", "f")
	if !strings.Contains(again, "here-1               12 of 12 repetitions by node-b") || strings.Contains(again, "here-0: ") {
		t.Errorf("%s", again)
	}
	first, err := os.ReadFile(filepath.Join(dir, "f", fleet.RunFolder, sample.FileName))
	if err != nil {
		t.Fatal(err)
	}
	run(bench.ExitInvalid, "collect", "f")
	second, _ := os.ReadFile(filepath.Join(dir, "f", fleet.RunFolder, sample.FileName))
	if string(first) != string(second) {
		t.Error("collected again, the samples are other bytes")
	}
	set, err := sample.Load(filepath.Join(dir, "f", fleet.RunFolder))
	if err != nil {
		t.Fatal(err)
	}
	nodes, blocks := map[string]int{}, map[int]int{}
	for _, s := range set.Samples {
		nodes[s.Run.Node()]++
		blocks[s.Block]++
	}
	for b := range 24 {
		if blocks[b] != 2 { // shared, and share-nothing
			t.Errorf("block %d has %d samples", b, blocks[b])
		}
	}
	if len(set.Samples) != 48 || nodes["node-a"] != 24 || nodes["node-b"] != 24 {
		t.Errorf("%d samples, %v", len(set.Samples), nodes)
	}
	if says := run(0, "status", "f"); !strings.Contains(says, "ssh: here-0: 24 processes measured on a") {
		t.Errorf("%s", says)
	}
	run(0, "stop", "f")
	for name, h := range hosts {
		if left, _ := os.ReadDir(h.home); len(left) > 0 {
			t.Errorf("left on %s: %v", name, left)
		}
	}
}

// TestFleetUsage: what no fleet can be planned of is said before anything is written.
func TestFleetUsage(t *testing.T) {
	t.Parallel()
	exe := built(t)
	dir := t.TempDir()
	for _, c := range []struct {
		args, want string
	}{
		{"plan", "--kind: which machines?"},
		{"plan --kind a,hosts=x", "what is to be measured?"},
		{"plan --kind a,hosts=x trace", "what is to be measured?"},
		{"plan --engine condor --kind a,hosts=x sweep", `"condor" unknown; there are ssh, slurm, kubernetes`},
		{"plan --kind a,hosts=x sweep", "--procs auto is another list on each machine"},
		{"plan --kind a,hosts=x,cpus=8 sweep --budget 5m", "--budget: a time is kept by each machine in its own way"},
		{"plan --kind a,hosts=x,cpus=8 sweep --first-block 3", "--first-block: the plan of the fleet"},
		{"plan --kind a,hosts=x,cpus=8 sweep --bakend ring", "did you mean --backend?"},
		{"plan --kind a,hosts=x,cpus=8 --kind a,hosts=y sweep", "a stands twice"},
		{"plan --kind a,hosts=x,cpus=8,arch=mips64 sweep", "build contend for them, GOOS=linux GOARCH=mips64"},
		{"plan --kind a,machines=4 --engine slurm --split sweep --procs 1 --count 4 --backend mutexlru", "1 repetitions on each of 4 machines"},
		{"plan --kind a,machines=4 --engine kubernetes sweep --procs 1", "name the image"},
		{"run nowhere", "no fleet there"},
		{"collect .", "no fleet there"},
	} {
		cmd := exec.Command(exe, append([]string{"fleet"}, strings.Fields(c.args)...)...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != bench.ExitUsage || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: exit %d, %s; want %q", c.args, code, out, c.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
