package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/bench/lockbench/locktest"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/cmd/contend-locks/postgres"
)

// TestMain lets the test binary play servers, clients and cells, and be the
// program.
func TestMain(m *testing.M) {
	if os.Getenv("CONTEND_LOCKS_MAIN") != "" {
		main()
		os.Exit(0)
	}
	family.RunCell([]family.Family{locks()}, nil)
	os.Exit(m.Run())
}

// program runs contend-locks with the given words.
func program(words ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], words...)
	cmd.Env = append(os.Environ(), "CONTEND_LOCKS_MAIN=1")
	return cmd
}

// TestExamples: the sweeps that the help shows are ones of lock services.
func TestExamples(t *testing.T) {
	help, err := program("sweep", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(help)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[1] != "sweep" || words[2] == "[flags]" { // that is how it is used
			continue
		}
		seen++
		if out, err := program(append(words[1:], "--dry-run")...).CombinedOutput(); err != nil || !strings.Contains(string(out), "service=") {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if seen < 4 {
		t.Errorf("%d examples in\n%s", seen, help)
	}
}

// TestQuick: the first look is planned to take less than a minute, with room for a host that
// is slower than it was planned on.
func TestQuick(t *testing.T) {
	out, err := program("sweep", "--quick", "--dry-run", "--procs", "2", "--out", filepath.Join(t.TempDir(), "run")).CombinedOutput()
	_, last, _ := strings.Cut(string(out), " processes, about ")
	d, parsed := time.ParseDuration(strings.TrimSpace(last))
	if err != nil || parsed != nil || d < 20*time.Second || d > 48*time.Second {
		t.Errorf("planned for %v (%v): %v\n%s", d, parsed, err, out)
	}
}

// TestConformance: every service keeps what it promises.
func TestConformance(t *testing.T) {
	for _, s := range services() {
		if s.Name == lease.Null().Name || s.Name == lease.None().Name {
			continue // they promise nothing
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if s.Missing != nil && s.Missing() != "" {
				t.Skip(s.Missing())
			}
			locktest.Run(t, s)
		})
	}
}

// sweep measures and loads the run, in which every process has a valid sample.
func sweep(t *testing.T, words string) (dir string, set *sample.Set) {
	t.Helper()
	dir, set, incomplete := trySweep(t, words)
	if incomplete != nil {
		t.Fatal(incomplete)
	}
	return dir, set
}

// trySweep measures and loads the run. incomplete says why, where some have none.
func trySweep(t *testing.T, words string) (dir string, set *sample.Set, incomplete error) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	out, err := program(append(strings.Fields("sweep "+words), "--out", dir)...).CombinedOutput()
	if err != nil {
		incomplete = fmt.Errorf("sweep %s: %w\n%s", words, err, out)
	}
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == bench.ExitInvalid) {
		t.Fatal(incomplete)
	}
	if set, err = sample.Load(dir); err != nil {
		t.Fatal(err)
	}
	return dir, set, incomplete
}

// TestStaleWrites: what a holder writes that was stopped after its check is
// accepted, whatever it locked with, unless the resource looks at the token.
func TestStaleWrites(t *testing.T) {
	_, set := sweep(t, "--service lease,miniredis,etcd --fault pause-holder --fence on,off --clients 2 --ttl 500ms --count 1")
	if len(set.Samples) != 6 {
		t.Fatalf("%d samples", len(set.Samples))
	}
	for _, s := range set.Samples {
		fence, _ := s.Name.Get("fence")
		accepted, _ := s.Value("stale-accepted")
		rejected, _ := s.Value("stale-rejected")
		if fence == "off" && accepted == 0 || fence == "on" && (accepted > 0 || rejected == 0) {
			t.Errorf("%s: %v accepted, %v refused", s.Name, accepted, rejected)
		}
	}
}

// TestReplicatedLog: without a lease one client holds under a partition and the
// others wait, and wait for ever for a dead one; with a lease they do not.
func TestReplicatedLog(t *testing.T) {
	_, set := sweep(t, "--service raft,raft-lease --fault partition,kill-holder --clients 3 --ttl 1s --count 1")
	if len(set.Samples) != 4 {
		t.Errorf("%d samples", len(set.Samples))
	}
	for _, s := range set.Samples {
		service, _ := s.Name.Get("service")
		fault, _ := s.Name.Get("fault")
		if others, _ := s.Value("granted-in-fault"); service == "raft" && others > 0 {
			t.Errorf("%s: %v grants to others in the fault", s.Name, others)
		}
		overlaps, _ := s.Value("overlaps")
		waiting, _ := s.Value("waiting")
		if overlaps > 0 || (waiting > 0) != (service == "raft" && fault == "kill-holder") {
			t.Errorf("%s: %v overlaps, %v waiting", s.Name, overlaps, waiting)
		}
	}
}

