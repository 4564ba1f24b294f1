package gotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/whole"
)

// found is what a program was found to hold.
type found struct {
	Benchmarks []Benchmark   `json:"benchmarks"`
	Absent     []Absence     `json:"absent,omitempty"`
	Start      time.Duration `json:"start"`
}

// foundBefore keeps what was found beside the test binaries, by what it depends
// on: the same binary asked the same way is not run again when a run is continued.
type foundBefore map[string]found

// foundFile is its name in the folder of the binaries.
const foundFile = "found.json"

// loadFound reads what an earlier command found; nothing where it cannot be read.
func loadFound(dir string) foundBefore {
	f := foundBefore{}
	if text, err := os.ReadFile(filepath.Join(dir, foundFile)); err == nil && json.Unmarshal(text, &f) != nil {
		return foundBefore{}
	}
	return f
}

func (f foundBefore) save(dir string) error {
	text, err := json.MarshalIndent(f, "", " ")
	return errors.Join(err, whole.WriteBytes(filepath.Join(dir, foundFile), text))
}

// fingerprint is what the benchmarks of a program depend on: the binary, and how it
// is asked.
func (p *Program) fingerprint(pattern string, procs int) (string, error) {
	sum, err := bench.HashFile(p.Path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %q %q", sum, procs, pattern, strings.Join(p.Args, " ")), nil
}
