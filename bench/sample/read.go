package sample

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Set is what was read from run folders and benchmark texts.
type Set struct {
	Samples []*Sample // in the order of the text, invalid ones included
	Runs    []*Run
	Records []Record  // backend, promise, absent, note, boundary, contend
	Notes   []Note    // what could not be read
	Left    []*Sample // those that Along left out
	Lifted  []string  // keys that Lift added to the names

	// Failures are the lines in which go test says that a benchmark, or the whole
	// program, ended badly: results that are missing, or that ran beside one that
	// failed.
	Failures []Note

	// Better holds the directions that the text states by `Unit … better=`,
	// by unit as printed. See [Set.Direction].
	Better map[string]Better

	along   string                 // see Along
	names   map[string]*parsedName // by the name as printed
	words   map[string]string      // one copy of each text that many samples have
	layouts map[string][]string    // lists of units
}

// Last are the records of the last part of a run: one that goes on with another
// build or on another host says anew what it holds.
func (s *Set) Last() []Record {
	for i := len(s.Records) - 1; i >= 0; i-- {
		if s.Records[i].Verb == "contend" {
			return s.Records[i:]
		}
	}
	return s.Records
}

// Note says what is wrong with one line. The rest of the text was read.
type Note struct {
	File string
	Line int
	Text string
}

// String is the note in the form file:line: text; the text alone if it is
// about no single line.
func (n Note) String() string {
	if n.File == "" {
		return n.Text
	}
	return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text)
}

// parsedName is a name as printed, and what the samples of that name share:
// they differ in it where the configuration or the units do.
type parsedName struct {
	name   *Name
	suffix bool
	shared []*Shared
}

// Load reads run folders (their samples.txt), files of any Go benchmark text, and
// standard input ("-") into one set. It fails when a path cannot be read or none holds a
// benchmark line; single lines that cannot be read become notes.
func Load(paths ...string) (*Set, error) {
	set := new(Set)
	for _, path := range paths {
		before := len(set.Samples)
		if err := set.load(path); err != nil {
			return set, err
		}
		if len(set.Samples) == before && len(paths) > 1 {
			set.Notes = append(set.Notes, Note{path, 1, "no benchmark line in it"})
		}
	}
	if len(set.Samples) == 0 {
		return set, unreadable(paths, set.Notes)
	}
	set.dropDuplicates()
	return set, nil
}

