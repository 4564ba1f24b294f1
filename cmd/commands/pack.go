package commands

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/contend-go/contend/bench/bundle"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/gotest"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/sample"
)

func newPack(families []family.Family) *cobra.Command {
	var o gotest.Options
	var output, other string
	var include []string
	c := &cobra.Command{
		Use:   "pack [PACKAGES] [flags] [-- FLAGS OF GO TEST]",
		Short: "Pack a sweep into one archive, to measure on a host without Go",
		Long: `Compile the test binary of each package, and pack it with its testdata, the flags and
this program into one archive. On the other host, unpack the archive and start its
run.sh. It measures, and leaves a run folder, and the same folder as one archive to
bring back.

The flags are those of contend test. They apply on the other host, and run.sh takes
more of them, which take precedence. --procs auto looks at the CPUs of that host.`,
		Example: `  contend pack ./pkg --bench Map --output map.tar.gz
  contend pack ` + firstExample(families) + ` --output sweep.tar.gz
  GOARCH=arm64 contend pack ./pkg --program contend-arm64      for another platform
  scripts/remote-sweep.sh big-host map.tar.gz`,
		RunE: func(c *cobra.Command, args []string) error {
			setPackages(&o, c, args)
			return packTest(c, &o, output, other, include)
		},
	}
	o.Bind(c.Flags())
	c.PersistentFlags().StringVarP(&output, "output", "o", "contend-bundle.tar.gz", "the archive to write")
	c.PersistentFlags().StringVar(&other, "program", "", "this program as built for the other host, if its platform (GOOS, GOARCH) is not that of this one")
	c.Flags().StringArrayVar(&include, "include", nil, "a file or folder of the module that the benchmarks read, in addition to their testdata; repeatable")
	completeGoTest(c)
	c.AddCommand(newPackSweep(families, &output, &other))
	return c
}

// platform is GOOS/GOARCH as the environment asks for them, else as this program has them.
func platform() string {
	return cmp.Or(os.Getenv("GOOS"), runtime.GOOS) + "/" + cmp.Or(os.Getenv("GOARCH"), runtime.GOARCH)
}

// checkPlatform refuses a program that is not for the platform that is asked for.
func checkPlatform(program, want string) error {
	has := runtime.GOOS + "/" + runtime.GOARCH
	if program != "" {
		var err error
		if has, err = bundle.Platform(program); err != nil {
			return fmt.Errorf("--program: %w", err)
		}
	}
	if has == want {
		return nil
	}
	goos, goarch, _ := strings.Cut(want, "/")
	return fmt.Errorf("the program to be packed is for %s, and %s is asked for (GOOS, GOARCH): build it by GOOS=%s GOARCH=%s CGO_ENABLED=0 go build -o contend-%s ./cmd/contend, and give --program contend-%s",
		has, want, goos, goarch, goarch, goarch)
}

func packTest(c *cobra.Command, o *gotest.Options, output, other string, include []string) (err error) {
	if err := checkPlatform(other, platform()); err != nil {
		return err
	}
	return packSuite(c, o, include, func(b bundle.Bundle, _ *gotest.Suite) error {
		b.Program = other
		return writeBundle(output, b)
	})
}

// packSuite builds the test binaries and hands on what is to be packed, which is gone
// afterwards.
func packSuite(c *cobra.Command, o *gotest.Options, include []string, use func(bundle.Bundle, *gotest.Suite) error) (err error) {
	dir, err := os.MkdirTemp("", "contend-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, set := os.LookupEnv("CGO_ENABLED"); !set { // the other host may have another C library
		os.Setenv("CGO_ENABLED", "0")
	}
	facts := host.Read()
	suite, err := gotest.Build(c.Context(), o, &facts, dir, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	text, files, err := suite.Pack(include)
	if err != nil {
		return err
	}
	for _, p := range suite.Programs {
		if library := bundle.Interpreter(p.Path); library != "" {
			fmt.Fprintf(os.Stderr, "%s: its test binary is linked dynamically: the other host must have %s\n", p.Package, library)
		}
	}
	args := append([]string{"test", "--packed=" + path.Join(bundle.Here, gotest.SuiteFile)}, given(c, "output", "program", "include", "out", "node", "dry-run", "against")...)
	return use(bundle.Bundle{Args: args, Files: files, Texts: map[string][]byte{gotest.SuiteFile: text}}, suite)
}

func newPackSweep(families []family.Family, output, other *string) *cobra.Command {
	s := sweep{families: families}
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Pack a contend sweep instead of a contend test",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, goos := os.LookupEnv("GOOS")
			_, goarch := os.LookupEnv("GOARCH")
			if *other == "" || goos || goarch {
				if err := checkPlatform(*other, platform()); err != nil {
					return err
				}
			}
			b, err := s.bundle(c)
			if err != nil {
				return err
			}
			b.Program = *other
			return writeBundle(*output, b)
		},
	}
	s.bind(c)
	return c
}

