package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// Options is where and with what a plan is carried out.
type Options struct {
	Dir string // the run folder; made if there is none
	// Exe is the executable of each program that the plan's cells name; the
	// program "" is this executable if it is not given.
	Exe  map[string]string
	Host *host.Facts
	// Node tells this machine from others of its kind, see [host.Node]: another
	// node begins a new part of the run.
	Node string
	// Until is when the run ends though blocks of the plan are left: cells take longer
	// than expected on a busy host. The first block is measured in any case, as
	// without it nothing can be said. The zero time is no end.
	Until time.Time
	// Settled names the cells that need no more samples, given how many blocks are
	// complete, and whatever the samples file holds of later ones; they are not
	// measured again in this run. nil measures all blocks of all cells.
	Settled func(blocks int) (map[string]bool, error)
	// Pin keeps each cell's process on the first Procs CPUs of the host's fill
	// order.
	Pin bool
	// Provenance is added to the run's line in the samples file: the command,
	// the commit.
	Provenance []sample.Field
	// Read reads a cell's output, that of a failed one too: its error is the
	// reason of the invalid sample; see [Again]. nil is ReadProtocol.
	Read func(c Cell, o Output) (Printed, error)
	// Progress gets a line after cells, never during one; nil is silence.
	// Columns is the width of the terminal that it is, where the line is
	// rewritten in place; 0 if it is none.
	Progress io.Writer
	Columns  int
}

// Summary is what a run has come to.
type Summary struct {
	Measured int           // valid samples, of this command
	Reused   int           // those found finished in the run folder
	Invalid  []Failure     // the last attempt at each cell and block that has no valid sample
	Warned   int           // valid samples with warnings, reused ones included
	Cut      string        // what Options.Until kept from being measured; empty for nothing
	Blocks   int           // complete blocks of the plan
	Took     time.Duration // of this Run
	Notes    []string      // what was dropped or begun anew; Progress has got them at the start
	Time     Time          // of this command's processes
}

// Failure is an invalid sample.
type Failure struct {
	Name   string
	Block  int
	Reason string
	Left   []sample.Attachment // what the process left: standard error, traces up to its end
}

// Again is an error of [Options.Read]: by chance, the process measured something
// else than its cell. [Run] measures the cell again at once, and with it its
// variants in the block: were only the one repeated that fared badly, the pair
// would be biased. The second time, Output.Repeated is set.
type Again struct{ Reason string }

func (a *Again) Error() string { return a.Reason }

// Failed is an error of [Options.Read]: the program did not do what it was started for, as
// one that crashes does not, though it ended well.
type Failed struct{ Reason string }

func (f *Failed) Error() string { return f.Reason }

// ErrInterrupted is returned when the context was cancelled. What was measured
// is safe, and the same Run continues.
var ErrInterrupted = errors.New("interrupted")

// Run carries out the plan, or continues it. The run folder's samples file
// tells what is finished: those lines are never touched. The Summary is right
// also when an error is returned. Errors mean that the run could not go on: a
// folder with a different plan (ErrOtherPlan), a folder in use or not
// writable, a full disk, an executable that does not start. A cell that
// crashes or hangs is no error but an invalid sample.
func Run(ctx context.Context, p *Plan, opt Options) (Summary, error) {
	r, err := open(p, opt)
	if err != nil {
		return Summary{}, err
	}
	defer r.close()
	began := time.Now()
	err = r.run(ctx)
	r.progress.clear()
	r.sum.Took = time.Since(began)
	return r.sum, err
}

// run measures what the samples file lacks.
func (r *runner) run(ctx context.Context) error {
	for block := r.plan.First; block < r.plan.First+r.plan.Blocks; block++ {
		if err := r.leave(block); err != nil {
			return err
		}
		for _, group := range r.plan.order(block) {
			if r.settled[group[0].Name] {
				continue
			}
			if block > r.plan.First && r.late(group, block) {
				return r.cut(block)
			}
			if err := r.group(ctx, group, block); err != nil {
				return err
			}
		}
	}
	r.sum.Blocks = r.plan.Blocks
	if r.left == 0 {
		return nil
	}
	return r.log.Record(r.plan.sized(r.plan.Samples() - r.left)) // readers see that the run is complete
}

