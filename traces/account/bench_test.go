package account

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"testing"

	"golang.org/x/exp/trace"
)

// benchTrace is the trace to measure with, from CONTEND_BENCH_TRACE. scripts/bench-decode.sh makes
// large ones; without it the small one serves.
func benchTrace(b *testing.B) (*os.File, int64) {
	path := os.Getenv("CONTEND_BENCH_TRACE")
	if path == "" {
		path = "testdata/small.trace"
	}
	return openTrace(b, path)
}

// BenchmarkAccount is full accounting, with stacks.
func BenchmarkAccount(b *testing.B) {
	f, size := benchTrace(b)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := Read(f, size, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	reportPeak(b)
}

// BenchmarkCountOnly is what it is held against: a loop over golang.org/x/exp/trace that only counts
// state transitions.
func BenchmarkCountOnly(b *testing.B) {
	f, size := benchTrace(b)
	b.SetBytes(size)
	for b.Loop() {
		r, err := trace.NewReader(bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 1<<20))
		if err != nil {
			b.Fatal(err)
		}
		transitions := 0
		for {
			ev, err := r.ReadEvent()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if ev.Kind() == trace.EventStateTransition {
				transitions++
			}
		}
		if transitions == 0 {
			b.Fatal("no transitions")
		}
	}
	reportPeak(b)
}

// reportPeak reports the process's peak memory, where the system tells.
func reportPeak(b *testing.B) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, ok := bytes.Cut(status, []byte("VmHWM:"))
	if fields := bytes.Fields(rest); ok && len(fields) > 0 {
		kb, _ := strconv.ParseFloat(string(fields[0]), 64)
		b.ReportMetric(kb/1024, "peak-MB")
	}
}
