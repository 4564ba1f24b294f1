package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/locked"
	"github.com/contend-go/contend/report/internal/strip"
	"github.com/contend-go/contend/report/internal/traced"
)

// TestEveryNumberFollowsFromTheSamples takes the samples out of the page, reads
// them with a few lines of its own, computes every estimate again from the
// definitions, and holds the page's numbers to them.
func TestEveryNumberFollowsFromTheSamples(t *testing.T) {
	dir, _ := folder(t, typical.Text())
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	raw := between(t, string(page), `href="data:application/gzip;base64,`, `"`)
	packed, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(raw, "&#43;", "+"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	cells := readCells(string(text))

	data := pageData(t, page)
	checked, seen := 0, map[string]bool{}
	for i, f := range data.Facets {
		for _, s := range f.Series {
			for _, p := range s.Points {
				for key, e := range p.E {
					at := cell{workload: typical.Workloads[i], backend: data.Names[s.Name], procs: p.P, kind: "all"}
					if err := agrees(e, recompute(cells, at, key)); err != nil {
						t.Errorf("%s %s at %d: %s: %v", at.workload, at.backend, p.P, key, err)
					}
					checked++
					seen[key] = true
				}
			}
		}
	}
	if checked < 500 {
		t.Errorf("only %d estimates on the page", checked)
	}
	for _, key := range []string{"rate", "overhead", "cost", "w:p-wait", "w:p-wait-lock"} {
		if !seen[key] {
			t.Errorf("the page has no %s", key)
		}
	}
}

// charts is the page's own data.
type charts struct {
	N      int
	Names  []string
	Facets []struct {
		Series []struct {
			Name   int
			E      map[string][][]*float64
			Points []struct {
				P int
				E map[string][]*float64 // as the script distributes them
			}
		}
	}
}

func pageData(t *testing.T, page []byte) (c charts) {
	t.Helper()
	if err := json.Unmarshal([]byte(between(t, string(page), `id="data">`, "</script>")), &c); err != nil {
		t.Fatal(err)
	}
	usual, zero := float64(c.N), 0.0
	for _, f := range c.Facets {
		for _, s := range f.Series {
			for i := range s.Points {
				s.Points[i].E = map[string][]*float64{}
				for key, list := range s.E {
					if len(list[i]) == 3 {
						list[i] = append(list[i], &usual, &zero)
					}
					if len(list[i]) > 0 {
						s.Points[i].E[key] = list[i]
					}
				}
			}
		}
	}
	return c
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	out, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("the page has no %q … %q", from, to)
	}
	return out
}

// close6 is equality of six significant digits.
func close6(a, b float64) bool { return math.Abs(a-b) <= 2e-5*math.Abs(b)+1e-9 }

// cell is what was measured; kind is "all", "none" or "traced".
type cell struct {
	workload, backend string
	procs             int
	kind              string
}

