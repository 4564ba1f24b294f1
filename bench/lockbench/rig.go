package lockbench

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/openload"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// rig is one cell at work, in the process that controls it.
type rig struct {
	cell    *cell
	service *Service
	fault   *fault
	dir     string // removed by the guard
	random  *rand.Rand

	guard     *guard
	cluster   *cluster
	resource  *resource
	processes []*clientProcess

	silent []string // addresses that were given, at which nobody answers

	load        *openload.Run // of an open load, else nil
	plans, from int64         // when its plans began, and its window

	events     []history.Event // of the cell itself
	began, end int64           // of the timed window
	serverCPU  time.Duration
	cpuKnown   bool
	wire       [2]wire // at about its begin and its end
}

// clientProcess is a process of clients.
type clientProcess struct {
	index   int
	clients []int
	child   *child
	dead    bool // killed by a fault
}

// When a service counts as not there that does not answer: one that this program started may take long to begin, one
// that was given runs already.
const (
	connectPatience = 30 * time.Second
	givenPatience   = 10 * time.Second
)

// warmup is between the first acquires and the timed window.
const warmup = 100 * time.Millisecond

// measure runs a cell.
func (c *cell) measure(services []Service, w bench.Window) (p bench.Printed, err error) {
	s, err := lookup(services, c.Service)
	if err != nil {
		return p, err
	}
	dir := filepath.Join(cmp.Or(w.Dir, os.TempDir()), fmt.Sprintf("%s-%d-%d", servicesFolder, os.Getpid(), rand.Uint32()))
	r := &rig{cell: c, service: s, fault: lookupFault(c.Fault), dir: dir, random: rand.New(rand.NewPCG(c.Seed, hash(w.Prefix)))}
	if r.guard, err = newGuard(dir); err != nil {
		return p, err
	}
	defer func() { err = firstCause(err, r.close()) }()
	if err := r.start(); err != nil {
		return p, err
	}
	jump := newClock()
	if err := r.run(); err != nil {
		return p, err
	}
	if err := jump.check(); err != nil {
		return p, err
	}
	events, err := r.history()
	if err != nil {
		return p, err
	}
	result, err := r.result(events, w)
	return bench.Printed{Procs: runtime.GOMAXPROCS(0), Results: []bench.Result{result}}, err
}

// firstCause is an error and what came of it, in one line: of a process that failed the last line is told.
func firstCause(err, after error) error {
	switch {
	case after == nil:
		return err
	case err == nil:
		return after
	}
	return fmt.Errorf("%w; and %w", err, after)
}

// servicesFolder begins the names of folders that a cell's guard makes and removes.
const servicesFolder = ".locks"

// hash tells the blocks of a cell apart, so that each has faults at moments of
// its own.
func hash(text string) (h uint64) {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3 // FNV's prime
	}
	return h
}

// start starts servers, resource and clients, and waits until all can begin.
func (r *rig) start() (err error) {
	c := r.cell
	if len(c.Addrs) > 0 { // they may have gone since the sweep began
		if r.silent, err = r.service.reach(context.Background(), c.Addrs); err != nil {
			return err
		}
	}
	shared := filepath.Join(r.dir, "shared")
	for _, d := range []string{shared, r.histories()} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	if r.resource, err = newResource(filepath.Join(r.dir, "resource"), guarded(r.service, c.Locks), c.Fence); err != nil {
		return err
	}
	r.cluster = &cluster{release: func() {}} // the servers are given
	if len(c.Addrs) == 0 {
		if r.cluster, err = newCluster(r.service, r.guard, r.dir, c.TTL, r.fault.network); err != nil {
			return err
		}
	}
	patience := connectPatience
	if len(c.Addrs) > 0 {
		patience = givenPatience
	}
	for i := range c.Processes {
		p := &clientProcess{index: i, clients: c.members(i)}
		addrs := c.Addrs
		if len(addrs) == 0 {
			if addrs, err = r.cluster.reach(i, r.fault.network); err != nil {
				return err
			}
		}
		p.child, err = start(role{Client: &clientRole{
			Service: r.service.Name, Clients: p.clients, Locks: c.Locks, Hold: c.Hold, Think: c.Think,
			Seed: c.Seed, Resource: r.resource.path, Dir: r.histories(), Patience: patience,
			Target: Target{Addrs: addrs, Dir: shared, Prefix: r.prefix(), TTL: c.TTL},
		}}, r.guard, r.dir)
		if err != nil {
			return err
		}
		r.processes = append(r.processes, p)
	}
	for _, p := range r.processes {
		if err := p.child.awaitReady(fmt.Sprintf("the process of client %d", p.clients[0])); err != nil {
			return errors.Join(err, r.cluster.alive())
		}
	}
	return nil
}

