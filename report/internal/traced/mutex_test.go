package traced

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/traces/account"
)

// frame is a line of a profile: function, file and line.
type frame struct {
	fn, file string
	line     int64
}

// writeProfile writes a mutex profile: by stack, innermost first, how often and how long.
func writeProfile(t *testing.T, path string, stacks map[time.Duration][]frame) {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "contentions", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}}, PeriodType: &profile.ValueType{Type: "contentions", Unit: "count"}, Period: 1}
	for delay, stack := range stacks {
		s := &profile.Sample{Value: []int64{7, int64(delay)}}
		for _, f := range stack {
			fn := &profile.Function{ID: uint64(len(p.Function) + 1), Name: f.fn, Filename: f.file}
			loc := &profile.Location{ID: uint64(len(p.Location) + 1), Line: []profile.Line{{Function: fn, Line: f.line}}}
			p.Function, p.Location = append(p.Function, fn), append(p.Location, loc)
			s.Location = append(s.Location, loc)
		}
		p.Sample = append(p.Sample, s)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
}

// TestMutexProfile: the runtime's own lock is a finding at the program's line, if it costs
// a part of capacity; the program's locks are in the table, and so is what cannot be read.
func TestMutexProfile(t *testing.T) {
	dir := t.TempDir()
	step := []frame{{"runtime.unlock", "runtime/lock_spinbit.go", 5}, {"runtime.selectgo", "runtime/select.go", 6}, {"app.step", "/src/app/step.go", 8}}
	lock := []frame{{"sync.(*Mutex).Unlock", "sync/mutex.go", 9}, {"app.add", "/src/app/add.go", 12}}
	sched := []frame{{"runtime.unlock", "runtime/lock_spinbit.go", 5}, {"runtime.schedule", "runtime/proc.go", 6}}
	writeProfile(t, filepath.Join(dir, "a.pb.gz"), map[time.Duration][]frame{20 * time.Millisecond: step, 50 * time.Millisecond: lock, 90 * time.Millisecond: sched})
	writeProfile(t, filepath.Join(dir, "b.pb.gz"), map[time.Duration][]frame{30 * time.Millisecond: step})
	if err := os.WriteFile(filepath.Join(dir, "c.pb.gz"), []byte("no profile"), 0o666); err != nil {
		t.Fatal(err)
	}
	text := "# contend protocol=1\n# run id=a\n"
	for _, name := range []string{"a", "b", "c"} {
		text += "# sample cell=" + name + " block=0\n# attach kind=" + kindMutexProfile + " path=" + name + ".pb.gz sha256=0\nBenchmarkStep/probe=trace/gomaxprocs=2 10 7 ns/op\n"
	}
	if err := os.WriteFile(filepath.Join(dir, sample.FileName), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(dir)
	if err != nil || len(set.Samples) != 3 {
		t.Fatal(err, set)
	}
	c := &cell{title: "Step", window: new(account.Window), whole: 2 * time.Second}
	notes := c.contention(set.Samples)
	if len(notes) != 1 || !strings.Contains(notes[0], "c.pb.gz") {
		t.Errorf("notes %q", notes)
	}
	f, ok := c.runtimeLock()
	if !ok || !strings.Contains(f.What, "app.step app/step.go:8") || !strings.Contains(f.What, "2.50%") {
		t.Errorf("%v %+v", ok, f)
	}
	rows := mutexTable("backend", []*cell{c}, 3).Rows
	want := []string{"runtime.schedule", "app.add", "app.step"}
	for i, w := range want {
		if len(rows) != len(want) || !strings.Contains(rows[i][2], w) || (rows[i][1] == "lock") != (w == "app.add") {
			t.Fatalf("%q, want %q", rows, want)
		}
	}
	if rows[2][3] != "50.0 ms" || rows[2][4] != "14" {
		t.Errorf("%q", rows[2])
	}
	c.whole = 20 * time.Second
	if f, ok := c.runtimeLock(); ok {
		t.Errorf("a quarter of a percent is a finding: %+v", f)
	}
}