// late reports whether a group is to be measured that would not end in time.
func (r *runner) late(group []Cell, block int) bool {
	return !r.opt.Until.IsZero() && time.Now().Add(expect(group)).After(r.opt.Until) &&
		slices.ContainsFunc(group, func(c Cell) bool { return r.done[sampleKey{c.ID(), c.Variant, block}] == 0 })
}

// cut ends the run in a block that is not complete.
func (r *runner) cut(block int) error {
	r.sum.Blocks = block - r.plan.First
	r.sum.Cut = fmt.Sprintf("the time was over in block %d of %d", r.sum.Blocks+1, r.plan.Blocks)
	if r.sum.Blocks < leastCount {
		r.sum.Cut += fmt.Sprintf(", before the %d that an interval takes", leastCount)
	}
	return r.log.Record(sample.Record{Verb: VerbCut, Fields: []sample.Field{{Key: "blocks", Value: fmt.Sprint(block)}}})
}

// VerbCut is the record of a run that the clock ended, after so many complete blocks.
const VerbCut = "cut"

// leave drops the cells that are settled from a block on.
func (r *runner) leave(block int) error {
	if r.opt.Settled == nil || block == r.plan.First {
		return nil
	}
	names, err := r.opt.Settled(block)
	if err != nil {
		return err
	}
	before := len(r.settled)
	for _, c := range r.plan.Cells {
		if !names[c.Name] || r.settled[c.Name] && r.leftAt[c.Name] != block {
			continue
		}
		r.settled[c.Name], r.leftAt[c.Name] = true, block
		for b := block; b < c.blocks(r.plan); b++ {
			if r.done[sampleKey{c.ID(), c.Variant, b}] == 0 {
				r.left++
				r.progress.leave(c)
			}
		}
	}
	if n := len(r.settled); n > before {
		r.progress.clear()
		fmt.Fprintf(r.progress.w, "%s clear after %d blocks and left\n", Count(n, "cell is", "cells are"), block)
	}
	return nil
}

func expect(group []Cell) (d time.Duration) {
	for _, c := range group {
		d += c.Expect
	}
	return d
}

// runner is a plan under way. It is used by one goroutine.
type runner struct {
	plan     *Plan
	opt      Options
	exe      map[string]executable
	fill     []int // CPUs in fill order, nil without Pin
	log      *sample.Log
	unlock   func()
	settled  map[string]bool   // cells that are left, by name
	leftAt   map[string]int    // from which block on
	left     int               // processes that are not started for that
	done     map[sampleKey]int // valid samples of this part; none for those to be measured
	earlier  map[sampleKey]int // samples in the file, of all parts: a new process has a prefix of its own
	sum      Summary
	progress *progress
}

// sampleKey identifies one process's samples within a part of the run.
type sampleKey struct {
	cell, variant string
	block         int
}

// executable is one variant's program, with what tells whether it was changed.
type executable struct {
	path, hash string
	info       os.FileInfo
}