// TestChangesInTheLog: who puts the change itself into the log needs no lock. The
// majority goes on while a client and its nearest member are cut off, and so do all
// when a client is killed.
func TestChangesInTheLog(t *testing.T) {
	_, set := sweep(t, "--service raft-log --fault partition,kill-holder --clients 3 --ttl 5s --count 1")
	if len(set.Samples) != 2 {
		t.Errorf("%d samples", len(set.Samples))
	}
	for _, s := range set.Samples {
		lost, _ := s.Value("lost/op")
		waiting, _ := s.Value("waiting")
		if others, _ := s.Value("granted-in-fault"); lost > 0 || waiting > 0 || others == 0 {
			t.Errorf("%s: %v of changes lost, %v clients waiting, %v changes of others in the fault", s.Name, lost, waiting, others)
		}
	}
}

// TestRealServers: memcached and Redis that were started by the sweep let a second
// holder in when they lose what they hold in memory, by a restart or to make room.
// What was started is measured: its CPU time is in the samples.
func TestRealServers(t *testing.T) {
	for _, name := range []string{"memcached", "redis-server"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s here", name)
		}
	}
	for _, s := range secondHolders(t, "--service memcached,redis --fault lose-memory,evict", 3) { // Redis drops nothing
		if cpu, _ := s.Value("server-cpu-ns/op"); runtime.GOOS == "linux" && cpu <= 0 {
			t.Errorf("%s: no CPU time of the server", s.Name)
		}
	}
}

// lacks skips the test where the server of a service is missing.
func lacks(t *testing.T, name string) {
	t.Helper()
	for _, s := range services() {
		if s.Name == name && s.Missing() != "" {
			t.Skip(s.Missing())
		}
	}
}

// TestDatabaseLocks: a lock that ends with the connection has a second holder when the
// server of PostgreSQL is killed and started again, for the first is told nothing. A
// lease in a row outlives that, but not a holder that is stopped.
func TestDatabaseLocks(t *testing.T) {
	lacks(t, "pg-lease")
	secondHolders(t, "--service pg-advisory,pg-row,pg-table --fault kill-server", 3)
	secondHolders(t, "--service pg-lease --fault pause-holder", 1)
	_, set := sweep(t, "--service pg-lease --fault kill-server,restart-server --clients 3 --ttl 2s --count 1")
	for _, s := range set.Samples {
		overlaps, _ := s.Value("overlaps")
		if fell, _ := s.Value("tokens-fell"); overlaps > 0 || fell > 0 {
			t.Errorf("%s: %v overlaps, %v tokens fell", s.Name, overlaps, fell)
		}
	}
}

// TestSessionCutOff: a client of ZooKeeper that is cut off gives its session up before
// the server gives away what the session holds.
func TestSessionCutOff(t *testing.T) {
	lacks(t, "zk")
	_, set := sweep(t, "--service zk --fault partition --clients 3 --ttl 2s --count 1")
	if len(set.Samples) != 1 {
		t.Fatalf("%d samples", len(set.Samples))
	}
	overlaps, _ := set.Samples[0].Value("overlaps")
	if others, _ := set.Samples[0].Value("granted-in-fault"); overlaps > 0 || others == 0 {
		t.Errorf("%v overlaps, %v grants to others in the fault", overlaps, others)
	}
}

// TestWithoutLock: what people do in a database in the place of a lock, and what comes
// of it.
func TestWithoutLock(t *testing.T) {
	lacks(t, "pg-queue")
	is := func(words, unit string, want func(float64) bool) {
		t.Helper()
		_, set := sweep(t, words+" --clients 3 --count 1")
		for _, s := range set.Samples {
			if v, ok := s.Value(unit); !ok || !want(v) {
				t.Errorf("%s: %v %s", s.Name, v, unit)
			}
		}
	}
	some := func(v float64) bool { return v > 0 }
	no := func(v float64) bool { return v == 0 }
	is("--service pg-cycle", "refused/op", some)
	is("--service pg-cycle-locked,pg-insert", "refused/op", no)
	is("--service pg-cycle,pg-cycle-locked,pg-insert", "lost/op", no)
	is("--service pg-queue --ttl 1m", "twice", no) // no busy host is as slow
	is("--service pg-queue --fault pause-holder --ttl 500ms", "twice", some)
	is("--service pg-queue --fault pause-holder --ttl 500ms --fence off", "stale-accepted", some)
	is("--service pg-queue --fault pause-holder --ttl 500ms", "stale-accepted", no)
	is("--service pg-2pc --fault kill-holder --ttl 500ms", "waiting", some)
	is("--service pg-saga --fault kill-holder --ttl 500ms", "waiting", no)
	is("--service pg-saga --fault kill-holder --ttl 500ms", "granted-in-fault", some)
}

