// Package html writes a report as one page that works offline, forever: its
// styles, its script, its data and the raw samples are inside, and it loads
// nothing.
package html

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/report/internal/strip"
)

// Page is what a report's page shows.
type Page struct {
	View     *derive.View
	Set      *sample.Set
	Findings []derive.Finding
	Answers  []Table // what the page begins with; one without rows is its About

	Raw       []Raw     // the samples as text, for download
	Pictures  []Picture // shown where scripts do not run
	Inline    []Inline
	Timelines []strip.Strip
	Tables    []Table // such as the worst lock sites

	most *derive.Estimate // see usual
}

// Raw is a text offered for download.
type Raw struct {
	Name   string // of the file, without folder
	Gzip   []byte // its content, compressed
	Beside bool   // there is no content: the file lies beside the page
}

// Picture is a chart of a facet as PNG.
type Picture struct {
	Facet *derive.Facet
	Title string
	PNG   []byte
}

// Inline is a picture as SVG with the page's own colours.
type Inline struct{ Title, SVG string }

// Table is a table of texts under its own heading.
type Table = derive.Table

//go:embed page.tmpl
var page string

//go:embed style.css
var style string

//go:embed app.js
var script string

var tmpl = template.Must(template.New("page").Funcs(template.FuncMap{
	"png":     func(b []byte) template.URL { return dataURL("image/png", b) },
	"gzip":    func(b []byte) template.URL { return dataURL("application/gzip", b) },
	"svg":     func(s string) template.HTML { return template.HTML(s) }, // of our own drawing, which escapes texts
	"format":  derive.Format,
	"field":   derive.FieldText,
	"numeric": func(t Table, i int) bool { return i < len(t.Numeric) && t.Numeric[i] },
	"places":  places,
	"first":   func(n int, fs []derive.Finding) []derive.Finding { return fs[:min(n, len(fs))] },
	"once":    derive.NextOnce,
	"long":    func(s string) bool { return utf8.RuneCountInString(s) > longText },
	"words":   func() [][2]string { return Glossary },
	"kib":     func(b []byte) string { return strconv.Itoa((len(b)+1023)/1024) + " KiB" },
}).Parse(page))

// longText is from how many letters on a cell's text wraps.
const longText = 48

// places names the first points of a warning, and how many more there are.
func places(where []string) string {
	const most = 4
	if len(where) <= most {
		return strings.Join(where, "; ")
	}
	return fmt.Sprintf("%s; and %d more points", strings.Join(where[:most-1], "; "), len(where)-most+1)
}

func dataURL(kind string, b []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b))
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	m, err := p.model()
	if err != nil {
		return err
	}
	return tmpl.Execute(w, m)
}

// model is what the template reads.
type model struct {
	*Page
	Title   string
	Policy  template.HTMLAttr // content security policy
	Style   template.CSS
	Script  template.JS
	Data    template.JS // JSON, in a block that is not executed
	Head    head
	Facets  []facetModel
	Hosts   Table
	Runs    []runModel
	Host    []string // a line each
	Promise Table
	Kept    Table // promises against what was observed
	Absent  Table
	Needs   Table
	Notes   []string
	Unread  []string
	Files   []string // that the samples were read from

	Lanes []lanes
	Usual derive.Estimate // its basis is that of most estimates, which need not be said at each
}

// head is what the page says first, by kind.
type head struct {
	States, Leaders, Blamed, Unknown, Warnings []derive.Finding

	Answers []Table
	Matrix  matrix
	Paced   bool // open loads: what callers wait
	Ranked  bool // something competes, and the first answer does not say what changed between two builds or runs
	Procs   bool // the axis is GOMAXPROCS, so that a reader asks where CPUs wait
}

// matrix is the series' standing under each of several conditions.
type matrix struct {
	Names []string
	Rows  []matrixRow
	Broke bool // locks that did not exclude are among them

	Grouped bool // some rows are of locks, or of what does without
}

// mostAcross is how many names a sheet of paper has room for beside each other.
const mostAcross = 7

