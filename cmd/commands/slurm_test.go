package commands

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/fleet"
	"github.com/contend-go/contend/bench/port"
	"github.com/contend-go/contend/bench/sample"
)

// cluster is a Slurm of this machine alone: one controller, and several nodes that are
// all this machine.
type cluster struct {
	t     *testing.T
	conf  string
	nodes map[string]*exec.Cmd // slurmd, by node
}

// daemon starts a process that ends with the test, and returns it.
func daemon(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(name)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() && len(text) > 0 {
			t.Logf("%s:\n%s", name, text[max(0, len(text)-3000):])
		}
	})
	return c
}

func freePort(t *testing.T) int {
	t.Helper()
	addrs, release, err := port.Reserve(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	_, text, _ := net.SplitHostPort(addrs[0])
	number, _ := strconv.Atoi(text)
	return number
}

func newCluster(t *testing.T, nodes ...string) *cluster {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	for _, program := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no Slurm here: %v: install slurmctld, slurmd, slurm-client and munge", err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("no Slurm here: its daemons start jobs of users, which takes root")
	}
	dir := t.TempDir()
	os.Chmod(filepath.Dir(dir), 0o755) // munge mistrusts folders that others write to
	os.Chmod(dir, 0o755)
	key := make([]byte, 1024)
	rand.Read(key)
	if err := os.WriteFile(filepath.Join(dir, "key"), key, 0o400); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "munge.socket")
	daemon(t, nil, "munged", "--foreground", "--force", "--key-file="+filepath.Join(dir, "key"), "--socket="+socket,
		"--pid-file="+filepath.Join(dir, "munge.pid"), "--log-file="+filepath.Join(dir, "munge.log"), "--seed-file="+filepath.Join(dir, "munge.seed"))
	hostname, err := exec.Command("hostname", "-s").Output()
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSpace(string(hostname))
	conf := fmt.Sprintf(`ClusterName=contend
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=%s
SlurmUser=root
StateSaveLocation=%s/state
SlurmdSpoolDir=%s/spool-%%n
SlurmctldPidFile=%s/slurmctld.pid
SlurmdPidFile=%s/slurmd-%%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout=5
ReturnToService=2
MpiDefault=none
`, host, freePort(t), socket, dir, dir, dir, dir)
	for _, n := range nodes {
		conf += fmt.Sprintf("NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=%d State=UNKNOWN\n", n, host, freePort(t), runtime.NumCPU())
	}
	conf += "PartitionName=main Nodes=" + strings.Join(nodes, ",") + " Default=YES MaxTime=60 State=UP\n"
	c := &cluster{t: t, conf: filepath.Join(dir, "slurm.conf"), nodes: map[string]*exec.Cmd{}}
	if err := os.WriteFile(c.conf, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(dir, "state"), 0o755)
	t.Setenv("SLURM_CONF", c.conf)
	daemon(t, nil, "slurmctld", "-D", "-f", c.conf)
	for _, n := range nodes {
		os.MkdirAll(filepath.Join(dir, "spool-"+n), 0o755)
		c.nodes[n] = daemon(t, nil, "slurmd", "-D", "-f", c.conf, "-N", n)
	}
	for idle := 0; idle < len(nodes); time.Sleep(200 * time.Millisecond) {
		out, _ := exec.Command("sinfo", "--noheader", "--Node", "--format=%T").Output()
		idle = strings.Count(string(out), "idle")
	}
	return c
}

// measured is how many samples an attempt at a shard has, the newest attempt's.
func measured(dir, shard string) int {
	n := 0
	files, _ := filepath.Glob(filepath.Join(dir, fleet.Delivered, shard, "*", sample.FileName))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		n += strings.Count(string(text), "# sample ")
	}
	return n
}