// TestNothingAtAll: additions that are merged, and work with a key of its own, are all counted,
// once each, whatever happens to a client or a server, and the check finds what is
// missing when all servers begin anew.
func TestNothingAtAll(t *testing.T) {
	list := "merge"
	if postgres.Idempotent().Missing() == "" {
		list += ",pg-idempotent"
	}
	_, set := sweep(t, "--service "+list+" --fault none,kill-holder,restart-server,partition,lose-memory --clients 3 --ttl 500ms --count 1")
	for _, s := range set.Samples {
		fault, _ := s.Name.Get("fault")
		lost, ok := s.Value("lost/op")
		waiting, _ := s.Value("waiting")
		if !ok || (lost > 0) != (fault == "lose-memory") || waiting > 0 {
			t.Errorf("%s: %v of additions lost, %v clients waiting", s.Name, lost, waiting)
		}
	}
}

// TestBackpressure: of twice what one worker carries, a queue without a bound refuses nothing, one
// with a bound does, and neither loses what it took.
func TestBackpressure(t *testing.T) {
	_, set := sweep(t, "--service nats-unbounded,nats-bounded --clients 8 --load open --rate 200% --ttl 100ms --count 1")
	for _, s := range set.Samples {
		service, _ := s.Name.Get("service")
		refused, ok := s.Value("refused/op")
		if !ok || (refused > 0) != (service == "nats-bounded") {
			t.Errorf("%s: %v refused for each that was carried out", s.Name, refused)
		}
		for _, unit := range []string{"lost/op", "tokens-fell", "waiting"} {
			if v, ok := s.Value(unit); !ok || v > 0 {
				t.Errorf("%s: %v %s", s.Name, v, unit)
			}
		}
	}
	if len(set.Samples) != 2 {
		t.Errorf("%d samples of 2 services", len(set.Samples))
	}
}

// TestGroupCutInTwo: each part of a group of JGroups grants the lock, and nobody tells
// the first holder.
func TestGroupCutInTwo(t *testing.T) {
	lacks(t, "jgroups")
	secondHolders(t, "--service jgroups --fault partition", 1)
}

// secondHolders sweeps until all samples of locks with leases have a second holder,
// and returns them. A busy host needs longer leases: a server must be back before the
// first is over, and members that are slow to answer must not be given up before the fault.
func secondHolders(t *testing.T, words string, samples int) []*sample.Sample {
	t.Helper()
	for ttl := 2; ; ttl *= 2 {
		_, set, incomplete := trySweep(t, fmt.Sprintf("%s --clients 2 --ttl %ds --count 1", words, ttl))
		var valid []*sample.Sample
		held := 0
		for _, s := range set.Samples {
			if !s.Valid() {
				continue
			}
			valid = append(valid, s)
			if overlaps, _ := s.Value("overlaps"); overlaps == 0 {
				held++
			}
		}
		if held == 0 && len(valid) == samples {
			return valid
		}
		if ttl > 30 {
			t.Fatalf("%s: of %d samples %d are valid, %d without a second holder: %v", words, samples, len(valid), held, incomplete)
		}
	}
}

// TestMajority: of five independent servers one may lose what it holds, and not all.
func TestMajority(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server here")
	}
	secondHolders(t, "--service redsync-5 --fault lose-memory", 1)
	// A server that does not answer within half of the lease has granted nothing: on a busy host a
	// majority may be three, of which one more is too many.
	var overlaps float64
	for _, ttl := range []string{"2s", "10s"} {
		_, set := sweep(t, "--service redsync-5 --fault restart-server --clients 2 --count 1 --ttl "+ttl)
		if overlaps, _ = set.Samples[0].Value("overlaps"); overlaps == 0 {
			return
		}
	}
	t.Errorf("one of five servers began anew: %v overlaps", overlaps)
}

// planned are the records of the plan of these words.
func planned(t *testing.T, words string) (records []sample.Record) {
	t.Helper()
	facts := host.Read()
	s := &family.Sweep{SweepOptions: &bench.SweepOptions{Procs: "2", Time: time.Second, Count: 8, Affinity: "none", Trace: "none", TraceBlocks: 1, Out: t.TempDir()}, Host: &facts, Values: family.Values{}}
	for _, word := range strings.Fields(words) {
		key, values, _ := strings.Cut(word, "=")
		s.Values[key] = strings.Split(values, ",")
	}
	plan, err := locks().Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Records
}

