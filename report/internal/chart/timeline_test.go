package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/traces/account"
)

// tourAccount makes up a tour in equal steps, in which Ps wait more the more there are.
func tourAccount(steps []int, split bool) *account.Account {
	const step = time.Second
	rng := rand.New(rand.NewPCG(1, 2))
	lanes := 0
	for _, p := range steps {
		lanes = max(lanes, p)
	}
	a := &account.Account{Duration: step * time.Duration(len(steps)), Split: split}
	tl := &account.Timeline{To: a.Duration, Lanes: make([][]account.Column, lanes)}
	for lane := range tl.Lanes {
		tl.Lanes[lane] = make([]account.Column, TimelineColumns)
	}
	running := account.Running
	for i, p := range steps {
		w := account.Window{Label: fmt.Sprintf("gomaxprocs=%d", p), Start: step * time.Duration(i), End: step * time.Duration(i+1),
			MinProcs: p, MaxProcs: p, Capacity: step * time.Duration(p)}
		from, to := TimelineColumns*i/len(steps), TimelineColumns*(i+1)/len(steps)
		for lane := range p {
			for x := from; x < to; x++ {
				c := &tl.Lanes[lane][x]
				busy := float32(1)
				if rng.Float64() < float64(p-1)/float64(p+4) {
					busy = rng.Float32()
				}
				if split {
					c[account.OnCPU] = busy * 2 / float32(max(p, 2))
					c[account.Descheduled] = busy - c[account.OnCPU]
				} else {
					c[running] = busy
				}
				c[account.Held] = (1 - busy) / 4
				if x%200 < 3 {
					c[account.STW] = (1 - busy) * 3 / 4
				} else if x%300 < 20 {
					c[account.GC] = (1 - busy) * 3 / 4
				} else {
					c[account.Idle] = (1 - busy) * 3 / 4
				}
				for s, share := range c {
					w.Parts[s] += time.Duration(float64(share) * float64(step) / float64(to-from))
				}
			}
		}
		a.Windows = append(a.Windows, w)
	}
	a.Timeline = tl
	return a
}

// picturesVar names a folder in which tests leave their pictures to look at.
const picturesVar = "CONTEND_PICTURES"

func TestTimelinePictures(t *testing.T) {
	for name, steps := range map[string][]int{
		"1": {1}, "32": {1, 2, 4, 8, 16, 32}, "128": {1, 16, 128, 96}, "narrow": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32},
	} {
		tl := Timeline{Title: "mutexlru", Conditions: "zipf · reads 75% · 64K keys", Account: tourAccount(steps, name != "128"), Usable: 2}
		p, err := tl.Picture()
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"png", "svg"} {
			var b bytes.Buffer
			if err := p.Encode(&b, format, DefaultDPI); err != nil {
				t.Fatal(err)
			}
			if b.Len() > 3<<20 {
				t.Errorf("%s.%s: %d bytes", name, format, b.Len())
			}
			t.Logf("%s.%s: %d bytes", name, format, b.Len())
			if dir := os.Getenv(picturesVar); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, "timeline-"+name+"."+format), b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A column's areas have the shares of its states, from the bottom, and what is without a P hangs from the top.
func TestStack(t *testing.T) {
	var col account.Column
	col[account.OnCPU], col[account.Held], col[account.Idle] = 0.375, 0.125, 0.25
	l := &timelineLayout{tl: &account.Timeline{Lanes: [][]account.Column{{col, {}, {}, {}}}}}
	absent, stack := l.stack(segment{0, 4, 1}, 0, 1, 0, 80)
	for i, s := range stateStyles[:len(stateStyles)-1] {
		want := map[account.State]int{account.OnCPU: 30, account.Held: 40}[s.state]
		if got := stack[i].Steps[0]; got.Rise != want || stack[i].Base != 80 {
			t.Errorf("%s is %d rows high, want %d", s.name, got.Rise, want)
		}
	}
	if want := []strip.Step{{Run: 1, Rise: -20}, {Run: 3, Rise: -80}}; !slices.Equal(absent.Steps, want) {
		t.Errorf("without a P %v, want %v", absent.Steps, want)
	}
	// Merged columns have the mean.
	absent, stack = l.stack(segment{0, 4, 1}, 0, 4, 0, 80)
	if stack[0].Steps[0] != (strip.Step{Run: 4, Rise: 8}) || absent.Steps[0] != (strip.Step{Run: 4, Rise: -65}) {
		t.Errorf("merged: %v, without a P %v", stack[0].Steps, absent.Steps)
	}
}

