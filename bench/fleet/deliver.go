package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/bench/whole"
)

// DoneName is the file that ends a delivery. An attempt without it was cut short.
const DoneName = "done.json"

// DoctorName is the file with what contend doctor said of the machine.
const DoctorName = "doctor.json"

// pidName is the file, in a shard's folder, with the process that measures it.
const pidName = "pid"

// Done is what an attempt delivered.
type Done struct {
	Fleet, Shard, Attempt string
	Node                  string // see [host.Node]
	Name                  string // as the engine, or the machine itself, calls it
	Exit                  int    // of the measuring command; 2 is a machine that was refused
	Reason                string `json:",omitempty"`
	First, Blocks         int    // measured by this attempt
	// Spans are when it measured, by the machine's clock: once, and once more each time
	// that it was continued.
	Spans []Span `json:",omitempty"`
	Files []File
	Left  []string `json:",omitempty"` // files that stayed on the machine
}

// Span is a time in which a machine measured.
type Span struct{ Began, Ended time.Time }

// overlaps reports whether two spans of one machine have a time in common.
func (s Span) overlaps(o Span) bool { return s.Began.Before(o.Ended) && o.Began.Before(s.Ended) }

// File is a delivered file, by its path in the attempt's folder.
type File struct {
	Path   string
	Size   int64
	SHA256 string
}

// Fits says why a machine is not of the kind; empty if it is.
func (k *Kind) Fits(f *host.Facts) string {
	switch {
	case k.Arch != "" && k.Arch != f.Arch:
		return fmt.Sprintf("wanted %s, is %s", k.Arch, f.Arch)
	case k.CPUs != 0 && k.CPUs != f.Online:
		return fmt.Sprintf("wanted %d CPUs, has %d", k.CPUs, f.Online)
	case !strings.Contains(f.Model, k.Model):
		return fmt.Sprintf("wanted a CPU %q, has %q", k.Model, f.Model)
	case len(f.CPUs) != f.Online:
		return fmt.Sprintf("may use %d of its %d CPUs: the machine is shared, ask the engine for all of it", len(f.CPUs), f.Online)
	case f.QuotaHidden && !k.Quota:
		return "its CPU quota cannot be read: mount the cgroup file system into the container, or plan with quota=allowed"
	case len(f.Quotas) > 0 && !k.Quota:
		return fmt.Sprintf("has a CPU quota of %g CPUs: request CPUs without a limit, or plan with quota=allowed", f.Usable())
	}
	return ""
}

// planned identifies the cells of a plan by what they are called and in which order
// they run. Their arguments hold paths and calibrations of one machine.
func planned(p *bench.Plan) string {
	h := sha256.New()
	fmt.Fprintln(h, p.Seed)
	for _, c := range p.Cells {
		fmt.Fprintln(h, c.Name, c.Variant)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Take notes what a plan of the kind is.
func (k *Kind) Take(p *bench.Plan) {
	k.Cells, k.Planned = len(p.Cells), planned(p)
	k.Expect = p.Duration() / time.Duration(p.Blocks)
}

// Digest identifies what an unpacked bundle holds, wherever it lies: the names and
// contents of all its files.
func Digest(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		sum, err := bench.HashFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintln(h, filepath.ToSlash(name), sum)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:16]), err
}

// Measure carries out a shard on the machine that it is called on.
type Measure struct {
	Fleet   *Fleet
	Shard   *Shard
	Bundle  string // the unpacked bundle
	Attempt string
	Name    string // of the machine, in words
	Dir     string // the attempt's folder, which becomes a run folder
	// Earlier are folders of other attempts at the shard, which are only read: blocks
	// that one of them has completed are not measured again.
	Earlier []string
	Facts   *host.Facts
	Node    string
	Look    func(dir string) host.Checkup // doctor
	// Run carries out the bundle with further flags.
	Run func(flags []string) (exit int, err error)
}