// Parts are the matrix for paper: several where its names do not stand on one sheet.
func (m matrix) Parts() (parts []matrix) {
	n := (len(m.Names) + mostAcross - 1) / mostAcross
	for i := range n {
		from, to := i*len(m.Names)/n, (i+1)*len(m.Names)/n
		part := matrix{Names: m.Names[from:to]}
		for _, row := range m.Rows {
			part.Rows = append(part.Rows, matrixRow{row.Facet, row.Contest, row.Cells[from:to]})
		}
		parts = append(parts, part)
	}
	return parts
}

type matrixRow struct {
	*derive.Facet
	Contest *derive.Contest
	Cells   []matrixCell
}

type matrixCell struct{ Text, Title, Class string }

type facetModel struct {
	*derive.Facet
	Index    int
	Usual    derive.Estimate // that of the page
	Sections []shown
	Findings []derive.Finding // that are not on the first screen
	Pictures []Picture
	Commands []string
}

// runModel is the provenance of one run.
type runModel struct {
	ID, Command string
	Fields      []sample.Field
}

// noCommit stands where a run does not say which source its program was built from.
const noCommit = "not recorded: the program was built without it; go build in a git checkout records it, unless -buildvcs=false says not to"

func (p *Page) model() (*model, error) {
	data, err := p.data()
	if err != nil {
		return nil, err
	}
	m := &model{
		Page:    p,
		Title:   p.title(),
		Style:   template.CSS(style),
		Script:  template.JS(script),
		Data:    template.JS(data),
		Head:    p.head(),
		Hosts:   p.hosts(),
		Host:    p.host(),
		Promise: p.records("backend"),
		Kept:    p.records("promise"),
		Needs:   p.needs(),
		Absent:  p.absent(),
		Usual:   p.usual(),
		Lanes:   p.lanes(),
	}
	m.Policy = template.HTMLAttr(fmt.Sprintf(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'"`,
		hash(script)))
	for i, f := range p.View.Facets {
		fm := facetModel{Facet: f, Index: i, Usual: p.usual(), Sections: sectionsOf(p.View, f)}
		for _, fd := range f.Findings {
			if fd.Kind != derive.Unknown && (f.Slug != "" || fd.Kind != derive.Leader) {
				fm.Findings = append(fm.Findings, fd)
			}
		}
		for _, pic := range p.Pictures {
			if pic.Facet == f {
				fm.Pictures = append(fm.Pictures, pic)
			}
		}
		for _, unit := range []string{"ops/s", "ns/op", "cpu-ns/op"} {
			if measured(f, "u:"+unit) {
				fm.Commands = append(fm.Commands, f.Benchstat(unit, p.rawName()))
			}
		}
		m.Facets = append(m.Facets, fm)
	}
	for _, s := range p.Set.Samples {
		if len(m.Files) == 0 || m.Files[len(m.Files)-1] != s.File { // files are read one after the other
			m.Files = append(m.Files, s.File)
		}
	}
	m.runs()
	return m, nil
}

// Wide reports whether the answers want the whole width: those of open loads have many columns, and conditions may have
// long names.
func (h head) Wide() bool {
	const half = 80 // letters that half of the width has room for
	return h.Paced || slices.ContainsFunc(h.Answers, func(t Table) bool { return letters(t) > half })
}

// letters are how many the table has room for beside each other.
func letters(t Table) (n int) {
	for i, head := range t.Columns {
		most := utf8.RuneCountInString(head)
		for _, row := range t.Rows {
			most = max(most, utf8.RuneCountInString(row[i]))
		}
		n += most + 3
	}
	return n
}

// head sorts the findings by what the page shows them as.
func (p *Page) head() (h head) {
	by := map[derive.Kind][]derive.Finding{}
	for _, f := range p.Findings {
		by[f.Kind] = append(by[f.Kind], f)
	}
	any := func(is func(f *derive.Facet) bool) bool { return slices.ContainsFunc(p.View.Facets, is) }
	h = head{States: by[derive.State], Leaders: by[derive.Leader], Blamed: by[derive.Blame], Unknown: by[derive.Unknown], Warnings: by[derive.Warnings], Answers: p.Answers}
	h.Paced = any(func(f *derive.Facet) bool { return f.Paced })
	h.Ranked = p.View.Sides[0] == "" && any((*derive.Facet).Competes)
	h.Procs = any(func(f *derive.Facet) bool { return f.X.Procs() })
	if len(p.View.Facets) > 1 {
		h.Matrix = p.matrix()
	}
	return h
}

