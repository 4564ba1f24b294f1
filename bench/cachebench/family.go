// Package cachebench measures caches: backends × workloads × the other axes of
// [Family]'s table, each cell in a process of its own. The same cells run as
// `go test -bench` functions. A user's own cache is measured beside those of the
// catalogue by a main of its own; see the example.
package cachebench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/openload"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/cachetest"
	"github.com/contend-go/contend/caches/catalog"
)

// DefaultBackends is what a sweep compares if it is not told: the ceiling that
// only reads, one lock, hand-off to workers, the best-known library and ours.
var DefaultBackends = []string{"plainmap", "mutexlru", "workerpool", "otter2", "ring"}

// Family is the caches of the catalogue, and before them the given ones of a
// user, which a sweep then compares by default with [DefaultBackends]. Names
// must differ: a user's cache hides that of the catalogue.
func Family(own ...caches.Spec) family.Family {
	specs := slices.Clone(own)
	for _, s := range catalog.All() {
		if !slices.ContainsFunc(own, func(o caches.Spec) bool { return o.Name == s.Name }) {
			specs = append(specs, s)
		}
	}
	var defaults []string
	for _, s := range own {
		defaults = append(defaults, s.Name)
	}
	return family.New(definition(specs, append(defaults, DefaultBackends...)))
}

// maxWork bounds --work. The garbage collector gives way to an operation
// thousands of times in one collection: at longer ones, cells do not end.
const maxWork = time.Millisecond

