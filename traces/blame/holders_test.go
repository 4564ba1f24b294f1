package blame

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/exp/trace"

	"github.com/contend-go/contend/traces/account"
)

// span is a stretch of time, and what was done in it.
type span struct {
	from, to trace.Time
	what     string
}

// logged are the holds and the waits of the program of testdata/holders, by lock.
func logged(t *testing.T, data []byte) (holds, waits map[string][]span) {
	t.Helper()
	r, err := trace.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	holds, waits = map[string][]span{}, map[string][]span{}
	wanted := map[trace.GoID]string{}
	blocked := map[trace.GoID]trace.Time{}
	for {
		ev, err := r.ReadEvent()
		if errors.Is(err, io.EOF) {
			return holds, waits
		}
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind() == trace.EventStateTransition && ev.StateTransition().Resource.Kind == trace.ResourceGoroutine {
			// A goroutine that wants a lock, and is blocked, waits for it.
			st := ev.StateTransition()
			g := st.Resource.Goroutine()
			lock, ok := wanted[g]
			if from, to := st.Goroutine(); ok && to == trace.GoWaiting {
				blocked[g] = ev.Time()
			} else if ok && from == trace.GoWaiting {
				waits[lock] = append(waits[lock], span{blocked[g], ev.Time(), ""})
			}
		}
		if ev.Kind() != trace.EventLog {
			continue
		}
		l, g := ev.Log(), ev.Goroutine()
		switch l.Message {
		case "want":
			wanted[g] = l.Category
		case "free":
			h := holds[l.Category]
			h[len(h)-1].to = ev.Time()
		default:
			holds[l.Category] = append(holds[l.Category], span{ev.Time(), ev.Time(), l.Message})
			if wanted[g] == l.Category {
				delete(wanted, g)
			}
		}
	}
}

// during adds up what was done in a stretch of time; what is left over is handing over. A hold in which another lock was waited for is
// what was done under that one.
func during(sums map[string]float64, holds map[string][]span, lock string, from, to trace.Time) {
	left := float64(to - from)
	for _, h := range holds[lock] {
		a, b := max(h.from, from), min(h.to, to)
		if a >= b {
			continue
		}
		left -= float64(b - a)
		if h.what == "inner" {
			during(sums, holds, "inner", a, b)
		} else {
			sums[h.what] += float64(b - a)
		}
	}
	sums["cpu"] += max(left, 0)
}

// TestHolders holds who stood in the way, and what it did, against what the holders logged: sleep and system calls each, and running together
// with handing over. Shares are of the time of the waits, within five points.
func TestHolders(t *testing.T) {
	for _, name := range []string{"p2", "p4"} {
		path := filepath.Join("testdata", "holders", name+".trace.gz")
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		holds, waits := logged(t, data)
		a := read(t, path, account.Whole)
		l := NewLocator(&a.Total)
		for fn, locks := range map[string]string{"main.mix": "mix", "main.lockOne": "behind", "main.nested": "nested"} {
			truth := map[string]float64{}
			for lock, list := range waits {
				if strings.HasPrefix(lock, locks) {
					for _, w := range list {
						during(truth, holds, lock, w.from, w.to)
					}
				}
			}
			got := map[string]float64{}
			outer := true
			for i := range a.Total.Sites {
				s := &a.Total.Sites[i]
				p := l.Place(s.Stack)
				if s.Reason != account.Mutex || p.Line.Func != fn {
					continue
				}
				if fn == "main.nested" {
					outer = strings.HasSuffix(key(p.Line), outerLine)
					if !outer {
						continue
					}
				}
				for _, h := range s.Holds {
					switch h.Activity {
					case account.HoldBlocked:
						got["sleep"] += float64(h.Time)
					case account.HoldSyscall:
						got["syscall"] += float64(h.Time)
					case account.HoldUnknown:
					default:
						got["cpu"] += float64(h.Time)
					}
				}
			}
			all, known := truth["cpu"]+truth["sleep"]+truth["syscall"], got["cpu"]+got["sleep"]+got["syscall"]
			for _, what := range []string{"cpu", "sleep", "syscall"} {
				if d := math.Abs(truth[what]/all - got[what]/known); !(d < 0.05) {
					t.Errorf("%s, %s: %s for %.1f%% of the wait, by the holders' own word %.1f%%", name, locks, what, 100*got[what]/known, 100*truth[what]/all)
				}
				t.Logf("%s, %s: %s for %.1f%%, %.1f%%", name, locks, what, 100*got[what]/known, 100*truth[what]/all)
			}
		}
	}
}

// outerLine is where the outer lock is wanted.
const outerLine = "main.go:95"