// The Ps of a window share the height of all: those that do not exist take no room.
func TestSegments(t *testing.T) {
	l, err := (&Timeline{Account: tourAccount([]int{1, 4, 2}, true)}).layout()
	if err != nil {
		t.Fatal(err)
	}
	third := TimelineColumns / 3
	if want := []segment{{0, third, 1}, {third, 2 * third, 4}, {2 * third, 3 * third, 2}}; !slices.Equal(l.segments, want) {
		t.Fatalf("segments %v, want %v", l.segments, want)
	}
	rows := rowsOf(4)
	tops := map[int][]int{} // of lanes, by segment
	for _, layer := range l.areas(mostCells) {
		if layer.Class == noPClass {
			t.Errorf("Ps that do not exist are drawn: %v", layer.Areas)
		}
		if layer.Class == idleClass {
			for _, a := range layer.Areas {
				tops[a.X] = append(tops[a.X], a.Base-a.Steps[0].Rise)
			}
		}
	}
	for i, want := range [][]int{{0}, {0, rows / 4, rows / 2, 3 * rows / 4}, {0, rows / 2}} {
		if got := tops[i*third]; !slices.Equal(got, want) {
			t.Errorf("lanes of segment %d begin at %v of %d rows, want %v", i, got, rows, want)
		}
	}
}

// A page's timeline is bounded: columns are merged.
func TestStripSize(t *testing.T) {
	tl := Timeline{Account: tourAccount([]int{1, 16, 128, 96}, true), Usable: 2}
	for _, cells := range []int{2_000, 20_000} {
		s, err := tl.Strip(cells)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, l := range s.Layers {
			size += len(l.Path())
		}
		if size > 40*cells || size < 4*cells {
			t.Errorf("%d cells: %d bytes", cells, size)
		}
		if len(s.Windows) != 4 || s.Windows[0].Over || !s.Windows[1].Over || s.Windows[2].Text != "128" || s.Windows[2].From != 50 || s.Windows[2].Width != 25 {
			t.Errorf("windows %+v", s.Windows)
		}
		if s.Table.Columns[0] != "GOMAXPROCS" || len(s.Table.Rows) != 4 || s.Table.Rows[3][0] != "96" {
			t.Errorf("table %+v", s.Table)
		}
	}
}

// In the PNG at DefaultDPI a column of the account is a column of pixels.
func TestTimelinePixels(t *testing.T) {
	a := tourAccount([]int{2}, true)
	for x := range TimelineColumns { // lane 0: work and idle by turns
		c := account.Column{}
		c[[]account.State{account.OnCPU, account.Idle}[x%2]] = 1
		a.Timeline.Lanes[0][x] = c
	}
	p, err := (&Timeline{Account: a}).Picture()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Encode(&b, "png", DefaultDPI); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	green := stateStyles[0].color
	longest := 0
	for y := range img.Bounds().Dy() {
		run := 0
		for x := 1; x < img.Bounds().Dx(); x++ {
			is := color.RGBAModel.Convert(img.At(x, y)) == green
			was := color.RGBAModel.Convert(img.At(x-1, y)) == green
			if is != was {
				run++
				longest = max(longest, run)
			} else {
				run = 0
			}
		}
	}
	if longest < TimelineColumns-2 {
		t.Errorf("columns alternate for %d pixels only, want %d: they do not fall on pixels", longest, TimelineColumns)
	}
}

func TestTimelineWithout(t *testing.T) {
	if _, err := (&Timeline{Account: &account.Account{}}).Picture(); err == nil {
		t.Error("an account without a timeline was drawn")
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		250 * time.Millisecond:  "250ms",
		1500 * time.Millisecond: "1.5s",
		time.Minute:             "1m",
		65 * time.Second:        "1m5s",
		10 * time.Minute:        "10m",
		time.Hour:               "1h",
		90 * time.Minute:        "1h30m",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%d ns: %q, want %q", d, got, want)
		}
	}
}
