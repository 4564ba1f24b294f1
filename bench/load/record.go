package load

import (
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What histograms hold: from 1 ns to a minute, to two digits. Three would take a
// generator most of its first cache, and disturb what is measured.
const (
	shortest = 1
	longest  = int64(time.Minute)
	digits   = 2
)

// Record is what one generator recorded, or several together. One goroutine at a time may use it.
type Record struct {
	// Response is from an operation's intended start to its end: what a caller waits. Service is from its actual start to its end, what a closed
	// loop would have seen. Lag is how late an operation began though nothing was before it: the generator's own fault.
	Response, Service, Lag *hdrhistogram.Histogram

	// Slices is the longest response of every slice of the window.
	Slices []int64

	Offered int64 // operations with an intended start in the window
	Intime  int64 // of them, ended before the window did
	Dropped int64 // of them, not begun: the backlog was hopeless
	Beyond  int64 // that took longer than histograms hold

	// Begin and End are how far behind the plan the generator was with the first and the last operation of the window.
	Begin, End time.Duration

	generators int
}

// NewRecord is an empty record of a window, for operations that so many others carried out.
func NewRecord(window time.Duration, generators int) *Record {
	r := newRecord(int(window/sliceTime) + 1)
	r.generators = generators
	return r
}

// Observe records one operation of the window from a time to another. An idle one had nothing before it when it was due.
func (r *Record) Observe(due, begun, ended, from, to int64, idle bool) {
	if idle {
		r.add(r.Lag, begun-due, 1)
	}
	r.operations([]int64{due}, begun, ended, from, to)
}

// ObserveClosed records one operation of a closed loop.
func (r *Record) ObserveClosed(begun, ended int64) { r.add(r.Service, ended-begun, 1) }

func newRecord(slices int) *Record {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }
	return &Record{Response: h(), Service: h(), Lag: h(), Slices: make([]int64, slices), generators: 1}
}

// add notes a value; what histograms do not hold is counted, not lost.
func (r *Record) add(h *hdrhistogram.Histogram, v, n int64) {
	if h.RecordValues(max(v, shortest), n) != nil {
		r.Beyond += n
	}
}

// Merge adds what another generator of the same load recorded.
func (r *Record) Merge(o *Record) {
	r.Beyond += r.Response.Merge(o.Response) + r.Service.Merge(o.Service) + r.Lag.Merge(o.Lag)
	for i, v := range o.Slices {
		r.Slices[i] = max(r.Slices[i], v)
	}
	r.Offered += o.Offered
	r.Intime += o.Intime
	r.Dropped += o.Dropped
	r.generators += o.generators
	r.Beyond += o.Beyond
	r.Begin, r.End = max(r.Begin, o.Begin), max(r.End, o.End)
}

// leastTail is how many values must lie beyond a quantile for it to be told.
const leastTail = 10

// Quantiles are those that latencies are told by.
var Quantiles = []float64{.5, .9, .99, .999, .9999}

// Told are the Quantiles that n values can tell.
func Told(n int64) []float64 {
	return slices.DeleteFunc(slices.Clone(Quantiles), func(q float64) bool {
		return float64(n)*(1-q) < leastTail-1e-9
	})
}

// longWait is how many services the last operation may have waited for by chance in a load that is carried: at 95% of the capacity 99 of a hundred
// wait for less than 42 (M/D/1, simulated).
const longWait = 50

// Stable reports whether the load was carried: the backlog did not grow by more than a hundredth of the window, or longWait services where these
// are long; a hundredth of the operations at most, or one of each generator, came too late; and none was dropped. Quantiles of an unstable load mean
// nothing: they grow with the window.
func (r *Record) Stable(window time.Duration) bool {
	backlog := max(window/100, time.Duration(longWait*r.Service.ValueAtQuantile(50)))
	late := max(float64(r.Offered)/100, float64(r.generators))
	return r.Dropped == 0 && r.Beyond == 0 && r.End-r.Begin <= backlog && float64(r.Offered-r.Intime) <= late
}

// StallQuantile is what a single stall of a generator that carries share rho of its capacity does to the quantile q of its responses in a window, where
// nothing else queues: responses fall from stall to none while the backlog is worked off. It is 0 where the quantile is not reached.
func StallQuantile(stall, window time.Duration, rho, q float64) time.Duration {
	return time.Duration(math.Max(0, float64(stall)-(1-q)*(1-rho)*float64(window)))
}