func open(p *Plan, opt Options) (_ *runner, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if opt.Read == nil {
		opt.Read = ReadProtocol
	}
	r := &runner{plan: p, opt: opt, settled: map[string]bool{}, leftAt: map[string]int{}, done: map[sampleKey]int{}, earlier: map[sampleKey]int{}}
	if opt.Pin {
		r.fill = opt.Host.FillOrder()
	}
	if r.exe, err = executables(p, opt.Exe); err != nil {
		return nil, err
	}
	if r.opt.Dir, err = filepath.Abs(opt.Dir); err != nil {
		return nil, err
	}
	if err := MakeFolder(r.opt.Dir); err != nil {
		return nil, err
	}
	if r.unlock, err = lock(r.opt.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := p.store(r.opt.Dir); err != nil {
		return nil, err
	}
	if r.log, err = sample.Open(r.opt.Dir); err != nil {
		return nil, err
	}
	if r.log.Dropped != "" {
		r.sum.Notes = append(r.sum.Notes, r.log.Dropped)
	}
	if err := r.resume(); err != nil {
		return nil, err
	}
	r.progress = newProgress(p, r.done, opt)
	for _, n := range r.sum.Notes {
		fmt.Fprintln(r.progress.w, n)
	}
	return r, nil
}

func (r *runner) close() {
	if r.log != nil {
		r.log.Close()
	}
	r.unlock()
}

// executables finds and hashes the programs of all variants.
func executables(p *Plan, paths map[string]string) (map[string]executable, error) {
	found := map[string]executable{}
	for _, c := range p.Cells {
		name := c.program()
		if _, ok := found[name]; ok {
			continue
		}
		path, ok := paths[name]
		if !ok && name == "" {
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			path, ok = self, true
		}
		if !ok {
			return nil, fmt.Errorf("variant %q has no executable", name)
		}
		e, err := newExecutable(path)
		if err != nil {
			return nil, err
		}
		found[name] = e
	}
	return found, nil
}

func newExecutable(path string) (executable, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return executable{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return executable{}, err
	}
	hash, err := HashFile(path)
	if err != nil {
		return executable{}, fmt.Errorf("%s: %w", path, err)
	}
	return executable{path, hash[:32], info}, nil
}

// changed reports an executable that is not the one that was hashed.
func (e executable) changed() error {
	info, err := os.Stat(e.path)
	if err != nil {
		return err
	}
	if info.Size() != e.info.Size() || !info.ModTime().Equal(e.info.ModTime()) {
		return fmt.Errorf("%s was changed during the run: run the command again to start a new part", e.path)
	}
	return nil
}

// resume reads what is finished, and begins a new part of the run unless the
// file ends with one of the same plan, executables and host.
func (r *runner) resume() error {
	set := new(sample.Set)
	f, err := os.Open(filepath.Join(r.opt.Dir, sample.FileName))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := set.Read(f, sample.FileName); err != nil {
		return err
	}
	run := r.identity()
	for _, s := range set.Samples {
		key := sampleKey{s.Cell, s.Variant, s.Block}
		r.earlier[key]++
		if s.Run != nil && s.Run.ID == run.ID && s.Valid() {
			r.done[key]++
			if len(s.Warnings) > 0 {
				r.sum.Warned++
			}
		}
	}
	if n := len(set.Runs); n > 0 {
		if set.Runs[n-1].ID == run.ID {
			return r.extend(set)
		}
		r.sum.Notes = append(r.sum.Notes, "the executable, the machine or its settings (CPUs, kernel, GOGC, --affinity) are not those of the samples before: a new part of the run begins, which is not pooled with the others")
	}
	records := append(r.plan.layout(), r.plan.Records...)
	for _, b := range r.opt.Host.Boundaries() {
		records = append(records, sample.Record{Verb: "boundary", Fields: []sample.Field{
			{Key: "after", Value: fmt.Sprint(b.After)}, {Key: "label", Value: b.Label}}})
	}
	config := r.opt.Host.Config()
	if r.opt.Pin {
		config = append(config, sample.Field{Key: "pinned", Value: "cores"})
	}
	return r.log.Begin(sample.Header{Run: run, Config: config, Records: records})
}

// extend records the size of a plan that has more or fewer blocks than the last time.
func (r *runner) extend(set *sample.Set) error {
	size, last := r.plan.size().String(), ""
	for _, rec := range set.Records {
		if rec.Verb == sample.VerbPlan && rec.Run == set.Runs[len(set.Runs)-1] {
			last = rec.String()
		}
	}
	if size == last {
		return nil
	}
	return r.log.Record(r.plan.size())
}

// identity names this part of the run: plan, executables, host and node.
func (r *runner) identity() sample.Run {
	var variants []string
	for v := range r.exe {
		variants = append(variants, v)
	}
	sort.Strings(variants)
	key := r.plan.id() + " " + r.opt.Host.Fingerprint()
	fields := []sample.Field{{Key: "seed", Value: fmt.Sprint(r.plan.Seed)}, {Key: "plan", Value: r.plan.id()}}
	for _, v := range variants {
		name := "exe"
		if v != "" {
			name += "." + v
		}
		key += " " + v + "=" + r.exe[v].hash
		fields = append(fields, sample.Field{Key: name, Value: "sha256:" + r.exe[v].hash})
	}
	if r.opt.Node != "" {
		key += " node=" + r.opt.Node
		fields = append(fields, sample.Field{Key: sample.NodeKey, Value: r.opt.Node})
	}
	if r.opt.Pin {
		key += " pinned"
		fields = append(fields, sample.Field{Key: "affinity", Value: "cores"})
	}
	fields = append(fields, r.opt.Provenance...)
	return sample.Run{ID: shortHash([]byte(key), 6), Fields: fields}
}

// group runs the variants of a cell once, and appends what came of it: all of
// them, as one may ask that all be run again.
func (r *runner) group(ctx context.Context, group []Cell, block int) error {
	var left []Cell
	for _, c := range group {
		if n := r.done[sampleKey{c.ID(), c.Variant, block}]; n > 0 {
			r.sum.Reused += n
		} else {
			left = append(left, c)
		}
	}
	for repeated := false; ; repeated = true {
		var outcomes []outcome
		again := false
		for _, c := range left {
			o, err := r.measure(ctx, c, block, repeated)
			if err != nil {
				return err
			}
			outcomes = append(outcomes, o)
			again = again || o.again
		}
		for _, o := range outcomes {
			if again {
				o.repeat()
			}
			if err := r.keep(o, block); err != nil {
				return err
			}
		}
		if !again {
			return nil
		}
	}
}

// outcome is what came of one process.
type outcome struct {
	cell    Cell
	output  Output
	entries []sample.Entry
	took    time.Duration
	again   bool // see [Again]
}

// repeat makes the outcome invalid, as the group is measured once more.
func (o *outcome) repeat() {
	if o.entries[0].Invalid == "" {
		o.entries[0].Invalid = "measured again beside its other variant"
	}
	o.entries = o.entries[:1]
	o.entries[0].Line, o.again = o.cell.Name, true
}

// measure runs one cell once.
func (r *runner) measure(ctx context.Context, c Cell, block int, repeated bool) (outcome, error) {
	exe := r.exe[c.program()]
	if err := exe.changed(); err != nil {
		return outcome{}, err
	}
	began := time.Now()
	o, err := r.start(ctx, c, exe.path, block)
	if ctx.Err() != nil {
		return outcome{}, ErrInterrupted
	}
	if err != nil {
		return outcome{}, fmt.Errorf("cell %s: %w", c.Name, err)
	}
	o.Repeated = repeated
	entries, again := r.entries(c, block, o)
	return outcome{c, o, entries, time.Since(began), again && !repeated}, nil
}

// keep appends an outcome to the samples.
func (r *runner) keep(o outcome, block int) error {
	if err := r.log.Add(o.entries...); err != nil {
		return err
	}
	r.earlier[sampleKey{o.cell.ID(), o.cell.Variant, block}]++
	r.sum.Time.add(o.cell, o.output, o.took, r.opt.Host.Usable())
	switch invalid := o.entries[0].Invalid; {
	case o.again:
	case invalid != "":
		r.sum.Invalid = append(r.sum.Invalid, Failure{Name: o.cell.Name, Block: block, Reason: invalid, Left: o.entries[0].Attachments})
	default:
		r.sum.Measured += len(o.entries)
		for _, e := range o.entries {
			if len(e.Warnings) > 0 {
				r.sum.Warned++
			}
		}
	}
	r.progress.cell(o.cell, o.entries[0], o.took, o.again)
	return nil
}

// prefix begins the names of a process's attachments. A cell that is tried
// again, or measured in another part of the run, leaves those of the earlier
// processes alone: samples name them.
func (r *runner) prefix(c Cell, block int) string {
	name := fmt.Sprintf("%s-%d%s", c.ID(), block, c.Variant)
	if n := r.earlier[sampleKey{c.ID(), c.Variant, block}]; n > 0 {
		name += fmt.Sprintf("+%d", n)
	}
	return name
}

// start runs the process, on its CPUs if they are to be kept.
func (r *runner) start(ctx context.Context, c Cell, exe string, block int) (o Output, err error) {
	prefix := r.prefix(c, block)
	c.Env = append([]string{"CONTEND_DIR=" + r.opt.Dir, "CONTEND_PREFIX=" + prefix}, c.Env...)
	known := strings.NewReplacer("${CONTEND_DIR}", r.opt.Dir, "${CONTEND_PREFIX}", prefix)
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = known.Replace(a)
	}
	c.Args = args
	before, began := r.opt.Host.Interference(), time.Now()
	defer func() {
		o.began, o.Wall = began, time.Since(began)
		o.Dir, o.Prefix, o.Other = r.opt.Dir, prefix, r.opt.Host.Interference().Sub(before)
	}()
	if r.fill == nil {
		return runProcess(ctx, c, exe, r.opt.Dir)
	}
	cpus := r.fill[:min(c.Procs, len(r.fill))]
	err = host.WithAffinity(cpus, func() (err error) {
		o, err = runProcess(ctx, c, exe, r.opt.Dir)
		return err
	})
	return o, err
}

