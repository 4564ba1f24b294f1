// Package latent draws what is kept of open loads beside their samples: the
// histograms of what callers waited, and when they waited longest.
package latent

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/strip"
)

// KindHistogram is the kind of attachments that have latencies.
const KindHistogram = "hdrhistogram"

// Latencies are what a report shows of the open loads of a view.
type Latencies struct {
	Spectra []*chart.Picture
	Strips  []strip.Strip // when callers waited longest, of each chart's worst sample
	Notes   []string      // logs that cannot be read
}

// Open reads the logs that the samples of a view name: of each series those at the highest
// rate that was carried.
func Open(v *derive.View) (l Latencies) {
	for _, f := range v.Facets {
		if !f.Paced {
			continue
		}
		s := &chart.Spectrum{Title: "What callers wait, by percentile", Conditions: conditions(v, f)}
		var worst *worst
		for _, series := range f.Series {
			p, _ := series.Carried()
			if p == nil {
				continue
			}
			at := fmt.Sprintf("%s, %s", series.Name, f.X.At(p.X))
			sum, err := sum(p.Samples(), func(smp *sample.Sample, log *load.Log) { worst = worst.or(at, smp, log) })
			if err != nil {
				l.Notes = append(l.Notes, err.Error())
				continue
			}
			s.Lines = append(s.Lines, lines(at, v.Marks[series.Name], sum)...)
		}
		if len(s.Lines) == 0 {
			continue
		}
		pic := s.Picture()
		if f.Slug != "" {
			pic.Name += "-" + f.Slug
		}
		l.Spectra = append(l.Spectra, pic)
		if worst != nil {
			l.Strips = append(l.Strips, worst.strip())
		}
	}
	return l
}

// conditions are a chart's name for the picture's second line.
func conditions(v *derive.View, f *derive.Facet) string {
	var parts []string
	for _, fd := range slices.Concat(f.Fields, v.Common) {
		if text := derive.FieldText(fd); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " · ")
}

// sum reads the logs of the samples that were carried and merges them: quantiles are
// never averaged. each sees every log.
func sum(samples []*sample.Sample, each func(*sample.Sample, *load.Log)) (*load.Log, error) {
	var all *load.Log
	for _, s := range samples {
		if _, carried := s.Value(derive.Quantiles[0]); !carried {
			continue
		}
		for _, a := range s.Attachments {
			if a.Kind != KindHistogram {
				continue
			}
			log, err := read(filepath.Join(filepath.Dir(s.File), filepath.FromSlash(a.Path)))
			if err != nil {
				return nil, err
			}
			each(s, log)
			if all == nil {
				all = log
				continue
			}
			all.Response.Merge(log.Response)
			all.Service.Merge(log.Service)
			if all.Closed != nil && log.Closed != nil {
				all.Closed.Merge(log.Closed)
			}
		}
	}
	if all == nil {
		return nil, fmt.Errorf("no latencies are attached to the samples of %s", samples[0].Name)
	}
	return all, nil
}