// TestFleetSlurm: four shards on three nodes; one is requeued, and the node of one dies
// under it while what it measures goes on. Every repetition counts once.
func TestFleetSlurm(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	dir := t.TempDir()
	f := filepath.Join(dir, "f")
	exe := built(t)
	contend := func(args ...string) *exec.Cmd {
		cmd := exec.Command(exe, append([]string{"fleet"}, args...)...)
		cmd.Dir = dir
		return cmd
	}
	out, err := contend("plan", "--engine", "slurm", "--kind", fmt.Sprintf("here,machines=4,cpus=%d", runtime.NumCPU()), "--out", "f",
		"sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "6", "--procs", "1").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Scripts can be edited: all nodes are this machine, which tells itself apart by name.
	script := filepath.Join(f, "here.sbatch")
	text, err := os.ReadFile(script)
	if err != nil || !strings.Contains(string(text), "#SBATCH --exclusive\n#SBATCH --mem=0\n") {
		t.Fatalf("%v\n%s", err, text)
	}
	edited := strings.Replace(string(text), "set -eu\n", "set -eu\nexport CONTEND_NODE=node-$SLURMD_NODENAME\n", 1)
	if err := os.WriteFile(script, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := contend("run", "f").CombinedOutput(); err != nil || !strings.Contains(string(out), "tasks 0,1,2,3") {
		t.Fatalf("%v\n%s", err, out)
	}
	// Submitted again, nothing runs twice.
	if out, err := contend("run", "f").CombinedOutput(); err != nil || strings.Contains(string(out), "job ") {
		t.Errorf("%v\n%s", err, out)
	}
	queue := func(format string, more ...string) string {
		out, err := exec.Command("squeue", append([]string{"--noheader", "--array", "--format=" + format}, more...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	job := strings.Fields(queue("%F"))[0]
	for measured(f, "here-0") == 0 || measured(f, "here-1") == 0 {
		time.Sleep(20 * time.Millisecond)
	}
	var dead string
	for line := range strings.Lines(queue("%K %N")) {
		if k, node, _ := strings.Cut(strings.TrimSpace(line), " "); k == "1" {
			dead = node
		}
	}
	if c.nodes[dead] == nil {
		t.Fatalf("task 1 is on no node: %q\n%s", dead, queue("%K %T %N"))
	}
	c.nodes[dead].Process.Signal(syscall.SIGKILL)
	if out, err := exec.Command("scontrol", "update", "NodeName="+dead, "State=DOWN", "Reason=died").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	died := strings.Contains("\n"+queue("%K"), "\n1\n") // else it had ended before
	if out, err := exec.Command("scontrol", "requeue", job+"_0").CombinedOutput(); err != nil {
		t.Logf("requeue: %s", out) // it may have ended
	}
	// A requeued task waits two minutes by default; this test does not.
	stop := make(chan bool)
	hurried := make(chan bool)
	go func() {
		defer close(hurried)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Second):
			}
			out, _ := exec.Command("squeue", "--noheader", "--array", "--states=PENDING", "--format=%K").Output()
			for _, k := range strings.Fields(string(out)) {
				exec.Command("scontrol", "update", "JobId="+job+"_"+k, "StartTime=now").Run()
			}
		}
	}()
	out, err = contend("run", "f", "--wait").CombinedOutput()
	close(stop)
	<-hurried
	if err != nil {
		logs, _ := filepath.Glob(filepath.Join(f, "*.log"))
		for _, l := range logs {
			text, _ := os.ReadFile(l)
			t.Logf("%s:\n%s", l, text)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	set, err := sample.Load(filepath.Join(f, fleet.RunFolder))
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, s := range set.Samples {
		count[s.Block]++
		if s.Config["affinity"] != "all" {
			t.Errorf("affinity %s", s.Config["affinity"])
		}
	}
	for b := range 24 {
		if count[b] != 2 {
			t.Errorf("block %d has %d samples", b, count[b])
		}
	}
	attempts, _ := filepath.Glob(filepath.Join(f, fleet.Delivered, "here-1", "*"))
	if died && len(attempts) < 2 {
		t.Errorf("the shard whose node died was tried once: %v\n%s", attempts, out)
	}
	for i := range 4 {
		if want := "here-" + strconv.Itoa(i) + " 6 of 6 12 0 node-n"; !strings.Contains(narrow(string(out)), want) {
			t.Errorf("%s\nwant %q", out, want)
		}
	}
}
