//go:build unix

package commands

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkLargeText reports, and compares, 200 MB of benchmark text, and
// reports the peak of the process's memory: bytes, where the system counts
// KiB as Linux does.
func BenchmarkLargeText(b *testing.B) {
	const size = 200 << 20
	dir := b.TempDir()
	contend := filepath.Join(dir, "contend")
	if out, err := exec.Command("go", "build", "-o", contend, "../contend").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	text := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := largeText(path, size); err != nil {
			b.Fatal(err)
		}
		return path
	}
	whole := text("whole.txt", size)
	old, new := text("old.txt", size/2), text("new.txt", size/2)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"report", []string{"report", whole, "--dpi", "48", "--out", filepath.Join(dir, "out")}},
		{"compare", []string{"compare", old, new}},
	} {
		b.Run(c.name, func(b *testing.B) {
			peak := int64(0)
			for b.Loop() {
				cmd := exec.Command(contend, c.args...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
			}
			b.ReportMetric(float64(peak), "peak-B")
		})
	}
}

// largeText writes a text of that size, as `go test -bench . -cpu 1,2,4,8,16
// -benchmem` prints it, of twenty implementations.
func largeText(path string, size int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	n, _ := fmt.Fprint(w, "goos: linux\ngoarch: amd64\npkg: example.com/x\ncpu: Synthetic CPU\n")
	r := rand.New(rand.NewPCG(1, 2))
	for n < size {
		suffix := [...]string{"", "-2", "-4", "-8", "-16"}[r.IntN(5)]
		k, _ := fmt.Fprintf(w, "BenchmarkMap/impl=number%02d/size=1024%s \t%8d\t%12.1f ns/op\t%8d B/op\t%8d allocs/op\n",
			r.IntN(20), suffix, r.IntN(10000000), 100*(1+r.Float64()), r.IntN(3), r.IntN(2))
		n += k
	}
	return w.Flush()
}
