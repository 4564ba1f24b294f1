// Package report writes what there is to read about a set of samples: one
// page, and the pictures beside it.
package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
	"github.com/contend-go/contend/report/claims"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/html"
	"github.com/contend-go/contend/report/internal/latent"
	"github.com/contend-go/contend/report/internal/locked"
	"github.com/contend-go/contend/report/internal/traced"
)

// PageName is the file name of the page.
const PageName = "report.html"

// Options say how pictures are written.
type Options struct {
	DPI     int      // of PNGs; 0 is [DefaultDPI]
	Formats []string // of pictures: "png", "svg"; none is PNG
}

// Formats are those of pictures.
var Formats = chart.Formats

// DefaultDPI gives PNGs with two pixels for one of a usual screen.
const DefaultDPI = chart.DefaultDPI

// Report is what samples and their traces say together.
type Report struct {
	// Notes are what could not be read of traces, and what was left out: a line each, the last of the text.
	Notes []string

	set    *sample.Set
	view   *derive.View
	traces traced.Traces
	locks  locked.Locks
	waits  latent.Latencies
}

// New reads the traces that the samples of a set name, and computes what follows.
func New(set *sample.Set) (*Report, error) {
	if len(set.Samples) == 0 {
		return nil, errors.New("report: no samples")
	}
	view := derive.New(set)
	traces, err := traced.Open(set, view.Noun())
	if err != nil {
		return nil, err
	}
	locks, err := locked.Open(set)
	if err != nil {
		return nil, err
	}
	waits := latent.Open(view)
	return &Report{Notes: slices.Concat(traces.Notes, locks.Notes, waits.Notes), set: set, view: view, traces: traces, locks: locks, waits: waits}, nil
}

// answers are the tables that a report begins with. Whether locks excluded comes first: the fastest may be one that did not.
func (r *Report) answers() (answers []derive.Table) {
	if r.locks.Summary.Title != "" {
		answers = append(answers, r.locks.Summary)
	}
	return append(answers, r.view.Answers()...)
}

// Findings are what the report has to say first, in the order of every view: the
// state of the runs, who leads, the lines to blame, what cannot be told, warnings.
func (r *Report) Findings() []derive.Finding {
	fs := slices.Clone(r.view.Findings)
	at := 0
	for i, f := range fs {
		if f.Kind == derive.State || f.Kind == derive.Leader {
			at = i + 1
		}
	}
	return slices.Insert(fs, at, r.traces.Findings...)
}

// Write writes report.html and the pictures into dir, making it if needed, and
// returns their paths, the page last. Each file appears whole or not at all.
func (r *Report) Write(dir string, opt Options) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	set, view, traces := r.set, r.view, r.traces
	pictures := chart.Pictures(view)
	formats := opt.Formats
	if len(formats) == 0 {
		formats = chart.Formats[:1]
	}
	var files []string
	var jobs []func() error
	for _, pic := range slices.Concat(pictures, r.waits.Spectra, traces.Pictures, r.locks.Pictures) {
		for _, format := range formats {
			path := filepath.Join(dir, pic.Name+"."+format)
			files = append(files, path)
			jobs = append(jobs, func() error {
				return whole.Write(path, func(w io.Writer) error {
					return pic.Encode(w, format, cmp.Or(opt.DPI, DefaultDPI))
				})
			})
		}
	}
	var static []html.Picture
	jobs = append(jobs, func() (err error) { static, err = staticPictures(pictures); return err })
	if err := allOf(jobs); err != nil {
		return nil, err
	}
	raw, err := rawSamples(set, dir)
	if err != nil {
		return nil, err
	}
	var inline []html.Inline
	for _, pic := range r.waits.Spectra {
		svg, err := pic.Inline()
		if err != nil {
			return nil, err
		}
		inline = append(inline, html.Inline{Title: pic.Title, SVG: svg})
	}
	page := &html.Page{
		View: view, Set: set, Findings: r.Findings(), Answers: r.answers(),
		Raw: raw, Pictures: static, Timelines: slices.Concat(r.waits.Strips, traces.Strips, r.locks.Strips), Inline: inline,
		Tables: slices.Concat(r.locks.Tables, traces.Tables, claimTables(claims.Judge(set, 0)), publishedTables(claims.Published(set))),
	}
	path := filepath.Join(dir, PageName)
	if err := whole.Write(path, page.Write); err != nil {
		return nil, err
	}
	return append(files, path), nil
}

// allOf does all jobs, as many at a time as there are Ps.
func allOf(jobs []func() error) error {
	errs := make([]error, len(jobs))
	free := make(chan bool, runtime.GOMAXPROCS(0))
	var done sync.WaitGroup
	for i, job := range jobs {
		free <- true
		done.Go(func() {
			errs[i] = job()
			<-free
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

// staticPictures are the throughput pictures for readers without scripts, as
// many as keep the page small.
func staticPictures(pictures []*chart.Picture) ([]html.Picture, error) {
	const room = 1 << 20
	var static []html.Picture
	total := 0
	for _, pic := range pictures {
		if pic.Kind != "throughput" || total > room {
			continue
		}
		var b bytes.Buffer
		if err := pic.Encode(&b, "png", 96); err != nil {
			return nil, err
		}
		total += b.Len()
		static = append(static, html.Picture{Facet: pic.Facet, Title: pic.Title, PNG: b.Bytes()})
	}
	return static, nil
}

// maxRaw is how large the compressed samples may be to go into the page, and
// maxBeside how large where they are a file beside it, to which a link does.
const (
	maxRaw    = 8 << 20
	maxBeside = 1 << 20
)

// rawSamples is the text that the page's numbers can be computed from: a run's
// own samples file, byte for byte, or any other set as one text in canonical
// form. There is none if it would make the page too large, which then says
// where they are.
func rawSamples(set *sample.Set, dir string) ([]html.Raw, error) {
	raw := html.Raw{Name: sample.FileName}
	b := bounded{most: maxRaw}
	if file := ownFile(set); file != "" && same(file, filepath.Join(dir, sample.FileName)) {
		b.most, raw.Beside = maxBeside, true
	}
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that there is
	err := writeSamples(z, set)
	if err == nil {
		err = z.Close()
	}
	switch {
	case errors.Is(err, errTooLarge) && raw.Beside:
		return []html.Raw{raw}, nil
	case errors.Is(err, errTooLarge):
		return nil, nil
	case err != nil:
		return nil, err
	}
	raw.Gzip, raw.Beside = b.Bytes(), false
	return []html.Raw{raw}, nil
}

// bounded is a buffer that takes no more than so many bytes.
type bounded struct {
	bytes.Buffer
	most int
}

var errTooLarge = errors.New("too large for the page")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errTooLarge
	}
	return b.Buffer.Write(p)
}

// ownFile is the one samples file that holds a run's set; empty where there is none.
func ownFile(set *sample.Set) string {
	file := set.Samples[0].File
	for _, s := range set.Samples {
		if s.Run == nil || s.File != file {
			return ""
		}
	}
	return file
}

// same reports whether two paths are of one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

func writeSamples(w io.Writer, set *sample.Set) error {
	f, err := os.Open(ownFile(set))
	if err != nil {
		return set.WriteText(w)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
