package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/contend-go/contend/bench/family"
)

func TestMain(m *testing.M) {
	families := everyFamily()
	family.RunCell(families, probes) // this binary is also its own cell
	testscript.Main(testRun{m}, map[string]func(){"contend": func() { Main(families...) }})
}

// testRun removes what tests share when all have run.
type testRun struct{ *testing.M }

func (r testRun) Run() int {
	defer func() { os.RemoveAll(shared.dir) }()
	return r.M.Run()
}

// TestScripts runs the command as a person would: testdata/script/*.txt.
func TestScripts(t *testing.T) {
	benchstat := filepath.Join(t.TempDir(), "benchstat")
	if out, err := exec.Command("go", "build", "-o", benchstat, "golang.org/x/perf/cmd/benchstat").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	house, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("BENCHSTAT", benchstat)
			e.Setenv("HOUSE", house)
			for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // else each script compiles the standard library
				dir, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(dir)))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"appears": appears,
		},
	})
}

// exits runs a command and checks its exit code: exits 2 contend …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command …")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.String()[strings.LastIndexByte(exit.String(), ' ')+1:]
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// appears waits until a file is there: appears FILE
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears file")
	}
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