func (s *Set) load(path string) error {
	if path == "-" {
		return s.Read(os.Stdin, "standard input")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: not a run folder: it has no %s", filepath.Dir(path), FileName)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Read(f, path)
}

// Read adds one benchmark text to the set; file names it in notes and samples. The
// text may be compressed, in UTF-16, the output of go test -json, or a log.
func (s *Set) Read(r io.Reader, file string) error {
	r, err := decoded(r)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	first := len(s.Samples)
	if s.Better == nil {
		s.Better = map[string]Better{}
		s.names, s.words, s.layouts = map[string]*parsedName{}, map[string]string{}, map[string][]string{}
	}
	lines := &recordReader{in: bufio.NewReaderSize(r, 64<<10), file: file}
	p := parser{set: s, file: file, lines: lines}
	br := benchfmt.NewReader(lines, file)
	for br.Scan() {
		switch rec := br.Result().(type) {
		case *benchfmt.Result:
			_, line := rec.Pos()
			p.records(line)
			p.result(rec, line)
		case *benchfmt.SyntaxError:
			_, line := rec.Pos()
			p.records(line)
			p.syntaxError(rec, line)
		case *benchfmt.UnitMetadata:
			p.unit(rec)
		}
	}
	p.records(int(^uint(0) >> 1))
	if p.dangling() {
		p.note(p.identity.Line, "identity line without a result: dropped")
	}
	s.remark(first, lines.clean.left)
	s.completeNames()
	if err := br.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if p.contrary != "" { // worse and better would depend on which line is believed
		return errors.New(p.contrary)
	}
	return nil
}

// remark adds what the testing package said of benchmarks, by their printed names,
// to their samples from first on.
func (s *Set) remark(first int, remarks map[string]string) {
	by := map[*Shared]string{}
	for printed, remark := range remarks {
		if n := s.names[printed]; n != nil {
			for _, shared := range n.shared {
				by[shared] = remark
			}
		}
	}
	if len(by) == 0 {
		return
	}
	for _, smp := range s.Samples[first:] {
		if remark, ok := by[smp.Shared]; ok {
			id := *smp.Identity
			id.Warnings = append(slices.Clone(id.Warnings), leftWarning(remark))
			smp.Identity = &id
		}
	}
}

// leftWarning is what a reader must know of a benchmark that left another
// GOMAXPROCS than it found.
func leftWarning(remark string) string {
	return "the benchmark " + remark + ": at which it ran is not known"
}

// completeNames states the gomaxprocs of names that `go test -cpu 1,2,4` printed
// at 1, where it adds no suffix: those whose like has one. And it gives numbers
// back to names of which they are a part: where one benchmark of a package has no
// suffix at all, the process ran at GOMAXPROCS=1, and what ends the others, as
// size-1024 and size-2048, is no GOMAXPROCS.
func (s *Set) completeNames() {
	type group struct{ file, pkg, base string }
	bare, suffixed := map[group]bool{}, map[group]map[*parsedName]bool{}
	packages := map[[2]string]bool{} // with a benchmark that never has a suffix
	for printed, n := range s.names {
		if strings.Contains(printed, GOMAXPROCS+"=") {
			continue // stated, whatever the suffix is
		}
		for _, shared := range n.shared {
			g := group{shared.File, shared.Config["pkg"], n.name.Without(GOMAXPROCS)}
			if !n.suffix {
				bare[g] = true
				continue
			}
			if suffixed[g] == nil {
				suffixed[g] = map[*parsedName]bool{}
			}
			suffixed[g][n] = true
		}
	}
	for g := range bare {
		if len(suffixed[g]) == 0 {
			packages[[2]string{g.file, g.pkg}] = true
		}
	}
	for g, names := range suffixed {
		if len(names) < 2 || bare[g] || !packages[[2]string{g.file, g.pkg}] {
			continue
		}
		for n := range names {
			n.restore()
		}
	}
	at := map[string]bool{}
	for _, n := range s.names {
		if n.suffix {
			at[n.name.Without(GOMAXPROCS)] = true
		}
	}
	for _, n := range s.names {
		if _, stated := n.name.Get(GOMAXPROCS); !stated && at[n.name.String()] {
			n.name.Keys = append(n.name.Keys, Field{GOMAXPROCS, "1"})
			n.suffix = true
			n.oneProcess(true)
		}
	}
}

// restore puts the suffix back where it was printed.
func (n *parsedName) restore() {
	procs, _ := n.name.Get(GOMAXPROCS)
	n.name.Keys = n.name.Keys[:len(n.name.Keys)-1]
	if last := len(n.name.Keys) - 1; last >= 0 {
		n.name.Keys[last].Value += "-" + procs
	} else {
		n.name.Base += "-" + procs
	}
	n.suffix = false
	n.oneProcess(false)
}

func (n *parsedName) oneProcess(is bool) {
	for _, shared := range n.shared {
		shared.OneProcess = is
	}
}

// recordReader passes the text on to benchfmt, and keeps our comment records
// on the way, with their line numbers. Lines that benchfmt would end the
// reading at, because of their length, are passed on as empty ones.
type recordReader struct {
	failures []Note

	in      *bufio.Reader
	file    string
	clean   cleaner
	line    int
	records []Record
	notes   []Note
	buf     []byte // what the caller has not taken yet
	err     error
}

func (r *recordReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

// next reads one line into buf.
func (r *recordReader) next() {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.notes = append(r.notes, Note{r.file, r.line + 1, "line over 64 KiB: skipped"})
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.in.ReadSlice('\n')
		}
		line = []byte("\n")
	}
	r.err = err
	if err == io.EOF && len(line) > 0 {
		line = append(bytes.Clone(line), '\n') // what is joined or unwrapped ends lines by itself
	}
	line = r.clean.clean(line)
	if bytes.HasPrefix(line, []byte("# ")) {
		r.line++
		r.record(strings.TrimRight(string(line), "\r\n"))
	} else {
		for text := range bytes.Lines(line) {
			if failure.Match(text) {
				r.failures = append(r.failures, Note{r.file, r.line + 1, strings.TrimSpace(string(text))})
			}
		}
		r.line += bytes.Count(line, []byte("\n")) // of a line of JSON there may be several, or none
	}
	r.buf = line
}

