package cachebench

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// TestOpenLoad: operations are offered at the rate that the name says; what they
// waited is told, with the histograms beside it, unless they were not carried out.
func TestOpenLoad(t *testing.T) {
	set := sweep(t, "--backend", "mutexlru,plainmap", "--keys", "1K", "--procs", "1,2,3", "--workload", "zipf,expire", "--reads", "100", "--sharing", "all", "--load", "open", "--rate", "20k,50%")
	rates := map[string]int{}
	for _, s := range set.Samples {
		if !s.Valid() {
			t.Errorf("%s: %s", s.Name, s.Invalid)
			continue
		}
		rate, _ := s.Name.Get("rate")
		rates[rate]++
		value := func(unit string) float64 {
			v, ok := s.Value(unit)
			if !ok {
				t.Errorf("%s: no %s", s.Name, unit)
			}
			return v
		}
		for _, unit := range []string{"ns/op", "ops/s"} {
			if _, ok := s.Value(unit); ok {
				t.Errorf("%s: %s of a load that others set", s.Name, unit)
			}
		}
		offered, capacity := value("offered/s"), value("capacity/s")
		if rate == "20000" && math.Abs(offered-20_000) > 1 || rate == "50%" && math.Abs(offered/capacity-.5) > 1e-3 {
			t.Errorf("%s: %g offered, capacity %g", s.Name, offered, capacity)
		}
		unstable := slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.HasPrefix(w, "unstable") })
		if _, told := s.Value("p50-ns"); told == unstable {
			t.Errorf("%s: a median %v, warnings %q", s.Name, told, s.Warnings)
		}
		i := slices.IndexFunc(s.Attachments, func(a sample.Attachment) bool { return a.Kind == "hdrhistogram" })
		if i < 0 {
			t.Fatalf("%s: no histograms", s.Name)
		}
		log, err := os.ReadFile(filepath.Join(filepath.Dir(s.File), filepath.FromSlash(s.Attachments[i].Path)))
		if err != nil {
			t.Fatal(err)
		}
		h, err := hdrhistogram.NewHistogramLogReader(bytes.NewReader(log)).NextIntervalHistogram()
		if err != nil || h.Tag() != "response" || h.TotalCount() == 0 && !unstable { // a generator that got no CPU in time carries out nothing
			t.Errorf("%s: %+v, %v", s.Name, h, err)
		}
	}
	if rates["20000"] == 0 || rates["20000"] != rates["50%"] || len(rates) != 2 {
		t.Errorf("samples by rate: %v", rates)
	}
	if axis := set.Records[slices.IndexFunc(set.Records, func(r sample.Record) bool { return r.Verb == "axis" })]; axis.Get("key") != "rate" {
		t.Errorf("%+v", axis)
	}
	absent := slices.ContainsFunc(set.Records, func(r sample.Record) bool {
		return r.Verb == "absent" && strings.Contains(r.Get("reason"), "at GOMAXPROCS=1: the generators of an open load spin")
	})
	if !absent {
		t.Error("GOMAXPROCS=1 is not named")
	}
}

// TestTooFast: a rate that the generators do not hold themselves gives no figures.
func TestTooFast(t *testing.T) {
	facts := host.Read()
	p, o, err := planned(&facts, "--out", t.TempDir(), "--count", "1", "--time", "10ms", "--backend", "null", "--keys", "1K", "--procs", "2", "--sharing", "all", "--load", "open", "--rate", "950M")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := bench.Run(t.Context(), p, o.Options(&facts))
	if err != nil || len(sum.Invalid) != 1 || !strings.Contains(sum.Invalid[0].Reason, "the generators fell behind: they offer") {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestRateNeedsOpen: what only an open load has is refused for a closed one.
func TestRateNeedsOpen(t *testing.T) {
	facts := host.Read()
	for _, flags := range [][]string{{"--rate", "50%"}, {"--arrivals", "constant"}, {"--load", "closed", "--rate", "1k"}} {
		if _, _, err := planned(&facts, flags...); err == nil || !strings.Contains(err.Error(), "write --load open") {
			t.Errorf("%v: %v", flags, err)
		}
	}
}
