package gotest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// UnitProcess is the CPU time of the whole process: set-up and the rounds in
// which testing looks for the number of iterations included. It is what there
// is where the timed window's cannot be had.
const UnitProcess = "proc-cpu-s"

// mark is what the lines of our accounting begin with.
const mark = "#contend "

// parsed is what a test binary printed.
type parsed struct {
	results  []result
	ends     []ending // benchmarks that failed or were skipped
	notes    []string
	complete bool // all benchmarks were run
}

// result is one benchmark's.
type result struct {
	name      string // as testing has it
	sample    *sample.Sample
	procs     int
	wall, cpu time.Duration // of the timed window; 0 in plain output
}

// ending is why a benchmark has no result.
type ending struct{ name, verdict, text string }

func (e ending) reason() string {
	if e.text == "" {
		return e.verdict
	}
	const most = 300
	text := strings.Join(strings.Fields(e.text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return e.verdict + ": " + text
}

// parse reads standard output: the accounting's own lines or, of a plain
// binary that ran at GOMAXPROCS=procs, what testing prints.
func parse(stdout []byte, plain bool, procs int) parsed {
	var p parsed
	var marked bytes.Buffer
	if plain {
		p.plain(stdout, procs)
		return p
	}
	for line := range bytes.Lines(stdout) {
		if text, ok := bytes.CutPrefix(line, []byte(mark)); ok {
			marked.Write(text)
		}
	}
	p.marked(&marked)
	return p
}

func (p *parsed) marked(text io.Reader) {
	var set sample.Set
	if err := set.Read(text, "standard output"); err != nil {
		p.notes = append(p.notes, err.Error())
	}
	for _, n := range set.Notes {
		p.notes = append(p.notes, n.Text)
	}
	var cells []sample.Record // one before each result
	for _, r := range set.Records {
		switch r.Verb {
		case "cell":
			cells = append(cells, r)
		case "note":
			p.complete = true
		case "absent":
			verdict, output, _ := strings.Cut(r.Get("reason"), ": ")
			p.ends = append(p.ends, ending{r.Get("name"), verdict, output})
		}
	}
	for i, s := range set.Samples {
		if i == len(cells) {
			break // a result without its cell record: not of our printing
		}
		number := func(key string) int64 {
			v, _ := strconv.ParseInt(cells[i].Get(key), 10, 64)
			return v
		}
		name := strings.TrimSuffix(s.Name.String(), "/"+sample.GOMAXPROCS+"="+cells[i].Get(sample.GOMAXPROCS))
		p.results = append(p.results, result{name, s, int(number(sample.GOMAXPROCS)), time.Duration(number("wall-ns")), time.Duration(number("cpu-ns"))})
	}
}

var (
	// What testing prints for a result, behind the name or, when the benchmark
	// printed something in between, on a later line.
	resultText = regexp.MustCompile(`^\s*\d+\t\s*[-+.eE\d]+ \S+`)
	endText    = regexp.MustCompile(`(?:^|\t)\s*--- (FAIL|SKIP): (\S+)`)
)

// plain reads what testing prints.
func (p *parsed) plain(stdout []byte, procs int) {
	suffix := ""
	if procs != 1 {
		suffix = "-" + strconv.Itoa(procs)
	}
	name := "" // of the benchmark whose result is awaited
	for line := range strings.Lines(string(stdout)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "PASS" || line == "FAIL" {
			p.complete = true
		}
		rest := line
		if strings.HasPrefix(line, "Benchmark") {
			before, after, _ := strings.Cut(line, "\t")
			name, rest = strings.TrimSpace(before), after
		}
		if end := endText.FindStringSubmatch(line); end != nil {
			verdict := map[string]string{"FAIL": "failed", "SKIP": "skipped"}[end[1]]
			p.ends = append(p.ends, ending{strings.TrimSuffix(end[2], suffix), verdict, ""})
			name = ""
			continue
		}
		if n := len(p.ends); n > 0 && name == "" && strings.HasPrefix(line, "    ") {
			p.ends[n-1].text += " " + line // what it logged
			continue
		}
		if name == "" || !resultText.MatchString(rest) {
			continue
		}
		var set sample.Set
		full := strings.TrimSuffix(name, suffix)
		_ = set.Read(strings.NewReader(full+"/"+sample.GOMAXPROCS+"="+strconv.Itoa(procs)+" "+rest+"\n"), "standard output")
		if len(set.Samples) == 1 {
			p.results = append(p.results, result{name: full, sample: set.Samples[0], procs: procs})
		}
		name = ""
	}
}

// reader reads the output of one cell.
type reader struct {
	facts     *host.Facts
	cell      bench.Cell
	benchmark string // the benchmark's own name
	window    time.Duration
	plain     bool
	earlier   *[]int // iterations of the windows of this cell and variant so far
}

func (r *reader) read(o bench.Output) (bench.Printed, error) {
	out := parse(o.Stdout, r.plain, r.cell.Procs)
	attached, err := r.attached(o)
	if err != nil {
		return bench.Printed{}, err
	}
	if err := r.refuse(o, out); err != nil {
		return bench.Printed{}, err
	}
	var printed bench.Printed
	for _, res := range out.results {
		if res.name != r.benchmark {
			continue
		}
		s := bench.Result{Iters: res.sample.Iters}
		s.Name, _ = sample.ParseName(r.cell.Name)
		s.Values = r.values(res, o)
		s.Warnings, s.Attachments = append(slices.Clone(res.sample.Warnings), out.notes...), attached
		warnings, err := r.iterations(res, o.Repeated)
		if err != nil {
			return printed, err
		}
		s.Warnings = append(s.Warnings, warnings...)
		if share := o.Other.Steal.Seconds() / (r.facts.Usable() * max(o.Wall.Seconds(), 1e-9)); share > bench.StealWarning {
			s.Warnings = append(s.Warnings, fmt.Sprintf("neighbours: the host took %.1f%% of the CPU time while the process ran", 100*share))
		}
		printed.Procs = res.procs
		printed.Results = append(printed.Results, s)
	}
	if len(printed.Results) != 1 {
		return printed, fmt.Errorf("the process printed %d results for the benchmark", len(printed.Results))
	}
	return printed, nil
}

// fewIterations is how many a window should have at least. A window that was
// filled by calls has them, unless one call takes more than such a share of it.
const fewIterations = 5

// iterations judges by the number of iterations whether the window measured the
// benchmark, or something that held up the process while testing looked for the
// number that fills the window: then it ends with far fewer, and each seems dear.
// That is no sample, and measured again; but what stays is the benchmark's own:
// a head whose calls became dear has few iterations too.
func (r *reader) iterations(res result, repeated bool) (warnings []string, err error) {
	n, wall := res.sample.Iters, res.wall
	if r.plain {
		wall = res.first() * time.Duration(n)
	}
	first, warm := res.sample.Value("first-ns")
	dear := func(call time.Duration) bool { return call*fewIterations > r.window }
	few, usual := n < fewIterations, usualIterations(*r.earlier)
	switch {
	case few && !dear(wall/time.Duration(max(n, 1))):
		return nil, &bench.Again{Reason: fmt.Sprintf("%d iterations of %v in a window of %v: the process was held up", n, wall/time.Duration(max(n, 1)), r.window)}
	case few && warm && !dear(time.Duration(first)) && !repeated:
		return nil, &bench.Again{Reason: fmt.Sprintf("%d iterations in a window of %v, though the first call took %v: the process was held up", n, r.window, time.Duration(first))}
	case n < usual/4 && !repeated:
		return nil, &bench.Again{Reason: fmt.Sprintf("%d iterations in the window, where others of this benchmark had %d: the process was held up", n, usual)}
	}
	*r.earlier = append(*r.earlier, n)
	if few {
		warnings = append(warnings, fmt.Sprintf("%s: %d in the window: a single call takes %v", sample.FewIterations, n, (wall/time.Duration(max(n, 1))).Round(time.Microsecond)))
	}
	return warnings, nil
}

// usualIterations is the median of some windows; 0 of too few to tell.
func usualIterations(windows []int) int {
	const least = 3
	if len(windows) < least {
		return 0
	}
	return slices.Sorted(slices.Values(windows))[len(windows)/2]
}

// refuse says why the output holds no valid sample.
func (r *reader) refuse(o bench.Output, out parsed) error {
	for _, e := range out.ends {
		if e.name == r.benchmark {
			return &bench.Failed{Reason: e.reason()}
		}
	}
	found, other := false, ""
	for _, res := range out.results {
		if res.name == r.benchmark {
			found = true
		} else {
			other = res.name
		}
	}
	switch {
	case o.Failed != "" && found:
		return fmt.Errorf("%s, after the benchmark had ended well", o.Reason())
	case o.Failed != "" && len(out.ends) > 0:
		return fmt.Errorf("%s %s", out.ends[0].name, out.ends[0].reason())
	case o.Failed != "":
		return errors.New(o.Reason())
	case o.Other.Throttled > 0:
		return fmt.Errorf("throttled by the CPU quota for %v while the process ran", o.Other.Throttled)
	case !found && other != "":
		return fmt.Errorf("no such benchmark at GOMAXPROCS=%d, where there is %s: names that depend on GOMAXPROCS cannot be swept", r.cell.Procs, other)
	case !found && !out.complete:
		return &bench.Failed{Reason: "no benchmark was run: TestMain ended the process before"}
	case !found:
		return fmt.Errorf("no such benchmark at GOMAXPROCS=%d", r.cell.Procs)
	}
	return nil
}

// values are the benchmark's, and what follows from them on this host.
func (r *reader) values(res result, o bench.Output) []sample.Value {
	var values []sample.Value
	has := func(unit string) bool { _, ok := res.sample.Value(unit); return ok }
	add := func(unit string, v float64) {
		if !has(unit) {
			values = append(values, sample.Value{Unit: unit, V: v})
		}
	}
	for i, unit := range res.sample.Units {
		v := sample.Value{Unit: unit, V: res.sample.Values[i]}
		values = append(values, v)
		switch {
		case v.Unit == "ns/op" && v.V > 0 && r.plain:
			add("ops/s", 1e9/v.V)
		case v.Unit == "cpu-ns/op" && res.wall > 0:
			cpus := min(float64(res.procs), r.facts.Usable())
			add("cpu-unused", 1-res.cpu.Seconds()/(cpus*res.wall.Seconds()))
		}
	}
	if r.plain {
		add(UnitProcess, o.CPU.Seconds())
	}
	return values
}

// tracePath is where a cell's trace goes, below the run folder.
func tracePath(prefix string) string { return "traces/" + prefix + ".trace" }

// mutexPath is where its mutex profile goes.
func mutexPath(prefix string) string { return "traces/" + prefix + ".mutex.pb.gz" }

// attached are the trace and the mutex profile that a cell's process left, under their
// own names. What a process leaves that ended badly keeps the name of a part.
func (r *reader) attached(o bench.Output) (list []sample.Attachment, err error) {
	if o.Failed != "" {
		return nil, nil
	}
	for _, a := range []sample.Attachment{{Kind: "trace", Path: tracePath(o.Prefix)}, {Kind: "mutex-profile", Path: mutexPath(o.Prefix)}} {
		path := filepath.Join(o.Dir, filepath.FromSlash(a.Path))
		switch a.SHA256, err = digest(path + bench.Partial); {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		if err := os.Rename(path+bench.Partial, path); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// digest is the SHA-256 of a file, in hexadecimal.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
