package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/bundle"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/fleet"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
	"github.com/contend-go/contend/report"
)

func newFleet(families []family.Family) *cobra.Command {
	c := &cobra.Command{
		Use:   "fleet",
		Short: "Measure one sweep on many machines, by ssh, Slurm or Kubernetes",
		Long: `Measure one sweep on several machines of one or more kinds, and get one run folder.
An engine starts the work on the machines: ssh, Slurm or Kubernetes.

  plan     write a folder with the plan, the programs and the engine's files,
           which you can read and edit
  run      start what is not measured yet
  status   say how far each machine is
  collect  fetch what is measured, and merge it into one run folder
  stop     end what is running

Each command can be repeated. What is done is known from the folder and the engine. Each plan
is a fleet of its own: one with the same words measures anew.

Exit codes of run and collect: 0 all was delivered and is valid (or, without --wait,
Slurm or Kubernetes took it); 2 it could not be done: wrong usage, no host or cluster
answered, or there is nothing to collect; 3 it ran, and something is missing or invalid.`,
		Example: `  contend fleet plan --kind 'epyc,hosts=a b c,cpus=64' ` + firstExample(families) + `
  contend fleet run fleet
  contend report fleet/run`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(newFleetPlan(families), newFleetRun(), newFleetStatus(), newFleetCollect(), newFleetStop(), newFleetMeasure(families), newFleetSend(), newFleetDigest())
	return c
}

// fleetPlan is contend fleet plan, as its flags ask for it.
type fleetPlan struct {
	families []family.Family
	kinds    []string
	engine   string
	out      string
	split    bool
	programs []string
	include  []string
}

func newFleetPlan(families []family.Family) *cobra.Command {
	p := fleetPlan{families: families}
	c := &cobra.Command{
		Use:   "plan --kind NAME,KEY=VALUE… [flags] sweep|test [ITS FLAGS]",
		Short: "Write the folder of a fleet: the plan, programs and files for the engine",
		Long: `Write the folder of a fleet. Each --kind describes one kind of machine: a name, and what
is known of it, separated by commas.

  machines=3            how many; for ssh hosts=USER@A B C names them instead
  cpus=64 arch=arm64    what a machine must have; one without it is refused before it
  model=EPYC            measures, as is one with a CPU quota (unless quota=allowed),
                        or one that may use only a part of its CPUs
  price=1.53            price of a machine-hour, for the cost that plan prints
  partition= constraint= account=                    Slurm's
  image= selector=KEY=VALUE toleration=KEY=VALUE namespace=   Kubernetes'

After the flags of plan comes what to measure, as a command line of contend sweep or
contend test. --procs auto becomes the powers of two up to cpus, so that all machines
of a kind measure the same. Each machine measures --count repetitions, or, with
--split, its share of them. For Kubernetes the folder also holds a container image:
push it under the name that image= gives.`,
		Example: `  contend fleet plan --kind 'epyc,hosts=a b c,cpus=64' ` + firstExample(families) + `
  contend fleet plan --engine slurm --kind milan,machines=6,cpus=128,partition=milan test ./pkg --bench Map
  contend fleet plan --engine kubernetes --program arm64=contend-arm64 \
      --kind c7g,machines=3,cpus=64,arch=arm64,selector=node.kubernetes.io/instance-type=c7g.16xlarge,image=reg/contend:1 \
      --kind c7i,machines=3,cpus=64,selector=node.kubernetes.io/instance-type=c7i.16xlarge,image=reg/contend:1-amd64 sweep`,
		RunE: func(c *cobra.Command, args []string) error { return p.run(c, args) },
	}
	f := c.Flags()
	f.SetInterspersed(false) // what follows sweep is the sweep's
	f.StringArrayVar(&p.kinds, "kind", nil, "one kind of machine: NAME,KEY=VALUE…; repeatable")
	f.StringVar(&p.engine, "engine", "ssh", "what starts the work on the machines: "+strings.Join(fleet.Engines, ", "))
	f.StringVar(&p.out, "out", "fleet", "folder to write; it must not exist")
	f.BoolVar(&p.split, "split", false, "divide the repetitions among the machines of a kind, instead of measuring all on each; it saves time, but then one machine may have too few for an interval of its own")
	f.StringArrayVar(&p.programs, "program", nil, "ARCH=FILE: this program as built for another architecture; repeatable")
	f.StringArrayVar(&p.include, "include", nil, "a file or folder of the module that the benchmarks read, in addition to their testdata; repeatable")
	completeList(c, "engine", func() []string { return fleet.Engines })
	return c
}

func (p *fleetPlan) run(c *cobra.Command, args []string) error {
	switch {
	case !slices.Contains(fleet.Engines, p.engine):
		return fmt.Errorf("--engine: %q unknown; there are %s", p.engine, strings.Join(fleet.Engines, ", "))
	case len(p.kinds) == 0:
		return errors.New("--kind: which machines? --kind 'epyc,hosts=a b c,cpus=64' for ssh, --kind milan,machines=3 for others")
	case len(args) == 0 || args[0] != "sweep" && args[0] != "test":
		return errors.New("what is to be measured? End with the words of a command: sweep --backend mutexlru,ring, or test ./pkg --bench Map")
	}
	if _, err := os.Stat(p.out); err == nil {
		return fmt.Errorf("--out: %s is there already: a plan is never changed, choose another folder", p.out)
	}
	f := &fleet.Fleet{Engine: p.engine, Command: args}
	for _, text := range p.kinds {
		k, err := fleet.ParseKind(text, p.engine, runtime.GOARCH)
		if err != nil {
			return fmt.Errorf("--kind: %w", err)
		}
		if f.Kind(k.Name) != nil {
			return fmt.Errorf("--kind: %s stands twice", k.Name)
		}
		f.Kinds = append(f.Kinds, k)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(filepath.Clean(p.out)), ".contend-fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	blocks := 0
	for _, k := range f.Kinds {
		if blocks, err = p.bundle(c, temporary, k, args); err != nil {
			return fmt.Errorf("kind %s: %w", k.Name, err)
		}
	}
	if err := f.Lay(blocks, p.split); err != nil {
		return err
	}
	if err := p.write(temporary, f); err != nil {
		return err
	}
	if err := os.Rename(temporary, p.out); err != nil {
		return err
	}
	describeFleet(f, p.out)
	nextSteps(planSteps(f, p.out)...)
	return nil
}

// write adds the plan and the engine's files.
func (p *fleetPlan) write(dir string, f *fleet.Fleet) error {
	if err := f.Save(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for name, text := range fleet.New(dir, f, os.Stderr).Files() {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	if f.Engine != "kubernetes" {
		return nil
	}
	for _, k := range f.Kinds {
		img := bundle.Image{Platform: "linux/" + k.Arch, Name: k.Settings["image"]}
		if err := bundle.WriteImage(filepath.Join(dir, k.ImageFile()), filepath.Join(dir, k.Bundle), img); err != nil {
			return err
		}
	}
	return nil
}

// describeFleet prints what a fleet measures, how long it takes and what it costs.
func describeFleet(f *fleet.Fleet, dir string) {
	total, cost := time.Duration(0), 0.0
	for _, k := range f.Kinds {
		shards := f.Of(k)
		each := k.Expect * time.Duration(shards[0].Blocks)
		fmt.Printf("%s: %s, %s, %s on each, about %v", k.Name, bench.Count(k.Machines, "machine", "machines"), bench.Count(k.Cells, "cell", "cells"),
			bench.Count(shards[0].Blocks, "repetition", "repetitions"), each.Round(time.Second))
		if k.Price > 0 {
			price := each.Hours() * k.Price * float64(k.Machines)
			cost += price
			fmt.Printf(", %.2f", price)
		}
		fmt.Println()
		total += each * time.Duration(k.Machines)
	}
	fmt.Printf("%.2f machine-hours", total.Hours())
	if cost > 0 {
		fmt.Printf(", %.2f", cost)
	}
	fmt.Printf("\n%s\n", dir)
}

// bundle packs what a kind runs, and notes in it what its plan is. It returns the
// repetitions that were asked for.
func (p *fleetPlan) bundle(c *cobra.Command, dir string, k *fleet.Kind, args []string) (blocks int, err error) {
	k.Bundle = k.Name + ".tar.gz"
	file := filepath.Join(dir, k.Bundle)
	other, err := p.program(k)
	if err != nil {
		return 0, err
	}
	write := func(b bundle.Bundle, plan *bench.Plan) error {
		b.Program = other
		k.Take(plan)
		if err := bundle.Write(file, b); err != nil {
			return err
		}
		unpacked := filepath.Join(dir, ".unpacked")
		defer os.RemoveAll(unpacked)
		root, err := bundle.Unpack(file, unpacked)
		if err != nil {
			return err
		}
		k.Digest, err = fleet.Digest(root)
		return err
	}
	facts := host.Read()
	sub := &cobra.Command{Use: args[0]}
	sub.SetContext(c.Context())
	if args[0] == "sweep" {
		s := sweep{families: p.families}
		s.bind(sub)
		if err := parseShard(sub, &s.options, k, args[1:]); err != nil {
			return 0, err
		}
		plan, _, err := s.plan(sub, &facts)
		if err != nil {
			return 0, err
		}
		b, err := s.bundle(sub)
		if err != nil {
			return 0, err
		}
		return s.options.Count, write(b, plan)
	}
	var o gotest.Options
	o.Bind(sub.Flags())
	if err := parseShard(sub, &o.SweepOptions, k, args[1:]); err != nil {
		return 0, err
	}
	setPackages(&o, sub, sub.Flags().Args())
	o.SetDefaults(sub.Flags().Changed)
	restore := setenv("GOARCH", k.Arch)
	defer restore()
	err = packSuite(sub, &o, p.include, func(b bundle.Bundle, suite *gotest.Suite) error {
		plan, err := suite.Plan(&o, &facts)
		if err != nil {
			return err
		}
		return write(b, plan)
	})
	return o.Count, err
}

// setenv sets a variable of the environment, and returns what takes it back.
func setenv(key, value string) (restore func()) {
	before, was := os.LookupEnv(key)
	os.Setenv(key, value)
	return func() {
		if was {
			os.Setenv(key, before)
		} else {
			os.Unsetenv(key)
		}
	}
}

// program is contend for the architecture of a kind.
func (p *fleetPlan) program(k *fleet.Kind) (string, error) {
	given := ""
	for _, text := range p.programs {
		arch, file, ok := strings.Cut(text, "=")
		if !ok {
			return "", fmt.Errorf("--program: %q; write ARCH=FILE", text)
		}
		if arch == k.Arch {
			given = file
		}
	}
	if given == "" && k.Arch != runtime.GOARCH {
		return "", fmt.Errorf("its machines are %s: build contend for them, GOOS=linux GOARCH=%s CGO_ENABLED=0 go build -o contend-%s ./cmd/contend, and give --program %s=contend-%s", k.Arch, k.Arch, k.Arch, k.Arch, k.Arch)
	}
	return given, checkPlatform(given, "linux/"+k.Arch)
}

// parseShard reads the flags of what is measured, and refuses those that would make
// machines measure different plans.
func parseShard(c *cobra.Command, o *bench.SweepOptions, k *fleet.Kind, args []string) error {
	if err := c.ParseFlags(args); err != nil {
		return nearFlag(c, err)
	}
	f := c.Flags()
	for flag, why := range map[string]string{
		"budget":      "a time is kept by each machine in its own way, and they would measure different plans: give --count and --time",
		"out":         "the fleet's folder is named before the words of the command: contend fleet plan --out",
		"node":        "each machine has its own",
		"first-block": "the plan of the fleet gives each machine its own",
		"dry-run":     "contend fleet plan measures nothing; it prints time and cost",
	} {
		if f.Changed(flag) {
			return fmt.Errorf("--%s: %s", flag, why)
		}
	}
	if strings.Contains(o.Procs, bench.AutoProcs) {
		if k.CPUs == 0 {
			return errors.New("--procs auto is another list on each machine: say --procs 1,2,4, or how many CPUs the kind has, cpus=64")
		}
		if err := f.Set("procs", strings.ReplaceAll(o.Procs, bench.AutoProcs, "pow2:"+strconv.Itoa(k.CPUs))); err != nil {
			return err
		}
	}
	return nil
}

// openFleet is the fleet of a command's folder, and its engine.
func openFleet(args []string) (dir string, f *fleet.Fleet, e fleet.Engine, err error) {
	dir = "fleet"
	if len(args) > 0 {
		dir = args[0]
	}
	if f, err = fleet.Load(dir); err != nil {
		return dir, nil, nil, err
	}
	return dir, f, fleet.New(dir, f, os.Stderr), nil
}

func newFleetRun() *cobra.Command {
	wait := false
	c := &cobra.Command{
		Use:   "run [FLEET]",
		Short: "Start what is not measured yet",
		Long: `Start what is not measured yet, through the fleet's engine. By ssh the command lasts
until all is measured; if it is interrupted, the hosts end what they measure and keep what
is complete, and the same command continues. Slurm and Kubernetes go on by themselves, and
--wait waits for them. Then what is measured is collected. Exit codes: contend help fleet.

CONTEND_SSH is the ssh command: CONTEND_SSH="ssh -p 2222".`,
		Example: "  contend fleet run\n  contend fleet run fleet-milan --wait",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runFleet(c.Context(), args, wait)
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until all is measured, and collect it")
	return c
}

func runFleet(ctx context.Context, args []string, wait bool) error {
	dir, f, engine, err := openFleet(args)
	if err != nil {
		return err
	}
	remote := f.Engine == "ssh" // its shards are home once Run returns
	fetch := func() error {
		err := engine.Fetch(ctx)
		if err != nil && !errors.Is(err, fleet.ErrNoAnswer) {
			fmt.Fprintln(os.Stderr, program()+":", err)
			return nil
		}
		return err
	}
	if !remote {
		if err := fetch(); err != nil {
			return exit(bench.ExitUsage, err)
		}
	}
	merged, err := fleet.Merge(dir, f)
	if err != nil {
		return err
	}
	left := merged.Left()
	if len(left) == 0 {
		return collect(dir, f)
	}
	started, ran := engine.Run(ctx, left, wait)
	switch {
	case ran != nil && started == 0 && ctx.Err() == nil:
		return exit(bench.ExitUsage, fmt.Errorf("%w: %w", fleet.ErrNoAnswer, ran))
	case !remote && !wait && ran != nil:
		return exit(bench.ExitInvalid, ran)
	case !remote && !wait:
		nextSteps(
			step("status", dir, "how far it is"),
			step("collect", dir, "when it is done, or for what there is"))
		return nil
	}
	if ran != nil {
		fmt.Fprintln(os.Stderr, program()+":", ran)
	}
	if !remote && ctx.Err() == nil {
		if err := fetch(); err != nil {
			fmt.Fprintln(os.Stderr, program()+":", err)
		}
	}
	err = collect(dir, f)
	if err == nil && remote { // all is home: leave the hosts clean
		return engine.Stop(ctx)
	}
	var code exitError
	if errors.As(err, &code) { // it ran, also where nothing came of it
		return exit(bench.ExitInvalid, code.err)
	}
	return err
}

// step is a command of the fleet in a folder, and what it is for.
func step(verb, dir, what string) [2]string {
	return [2]string{fmt.Sprintf("%s fleet %s %s", program(), verb, shellWord(dir)), what}
}

// shellWord is a word as a shell takes it.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@%=", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// nextSteps prints commands to go on with.
func nextSteps(steps ...[2]string) {
	fmt.Fprintln(os.Stderr, "next:")
	widest := 0
	for _, s := range steps {
		widest = max(widest, len(s[0]))
	}
	for _, s := range steps {
		fmt.Fprintf(os.Stderr, "  %-*s  # %s\n", widest, s[0], s[1])
	}
}

// planSteps are what carries out a plan, from its folder to its report.
func planSteps(f *fleet.Fleet, dir string) (steps [][2]string) {
	for _, k := range f.Kinds {
		if f.Engine == "kubernetes" {
			steps = append(steps, [2]string{fmt.Sprintf("skopeo copy oci-archive:%s docker://%s", shellWord(filepath.Join(dir, k.ImageFile())), k.Settings["image"]), "or what else pushes an image"})
		}
	}
	about := map[string]string{
		"ssh":        "measures, and collects; again after an interruption",
		"slurm":      "submits; with --wait it stays, and collects",
		"kubernetes": "creates the Jobs; with --wait it stays, and collects",
	}
	return append(steps,
		step("run", dir, about[f.Engine]),
		step("status", dir, "how far it is"),
		step("collect", dir, "brings home what was delivered"),
		[2]string{fmt.Sprintf("%s report %s", program(), shellWord(filepath.Join(dir, fleet.RunFolder))), "draws the report again; collect draws it"})
}

func newFleetStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status [FLEET]",
		Short: "Say how far each machine is",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir, f, engine, err := openFleet(args)
			if err != nil {
				return err
			}
			merged, err := fleet.Merge(dir, f)
			if err != nil {
				return err
			}
			seen, err := engine.Status(c.Context())
			merged.Describe(os.Stdout, f.Engine, seen)
			if err != nil {
				return err
			}
			if len(merged.Left()) == 0 {
				nextSteps(step("collect", dir, "everything is delivered"))
				return nil
			}
			idle := slices.ContainsFunc(merged.Left(), func(s *fleet.Shard) bool { return !seen[s.ID].Active })
			steps := [][2]string{step("collect", dir, "brings home what there is")}
			if idle {
				steps = slices.Insert(steps, 0, step("run", dir, "measures what is missing"))
			}
			nextSteps(steps...)
			return nil
		},
	}
}

func newFleetCollect() *cobra.Command {
	return &cobra.Command{
		Use:   "collect [FLEET]",
		Short: "Fetch what is measured, and merge it into one run folder",
		Long: `Fetch what the machines have measured, merge it into the fleet's run folder, and draw the
report. Only complete repetitions count, and each counts once. Samples of another plan
or another build of the program are refused, and the command names them. Exit codes: 0
all is complete, 3 something is missing or failed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir, f, engine, err := openFleet(args)
			if err != nil {
				return err
			}
			if err := engine.Fetch(c.Context()); err != nil {
				fmt.Fprintln(os.Stderr, program()+":", err)
			}
			return collect(dir, f)
		},
	}
}

// collect merges what was delivered, and draws the report.
func collect(dir string, f *fleet.Fleet) error {
	merged, err := fleet.Merge(dir, f)
	if err != nil {
		return err
	}
	merged.Describe(os.Stderr, "", nil)
	if len(merged.Left()) > 0 {
		defer nextSteps(step("run", dir, "measures what is missing"), step("status", dir, "what is under way"))
	}
	if err := merged.Write(); err != nil {
		return exit(merged.Exit(), err)
	}
	set, err := sample.Load(merged.Dir)
	if err == nil {
		printNotes(set.Notes)
		err = writeReport(set, merged.Dir, report.Options{}, os.Stdout)
	}
	if err != nil {
		return exit(bench.ExitInvalid, err)
	}
	return exit(merged.Exit(), nil)
}

func newFleetStop() *cobra.Command {
	return &cobra.Command{
		Use:   "stop [FLEET]",
		Short: "End what is running, and leave the machines clean",
		Long: `End what is running. By ssh the fleet's folder on each host is removed, with all that was
not collected; Slurm's jobs are cancelled; Kubernetes' Jobs are deleted, with their
pods. What was collected stays.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, _, engine, err := openFleet(args)
			if err != nil {
				return err
			}
			return engine.Stop(c.Context())
		},
	}
}

// newFleetMeasure is what a machine of a fleet runs.
func newFleetMeasure(families []family.Family) *cobra.Command {
	var plan, shard, to, attempt, name string
	printed, attended := false, false
	c := &cobra.Command{
		Use:    "measure BUNDLE",
		Short:  "Measure a shard on this machine (contend fleet run calls it there)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := fleet.Load(plan)
			if err != nil {
				return err
			}
			s, err := f.Shard(indexed(shard))
			if err != nil {
				return err
			}
			facts := host.Read()
			m := fleet.Measure{Fleet: f, Shard: s, Bundle: args[0], Facts: &facts, Node: cmp.Or(os.Getenv("CONTEND_NODE"), host.Boot())}
			m.Name = cmp.Or(name, m.Node)
			m.Attempt = cmp.Or(attempt, m.Node+"-"+facts.Fingerprint()[:6])
			if to, err = filepath.Abs(to); err != nil {
				return err
			}
			m.Dir = filepath.Join(to, s.ID, m.Attempt)
			if m.Earlier, err = filepath.Glob(filepath.Join(to, s.ID, "*", bench.PlanFile)); err != nil {
				return err
			}
			for i, e := range m.Earlier {
				m.Earlier[i] = filepath.Dir(e)
			}
			m.Earlier = slices.DeleteFunc(m.Earlier, func(dir string) bool { return dir == m.Dir })
			m.Look = func(dir string) host.Checkup { return host.Doctor(dir, 500*time.Millisecond) }
			ctx := c.Context()
			if attended {
				// What is said to somebody who has gone must not end the process before its list.
				signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
				ctx = fleet.Attended(ctx, os.Stdin)
			}
			m.Run = func(flags []string) (int, error) {
				code, err := runShard(ctx, families, args[0], flags)
				if ctx.Err() != nil && c.Context().Err() == nil {
					err = context.Cause(ctx)
				}
				return code, err
			}
			code, err := m.Do()
			if printed {
				err = errors.Join(err, fleet.Print(os.Stdout, m.Dir))
			}
			if code == bench.ExitGood {
				return err
			}
			return exit(code, err)
		},
	}
	f := c.Flags()
	f.StringVar(&plan, "fleet", "fleet.json", "the fleet's plan: its file, or its text")
	f.StringVar(&shard, "shard", "", "the shard; of several, the one at JOB_COMPLETION_INDEX")
	f.StringVar(&to, "to", fleet.Delivered, "folder of deliveries")
	f.StringVar(&attempt, "attempt", "", "name of this attempt (default the machine)")
	f.StringVar(&name, "name", "", "name of this machine, for people")
	f.BoolVar(&printed, "print", false, "print the delivery at the end, where nothing else brings it home")
	f.BoolVar(&attended, "attended", false, "end when standard input ends, or is silent for long")
	return c
}

