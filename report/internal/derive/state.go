package derive

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// Totals are how many samples a set has: the same numbers wherever they are said.
type Totals struct {
	Samples int // valid ones
	Invalid int // left out of all estimates
	Warned  int // valid ones with a warning of any kind
}

func totals(set *sample.Set) (t Totals) {
	for _, s := range set.Samples {
		switch {
		case !s.Valid():
			t.Invalid++
		default:
			t.Samples++
			if len(s.Warnings) > 0 {
				t.Warned++
			}
		}
	}
	return t
}

// String is "120 samples, 2 more are invalid".
func (t Totals) String() string {
	text := Plural(t.Samples, "sample")
	switch t.Invalid {
	case 0:
	case 1:
		text += ", 1 more is invalid and left out"
	default:
		text += fmt.Sprintf(", %s more are invalid and left out", thousands(t.Invalid))
	}
	return text
}

// overview are the findings of the whole set: the state of its runs, who leads
// under which conditions, what cannot be told, and the warnings.
func (v *View) overview(set *sample.Set) []Finding {
	fs := states(set, v.Totals)
	for _, f := range v.Facets {
		for _, fd := range f.Findings {
			if fd.Kind != Leader {
				continue
			}
			if label := f.Label(); label != "" {
				fd.Where = strings.TrimSuffix(label+", "+fd.Where, ", ")
			}
			fs = append(fs, fd)
		}
	}
	if fd, ok := v.dearer(); ok {
		fs = append(fs, fd)
	}
	if unknown := v.unknown(); len(unknown) > 0 {
		fs = append(fs, Finding{Kind: Unknown, What: "What these samples cannot tell", More: unknown})
	}
	if len(v.Warnings) > 0 {
		fd := Finding{Kind: Warnings, What: "No sample carries a warning"}
		if v.Warned > 0 {
			verb := "carry"
			if v.Warned == 1 {
				verb = "carries"
			}
			fd.What = fmt.Sprintf("%s of %s %s a warning", thousands(v.Warned), Plural(v.Samples, "sample"), verb)
		}
		for _, w := range v.Warnings {
			fd.More = append(fd.More, w.String())
		}
		fs = append(fs, fd)
	}
	return fs
}

// unknown is what the facets cannot tell, each thing once.
func (v *View) unknown() (all []string) {
	in := map[string][]*Facet{}
	for _, f := range v.Facets {
		for _, text := range limits(f) {
			if in[text] == nil {
				all = append(all, text)
			}
			in[text] = append(in[text], f)
		}
	}
	for i, text := range all {
		all[i] = v.under(in[text], text)
	}
	if text := v.aboveCeiling(); text != "" {
		all = append(all, text)
	}
	return append(slices.Clone(v.Notes), all...)
}

// under says of which facets a text is: by the conditions that they have in common and that no other facet has, such as a
// machine's name, or else by how many they are.
func (v *View) under(of []*Facet, text string) string {
	if len(of) == len(v.Facets) {
		return text
	}
	var shared []sample.Field
	for _, fd := range of[0].Fields {
		if has(of, fd) == len(of) {
			shared = append(shared, fd)
		}
	}
	all := slices.DeleteFunc(slices.Clone(v.Facets), func(f *Facet) bool {
		return slices.ContainsFunc(shared, func(fd sample.Field) bool { return !slices.Contains(f.Fields, fd) })
	})
	if len(all) > len(of) {
		return fmt.Sprintf("%s (under %d of %d conditions)", text, len(of), len(v.Facets))
	}
	for _, fd := range shared { // one that says it alone is enough
		if has(v.Facets, fd) == len(of) {
			shared = []sample.Field{fd}
			break
		}
	}
	return (&Facet{Fields: shared}).Label() + ": " + text
}

// has counts the facets that have the field.
func has(facets []*Facet, fd sample.Field) (n int) {
	for _, f := range facets {
		if slices.Contains(f.Fields, fd) {
			n++
		}
	}
	return n
}

// states are a finding for each run, and one for text that no run of ours is.
func states(set *sample.Set, t Totals) (fs []Finding) {
	defer func() { fs = append(changes(set), fs...) }()
	kinds := map[string]bool{}
	for _, r := range set.Runs {
		if kind := r.Kind(); kind != "" {
			if !kinds[kind] {
				kinds[kind] = true
				fs = append(fs, kindState(set, kind))
			}
			continue
		}
		if fd := state(set, r); fd.What != "" || len(fs) == 0 {
			fs = append(fs, fd)
		}
	}
	if slices.ContainsFunc(set.Samples, func(s *sample.Sample) bool { return s.Run == nil }) {
		fs = append(fs, Finding{Kind: State, What: "These data came from elsewhere: benchmark text that Contend did not measure", Sure: "conditions that the text does not state are unknown here"})
	}
	switch {
	case len(fs) > 1:
		fs = append(fs, Finding{Kind: State, What: "together " + t.String()})
	case len(fs) == 1 && fs[0].What != "":
		fs[0].Much = t.String()
	case len(fs) == 1:
		fs[0].What = t.String()
	}
	if len(fs) < 2 {
		for i := range fs {
			fs[i].Where = ""
		}
	}
	return fs
}

