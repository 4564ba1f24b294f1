// Package fleet plans one sweep for many machines, and makes one run folder of what
// they deliver. It places nothing itself: ssh, Slurm and Kubernetes do, through
// files that a plan writes and people can read and edit.
//
// A fleet is kinds of machines. Each machine gets a shard: whole blocks of the kind's
// plan, with numbers that no other shard of the fleet has. A cell, its control and
// its variants are of one block, so every ratio is of one machine. What a machine
// measures is an attempt at its shard, with a folder of its own; a block that is not
// complete in one attempt is measured anew in another, never finished there.
//
// The folder of a fleet:
//
//	fleet.json                  the plan: kinds, shards, what must be delivered
//	KIND.tar.gz                 what a machine of that kind runs
//	KIND.sbatch, KIND.yaml      for the engine, if it takes a file
//	delivered/SHARD/ATTEMPT/    run folders as machines left them, with done.json
//	run/                        the merged run folder, made anew by each collect
package fleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/whole"
)

// Fleet is a plan for many machines.
type Fleet struct {
	ID string // of this plan and no other, see [Fleet.Lay]
	// Nonce is drawn for each plan: the same words planned again are measured anew.
	Nonce   string
	Engine  string   // one of Engines
	Command []string // what every machine runs, for people
	Kinds   []*Kind
	Shards  []*Shard
}

// Kind is machines that are taken for alike.
type Kind struct {
	Name     string
	Machines int
	Hosts    []string `json:",omitempty"` // for ssh, one a machine
	// Settings are for the engine: partition, selector, image …
	Settings map[string]string `json:",omitempty"`
	Price    float64           `json:",omitempty"` // of a machine-hour

	// What a machine must be, or it is refused; zero values are not checked.
	Arch  string
	CPUs  int    `json:",omitempty"` // online and usable
	Model string `json:",omitempty"` // part of the CPU model's name
	Quota bool   `json:",omitempty"` // a CPU quota is accepted

	Bundle  string // file in the fleet's folder
	Digest  string // of what the bundle holds, see [Digest]
	Cells   int    // processes in a block
	Planned string // identity of their names and seed, see [planned]
	Expect  time.Duration
}

// Shard is what one machine measures: Blocks blocks from First on.
type Shard struct {
	ID     string
	Kind   string
	Index  int    // among the shards of its kind
	Host   string `json:",omitempty"`
	First  int
	Blocks int
}

// Names of files and folders within a fleet's folder.
const (
	FileName  = "fleet.json"
	Delivered = "delivered"
	RunFolder = "run"
)

// Engines are what can place shards.
var Engines = []string{"ssh", "slurm", "kubernetes"}

// name keeps kinds fit for file names, hosts' folders and Kubernetes' labels.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// mostPods keeps the list of a kind's shards, which is an argument of its pods, below the
// 128 KiB that Linux allows one (MAX_ARG_STRLEN).
const mostPods = 500

// settings are the words of a kind that an engine of its own knows.
var settings = map[string][]string{
	"slurm":      {"partition", "constraint", "account"},
	"kubernetes": {"selector", "image", "namespace", "toleration"},
}

// ParseKind reads a kind as it is typed, for one engine:
// NAME,hosts=A B C,cpus=64,arch=arm64,model=Neoverse,price=1.53,KEY=VALUE…
func ParseKind(text, engine, arch string) (*Kind, error) {
	words := strings.Split(text, ",")
	k := &Kind{Name: words[0], Arch: arch, Settings: map[string]string{}}
	bad := func(format string, args ...any) (*Kind, error) {
		return nil, fmt.Errorf("%s: %s", text, fmt.Sprintf(format, args...))
	}
	if !name.MatchString(k.Name) {
		return bad("a kind begins with its name: small letters, digits and '-', at most 32")
	}
	for _, w := range words[1:] {
		key, value, ok := strings.Cut(w, "=")
		if !ok || value == "" {
			return bad("%q is no KEY=VALUE", w)
		}
		var err error
		switch key {
		case "machines":
			k.Machines, err = strconv.Atoi(value)
		case "hosts":
			k.Hosts = strings.Fields(value)
		case "arch":
			k.Arch = value
		case "cpus":
			k.CPUs, err = strconv.Atoi(value)
		case "model":
			k.Model = value
		case "price":
			k.Price, err = strconv.ParseFloat(value, 64)
		case "quota":
			if k.Quota = value == "allowed"; !k.Quota {
				return bad("quota=%s; there is quota=allowed, and none is refused by default", value)
			}
		default:
			if !slices.Contains(settings[engine], key) {
				return bad("%s unknown; for %s there are %s", key, engine, strings.Join(keys(engine), ", "))
			}
			k.Settings[key] = value
		}
		if err != nil || k.Machines < 0 || k.CPUs < 0 || k.Price < 0 {
			return bad("%s=%s is no number that fits", key, value)
		}
	}
	switch {
	case engine == "ssh" && len(k.Hosts) == 0:
		return bad("name its hosts: hosts=a b c")
	case engine != "ssh" && len(k.Hosts) > 0:
		return bad("hosts are for ssh; %s chooses the machines itself: machines=3", engine)
	case engine == "ssh" && k.Machines != 0 && k.Machines != len(k.Hosts):
		return bad("machines=%d, and %d hosts", k.Machines, len(k.Hosts))
	case engine == "kubernetes" && k.Machines > mostPods:
		return bad("machines=%d: one Job takes up to %d, plan several kinds", k.Machines, mostPods)
	case engine == "kubernetes" && k.Settings["image"] == "":
		return bad("name the image that contend fleet plan packs, as the cluster finds it: image=registry/contend:1")
	}
	if k.Machines == 0 {
		k.Machines = max(1, len(k.Hosts))
	}
	for i, h := range k.Hosts {
		if slices.Contains(k.Hosts[:i], h) || strings.HasPrefix(h, "-") {
			return bad("host %s: each machine once, by a name that ssh knows", h)
		}
	}
	return k, nil
}