func read(path string) (*load.Log, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	log, err := load.ReadLog(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return log, nil
}

// lines are the histograms of a series.
func lines(name string, mark derive.Mark, log *load.Log) (lines []chart.SpectrumLine) {
	for _, k := range []struct {
		kind chart.SpectrumKind
		h    *hdrhistogram.Histogram
	}{{chart.Waits, log.Response}, {chart.Serves, log.Service}, {chart.Loops, log.Closed}} {
		if k.h == nil || k.h.TotalCount() == 0 {
			continue
		}
		points, told := quantiles(k.h)
		lines = append(lines, chart.SpectrumLine{Name: name, Mark: mark, Kind: k.kind, Points: points, Told: told})
	}
	return lines
}

// perDecade is how many quantiles are drawn of each nine.
const perDecade = 20

// quantiles are those of a histogram, and its longest; told is how many of them
// at least ten values lie beyond.
func quantiles(h *hdrhistogram.Histogram) (points []chart.Quantile, told int) {
	const beyond = 10
	n := float64(h.TotalCount())
	for i := 0; ; i++ {
		oneIn := math.Pow(10, float64(i)/perDecade)
		if oneIn >= n {
			break
		}
		if points = append(points, chart.Quantile{OneIn: oneIn, NS: float64(h.ValueAtQuantile(100 - 100/oneIn))}); n/oneIn >= beyond {
			told = len(points)
		}
	}
	return append(points, chart.Quantile{OneIn: n, NS: float64(h.Max())}), told
}

// worst is the sample in which a caller waited longest.
type worst struct {
	at     string
	sample *sample.Sample
	log    *load.Log
	waited time.Duration
}

func (w *worst) or(at string, s *sample.Sample, log *load.Log) *worst {
	var most time.Duration
	for _, m := range log.Longest {
		most = max(most, m.Value)
	}
	if most == 0 || w != nil && w.waited >= most {
		return w
	}
	return &worst{at, s, log, most}
}

// Measures of the strip: columns of a slice, and rows of the axis of latency.
const (
	sliceColumns = 10
	stripRows    = 600
	stripHeight  = 150
	slice        = 10 * time.Millisecond
	least        = 100 * time.Nanosecond // where the axis begins
	mostTexts    = 12                    // of pauses
)

// strip is the longest that a caller waited, by slices of the window, with the garbage collector's pauses.
func (w *worst) strip() strip.Strip {
	first := w.log.Longest[0].At
	last := w.log.Longest[len(w.log.Longest)-1].At
	slices := int((last-first)/slice.Milliseconds()) + 1
	decades := math.Ceil(math.Log10(float64(w.waited) / float64(least)))
	height := func(d time.Duration) float64 {
		return min(max(math.Log10(float64(d)/float64(least))/decades, 0.005), 1)
	}
	s := strip.Strip{
		Title: "The longest that a caller waited, by 10 ms", About: fmt.Sprintf("%s, the sample with the longest of all: block %d", w.at, w.sample.Block),
		To: time.Duration(slices) * slice, Columns: slices * sliceColumns, Rows: stripRows, Height: stripHeight,
		Note: "Logarithmic. A stop of the process shows as a peak that falls while the backlog is worked off.",
	}
	s.Ticks = s.TimeTicks(5, func(d time.Duration) string {
		if d == 0 {
			return "0"
		}
		return derive.Format("x-ns", float64(d))
	})
	peaks := strip.Layer{Class: "t-wait"}
	for _, m := range w.log.Longest {
		x := int((m.At - first) / slice.Milliseconds())
		peaks.Areas = append(peaks.Areas, strip.Area{X: x * sliceColumns, Base: stripRows, Steps: []strip.Step{{Run: sliceColumns - 1, Rise: int(height(m.Value) * stripRows)}}})
	}
	s.Layers = []strip.Layer{peaks}
	for i := range int(decades) + 1 {
		d := time.Duration(float64(least) * math.Pow(10, float64(i)))
		s.Names = append(s.Names, strip.Name{Y: strip.Percent(decades-float64(i), decades), Text: d.String()})
	}
	collections := w.log.Causes[load.Collector]
	for i, stop := range collections {
		tick := strip.Tick{X: strip.Percent(float64(stop.At-first), float64(s.To.Milliseconds()))}
		if len(collections) <= mostTexts || i == 0 {
			tick.Text = "GC " + derive.Format("x-ns", float64(stop.Value))
		}
		s.Moments = append(s.Moments, tick)
	}
	s.Legend = []strip.Key{{Class: "t-wait", Name: "longest response"}}
	if len(collections) > 0 {
		s.Legend = append(s.Legend, strip.Key{Text: "┆", Name: "pause of the garbage collector"})
	} else {
		s.Note += " The garbage collector did not pause in this window."
	}
	s.Table = w.peaks(first)
	return s
}

// mostPeaks is how many of the longest waits are explained.
const mostPeaks = 5

// peaks are the longest waits of those that rose at once, and what happened from then until they ended.
func (w *worst) peaks(first int64) derive.Table {
	t := derive.Table{Title: "What happened meanwhile", Columns: []string{"due at", "waited", "meanwhile"}}
	if len(w.log.Causes) == 0 {
		return t
	}
	sorted := slices.Sorted(func(yield func(time.Duration) bool) {
		for _, m := range w.log.Longest {
			if !yield(m.Value) {
				return
			}
		}
	})
	before := sorted[len(sorted)/2]
	var hills []hill
	for _, m := range w.log.Longest {
		if m.Value >= 2*before {
			hills = append(hills, hill{m.At, m})
		} else if n := len(hills) - 1; n >= 0 && m.Value > hills[n].top.Value {
			hills[n].top = m
		}
		before = m.Value
	}
	slices.SortStableFunc(hills, func(a, b hill) int { return cmp.Compare(b.top.Value, a.top.Value) })
	for _, h := range hills[:min(len(hills), mostPeaks)] {
		at := time.Duration(h.top.At-first) * time.Millisecond
		t.Rows = append(t.Rows, []string{derive.Format("x-ns", float64(at)), derive.Format("x-ns", float64(h.top.Value)), w.meanwhile(h)})
	}
	return t
}

// hill is waits that rise at once, perhaps more slowly thereafter, and fall while the backlog is worked off.
type hill struct {
	from int64 // ms
	top  load.Moment
}

// meanwhile is what was seen until the longest wait of a hill ended. The watch's slices lie across those of the window.
func (w *worst) meanwhile(h hill) string {
	from, to := h.from-slice.Milliseconds(), h.top.At+h.top.Value.Milliseconds()+slice.Milliseconds()
	sum := map[load.Cause]time.Duration{}
	for cause, list := range w.log.Causes {
		for _, x := range list {
			if x.At >= from && x.At < to {
				sum[cause] += x.Value
			}
		}
	}
	var parts []string
	for _, p := range []struct {
		cause load.Cause
		text  string
	}{
		{load.Collector, "the garbage collector stopped all for %s"}, {load.Stop, "the runtime stopped all for up to %s"},
		{load.Sched, "goroutines that could run waited %s or more for a P"}, {load.Queue, "threads of the program waited %s for a CPU"}, {load.Steal, "the hypervisor took %s of the host's CPU time"},
	} {
		if d := sum[p.cause]; d >= h.top.Value/20 && d > 0 {
			parts = append(parts, fmt.Sprintf(p.text, derive.Format("x-ns", float64(d))))
		}
	}
	if n := sum[load.Moved]; n > 0 {
		parts = append(parts, derive.Plural(int(n), "thread")+" went to another CPU")
	}
	if len(parts) == 0 {
		return "nothing of this kind: the operations themselves, or their queue"
	}
	return strings.Join(parts, ", ")
}
