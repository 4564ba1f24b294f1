package lockbench_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/bench/port"
	"github.com/contend-go/contend/bench/process"
	"github.com/contend-go/contend/bench/sample"
)

func services() []lockbench.Service {
	return []lockbench.Service{lease.Service(), lease.Null(), lease.None(), lame()}
}

// lame is a service whose server does not start.
func lame() lockbench.Service {
	s := lease.Service()
	s.Name = "lame"
	serve := s.Serve
	s.Serve = func(ctx context.Context, m lockbench.Member) error {
		fmt.Fprintln(os.Stderr, "lame: reading its configuration")
		m.Addr = os.Getenv("LAME_ADDR")
		return serve(ctx, m)
	}
	return s
}

// TestMain lets the test binary play servers, clients and cells.
func TestMain(m *testing.M) {
	family.RunCell([]family.Family{lockbench.Family(services(), lockbench.Quick{})}, nil)
	os.Exit(m.Run())
}

// spec is a cell as the harness hands it over.
type spec map[string]any

func (s spec) text() string {
	c := spec{"service": "lease", "clients": 4, "processes": 4, "locks": 1, "ttl": time.Second, "fault": "none", "fence": true, "procs": runtime.GOMAXPROCS(0), "time": 200 * time.Millisecond, "seed": 1}
	for k, v := range s {
		c[k] = v
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// command is the cell in a process of its own, as the harness starts it.
func command(dir string, s spec) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONTEND_LOCKS="+s.text(), "CONTEND_DIR="+dir, "CONTEND_PREFIX=cell-0")
	process.Isolate(cmd)
	return cmd
}

// TestGone: a cell whose given servers have gone since the sweep began says so, and does not wait for them.
func TestGone(t *testing.T) {
	nobody, release, err := port.Reserve(1)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	out, err := command(t.TempDir(), spec{"addrs": nobody}).CombinedOutput()
	if err == nil || !strings.HasSuffix(string(out), "lease: no server answers at "+nobody[0]+": connection refused; start one there, or correct --address\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// measured is what a cell printed, and its history.
type measured struct {
	*sample.Sample
	events    []history.Event
	latencies *load.Log
}

func (m measured) get(t *testing.T, unit string) float64 {
	t.Helper()
	v, ok := m.Value(unit)
	if !ok {
		t.Fatalf("no %s in %v", unit, m.Units)
	}
	return v
}

func measure(t *testing.T, s spec) measured {
	t.Helper()
	dir := t.TempDir()
	cmd := command(dir, s)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", s, err, &stderr)
	}
	var set sample.Set
	if err := set.Read(bytes.NewReader(out), "cell"); err != nil || len(set.Samples) != 1 {
		t.Fatalf("%v: %v\n%s", s, err, out)
	}
	m := measured{Sample: set.Samples[0]}
	if len(m.Warnings) > 0 && s["open"] == nil { // a busy host does not carry every load
		t.Errorf("%v: %q", s, m.Warnings)
	}
	for _, a := range m.Attachments {
		text, err := os.ReadFile(filepath.Join(dir, a.Path))
		if err != nil {
			t.Fatal(err)
		}
		switch a.Kind {
		case "history":
			z, err := gzip.NewReader(bytes.NewReader(text))
			if err == nil {
				m.events, err = history.ReadAll(z, a.Path)
			}
			if err != nil {
				t.Fatal(err)
			}
		case "hdrhistogram":
			if m.latencies, err = load.ReadLog(bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		case "histogram":
			if h, err := hdrhistogram.Decode(text); err != nil || s["open"] == nil && float64(h.ValueAtQuantile(50)) != m.get(t, "p50-acquire-ns") {
				t.Errorf("%s: %v", a.Path, err)
			}
		}
	}
	if len(m.events) == 0 {
		t.Error("no history is attached")
	}
	for _, left := range []string{".locks*"} {
		if found, _ := filepath.Glob(filepath.Join(dir, left)); len(found) > 0 {
			t.Errorf("left behind: %v", found)
		}
	}
	return m
}

// TestNoFault: a correct lock is green, no lock is red, whatever the number of
// clients is.
func TestNoFault(t *testing.T) {
	for _, clients := range []int{1, 2, 5} {
		m := measure(t, spec{"clients": clients, "processes": min(clients, 3), "locks": 2})
		for _, unit := range []string{"overlaps", "overlap-ms", "acted", "stale-accepted", "stale-rejected", "tokens-fell", "fresh-rejected", "waiting", "lost/op"} {
			if v := m.get(t, unit); v != 0 {
				t.Errorf("lease, %d clients: %v %s", clients, v, unit)
			}
		}
		if m.Iters == 0 || m.get(t, "ops/s") <= 0 || m.get(t, "p99-acquire-ns") < m.get(t, "p50-acquire-ns") {
			t.Errorf("lease, %d clients: %v %v", clients, m.Units, m.Values)
		}
		if own, held := m.get(t, "harness-ns/op"), m.get(t, "held-ns/op"); own <= held || own >= float64(clients)*m.get(t, "ns/op") {
			t.Errorf("lease, %d clients: the harness takes %v ns of a pair, %v under the lock", clients, own, held)
		}
		if _, known := process.Traffic(nil); known {
			// "acquire contend-16 random digits-N 1s", "granted N", "release NAME N", "released", and the ends of lines
			if b := m.get(t, "wire-B/op"); b < 60 || b > 150 {
				t.Errorf("lease, %d clients: %v bytes a pair", clients, b)
			}
		}
		if v, ok := m.Value("server-cpu-ns/op"); runtime.GOOS == "linux" && (!ok || v <= 0) {
			t.Errorf("CPU time of the server: %v, %v", v, ok)
		}
	}
	// The history of no lock at all is no longer than that of a service a round trip away.
	if alone := measure(t, spec{"service": "none", "clients": 1, "processes": 1}); alone.get(t, "ns/op") < 50_000 {
		t.Errorf("no lock at all: %v ns for a pair", alone.get(t, "ns/op"))
	}
	m := measure(t, spec{"service": "none", "hold": time.Millisecond})
	if b, ok := m.Value("wire-B/op"); ok {
		t.Errorf("no lock at all: %v bytes a pair", b)
	}
	if m.get(t, "overlaps") == 0 || m.get(t, "overlap-ms") == 0 || m.get(t, "lost/op") == 0 || m.get(t, "acted") == 0 {
		t.Errorf("no lock at all: %v %v", m.Units, m.Values)
	}
}

// TestOpenLoad: clients ask for the lock when their plan says and never before, and the waits that are
// told count from then.
func TestOpenLoad(t *testing.T) {
	for _, service := range []string{"lease", "null"} {
		const clients, rate, window, ttl = 3, 300, 400 * time.Millisecond, time.Second
		m := measure(t, spec{"service": service, "clients": clients, "processes": 2, "time": window, "ttl": ttl, "open": true, "arrivals": "poisson", "offered": spec{"rate": rate}})
		due := map[[2]int]int64{}
		type wait struct{ due, response int64 }
		var waits []wait
		for _, e := range m.events {
			key := [2]int{e.Client, e.Op}
			switch {
			case e.What == history.AcquireSent && e.Value != 0:
				if due[key] = e.Value; e.T < e.Value {
					t.Errorf("%s: client %d asked %v before it was due", service, e.Client, time.Duration(e.Value-e.T))
				}
			case e.What == history.Acquired && due[key] != 0:
				waits = append(waits, wait{due[key], e.T - due[key]})
			}
		}
		told := int(m.latencies.Response.TotalCount())
		if told == 0 || told > len(waits) || m.get(t, "offered/s") != rate || m.get(t, "capacity/s") <= 0 {
			t.Fatalf("%s: %d of %d waits are told, %v %v", service, told, len(waits), m.Units, m.Values)
		}
		slices.SortFunc(waits, func(a, b wait) int { return cmp.Compare(a.due, b.due) })
		var responses []int64
		for _, w := range waits[len(waits)-told:] { // those of the window, behind those of its lead
			responses = append(responses, w.response)
		}
		slices.Sort(responses)
		if got := m.latencies.Response.Max(); math.Abs(float64(got)/float64(responses[told-1])-1) > .01 {
			t.Errorf("%s: the longest wait is told as %d, want %d", service, got, responses[told-1])
		}
		for _, q := range []float64{.5, .9} {
			want := responses[int(math.Ceil(q*float64(told)))-1]
			if got := m.latencies.Response.ValueAtQuantile(100 * q); math.Abs(float64(got)/float64(want)-1) > .01 {
				t.Errorf("%s: quantile %v is told as %d, want %d", service, q, got, want)
			}
		}
		timely, _ := slices.BinarySearch(responses, int64(ttl)+1)
		if got := m.get(t, "timely/s"); math.Abs(got-float64(timely)/window.Seconds()) > .01 {
			t.Errorf("%s: %v operations per second were in time, want %d in %v", service, got, timely, window)
		}
		if got, want := m.get(t, "carried-p99-ns"), responses[int(math.Ceil(.99*float64(told)))-1]; math.Abs(got/float64(want)-1) > .01 {
			t.Errorf("%s: 99%% of what was carried out took %v, want %d", service, got, want)
		}
		unstable := slices.ContainsFunc(m.Warnings, func(w string) bool { return strings.HasPrefix(w, "unstable") })
		if _, ok := m.Value("p50-ns"); ok == unstable {
			t.Errorf("%s: a median %v, warnings %q", service, ok, m.Warnings)
		}
		if _, ok := m.Value("ops/s"); ok {
			t.Errorf("%s: throughput of a load that others set", service)
		}
		for _, unit := range []string{"overlaps", "lost/op", "waiting"} {
			if v := m.get(t, unit); v != 0 && service == "lease" {
				t.Errorf("%s: %v %s", service, v, unit)
			}
		}
	}
}

// TestPausedHolder: what a stopped holder writes when it goes on is accepted
// without fencing, and refused with it.
func TestPausedHolder(t *testing.T) {
	for _, fence := range []bool{false, true} {
		m := measure(t, spec{"fault": "pause-holder", "fence": fence, "ttl": 300 * time.Millisecond})
		accepted, rejected := m.get(t, "stale-accepted"), m.get(t, "stale-rejected")
		if fence && (accepted != 0 || rejected == 0) || !fence && (accepted == 0 || rejected != 0) {
			t.Errorf("fence %v: %v stale writes accepted, %v refused", fence, accepted, rejected)
		}
		if m.get(t, "overlaps") == 0 {
			t.Error("a stopped holder does not believe")
		}
	}
}

// TestFaults: a server with leases excludes under these, and somebody gets the
// lock again.
func TestFaults(t *testing.T) {
	for _, fault := range []string{"kill-holder", "partition", "slow-network"} {
		m := measure(t, spec{"fault": fault, "ttl": 300 * time.Millisecond, "time": time.Second})
		if m.get(t, "overlaps") != 0 || m.get(t, "stale-accepted") != 0 || m.get(t, "waiting") != 0 {
			t.Errorf("%s: %v %v", fault, m.Units, m.Values)
		}
		// A process that was killed takes along what its connection had carried.
		if b, ok := m.Value("wire-B/op"); ok != (fault != "kill-holder") || ok && (b < 20 || b > 10_000) {
			t.Errorf("%s: %v bytes a pair, %v", fault, b, ok)
		}
		var at int64
		granted := 0
		for _, e := range m.events {
			if e.What == history.Healed {
				at = e.T
			}
			if at > 0 && e.What == history.Acquired {
				granted++
			}
		}
		if at == 0 || granted == 0 {
			t.Errorf("%s: healed at %d, granted %d times after that", fault, at, granted)
		}
	}
}

// TestForgetfulServer: a server that loses its memory lets a second holder in, and
// hands out tokens anew. It must be back before the first lease is over, so a busy
// host needs a longer one.
func TestForgetfulServer(t *testing.T) {
	for ttl := 2 * time.Second; ; ttl *= 2 {
		m := measure(t, spec{"fault": "lose-memory", "ttl": ttl})
		if m.get(t, "overlaps") > 0 && m.get(t, "tokens-fell") > 0 {
			return
		}
		if ttl > 30*time.Second {
			t.Fatal("no second holder")
		}
	}
}

// left are the processes of this test that carry a mark, and the folders of
// cells in dir.
func left(dir string) (list []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		if env, err := os.ReadFile(p); err == nil && strings.Contains(string(env), "CONTEND_DIR="+dir) {
			list = append(list, p)
		}
	}
	folders, _ := filepath.Glob(filepath.Join(dir, ".locks*"))
	return append(list, folders...)
}

// gone waits until nothing of a cell is left. What is left after minutes is left for good.
func gone(t *testing.T, dir string) {
	t.Helper()
	for began := time.Now(); runtime.GOOS == "linux" && len(left(dir)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 5*time.Minute {
			t.Fatalf("left for good: %v", left(dir))
		}
	}
}

// TestKilled: whenever the process that controls a cell is killed, nothing of it
// is left.
func TestKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what is left is seen in /proc, which only Linux has")
	}
	for n := range 40 {
		dir := t.TempDir()
		cmd := command(dir, spec{"fault": []string{"none", "pause-holder"}[n%2], "time": time.Minute})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n) * 8 * time.Millisecond) // some moment, from the first on
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		gone(t, dir)
	}
}

