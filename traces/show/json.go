package show

import (
	"encoding/json"
	"io"
	"time"

	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// Schema names the JSON document's schema. It changes its number when a field
// is removed or changes its meaning; fields may be added.
const Schema = "contend.trace/2"

// document is what --json prints; traces/README.md describes it for users.
// Times are nanoseconds, offsets are from the trace's start.
type document struct {
	Schema string      `json:"schema"`
	Traces []traceJSON `json:"traces"`
}

type traceJSON struct {
	File       string       `json:"file"`
	GoVersion  string       `json:"go_version"` // of the trace format
	Wall       *time.Time   `json:"wall_clock,omitempty"`
	Origin     int64        `json:"origin_ns"` // of the trace's own clock
	Duration   int64        `json:"duration_ns"`
	Events     int64        `json:"events"`
	Bytes      int64        `json:"bytes"`
	Split      bool         `json:"switch_records"`
	Samples    bool         `json:"cpu_samples"`
	UsableCPUs int          `json:"usable_cpus,omitempty"`
	Guessed    bool         `json:"gomaxprocs_guessed,omitempty"`
	Verdict    verdictJSON  `json:"verdict"`
	Windows    []windowJSON `json:"windows"`
	Total      windowJSON   `json:"total"`
	Notes      []string     `json:"notes"`
	Lost       lostJSON     `json:"lost"`
}

// verdictJSON is what is to be said first.
type verdictJSON struct {
	Findings    []findingJSON `json:"findings"`
	Stuck       []stuckJSON   `json:"stuck"`
	Lost        int64         `json:"lost_ns"`
	Measurement int64         `json:"measurement_ns"`
	NoCPU       int64         `json:"no_cpu_ns"`
	NoWork      int64         `json:"no_work_ns"`
	Remarks     []string      `json:"remarks"`
}

type findingJSON struct {
	Kind string `json:"kind"`
	placeJSON
	Callers    []callerJSON `json:"callers"`
	Share      float64      `json:"share"` // of the time lost; of the samples, if sampled
	OfCapacity float64      `json:"share_of_capacity"`
	By         chargeJSON   `json:"by"`
	Waits      int64        `json:"waits"`
	Open       int64        `json:"open"`
	Samples    int64        `json:"samples,omitempty"`
	Holder     *holderJSON  `json:"holder,omitempty"`
	Known      string       `json:"known"`
	Text       string       `json:"text"`
	Next       string       `json:"next"`
}

type placeJSON struct {
	Line   frameJSON  `json:"line"`
	Op     string     `json:"op,omitempty"`
	Lock   *frameJSON `json:"lock,omitempty"` // where that is another line
	Caller *frameJSON `json:"caller,omitempty"`
}

type callerJSON struct {
	placeJSON
	Share float64 `json:"share"`
}

type holderJSON struct {
	Func     string     `json:"func"`
	Activity string     `json:"activity"`
	Reason   string     `json:"reason,omitempty"`
	At       *frameJSON `json:"at,omitempty"`
	Share    float64    `json:"share"`
	Known    string     `json:"known"`
}

type stuckJSON struct {
	Kind string `json:"kind"`
	placeJSON
	Count   int64  `json:"goroutines"`
	Age     int64  `json:"age_ns"`
	Through bool   `json:"since_before_trace"`
	Text    string `json:"text"`
}

type chargeJSON struct {
	Blocked   int64 `json:"blocked_ns"`
	WakeUp    int64 `json:"wake_up_ns"`
	Switching int64 `json:"switching_ns"`
	Syscall   int64 `json:"syscall_ns"`
	Stopped   int64 `json:"stopped_ns"`
	Inferred  int64 `json:"inferred_ns"`
}

type lostJSON struct {
	Bytes       int64    `json:"bytes"`
	Generations int      `json:"generations"`
	Events      int64    `json:"events"`
	Reasons     []string `json:"reasons"`
}

type windowJSON struct {
	Label      string             `json:"label"`
	Start      int64              `json:"start_ns"`
	End        int64              `json:"end_ns"`
	MinProcs   int                `json:"min_gomaxprocs"`
	MaxProcs   int                `json:"max_gomaxprocs"`
	Capacity   int64              `json:"capacity_ns"` // GOMAXPROCS × time
	Parts      map[string]int64   `json:"parts_ns"`
	Residual   int64              `json:"residual_ns"`
	PerP       []map[string]int64 `json:"per_p_ns"`
	PWait      float64            `json:"p_wait"`
	ThreadsCPU int64              `json:"threads_on_cpu_ns,omitempty"`
	ClocksCPU  *int64             `json:"threads_cpu_clocks_ns,omitempty"`
	Goroutines goroutinesJSON     `json:"goroutines"`
	WakeToRun  histogramJSON      `json:"wake_to_run"`
	Waits      []waitJSON         `json:"waits"`
	Sites      []siteJSON         `json:"sites"`
	SiteCount  int                `json:"site_count"`
	Causes     []causeJSON        `json:"causes"`
	Serial     int64              `json:"serial_ns"`
	CPU        []cpuJSON          `json:"cpu"`
}

type goroutinesJSON struct {
	Running  int64 `json:"running_ns"`
	Runnable int64 `json:"runnable_ns"`
	Syscall  int64 `json:"syscall_ns"`
	Waiting  int64 `json:"waiting_ns"`
	Created  int64 `json:"created"`
	Exited   int64 `json:"exited"`
}

type histogramJSON struct {
	Count   int64        `json:"count"`
	Sum     int64        `json:"sum_ns"`
	Max     int64        `json:"max_ns"`
	P50     int64        `json:"p50_ns"`
	P90     int64        `json:"p90_ns"`
	P99     int64        `json:"p99_ns"`
	Buckets []bucketJSON `json:"buckets"` // those with a count
}

type bucketJSON struct {
	From  int64 `json:"from_ns"`
	Count int64 `json:"count"`
}

type waitJSON struct {
	Reason string `json:"reason"`
	Time   int64  `json:"time_ns"`
	Count  int64  `json:"count"`
	Parked int64  `json:"parked"`
}

type siteJSON struct {
	Reason    string         `json:"reason"`
	Place     frameJSON      `json:"place"`
	Stack     []frameJSON    `json:"stack"`
	Wait      int64          `json:"wait_ns"`
	Waits     int64          `json:"waits"`
	MaxWait   int64          `json:"max_wait_ns"`
	Parked    int64          `json:"parked"`
	Charged   int64          `json:"charged_ns"`
	By        chargeJSON     `json:"by"`
	Assist    int64          `json:"assist_ns,omitempty"`
	Ready     int64          `json:"runnable_ns"`
	Open      int64          `json:"open"`
	MaxOpen   int64          `json:"max_open_ns"`
	Measures  bool           `json:"measurement,omitempty"`
	LostShare float64        `json:"share_of_lost"`
	Handoffs  int64          `json:"handoffs"`
	Barging   int64          `json:"barging"`
	Releasers []releaserJSON `json:"releasers"`
}

type releaserJSON struct {
	Stack []frameJSON `json:"stack"`
	Count int64       `json:"count"`
}

type causeJSON struct {
	Kind   string     `json:"kind"`
	Reason string     `json:"reason,omitempty"`
	Place  *frameJSON `json:"place,omitempty"`
	Time   int64      `json:"time_ns"`
}

type cpuJSON struct {
	Kind    string  `json:"kind"`
	Samples int64   `json:"samples"`
	Share   float64 `json:"share"`
}

type frameJSON struct {
	Func string `json:"func"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// JSON writes the traces as one document, with the top worst sites and causes
// of every window (all if top is 0).
func JSON(w io.Writer, traces []*Trace, top int) error {
	d := document{Schema: Schema, Traces: []traceJSON{}}
	for _, t := range traces {
		d.Traces = append(d.Traces, t.json(top))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

func (t *Trace) json(top int) traceJSON {
	a := t.Account
	j := traceJSON{
		File: t.Name, GoVersion: goVersion(a), Origin: a.Origin, Duration: int64(a.Duration),
		Events: a.Events, Bytes: a.Size, Split: a.Split, Samples: a.Samples, UsableCPUs: t.Usable,
		Windows: []windowJSON{}, Total: windowOf(&a.Total, top), Notes: nonNil(t.notes()), Verdict: verdictOf(t.Verdict()), Guessed: a.GuessedProcs,
		Lost: lostJSON{a.Lost.Bytes, a.Lost.Generations, a.Lost.Events, nonNil(a.Lost.Reasons)},
	}
	if !a.Wall.IsZero() {
		j.Wall = &a.Wall
	}
	for i := range a.Windows {
		w := windowOf(&a.Windows[i], top)
		if t.CPU != nil && t.CPU[i] >= 0 {
			ns := int64(t.CPU[i])
			w.ClocksCPU = &ns
		}
		j.Windows = append(j.Windows, w)
	}
	return j
}

func windowOf(w *account.Window, top int) windowJSON {
	j := windowJSON{
		Label: w.Label, Start: int64(w.Start), End: int64(w.End), MinProcs: w.MinProcs, MaxProcs: w.MaxProcs,
		Capacity: int64(w.Capacity), Parts: partsOf(&w.Parts), Residual: int64(w.Residual), PWait: w.PWait(),
		ThreadsCPU: int64(w.Threads), SiteCount: len(w.Sites),
		Goroutines: goroutinesJSON{int64(w.Goroutines.Running), int64(w.Goroutines.Runnable), int64(w.Goroutines.Syscall),
			int64(w.Goroutines.Waiting), w.Goroutines.Created, w.Goroutines.Exited},
		WakeToRun: histogramOf(&w.WakeToRun),
		PerP:      []map[string]int64{}, Waits: []waitJSON{}, Sites: []siteJSON{}, Causes: []causeJSON{}, CPU: []cpuJSON{},
	}
	for i := range w.PerP {
		j.PerP = append(j.PerP, partsOf(&w.PerP[i]))
	}
	for _, x := range w.Waits {
		j.Waits = append(j.Waits, waitJSON{string(x.Reason), int64(x.Time), x.Count, x.Parked})
	}
	l := placesOf(w)
	for _, s := range upTo(w.Sites, top) {
		j.Sites = append(j.Sites, l.site(&s, lost(w)))
	}
	for _, c := range upTo(w.Causes, top) {
		cause := causeJSON{Kind: c.Kind.String(), Reason: string(c.Reason), Time: int64(c.Time)}
		if c.Kind != account.NoCPU && c.Kind != account.NoWork {
			f := frameOf(l.line(c.Stack))
			cause.Place = &f
		}
		j.Causes = append(j.Causes, cause)
	}
	for _, x := range w.Serial {
		j.Serial += int64(x.Time)
	}
	for _, c := range w.CPU {
		j.CPU = append(j.CPU, cpuJSON{c.Kind.String(), c.Samples, c.Share})
	}
	return j
}

func (l places) site(s *account.Site, lost time.Duration) siteJSON {
	j := siteJSON{
		Reason: string(s.Reason), Place: frameOf(l.line(s.Stack)), Stack: stackOf(s.Stack),
		Wait: int64(s.Wait), Waits: s.Waits, MaxWait: int64(s.MaxWait), Parked: s.Parked,
		Charged: int64(s.Charged), By: chargeOf(&s.By), Assist: int64(s.Assist), Ready: int64(s.Ready), Open: s.Open, MaxOpen: int64(s.MaxOpen), Measures: s.Apparatus, LostShare: ratio(s.Charged, lost), Handoffs: s.Handoffs, Barging: s.Barging,
		Releasers: []releaserJSON{},
	}
	for _, r := range s.Releasers {
		j.Releasers = append(j.Releasers, releaserJSON{stackOf(r.Stack), r.Count})
	}
	return j
}

func verdictOf(v *blame.Verdict) verdictJSON {
	j := verdictJSON{
		Findings: []findingJSON{}, Stuck: []stuckJSON{}, Lost: int64(v.Lost), Measurement: int64(v.Measurement),
		NoCPU: int64(v.NoCPU), NoWork: int64(v.NoWork), Remarks: nonNil(v.Remarks),
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		x := findingJSON{
			Kind: f.Kind, placeJSON: placeOf(&f.Place), Callers: []callerJSON{}, Share: f.Share, OfCapacity: f.OfCapacity, By: chargeOf(&f.By),
			Waits: f.Waits, Open: f.Open, Samples: f.Samples, Known: f.Known.String(), Text: f.String(), Next: f.Next,
		}
		for k := range f.Others {
			x.Callers = append(x.Callers, callerJSON{placeOf(&f.Others[k].Place), f.Others[k].Share})
		}
		if h := f.Holder; h != nil {
			x.Holder = &holderJSON{h.Func, h.Activity.String(), string(h.Reason), frameOrNil(h.At), h.Share, h.Known.String()}
		}
		j.Findings = append(j.Findings, x)
	}
	for i := range v.Stuck {
		s := &v.Stuck[i]
		j.Stuck = append(j.Stuck, stuckJSON{s.Kind, placeOf(&s.Place), s.Count, int64(s.Age), s.Through, s.String()})
	}
	return j
}

func placeOf(p *blame.Place) placeJSON {
	j := placeJSON{Line: frameOf(p.Line), Op: p.Op, Caller: frameOrNil(p.Caller)}
	if p.Lock != p.Line {
		j.Lock = frameOrNil(p.Lock)
	}
	return j
}

func frameOrNil(f account.Frame) *frameJSON {
	if f.Func == "" {
		return nil
	}
	j := frameOf(f)
	return &j
}

func chargeOf(c *account.Charge) chargeJSON {
	return chargeJSON{int64(c.Blocked), int64(c.WakeUp), int64(c.Switching), int64(c.Syscall), int64(c.Stopped), int64(c.Inferred)}
}

func partsOf(p *account.Parts) map[string]int64 {
	m := make(map[string]int64, account.NumStates)
	for s := account.State(0); s < account.NumStates; s++ {
		m[s.String()] = int64(p[s])
	}
	return m
}

func histogramOf(h *account.Histogram) histogramJSON {
	j := histogramJSON{
		Count: h.Count, Sum: int64(h.Sum), Max: int64(h.Max),
		P50: int64(h.Quantile(0.5)), P90: int64(h.Quantile(0.9)), P99: int64(h.Quantile(0.99)), Buckets: []bucketJSON{},
	}
	for i, n := range h.Buckets {
		if n > 0 {
			j.Buckets = append(j.Buckets, bucketJSON{int64(account.BucketStart(i)), n})
		}
	}
	return j
}

func frameOf(f account.Frame) frameJSON { return frameJSON{f.Func, f.File, f.Line} }

func stackOf(s account.Stack) []frameJSON {
	j := make([]frameJSON, 0, len(s))
	for _, f := range s {
		j = append(j, frameOf(f))
	}
	return j
}

func upTo[T any](s []T, n int) []T {
	if n > 0 && len(s) > n {
		return s[:n]
	}
	return s
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
