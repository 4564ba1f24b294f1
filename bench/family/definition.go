package family

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

// Base is what the cells of all families have. A cell type embeds it.
type Base struct {
	Procs int           `json:"procs"` // GOMAXPROCS
	Time  time.Duration `json:"time"`  // the timed window
	Seed  uint64        `json:"seed,omitempty"`
	Probe string        `json:"probe,omitempty"`
	Tour  []int         `json:"tour,omitempty"` // GOMAXPROCS steps within one process
}

func (b *Base) base() *Base { return b }

// A cell is a pointer to a type that embeds [Base].
type cell[C any] interface {
	*C
	base() *Base
}

// CPUWork is a time that a cell spends outside of what it measures, and where it
// keeps the units that take it on this host, see [Work].
type CPUWork struct {
	Time  time.Duration
	Units *int
}

// Absence is why a cell does not apply. Cells that differ in the keys of But
// only are listed as one.
type Absence struct {
	Reason string
	But    []string
	// Lacking marks what could be installed: a sweep says so before it begins.
	Lacking bool
}

// Definition is a family whose cells are the combinations of its axes. C is one
// cell as data: JSON is how it travels to its process.
type Definition[C any] struct {
	Name, About, Question string // see [Family]
	Lists                 []List
	Examples              []string

	Benchmark string // base of the benchmark names: "Cache"
	Variable  string // environment variable of the cell; CONTEND_ and the name in capitals if empty

	// Columns are the axes, in the order of the name; the last tells the series of
	// a chart apart.
	Columns []Column[C]
	// X is the key of the axis along which reports draw; gomaxprocs if empty. Along
	// chooses another for the cells of a plan; nil or "" is X.
	X     string
	Along func(cells []C) string

	// Check refuses values that no cell could be made of; nil where each axis
	// does so by itself.
	Check func(Values) error
	// Complete sets what a cell's other values decide; nil where nothing is.
	Complete func(c *C) error
	// Exists tells combinations that mean something from those that do not; nil
	// where all do.
	Exists func(c *C) bool
	// Work lists the CPU work of a cell; nil where it has none.
	Work func(c *C) []CPUWork
	// Absent says why a cell does not apply here; nil where all do.
	Absent func(c *C, h *host.Facts) Absence
	// Ready says what outside of this program would fail all processes of the cells; see [Family].
	Ready func(ctx context.Context, cells []C) (warnings []string, err error)
	// Quick are the words that axes take under --quick where none were given.
	Quick Values
	// Blocks is how many of the sweep's blocks hold the cell; nil: all hold each.
	Blocks func(c *C, count int) int
	// Fewer says why Blocks gives some cells less than was asked for, in a clause.
	Fewer string
	// Expect is how long the cell's process should take.
	Expect func(c *C) time.Duration
	// Tour makes the cell that steps through all values of GOMAXPROCS in one
	// process; ok is false for a cell that does not. nil: there are no tours.
	Tour func(c C, procs []int) (tour C, ok bool)
	// Records are what the samples file says of the subjects that were chosen;
	// nil where it says nothing.
	Records func(cells []C) []sample.Record

	// Measure measures a cell, in its own process.
	Measure func(c *C, h *host.Facts, probe bench.Probe, w bench.Window) (bench.Printed, error)
}

// New makes the family.
func New[C any, P cell[C]](d Definition[C]) Family {
	if d.Variable == "" {
		d.Variable = "CONTEND_" + strings.ToUpper(strings.ReplaceAll(d.Name, "-", "_"))
	}
	if d.X == "" {
		d.X = sample.GOMAXPROCS
	}
	t := table[C, P]{d}
	f := Family{Name: d.Name, About: d.About, Question: d.Question, Subject: d.Columns[len(d.Columns)-1].Key, X: d.X, Lists: d.Lists, Examples: d.Examples, Variable: d.Variable, Plan: t.plan, Child: t.child}
	if d.Ready != nil {
		f.Ready = t.ready
	}
	for _, col := range d.Columns {
		if col.Flag != "" {
			f.Axes = append(f.Axes, col.Axis)
		}
	}
	return f
}

// keyProbe is the key that tells traced cells apart. A family without a column of that key is not traced.
const keyProbe = "probe"

// table is a Definition at work.
type table[C any, P cell[C]] struct{ Definition[C] }

