package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The tags of a log's lines.
const (
	tagResponse = "response"
	tagService  = "service"
	tagClosed   = "closed"  // service times of the closed loop beside it
	tagLag      = "lag"     // the generator's own
	tagLongest  = "longest" // the longest response of a slice of the window, its only value
)

// Log is what is kept of an open load. Values are in ns.
type Log struct {
	Response, Service, Closed, Lag *hdrhistogram.Histogram

	Longest []Moment           // by slices of the window, those without an operation left out
	Causes  map[Cause][]Moment // what may have made them long
}

// Moment is a time since 1970, in ms, and what was measured then: a time, or a count as so many ns.
type Moment struct {
	At    int64
	Value time.Duration
}

// Log is the record with that of the closed loop beside it. The window began at that time.
func (r *Record) Log(closed *Record, begin time.Time) *Log {
	l := &Log{Response: r.Response, Service: r.Service, Closed: closed.Service, Lag: r.Lag}
	for i, v := range r.Slices {
		if v > 0 {
			l.Longest = append(l.Longest, Moment{begin.Add(time.Duration(i) * sliceTime).UnixMilli(), time.Duration(v)})
		}
	}
	return l
}

// Encode writes an HdrHistogram log, which the tools of HdrHistogram read: histograms of
// the window, which was between these times, by tag, and moments as histograms of one value.
func (l *Log) Encode(from, to time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&b)
	for _, step := range []func() error{
		func() error { return w.OutputComment("[latencies in ns, by contend]") },
		w.OutputLogFormatVersion,
		func() error { return w.OutputStartTime(from.UnixMilli()) },
		w.OutputLegend,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	line := func(tag string, h *hdrhistogram.Histogram, from, to int64) error {
		h.SetTag(tag)
		h.SetStartTimeMs(from)
		h.SetEndTimeMs(to)
		return w.OutputIntervalHistogram(h)
	}
	for _, t := range []struct {
		tag string
		h   *hdrhistogram.Histogram
	}{{tagResponse, l.Response}, {tagService, l.Service}, {tagClosed, l.Closed}, {tagLag, l.Lag}} {
		if err := line(t.tag, t.h, from.UnixMilli(), to.UnixMilli()); err != nil {
			return nil, err
		}
	}
	one := hdrhistogram.New(shortest, longest, digits)
	moments := func(tag string, list []Moment, length time.Duration) error {
		for _, m := range list {
			one.Reset()
			_ = one.RecordValue(min(max(int64(m.Value), shortest), longest)) // within range
			length := max(length, min(m.Value, time.Duration(longest)))
			if err := line(tag, one, m.At, m.At+length.Milliseconds()); err != nil {
				return err
			}
		}
		return nil
	}
	if err := moments(tagLongest, l.Longest, sliceTime); err != nil {
		return nil, err
	}
	for _, cause := range Causes {
		length := sliceTime
		if cause == Collector {
			length = 0 // as long as the pause
		}
		if err := moments(string(cause), l.Causes[cause], length); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// ReadLog reads what Encode wrote.
func ReadLog(r io.Reader) (l *Log, err error) {
	defer func() { // the decoder trusts what it reads
		if p := recover(); p != nil {
			err = fmt.Errorf("no HdrHistogram log: %v", p)
		}
	}()
	l = &Log{Causes: map[Cause][]Moment{}}
	reader := hdrhistogram.NewHistogramLogReader(r)
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			return nil, fmt.Errorf("no HdrHistogram log: %w", err)
		}
		if h == nil {
			break
		}
		switch h.Tag() {
		case tagResponse:
			l.Response = h
		case tagService:
			l.Service = h
		case tagClosed:
			l.Closed = h
		case tagLag:
			l.Lag = h
		case tagLongest:
			l.Longest = append(l.Longest, Moment{h.StartTimeMs(), time.Duration(h.Max())})
		default:
			if cause := Cause(h.Tag()); slices.Contains(Causes, cause) {
				l.Causes[cause] = append(l.Causes[cause], Moment{h.StartTimeMs(), time.Duration(h.Max())})
			}
		}
	}
	if l.Response == nil || l.Service == nil {
		return nil, errors.New("no HdrHistogram log with the tags response and service")
	}
	return l, nil
}
