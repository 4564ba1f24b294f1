package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"golang.org/x/exp/trace"
)

// crashVar makes the test binary a program that dies while it is observed: by
// a panic, by waiting to be killed, or as a run's cell that kills itself.
const crashVar = "RECORD_TEST_CRASH"

func TestMain(m *testing.M) {
	how, dir := os.Getenv(crashVar), os.Getenv(crashVar+"_DIR")
	if how == "" {
		os.Exit(m.Run())
	}
	contend(2)
	prefix := "0001"
	if how == "cell" { // of a run, which says where to write
		dir, prefix = os.Getenv("CONTEND_DIR"), os.Getenv("CONTEND_PREFIX")
	}
	p := New(Options{Whole: true})
	if err := p.Start(bench.Window{Dir: dir, Prefix: prefix, Planned: time.Minute}); err != nil {
		panic(err)
	}
	time.Sleep(2500 * time.Millisecond)
	switch how {
	case "panic":
		go panic("as asked")
	case "cell":
		self, _ := os.FindProcess(os.Getpid())
		self.Kill()
	}
	os.Stdout.WriteString("running\n")
	select {}
}

// A process that dies leaves, under temporary names, a trace and switches that
// can be read.
func TestCrash(t *testing.T) {
	for _, how := range []string{"panic", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashVar+"="+how, crashVar+"_DIR="+dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			io.ReadFull(out, make([]byte, 1)) // it runs; or it has ended
			cmd.Process.Kill()
			if err := cmd.Wait(); err == nil {
				t.Fatal("the program did not die")
			}

			b, err := os.ReadFile(filepath.Join(dir, "traces", "0001.trace"+bench.Partial))
			if err != nil {
				t.Fatal(err)
			}
			r, err := trace.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			events := 0
			for ; ; events++ {
				if _, err = r.ReadEvent(); err != nil {
					break
				}
			}
			if events < 1000 {
				t.Errorf("%d events in %d bytes, then %v", events, len(b), err)
			}

			f, err := os.Open(filepath.Join(dir, "traces", "0001.switches"+bench.Partial))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, err := ReadSwitches(f)
			if err != nil {
				t.Fatal(err)
			}
			if !errors.Is(s.Broken, errTruncated) || s.End-s.Start < int64(time.Second) && s.Refused == "" {
				t.Errorf("broken %v, %v recorded", s.Broken, time.Duration(s.End-s.Start))
			}
		})
	}
}

// What a killed cell leaves is attached to its invalid sample, and accounted up
// to the kill.
func TestKilledCell(t *testing.T) {
	dir := t.TempDir()
	facts := host.Read()
	plan := &bench.Plan{Protocol: sample.Protocol, Blocks: 1, Cells: []bench.Cell{{
		Name: "BenchmarkKilled/probe=tour/gomaxprocs=2", Procs: 2, Env: []string{crashVar + "=cell"}, Expect: 3 * time.Second,
	}}}
	sum, err := bench.Run(t.Context(), plan, bench.Options{Dir: dir, Host: &facts})
	if err != nil || len(sum.Invalid) != 1 || !strings.Contains(sum.Invalid[0].Reason, "killed") {
		t.Fatalf("%+v, %v", sum, err)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.Samples {
		var names []string
		for _, a := range s.Attachments {
			names = append(names, a.Kind)
			path := filepath.Join(dir, filepath.FromSlash(a.Path))
			if sum, err := bench.HashFile(path); err != nil || sum != a.SHA256 {
				t.Errorf("%s: hash %s, attached with %s (%v)", a.Path, sum, a.SHA256, err)
			}
			if a.Kind != KindTrace {
				continue
			}
			if acc, err := accounted(path); err != nil || acc.Duration < time.Second || acc.Events < 1000 {
				t.Errorf("%s: %v, accounted %+v", a.Path, err, acc)
			}
		}
		slices.Sort(names)
		if s.Valid() || !slices.Equal(names, []string{KindSwitches, KindTrace}) {
			t.Errorf("sample %q (%s) has %v", s.Name, s.Invalid, names)
		}
	}
}