// readCells is the values of each cell by unit and block.
func readCells(text string) map[cell]map[string]map[int]float64 {
	name := regexp.MustCompile(`^BenchmarkCache/workload=(\w+)/.*/sharing=(\w+)(/probe=trace)?/backend=(\w+)/gomaxprocs=(\d+)$`)
	block := regexp.MustCompile(`^# sample .*block=(\d+)`)
	cells := map[cell]map[string]map[int]float64{}
	at := 0
	for line := range strings.Lines(text) {
		if m := block.FindStringSubmatch(line); m != nil {
			at, _ = strconv.Atoi(m[1])
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		m := name.FindStringSubmatch(fields[0])
		c := cell{workload: m[1], backend: m[4], kind: m[2]}
		c.procs, _ = strconv.Atoi(m[5])
		if m[3] != "" {
			c.kind = "traced"
		}
		if cells[c] == nil {
			cells[c] = map[string]map[int]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			unit := fields[i+1]
			if cells[c][unit] == nil {
				cells[c][unit] = map[int]float64{}
			}
			cells[c][unit][at], _ = strconv.ParseFloat(fields[i], 64)
		}
	}
	return cells
}

// recompute is the values that an estimate is of, by its definition.
func recompute(cells map[cell]map[string]map[int]float64, at cell, key string) []float64 {
	as := func(kind string, procs int) cell { c := at; c.kind, c.procs = kind, procs; return c }
	control := as("none", at.procs)
	paired := func(a, b map[int]float64, f func(a, b float64) float64) []float64 {
		var vs []float64
		for block, v := range a {
			if w, ok := b[block]; ok {
				vs = append(vs, f(v, w))
			}
		}
		slices.Sort(vs)
		return vs
	}
	ratio := func(a, b float64) float64 { return a / b }
	all := func(m map[int]float64) []float64 { return paired(m, m, func(a, _ float64) float64 { return a }) }
	switch key {
	case "rate":
		return all(cells[at]["ops/s"])
	case "ceiling":
		return all(cells[control]["ops/s"])
	case "speedup":
		return paired(cells[at]["ops/s"], cells[as("all", typical.Procs[0])]["ops/s"], ratio)
	case "efficiency":
		return paired(cells[at]["ops/s"], cells[control]["ops/s"], ratio)
	case "overhead":
		return paired(cells[at]["cpu-ns/op"], cells[control]["cpu-ns/op"], func(a, b float64) float64 { return a - b })
	case "cost":
		return paired(cells[as("traced", at.procs)]["ops/s"], cells[at]["ops/s"], ratio)
	}
	kind := map[string]string{"u": "all", "c": "none", "t": "traced", "w": "traced"}[key[:1]]
	return all(cells[as(kind, at.procs)][key[2:]])
}

// agrees holds an estimate, [median, lo, hi, n, paired], to the sorted values.
// Its interval must be two of them whose binomial probability of enclosing the
// median reaches 95%, and no two closer in rank may.
func agrees(e []*float64, vs []float64) error {
	n := len(vs)
	if want := (vs[(n-1)/2] + vs[n/2]) / 2; int(*e[3]) != n || !close6(*e[0], want) {
		return fmt.Errorf("median %v of %v, from the samples %v of %d", *e[0], *e[3], want, n)
	}
	span := 0 // the fewest ranks between the ends
	for d := n - 1; d >= 1; d-- {
		for r := 1; r+d <= n; r++ {
			if binomialBetween(n, r, r+d) >= 0.95 {
				span = d
			}
		}
	}
	if span == 0 || e[1] == nil {
		if (span == 0) != (e[1] == nil) {
			return fmt.Errorf("interval %v, though %d samples", e[1], n)
		}
		return nil
	}
	for r := 1; r+span <= n; r++ {
		if close6(*e[1], vs[r-1]) && close6(*e[2], vs[r+span-1]) && binomialBetween(n, r, r+span) >= 0.95 {
			return nil
		}
	}
	return fmt.Errorf("interval %v … %v is none of %v", *e[1], *e[2], vs)
}

// binomialBetween is P(r ≤ X < s) for X of n fair coins.
func binomialBetween(n, r, s int) float64 {
	p, c := 0.0, math.Pow(0.5, float64(n)) // c is C(n, k)/2ⁿ
	for k := 0; k < s; k++ {
		if k >= r {
			p += c
		}
		c = c * float64(n-k) / float64(k+1)
	}
	return p
}

// TestBenchstatCommands runs the commands that the page offers, and holds
// benchstat's medians to the page's.
func TestBenchstatCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("builds benchstat")
	}
	dir, set := folder(t, typical.Text())
	for _, f := range derive.New(set).Facets {
		command := strings.Replace(f.Benchstat("ops/s", filepath.Join(dir, "samples.txt")), "benchstat", "go tool benchstat -format csv", 1)
		out, err := exec.Command("sh", "-c", command).Output()
		if err != nil {
			t.Skipf("%s: %v", command, err)
		}
		var columns []string
		cells := 0
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSpace(line), ",")
			procs, err := strconv.Atoi(fields[0])
			switch {
			case err != nil && strings.Contains(line, f.Series[0].Name):
				columns = fields
			case err == nil:
				for _, s := range f.Series {
					got, _ := strconv.ParseFloat(fields[slices.Index(columns, s.Name)], 64)
					if want := s.Point(float64(procs)).Rate.Median; math.Abs(got-want) > 1e-5*want {
						t.Errorf("%s at %d: benchstat %v, the page %v", s.Name, procs, got, want)
					}
					cells++
				}
			}
		}
		if want := len(f.Series) * len(f.X.Values); cells != want {
			t.Errorf("%s printed %d cells, want %d:\n%s", command, cells, want, out)
		}
	}
}

// TestPageWithoutDataIsSmall bounds what every page carries.
func TestPageWithoutDataIsSmall(t *testing.T) {
	dir, _ := folder(t, "BenchmarkA 1 5 ns/op\n")
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	pictures := regexp.MustCompile(`data:image/png;base64,[^"]*`).ReplaceAll(page, nil)
	if len(pictures) > 150<<10 {
		t.Errorf("%d bytes", len(pictures))
	}
	t.Logf("%d bytes with one sample, without its picture", len(pictures))
}