func definition(specs []caches.Spec, defaults []string) family.Definition[cell] {
	names := func() []string { return namesOf(specs) }
	return family.Definition[cell]{
		Name: "caches", About: "caches under workloads",
		Question:  "How does a Go lock, cache or benchmark behave as GOMAXPROCS rises?",
		Benchmark: "Cache", Variable: "CONTEND_CELL",
		Lists: []family.List{backendList(specs), workloadList()},
		Examples: []string{
			"--backend mutexlru,ring --workload zipf,evict --reads 100,75",
			"--workload replay --input oltp.gz --capacity 1000,2000 --backend mutexlru,ring",
			"--load open --rate 50%,80%,90%,95% --backend mutexlru,ring --sharing all",
		},
		Columns: slices.Concat([]family.Column[cell]{
			{
				Axis: family.Axis{Flag: "workload", Default: []string{"zipf"}, Words: workload.Names, Usage: "workloads, or all; see contend list"},
				Read: family.Word(func(c *cell, w string) { c.Workload = w }),
				Key:  "workload", Show: func(c *cell) string { return c.Workload },
			},
			{
				Axis: family.Axis{Flag: "input", Single: true, File: true, Default: []string{""}, Usage: "with workload replay: the cache trace to replay, as one number per line, ARC lis or oracleGeneral; plain, gzip or zstd"},
				Read: readInput,
				Key:  "input", Show: func(c *cell) string { return c.InputName },
			},
			{Key: "content", Show: func(c *cell) string { return c.Content }}, // so that two files of one name are never pooled
			{
				Axis: family.Axis{Flag: "reads", Default: []string{"100"}, Usage: "percent of the operations that are reads, e.g. 100,75,0"},
				Read: family.Percent(func(c *cell, v float64) { c.Reads = v }),
				Key:  "reads", Show: func(c *cell) string { return family.Number(c.Reads) },
			},
			{
				Axis: family.Axis{Flag: "keys", Default: []string{"64K"}, Usage: "how many different keys there are, e.g. 1K,64K,1M,10M"},
				Read: family.Count(workload.MaxKeys, func(c *cell, n int) { c.Keys = n }),
				Key:  "keys", Show: func(c *cell) string { return strconv.Itoa(c.Keys) },
			},
			{
				Axis: family.Axis{Flag: "capacity", Default: []string{"auto"}, Usage: "capacities in entries; auto is twice the number of keys, or a tenth of it in workloads that evict"},
				Read: autoOr(family.Count(workload.MaxKeys, func(c *cell, n int) { c.Capacity = n })),
				Key:  "capacity", Show: func(c *cell) string { return strconv.Itoa(c.Capacity) },
			},
			{
				Axis: family.Axis{Flag: "key-type", Default: []string{"string"}, Words: words("string", "uint64"), Usage: "string, uint64"},
				Read: family.Word(func(c *cell, w string) { c.KeyType = w }),
				Key:  "key", Show: (*cell).keyName,
			},
			{
				Axis: family.Axis{Flag: "key-size", Default: []string{strconv.Itoa(workload.DefaultKeyLength)}, Usage: "length of string keys in bytes"},
				Read: family.Integer(1, 1<<20, func(c *cell, n int) { c.KeySize = n }),
			},
			{
				Axis: family.Axis{Flag: "hot-share", Default: []string{"90"}, Usage: "with workload hot: percent of the operations that use the hot key"},
				Read: readHotShare,
				Key:  "hot-share", Show: func(c *cell) string { return some(c.HotShare > 0, family.Number(c.HotShare)) },
			},
			{
				Axis: family.Axis{Flag: "work", Default: []string{"0s"}, Usage: "CPU time to spend outside the cache in each operation, e.g. 0,500ns,5us"},
				Read: family.Span(maxWork, func(c *cell, d time.Duration) { c.Work = d }),
				Key:  "work", Show: func(c *cell) string { return family.SpanText(c.Work) },
			},
			{
				Axis: family.Axis{Flag: "item-lock", Default: []string{"on"}, Words: words("on", "off"), Usage: "with workload ratelimit: on, off: whether each item has a lock"},
				Read: family.Word(func(c *cell, w string) { c.ItemLock = w == "on" }),
				Key:  "item-lock", Show: func(c *cell) string { return some(c.task() == workload.TakeToken, either(c.ItemLock, "on", "off")) },
			},
			{
				Axis: family.Axis{Flag: "goroutines", Default: []string{"1"}, Usage: "goroutines per P, e.g. 1,4,16"},
				Read: family.Integer(1, 10_000, func(c *cell, n int) { c.PerP = n }),
				Key:  "goroutines-per-p", Show: func(c *cell) string { return strconv.Itoa(c.PerP) },
			},
			{
				Axis: family.Axis{Flag: "sharing", Default: []string{"all", "none"}, Words: words("all", "none"), Usage: "all: one cache for all goroutines; none: the share-nothing ceiling, a cache for each goroutine"},
				Read: family.Word(func(c *cell, w string) { c.Shared = w == "all" }),
				Key:  "sharing", Show: func(c *cell) string { return either(c.Shared, "all", "none") },
			},
		}, openload.Columns(spec), []family.Column[cell]{
			{Key: "probe", Show: func(c *cell) string { return c.Probe }},
			{
				Axis: family.Axis{Flag: "backend", Default: defaults, Words: names, Usage: "backends, or all; see contend list"},
				Read: family.Word(func(c *cell, w string) { c.Backend = w }),
				Key:  "backend", Show: func(c *cell) string { return c.Backend },
			},
		}),
		Along:    openload.Along(spec),
		Check:    func(v family.Values) error { return cmp.Or(checkInput(v), openload.Check(v)) },
		Complete: (*cell).complete,
		Work:     func(c *cell) []family.CPUWork { return []family.CPUWork{{Time: c.Work, Units: &c.WorkUnits}} },
		Absent:   func(c *cell, h *host.Facts) family.Absence { return absent(specs, c, h) },
		Expect:   (*cell).expect,
		Tour: func(c cell, procs []int) (cell, bool) {
			c.Probe, c.Tour = "tour", procs
			return c, c.Shared && c.Workload != "replay" && !c.Open
		},
		Records: func(cells []cell) []sample.Record { return backendRecords(specs, cells) },
		Measure: func(c *cell, h *host.Facts, probe bench.Probe, w bench.Window) (bench.Printed, error) {
			return measure(specs, *c, h, probe, w)
		},
	}
}

func spec(c *cell) *openload.Spec { return &c.Spec }

