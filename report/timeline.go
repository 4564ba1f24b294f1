package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/contend-go/contend/bench/whole"
	"github.com/contend-go/contend/report/internal/chart"
	"github.com/contend-go/contend/report/internal/traced"
	"github.com/contend-go/contend/traces/show"
)

// TimelineColumns is how many columns of a trace's timeline a picture can show.
const TimelineColumns = chart.TimelineColumns

// PictureFormat is the format that a picture's file name asks for. The error says
// which there are.
func PictureFormat(name string) (string, error) {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
	if format != "png" && format != "svg" {
		return "", fmt.Errorf("%s: want a name that ends in .png or .svg", name)
	}
	return format, nil
}

// WriteTimeline draws the Ps of a trace over time, in the format of the file's
// name. The trace was opened with [TimelineColumns].
func WriteTimeline(name string, t *show.Trace) error {
	format, err := PictureFormat(name)
	if err != nil {
		return err
	}
	pic, err := traced.Chart(t, filepath.Base(t.Name), t.Summary()).Picture()
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return whole.Write(name, func(w io.Writer) error { return pic.Encode(w, format, chart.DefaultDPI) })
}
