package account

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/contend-go/contend/traces/decode"
)

// Read accounts a trace. An error says that nothing could be read; what could
// not be read of a readable trace is in Account.Lost.
//
// The errors: *decode.FormatError (no trace, an empty file, nothing behind the
// header), *decode.VersionError (a trace of an unknown Go version), and errors of r.
//
// Generations are read in parallel. Memory holds twice Options.Parallel of them as far as they were
// accounted, one batch of 64 KB and a few events for every thread of those being read, and the result.
func Read(r io.ReaderAt, size int64, opt Options) (*Account, error) {
	if opt.Windows.Mode == Slices && opt.Windows.Every < time.Millisecond {
		return nil, fmt.Errorf("windows of %v: the least is 1ms", opt.Windows.Every)
	}
	minor, err := decode.Minor(r, size)
	if err != nil {
		return nil, err
	}
	if minor < decode.OldestMinor {
		return readOld(r, size, minor, opt)
	}
	t, err := decode.Open(r, size)
	if err != nil {
		return nil, err
	}
	if len(t.Generations) == 0 {
		return nil, &decode.FormatError{What: "it has a trace's header, but no events"}
	}
	j, err := newJob(t, opt)
	if err != nil {
		return nil, err
	}
	a := &Account{
		GoMinor: minor, Size: size, Generations: len(t.Generations), Split: opt.Switches != nil,
		Lost: Lost{Bytes: t.LostBytes, Reasons: t.Lost},
	}
	s := newStitcher(j)
	if err := j.run(t, s, a, opt); err != nil {
		return nil, err
	}
	if opt.Causes {
		if err := j.charge(t, s); err != nil {
			return nil, err
		}
	}
	s.write(a, opt.Switches)
	return a, nil
}

// ReadStream is Read for a stream that cannot seek: it goes through a temporary file.
func ReadStream(r io.Reader, opt Options) (*Account, error) {
	f, err := os.CreateTemp("", "contend-*.trace")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, r)
	if err != nil {
		return nil, err
	}
	return Read(f, n, opt)
}

// job is what all machines and the stitcher share. Nobody changes it.
type job struct {
	windows WindowSpec // never Auto
	grid    *grid
	cpus    map[int32]*threadCPU
	origin  int64 // the trace's start
}

func newJob(t *decode.Trace, opt Options) (*job, error) {
	j := &job{windows: opt.Windows, cpus: opt.Switches.threads()}
	if j.windows.Mode == Auto {
		j.windows.Mode = ProcsChanges
		for _, g := range t.Generations {
			marked, err := g.Logs(MarkCategory)
			if err != nil {
				return nil, err
			}
			if marked {
				j.windows.Mode = Marks
				break
			}
		}
	}
	first, last, err := t.Bounds()
	if err != nil {
		return nil, err
	}
	j.origin = first
	if w := j.windows; w.Mode == Slices && (last-first)/int64(w.Every) >= maxWindows {
		return nil, fmt.Errorf("the trace lasts %v: windows of %v would be more than %d; take longer ones",
			time.Duration(last-first), w.Every, maxWindows)
	}
	if opt.Timeline.Columns > 0 {
		j.grid = newGrid(first, last, opt)
	}
	return j, nil
}

func newGrid(first, last int64, opt Options) *grid {
	g := &grid{from: first, to: last, columns: opt.Timeline.Columns}
	if tl := opt.Timeline; tl.To > tl.From {
		g.from, g.to = first+int64(tl.From), min(first+int64(tl.To), last)
	}
	g.to = max(g.to, g.from+int64(g.columns)) // a column is at least 1 ns
	return g
}

// cpu returns the switch records of a thread, for one reader.
func (j *job) cpu(thread uint64) *threadCPU {
	c, ok := j.cpus[int32(thread)]
	if !ok {
		return nil
	}
	own := *c
	return &own
}

// generation is a generation, accounted on its own.
type generation struct {
	m    *machine
	lost Lost
	err  error
	mono decode.Clock
}