// standings are the classes of the matrix's cells.
var standings = map[derive.Standing]string{derive.First: "first", derive.Tied: "tied", derive.Slower: "slower", derive.Open: "unsure", derive.Broken: "broken", derive.Reference: "reference"}

// matrix has a row for each contest of the facets whose series compete, and a column for each series.
func (p *Page) matrix() (m matrix) {
	for _, f := range p.View.Facets {
		if !f.Competes() {
			continue
		}
		for _, c := range f.Contests {
			m.Broke = m.Broke || slices.ContainsFunc(c.Ranks, func(r derive.Rank) bool { return r.Standing == derive.Broken })
			m.Grouped = m.Grouped || c.Group != ""
			m.Rows = append(m.Rows, matrixRow{f, c, p.cells(c)})
		}
	}
	if len(m.Rows) > 0 {
		m.Names = p.View.Names
	}
	return m
}

// cells are those of a contest's row.
func (p *Page) cells(of *derive.Contest) []matrixCell {
	cells := make([]matrixCell, len(p.View.Names))
	for _, r := range of.Ranks {
		c := matrixCell{Text: derive.Format("×", r.Ratio.Median), Class: standings[r.Standing], Title: r.Note()}
		if r.Standing == derive.First || r.Ratio.N == 0 {
			c.Text = derive.Format("ops/s", r.Rate.Median)
		}
		if r.Standing == derive.First && of.Chance() {
			c.Text, c.Class, c.Title = c.Text+" ?", "unsure", "the highest median, by chance or not: that cannot be told"
		}
		cells[slices.Index(p.View.Names, r.Name)] = c
	}
	return cells
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (p *Page) rawName() string {
	if len(p.Raw) > 0 {
		return p.Raw[0].Name
	}
	return sample.FileName
}

// title says what was compared: "Cache: 5 backends, GOMAXPROCS 1 to 8".
func (p *Page) title() string {
	what := p.View.Nouns()
	title := fmt.Sprintf("%d %s", len(p.View.Names), what)
	switch sides := p.View.Sides; {
	case sides[0] != "" && p.View.Pairs() > 1:
		title = fmt.Sprintf("%d %s, %s and %s", p.View.Pairs(), what, sides[0], sides[1])
	case sides[0] != "":
		title = sides[0] + " and " + sides[1]
	case len(p.View.Names) == 1:
		title = p.View.Names[0]
	}
	for _, fd := range p.View.Common {
		if fd.Key == ".name" {
			title = fd.Value + ": " + title
		}
	}
	if pkgs := p.packages(); len(pkgs) == 1 {
		title = pkgs[0] + ", " + title
	} else if len(pkgs) > 1 {
		title = fmt.Sprintf("%d packages, %s", len(pkgs), title)
	}
	return title + p.span()
}

// packages are those whose benchmarks were measured, as the run or go test states it.
func (p *Page) packages() (pkgs []string) {
	add := func(pkg string) {
		if pkg != "" && !slices.Contains(pkgs, pkg) {
			pkgs = append(pkgs, pkg)
		}
	}
	for _, r := range p.Set.Records {
		if r.Verb == sample.VerbPackage {
			add(r.Get("path"))
		}
	}
	for _, f := range p.View.Facets {
		add(f.Config["pkg"])
	}
	return pkgs
}

// span is the range of the axis, as far as it is that of all facets: a title speaks of the whole page.
func (p *Page) span() string {
	if len(p.View.Facets) == 0 {
		return ""
	}
	a := &p.View.Facets[0].X
	lowest := true
	for _, f := range p.View.Facets {
		if f.X.Key != a.Key || f.X.Highest() != a.Highest() {
			return ""
		}
		lowest = lowest && f.X.Lowest() == a.Lowest()
	}
	if a.Procs() && a.Highest() == 0 {
		return ""
	}
	lo, hi := a.Label(a.Lowest()), a.Label(a.Highest())
	switch {
	case !lowest:
		return fmt.Sprintf(", %s up to %s", a.Title(), hi)
	case lo == hi:
		return fmt.Sprintf(", %s %s", a.Title(), hi)
	}
	return fmt.Sprintf(", %s %s to %s", a.Title(), lo, hi)
}

// configs are the configurations of all samples, equal ones once.
func (p *Page) configs() (configs []map[string]string) {
	seen := map[*sample.Shared]bool{}
	for _, s := range p.Set.Samples {
		if seen[s.Shared] || len(s.Config) == 0 {
			continue
		}
		seen[s.Shared] = true
		if !slices.ContainsFunc(configs, func(c map[string]string) bool { return maps.Equal(c, s.Config) }) {
			configs = append(configs, s.Config)
		}
	}
	return configs
}

// hosts is the configuration of all samples, one column each where they differ.
func (p *Page) hosts() Table {
	t := Table{Columns: []string{"Fact"}}
	configs := p.configs()
	keys := map[string]bool{}
	var order []string
	for i, c := range configs {
		t.Columns = append(t.Columns, fmt.Sprintf("Host %d", i+1))
		for _, k := range slices.Sorted(maps.Keys(c)) {
			if !keys[k] {
				keys[k] = true
				order = append(order, k)
			}
		}
	}
	if len(configs) == 1 {
		t.Columns[1] = "Value"
	}
	for _, k := range order {
		row := []string{k}
		for _, c := range configs {
			row = append(row, c[k])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// lanes are timelines one after the other that have a note in common.
type lanes struct {
	Shared string
	Strips []strip.Strip
}

// lanes takes a note that stands at several timelines one after the other to their head.
func (p *Page) lanes() (groups []lanes) {
	for i := 0; i < len(p.Timelines); {
		note, end := p.Timelines[i].Note, i+1
		for end < len(p.Timelines) && p.Timelines[end].Note == note {
			end++
		}
		g := lanes{Strips: slices.Clone(p.Timelines[i:end])}
		if len(g.Strips) > 1 {
			g.Shared = note
			for j := range g.Strips {
				g.Strips[j].Note = ""
			}
		}
		groups = append(groups, g)
		i = end
	}
	return groups
}

func (m *model) runs() {
	for _, r := range m.Set.Runs {
		rm := runModel{ID: r.ID}
		for _, f := range r.Fields {
			if f.Key == "cmd" {
				rm.Command = f.Value
			} else if f.Key != "id" {
				rm.Fields = append(rm.Fields, f)
			}
		}
		if !rm.has("commit") && (!rm.has("version") || slices.Contains(rm.Fields, sample.Field{Key: "version", Value: "(devel)"})) {
			rm.Fields = append(rm.Fields, sample.Field{Key: "commit", Value: noCommit})
		}
		m.Runs = append(m.Runs, rm)
	}
	for _, r := range m.Set.Records {
		if r.Verb == "note" {
			m.Notes = append(m.Notes, r.Get("text"))
		}
	}
	const most = 100
	for _, n := range m.Set.Notes[:min(most, len(m.Set.Notes))] {
		m.Unread = append(m.Unread, n.String())
	}
	if more := len(m.Set.Notes) - most; more > 0 {
		m.Unread = append(m.Unread, fmt.Sprintf("… and %d more", more))
	}
}

func (r *runModel) has(key string) bool {
	return slices.ContainsFunc(r.Fields, func(f sample.Field) bool { return f.Key == key })
}

// needs are the programs that the measured services are started with, and of which services each is.
func (p *Page) needs() (t Table) {
	t.Columns = []string{"to be installed", "for"}
	for _, r := range p.Set.Records {
		needs, name := r.Get("needs"), r.Get("name")
		if r.Verb != "service" || needs == "" {
			continue
		}
		i := slices.IndexFunc(t.Rows, func(row []string) bool { return row[0] == needs })
		if i < 0 {
			t.Rows = append(t.Rows, []string{needs, name})
		} else if names := strings.Split(t.Rows[i][1], ", "); !slices.Contains(names, name) {
			t.Rows[i][1] += ", " + name
		}
	}
	return t
}

// host is each host in one line.
func (p *Page) host() (hosts []string) {
	for _, config := range p.configs() {
		var parts []string
		for _, k := range []struct{ key, after string }{
			{"cpu", ""}, {sample.UsableCPUs, " usable CPUs"}, {"virtualization", ""},
			{"goos", ""}, {"goarch", ""}, {"kernel", ""}, {"go", ""},
		} {
			if v := config[k.key]; v != "" && v != "none" && v != "unknown" {
				parts = append(parts, v+k.after)
			}
		}
		if line := strings.Join(parts, " · "); line != "" && !slices.Contains(hosts, line) {
			hosts = append(hosts, line)
		}
	}
	const most = 4
	if len(hosts) > most {
		hosts = append(hosts[:most-1], fmt.Sprintf("and %d more, see Host", len(hosts)-most+1))
	}
	return hosts
}

// records are the fields of all records with that verb, equal ones once: a
// column for each key.
func (p *Page) records(verb string) Table {
	var t Table
	column := map[string]int{}
	for _, r := range p.Set.Records {
		for _, f := range r.Fields {
			if _, known := column[f.Key]; r.Verb == verb && !known {
				column[f.Key] = len(t.Columns)
				t.Columns = append(t.Columns, f.Key)
			}
		}
	}
	for _, r := range p.Set.Records {
		if r.Verb != verb {
			continue
		}
		row := make([]string, len(t.Columns))
		for _, f := range r.Fields {
			row[column[f.Key]] = f.Value
		}
		if !slices.ContainsFunc(t.Rows, func(o []string) bool { return slices.Equal(o, row) }) {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// absent are the cells that do not apply, by the reason, which many have in common.
func (p *Page) absent() Table {
	names := map[string][]string{}
	t := Table{Columns: []string{"reason", "cells", "names"}, Numeric: []bool{1: true, 2: false}}
	var reasons []string
	for _, r := range p.Set.Records {
		name, reason := r.Get("name"), r.Get("reason")
		if r.Verb != "absent" || slices.Contains(names[reason], name) {
			continue
		}
		if names[reason] == nil {
			reasons = append(reasons, reason)
		}
		names[reason] = append(names[reason], name)
	}
	for _, reason := range reasons {
		t.Rows = append(t.Rows, []string{reason, strconv.Itoa(len(names[reason])), strings.Join(names[reason], "; ")})
	}
	return t
}

// Cell is one cell of a table of numbers.
type Cell struct {
	Text, Range, Title string
	Over, Warn         bool
}

// Cell is the estimate of a measure at a point, as a table prints it.
func (f facetModel) Cell(s *derive.Series, x float64, m measure) Cell {
	p := s.Point(x)
	if p == nil {
		return Cell{}
	}
	c := Cell{Over: p.Oversubscribed, Warn: len(p.Invalid) > 0 || slices.ContainsFunc(p.Warnings, func(w derive.Count) bool { return !derive.Oversubscription(w.Text) })}
	e := estimate(p, m.Key)
	if e.N == 0 {
		c.Text = "–"
		return c
	}
	c.Text = m.value(e.Median)
	c.Range = e.Basis() + ", no interval"
	if e.Interval() {
		c.Range = fmt.Sprintf("%s … %s", m.value(e.Lo), m.value(e.Hi))
		if e.N != f.Usual.N || len(e.Machines) != len(f.Usual.Machines) { // pairs are of the samples beside them
			c.Range += ", " + e.Basis()
		}
	}
	if m.Key == "efficiency" && e.Above(1) {
		c.Range += ", above the ceiling"
	}
	if told := p.Told(); told != "" && latency.MatchString(m.Unit) {
		c.Range += ", " + told
	}
	return c
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// value prints a value without the unit, which stands in the table's caption.
func (m measure) value(v float64) string {
	_, _, suffix := derive.NotationOf(m.Unit)
	return strings.TrimSpace(strings.TrimSuffix(derive.Format(m.Unit, v), suffix))
}

// Caption is the heading of the measure's table.
func (m measure) Caption() string {
	if _, _, suffix := derive.NotationOf(m.Unit); suffix != "" && !strings.Contains(m.Label, suffix) {
		return m.Label + ", " + suffix
	}
	return m.Label
}

// dashed is what the dashed line is.
func (m measure) dashed() string { return cmp.Or(m.Dashed, "share-nothing ceiling") }

// Measures are the measures of a section, each once.
func (s section) Measures() []measure {
	var ms []measure
	seen := map[string]bool{}
	for _, c := range s.Charts {
		for _, m := range c.Measures {
			if seen[m.Key] {
				continue
			}
			seen[m.Key] = true
			if len(c.Measures) == 1 {
				m.Label = c.Title
			}
			ms = append(ms, m)
			if m.Ceiling != "" {
				ms = append(ms, measure{Key: m.Ceiling, Label: m.dashed() + ", " + m.Label, Unit: m.Unit})
			}
		}
	}
	return ms
}

// The page's data, as the script reads them.
type (
	dataModel struct {
		N      int         `json:"n"`     // samples of most estimates
		Nouns  string      `json:"nouns"` // what the names are of
		Names  []string    `json:"names"`
		Marks  [][3]int    `json:"marks"` // of the names: colour, shape, and 1 for the old side of an overlay
		Facets []dataFacet `json:"facets"`
		Start  int         `json:"start"` // the conditions that are shown first
	}
	dataFacet struct {
		Slug     string            `json:"slug"`
		X        dataAxis          `json:"x"`
		Usable   float64           `json:"usable"`
		Bounds   []derive.Boundary `json:"bounds"`
		Sections []dataSection     `json:"sections"`
		Series   []dataSeries      `json:"series"`
	}
	dataAxis struct {
		Title  string    `json:"title"`
		Procs  bool      `json:"procs"` // GOMAXPROCS, to which CPUs set a limit
		Log    bool      `json:"log"`
		Reach  float64   `json:"reach,omitempty"`
		Values []float64 `json:"values"`
		Labels []string  `json:"labels"`
	}
	dataSection struct {
		ID     string      `json:"id"`
		Title  string      `json:"title"`
		Charts []dataChart `json:"charts"`
	}
	dataChart struct {
		ID       string        `json:"id"`
		Title    string        `json:"title"`
		Bars     string        `json:"bars,omitempty"`
		Measures []dataMeasure `json:"measures"`
	}
	dataMeasure struct {
		Key      string          `json:"key"`
		Label    string          `json:"label"`
		About    string          `json:"about"`
		Ceiling  string          `json:"ceiling,omitempty"`
		Dashed   string          `json:"dashed,omitempty"` // what the ceiling is
		Ideal    string          `json:"ideal,omitempty"`
		Zero     bool            `json:"zero"`
		Notation derive.Notation `json:"notation"`
		Factor   float64         `json:"factor"`
		Suffix   string          `json:"suffix"`
	}
	dataSeries struct {
		Name   int         `json:"name"` // index
		Ref    bool        `json:"ref,omitempty"`
		Points []dataPoint `json:"points"`
		// Estimates are, for each key, those of the points: [median, lo, hi, n, paired], lo
		// and hi null where there is no interval, and n and paired left out where they
		// are N and 0. null where a point has none.
		Estimates map[string][][]any `json:"e"`
	}
	dataPoint struct {
		X        float64       `json:"p"`
		Over     bool          `json:"over,omitempty"`
		Unstable bool          `json:"unstable,omitempty"` // an open load that was not carried
		Notes    []string      `json:"notes,omitempty"`
		Rates    []json.Number `json:"rates,omitempty"` // of each sample; of an open load the 99th percentiles
	}
)

func (p *Page) data() ([]byte, error) {
	d := dataModel{N: p.usual().N, Nouns: capital(p.View.Nouns()), Names: p.View.Names}
	for _, name := range p.View.Names {
		m := p.View.Marks[name]
		old := 0
		if m.Old {
			old = 1
		}
		d.Marks = append(d.Marks, [3]int{m.Color, m.Shape, old})
	}
	for _, f := range p.View.Facets {
		df := dataFacet{Slug: f.Slug, X: axisOf(&f.X), Usable: f.Usable, Bounds: f.Boundaries}
		keys := map[string]bool{}
		for _, s := range sectionsOf(p.View, f) {
			ds := dataSection{ID: s.ID, Title: s.Title, Charts: []dataChart{}}
			for _, c := range s.Charts {
				dc := dataChart{ID: c.ID, Title: c.Title, Bars: c.Bars}
				if c.Title == s.Title && len(s.Charts) == 1 {
					dc.Title = "" // it stands above
				}
				for _, m := range c.Measures {
					keys[m.Key] = true
					dashed := ""
					if m.Ceiling != "" {
						keys[m.Ceiling] = true
						dashed = m.dashed()
					}
					n, factor, suffix := derive.NotationOf(m.Unit)
					if m.Ideal == "linear" && !f.X.Procs() {
						m.Ideal = "" // nobody expects twice the throughput of twice the size
					}
					dc.Measures = append(dc.Measures, dataMeasure{m.Key, m.Label, m.About, m.Ceiling, dashed, m.Ideal, m.Zero, n, factor, suffix})
				}
				ds.Charts = append(ds.Charts, dc)
			}
			df.Sections = append(df.Sections, ds)
		}
		for _, s := range f.Series {
			df.Series = append(df.Series, p.series(s, keys))
		}
		d.Facets = append(d.Facets, df)
	}
	d.Start = p.start()
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // escapes <, > and &: no text can end the block
	if err := enc.Encode(d); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// start is the conditions under which most points had two holders of a lock: what a
// reader must see first. Where there are none it is the plan's first.
func (p *Page) start() (at int) {
	most := 0
	for i, f := range p.View.Facets {
		n := 0
		for _, s := range f.Series {
			for _, point := range s.Points {
				if e := point.Units["overlaps"]; e.N > 0 && e.Median > 0 {
					n++
				}
			}
		}
		if n > most {
			at, most = i, n
		}
	}
	return at
}

func axisOf(a *derive.Axis) dataAxis {
	d := dataAxis{Title: a.Title(), Procs: a.Procs(), Log: a.Log, Reach: a.Reach, Values: a.Values}
	for _, x := range a.Values {
		d.Labels = append(d.Labels, a.Label(x))
	}
	return d
}

// mostDots is up to how many samples a page has one by one.
const mostDots = 20000

func (p *Page) series(s *derive.Series, keys map[string]bool) dataSeries {
	ds := dataSeries{Ref: s.Reference, Estimates: map[string][][]any{}}
	usual := p.usual().N
	for i, name := range p.View.Names {
		if name == s.Name {
			ds.Name = i
		}
	}
	for i, pt := range s.Points {
		dp := dataPoint{X: pt.X, Over: pt.Oversubscribed, Unstable: pt.Unstable > 0 && !pt.Carried()}
		for _, c := range pt.Invalid {
			dp.Notes = append(dp.Notes, fmt.Sprintf("%d left out: %s", c.N, c.Text))
		}
		for _, c := range pt.Warnings {
			if !derive.Oversubscription(c.Text) {
				dp.Notes = append(dp.Notes, c.Text)
			}
		}
		if p.View.Samples <= mostDots {
			for _, r := range pt.Dots() {
				dp.Rates = append(dp.Rates, significant(r))
			}
		}
		for key := range keys {
			if e := estimate(pt, key); e.N > 0 {
				if ds.Estimates[key] == nil {
					ds.Estimates[key] = make([][]any, len(s.Points))
				}
				ds.Estimates[key][i] = compact(e, usual)
			}
		}
		ds.Points = append(ds.Points, dp)
	}
	return ds
}

// significant is a value with six significant digits, as samples have them.
func significant(v float64) json.Number { return json.Number(strconv.FormatFloat(v, 'g', 6, 64)) }

// usual is an estimate with the basis that most points have, the larger of two that are
// as many.
func (p *Page) usual() derive.Estimate {
	if p.most != nil {
		return *p.most
	}
	count := map[string]int{}
	p.most = new(derive.Estimate)
	for _, f := range p.View.Facets {
		for _, s := range f.Series {
			for _, pt := range s.Points {
				count[pt.Rate.Basis()]++
			}
		}
	}
	for _, f := range p.View.Facets {
		for _, s := range f.Series {
			for _, pt := range s.Points {
				is, most := count[pt.Rate.Basis()], count[p.most.Basis()]
				if is > most || is == most && pt.Rate.N > p.most.N {
					*p.most = pt.Rate
				}
			}
		}
	}
	return *p.most
}

// compact is an estimate as the page has it.
func compact(e derive.Estimate, usual int) []any {
	r := func(v float64) any {
		if math.IsNaN(v) {
			return nil
		}
		return significant(v)
	}
	paired := 0
	if e.Paired {
		paired = 1
	}
	fields := []any{r(e.Median), r(e.Lo), r(e.Hi)}
	if e.N == usual && paired == 0 && len(e.Machines) == 0 {
		return fields
	}
	fields = append(fields, e.N, paired)
	if len(e.Machines) > 0 {
		var each []any
		for _, m := range e.Machines {
			each = append(each, r(m.Median))
		}
		fields = append(fields, each)
	}
	return fields
}
