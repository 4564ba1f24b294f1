package cachebench

import (
	"fmt"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/openload"
)

// cell is one point of a cache sweep. As JSON it is what the harness hands to
// the process that measures it.
type cell struct {
	family.Base
	Backend   string        `json:"backend"`
	Workload  string        `json:"workload"`
	Reads     float64       `json:"reads"` // percent
	Keys      int           `json:"keys"`
	Capacity  int           `json:"capacity"`
	KeyType   string        `json:"key_type"` // "string", "uint64"
	KeySize   int           `json:"key_size"` // bytes of a string key
	PerP      int           `json:"goroutines_per_p"`
	Shared    bool          `json:"shared"` // false: the share-nothing control
	ItemLock  bool          `json:"item_lock"`
	HotShare  float64       `json:"hot_share,omitempty"` // percent
	Work      time.Duration `json:"work,omitempty"`
	WorkUnits int           `json:"work_units,omitempty"`
	Input     string        `json:"input,omitempty"` // trace file to be replayed
	InputName string        `json:"input_name,omitempty"`
	Content   string        `json:"content,omitempty"` // what the trace holds: its fingerprint
	openload.Spec

	inputKeys, requests int // of the trace that is replayed
}

// complete sets what the workload decides itself.
func (c *cell) complete() error {
	spec, err := workload.Lookup(c.Workload)
	if err != nil {
		return err
	}
	if spec.Pattern == workload.Recorded {
		c.Keys = c.inputKeys
	} else {
		c.Input, c.InputName, c.Content, c.requests = "", "", "", 0
	}
	c.Keys = spec.KeyCount(c.Keys)
	if c.Capacity == 0 {
		c.Capacity = spec.Capacity(c.Keys)
	}
	if spec.KeyLength > 0 {
		c.KeySize = spec.KeyLength
	}
	if c.KeyType != "string" {
		c.KeySize = 0
	} else if err := workload.CheckKeyLength(c.Keys, c.KeySize); err != nil {
		return family.UsageError("key-size", "%w", err)
	}
	if !spec.Mixed {
		c.Reads = 100
	}
	if spec.Pattern != workload.Hot {
		c.HotShare = 0
	}
	if spec.Task != workload.TakeToken {
		c.ItemLock = false
	}
	if c.Spec.Complete(); c.Open {
		c.PerP = 1 // generators spin
	}
	return nil
}

func (c *cell) keyName() string {
	if c.KeyType == "string" {
		return fmt.Sprintf("string%d", c.KeySize)
	}
	return c.KeyType
}

func (c *cell) task() workload.Task {
	spec, _ := workload.Lookup(c.Workload)
	return spec.Task
}

// goroutines is how many drive the cache at the given GOMAXPROCS.
func (c *cell) goroutines(procs int) int {
	if c.Open {
		return openload.Generators(procs)
	}
	return procs * c.PerP
}

// expect is how long the cell's process should take: to start, to make keys
// and stream and fill (measured at 64K and 10M keys), to warm up, and to
// measure; or to step through its tour.
func (c *cell) expect() time.Duration {
	copies := 1
	if !c.Shared {
		copies = c.goroutines(c.Procs)
	}
	setup := 60*time.Millisecond + time.Duration(c.Keys)*(400+time.Duration(copies)*300)
	tour := time.Duration(len(c.Tour)) * (c.Time + 2*minWarmup)
	if c.Open {
		setup += openload.Extra(c.Time)
	}
	return setup + c.replayed() + c.Time + max(c.Time/2, minWarmup) + tour
}

// replayed is how long it should take to read a trace, and to replay it twice:
// once to see how long that takes, and once at least to measure. In the control
// each goroutine replays all of it.
func (c *cell) replayed() time.Duration {
	laps := 2
	if !c.Shared {
		laps *= c.PerP // of the goroutines that share a P
	}
	return time.Duration(c.requests*(1+laps)) * 200
}

// memory is about how much the cell's process takes: keys and stream, and for
// each cache its entries at 200 bytes.
func (c *cell) memory() int64 {
	copies := int64(1)
	if !c.Shared {
		copies = int64(c.goroutines(c.Procs))
	}
	keys := int64(c.Keys)
	entries := min(keys, int64(c.Capacity))
	return keys*int64(2*(16+c.KeySize)+8+32) + copies*(entries*200+int64(c.Capacity)*16)
}
