package lockbench

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/openload"
)

// pacing is when clients acquire under an open load. Times are of the histories' clock.
type pacing struct {
	Arrivals  load.Arrivals `json:"arrivals"`
	Rate      float64       `json:"rate"` // pairs per second, of all clients
	Clients   int           `json:"clients"`
	Seed      uint64        `json:"seed"`
	Begin, To int64
}

// pace takes the plan over. The closed loop has not ended yet.
func (p *clients) pace(text string) (err error) {
	p.pacing = new(pacing)
	if err := json.Unmarshal([]byte(text), p.pacing); err != nil {
		return err
	}
	p.schedule, err = load.NewSchedule(p.pacing.Arrivals, p.pacing.Rate, p.pacing.Clients, p.pacing.Seed)
	return err
}

// follow acquires when the client's plan says, or as soon as the last release has an answer where
// that was late. It goes on until all that was due is done, but for a backlog that
// takes longer than the plan.
func (c *client) follow() error {
	if c.pacing == nil {
		return nil
	}
	plan := c.schedule.Plan(c.id, c.pacing.Begin)
	hopeless := 2*c.pacing.To - c.pacing.Begin
	for due := plan.Next(); due < c.pacing.To && history.Now() < hopeless; due = plan.Next() {
		c.await(due)
		if c.calls.Err() != nil {
			return nil
		}
		if err := c.pair(due); err != nil {
			return err
		}
	}
	return nil
}

// Go's timers are rounded up to a millisecond, and the system's wake up to about 60 µs late:
// the rest of a wait is spun.
const (
	timersOff = 2 * time.Millisecond
	wakeOff   = 80 * time.Microsecond
)

// await waits until that time of the histories' clock.
func (c *client) await(due int64) {
	for c.calls.Err() == nil {
		d := time.Duration(due - history.Now())
		switch {
		case d <= 0:
			return
		case d > timersOff:
			select {
			case <-c.after(d - timersOff):
			case <-c.calls.Done():
			}
		case d > wakeOff:
			nap(d - wakeOff)
		default:
			runtime.Gosched()
		}
	}
}

// monotonic is the histories' clock.
type monotonic struct{}

func (monotonic) Now() int64            { return history.Now() }
func (monotonic) Sleep(d time.Duration) { time.Sleep(d) }

// The closed loop before an open load has a few locks at least; then the processes are told
// their plans.
const (
	leastClosed  = 200 * time.Millisecond
	tellPatience = 20 * time.Millisecond
)

func (c *cell) closedPhase() time.Duration { return openload.ClosedPhase(c.window(), leastClosed) }

// leastPairs is how many the closed loop should have, and capacityPatience how long it waits for the
// first of a slow service.
const (
	leastPairs       = 10
	capacityPatience = 10 * time.Second
)

// closedLoop is what the clients do without a plan, and how many pairs per second.
func (r *rig) closedLoop() (rec *load.Record, capacity float64, err error) {
	began := history.Now()
	for {
		time.Sleep(r.cell.closedPhase())
		ended := history.Now()
		events, err := r.history()
		if err != nil {
			return nil, 0, err
		}
		rec = load.NewRecord(0, r.cell.Clients)
		pairs := 0
		for _, l := range history.Leases(events) {
			if l.Released >= began && l.Released < ended {
				pairs++
				rec.ObserveClosed(l.Sent, l.Granted)
			}
		}
		spent := time.Duration(ended - began)
		switch {
		case pairs >= leastPairs, pairs > 0 && spent > capacityPatience:
			return rec, float64(pairs) / spent.Seconds(), nil
		case spent > capacityPatience:
			return nil, 0, fmt.Errorf("no lock was acquired and released in the %v that were to find the capacity%s", spent.Round(time.Millisecond), lastError(events))
		}
	}
}

// paceClients measures the closed loop, which lasts, and has the clients go over to the plan.
func (r *rig) paceClients() error {
	c := r.cell
	closed, capacity, err := r.closedLoop()
	if err != nil {
		return err
	}
	if r.load, err = c.Plan(monotonic{}, c.Clients, c.window(), c.Seed, closed, capacity); err != nil {
		return err
	}
	plans, from := r.load.Begin(tellPatience)
	r.plans, r.from = plans, from
	text, err := json.Marshal(pacing{Arrivals: c.Arrivals, Rate: r.load.Rate, Clients: c.Clients, Seed: c.Seed, Begin: plans, To: from + int64(c.window())})
	if err != nil {
		return err
	}
	r.each(sayPace + " " + string(text))
	time.Sleep(time.Duration(from - history.Now()))
	return nil
}

// offered is what the clients made of the plan: a lock is had when it is granted, and whoever
// was refused, or got no answer, has none.
func (r *rig) offered(events []history.Event, leases []history.Lease) *load.Record {
	from, to := r.from, r.from+int64(r.cell.window())
	rec := load.NewRecord(r.cell.window(), r.cell.Clients)
	granted := map[[2]int]history.Lease{}
	for _, l := range leases {
		granted[[2]int{l.Client, l.Op}] = l
	}
	done := make([]int64, r.cell.Clients) // when the client's last operation ended
	noted := int64(0)
	var first, last int64
	for _, e := range events {
		if e.Client < 0 || e.Client >= len(done) {
			continue
		}
		if e.What == history.AcquireSent && e.Value >= from && e.Value < to {
			noted++
			if noted == 1 {
				first = e.T - e.Value
			}
			last = e.T - e.Value
			if l, ok := granted[[2]int{e.Client, e.Op}]; ok {
				rec.Observe(e.Value, e.T, l.Granted, from, to, done[e.Client] <= e.Value)
			} else {
				rec.Offered++
			}
		}
		done[e.Client] = e.T
	}
	rec.Begin, rec.End = time.Duration(max(first, 0)), time.Duration(max(last, 0))
	for id := range r.cell.Clients {
		plan := r.load.Plan(id, r.plans)
		for due := plan.Next(); due < to; due = plan.Next() {
			if due >= from {
				noted--
			}
		}
	}
	rec.Dropped = -noted
	rec.Offered += rec.Dropped
	return rec
}

// timely is how many operations of the window were carried out within the cell's lease of
// when they were due, and carried the time within which 99% of those were that were
// carried out at all: what a service does for its callers when it is offered more than it can
// carry, and no quantile of all of them means anything.
func (r *rig) timely(events []history.Event, leases []history.Lease) (timely int, carried time.Duration) {
	from, to := r.from, r.from+int64(r.cell.window())
	due := map[[2]int]int64{}
	for _, e := range events {
		if e.What == history.AcquireSent && e.Value >= from && e.Value < to {
			due[[2]int{e.Client, e.Op}] = e.Value
		}
	}
	waits := hdrhistogram.New(1, int64(time.Hour), 3)
	for _, l := range leases {
		if at, ok := due[[2]int{l.Client, l.Op}]; ok {
			_ = waits.RecordValue(max(1, l.Granted-at)) // an hour is longer than any cell
			if l.Granted-at <= int64(r.cell.TTL) {
				timely++
			}
		}
	}
	return timely, time.Duration(waits.ValueAtQuantile(99))
}

// closedOnly says why a cell has no open load.
func (c *cell) closedOnly() string {
	if c.Open && c.Fault != NoFault {
		return fmt.Sprintf("what %s does to a lock is judged in a closed loop", c.Fault)
	}
	return ""
}

func spec(c *cell) *openload.Spec { return &c.Spec }
