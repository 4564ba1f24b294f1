package show

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/contend-go/contend/traces/account"
)

// unpack writes a packed recording of the neighbouring room to a file, and returns its name.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "blame", "testdata", "cases", name+".trace.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".trace")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAgree requires that the verdict, the windows, the profile and the difference tell of the same time.
func TestAgree(t *testing.T) {
	path := unpack(t, "17-bbolt-fsync")
	sums := map[string]float64{}
	for _, windows := range []string{"whole", "10ms"} {
		w, err := ParseWindows(windows)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Open(path, Options{Windows: w})
		if err != nil {
			t.Fatal(err)
		}
		v := tr.Verdict()
		var b bytes.Buffer
		if err := Profile(&b, []*Trace{tr}); err != nil {
			t.Fatal(err)
		}
		p, err := profile.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		var lost, line time.Duration
		last := len(values) - 1
		for _, s := range p.Sample {
			lost += time.Duration(s.Value[last])
			for _, l := range s.Location {
				if f := l.Line[0]; f.Function.Name == v.Findings[0].Line.Func && f.Line == int64(v.Findings[0].Line.Line) && s.Label["reason"][0] == "mutex" {
					line += time.Duration(s.Value[last])
					break
				}
			}
		}
		if d := (lost + v.NoCPU + v.NoWork - v.Lost).Abs(); d > time.Microsecond {
			t.Errorf("%s: the profile has %v, no CPU %v, no work %v of %v lost", windows, lost, v.NoCPU, v.NoWork, v.Lost)
		}
		if d := math.Abs(float64(line)/float64(v.Capacity) - v.Findings[0].OfCapacity); d > 0.001 {
			t.Errorf("%s: the profile has %v at the first finding's line, the verdict %v of capacity", windows, line, v.Findings[0].OfCapacity)
		}
		b.Reset()
		if err := JSON(&b, []*Trace{tr}, 0); err != nil {
			t.Fatal(err)
		}
		var d document
		if err := json.Unmarshal(b.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		var caused int64
		for _, w := range d.Traces[0].Windows {
			for _, c := range w.Causes {
				caused += c.Time
			}
		}
		if time.Duration(caused) != v.Lost {
			t.Errorf("%s: causes of all windows are %v of %v lost", windows, time.Duration(caused), v.Lost)
		}
		if got := d.Traces[0].Verdict.Findings[0]; got.Text != v.Findings[0].String() || got.Line.Line != v.Findings[0].Line.Line || got.Holder == nil {
			t.Errorf("%s: JSON says %+v", windows, got)
		}
		sums[windows] = float64(v.Findings[0].By.Blocked)
	}
	if math.Abs(sums["whole"]-sums["10ms"]) > float64(time.Microsecond) {
		t.Errorf("blocked at the first line: %v", sums)
	}
	a, err := Open(path, Options{Windows: Windows{WindowSpec: account.WindowSpec{Mode: account.Whole}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Diff(&b, a, a, 1); err != nil {
		t.Fatal(err)
	}
	share := percent(a.Verdict().Findings[0].OfCapacity)
	if !bytes.Contains(b.Bytes(), []byte(share)) || !bytes.Contains(b.Bytes(), []byte("db.go:779")) {
		t.Errorf("the difference does not have %s:\n%s", share, b.Bytes())
	}
}
