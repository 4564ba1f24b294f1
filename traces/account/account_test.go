package account

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/exp/trace"
)

// TestOracle holds the accounting against the oracle.
func TestOracle(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		switch name {
		case "killed", "sweep":
			continue // no oracle reads the first; the second is for benchmarks
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, record(t, name))
		})
	}
}

// TestOracleCgo is TestOracle for a program that calls C and is called back.
func TestOracleCgo(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs a C compiler")
	}
	dir := t.TempDir()
	bin, path := filepath.Join(dir, "cgo"), filepath.Join(dir, "cgo.trace")
	build := exec.Command("go", "build", "-o", bin, "testdata/cgo/main.go")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("cgo does not work here: %v\n%s", err, out)
	}
	if out, err := exec.Command(bin, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compare(t, path)
}

// TestOracleOld is TestOracle for the traces of older Go that come with Go's source.
func TestOracleOld(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(goroot(t), "src/internal/trace/internal/tracev1/testdata/*_good"))
	if len(files) == 0 {
		t.Skip("GOROOT has no source")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			compare(t, f)
		})
	}
}

// compare accounts a trace by the package and by the oracle.
func compare(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []WindowMode{Marks, ProcsChanges} {
		a, err := Read(bytes.NewReader(data), int64(len(data)), Options{Windows: WindowSpec{Mode: mode}, Parallel: 2, Causes: true})
		if err != nil {
			t.Fatal(err)
		}
		if a.Lost.Any() {
			t.Errorf("lost %+v", a.Lost)
		}
		o := &oracle{old: a.GoMinor < 22}
		if err := o.run(bytes.NewReader(data), mode == ProcsChanges); err != nil {
			t.Fatal(err)
		}
		o.check(t, a)
	}
}

// check compares, and requires that windows close.
func (o *oracle) check(t *testing.T, a *Account) {
	t.Helper()
	if len(a.Windows) != len(o.windows) {
		t.Fatalf("%d windows, want %d", len(a.Windows), len(o.windows))
	}
	near := func(what string, got, want, whole time.Duration) {
		t.Helper()
		// A tenth of a percent, or, for states of little weight, what clocks of CPUs that differ, and the order of events at
		// the same tick, make of it.
		if d := (got - want).Abs(); d > want/1000 && d > whole/2000+time.Microsecond {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for i, w := range a.Windows {
		ow := o.windows[i]
		at := fmt.Sprintf("window %d %q", i, ow.label)
		if w.Label != ow.label {
			t.Errorf("%s: label %q", at, w.Label)
		}
		near(at+" start", w.Start, ow.start.Sub(o.origin), w.Wall())
		near(at+" capacity", w.Capacity, ow.capacity, ow.capacity)
		if w.Residual.Abs() > w.Capacity/1000+time.Microsecond {
			t.Errorf("%s: residual %v of %v", at, w.Residual, w.Capacity)
		}
		var sum Parts
		for p := range max(len(w.PerP), len(ow.parts)) {
			var got, want Parts
			if p < len(w.PerP) {
				got = w.PerP[p]
			}
			if p < len(ow.parts) {
				want = ow.parts[p]
			}
			for s := range NumStates {
				near(fmt.Sprintf("%s P %d %v", at, p, s), got[s], want[s], w.Wall())
				sum[s] += want[s]
			}
		}
		for s := range NumStates {
			near(fmt.Sprintf("%s all Ps %v", at, s), w.Parts[s], sum[s], w.Wall())
		}
		near(at+" goroutines running", w.Goroutines.Running, ow.g[trace.GoRunning], w.Wall())
		near(at+" goroutines runnable", w.Goroutines.Runnable, ow.g[trace.GoRunnable], w.Wall())
		near(at+" goroutines waiting", w.Goroutines.Waiting, ow.g[trace.GoWaiting], w.Wall())
		near(at+" goroutines in syscalls", w.Goroutines.Syscall, ow.g[trace.GoSyscall], w.Wall())
		var charged time.Duration
		for _, c := range w.Causes {
			charged += c.Time
			// The CPUs' clocks differ by microseconds, so a goroutine can seem to start before it was made ready.
			if c.Kind == NoWork && c.Time < -max(20*time.Microsecond, w.Capacity/1000) {
				t.Errorf("%s: charged %v too much", at, -c.Time)
			}
		}
		near(at+" charged time", charged, w.Lost(), w.Capacity)
	}
	var waits, syscalls int64
	for _, s := range a.Total.Sites {
		if s.Apparatus && s.By.Blocked != 0 {
			t.Errorf("%v of idle time charged to what the measuring apparatus waits for, %v", s.By.Blocked, s.Stack[0])
		}
	}
	for _, w := range a.Total.Waits {
		if w.Reason == SyscallOut {
			syscalls += w.Count
		} else {
			waits += w.Count
		}
	}
	equal := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	equal("waits", waits, o.waits)
	equal("system calls that blocked", syscalls, o.sysBlk)
	equal("goroutines created", a.Total.Goroutines.Created, o.created)
	equal("wake-ups", a.Total.WakeToRun.Count, o.wakes)
}
