package blame

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/account"
)

// read accounts a recording, gzip'd or not.
func read(t *testing.T, path string, mode account.WindowMode) *account.Account {
	t.Helper()
	return readWindows(t, path, account.WindowSpec{Mode: mode})
}

func readWindows(t *testing.T, path string, spec account.WindowSpec) *account.Account {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	a, err := account.Read(bytes.NewReader(data), int64(len(data)), account.Options{Windows: spec, Causes: true})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// planted is what the program of testdata/planted does in each window: the kinds, and the functions in which the lines are. What else such a
// window has to have is the other side of it: a lock that is held over a sleep makes idle Ps of both.
var planted = map[string]struct {
	reasons []account.Reason
	funcs   []string
}{
	"mutex":        {[]account.Reason{account.Mutex}, []string{"lockMutex"}},
	"reader":       {[]account.Reason{account.RWReader, account.Mutex}, []string{"readLock", "lockReader"}},
	"writer":       {[]account.Reason{account.RWWriter}, []string{"writeLock", "lockWriter"}},
	"cond":         {[]account.Reason{account.Cond}, []string{"waitCond"}},
	"send":         {[]account.Reason{account.ChanSend}, []string{"sendOne", "send"}},
	"receive":      {[]account.Reason{account.ChanRecv}, []string{"receiveOne", "receive"}},
	"select":       {[]account.Reason{account.Select}, []string{"chooseOne", "choose"}},
	"semaphore":    {[]account.Reason{account.Semaphore}, []string{"limited"}},
	"singleflight": {[]account.Reason{account.Singleflight}, []string{"share", "share.func1"}},
	"limit":        {[]account.Reason{account.Semaphore}, []string{"limitGo", "limitGo.func1", "limit"}},
	"pool":         {[]account.Reason{account.Pool}, []string{"pool", "stmt.Query"}},
	"filelock":     {[]account.Reason{account.FileLock}, []string{"fileLock"}},
	"fsync":        {[]account.Reason{account.SyscallOut, account.Mutex}, []string{"fsync"}},
	"readmemstats": {[]account.Reason{account.StopWorld, account.StopWait}, []string{"readMemStats"}},
	"gosched":      {[]account.Reason{account.Yield}, []string{"spinLock"}},
	"sleep":        {[]account.Reason{account.Sleep}, []string{"sleep"}},
	"network":      {[]account.Reason{account.Network}, []string{"network"}},
	"syscall":      {[]account.Reason{account.SyscallOut}, []string{"blockingRead"}},
	"create":       {[]account.Reason{account.Created, account.WaitGroup}, []string{"create"}},
}

// TestPlanted holds the charges of every window of the planted programs against what the program does in it: with Go 1.21 to 1.26, at
// GOMAXPROCS 2 and 4, on 2 CPUs.
func TestPlanted(t *testing.T) {
	files, err := filepath.Glob("testdata/planted/*.trace.gz")
	if err != nil || len(files) < 6 {
		t.Fatalf("recordings: %v", files)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".trace.gz"), func(t *testing.T) {
			t.Parallel()
			plantedIn(t, read(t, f, account.Marks))
		})
	}
}

func plantedIn(t *testing.T, a *account.Account) {
	l := NewLocator(&a.Total)
	seen := 0
	for i := range a.Windows {
		w := &a.Windows[i]
		want, ok := planted[w.Label]
		if !ok {
			continue
		}
		seen++
		lost, right, kind := w.Lost(), time.Duration(0), time.Duration(0)
		for _, c := range w.Causes {
			if c.Kind == account.NoCPU {
				lost -= c.Time
			}
		}
		for k := range w.Sites {
			s := &w.Sites[k]
			if slices.Contains(want.reasons, s.Reason) {
				kind += s.Charged
				if s.Reason == account.StopWorld && len(s.Stack) == 0 { // before Go 1.22
					right += s.Charged
					continue
				}
			}
			line := l.Place(s.Stack).Line.Func
			if line == "" || strings.HasPrefix(line, "main.(*phase).last") || s.Apparatus || s.Reason == account.StopGC || s.Reason == account.System {
				lost -= s.Charged // the load itself, the collector, and what has no stack
				continue
			}
			if slices.Contains(want.funcs, strings.TrimPrefix(line, "main.")) {
				right += s.Charged
			}
		}
		if ratio(lost, w.Capacity) < 0.005 {
			t.Errorf("%s: nothing was lost", w.Label)
		}
		if share := ratio(right, lost); share < 0.95 {
			t.Errorf("%s: %s of %v lost is charged to its lines", w.Label, percent(share), lost)
			for k := range w.Sites[:min(6, len(w.Sites))] {
				s := &w.Sites[k]
				t.Logf("  %s %s %v %s", percent(ratio(s.Charged, lost)), s.Reason, s.By, Spot(l.Place(s.Stack).Line))
			}
		}
		if ratio(kind, lost) < 0.1 {
			t.Errorf("%s: nothing of that kind", w.Label)
		}
	}
	if seen != len(planted) {
		t.Errorf("%d windows of %d", seen, len(planted))
	}
}

// held is who holds, in the planted programs, what others wait for in a function, and what it does meanwhile.
var held = []struct {
	waits  string // function of the line
	reason account.Reason
	holder string
	act    account.Activity
	by     account.Reason
}{
	{"readLock", account.RWReader, "main.lockReader", account.HoldBlocked, account.Sleep},
	{"writeLock", account.RWWriter, "main.lockWriter", account.HoldBlocked, account.Sleep},
	{"limited", account.Semaphore, "main.limited", account.HoldBlocked, account.Sleep},
	{"pool", account.Pool, "main.pool", account.HoldBlocked, account.Sleep},
	{"share", account.Singleflight, "main.share", account.HoldBlocked, account.Sleep},
	{"limitGo", account.Semaphore, "main.limitGo.func1", account.HoldBlocked, account.Sleep},
	{"lockMutex", account.Mutex, "main.lockMutex", account.HoldRunning, ""},
	{"fsync", account.Mutex, "main.fsync", account.HoldSyscall, account.SyscallOut},
}

// TestPlantedHolders holds who stood in the way in the planted programs against what they do. The shares are of the waits' time.
func TestPlantedHolders(t *testing.T) {
	for _, f := range []string{"go1.23-p2", "go1.24-p2", "go1.25-p2", "go1.26-p2", "go1.26-p4"} {
		a := read(t, filepath.Join("testdata", "planted", f+".trace.gz"), account.Whole)
		l := NewLocator(&a.Total)
		for _, want := range held {
			g := &group{reason: want.reason}
			for i := range a.Total.Sites {
				if s := &a.Total.Sites[i]; s.Reason == want.reason && l.Place(s.Stack).Line.Func == "main."+want.waits {
					g.add(s, l.Place(s.Stack))
				}
			}
			h := holder(l, g)
			if h == nil {
				t.Errorf("%s: %s: no holder", f, want.waits)
				continue
			}
			if !strings.HasPrefix(h.Func, want.holder) || h.Activity != want.act || h.Reason != want.by {
				t.Errorf("%s: %s is %v, want %s %s %s", f, want.waits, h, want.holder, want.act, want.by)
			}
			least := 0.8
			if want.waits == "fsync" {
				least = 0.5 // another line of it writes, in a system call as well
			}
			if h.Share < least {
				t.Errorf("%s: %s: %s only of the wait", f, want.waits, percent(h.Share))
			}
		}
	}
}