// run accounts all generations, several at a time, and stitches them in order.
func (j *job) run(t *decode.Trace, s *stitcher, a *Account, opt Options) error {
	parallel := opt.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	results := make([]chan generation, len(t.Generations))
	for i := range results {
		results[i] = make(chan generation, 1)
	}
	// A slot is taken before a generation is begun and given back when it is
	// stitched, so that a slow one does not let the others pile up behind it. There are
	// twice as many as are accounted at a time: generations differ in size, and a CPU that is done
	// with a short one need not wait for a long one before it.
	slots := make(chan struct{}, 2*parallel)
	busy := make(chan struct{}, parallel)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for i := range t.Generations {
			select {
			case slots <- struct{}{}:
			case <-stop:
				return
			}
			busy <- struct{}{}
			go func() {
				results[i] <- j.generation(t, i)
				<-busy
			}()
		}
	}()
	var done int64
	for i, g := range t.Generations {
		res := <-results[i]
		if res.err != nil {
			return res.err
		}
		if i == 0 && res.mono.WallSec > 0 {
			a.Wall = time.Unix(res.mono.WallSec, res.mono.WallNsec).Add(-time.Duration(res.mono.Time - j.origin))
		}
		if res.lost.Any() || !g.Complete {
			a.Lost.Generations++
		}
		a.Lost.Bytes += res.lost.Bytes
		a.Lost.add(res.lost.Reasons...)
		s.add(res.m, g.ID, g.Complete)
		<-slots
		done += g.Bytes
		if opt.Progress != nil {
			opt.Progress(done, t.Size)
		}
	}
	s.finish()
	return nil
}

// generation accounts one generation.
func (j *job) generation(t *decode.Trace, i int) generation {
	m, stream, tables, err := j.machine(t, i)
	if err != nil {
		return generation{err: err}
	}
	m.run(stream)
	m.sample(tables.Samples)
	out := generation{m: m, err: stream.Err(), mono: tables.Clock}
	out.lost.add(tables.Lost...)
	if stream.Damaged > 0 {
		out.lost.Bytes = stream.LostBytes
		out.lost.add(fmt.Sprintf("generation %d: events damaged in %d places", t.Generations[i].ID, stream.Damaged))
	}
	return out
}

// machine makes a generation's machine and the stream of its events.
func (j *job) machine(t *decode.Trace, i int) (*machine, *decode.Stream, *decode.Tables, error) {
	g := t.Generations[i]
	tables, err := g.Tables()
	if err != nil {
		return nil, nil, nil, err
	}
	start, end, err := g.Bounds(tables.Clock)
	if err != nil {
		return nil, nil, nil, err
	}
	var others []cut
	if i > 0 {
		if others, err = j.cuts(t.Generations[i-1], start, 1<<63-1); err != nil {
			return nil, nil, nil, err
		}
	}
	if i+1 < len(t.Generations) {
		next, err := j.cuts(t.Generations[i+1], -1<<63, end)
		if err != nil {
			return nil, nil, nil, err
		}
		others = append(others, next...)
	}
	ids := make([]uint64, len(g.Threads))
	for i, th := range g.Threads {
		ids[i] = th.ID
	}
	return newMachine(tables, ids, start, end, others, j), g.Events(tables.Clock), tables, nil
}

// cuts are a generation's cuts between two times.
func (j *job) cuts(g *decode.Generation, from, to int64) (cuts []cut, err error) {
	clock, err := g.Clock()
	if err != nil {
		return nil, err
	}
	events, err := g.Globals(clock, from, to)
	if err != nil {
		return nil, err
	}
	var tables *decode.Tables // read if needed
	for _, e := range events {
		switch e.Type {
		case decode.STWBegin:
			cuts = append(cuts, cut{at: e.Time, kind: cutStop})
		case decode.STWEnd:
			cuts = append(cuts, cut{at: e.Time, kind: cutStart})
		case decode.ProcsChange:
			cuts = append(cuts, cut{at: e.Time, kind: cutProcs, procs: int(min(e.Args[0], maxProcs))})
		case decode.UserLog:
			if j.windows.Mode != Marks {
				cuts = append(cuts, cut{at: e.Time, kind: cutNone})
				continue
			}
			if tables == nil {
				if tables, err = g.Tables(); err != nil {
					return nil, err
				}
			}
			if tables.String(e.Args[1]) == MarkCategory {
				cuts = append(cuts, markOf(tables.String(e.Args[2]), e.Time))
			} else {
				cuts = append(cuts, cut{at: e.Time, kind: cutNone})
			}
		}
	}
	return cuts, nil
}

// maxReasons bounds Lost.Reasons.
const maxReasons = 16

func (l *Lost) add(reasons ...string) {
	for _, r := range reasons {
		if len(l.Reasons) < maxReasons {
			l.Reasons = append(l.Reasons, r)
		}
	}
}
