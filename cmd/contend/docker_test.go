package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestDockerfile holds the image's recipe to the source, as far as that goes without a container engine: the
// toolchain is the module's, what is copied and started is what was built, and the program runs in an empty image.
func TestDockerfile(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "scripts/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) []string {
		t.Helper()
		m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("no line %s in\n%s", pattern, text)
		}
		return m[1:]
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	stage := find(`^FROM golang:(\S+) AS (\w+)$`)
	if want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]; stage[0] != want {
		t.Errorf("golang:%s, and the module says go %s", stage[0], want)
	}
	find(`^COPY \. \.$`)
	build := find(`^RUN (\S+=\S+ )?go (build .*) -o (\S+) (\S+)$`)
	copied := find(`^COPY --from=(\w+) (\S+) (\S+)$`)
	entry := find(`^ENTRYPOINT \["([^"]+)"\]$`)
	if copied[0] != stage[1] || copied[1] != build[2] || entry[0] != copied[2] || !path.IsAbs(entry[0]) {
		t.Errorf("stage %q builds %s; copied is %s of %q to %s; started is %s", stage[1], build[2], copied[1], copied[0], copied[2], entry[0])
	}
	if _, err := os.Stat(filepath.Join(root, build[3])); err != nil {
		t.Error(err)
	}
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("links a program for Linux")
	}
	exe := filepath.Join(t.TempDir(), "contend")
	c := exec.Command("go", append(strings.Fields(build[1]), "-o", exe, build[3])...)
	c.Dir, c.Env = root, append(os.Environ(), strings.TrimSpace(build[0]))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program asks for a dynamic linker (%v), which an empty image does not have", p.Type)
		}
	}
	c = exec.Command(exe, "list", "backends")
	c.Env, c.Dir = []string{}, t.TempDir()
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "mutexlru") {
		t.Errorf("without an environment: %v\n%s", err, out)
	}
}
