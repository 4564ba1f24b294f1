package primitives

import (
	"fmt"
	"sync"

	"golang.org/x/sys/cpu"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/load"
	"github.com/contend-go/contend/bench/openload"
)

// conditions are what a row is run under.
type conditions struct {
	procs       int  // GOMAXPROCS
	open        bool // the workers are generators of an open load
	hold, think int  // units of CPU work, see family.Work
}

// job is a fixed number of operations on a fresh structure, shared out among
// goroutines that are about to start. It is run once.
type job struct {
	workers    []*worker // that do the operations
	goroutines []func()
	check      func() error // what must hold when all have returned
}

// do runs the job: begin is called when every goroutine is there, end when the
// last has returned.
func (j *job) do(begin, end func()) error {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for _, f := range j.goroutines {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			f()
		})
	}
	ready.Wait()
	begin()
	close(gate)
	done.Wait()
	end()
	return j.check()
}

// worker is what one goroutine of a job owns; nobody else looks at it before
// the goroutine has returned.
type worker struct {
	_           cpu.CacheLinePad
	id          int
	n           int // operations that it has to do
	first       int // number of its first operation in the job
	hold, think int
	loop        *load.Loop // of an open load, else nil

	done int    // operations that it has done
	sum  uint64 // of what its operations gave: checked, so nothing is optimised away
	x    uint64 // running result of the CPU work
	_    cpu.CacheLinePad
}

// Hold is the work inside a critical section, or on what was received.
func (w *worker) Hold() {
	if w.hold > 0 {
		w.x = family.Work(w.hold, w.x)
	}
}

// paced is what think is in an open load.
const paced = -1

// Think is what is between operations: work, or the time until the next is due.
func (w *worker) Think() {
	if w.think != 0 {
		w.between()
	}
}

func (w *worker) between() {
	if w.think == paced {
		w.loop.Step()
		return
	}
	w.x = family.Work(w.think, w.x)
}

// share splits n operations among workers, as evenly as it goes.
func share(c conditions, workers, n int) []*worker {
	ws := make([]*worker, workers)
	for i := range ws {
		first, next := i*n/workers, (i+1)*n/workers
		ws[i] = &worker{id: i, n: next - first, first: first, hold: c.hold, think: c.think}
	}
	return ws
}

// each is a job in which every worker runs f, and check follows.
func each(ws []*worker, f func(*worker), check func() error) *job {
	j := &job{workers: ws, check: func() error {
		want := 0
		for _, w := range ws {
			want += w.n
		}
		if err := equal("operations done", total(ws), want); err != nil {
			return err
		}
		return check()
	}}
	for _, w := range ws {
		j.goroutines = append(j.goroutines, func() {
			f(w)
			if w.loop != nil {
				w.loop.Finish()
			}
		})
	}
	return j
}

// total is how many operations the workers have done.
func total(ws []*worker) (n int) {
	for _, w := range ws {
		n += w.done
	}
	return n
}

// sum adds up what the workers' operations gave.
func sum(ws []*worker) (s uint64) {
	for _, w := range ws {
		s += w.sum
	}
	return s
}

// equal is the error of a check that found something else than it must.
func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}

// all is no error if none of them is one, else the first.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// crowd is how many goroutines contend in a row that does not fix it: 8 as in
// the published corrections, or one per P where there are more; in an open load as
// many as there are generators.
func crowd(c conditions) int {
	if c.open {
		return openload.Generators(c.procs)
	}
	return max(8, c.procs)
}