func TestSlots(t *testing.T) {
	dir, set := folder(t, typical.Text())
	tl := &chart.Timeline{Title: "ring at 8", Account: ps(4)}
	ring, err := tl.Picture()
	if err != nil {
		t.Fatal(err)
	}
	ring.Name = "timeline-ring"
	rings, err := tl.Strip(1000)
	if err != nil {
		t.Fatal(err)
	}
	lanes := &chart.Lanes{Title: "chubby under pause-holder", To: 10, Names: []string{"client 7"}, Beliefs: []chart.Belief{{From: 2, To: 5}}}
	chubby := lanes.Picture()
	chubby.Name = "lanes-chubby"
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	r.traces = traced.Traces{
		Pictures: []*chart.Picture{ring}, Strips: []strip.Strip{rings},
		Tables:   []html.Table{{Title: "Worst lock sites", Columns: []string{"site", "wait"}, Rows: [][]string{{"cache.go:41", "3.1 s"}}}},
		Findings: []derive.Finding{{Kind: derive.Blame, Where: "ring", What: "half is lost at hot.go:7", Sure: "exact, first in 3 of 3 traces", Next: "hold it for less"}},
	}
	r.locks = locked.Locks{
		Tables:   []html.Table{{Title: "Does the lock exclude?", Columns: []string{"Service"}, Rows: [][]string{{"chubby"}}}},
		Pictures: []*chart.Picture{chubby}, Strips: []strip.Strip{lanes.Strip()},
	}
	if _, err = r.Write(dir, Options{DPI: 24, Formats: []string{"png", "svg"}}); err != nil {
		t.Fatal(err)
	}
	page, _ := os.ReadFile(filepath.Join(dir, PageName))
	for _, want := range []string{"ring at 8", rings.Layers[0].Path(), "client 7", "Worst lock sites", "cache.go:41", "half is lost at hot.go:7", "first in 3 of 3 traces", "hold it for less", "Does the lock exclude?", "chubby under pause-holder"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, name := range []string{"lanes-chubby", "timeline-ring", "throughput-workload-zipf"} {
		if picture, err := os.ReadFile(filepath.Join(dir, name+".png")); err != nil || !bytes.HasPrefix(picture, []byte("\x89PNG")) {
			t.Errorf("%s.png: %v", name, err)
		}
		if svg, err := os.ReadFile(filepath.Join(dir, name+".svg")); err != nil || !bytes.Contains(svg, []byte("</svg>")) {
			t.Errorf("%s.svg: %v", name, err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	_, set := folder(t, "BenchmarkA 1 5 ns/op\n")
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o666)
	r, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as folder: %v", err)
	}
	dir := t.TempDir()
	for _, opt := range []Options{{Formats: []string{"bmp"}}, {DPI: 3}} {
		if _, err := r.Write(dir, opt); err == nil {
			t.Errorf("%+v: no error", opt)
		}
	}
	left, _ := os.ReadDir(dir)
	for _, e := range left {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("a half-written file is left: %s", e.Name())
		}
	}
}

// TestStudyFile holds the published study's own output, as `go test` printed it
// on ten CPUs, to its text: 7 series at 11 values of GOMAXPROCS.
func TestStudyFile(t *testing.T) {
	data := os.Getenv("CONTEND_DATA")
	if data == "" {
		data = "../../shared/data"
	}
	text, err := os.ReadFile(filepath.Join(data, "gubernator-10cpu.txt"))
	if err != nil {
		t.Skipf("the study's file is not here (set CONTEND_DATA to its folder): %v", err)
	}
	names := regexp.MustCompile(`(?m)^BenchmarkParallel/([A-Za-z]+)_(\d+)-10`)
	dir, _ := folder(t, names.ReplaceAllString(string(text), "BenchmarkParallel/backend=$1/gomaxprocs=$2"))
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	points := pageData(t, page)
	got := map[string]float64{}
	for _, s := range points.Facets[0].Series {
		for _, p := range s.Points {
			e := p.E["u:ns/op"]
			if e[1] != nil || *e[3] != 1 {
				t.Errorf("%s at %d: an interval of %v samples", points.Names[s.Name], p.P, *e[3])
			}
			got[fmt.Sprintf("%s_%d", points.Names[s.Name], p.P)] = *e[0]
		}
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^BenchmarkParallel/(\w+)-10\s+\d+\s+([\d.]+) ns/op`).FindAllStringSubmatch(string(text), -1) {
		n++
		if want, _ := strconv.ParseFloat(m[2], 64); got[m[1]] != want {
			t.Errorf("%s is %v, in the text %v", m[1], got[m[1]], want)
		}
	}
	if n != 77 || len(got) != 77 {
		t.Errorf("%d lines in the text, %d points on the page, want 77", n, len(got))
	}
	if !strings.Contains(string(page), "These data came from elsewhere") {
		t.Error("the page does not say where the data came from")
	}
}
