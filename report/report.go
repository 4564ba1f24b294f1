// Package report writes what there is to read about a set of samples: one
// page, and the pictures beside it.
package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/chart"
	"github.com/contend-go/contend/report/derive"
	"github.com/contend-go/contend/report/html"
)

// PageName is the file name of the page.
const PageName = "report.html"

// Options says what a report holds beside what follows from the samples.
type Options struct {
	DPI       int      // of PNGs; 0 is [chart.DefaultDPI]
	Formats   []string // of pictures, of [chart.Formats]; none is PNG
	Timelines []html.Timeline
	Tables    []html.Table // such as the worst lock sites of traces
}

// Write writes report.html and the pictures into dir, making it if needed, and
// returns the paths of what it wrote, the page last. Each file appears whole
// or not at all.
func Write(set *sample.Set, dir string, opt Options) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	view := derive.New(set)
	pictures := chart.Pictures(view)
	formats := opt.Formats
	if len(formats) == 0 {
		formats = chart.Formats[:1]
	}
	var files []string
	put := func(name string, write func(io.Writer) error) error {
		path := filepath.Join(dir, name)
		if err := writeFile(path, write); err != nil {
			return err
		}
		files = append(files, path)
		return nil
	}
	for _, pic := range pictures {
		for _, format := range formats {
			err := put(pic.Name+"."+format, func(w io.Writer) error {
				return pic.Encode(w, format, cmp.Or(opt.DPI, chart.DefaultDPI))
			})
			if err != nil {
				return files, err
			}
		}
	}
	static, err := staticPictures(pictures)
	if err != nil {
		return files, err
	}
	raw, err := rawSamples(set)
	if err != nil {
		return files, err
	}
	page := &html.Page{
		View: view, Set: set, Colors: chart.Colors,
		Raw: raw, Pictures: static, Timelines: opt.Timelines, Tables: opt.Tables,
	}
	return files, put(PageName, page.Write)
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

// writeFile writes a file under a temporary name and renames it into place.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// maxRaw is how large the compressed samples may be to go into the page.
const maxRaw = 16 << 20

// rawSamples are the texts that the set was read from. Files that cannot be
// read again (standard input) are left out, as is everything once the page
// would be too large.
func rawSamples(set *sample.Set) ([]html.Raw, error) {
	var raws []html.Raw
	seen := map[string]bool{}
	total := 0
	for _, s := range set.Samples {
		if seen[s.File] {
			continue
		}
		seen[s.File] = true
		f, err := os.Open(s.File)
		if err != nil {
			continue
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err = io.Copy(z, f)
		f.Close()
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			return nil, err
		}
		if total += b.Len(); total > maxRaw {
			return nil, nil
		}
		raws = append(raws, html.Raw{Name: filepath.Base(s.File), Gzip: b.Bytes()})
	}
	return raws, nil
}
