package account

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wireNames are the events by their byte on the wire, as Go's own test data spells them.
var wireNames = strings.Fields(`
	None EventBatch Stacks Stack Strings String CPUSamples CPUSample Frequency
	ProcsChange ProcStart ProcStop ProcSteal ProcStatus
	GoCreate GoCreateSyscall GoStart GoDestroy GoDestroySyscall GoStop GoBlock GoUnblock
	GoSyscallBegin GoSyscallEnd GoSyscallEndBlocked GoStatus
	STWBegin STWEnd GCActive GCBegin GCEnd GCSweepActive GCSweepBegin GCSweepEnd
	GCMarkAssistActive GCMarkAssistBegin GCMarkAssistEnd HeapAlloc HeapGoal
	GoLabel UserTaskBegin UserTaskEnd UserRegionBegin UserRegionEnd UserLog
	GoSwitch GoSwitchDestroy GoCreateBlocked GoStatusStack ExperimentalBatch Sync ClockSnapshot EndOfGeneration`)

// assemble turns Go's text form of a trace into its wire format.
func assemble(text string) ([]byte, error) {
	wire := make(map[string]byte)
	for i, n := range wireNames {
		wire[n] = byte(i)
	}
	var out bytes.Buffer
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
			continue
		case word == "Trace":
			fmt.Fprintf(&out, "go %s trace\x00\x00\x00", strings.ToLower(strings.TrimPrefix(rest, "Go")))
			continue
		case strings.HasPrefix(word, "data="):
			data, err := strconv.Unquote(strings.TrimPrefix(line, "data="))
			if err != nil {
				return nil, err
			}
			out.Write(binary.AppendUvarint(nil, uint64(len(data))))
			out.WriteString(data)
			continue
		}
		if b, ok := wire[word]; ok {
			out.WriteByte(b)
		} else if !strings.HasPrefix(word, "pc=") { // a frame of the stack before it
			return nil, fmt.Errorf("unknown event %q", line)
		}
		for _, field := range strings.Fields(line) {
			if _, v, ok := strings.Cut(field, "="); ok {
				n, err := strconv.ParseUint(v, 10, 64)
				if err != nil {
					return nil, err
				}
				out.Write(binary.AppendUvarint(nil, n))
			}
		}
	}
	return out.Bytes(), nil
}

// goroot is where Go's source is.
func goroot(t *testing.T) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("needs the go command: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestOracleFormats is TestOracle for the traces by which Go tests its own reader: Go 1.22 to 1.25,
// and the rare orders of events that P stealing makes.
func TestOracleFormats(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(goroot(t), "src/internal/trace/testdata/tests/*.test"))
	if len(files) == 0 {
		t.Skip("GOROOT has no source")
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".test"), func(t *testing.T) {
			t.Parallel()
			archive, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			expect, text, _ := strings.Cut(string(archive), "-- trace --\n")
			data, err := assemble(text)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(expect, "SUCCESS") {
				// Go refuses it; here it is said that something is wrong.
				a, err := Read(bytes.NewReader(data), int64(len(data)), Options{Causes: true})
				if err == nil && !a.Lost.Any() {
					t.Error("accepted")
				}
				return
			}
			path := filepath.Join(t.TempDir(), "trace")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			compare(t, path)
			for _, every := range []time.Duration{0, 10 * time.Millisecond} {
				rawly(t, data, every)
			}
			additive(t, data)
		})
	}
}
