package bench

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/contend-go/contend/bench/sample"
)

// Write prints what the process of a cell has to print; [ReadProtocol] reads
// it. The warnings and attachments of a result stand before its line.
func (p Printed) Write(w io.Writer) error {
	var err error
	line := func(text string) {
		if err == nil {
			_, err = fmt.Fprintln(w, text)
		}
	}
	record := func(verb string, fields ...sample.Field) {
		line(sample.Record{Verb: verb, Fields: fields}.String())
	}
	record("cell", sample.Field{Key: "protocol", Value: strconv.Itoa(sample.Protocol)},
		sample.Field{Key: "gomaxprocs", Value: strconv.Itoa(p.Procs)})
	for _, s := range p.Results {
		for _, text := range s.Warnings {
			record("warn", sample.Field{Key: "text", Value: text})
		}
		for _, a := range s.Attachments {
			record("attach", sample.Field{Key: "kind", Value: a.Kind}, sample.Field{Key: "path", Value: a.Path}, sample.Field{Key: "sha256", Value: a.SHA256})
		}
		line(sample.FormatResult(s.Name.String(), s.Iters, s.Values))
	}
	return err
}

// Probes makes the probe of a name for the cells of a program; nil in one that
// offers none.
type Probes func(name string) (Probe, error)

// New makes the probe that a cell asks for: [Blind] if it asks for none.
func (p Probes) New(name string) (Probe, error) {
	switch {
	case name == "":
		return Blind{}, nil
	case p == nil:
		return nil, errors.New("this program records no traces")
	}
	return p(name)
}

// Blind is the probe of cells that are not observed.
type Blind struct{}

func (Blind) Start(Window) error               { return nil }
func (Blind) Mark(string)                      {}
func (Blind) Stop() (o Observation, err error) { return o, nil }