// TestServerDoesNotStart: the reason and the server's last lines are told.
func TestServerDoesNotStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("LAME_ADDR", l.Addr().String())
	dir := t.TempDir()
	cmd := command(dir, spec{"service": "lame"})
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "server 0 of lame did not start") || !strings.Contains(text, "reading its configuration") || !strings.Contains(text, "address already in use") {
		t.Errorf("%v: %s", err, text)
	}
	gone(t, dir)
}

// TestGivenAddress: a server that runs already is measured where it is.
func TestGivenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ready := make(chan bool)
	go lease.Service().Serve(ctx, lockbench.Member{Dir: t.TempDir(), Addr: addr, Ready: func() { close(ready) }})
	<-ready
	m := measure(t, spec{"addrs": []string{addr}, "clients": 2, "processes": 2})
	if at, _ := m.Name.Get("at"); at != "given" || m.get(t, "overlaps") != 0 {
		t.Errorf("%s: %v", m.Name, m.Values)
	}
	if _, ok := m.Value("server-cpu-ns/op"); ok {
		t.Error("CPU time of a server that is not ours")
	}
}

func TestProcessesInName(t *testing.T) {
	m := measure(t, spec{"clients": 20, "processes": 3})
	if p, _ := m.Name.Get("processes"); p != strconv.Itoa(3) || m.get(t, "overlaps") != 0 {
		t.Errorf("%s: %v", m.Name, m.Values)
	}
}