// changes are what a history of runs has found, the first few of many.
func changes(set *sample.Set) (fs []Finding) {
	const most = 6
	n := 0
	for _, r := range set.Records {
		if r.Verb != sample.VerbChange {
			continue
		}
		if n++; n <= most {
			fs = append(fs, Finding{Kind: State, What: r.Get("text")})
		}
	}
	if n > most {
		fs = append(fs, Finding{Kind: State, What: fmt.Sprintf("and %d more, see the notes", n-most)})
	}
	return fs
}

// kindState says how far the machines of a kind are, together.
func kindState(set *sample.Set, kind string) Finding {
	machines := map[string]bool{}
	planned, done, failed := 0, 0, 0
	fd := Finding{Kind: State, Where: kind}
	for _, r := range set.Runs {
		if r.Kind() != kind {
			continue
		}
		one := state(set, r)
		fd.Sure = one.Sure
		machines[r.Machine()] = true
		d, f, _ := processes(set, r)
		planned, done, failed = planned+plannedOf(set, r), done+d, failed+f
	}
	for _, rec := range set.Records { // a merged run knows it better than its parts
		if n, err := strconv.Atoi(rec.Get("processes")); rec.Verb == sample.VerbPlan && rec.Get(sample.KindKey) == kind && err == nil {
			planned = n
		}
	}
	fd.What = fmt.Sprintf("%s of %s measured on %s", thousands(done), plural2(planned, "process", "processes"), plural2(len(machines), "machine", "machines"))
	switch {
	case done+failed < planned:
		fd.What, fd.Next = "Unfinished: "+fd.What, "contend fleet run measures what is missing"
	case failed > 0:
		fd.What += fmt.Sprintf(", %s failed", thousands(failed))
	}
	return fd
}

// plannedOf is how many processes a run was to measure; 0 where it does not say.
func plannedOf(set *sample.Set, r *sample.Run) (planned int) {
	for _, rec := range set.Records {
		if rec.Verb == sample.VerbPlan && rec.Run == r && rec.Get(sample.KindKey) == "" {
			planned, _ = strconv.Atoi(rec.Get("processes"))
		}
	}
	return planned
}

// state says how far a run is, when it was, and what measured.
func state(set *sample.Set, r *sample.Run) Finding {
	field := func(key string) string {
		i := slices.IndexFunc(r.Fields, func(f sample.Field) bool { return f.Key == key })
		if i < 0 {
			return ""
		}
		return r.Fields[i].Value
	}
	fd := Finding{Kind: State}
	planned := plannedOf(set, r)
	done, failed, first := processes(set, r)
	if planned > 0 {
		of := fmt.Sprintf("%s of %s", thousands(done), plural2(planned, "process", "processes"))
		switch {
		case done+failed < planned:
			fd.What = "Unfinished: " + of + " measured"
			fd.Next = "the same command continues it"
		case failed > 0:
			fd.What = fmt.Sprintf("%s measured, %s failed", of, thousands(failed))
			fd.Next = "the same command measures only those again"
		default:
			fd.What = of + " measured"
		}
	}
	var by []string
	if at, err := time.Parse(time.RFC3339, field("date")); err == nil {
		by = append(by, at.Format("2 January 2006 15:04 MST"))
	}
	if v := field("version"); v != "" {
		by = append(by, "contend "+v)
	}
	if first != nil && first.Config["go"] != "" {
		by = append(by, first.Config["go"])
	}
	fd.Sure = strings.Join(by, ", ")
	if first != nil {
		file, _ := first.Name.Get(keyFile)
		fd.Where = cmp.Or(file, r.Node(), filepath.Dir(first.File))
	}
	return fd
}

// processes counts the processes of a run that gave a valid sample, and those that
// gave only invalid ones; first is the run's first sample.
func processes(set *sample.Set, r *sample.Run) (done, failed int, first *sample.Sample) {
	type key struct {
		cell, variant string
		block         int
	}
	valid := map[key]bool{}
	for _, ss := range [][]*sample.Sample{set.Samples, set.Left} {
		for _, s := range ss {
			if s.Run != r {
				continue
			}
			if first == nil {
				first = s
			}
			k := key{s.Cell, s.Variant, s.Block}
			valid[k] = valid[k] || s.Valid()
		}
	}
	for _, ok := range valid {
		if ok {
			done++
		} else {
			failed++
		}
	}
	return done, failed, first
}