// keys are the words that a kind of an engine can have.
func keys(engine string) []string {
	known := []string{"machines", "arch", "cpus", "model", "price", "quota"}
	if engine == "ssh" {
		known[0] = "hosts"
	}
	known = append(known, settings[engine]...)
	slices.Sort(known)
	return known
}

// leastBlocks is how many blocks a machine measures at least: from one nothing tells
// how much it differs from itself.
const leastBlocks = 2

// Lay gives each machine its blocks: as many each, or, with split, all machines of a
// kind together. No two shards of the fleet have a block number in common. It ends the
// plan, and gives it an ID: what a plan with the same content has left on hosts or in
// an engine is not this one's.
func (f *Fleet) Lay(blocks int, split bool) error {
	first := 0
	for _, k := range f.Kinds {
		each := blocks
		if split {
			each = (blocks + k.Machines - 1) / k.Machines
		}
		if each < leastBlocks {
			return fmt.Errorf("%s: %d repetitions on each of %d machines; at least %d, as one says nothing of how much a machine differs from itself", k.Name, each, k.Machines, leastBlocks)
		}
		for i := range k.Machines {
			s := &Shard{ID: fmt.Sprintf("%s-%d", k.Name, i), Kind: k.Name, Index: i, First: first, Blocks: each}
			if i < len(k.Hosts) {
				s.Host = k.Hosts[i]
			}
			f.Shards = append(f.Shards, s)
			first += each
		}
	}
	f.Nonce = rand.Text()
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	f.ID = hex.EncodeToString(sum[:5])
	return nil
}

// Kind is the kind of a name; nil if there is none.
func (f *Fleet) Kind(name string) *Kind {
	for _, k := range f.Kinds {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Shard is the shard of an identity.
func (f *Fleet) Shard(id string) (*Shard, error) {
	for _, s := range f.Shards {
		if s.ID == id {
			return s, nil
		}
	}
	var ids []string
	for _, s := range f.Shards {
		ids = append(ids, s.ID)
	}
	return nil, fmt.Errorf("no shard %q in this fleet; there are %s", id, strings.Join(ids, ", "))
}

// Of are the shards of a kind.
func (f *Fleet) Of(k *Kind) (of []*Shard) {
	for _, s := range f.Shards {
		if s.Kind == k.Name {
			of = append(of, s)
		}
	}
	return of
}

// part is what a machine must know of the plan to measure one of a kind's shards, on one
// line.
func (f *Fleet) part(k *Kind, shards ...*Shard) string {
	alone := *k
	alone.Hosts, alone.Settings = nil, nil // of others, and of the engine
	text, err := json.Marshal(Fleet{ID: f.ID, Nonce: f.Nonce, Engine: f.Engine, Kinds: []*Kind{&alone}, Shards: shards})
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

// Save writes the plan into its folder.
func (f *Fleet) Save(dir string) error {
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return whole.WriteBytes(filepath.Join(dir, FileName), append(text, '\n'))
}

// Load reads a fleet's plan from its folder, from the file itself, or from its text.
func Load(plan string) (*Fleet, error) {
	if strings.HasPrefix(plan, "{") {
		return parse("the plan", []byte(plan))
	}
	if info, err := os.Stat(plan); err == nil && info.IsDir() {
		plan = filepath.Join(plan, FileName)
	}
	text, err := os.ReadFile(plan)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no fleet there: contend fleet plan makes one", plan)
	}
	if err != nil {
		return nil, err
	}
	return parse(plan, text)
}

func parse(where string, text []byte) (*Fleet, error) {
	f := new(Fleet)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s: no plan of a fleet: %w", where, err)
	}
	if !slices.Contains(Engines, f.Engine) || len(f.Shards) == 0 {
		return nil, fmt.Errorf("%s: no plan of a fleet: engine %q, %d shards", where, f.Engine, len(f.Shards))
	}
	for _, s := range f.Shards {
		if f.Kind(s.Kind) == nil {
			return nil, fmt.Errorf("%s: shard %s is of kind %q, which is not in the plan", where, s.ID, s.Kind)
		}
	}
	return f, nil
}
