package record

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// drainEvery is how often the kernel's rings are emptied if none is half full
// before, which takes 10,000 switches. It is no more often than what a killed
// process may lose: each time, a thread asks for a CPU and a P, and workers that
// were stacked on one CPU stay so until the kernel's next balancing. Every 20 ms
// cost two workers on two CPUs 5% of their throughput.
const drainEvery = time.Second

// switchRecorder records which threads were on a CPU, to a switches file: every switch
// where the kernel allows it, and the threads' totals at every snapshot.
type switchRecorder struct {
	out   *output
	rings *rings // nil where the kernel refused
	stop  chan struct{}
	done  chan struct{}

	mu sync.Mutex // one of drain and snapshot writes at a time
	w  *switchWriter
}

// startSwitches begins to record to out. The warning is empty, or says that there
// will be totals only, and why.
func startSwitches(out *output) (c *switchRecorder, warning string) {
	c = &switchRecorder{out: out, stop: make(chan struct{}), done: make(chan struct{})}
	start := monotonic()
	rings, err := openRings()
	if err != nil {
		warning = fmt.Sprintf("no on-CPU switch records, only totals per thread: %v", err)
		c.w = newSwitchWriter(out, os.Getpid(), start, err.Error())
	} else {
		c.rings = rings
		c.w = newSwitchWriter(out, os.Getpid(), start, "")
	}
	c.queues()
	c.snapshot()
	if c.rings != nil {
		go c.run()
	}
	return c, warning
}

// run drains the rings until stop is closed.
func (c *switchRecorder) run() {
	defer close(c.done)
	for {
		c.rings.wait(drainEvery)
		select {
		case <-c.stop:
			return
		default:
		}
		c.mu.Lock()
		c.rings.drain(c.w)
		c.mu.Unlock()
	}
}

// snapshot notes the threads' CPU clocks of this moment.
func (c *switchRecorder) snapshot() {
	before := monotonic()
	clocks := threadClocks()
	at := before + (monotonic()-before)/2
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w.threads(frameClocks, at, clocks)
}

// queues notes how long the threads have waited for a CPU so far.
func (c *switchRecorder) queues() {
	at, queues := monotonic(), threadQueues()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w.threads(frameQueue, at, queues)
}

// finish ends the recording and the file.
func (c *switchRecorder) finish() (sample.Attachment, []string, error) {
	c.snapshot()
	c.queues()
	end := monotonic()
	if c.rings != nil {
		c.rings.disable()
		close(c.stop)
		c.rings.wake()
		<-c.done
		c.rings.drain(c.w)
		c.rings.close()
	}
	c.w.end(end)
	var warnings []string
	if c.w.err != nil {
		warnings = append(warnings, "switch records are incomplete: "+c.w.err.Error())
	}
	if c.w.dropped > 0 {
		warnings = append(warnings, fmt.Sprintf("%d on-CPU switch records lost: the kernel's ring was full", c.w.dropped))
	}
	a, err := c.out.finish()
	return a, warnings, err
}