func words(list ...string) func() []string { return func() []string { return list } }

// some is text if there is any to show.
func some(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// autoOr reads "auto", which leaves the choice to the workload, or else what read
// reads.
func autoOr(read func(string) (func(*cell), error)) func(string) (func(*cell), error) {
	return func(word string) (func(*cell), error) {
		if word == "auto" {
			return func(c *cell) { c.Capacity = 0 }, nil
		}
		return read(word)
	}
}

func readHotShare(word string) (func(*cell), error) {
	if strings.Trim(word, "0.%") == "" {
		return nil, fmt.Errorf("%s leaves no hot key: use workload uniform", word)
	}
	return family.Percent(func(c *cell, v float64) { c.HotShare = v })(word)
}

// readInput opens the trace that workload replay replays.
func readInput(path string) (func(*cell), error) {
	if path == "" {
		return func(*cell) {}, nil
	}
	trace, err := workload.OpenTrace(path, workload.Auto)
	if err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	content := trace.Content()
	return func(c *cell) {
		c.Input, c.InputName, c.Content = full, inputName(full), content
		c.inputKeys, c.requests = len(trace.IDs), len(trace.Requests)
	}, nil
}

// inputName is the file's name as it may stand in a benchmark name.
func inputName(path string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '=' || r == '-' || r > 0x7e {
			return '_'
		}
		return r
	}, filepath.Base(path))
}

// checkInput refuses a replay of nothing, and a trace that nobody replays.
func checkInput(v family.Values) error {
	given := len(v["input"]) == 1 && v["input"][0] != ""
	replay := slices.Contains(v["workload"], "replay")
	switch {
	case replay && !given:
		return family.UsageError("input", "workload replay needs a trace file")
	case given && !replay && !slices.Contains(v["workload"], "all"):
		return family.UsageError("input", "only workload replay reads a trace file")
	}
	return nil
}

// absent is why a cell cannot be measured.
func absent(specs []caches.Spec, c *cell, h *host.Facts) family.Absence {
	spec, err := find(specs, c.Backend)
	if err != nil {
		return family.Absence{Reason: err.Error()}
	}
	if c.Open && c.Procs < 2 {
		return family.Absence{Reason: openload.NoP}
	}
	if reason := notApplicable(spec, c); reason != "" {
		return family.Absence{Reason: reason, But: []string{"sharing", "goroutines-per-p"}}
	}
	if need := c.memory(); h.Memory > 0 && need > h.Memory*3/4 { // the smallest GOMAXPROCS comes first
		return family.Absence{Reason: fmt.Sprintf("at GOMAXPROCS=%d and above: about %d MB of memory needed, the host has %d", c.Procs, need>>20, h.Memory>>20)}
	}
	return family.Absence{}
}

// notApplicable is why a backend cannot run a cell; empty if it can.
func notApplicable(spec caches.Spec, c *cell) string {
	load, _ := workload.Lookup(c.Workload)
	switch {
	case load.Pattern == workload.Recorded && c.Input == "":
		return "there is no trace to replay (--input)"
	case load.Pattern == workload.Recorded && c.Open:
		return "a trace is replayed in a closed loop: it has no times"
	case spec.ReadOnly && (load.Task != workload.GetSet && load.Task != workload.TakeToken || c.Reads < 100):
		return "the backend is only read once it is filled"
	case load.Evicts && !spec.Bounded:
		return "the backend is unbounded: it never evicts"
	case load.Task == workload.TakeToken && spec.Copies:
		return "the backend returns copies: a token taken from one is not taken from the bucket"
	case load.Task == workload.TakeToken && !spec.Strict:
		return "the backend is not strict: a rate limiter would lose its buckets"
	case c.KeyType == "uint64" && spec.Uint64 == nil || c.KeyType == "string" && spec.String == nil:
		return "the backend takes no such keys"
	case c.Capacity < spec.MinCapacity:
		return fmt.Sprintf("the backend takes no capacity below %d", spec.MinCapacity)
	}
	return ""
}

