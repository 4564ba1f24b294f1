package chart

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/synthetic"
)

func view(t testing.TB, text string) *derive.View {
	t.Helper()
	set := new(sample.Set)
	if err := set.Read(strings.NewReader(text), "samples.txt"); err != nil {
		t.Fatal(err)
	}
	return derive.New(set)
}

var (
	small = synthetic.Plan{Backends: synthetic.Names(4), Procs: []int{1, 2, 4}, Blocks: 6, Usable: 2, Control: true}
	large = synthetic.Plan{Backends: synthetic.Names(20), Procs: []int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}, Blocks: 6, Usable: 96, Control: true, Traced: true,
		Boundaries: []sample.Record{synthetic.Boundary(24, "socket 2"), synthetic.Boundary(48, "hyperthreads")}}
)

// TestGoldens compares pictures with those in testdata. After a change that is
// meant, and looked at: go test ./report/chart -run Goldens -regen
func TestGoldens(t *testing.T) {
	for prefix, plan := range map[string]synthetic.Plan{"small": small, "large": large} {
		for _, p := range Pictures(view(t, plan.Text())) {
			if p.Kind != "throughput" && (p.Kind != "cpu" || prefix == "large") {
				continue // few goldens; the others are drawn by the same code
			}
			t.Run(prefix+"-"+p.Name, func(t *testing.T) {
				var got bytes.Buffer
				if err := p.Encode(&got, "png", 60); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", prefix+"-"+p.Name+".png")
				if *cmpimg.GenerateTestData {
					if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				same, err := cmpimg.EqualApprox("png", got.Bytes(), want, 0.05)
				if err != nil {
					t.Fatal(err)
				}
				if !same {
					bad := filepath.Join(t.ArtifactDir(), filepath.Base(file))
					os.WriteFile(bad, got.Bytes(), 0o644)
					t.Errorf("%s differs; the new picture is %s (keep it with -artifacts)", file, bad)
				}
			})
		}
	}
}

// TestNothingIsClipped: the outermost pixels of every picture are background.
func TestNothingIsClipped(t *testing.T) {
	long := small
	long.Backends = []string{"漢字", strings.Repeat("W", 5000), "b\u202e", "ring"}
	for name, plan := range map[string]synthetic.Plan{"small": small, "large": large, "long names": long} {
		for _, p := range Pictures(view(t, plan.Text())) {
			var b bytes.Buffer
			if err := p.Encode(&b, "png", 48); err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			r := img.Bounds()
			for x := r.Min.X; x < r.Max.X; x++ {
				for y := r.Min.Y; y < r.Max.Y; y++ {
					edge := x < r.Min.X+4 || x >= r.Max.X-4 || y < r.Min.Y+4 || y >= r.Max.Y-4
					if red, green, blue, _ := img.At(x, y).RGBA(); edge && red+green+blue != 3*0xffff {
						t.Fatalf("%s, %s: pixel %d, %d at the edge is drawn on", name, p.Name, x, y)
					}
				}
			}
		}
	}
}

// TestPicturesOfOddData draws what is hardly there.
func TestPicturesOfOddData(t *testing.T) {
	for _, text := range []string{
		"BenchmarkA 1 5 ns/op\n",
		"BenchmarkA-2 1 0 ns/op\nBenchmarkA-4 1 -3 ns/op\n",
		"BenchmarkA-2 1 3 widgets\n",
		"BenchmarkA-2 1 0 ops/s 0 cpu-ns/op 0 hits/get 0 fairness 0 cpu-unused\n",
		"BenchmarkA-2 1 1e300 ops/s 1e-300 cpu-ns/op -4 cpu-unused\nBenchmarkB-2 1 1e-300 ops/s 1e300 cpu-ns/op\n",
		"usable-cpus: 0.5\nBenchmarkA-2 1 5 ns/op\nBenchmarkA-4 1 5 ns/op\n",
	} {
		for _, p := range Pictures(view(t, text)) {
			for _, format := range Formats {
				if err := p.Encode(new(bytes.Buffer), format, 48); err != nil {
					t.Errorf("%q: %s.%s: %v", text, p.Name, format, err)
				}
			}
		}
	}
}

// TestHits: a hit ratio of 100% throughout is no picture.
func TestHits(t *testing.T) {
	const nullMisses = "# backend name=null sync=none\nBenchmarkCache/backend=null-2 1 0 hits/get\n"
	for text, want := range map[string]bool{
		nullMisses + "BenchmarkCache/backend=ring-2 1 1 hits/get\n":   false,
		nullMisses + "BenchmarkCache/backend=ring-2 1 0.9 hits/get\n": true,
	} {
		got := false
		for _, p := range Pictures(view(t, text)) {
			got = got || p.Kind == "hits"
		}
		if got != want {
			t.Errorf("a picture of hits: %v, of\n%s", got, text)
		}
	}
}

func TestFit(t *testing.T) {
	sty := label(9, ink, draw.XLeft, draw.YTop)
	if got := fit(sty, "short", 200); got != "short" {
		t.Errorf("%q", got)
	}
	if got := fit(sty, strings.Repeat("x", 10000), 60); !strings.HasSuffix(got, "…") || sty.Width(got) > 60 {
		t.Errorf("%q", got)
	}
	if got := fit(sty, "漢字", 200); got != "□□" {
		t.Errorf("characters without a glyph become %q", got)
	}
}
