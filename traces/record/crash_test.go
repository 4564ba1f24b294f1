package record

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/contend-go/contend/bench"
	"golang.org/x/exp/trace"
)

// crashVar makes the test binary a program that dies while it is observed: by
// a panic, or by waiting to be killed.
const crashVar = "RECORD_TEST_CRASH"

func TestMain(m *testing.M) {
	how, dir := os.Getenv(crashVar), os.Getenv(crashVar+"_DIR")
	if how == "" {
		os.Exit(m.Run())
	}
	contend(2)
	p := New(Options{Whole: true})
	if err := p.Start(bench.Window{Dir: dir, Prefix: "0001", Planned: time.Minute}); err != nil {
		panic(err)
	}
	time.Sleep(2500 * time.Millisecond)
	if how == "panic" {
		go panic("as asked")
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

			b, err := os.ReadFile(filepath.Join(dir, "traces", "0001.trace"+Partial))
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

			f, err := os.Open(filepath.Join(dir, "traces", "0001.switches"+Partial))
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