// bundle is the sweep that the flags ask for, with the files that they name.
// Errors of the plan belong here, not on the other host.
func (s *sweep) bundle(c *cobra.Command) (b bundle.Bundle, err error) {
	facts := host.Read()
	_, fam, err := s.plan(c, &facts)
	if err != nil {
		return b, err
	}
	if len(s.options.Variants) > 0 {
		return b, errors.New("--variant: other builds cannot be packed")
	}
	stay := []string{"output", "program", "out", "node", "dry-run"}
	var carried []string
	b.Files = map[string]string{}
	for _, a := range fam.Axes {
		if f := c.Flags().Lookup(a.Flag); a.File && f.Changed && f.Value.String() != "" {
			name := path.Join("files", filepath.Base(f.Value.String()))
			b.Files[name] = f.Value.String()
			stay = append(stay, a.Flag)
			carried = append(carried, "--"+a.Flag+"="+path.Join(bundle.Here, name))
		}
	}
	b.Args = slices.Concat([]string{"sweep"}, given(c, stay...), carried)
	return b, nil
}

// given is the flags that were typed, without those that do not travel.
func given(c *cobra.Command, stay ...string) []string {
	var args []string
	c.Flags().Visit(func(f *pflag.Flag) {
		switch v := f.Value.(type) {
		case pflag.SliceValue:
			for _, s := range v.GetSlice() {
				if !slices.Contains(stay, f.Name) {
					args = append(args, "--"+f.Name+"="+s)
				}
			}
		default:
			if !slices.Contains(stay, f.Name) {
				args = append(args, "--"+f.Name+"="+f.Value.String())
			}
		}
	})
	return args
}

func writeBundle(output string, b bundle.Bundle) error {
	if err := bundle.Write(output, b); err != nil {
		return err
	}
	fmt.Println(output)
	return nil
}

func newRun(families []family.Family) *cobra.Command {
	return &cobra.Command{
		Use:   "run BUNDLE [FLAGS]",
		Short: "Measure what contend pack has packed",
		Long: `Measure what contend pack has packed. BUNDLE is the folder that the archive unpacks
to; the run.sh in it calls this command. The flags are those of the packed command.
They stand behind those that were packed, and so take precedence. The result is a run folder (--out, default
contend-run-HOSTNAME), and the same folder as one archive to bring back.`,
		Example:            "  contend run ./map --procs 1,2,4,8",
		DisableFlagParsing: true, // they are the packed command's
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && (args[0] == "--help" || args[0] == "-h"):
				return c.Help()
			case len(args) == 0 || strings.HasPrefix(args[0], "-"):
				return errors.New("which bundle? Name the folder that the archive unpacks to")
			}
			return runBundle(c, families, args[0], args[1:])
		},
	}
}

func runBundle(c *cobra.Command, families []family.Family, dir string, more []string) error {
	args, err := bundle.Args(dir)
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		name = "host"
	}
	root := newRoot(families)
	root.SetArgs(slices.Concat(args, []string{"--out=contend-run-" + name}, more))
	ran, failed := root.ExecuteContextC(c.Context())
	f := ran.Flag("out")
	if f == nil {
		return failed
	}
	out := filepath.Clean(f.Value.String())
	if _, err := os.Stat(filepath.Join(out, sample.FileName)); err != nil {
		return failed // nothing was measured
	}
	archive := out + ".tar.gz"
	if err := bundle.PackRun(archive, out, buildFolder); err != nil {
		return errors.Join(failed, err)
	}
	fmt.Println(archive)
	return failed
}