// mostItems is how many items of queues a cell has room for.
const mostItems = 1 << 18

// guarded is how many things the locks of a cell guard: each a number of its own.
func guarded(s *Service, locks int) int {
	if s.Promises.Queue {
		return mostItems
	}
	return locks
}

// prefix begins the names of the cell's locks, in services that others use too.
func (r *rig) prefix() string {
	return "contend" + strings.TrimPrefix(filepath.Base(r.dir), servicesFolder) + "-"
}

// run lets the clients work, has the fault happen, and stops them.
func (r *rig) run() error {
	r.each(sayGo)
	time.Sleep(warmup)
	if r.cell.Open {
		if err := r.paceClients(); err != nil {
			return err
		}
	}
	before, known := r.cluster.cpu()
	r.wire[0] = r.traffic()
	r.note(history.Window, history.Nobody, history.Nobody, "begin")
	r.began = history.Now()
	if err := r.inject(); err != nil {
		return err
	}
	time.Sleep(r.cell.window() - time.Duration(history.Now()-r.began))
	after, still := r.cluster.cpu()
	r.note(history.Window, history.Nobody, history.Nobody, "end")
	r.end = history.Now()
	r.serverCPU, r.cpuKnown = after-before, known && still
	r.wire[1] = r.traffic()
	if err := r.cluster.alive(); err != nil {
		return err
	}
	r.each(sayStop)
	return r.finish()
}

// inject has the fault happen at a moment in the first fifth of the window, and
// afterwards lets the window go on for half a lease.
func (r *rig) inject() error {
	if r.fault.do == nil {
		return nil
	}
	time.Sleep(rand64(r.random, r.cell.window()/5))
	var v *victim
	if r.fault.holder != "" {
		var err error
		if v, err = r.seize(r.fault.holder); err != nil {
			return err
		}
	}
	if err := r.fault.do(r, v); err != nil {
		return fmt.Errorf("fault %s: %w", r.fault.name, err)
	}
	r.note(history.Healed, history.Nobody, history.Nobody, r.fault.name)
	if v != nil && !v.process.dead {
		v.process.child.say(sayProceed)
	}
	time.Sleep(r.cell.TTL / 2)
	return nil
}

func rand64(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most) + 1))
}

// each tells all processes of clients that live.
func (r *rig) each(line string) {
	for _, p := range r.processes {
		if !p.dead {
			p.child.say(line)
		}
	}
}

// finish waits until the clients have ended. As long as there is progress, those
// that wait for a lock may go on waiting; then they are told to give up.
func (r *rig) finish() error {
	grace := 2*r.cell.TTL + mostLag
	for _, p := range r.processes {
		if p.dead {
			continue
		}
		go p.child.drain()
		for size, ended := r.size(), false; !ended; {
			select {
			case <-p.child.ended:
				ended = true
			case <-time.After(grace):
				if now := r.size(); now == size {
					r.each(sayAbort)
				} else {
					size = now
				}
			}
		}
		if p.child.err != nil {
			return fmt.Errorf("the process of client %d: %w", p.clients[0], p.child.failure())
		}
	}
	return nil
}

