package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// A column's pixels have exactly the shares of its states.
func TestStackColumn(t *testing.T) {
	var col account.Column
	col[account.OnCPU], col[account.Held], col[account.Idle] = 0.375, 0.125, 0.5
	stack := make([]color.RGBA, 4)
	stackColumn(stack, &col)
	green, orange := color.RGBA{0, 158, 115, 255}, color.RGBA{213, 94, 0, 255}
	mixed := color.RGBA{uint8(213.0/2 + 0.5), (158 + 94) / 2, uint8(115.0/2 + 0.5), 255}
	for i, want := range []color.RGBA{green, mixed, white, white} {
		if stack[i] != want {
			t.Errorf("pixel %d is %v, want %v (green %v, orange %v)", i, stack[i], want, green, orange)
		}
	}
	stackColumn(stack, &account.Column{})
	if stack[0] != noP || stack[3] != noP {
		t.Errorf("a P that does not exist is drawn as %v", stack)
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