// begins reports whether a file's name begins with a process's prefix.
func begins(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && strings.ContainsAny(rest[:1], ".-")
}

// entries judges what a process printed: one entry for each of its results, or
// one invalid entry. again asks that the process be run once more.
func (r *runner) entries(c Cell, block int, o Output) (entries []sample.Entry, again bool) {
	id := sample.Identity{Cell: c.ID(), Block: block, Variant: c.Variant}
	printed, err := r.opt.Read(c, o)
	switch {
	case err != nil:
		id.Invalid = err.Error()
	case o.Failed != "":
		id.Invalid = o.Reason()
	default:
		id.Invalid = mismatch(c, printed)
	}
	if id.Invalid != "" {
		var f *Failed
		id.Failed = o.Failed != "" || errors.As(err, &f) || err == nil && len(printed.Results) == 0
		id.Attachments = append(o.keepStderr(), o.left()...)
		var a *Again
		return []sample.Entry{{Identity: id, Line: c.Name}}, errors.As(err, &a)
	}
	id.Invalid = throttled(printed)
	for _, s := range printed.Results {
		e := sample.Entry{Identity: id, Line: s.line()}
		e.Warnings, e.Attachments = s.Warnings, s.Attachments
		e.Warnings = append(e.Warnings, r.warnings(&s)...)
		r.sum.Time.Warming += time.Duration(s.value("warmup-s") * float64(time.Second))
		entries = append(entries, e)
	}
	return entries, false
}