// failure begins the lines of [Set.Failures].
var failure = regexp.MustCompile(`^(panic: |fatal error: |--- FAIL: |FAIL(\s|$))`)

func (r *recordReader) record(line string) {
	rec, ok, err := parseRecord(line)
	if err != nil {
		r.notes = append(r.notes, Note{r.file, r.line, err.Error()})
		return
	}
	if ok {
		rec.File, rec.Line = r.file, r.line
		r.records = append(r.records, rec)
	}
}

// parser joins results with the records before them.
type parser struct {
	set    *Set
	file   string
	lines  *recordReader
	run    *Run
	config map[string]string
	last   []benchfmt.Config // what config was made from

	full    []byte   // the name of the result
	seen    []string // its units
	units   []string // the same list, as all results with these units have it
	samples []Sample // room for the next ones: large texts hold millions
	values  []float64

	identity Record // the pending "# sample", zero Verb if none
	warnings []string
	attached []Attachment

	contrary string // two Unit lines that contradict each other
}

func (p *parser) dangling() bool { return p.identity.Verb != "" }

func (p *parser) note(line int, text string) {
	p.set.Notes = append(p.set.Notes, Note{p.file, line, text})
}

// records takes in the records that stand before the given line.
func (p *parser) records(line int) {
	p.set.Notes = append(p.set.Notes, p.lines.notes...)
	p.lines.notes = p.lines.notes[:0]
	p.set.Failures = append(p.set.Failures, p.lines.failures...)
	p.lines.failures = p.lines.failures[:0]
	n := 0
	for _, rec := range p.lines.records {
		if rec.Line >= line {
			break
		}
		n++
		p.record(rec)
	}
	p.lines.records = append(p.lines.records[:0], p.lines.records[n:]...)
}

func (p *parser) record(rec Record) {
	rec.Run = p.run
	switch rec.Verb {
	case "run":
		p.run = &Run{ID: rec.Get("id"), Fields: rec.Fields}
		p.set.Runs = append(p.set.Runs, p.run)
	case "sample":
		if p.dangling() {
			p.note(p.identity.Line, "identity line without a result: dropped")
		}
		p.identity, p.warnings, p.attached = rec, nil, nil
	case "warn":
		p.warnings = append(p.warnings, p.intern(rec.Get("text")))
	case "attach":
		p.attached = append(p.attached, Attachment{rec.Get("kind"), rec.Get("path"), rec.Get("sha256")})
	case "result":
		p.hidden(rec)
	case "contend":
		p.set.Records = append(p.set.Records, rec)
		if v, _ := strconv.Atoi(rec.Get("protocol")); v > Protocol {
			p.note(rec.Line, fmt.Sprintf("written by a newer contend (protocol %d, this one reads up to %d): some of it may be missed", v, Protocol))
		}
	case "begin":
	default:
		p.set.Records = append(p.set.Records, rec)
	}
}

