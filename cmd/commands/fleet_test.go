package commands

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
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

// sshFleet is contend fleet in a folder, with hosts that are ssh servers here.
type sshFleet struct {
	t     *testing.T
	dir   string
	exe   string
	hosts map[string]sshHost
}

// newSSHFleet starts the hosts, each a machine node-NAME with the home folder that is
// given.
func newSSHFleet(t *testing.T, homes map[string]string) *sshFleet {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshFleet{t: t, dir: t.TempDir(), hosts: map[string]sshHost{}}
	config := ""
	for name, home := range homes {
		h := sshd(t, home, "CONTEND_NODE=node-"+name)
		s.hosts[name] = h
		config += fmt.Sprintf("Host %s\n HostName 127.0.0.1\n Port %d\n User %s\n IdentityFile %s\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n BatchMode yes\n LogLevel ERROR\n",
			name, h.port, me.Username, h.key)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "ssh_config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.exe = built(t)
	return s
}

// command is contend fleet with args, and what it will have printed.
func (s *sshFleet) command(args ...string) (*exec.Cmd, *strings.Builder) {
	c := exec.Command(s.exe, append([]string{"fleet"}, args...)...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "CONTEND_SSH=ssh -F "+filepath.Join(s.dir, "ssh_config"))
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	return c, &out
}

// run runs contend fleet to its end, and returns what it printed.
func (s *sshFleet) run(want int, args ...string) string {
	s.t.Helper()
	c, out := s.command(args...)
	c.Run()
	if got := c.ProcessState.ExitCode(); got != want {
		s.t.Fatalf("%v: exit %d, want %d\n%s", args, got, want, out)
	}
	return narrow(out.String())
}

// measurer waits until a shard has some samples, and returns the process that measures.
// It fails the test if contend ends before.
func (s *sshFleet) measurer(shard string, ended <-chan error, out fmt.Stringer) int {
	s.t.Helper()
	for {
		select {
		case <-ended:
			s.t.Fatalf("it ended before %s had samples\n%s", shard, out)
		case <-time.After(5 * time.Millisecond):
		}
		files, _ := filepath.Glob(filepath.Join(shard, "*", sample.FileName))
		pid, _ := os.ReadFile(filepath.Join(shard, "pid"))
		n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
		if len(files) == 1 && n > 0 {
			if text, _ := os.ReadFile(files[0]); strings.Count(string(text), "# sample ") >= 3 {
				return n
			}
		}
	}
}

// clean fails the test if something is left on the hosts.
func (s *sshFleet) clean() {
	s.t.Helper()
	for name, h := range s.hosts {
		if left, _ := os.ReadDir(h.home); len(left) > 0 {
			s.t.Errorf("left on %s: %v", name, left)
		}
	}
}

// TestFleetSSH: three machines over ssh, one of which is killed in mid-run and
// continued, and one that is not of the kind that was asked for. Collected twice, the
// bytes are the same, and the machines are left clean.
func TestFleetSSH(t *testing.T) {
	t.Parallel()
	s := newSSHFleet(t, map[string]string{"a": t.TempDir(), "b": t.TempDir(), "c": t.TempDir()})
	dir, run, hosts := s.dir, s.run, s.hosts
	sweep := []string{"sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "12", "--procs", "1"}
	cpus := "cpus=" + strconv.Itoa(runtime.NumCPU())
	run(0, append([]string{"plan", "--kind", "here,hosts=a b," + cpus, "--kind", "big,hosts=c,cpus=4096", "--out", "f"}, sweep...)...)
	run(2, append([]string{"plan", "--kind", "here,hosts=a b", "--out", "f"}, sweep...)...) // it is there already
	f, err := fleet.Load(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}

	// Kill what measures on b once it has samples.
	c, out := s.command("run", "f")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	shard := filepath.Join(hosts["b"].home, ".contend-"+f.ID, fleet.Delivered, "here-1")
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	syscall.Kill(s.measurer(shard, ended, out), syscall.SIGKILL)
	<-ended
	if code := c.ProcessState.ExitCode(); code != bench.ExitInvalid {
		t.Fatalf("killed: exit %d\n%s", code, out)
	}
	for _, want := range []string{"here-0 12 of 12 24 0 node-a\n", "b: killed by signal 9\n", "ended without a list of what it delivered: the repetitions that it completed count", "wanted 4096 CPUs, has " + strconv.Itoa(runtime.NumCPU()), "big-0 0 of 12 0 0 -\n", "next:\n contend fleet run f "} {
		if !strings.Contains(narrow(out.String()), want) {
			t.Errorf("it does not say %q\n%s", want, out)
		}
	}

	// The same command continues on b; c stays what it is.
	again := run(bench.ExitInvalid, "run", "f")
	if !strings.Contains(again, "here-1 12 of 12 24 0 node-b\n") || strings.Contains(again, "here-0: ") {
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
	if says := run(0, "status", "f"); !strings.Contains(says, "here-0 12 of 12 24 0 node-a 24 idle on a\n") {
		t.Errorf("%s", says)
	}
	run(0, "stop", "f")
	s.clean()
}

// TestFleetInterrupted: however contend fleet run ends, the hosts end what they measure,
// keep what is complete, and say so in their list.
func TestFleetInterrupted(t *testing.T) {
	t.Parallel()
	s := newSSHFleet(t, map[string]string{"a": t.TempDir(), "b": t.TempDir()})
	s.run(0, "plan", "--kind", "here,hosts=a b", "--out", "f", "sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "3000", "--procs", "1")
	f, err := fleet.Load(filepath.Join(s.dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	const lost = syscall.Signal(0) // nothing reaches contend, and its connections are lost
	for _, sig := range []syscall.Signal{lost, syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		c, out := s.command("run", "f")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		var pids []int
		for i, host := range []string{"a", "b"} {
			pids = append(pids, s.measurer(filepath.Join(s.hosts[host].home, ".contend-"+f.ID, fleet.Delivered, fmt.Sprintf("here-%d", i)), ended, out))
		}
		says := "interrupted: the hosts end what they measure"
		if sig == lost {
			says = "no connection, or it broke"
			killChildren(t, c.Process.Pid)
		}
		c.Process.Signal(sig)
		<-ended
		if code := c.ProcessState.ExitCode(); sig != syscall.SIGKILL && (code != bench.ExitInvalid || !strings.Contains(out.String(), says)) {
			t.Errorf("%v: exit %d\n%s", sig, code, out)
		}
		for _, pid := range pids {
			for syscall.Kill(pid, 0) == nil { // as they would by themselves, once all is measured
				time.Sleep(20 * time.Millisecond)
			}
		}
		for i, host := range []string{"a", "b"} {
			lists, _ := filepath.Glob(filepath.Join(s.hosts[host].home, ".contend-"+f.ID, fleet.Delivered, fmt.Sprintf("here-%d", i), "*", fleet.DoneName))
			if len(lists) != 1 {
				t.Fatalf("%v: %s: %d lists of what was delivered", sig, host, len(lists))
			}
			var done fleet.Done
			text, _ := os.ReadFile(lists[0])
			if err := json.Unmarshal(text, &done); err != nil || done.Exit != bench.ExitInvalid || !strings.Contains(done.Reason, "who asked for it has gone") {
				t.Errorf("%v: %s measured on: %s", sig, host, text)
			}
		}
	}
	// What is complete can be had, and nothing is left but the rest.
	if says := s.run(bench.ExitInvalid, "collect", "f"); strings.Contains(says, "here-0 0 of 3000") || strings.Contains(says, "here-0 3000 of 3000") {
		t.Errorf("%s", says)
	}
	s.run(0, "stop", "f")
	s.clean()
}

// killChildren kills the processes that a process has started.
func killChildren(t *testing.T, pid int) {
	t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	killed := 0
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			n, _ := strconv.Atoi(child)
			syscall.Kill(n, syscall.SIGKILL)
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no connections to lose")
	}
}

// TestFleetSharedHome: hosts that have their home folder in common, as of a network file
// system, upload at the same time and measure all.
func TestFleetSharedHome(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := newSSHFleet(t, map[string]string{"a": home, "b": home})
	s.run(0, "plan", "--kind", "here,hosts=a b", "--out", "f", "sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "3", "--procs", "1")
	says := s.run(0, "run", "f")
	for _, want := range []string{"here-0 3 of 3 6 0 node-a\n", "here-1 3 of 3 6 0 node-b\n"} {
		if !strings.Contains(says, want) {
			t.Errorf("%s\nwant %q", says, want)
		}
	}
	s.clean()
}

// TestFleetNoHost: hosts that do not answer are not a fleet that ran.
func TestFleetNoHost(t *testing.T) {
	t.Parallel()
	s := &sshFleet{t: t, dir: t.TempDir(), exe: built(t)}
	if err := os.WriteFile(filepath.Join(s.dir, "ssh_config"), []byte("Host *\n ProxyCommand false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(0, "plan", "--kind", "here,hosts=nowhere", "--out", "f", "sweep", "--backend", "mutexlru", "--count", "3", "--procs", "1")
	says := s.run(bench.ExitUsage, "run", "f")
	if !strings.Contains(says, "nowhere: no connection") || !strings.Contains(says, "ssh nowhere must work without a question") {
		t.Errorf("%s", says)
	}
	s.run(bench.ExitUsage, "collect", "f")
}

// narrow is a text with its columns one blank apart.
func narrow(text string) string { return regexp.MustCompile(` +`).ReplaceAllString(text, " ") }

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