// size is how much the clients have noted.
func (r *rig) size() (n int64) {
	for id := range r.cell.Clients {
		if info, err := os.Stat(historyFile(r.histories(), id)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// close ends everything that the cell started.
func (r *rig) close() error {
	for _, p := range r.processes {
		if p.child != nil {
			p.child.kill()
		}
	}
	if r.cluster != nil {
		r.cluster.close()
	}
	var err error
	if r.resource != nil {
		err = r.resource.close()
	}
	return errors.Join(err, r.tidy(), r.guard.close())
}

// tidy removes what the cell left in a service that goes on without it.
func (r *rig) tidy() error {
	if len(r.cell.Addrs) == 0 || r.service.Remove == nil || len(r.processes) == 0 {
		return nil
	}
	connected := r.connected()
	patience := givenPatience
	if !connected { // there should be nothing, but a client may have got half way
		patience = reachPatience
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := r.service.Remove(ctx, Target{Addrs: r.cell.Addrs, Prefix: r.prefix(), TTL: r.cell.TTL})
	if err == nil || !connected {
		return nil
	}
	return fmt.Errorf("keys that begin with %q may be left at %s: %w", r.prefix(), redactedList(r.cell.Addrs), err)
}

// connected reports whether a client ever had a session: it has a history from then on.
func (r *rig) connected() bool {
	for id := range r.cell.Clients {
		if _, err := os.Stat(historyFile(r.histories(), id)); err == nil {
			return true
		}
	}
	return false
}

func (r *rig) histories() string { return filepath.Join(r.dir, "histories") }

// history is all that was noted, in the order of time.
func (r *rig) history() ([]history.Event, error) {
	events := slices.Concat(r.events, r.resource.events())
	for id := range r.cell.Clients {
		path := historyFile(r.histories(), id)
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		list, err := history.ReadAll(f, path)
		f.Close()
		if err != nil {
			return nil, err
		}
		events = append(events, list...)
	}
	history.Sort(events)
	return events, nil
}

// result is what the history says, in units.
func (r *rig) result(events []history.Event, w bench.Window) (res bench.Result, err error) {
	leases := history.Leases(events)
	wall := time.Duration(r.end - r.began)
	pairs := make(map[int]int, r.cell.Clients)
	latency := hdrhistogram.New(1, int64(time.Hour), 3)
	n := 0
	var held time.Duration
	for _, l := range leases {
		if l.Granted >= r.began && l.Granted < r.end {
			_ = latency.RecordValue(max(1, l.Granted-l.Sent)) // an hour is longer than any cell
		}
		if l.Released >= r.began && l.Released < r.end {
			pairs[l.Client]++
			n++
			held += time.Duration(l.End - l.Granted)
		}
	}
	if n == 0 && r.fault.name == NoFault {
		return res, fmt.Errorf("no lock was acquired and released in the window of %v%s", wall.Round(time.Millisecond), lastError(events))
	}
	res.Iters = max(1, n)
	add := func(unit string, v float64) { res.Values = append(res.Values, sample.Value{Unit: unit, V: v}) }
	add("ns/op", float64(wall)/float64(max(1, n)))
	add("ops/s", float64(n)/wall.Seconds())
	add("p50-acquire-ns", float64(latency.ValueAtQuantile(50)))
	add("p99-acquire-ns", float64(latency.ValueAtQuantile(99)))
	add("max-acquire-ns", float64(latency.Max()))
	add("held-ns/op", float64(held)/float64(max(1, n)))
	add("harness-ns/op", float64(r.own(leases))/float64(max(1, n)))
	if r.cpuKnown {
		add("server-cpu-ns/op", float64(r.serverCPU)/float64(max(1, n)))
	}
	if bytes, known := r.wire[1].since(r.wire[0]); known {
		add("wire-B/op", float64(bytes)/float64(max(1, pairsIn(leases, r.wire[0].at, r.wire[1].at))))
	}
	if r.fault.name == NoFault {
		fair, jain := fairness(pairs, r.cell.Clients)
		add("fairness", fair)
		add("jain", jain)
	}
	v := history.Judge(events)
	add("overlaps", float64(v.Overlaps))
	add("overlap-ms", v.Overlap.Seconds()*1000)
	add("acted", float64(v.Acted))
	add("stale-accepted", float64(v.StaleAccepted))
	add("stale-rejected", float64(v.StaleRejected))
	add("fresh-rejected", float64(v.FreshRejected))
	add("tokens-fell", float64(v.TokensFell))
	add("waiting", float64(v.Waiting))
	add("lost/op", float64(v.LostUpdates)/float64(max(1, len(leases))))
	if r.service.Promises.Queue {
		add("twice", float64(history.Again(leases)))
	}
	add("refused/op", float64(r.refused(events))/float64(max(1, n)))
	r.unavailable(events, leases, add)
	for _, text := range r.silent {
		res.Warnings = append(res.Warnings, unanswered(r.service, text))
	}
	crossed := crossCheck(leases, crossTime)
	if note := crossed.disagrees(v.Overlaps > 0); note != "" {
		res.Warnings = append(res.Warnings, note)
	}
	if r.load != nil {
		timely, carried := r.timely(events, leases)
		add("timely/s", float64(timely)/r.cell.window().Seconds())
		add("carried-p99-ns", float64(carried))
	}
	if res.Attachments, err = r.attach(events, latency, w); err != nil || r.load == nil {
		return res, err
	}
	return res, r.paced(&res, r.offered(events, leases), w)
}

// paced adds what an open load tells.
func (r *rig) paced(res *bench.Result, rec *load.Record, w bench.Window) error {
	// What a closed loop calls the wait for a lock is an operation's service here.
	loop := slices.DeleteFunc(res.Values, func(v sample.Value) bool { return strings.HasSuffix(v.Unit, "-acquire-ns") })
	values, warnings := r.load.Values(rec, loop)
	list, err := r.load.Attach(rec, w)
	res.Values, res.Warnings, res.Attachments = values, append(res.Warnings, warnings...), append(res.Attachments, list...)
	return err
}

// pairsIn is how many leases were released from a time on, and before another.
func pairsIn(leases []history.Lease, from, to int64) (n int) {
	for _, l := range leases {
		if l.Released >= from && l.Released < to {
			n++
		}
	}
	return n
}

// own is the time that clients spent in the harness itself, in the pairs that ended
// in the window: under the lock without --hold, and between pairs without --think.
func (r *rig) own(leases []history.Lease) (sum time.Duration) {
	for _, l := range leases {
		if l.Released < r.began || l.Released >= r.end || l.EndBy != history.ReleaseSent {
			continue
		}
		sum += max(0, time.Duration(l.End-l.Granted)-r.cell.Hold)
		if l.Next != history.Never {
			sum += max(0, time.Duration(l.Next-l.Released)-r.cell.Think)
		}
	}
	return sum
}

// refused counts the acquires in the window that the service refused.
func (r *rig) refused(events []history.Event) (n int) {
	for _, e := range events {
		if e.What == history.Busy && e.T >= r.began && e.T < r.end {
			n++
		}
	}
	return n
}

// lastError is the last error that a client got of the service, behind a colon.
func lastError(events []history.Event) string {
	for _, e := range slices.Backward(events) {
		if e.What == history.AcquireUnknown || e.What == history.ReleaseUnknown {
			return fmt.Sprintf(": client %d: %s", e.Client, e.Note)
		}
	}
	return ""
}

// unavailable is how long the lock could not be had after the fault: from the
// fault itself where it strikes the holder, and otherwise from when the holder
// let go.
func (r *rig) unavailable(events []history.Event, leases []history.Lease, add func(string, float64)) {
	i := slices.IndexFunc(events, func(e history.Event) bool { return e.What == history.Fault })
	if i < 0 {
		return
	}
	from, lock, end := events[i].T, events[i].Lock, events[len(events)-1].T
	if r.service.Promises.Queue {
		lock = history.Nobody // any other item will do
	}
	add("granted-in-fault", float64(history.GrantedInFault(events, events[i].Client, lock)))
	if r.fault.holder == watching && !r.fault.network {
		for _, l := range leases {
			if l.Client == events[i].Client && l.Granted < from && l.End > from {
				from = min(l.End, end)
			}
		}
	}
	add("unavailable-ms", history.Standstill(events, lock, from, end).Seconds()*1000)
}

// fairness is the pairs of the client that had fewest ÷ those of the one that had
// most, and Jain's index.
func fairness(pairs map[int]int, clients int) (fair, jain float64) {
	least, most, sum, squares := pairs[0], 0, 0.0, 0.0
	for id := range clients {
		n := pairs[id]
		least, most = min(least, n), max(most, n)
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if most == 0 {
		return 0, 0
	}
	return float64(least) / float64(most), sum * sum / (float64(clients) * squares)
}

// attach stores the history and the histogram beside the sample.
func (r *rig) attach(events []history.Event, latency *hdrhistogram.Histogram, w bench.Window) (list []sample.Attachment, err error) {
	if w.Dir == "" {
		return nil, nil
	}
	put := func(kind, name string, write func(io.Writer) error) {
		if err != nil {
			return
		}
		full := filepath.Join(w.Dir, filepath.FromSlash(name))
		if err = os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return
		}
		if err = whole.Write(full, write); err != nil {
			return
		}
		var sum string
		sum, err = bench.HashFile(full)
		list = append(list, sample.Attachment{Kind: kind, Path: name, SHA256: sum})
	}
	put("history", "histories/"+w.Prefix+".history.gz", func(out io.Writer) error {
		z, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // the next cell waits for it
		if err != nil {
			return err
		}
		_, err = z.Write(history.Text(events))
		return errors.Join(err, z.Close())
	})
	put("histogram", "histograms/"+w.Prefix+"-acquire.hdr", func(out io.Writer) error {
		text, err := latency.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err == nil {
			_, err = out.Write(text)
		}
		return err
	})
	return list, err
}

// clock tells whether the host's time was set while a cell ran.
type clock struct {
	wall time.Time
	mono int64
}

func newClock() clock { return clock{time.Now().Round(0), history.Now()} }

// mostDrift is what a clock that is disciplined, or two that are read one after
// the other on a busy host, may differ by.
const mostDrift = 200 * time.Millisecond

func (c clock) check() error {
	now := newClock()
	return jumped(now.wall.Sub(c.wall), time.Duration(now.mono-c.mono))
}

func jumped(wall, mono time.Duration) error {
	if d := wall - mono; d > mostDrift || d < -mostDrift {
		return fmt.Errorf("the host's time was set by %v while the cell ran: leases and times mean nothing", d.Round(time.Millisecond))
	}
	return nil
}