// hidden reads the result of an invalid sample, which may be a bare name.
func (p *parser) hidden(rec Record) {
	line := rec.Get("line")
	res := &benchfmt.Result{}
	br := benchfmt.NewReader(strings.NewReader(line+"\n"), p.file)
	for br.Scan() {
		if r, ok := br.Result().(*benchfmt.Result); ok {
			res = r
		}
	}
	s := p.sample([]byte(strings.Fields(line + " Benchmark")[0]), res, rec.Line)
	if s.Invalid == "" {
		id := *s.Identity
		id.Invalid = "hidden by its writer, without a reason"
		s.Identity = &id
	}
}

func (p *parser) result(res *benchfmt.Result, line int) {
	p.configure(res.Config)
	p.full = append(append(p.full[:0], "Benchmark"...), res.Name...)
	p.sample(p.full, res, line)
}

// sample adds the sample that the pending identity line announced.
func (p *parser) sample(full []byte, res *benchfmt.Result, line int) *Sample {
	if len(p.samples) == 0 {
		p.samples = make([]Sample, chunk)
	}
	s := &p.samples[0]
	p.samples = p.samples[1:]
	values := p.measured(res, line)
	*s = Sample{Shared: p.shared(full), Identity: p.identify(), Iters: res.Iters, Values: values, Line: line}
	p.set.Samples = append(p.set.Samples, s)
	return s
}

// chunk is how many samples and values are allocated at once.
const chunk = 1024

// measured copies the measurements, without those that are no finite number,
// and makes p.units theirs.
func (p *parser) measured(res *benchfmt.Result, line int) []float64 {
	if n := len(res.Values); cap(p.values)-len(p.values) < n {
		p.values = make([]float64, 0, max(n, chunk))
	}
	first := len(p.values)
	p.seen = p.seen[:0]
	for _, v := range res.Values {
		unit, x := v.Unit, v.Value
		if v.OrigUnit != "" {
			unit, x = v.OrigUnit, v.OrigValue
		}
		switch {
		case x-x != 0:
			p.note(line, fmt.Sprintf("%v %s is no finite number: left out", x, unit))
			continue
		case x < 0 && neverNegative[unit]:
			p.note(line, fmt.Sprintf("%v %s cannot be: left out", x, unit))
			continue
		}
		p.seen, p.values = append(p.seen, unit), append(p.values, x)
	}
	if !slices.Equal(p.seen, p.units) {
		key := strings.Join(p.seen, " ")
		if _, known := p.set.layouts[key]; !known {
			p.set.layouts[key] = slices.Clone(p.seen)
		}
		p.units = p.set.layouts[key]
	}
	return p.values[first:len(p.values):len(p.values)]
}

// neverNegative are the units of which a negative value is a mistake of the text.
var neverNegative = map[string]bool{"ns/op": true, "sec/op": true, "ops/s": true, "B/op": true, "allocs/op": true, "MB/s": true}

// shared is what a sample of that name, in the units and under the
// configuration of now, has in common with others.
func (p *parser) shared(full []byte) *Shared {
	n, ok := p.set.names[string(full)]
	if !ok {
		n = new(parsedName)
		n.name, n.suffix = ParseName(string(full))
		p.set.names[string(full)] = n
	}
	for _, s := range slices.Backward(n.shared) {
		if !sameMap(s.Config, p.config) || s.Run != p.run || s.File != p.file {
			break // of an earlier part, which does not come back
		}
		if sameList(s.Units, p.units) {
			return s
		}
	}
	s := &Shared{Name: n.name, Units: p.units, Config: p.config, Run: p.run, OneProcess: n.suffix, File: p.file}
	n.shared = append(n.shared, s)
	return s
}