func namesOf(specs []caches.Spec) []string {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

func find(specs []caches.Spec, name string) (caches.Spec, error) {
	if i := slices.IndexFunc(specs, func(s caches.Spec) bool { return s.Name == name }); i >= 0 {
		return specs[i], nil
	}
	return caches.Spec{}, fmt.Errorf("backend %q is not in this program", name)
}

// backendRecords are what the chosen backends promise, for reports.
func backendRecords(specs []caches.Spec, cells []cell) []sample.Record {
	var list []sample.Record
	for _, s := range specs {
		if slices.ContainsFunc(cells, func(c cell) bool { return c.Backend == s.Name }) {
			list = append(list, backendRecord(s))
		}
	}
	return list
}

// backendRecord is what a backend promises.
func backendRecord(s caches.Spec) sample.Record {
	fields := []sample.Field{
		{Key: "name", Value: s.Name}, {Key: "about", Value: s.About},
		{Key: "sync", Value: string(s.Sync)}, {Key: "policy", Value: s.Policy},
		{Key: "bounded", Value: strconv.FormatBool(s.Bounded)},
		{Key: "read-only", Value: strconv.FormatBool(s.ReadOnly)},
		{Key: "strict", Value: strconv.FormatBool(s.Strict)},
		{Key: "may-drop", Value: strconv.FormatBool(s.MayDrop)},
		{Key: "overshoot", Value: overshoot(s)},
	}
	if s.Bounded && !s.MayDrop {
		fields = append(fields, sample.Field{Key: "fit", Value: family.Number(s.FitFraction())})
	}
	if s.Copies {
		fields = append(fields, sample.Field{Key: "copies", Value: "true"})
	}
	if s.MinCapacity > 1 {
		fields = append(fields, sample.Field{Key: "min-capacity", Value: strconv.Itoa(s.MinCapacity)})
	}
	return sample.Record{Verb: "backend", Fields: fields}
}

func overshoot(s caches.Spec) string {
	if !s.Bounded {
		return "unbounded"
	}
	var parts []string
	if f := s.Overshoot.Fraction; f > 0 {
		parts = append(parts, family.Number(100*f)+"%")
	}
	if n := s.Overshoot.Entries; n > 0 {
		parts = append(parts, strconv.Itoa(n))
	}
	if n := s.Overshoot.PerSet; n > 0 {
		parts = append(parts, fmt.Sprintf("%d per Set in flight", n))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " + ")
}

func backendList(specs []caches.Spec) family.List {
	l := family.List{Name: "backends", Columns: []string{"BACKEND", "SYNCHRONISATION", "POLICY", "STRICT", ""}}
	for _, s := range specs {
		l.Rows = append(l.Rows, []string{s.Name, string(s.Sync), s.Policy, strconv.FormatBool(s.Strict), s.About})
	}
	l.Check = func(ctx context.Context, w io.Writer) (int, error) { return checkPromises(ctx, w, specs) }
	return l
}

// checkPromises checks every backend by the conformance suite.
func checkPromises(ctx context.Context, w io.Writer, specs []caches.Spec) (broken int, err error) {
	for _, s := range specs {
		r := cachetest.Check(ctx, s, cachetest.Options{Quick: true})
		fmt.Fprintf(w, "%s (seed %d%s)\n", s.Name, r.Seed, fit(s))
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, res := range r.Results {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", res.Check, res.Verdict, res.Promised, res.Observed)
			if res.Verdict == cachetest.Broken {
				broken++
			}
		}
		if err := t.Flush(); err != nil {
			return broken, err
		}
	}
	return broken, nil
}

// fit says what fraction of the capacity surely fits.
func fit(s caches.Spec) string {
	if !s.Bounded || s.MayDrop {
		return ""
	}
	return "; fit " + family.Number(s.FitFraction())
}

func workloadList() family.List {
	l := family.List{Name: "workloads", Columns: []string{"WORKLOAD", ""}}
	for _, s := range workload.All() {
		l.Rows = append(l.Rows, []string{s.Name, s.About})
	}
	return l
}