// indexed is the shard of a list that Kubernetes gave this pod.
func indexed(shards string) string {
	list := strings.Fields(shards)
	if i, err := strconv.Atoi(os.Getenv("JOB_COMPLETION_INDEX")); err == nil && len(list) > 1 && i >= 0 && i < len(list) {
		return list[i]
	}
	return shards
}

// runShard carries out a bundle, and says with which exit code it ended.
func runShard(ctx context.Context, families []family.Family, dir string, flags []string) (int, error) {
	args, err := bundle.Args(dir)
	if err != nil {
		return bench.ExitUsage, err
	}
	root := newRoot(families)
	root.SetArgs(slices.Concat(args, flags))
	err = root.ExecuteContext(ctx)
	var code exitError
	switch {
	case errors.As(err, &code):
		return code.code, code.err
	case err != nil:
		return bench.ExitUsage, err
	}
	return bench.ExitGood, nil
}

func newFleetDigest() *cobra.Command {
	return &cobra.Command{
		Use:    "digest BUNDLE",
		Short:  "Print what identifies an unpacked bundle",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			digest, err := fleet.Digest(args[0])
			fmt.Println(digest)
			return err
		},
	}
}

func newFleetSend() *cobra.Command {
	return &cobra.Command{
		Use:    "send SHARD",
		Short:  "Print the deliveries in a shard's folder as a tar file",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return fleet.Send(os.Stdout, args[0]) },
	}
}