// sameList reports whether two lists are one.
func sameList(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// nobody is the identity of samples in text that is not ours.
var nobody = &Identity{Block: -1}

// identify takes what the records before the result say of it.
func (p *parser) identify() *Identity {
	if !p.dangling() && len(p.warnings) == 0 && len(p.attached) == 0 {
		return nobody
	}
	id := &Identity{Block: -1, Warnings: p.warnings, Attachments: p.attached}
	if p.dangling() {
		id.Cell, id.Variant, id.Invalid = p.intern(p.identity.Get("cell")), p.intern(p.identity.Get("variant")), p.intern(p.identity.Get("invalid"))
		id.Failed = p.identity.Get("failed") == "1"
		if b, err := strconv.Atoi(p.identity.Get("block")); err == nil {
			id.Block = b
		}
	}
	p.identity, p.warnings, p.attached = Record{}, nil, nil
	return id
}

// intern keeps one copy of each text.
func (p *parser) intern(text string) string {
	if _, ok := p.set.words[text]; !ok {
		text = strings.Clone(text) // not the whole line
		p.set.words[text] = text
	}
	return p.set.words[text]
}

// noise are the words before a colon in what the testing package, the runtime
// and the linker print between results. benchfmt takes such lines, like any
// "word: text", for configuration, which would split the samples.
var noise = map[string]bool{"testing": true, "panic": true, "ld": true, "warning": true, "error": true}

// noisy reports whether a line of the form of configuration is none. "note:" is:
// it is the example of the format's own proposal; but the go command prints a
// note of its own.
func noisy(c benchfmt.Config) bool {
	return noise[c.Key] || c.Key == "note" && bytes.HasPrefix(c.Value, []byte("module requires Go"))
}

// configure makes a new configuration map when the text changed it.
func (p *parser) configure(config []benchfmt.Config) {
	same := p.config != nil && len(config) == len(p.last)
	for i := 0; same && i < len(config); i++ {
		same = config[i].Key == p.last[i].Key && bytes.Equal(config[i].Value, p.last[i].Value)
	}
	if same {
		return
	}
	p.config = make(map[string]string, len(config))
	p.last = make([]benchfmt.Config, len(config))
	for i, c := range config {
		if !noisy(c) {
			p.config[c.Key] = string(c.Value)
		}
		p.last[i] = benchfmt.Config{Key: c.Key, Value: bytes.Clone(c.Value)}
	}
}

// syntaxError notes a line that looks like a result and is none. `go test -v`
// prints every benchmark's name alone before its result: that is no error.
func (p *parser) syntaxError(e *benchfmt.SyntaxError, line int) {
	if strings.Contains(e.Msg, "missing iteration count") {
		return
	}
	if strings.HasPrefix(e.Msg, "metadata better of unit") {
		p.contrary = cmp.Or(p.contrary, fmt.Sprintf("%s:%d: %s", p.file, line, e.Msg))
		return
	}
	p.note(line, e.Msg)
}

func (p *parser) unit(u *benchfmt.UnitMetadata) {
	if u.Key != "better" {
		return
	}
	unit := u.OrigUnit
	if unit == "" {
		unit = u.Unit
	}
	better, ok := map[string]Better{"higher": Higher, "lower": Lower}[u.Value]
	if !ok {
		return
	}
	if before := p.set.Better[unit]; before != Neither && before != better {
		_, line := u.Pos()
		p.contrary = cmp.Or(p.contrary, fmt.Sprintf("%s:%d: unit %s is better=%s, and better=%s in a file before", p.file, line, unit, better, before))
		return
	}
	p.set.Better[unit] = better
}

// Direction is how a unit improves: as the text states it, else as our list
// says, else by the habits of Go benchmarks (time, bytes and counts per
// operation improve downwards, anything per second upwards).
func (s *Set) Direction(unit string) Better {
	if b, ok := s.Better[unit]; ok {
		return b
	}
	if u, ok := LookupUnit(unit); ok {
		return u.Better
	}
	switch {
	case strings.HasSuffix(unit, "/s"), strings.HasSuffix(unit, "/sec"):
		return Higher
	case strings.HasSuffix(unit, "/op"), strings.HasSuffix(unit, "-ns"), strings.HasSuffix(unit, "ns"),
		strings.HasSuffix(unit, "-bytes"), strings.HasSuffix(unit, "sec"):
		return Lower
	}
	return Neither
}
