package traced

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// kindMutexProfile is the attachment with a process's mutex profile: by the stack that
// released a lock, how long others had waited for it. Since Go 1.22 it has the runtime's own locks
// too, such as those of channels and timers, which no trace shows.
const kindMutexProfile = "mutex-profile"

// contended is a line that released locks others waited for.
type contended struct {
	blame.Place
	runtime bool // a lock of the runtime's own
	delay   time.Duration
	times   int64
}

// leastDelay is the share of capacity from which on the wait for locks of the runtime is
// a finding: with few events the profile tells little.
const leastDelay = 0.01

// contention adds up the mutex profiles of a cell's repetitions, the longest delay first.
func (c *cell) contention(samples []*sample.Sample) (notes []string) {
	l := blame.NewLocator(c.window)
	at := map[string]*contended{}
	for _, s := range samples {
		for _, a := range s.Attachments {
			if a.Kind != kindMutexProfile {
				continue
			}
			p, err := readProfile(filepath.Join(filepath.Dir(s.File), filepath.FromSlash(a.Path)))
			if err != nil {
				notes = append(notes, err.Error())
				continue
			}
			for _, x := range p.Sample {
				add(at, l, x)
			}
		}
	}
	for _, x := range at {
		c.contended = append(c.contended, *x)
	}
	slices.SortFunc(c.contended, func(a, b contended) int {
		return cmp.Or(cmp.Compare(b.delay, a.delay), strings.Compare(blame.Spot(a.Line), blame.Spot(b.Line)))
	})
	return notes
}

func readProfile(path string) (*profile.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(p.SampleType) != 2 || p.SampleType[0].Type != "contentions" || p.SampleType[1].Unit != "nanoseconds" {
		return nil, fmt.Errorf("%s: no mutex profile", path)
	}
	return p, nil
}

// add counts a sample of a mutex profile: contentions and delay.
func add(at map[string]*contended, l blame.Locator, x *profile.Sample) {
	var stack account.Stack
	for _, loc := range x.Location {
		for _, line := range loc.Line {
			if line.Function != nil {
				stack = append(stack, account.Frame{Func: line.Function.Name, File: line.Function.Filename, Line: int(line.Line)})
			}
		}
	}
	if len(stack) == 0 {
		return
	}
	inner := stack[0].Func
	c := contended{Place: l.Place(stack), runtime: strings.HasPrefix(inner, "runtime.unlock") || inner == "runtime._LostContendedRuntimeLock"}
	key := fmt.Sprint(c.runtime, c.Line.File, c.Line.Line, c.Line.Func)
	if at[key] == nil {
		at[key] = &c
	}
	at[key].times += x.Value[0]
	at[key].delay += time.Duration(x.Value[1])
}

// what is the kind of a contended lock.
func (c *contended) what() string {
	if c.runtime {
		return "the runtime's own lock"
	}
	return "lock"
}

// runtimeLock is the line that releases the locks of the runtime which others waited for
// longest, if that is worth a word.
func (c *cell) runtimeLock() (f derive.Finding, ok bool) {
	for i := range c.contended {
		x := &c.contended[i]
		share := float64(x.delay) / float64(max(c.whole, 1))
		if !x.runtime || share < leastDelay || strings.HasPrefix(x.Line.Func, "runtime.") {
			continue
		}
		return derive.Finding{
			Kind: derive.Blame, Where: c.title,
			What: fmt.Sprintf("the runtime's own lock at %s is waited for in %s of capacity", blame.Spot(x.Line), derive.Format("gc-cpu", share)),
			Sure: "by the mutex profile", Next: "use one channel or timer for each worker instead of a shared one",
		}, true
	}
	return f, false
}

// mutexTable tells the longest waits of the mutex profiles.
func mutexTable(noun string, cells []*cell, most int) html.Table {
	t := html.Table{
		Title:   "Locks by the mutex profile",
		About:   "Where locks were released that others had waited for, over the whole process of the traced repetitions. It has the runtime's own locks, which traces do not show.",
		Columns: []string{noun, "what", "place", "waited", "times"},
		Numeric: []bool{3: true, 4: true},
	}
	for _, c := range cells {
		for i := range c.contended[:min(most, len(c.contended))] {
			x := &c.contended[i]
			t.Rows = append(t.Rows, []string{c.title, x.what(), blame.Spot(x.Line), derive.Format("wait-ns", float64(x.delay)), fmt.Sprint(x.times)})
		}
	}
	return t
}
