package sample

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Axis says how samples are read: along which name key they were swept, and
// which key tells the series of a chart apart. A run states it as
//
//	# axis name=Cache key=gomaxprocs series=backend
type Axis struct {
	Base   string // of the benchmark names it holds for
	Key    string // numeric
	Series string // empty: whatever varies
	Stated bool   // by the run that swept along it
}

const verbAxis = "axis"

// The records that tell of a run's plan:
//
//	# plan cells=20 processes=120 expect=32s     the last of a part counts
//	# order key=backend values="mutexlru ring"   in the order of the plan
//	# package path=example.com/mod               whose Go benchmarks these are
const (
	VerbPlan    = "plan"
	VerbChange  = "change" // of a history: never in a file
	VerbOrder   = "order"
	VerbPackage = "package"
)

// BaseKey stands for the base of a name, where keys of names are listed.
const BaseKey = ".name"

// AxisRecord is the axis as a record.
func AxisRecord(a Axis) Record {
	fields := []Field{{"name", a.Base}, {"key", a.Key}}
	if a.Series != "" {
		fields = append(fields, Field{"series", a.Series})
	}
	return Record{Verb: verbAxis, Fields: fields}
}

// Axis is the axis of a name: what [Set.Along] says, else what the run says that
// its record stands in, else GOMAXPROCS.
func (s *Set) Axis(n *Name) Axis {
	a := Axis{Base: n.Base, Key: GOMAXPROCS}
	for _, r := range s.Records {
		if r.Verb == verbAxis && r.Get("name") == n.Base && r.Get("key") != "" {
			a.Key, a.Series, a.Stated = r.Get("key"), r.Get("series"), true
		}
	}
	if s.along != "" {
		a.Stated = a.Stated && a.Key == s.along
		a.Key = s.along
	}
	return a
}

// Along makes the name key the axis along which the set is read. It is an error
// if no name has a number there; names without it are left out, with a note.
func (s *Set) Along(key string) error {
	numeric := map[string]bool{}
	var kept, left []*Sample
	for _, smp := range s.Samples {
		for _, f := range smp.Name.Keys {
			if _, ok := ParseNumber(f.Value); ok && f.Key != "" {
				numeric[f.Key] = true
			}
		}
		if _, ok := smp.Name.Number(key); ok {
			kept = append(kept, smp)
		} else {
			left = append(left, smp)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("no name has a number as %q; numbers are in %s", key, strings.Join(slices.Sorted(maps.Keys(numeric)), ", "))
	}
	if n := len(s.Samples) - len(kept); n > 0 {
		s.Notes = append(s.Notes, Note{Text: fmt.Sprintf("%d of %d samples have no number as %q and are left out", n, len(s.Samples), key)})
	}
	s.Samples, s.Left, s.along = kept, append(s.Left, left...), key
	return nil
}

// Number is the value of a key as a number, see [ParseNumber].
func (n *Name) Number(key string) (x float64, ok bool) {
	text, ok := n.Get(key)
	if !ok {
		return 0, false
	}
	return ParseNumber(text)
}

// prefixes of counts and sizes: K and M alone are powers of two, as in our own
// axes and most sizes of Go benchmarks.
var prefixes = []struct {
	suffix string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"k", 1e3}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"%", 1},
}

// ParseNumber reads what names print for numbers: "8", "1.5", "64K", "4KiB",
// "90%", and durations ("250ns"), which are in seconds.
func ParseNumber(text string) (x float64, ok bool) {
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x, x-x == 0
	}
	for _, p := range prefixes {
		if digits, has := strings.CutSuffix(text, p.suffix); has {
			if x, err := strconv.ParseFloat(digits, 64); err == nil {
				return x * p.factor, x-x == 0
			}
		}
	}
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil
}
