package account

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/contend-go/contend/traces/decode"
)

func readBytes(data []byte, opt Options) (*Account, error) {
	return Read(bytes.NewReader(data), int64(len(data)), opt)
}

// small is a short trace with a bit of everything.
func small(t testing.TB) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", "small.trace"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNotATrace(t *testing.T) {
	const header = "go 1.26 trace\x00\x00\x00"
	for _, tc := range []struct{ name, data, want string }{
		{"empty", "", "an empty file"},
		{"text", "hello, world\nhello, world\n", `begins with "hello, world\nhel"`},
		{"profile", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xa4\x92", "pprof"},
		{"half a header", "go 1.26 tr", "within its header"},
		{"one byte", "g", "within its header"},
		{"only a header", header, "no events"},
		{"only a header of an older Go", "go 1.21 trace\x00\x00\x00", "not a Go execution trace"},
		{"zeros", header + strings.Repeat("\x00", 10000), "no events"},
	} {
		_, err := readBytes([]byte(tc.data), Options{})
		var format *decode.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want a FormatError with %q", tc.name, err, tc.want)
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	for v, advice := range map[string]string{"1.27": "a newer contend", "1.99": "a newer contend", "1.18": "with a newer Go", "1.10": "with a newer Go"} {
		_, err := readBytes([]byte("go "+v+" trace\x00\x00\x00\x01\x01\x01\x01\x01\x01"), Options{})
		var version *decode.VersionError
		if err != nil && !strings.Contains(err.Error(), advice) {
			t.Errorf("go %s: %v: want the advice %q", v, err, advice)
		}
		if !errors.As(err, &version) || !strings.Contains(err.Error(), "go "+v) || !strings.Contains(err.Error(), "go 1.22 to 1.26") {
			t.Errorf("go %s: error %v, want one that names it and those supported", v, err)
		}
	}
}

// sane checks what must hold for any input.
func sane(t *testing.T, a *Account) {
	t.Helper()
	for _, w := range append(a.Windows, a.Total) {
		var charged time.Duration
		for _, c := range w.Causes {
			charged += c.Time
		}
		if a.Total.Causes != nil && charged != w.Lost() {
			t.Errorf("window %q: lost %v, charged %v", w.Label, w.Lost(), charged)
		}
		for s, d := range w.Parts {
			if d < 0 {
				t.Errorf("window %q: %v is %v", w.Label, State(s), d)
			}
		}
		if w.Parts.Total()+w.Residual != w.Capacity {
			t.Errorf("window %q: parts %v and residual %v are not capacity %v", w.Label, w.Parts.Total(), w.Residual, w.Capacity)
		}
		if g := w.Goroutines; min(g.Running, g.Runnable, g.Syscall, g.Waiting) < 0 {
			t.Errorf("window %q: goroutine time less than none: %+v", w.Label, g)
		}
		for _, s := range w.Sites {
			if min(s.Wait, s.Ready, s.MaxWait, s.By.Blocked, s.By.WakeUp, s.By.Switching, s.By.Syscall, s.By.Stopped) < 0 {
				t.Errorf("window %q: time less than none at %+v", w.Label, s)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	data := small(t)
	for n := range data {
		if n > 300 && n < len(data)-300 && n%23 != 0 {
			continue // every byte would take minutes
		}
		a, err := readBytes(data[:n], Options{Causes: n%7 == 0})
		if err != nil {
			if n > 2000 {
				t.Errorf("at byte %d: %v", n, err)
			}
			continue
		}
		sane(t, a)
		if !a.Lost.Any() || len(a.Lost.Reasons) == 0 {
			t.Errorf("at byte %d: nothing lost", n)
		}
		for _, w := range a.Windows {
			if w.Residual.Abs() > w.Capacity/100+100*time.Microsecond {
				t.Errorf("at byte %d: residual %v of %v", n, w.Residual, w.Capacity)
			}
		}
	}
}

func TestFlippedBits(t *testing.T) {
	data := small(t)
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		bad := bytes.Clone(data)
		for range 1 + rnd.IntN(3) {
			bad[16+rnd.IntN(len(bad)-16)] ^= 1 << rnd.IntN(8)
		}
		a, err := readBytes(bad, Options{Windows: WindowSpec{Mode: WindowMode(seed % 3)}, Causes: true})
		if err != nil {
			t.Logf("seed %d: %v", seed, err)
			continue
		}
		sane(t, a)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestHugeLength(t *testing.T) {
	data := append([]byte("go 1.26 trace\x00\x00\x00"), 1, 1, 1, 1) // a batch: generation, thread, time
	data = binary.AppendUvarint(data, 2<<30)
	data = append(data, make([]byte, 100)...)
	if a, err := readBytes(data, Options{}); err == nil {
		t.Errorf("account %+v, want an error", a)
	}
	// Behind a good generation, that generation remains.
	good := small(t)
	a, err := readBytes(append(bytes.Clone(good), data[16:]...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := readBytes(good, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Lost.Any() || a.Lost.Bytes != int64(len(data)-16) || a.Events != whole.Events {
		t.Errorf("lost %+v, %d events of %d", a.Lost, a.Events, whole.Events)
	}
}

// TestKilled reads the trace of a process that was killed: the last generation is
// incomplete, and still accounted as far as it goes.
func TestKilled(t *testing.T) {
	path := record(t, "killed")
	f, size := openTrace(t, path)
	a, err := Read(f, size, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sane(t, a)
	if !a.Lost.Any() || a.Lost.Generations != 1 || a.Generations < 2 {
		t.Errorf("%d generations, lost %+v", a.Generations, a.Lost)
	}
	if a.Duration < 1100*time.Millisecond {
		t.Errorf("accounted %v of 1.3s", a.Duration)
	}
	if r := a.Total.Residual.Abs(); r > a.Total.Capacity/1000 {
		t.Errorf("residual %v of %v", r, a.Total.Capacity)
	}
	if u := a.Total.Parts[Unknown]; u > a.Total.Capacity/10 {
		t.Errorf("unknown %v of %v", u, a.Total.Capacity)
	}
}

// TestStream reads a trace from what cannot seek.
func TestStream(t *testing.T) {
	data := small(t)
	a, err := ReadStream(struct{ *bytes.Reader }{bytes.NewReader(data)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := readBytes(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Total.Parts != want.Total.Parts || a.Events != want.Events {
		t.Errorf("parts %v, want %v", a.Total.Parts, want.Total.Parts)
	}
}

// TestCrowded reads a damaged trace of 200 bytes with 4096 Ps and far more windows than can be kept for so many.
func TestCrowded(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "fuzz", "FuzzRead", "7284beb1ab8a1c88"))
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(strings.TrimSuffix(string(text), ")\n"), "[]byte(")
	data, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := readBytes([]byte(data), Options{Windows: WindowSpec{Mode: Slices, Every: 10 * time.Millisecond}, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	sane(t, a)
	if got := after.TotalAlloc - before.TotalAlloc; got > 250<<20 {
		t.Errorf("%d MB allocated", got>>20)
	}
	if n := len(a.Windows) * len(a.Total.PerP); n > maxParts {
		t.Errorf("%d windows of %d Ps", len(a.Windows), len(a.Total.PerP))
	}
	if !slices.ContainsFunc(a.Lost.Reasons, func(s string) bool { return strings.Contains(s, "more windows than the") }) {
		t.Errorf("lost %q: nothing about windows", a.Lost.Reasons)
	}
}

// FuzzRead must survive anything. The corpus in testdata/fuzz is kept. Run it with
// -fuzzminimizetime=10x: minimising finds of this size takes minutes otherwise.
func FuzzRead(f *testing.F) {
	data := small(f)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("go 1.22 trace\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var opt Options
		opt.Windows.Mode = WindowMode(len(data) % 5)
		opt.Windows.Every = 10 * time.Millisecond
		opt.Parallel = 1
		opt.Timeline.Columns = len(data) % 3 * 50
		opt.Causes = len(data)%2 == 0
		a, err := readBytes(data, opt)
		if err != nil {
			return
		}
		sane(t, a)
		opt.Windows.Mode = Whole
		whole, err := readBytes(data, opt)
		if err != nil {
			t.Fatal(err)
		}
		for s, d := range whole.Total.Parts {
			if (a.Total.Parts[s] - d).Abs() > time.Duration(len(a.Windows)) {
				t.Errorf("%d windows have %v of %v, the whole has %v", len(a.Windows), a.Total.Parts[s], State(s), d)
			}
		}
	})
}