// TestClasses: a run says of each service whether it is a lock, does without one, or is a floor; and which programs have to be
// installed for it. Reports rank by the one, and say the other where they say how to repeat a run.
func TestClasses(t *testing.T) {
	all := services()
	for i := range all {
		all[i].Missing = nil // the records do not depend on what is installed here
	}
	facts := host.Read()
	plan, err := lockbench.Family(all, lockbench.Quick{}).Plan(&family.Sweep{SweepOptions: &bench.SweepOptions{Procs: "2", Time: time.Second, Count: 1, Affinity: "none", Trace: "none", TraceBlocks: 1, Out: t.TempDir()}, Host: &facts})
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]string{}
	for _, r := range plan.Records {
		if r.Verb == "service" {
			classes[r.Get("name")] = r.Get("class")
		}
	}
	for _, s := range services() {
		want := "lock"
		switch {
		case s.Name == "null" || s.Name == "none":
			want = "floor"
		case strings.Contains(s.About, "no lock:") || s.Name == "pg-cycle-locked": // that takes its lock within the change
			want = "without-lock"
		}
		if classes[s.Name] != want {
			t.Errorf("%s is %q, want %q", s.Name, classes[s.Name], want)
		}
		if (s.Needs != "") != (s.Missing != nil) {
			t.Errorf("%s can lack something, and needs %q", s.Name, s.Needs)
		}
	}
}

// TestPlanSaysWhatItTakes: the run says what has to be installed, unless its servers are given, and why cells with a fault are
// repeated less.
func TestPlanSaysWhatItTakes(t *testing.T) {
	needs, notes := map[string]string{}, ""
	for _, r := range planned(t, "service=lease,memcached address=memcached=127.0.0.1:1 fault=none,pause-holder clients=2") {
		switch r.Verb {
		case "service":
			needs[r.Get("name")] = r.Get("needs")
		case "note":
			notes += r.Get("text")
		}
	}
	if needs["lease"] != "" || needs["memcached"] != "" || notes != "repetitions: 3 instead of 8 in 2 of the cells: what a fault does is counted, which takes fewer repetitions than a speed" {
		t.Errorf("%q, %q", needs, notes)
	}
	lacks(t, "memcached")
	for _, r := range planned(t, "service=memcached clients=2") {
		if r.Verb == "service" && r.Get("needs") != "memcached (apt-get install memcached)" || r.Verb == "note" {
			t.Errorf("%s", r)
		}
	}
}

// TestMissingServer: a service whose program is not here is left out, and the sweep
// says which package brings it.
func TestMissingServer(t *testing.T) {
	cmd := program(append(strings.Fields("sweep --service memcached,none --clients 1 --count 1"), "--out", filepath.Join(t.TempDir(), "run"))...)
	cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "apt-get install memcached") != 1 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestCommands: a run of locks is one like any other.
func TestCommands(t *testing.T) {
	dir, set := sweep(t, "--service lease,none --fault none,pause-holder --clients 1,2 --ttl 300ms --count 1")
	if len(set.Samples) != 6 {
		t.Errorf("%d samples of 2 services at 1 and 2 clients, and 2 under a fault", len(set.Samples))
	}
	for words, want := range map[string]string{
		"report --markdown " + dir:   "clients=1, ns/op | clients=2, ns/op",
		"compare " + dir + " " + dir: "service=lease",
		"list services":              "natskv",
		"list faults":                "pause-holder",
		"claims " + dir:              "1. A reservation server",
		"sweep --help":               "--fence",
	} {
		out, err := program(strings.Fields(words)...).CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, no %q in\n%s", words, err, want, out)
		}
	}
	for _, name := range []string{"report.html", "lanes-none-pause-holder-fence-on.png", "throughput*.png"} {
		if found, err := filepath.Glob(filepath.Join(dir, name)); err != nil || len(found) == 0 {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
}

// TestUsage: wrong flags end with exit code 2, and say which flag it is.
func TestUsage(t *testing.T) {
	for words, want := range map[string]string{
		"--service zoo":                      `--service: service "zoo" unknown`,
		"--fault flood":                      `--fault: fault "flood" unknown`,
		"--clients 0":                        "--clients: ",
		"--ttl 1":                            "--ttl: ",
		"--ttl 1ms":                          "a lease is 10ms at least",
		"--service lease --hold 2s --ttl 1s": "take a longer --ttl",
		"--address here:1":                   "--address: ",
		"--service sqlite --fault partition": "this service has no server",
		"--trace cells":                      "--trace cells: no traces are taken of locks; take none",
		"--trace tour":                       "--trace tour: no traces are taken of locks; take none",
	} {
		cmd := program(append(strings.Fields("sweep "+words), "--out", t.TempDir())...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %s", words, err, out)
		}
	}
}

// TestMainModuleIsLight: the main module requires nothing that services are made
// of.
func TestMainModuleIsLight(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, heavy := range []string{"go.etcd.io/", "github.com/nats-io/", "github.com/hashicorp/raft", "modernc.org/", "github.com/redis/", "github.com/jackc/", "google.golang.org/grpc"} {
		if strings.Contains(string(text), heavy) {
			t.Errorf("the main module requires %s…", heavy)
		}
	}
}