// Do measures, and delivers: whatever comes of it, done.json ends the folder, unless
// the process is killed. exit is that of the command.
func (m *Measure) Do() (exit int, err error) {
	k := m.Fleet.Kind(m.Shard.Kind)
	if err := bench.MakeFolder(m.Dir); err != nil {
		return bench.ExitUsage, err
	}
	done := Done{Fleet: m.Fleet.ID, Shard: m.Shard.ID, Attempt: m.Attempt, Node: m.Node, Name: m.Name, First: m.Shard.First, Blocks: m.Shard.Blocks}
	refuse := func(reason string) (int, error) {
		done.Exit, done.Reason, done.Blocks = bench.ExitUsage, reason, 0
		return done.Exit, errors.Join(errors.New(reason), m.deliver(&done))
	}
	release, err := claim(m.Node, fmt.Sprintf("shard %s of fleet %s, process %d", m.Shard.ID, m.Fleet.ID, os.Getpid()))
	if _, began := os.Stat(filepath.Join(m.Dir, sample.FileName)); err != nil && began == nil {
		return bench.ExitUsage, err // who measures may do so into this folder
	}
	if err != nil {
		return refuse(err.Error())
	}
	defer release()
	earlier, err := readDone(m.Dir)
	if err != nil {
		return bench.ExitUsage, err
	}
	if earlier != nil {
		done.Spans = earlier.Spans
	}
	if err := os.Remove(filepath.Join(m.Dir, DoneName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bench.ExitUsage, err
	}
	pid := filepath.Join(filepath.Dir(m.Dir), pidName)
	if err := os.WriteFile(pid, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return bench.ExitUsage, err
	}
	defer os.Remove(pid)
	if wrong := k.Fits(m.Facts); wrong != "" {
		return refuse("not a machine of kind " + k.Name + ": " + wrong)
	}
	switch digest, err := Digest(m.Bundle); {
	case err != nil:
		return refuse(err.Error())
	case digest != k.Digest:
		return refuse(fmt.Sprintf("%s holds another program or other files than the fleet's plan", m.Bundle))
	}
	for _, dir := range m.Earlier {
		for done.Blocks > 0 && complete(dir, k, done.First) {
			done.First, done.Blocks = done.First+1, done.Blocks-1
		}
	}
	if done.Blocks > 0 {
		checkup := m.Look(m.Dir)
		if text, err := json.MarshalIndent(checkup, "", " "); err == nil {
			if err := whole.WriteBytes(filepath.Join(m.Dir, DoctorName), text); err != nil {
				return bench.ExitUsage, err
			}
		}
		flags := []string{
			"--out=" + m.Dir, "--node=" + m.Node, "--no-report",
			fmt.Sprintf("--first-block=%d", done.First), fmt.Sprintf("--count=%d", done.Blocks),
			"--tag=fleet=" + m.Fleet.ID, "--tag=" + sample.KindKey + "=" + k.Name, "--tag=shard=" + m.Shard.ID,
			"--tag=attempt=" + m.Attempt, "--tag=engine=" + m.Fleet.Engine, "--tag=bundle=" + k.Digest,
		}
		if k.Price > 0 {
			flags = append(flags, fmt.Sprintf("--tag=%s=%g", sample.PriceKey, k.Price))
		}
		began := time.Now()
		exit, err = m.Run(flags)
		done.Spans = append(done.Spans, Span{began, time.Now()})
	}
	done.Exit = exit
	if err != nil {
		done.Reason = err.Error()
	}
	return exit, errors.Join(err, m.deliver(&done))
}

// complete reports whether an attempt's folder holds all of a block.
func complete(dir string, k *Kind, block int) bool {
	a, err := readAttempt(dir)
	return err == nil && a.complete(k)[block]
}

// deliver lists what is in the folder, and ends it.
func (m *Measure) deliver(d *Done) error {
	for _, path := range deliverable(m.Dir) {
		full := filepath.Join(m.Dir, path)
		info, err := os.Stat(full)
		if err != nil {
			return err
		}
		sum, err := bench.HashFile(full)
		if err != nil {
			return err
		}
		d.Files = append(d.Files, File{filepath.ToSlash(path), info.Size(), sum})
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return whole.WriteBytes(filepath.Join(m.Dir, DoneName), append(text, '\n'))
}

// deliverable are the files of a run folder that are worth a journey, by their paths
// in it: samples, plan and attachments, and nothing that follows from them.
func deliverable(dir string) (paths []string) {
	for _, name := range []string{sample.FileName, bench.PlanFile, DoctorName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			paths = append(paths, name)
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") {
			continue // not attachments: those lie one folder down
		}
		files, _ := os.ReadDir(filepath.Join(dir, e.Name()))
		for _, f := range files {
			if f.Type().IsRegular() && !strings.HasSuffix(f.Name(), bench.Partial) {
				paths = append(paths, filepath.Join(e.Name(), f.Name()))
			}
		}
	}
	slices.Sort(paths)
	return paths
}