// throttled says that the quota stopped the process within a window; empty if
// it did not. It spoils all results of the process: those of the others would
// stand twice once the process is tried again.
func throttled(p Printed) string {
	for _, s := range p.Results {
		if ns := s.value("throttled-ns"); ns > 0 {
			return fmt.Sprintf("throttled by the CPU quota for %v", time.Duration(ns))
		}
	}
	return ""
}

// mismatch says why results do not belong to the cell; empty if they do.
func mismatch(c Cell, p Printed) string {
	if len(p.Results) == 0 {
		return "the process printed no result"
	}
	if p.Procs != 0 && p.Procs != c.Procs {
		return fmt.Sprintf("the process ran at GOMAXPROCS=%d instead of %d", p.Procs, c.Procs)
	}
	same := func(r *Result) bool { return r.Name.String() == c.Name }
	if len(p.Results) > 1 {
		want, _ := sample.ParseName(c.Name)
		same = func(r *Result) bool { return r.Name.Without(sample.GOMAXPROCS) == want.Without(sample.GOMAXPROCS) }
	}
	for _, s := range p.Results {
		if !same(&s) {
			return fmt.Sprintf("the process printed a result for %s", s.Name)
		}
		if len(s.Values) == 0 {
			return "the process printed a result without values"
		}
	}
	return ""
}