// plan crosses the axes. A combination that does not apply is listed in the plan
// as absent, with the reason; if none is left, that is an error. A plan that the
// run folder already holds lends its calibration, so that the same command gives
// the same plan.
func (t table[C, P]) plan(s *Sweep) (*bench.Plan, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if (s.TraceCells() || s.TraceTour()) && !slices.ContainsFunc(t.Columns, func(c Column[C]) bool { return c.Key == keyProbe }) {
		return nil, fmt.Errorf("--trace %s: no traces are taken of %s; take none", s.Trace, t.Name)
	}
	if t.Tour == nil && s.TraceTour() {
		return nil, fmt.Errorf("--trace: %s have no tour; take cells or none", t.Name)
	}
	procs, err := t.procs(s)
	if err != nil {
		return nil, err
	}
	if s.Quick {
		s.Values = s.Values.or(t.Quick)
	}
	if t.Check != nil {
		if err := t.Check(s.Values); err != nil {
			return nil, err
		}
	}
	cells, err := t.Cells(s.Values)
	if err != nil {
		return nil, err
	}
	units := t.calibrate(s, cells)
	return s.Fit(func() (*bench.Plan, error) { return t.build(s, cells, procs, units) })
}

// Cells are the combinations of the axes' values, completed and each once, at no
// GOMAXPROCS yet.
func (d *Definition[C]) Cells(v Values) ([]C, error) {
	all, err := cross(d.Columns, v)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var cells []C
	for _, c := range all {
		if d.Complete != nil {
			if err := d.Complete(&c); err != nil {
				return nil, err
			}
		}
		if d.Exists != nil && !d.Exists(&c) {
			continue
		}
		if n := d.NameOf(&c).String(); !seen[n] {
			seen[n] = true
			cells = append(cells, c)
		}
	}
	return cells, nil
}

// NameOf is a cell's benchmark name, but for its gomaxprocs.
func (d *Definition[C]) NameOf(c *C) *sample.Name { return nameOf(d.Benchmark, d.Columns, c) }

func (t table[C, P]) name(c *C, procs int) *sample.Name {
	return t.NameOf(c).With(sample.GOMAXPROCS, strconv.Itoa(procs))
}

func (t table[C, P]) build(s *Sweep, cells []C, procs []int, units map[time.Duration]int) (*bench.Plan, error) {
	plan := s.NewPlan()
	plan.Records = append(plan.Records, t.axis(cells))
	absent := absences{why: map[string]string{}, lacking: map[string]bool{}}
	fewer := map[int]int{} // cells by their blocks, where these are less than was asked for
	for _, c := range cells {
		b := P(&c).base()
		b.Time, b.Seed = s.Time, s.Seed
		for _, w := range t.works(&c) {
			*w.Units = units[w.Time]
		}
		for _, b.Procs = range procs {
			if t.Absent != nil {
				if a := t.Absent(&c, s.Host); a.Reason != "" {
					absent.add(t.name(&c, b.Procs), a)
					continue
				}
			}
			blocks := 0
			if t.Blocks != nil {
				blocks = t.Blocks(&c, s.Count)
			}
			if blocks > 0 && blocks < s.Count {
				fewer[blocks]++
			}
			plan.Cells = append(plan.Cells, t.planned(c, blocks))
			if s.TraceCells() {
				probed := c
				P(&probed).base().Probe = "trace"
				plan.Cells = append(plan.Cells, t.planned(probed, s.TraceBlocks))
			}
			if s.TraceTour() && b.Procs == slices.Max(procs) {
				if tour, ok := t.Tour(c, procs); ok {
					plan.Cells = append(plan.Cells, t.planned(tour, 1))
				}
			}
		}
	}
	if len(plan.Cells) == 0 {
		return nil, fmt.Errorf("nothing to measure: %s", &absent)
	}
	for _, blocks := range slices.Sorted(maps.Keys(fewer)) {
		plan.Records = append(plan.Records, sample.Record{Verb: "note", Fields: []sample.Field{{Key: "text",
			Value: fmt.Sprintf("repetitions: %d instead of %d in %d of the cells: %s", blocks, s.Count, fewer[blocks], t.Fewer)}}})
	}
	if t.Records != nil {
		plan.Records = append(plan.Records, t.Records(cells)...)
	}
	plan.Records = append(plan.Records, absent.records()...)
	return plan, nil
}

// procs are the values of GOMAXPROCS. A family with another axis is measured at
// one, unless it is told otherwise: what the host has.
func (t table[C, P]) procs(s *Sweep) ([]int, error) {
	list, err := bench.ParseProcs(s.Procs, s.Host)
	if err == nil && s.Procs == bench.AutoProcs && t.X != sample.GOMAXPROCS {
		list = []int{s.Host.MaxProcs()}
	}
	return list, err
}