// Warning is a kind of warning, or of reason to leave samples out, and how many samples it
// concerns.
type Warning struct {
	Text  string // figures that differ are ranges
	N     int
	Bad   bool     // the samples are left out
	Where []string // points, as far as a reader wants them
}

// String is "41 samples: neighbours: the host took 1.2% to 8.0% of the CPU time".
func (w Warning) String() string {
	text := Plural(w.N, "sample")
	if w.Bad {
		text += " left out"
	}
	return text + ": " + w.Text
}

// warningKinds groups what samples warn of by its words, most frequent first,
// those that leave samples out before all others. It counts all samples of the set, and says
// where they are as far as they are shown.
func warningKinds(set *sample.Set, v *View) []Warning {
	type group struct {
		Warning
		kind *wording
	}
	groups := map[string]*group{}
	var order []*group
	type said struct {
		text string
		bad  bool
	}
	of := map[said]*group{} // a text may stand at a million samples
	groupOf := func(text string, bad bool) *group {
		if g := of[said{text, bad}]; g != nil {
			return g
		}
		w := parseWording(text)
		key := strconv.FormatBool(bad) + w.key
		g := groups[key]
		if g == nil {
			g = &group{Warning{Bad: bad}, w}
			groups[key] = g
			order = append(order, g)
		} else {
			g.kind.widen(w)
		}
		of[said{text, bad}] = g
		return g
	}
	for _, s := range set.Samples {
		if !s.Valid() {
			groupOf(s.Invalid, true).N++
			continue
		}
		for _, w := range s.Warnings {
			groupOf(w, false).N++
		}
	}
	place := func(where, text string, bad bool) {
		if g := groupOf(text, bad); !slices.Contains(g.Where, where) {
			g.Where = append(g.Where, where)
		}
	}
	for _, f := range v.Facets {
		for _, s := range f.Series {
			for _, p := range s.Points {
				where := strings.TrimSpace(fmt.Sprintf("%s %s at %s", f.Label(), s.Name, f.X.At(p.X)))
				for _, c := range p.Invalid {
					place(where, c.Text, true)
				}
				for _, c := range p.Warnings {
					place(where, c.Text, false)
				}
			}
		}
	}
	slices.SortStableFunc(order, func(a, b *group) int {
		if a.Bad != b.Bad {
			if a.Bad {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.N, a.N)
	})
	var ws []Warning
	for _, g := range order {
		g.Text = g.kind.String()
		ws = append(ws, g.Warning)
	}
	return ws
}

// Oversubscription reports whether a warning only says that GOMAXPROCS exceeds
// the usable CPUs, which points tell of themselves.
func Oversubscription(warning string) bool { return strings.HasPrefix(warning, "oversubscribed") }

// figure matches a number with its unit: "116ms", "1m2.5s", "3.1%", "8".
var figure = regexp.MustCompile(`\d+(?:\.\d+)?(?:(?:h|ms?|s|µs|us|ns)(?:\d+(?:\.\d+)?(?:ms?|s|µs|us|ns))*\b|%)?`)

// wording is a text, split into its words and the figures between them.
type wording struct {
	key    string
	words  []string // one more than figures
	lo, hi []string
}

func parseWording(text string) *wording {
	w := new(wording)
	at := 0
	for _, m := range figure.FindAllStringIndex(text, -1) {
		if m[0] > 0 && inWord(text[m[0]-1]) {
			continue // "s3fifo"
		}
		w.words = append(w.words, text[at:m[0]])
		w.lo, w.hi = append(w.lo, text[m[0]:m[1]]), append(w.hi, text[m[0]:m[1]])
		at = m[1]
	}
	w.words = append(w.words, text[at:])
	w.key = strings.Join(w.words, "\x00")
	return w
}

func inWord(b byte) bool {
	return b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// widen takes in the figures of a text of the same words.
func (w *wording) widen(o *wording) {
	for i, text := range o.lo {
		if size(text) < size(w.lo[i]) {
			w.lo[i] = text
		}
		if size(text) > size(w.hi[i]) {
			w.hi[i] = text
		}
	}
}

// size is a figure's value.
func size(text string) float64 {
	if d, err := time.ParseDuration(text); err == nil {
		return d.Seconds()
	}
	x, _ := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	return x
}

// String is the text with a range for each figure that differs.
func (w *wording) String() string {
	var b strings.Builder
	for i, word := range w.words {
		b.WriteString(word)
		switch {
		case i == len(w.lo):
		case w.lo[i] == w.hi[i]:
			b.WriteString(w.lo[i])
		default:
			b.WriteString(w.lo[i] + " to " + w.hi[i])
		}
	}
	return b.String()
}

// Plural is "1 sample", "3,504 samples".
func Plural(n int, word string) string { return plural2(n, word, word+"s") }

func plural2(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands prints a count as people write it: "3,504".
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
