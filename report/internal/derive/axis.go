package derive

import (
	"math"
	"slices"
	"strconv"

	"github.com/contend-go/contend/bench/sample"
)

// Axis is the x axis of a facet: a numeric key of its names.
type Axis struct {
	Key    string    // such as "gomaxprocs", "clients", "size"
	Values []float64 // ascending; 0 is a GOMAXPROCS that names do not state
	Log    bool      // values are powers, or GOMAXPROCS
	Reach  float64   // what the axis shows at least, beyond the values; 0 is nothing more

	stated bool               // by the run
	labels map[float64]string // values as the names print them: "64K", "1ms"
}

// Procs reports whether the axis is GOMAXPROCS, to which CPUs set a limit.
func (a *Axis) Procs() bool { return a.Key == sample.GOMAXPROCS }

// Title is what stands at the axis.
func (a *Axis) Title() string {
	if a.Procs() {
		return "GOMAXPROCS"
	}
	return a.Key
}

// Label is a value as the names print it.
func (a *Axis) Label(x float64) string {
	switch text, ok := a.labels[x]; {
	case ok:
		return text
	case x == 0:
		return "?"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// At names a value: "GOMAXPROCS=8", "size=64K".
func (a *Axis) At(x float64) string {
	if _, stated := a.labels[x]; !stated {
		return "an unstated " + a.Title()
	}
	return a.Title() + "=" + a.Label(x)
}

// Lowest and Highest are the ends of the values.
func (a *Axis) Lowest() float64  { return a.Values[0] }
func (a *Axis) Highest() float64 { return a.Values[len(a.Values)-1] }

// add takes in the value of a point.
func (a *Axis) add(x float64, label string) {
	if label != "" {
		a.labels[x] = label
	}
	if !slices.Contains(a.Values, x) {
		a.Values = append(a.Values, x)
	}
}

// settle sorts the values and chooses the scale: logarithmic for GOMAXPROCS, and
// where the steps of the logarithms are more alike than those of the values.
func (a *Axis) settle() {
	slices.Sort(a.Values)
	if a.Procs() {
		a.Log = true
		return
	}
	if a.Values[0] <= 0 || len(a.Values) < 2 {
		return
	}
	var logs []float64
	for _, v := range a.Values {
		logs = append(logs, math.Log(v))
	}
	if len(a.Values) == 2 { // one step tells nothing
		a.Log = a.Values[1] >= 8*a.Values[0]
		return
	}
	a.Log = unevenness(logs) < unevenness(a.Values)
}

// unevenness is the coefficient of variation of the steps between ascending
// values: 0 where all are equal.
func unevenness(values []float64) float64 {
	n, sum, squares := float64(len(values)-1), 0.0, 0.0
	for i := 1; i < len(values); i++ {
		step := values[i] - values[i-1]
		sum += step
		squares += step * step
	}
	mean := sum / n
	return math.Sqrt(math.Max(squares/n-mean*mean, 0)) / mean
}
