package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// Plan is what a run measures.
type Plan struct {
	Protocol int    `json:"protocol"`
	Seed     uint64 `json:"seed"`
	// Blocks is how often each cell is measured: every block holds each cell
	// once, in an order of its own. A run can be continued with more blocks.
	Blocks int `json:"blocks"`
	// First is the number of the first block. Machines of a fleet measure
	// different blocks of one plan, which their numbers tell apart.
	First int    `json:"first,omitempty"`
	Cells []Cell `json:"cells"`
	// Records travel in the samples file: promises, boundaries, absent cells.
	Records []sample.Record `json:"records,omitempty"`
}

// Cell is one point of a plan: what one process measures, once a block.
//
// The process gets Args and Env, GOMAXPROCS=Procs in its environment from the
// start, and an empty standard input. CONTEND_DIR (the run folder) and
// CONTEND_PREFIX (what the names of its attachments begin with) are in its
// environment; as ${CONTEND_DIR} and ${CONTEND_PREFIX} they may stand in Args.
// It must print on standard output one benchmark line named Name (or several,
// whose names differ from Name in their gomaxprocs only), and before it what
// there is of these records:
//
//	# cell protocol=1 gomaxprocs=8       the value read back from the runtime
//	# warn text="…"
//	# attach kind=trace path=traces/… sha256=…
//
// Exit status 0 says that the line is good; anything else makes the sample
// invalid, with the last lines of standard error as the reason.
type Cell struct {
	Name    string   `json:"name"`
	Variant string   `json:"variant,omitempty"` // "base" and "head" in comparisons
	Program string   `json:"program,omitempty"` // which executable runs it (see Options.Exe); empty for the variant's
	Procs   int      `json:"procs"`
	Args    []string `json:"args,omitempty"`
	Env     []string `json:"env,omitempty"` // added to the harness's own
	Dir     string   `json:"dir,omitempty"` // working directory; empty for the run folder
	// Blocks, if not 0, is how many of the plan's blocks hold this cell.
	Blocks int `json:"blocks,omitempty"`
	// Expect is how long the process should take, for progress and budgets.
	Expect time.Duration `json:"expect"`
	// Bound is when it counts as hung; 0 is a minute and ten times Expect.
	Bound time.Duration `json:"bound,omitempty"`
}

// ID is the cell's identity in the samples file. Variants of one cell share
// it: that is what pairs them.
func (c Cell) ID() string { return shortHash([]byte(c.Name), 6) }

func (c Cell) program() string {
	if c.Program != "" {
		return c.Program
	}
	return c.Variant
}

func (c Cell) bound() time.Duration {
	if c.Bound > 0 {
		return c.Bound
	}
	return time.Minute + 10*c.Expect
}

func (c Cell) blocks(p *Plan) int {
	if c.Blocks > 0 {
		return min(c.Blocks, p.Blocks)
	}
	return p.Blocks
}

// Samples is the number of processes that the plan starts.
func (p *Plan) Samples() int {
	n := 0
	for _, c := range p.Cells {
		n += c.blocks(p)
	}
	return n
}

// Duration is how long the plan should take.
func (p *Plan) Duration() time.Duration {
	var d time.Duration
	for _, c := range p.Cells {
		d += time.Duration(c.blocks(p)) * c.Expect
	}
	return d
}

// order is the cells of a block in the block's own random order. Variants of a
// cell are a group, in random order too: the closer in time they run, the more of
// the machine's drift they share.
func (p *Plan) order(block int) (groups [][]Cell) {
	for _, c := range p.Of(block) {
		if n := len(groups); n > 0 && c.Name == groups[n-1][0].Name {
			groups[n-1] = append(groups[n-1], c)
		} else {
			groups = append(groups, []Cell{c})
		}
	}
	r := rand.New(rand.NewPCG(p.Seed, uint64(block)))
	r.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	for _, g := range groups {
		r.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
	}
	return groups
}

// Of are the cells of a block, in no order.
func (p *Plan) Of(block int) (cells []Cell) {
	for _, c := range p.Cells {
		if at := block - p.First; at >= 0 && at < c.blocks(p) {
			cells = append(cells, c)
		}
	}
	return cells
}

// check refuses plans that could not be told apart in the samples file.
func (p *Plan) check() error {
	if len(p.Cells) == 0 || p.Blocks < 1 {
		return fmt.Errorf("nothing to measure: %d cells, %d blocks", len(p.Cells), p.Blocks)
	}
	if p.First < 0 {
		return fmt.Errorf("the first block is %d; the first of all is 0", p.First)
	}
	seen := map[string]string{}
	for _, c := range p.Cells {
		key := c.ID() + " " + c.Variant
		if other, ok := seen[key]; ok {
			return fmt.Errorf("two cells with the same identity: %s and %s", other, c.Name)
		}
		seen[key] = c.Name
		if c.Procs < 1 {
			return fmt.Errorf("cell %s: GOMAXPROCS %d", c.Name, c.Procs)
		}
	}
	return nil
}

// id is the identity of the plan: everything but which blocks are measured and
// the words for readers.
func (p *Plan) id() string {
	c := *p
	c.Blocks, c.First, c.Records = 0, 0, nil
	c.Cells = append([]Cell(nil), p.Cells...)
	for i := range c.Cells {
		c.Cells[i].Blocks, c.Cells[i].Expect, c.Cells[i].Bound = 0, 0, 0
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return shortHash(b, 8)
}

// PlanFile is the name of the plan within a run folder.
const PlanFile = "plan.json"

// ErrOtherPlan is returned for a run folder that holds a different plan.
var ErrOtherPlan = errors.New("the folder holds a different plan")

// Fits reports whether the plan is the one that a run folder holds, if it holds
// any; ErrOtherPlan if not. Samples without a plan are not ours to continue.
func (p *Plan) Fits(dir string) error {
	path := filepath.Join(dir, PlanFile)
	old, err := LoadPlan(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Stat(filepath.Join(dir, sample.FileName)); err == nil {
			return fmt.Errorf("%s: holds %s but no %s: choose another --out", dir, sample.FileName, PlanFile)
		}
		return nil
	case err != nil:
		return err
	case old.id() != p.id():
		return fmt.Errorf("%s: %w (%s): choose another --out, or remove the folder", path, ErrOtherPlan, p.differs(old))
	}
	return nil
}

// store writes the plan into the folder, unless it holds another.
func (p *Plan) store(dir string) error {
	if err := p.Fits(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	return whole.WriteBytes(filepath.Join(dir, PlanFile), text)
}

// MakeFolder makes a run folder, which git ignores: measuring in a repository
// leaves no trace there.
func MakeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return whole.WriteBytes(path, []byte("*\n"))
}

// LoadPlan reads a plan that Run stored in a run folder.
func LoadPlan(path string) (*Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := new(Plan)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: no plan: %w", path, err)
	}
	if p.Protocol > sample.Protocol {
		return nil, fmt.Errorf("%s: protocol %d, made by a newer contend; this one reads up to %d", path, p.Protocol, sample.Protocol)
	}
	return p, nil
}

func shortHash(b []byte, bytes int) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:bytes])
}