// StealWarning is the share of the CPUs' time above which other tenants are
// named beside the number. A percent is about what pairing in blocks resolves.
const StealWarning = 0.01

func (r *runner) warnings(s *Result) []string {
	var w []string
	if p := s.Name.Procs(); r.opt.Host.Oversubscribed(p) {
		w = append(w, fmt.Sprintf("oversubscribed: %d Ps on %g usable CPUs", p, r.opt.Host.Usable()))
	}
	if r.opt.Host.QuotaHidden {
		w = append(w, "quota unknown: the CPU limits of this container cannot be read, so nothing tells whether it was throttled")
	}
	if steal := s.value("steal"); steal > StealWarning {
		w = append(w, fmt.Sprintf("neighbours: the host took %.1f%% of the CPU time", 100*steal))
	}
	return w
}

// keepStderr stores what an invalid cell printed there.
func (o Output) keepStderr() []sample.Attachment {
	if len(strings.TrimSpace(string(o.Stderr))) == 0 {
		return nil
	}
	name := "stderr/" + o.Prefix + ".txt"
	full := filepath.Join(o.Dir, filepath.FromSlash(name))
	if os.MkdirAll(filepath.Dir(full), 0o755) != nil || whole.WriteBytes(full, o.Stderr) != nil {
		return nil // the reason is in the sample; the sample's own write reports a full disk
	}
	sum := sha256.Sum256(o.Stderr)
	return []sample.Attachment{{Kind: "stderr", Path: name, SHA256: hex.EncodeToString(sum[:])}}
}

// Partial is the suffix of an attachment that is still being written. What a
// process that ended badly leaves under such a name is attached to its sample.
const Partial = ".tmp"

// fileClock is how far the time of a file may lag behind the clock: file systems
// take the kernel's last tick.
const fileClock = 50 * time.Millisecond

// left are the files that an invalid cell wrote, complete or not: a trace can be
// read up to where it breaks off. Their kind is told by their names.
func (o Output) left() (as []sample.Attachment) {
	dirs, _ := os.ReadDir(o.Dir)
	for _, d := range dirs {
		if !d.IsDir() || d.Name() == "stderr" {
			continue
		}
		files, _ := os.ReadDir(filepath.Join(o.Dir, d.Name()))
		for _, f := range files {
			name := f.Name()
			info, err := f.Info()
			if !begins(name, o.Prefix) || err != nil || info.ModTime().Before(o.began.Add(-fileClock)) || info.Size() == 0 {
				continue // not of this process, or nothing to read
			}
			sum, err := HashFile(filepath.Join(o.Dir, d.Name(), name))
			if err != nil {
				continue // as for standard error
			}
			kind := strings.TrimPrefix(path.Ext(strings.TrimSuffix(name, Partial)), ".")
			as = append(as, sample.Attachment{Kind: kind, Path: path.Join(d.Name(), name), SHA256: sum})
		}
	}
	return as
}

// HashFile is a file's SHA-256 in hexadecimal, as attachments carry it.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
