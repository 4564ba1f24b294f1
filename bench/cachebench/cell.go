// Package cachebench measures caches: it crosses backends with workloads and
// the other axes into cells ([Options.Plan]), and is the process that measures
// one of them ([RunCell]). The same cells run as `go test -bench` functions, and
// for a user's own cache through [Main].
package cachebench

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/cachebench/workload"
	"github.com/contend-go/contend/bench/sample"
)

// cell is one point of a cache sweep. As JSON it is what the harness hands to
// the process that measures it.
type cell struct {
	Backend    string        `json:"backend"`
	Workload   string        `json:"workload"`
	Reads      float64       `json:"reads"` // percent
	Keys       int           `json:"keys"`
	Capacity   int           `json:"capacity"`
	KeyType    string        `json:"key_type"` // "string", "uint64"
	KeySize    int           `json:"key_size"` // bytes of a string key
	PerP       int           `json:"goroutines_per_p"`
	Shared     bool          `json:"shared"` // false: the share-nothing control
	ItemLock   bool          `json:"item_lock"`
	HotShare   float64       `json:"hot_share,omitempty"` // percent
	Work       time.Duration `json:"work,omitempty"`
	WorkUnits  int           `json:"work_units,omitempty"`
	Input      string        `json:"input,omitempty"` // trace file to be replayed
	InputName  string        `json:"input_name,omitempty"`
	Content    string        `json:"content,omitempty"` // what the trace holds: its fingerprint
	Probe      string        `json:"probe,omitempty"`
	Tour       []int         `json:"tour,omitempty"` // GOMAXPROCS steps within one process
	Procs      int           `json:"procs"`
	Time       time.Duration `json:"time"`
	StreamSeed uint64        `json:"seed"`

	requests int // of the trace that is replayed: how long that takes
}

// cellVar is the environment variable that makes a process measure one cell.
const cellVar = "CONTEND_CELL"

// name is the benchmark name: each axis that was varied or decides the load, a
// literal gomaxprocs last.
func (c cell) name(procs int) string {
	var b strings.Builder
	b.WriteString("BenchmarkCache")
	add := func(key, value string) { fmt.Fprintf(&b, "/%s=%s", key, value) }
	add("workload", c.Workload)
	if c.InputName != "" {
		add("input", c.InputName)
		add("content", c.Content) // so that two files of one name are never pooled
	}
	add("reads", number(c.Reads))
	add("keys", strconv.Itoa(c.Keys))
	add("capacity", strconv.Itoa(c.Capacity))
	add("key", c.keyName())
	if c.HotShare > 0 {
		add("hot-share", number(c.HotShare))
	}
	if c.Work > 0 {
		add("work", c.Work.String())
	}
	if c.task() == workload.TakeToken {
		add("item-lock", map[bool]string{true: "on", false: "off"}[c.ItemLock])
	}
	add("goroutines-per-p", strconv.Itoa(c.PerP))
	add("sharing", map[bool]string{true: "all", false: "none"}[c.Shared])
	if c.Probe != "" {
		add("probe", c.Probe)
	}
	add("backend", c.Backend)
	add(sample.GOMAXPROCS, strconv.Itoa(procs))
	return b.String()
}

func (c cell) keyName() string {
	if c.KeyType == "string" {
		return fmt.Sprintf("string%d", c.KeySize)
	}
	return c.KeyType
}

func (c cell) task() workload.Task {
	spec, _ := workload.Lookup(c.Workload)
	return spec.Task
}

// goroutines is how many drive the cache at the given GOMAXPROCS.
func (c cell) goroutines(procs int) int { return procs * c.PerP }

func (c cell) environment() []string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and strings only
	}
	return []string{cellVar + "=" + string(text)}
}

// number prints a percentage without a needless fraction.
func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// decode is the inverse of environment.
func decode(env []string) (c cell, ok bool) {
	for _, v := range env {
		if text, found := strings.CutPrefix(v, cellVar+"="); found {
			return c, json.Unmarshal([]byte(text), &c) == nil
		}
	}
	return c, false
}