// axis is the record that tells reports along which key to draw, and which key
// tells series apart.
func (t table[C, P]) axis(cells []C) sample.Record {
	key := t.X
	if t.Along != nil {
		key = cmp.Or(t.Along(cells), key)
	}
	return sample.AxisRecord(sample.Axis{Base: t.Benchmark, Key: key, Series: t.Columns[len(t.Columns)-1].Key})
}

func (t table[C, P]) works(c *C) []CPUWork {
	if t.Work == nil {
		return nil
	}
	return t.Work(c)
}

// planned is the cell as the harness takes it.
func (t table[C, P]) planned(c C, blocks int) bench.Cell {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a cell is numbers and strings
	}
	b := P(&c).base()
	return bench.Cell{
		Name: t.name(&c, b.Procs).String(), Procs: b.Procs, Env: []string{t.Variable + "=" + string(text)},
		Blocks: blocks, Expect: t.Expect(&c),
	}
}

// calibrate finds the units of every work time, or takes those of the plan in
// the run folder.
func (t table[C, P]) calibrate(s *Sweep, cells []C) map[time.Duration]int {
	units := map[time.Duration]int{}
	if t.Work == nil {
		return units
	}
	if old, err := bench.LoadPlan(filepath.Join(s.Out, bench.PlanFile)); err == nil {
		for _, p := range old.Cells {
			if c, ok := t.decode(p.Env); ok {
				for _, w := range t.Work(&c) {
					units[w.Time] = *w.Units
				}
			}
		}
	}
	for _, c := range cells {
		for _, w := range t.Work(&c) {
			if _, ok := units[w.Time]; !ok {
				units[w.Time] = CalibrateWork(w.Time)
			}
		}
	}
	return units
}

// decode finds a cell of this family in the environment of its process.
func (t table[C, P]) decode(env []string) (c C, ok bool) {
	for _, v := range env {
		if text, found := strings.CutPrefix(v, t.Variable+"="); found {
			return c, json.Unmarshal([]byte(text), &c) == nil
		}
	}
	return c, false
}

// ready is Ready of the plan's cells.
func (t table[C, P]) ready(ctx context.Context, plan *bench.Plan) ([]string, error) {
	var cells []C
	for _, p := range plan.Cells {
		if c, ok := t.decode(p.Env); ok {
			cells = append(cells, c)
		}
	}
	return t.Ready(ctx, cells)
}

// child measures the cell that the environment holds.
func (t table[C, P]) child(text string, probes bench.Probes, out io.Writer) error {
	var c C
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("%s: %w", t.Variable, err)
	}
	b := P(&c).base()
	name := t.name(&c, b.Procs).String()
	probe, err := probes.New(b.Probe)
	if err != nil {
		return fmt.Errorf("cell %s: %w", name, err)
	}
	facts := host.Read()
	p, err := t.Measure(&c, &facts, probe, bench.Window{
		Name: name, Procs: b.Procs, Planned: b.Time,
		Dir: os.Getenv("CONTEND_DIR"), Prefix: os.Getenv("CONTEND_PREFIX"),
	})
	if err == nil && len(p.Results) == 0 {
		err = errors.New("no result")
	}
	if err != nil {
		return fmt.Errorf("cell %s: %w", name, err)
	}
	for i := range p.Results {
		r := &p.Results[i]
		if r.Name == nil { // a step of a tour says at which GOMAXPROCS it was
			r.Name = t.name(&c, b.Procs)
		}
	}
	return p.Write(out)
}

// absences are the combinations that do not apply, each listed once.
type absences struct {
	order []string
	why   map[string]string

	lacking map[string]bool
}

func (a *absences) add(name *sample.Name, absent Absence) {
	key := name.Without(append(absent.But, sample.GOMAXPROCS)...)
	if _, ok := a.why[key]; !ok {
		a.order = append(a.order, key)
		a.why[key] = absent.Reason
		a.lacking[key] = absent.Lacking
	}
}

func (a *absences) records() (list []sample.Record) {
	for _, name := range a.order {
		fields := []sample.Field{{Key: "name", Value: name}, {Key: "reason", Value: a.why[name]}}
		if a.lacking[name] {
			fields = append(fields, sample.Field{Key: "lacking", Value: "true"})
		}
		list = append(list, sample.Record{Verb: "absent", Fields: fields})
	}
	return list
}

func (a *absences) String() string {
	if len(a.order) == 0 {
		return "no combination of the axes"
	}
	first := a.order[0]
	such := ": "
	if len(a.order) > 1 {
		such = ", such as "
	}
	return bench.Count(len(a.order), "combination does", "combinations do") + " not apply" + such + first + ": " + a.why[first]
}
