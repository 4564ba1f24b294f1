package sample

import "strconv"

// Axis says how a family's samples are read: along which name key they were
// swept, and which key tells the series of a chart apart. A run states it as
//
//	# axis name=Cache key=gomaxprocs series=backend
type Axis struct {
	Base   string // of the benchmark names it holds for
	Key    string // numeric
	Series string // empty: whatever varies
}

const verbAxis = "axis"

// AxisRecord is the axis as a record.
func AxisRecord(a Axis) Record {
	fields := []Field{{"name", a.Base}, {"key", a.Key}}
	if a.Series != "" {
		fields = append(fields, Field{"series", a.Series})
	}
	return Record{Verb: verbAxis, Fields: fields}
}

// Axes are the axes that the set's runs state, each once.
func (s *Set) Axes() (list []Axis) {
	seen := map[Axis]bool{}
	for _, r := range s.Records {
		a := Axis{r.Get("name"), r.Get("key"), r.Get("series")}
		if r.Verb == verbAxis && a.Key != "" && !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list
}

// Number is the value of a numeric key: of "8", "64K", "1.5" or "250ns" the
// number without its unit prefix resolved, ok is false for one that is no number.
func (n *Name) Number(key string) (x float64, ok bool) {
	text, ok := n.Get(key)
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && x-x == 0
}
