package workload

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// record is one oracleGeneral record.
func record(time uint32, object uint64, size uint32, next int64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, time)
	b = binary.LittleEndian.AppendUint64(b, object)
	b = binary.LittleEndian.AppendUint32(b, size)
	return binary.LittleEndian.AppendUint64(b, uint64(next))
}

// Three small traces, one a format.
var (
	linesTrace   = []byte("7\n900\r\n7\n  18446744073709551615\n\n\n")
	lisTrace     = []byte("100 3 0 0\n101 1 0 1\n18446744073709551614 2 0 2\n")
	recordsTrace = slices.Concat(record(1, 7, 512, 2), record(1, 900, 1, -1), record(2, 7, 512, math.MaxInt64))
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstded(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func TestReadTrace(t *testing.T) {
	for _, c := range []struct {
		data   []byte
		format Format
		order  []Op
		ids    []uint64
	}{
		{linesTrace, Lines, []Op{0, 1, 0, 2}, []uint64{7, 900, math.MaxUint64}},
		{lisTrace, LIS, []Op{0, 1, 2, 1, 3, 4}, []uint64{100, 101, 102, math.MaxUint64 - 1, math.MaxUint64}},
		{recordsTrace, OracleGeneral, []Op{0, 1, 0}, []uint64{7, 900}},
		{[]byte("5"), Lines, []Op{0}, []uint64{5}},
	} {
		for packing, pack := range map[string]func([]byte) []byte{"plain": bytes.Clone, "gzip": gzipped, "zstd": zstded} {
			for _, format := range []Format{Auto, "", c.format} {
				got, err := readTrace("x", bytes.NewReader(pack(c.data)), format, 100)
				if err != nil {
					t.Errorf("%s %s as %q: %v", packing, c.format, format, err)
				} else if got.Format != c.format || !slices.Equal(got.Requests, c.order) || !slices.Equal(got.IDs, c.ids) {
					t.Errorf("%s %s as %q: got %+v, want requests %v of %v", packing, c.format, format, got, c.order, c.ids)
				}
			}
		}
	}
}

// repeated is an endless reader of one text.
type repeated string

func (r repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

func TestBrokenTraces(t *testing.T) {
	many := bytes.Repeat([]byte("123456\n"), 50_000)
	random := make([]byte, 1<<19) // incompressible, so that a cut loses data
	for i := range len(random) / 8 {
		binary.LittleEndian.PutUint64(random[8*i:], mix(uint64(i)))
	}
	numbers := func() []byte {
		var b []byte
		for i := range uint64(50_000) {
			b = fmt.Appendln(b, mix(i))
		}
		return b
	}()
	cut := func(b []byte) []byte { return b[:len(b)*2/3] }
	flip := func(b []byte) []byte { b[len(b)/2] ^= 0x55; return b }

	for _, c := range []struct {
		what   string
		data   []byte
		format Format
		want   []string
	}{
		{"empty", nil, Auto, []string{"x: holds no requests"}},
		{"blank", []byte(" \n\n"), Auto, []string{"x: holds no requests"}},
		{"no records", nil, OracleGeneral, []string{"x: holds no requests"}},
		{"word", []byte("1\n2\nthree\n"), Auto, []string{`x:3: "three" is not a whole number`}},
		{"negative", []byte("1\n-2\n"), Auto, []string{`x:2: "-2" is not a whole number`}},
		{"overflow", []byte("1\n18446744073709551616\n"), Auto, []string{"x:2: ", "from 0 to 18446744073709551615"}},
		{"float", []byte("1.5\n"), Auto, []string{"x:1: "}},
		{"column more", []byte("1\n1 2\n"), Auto, []string{"x:2: ", "want 1 numbers"}},
		{"column fewer", []byte("1 1 0 0\n1 1 0\n"), Auto, []string{"x:2: ", "want 4 numbers"}},
		{"five columns", []byte("1 1 0 0\n1 1 0 0 0\n"), Auto, []string{"x:2: ", "want 4 numbers"}},
		{"two columns", []byte("1 2\n"), Auto, []string{"x: first line", "has 2 columns"}},
		{"blank between", []byte("1\n\n\n2\n"), Auto, []string{"x:2: blank line"}},
		{"no blocks", []byte("1 0 0 0\n"), Auto, []string{"x:1: 0 blocks from block 1"}},
		{"blocks overflow", []byte("18446744073709551615 2 0 0\n"), Auto, []string{"x:1: 2 blocks"}},
		{"too many blocks", []byte("0 1001 0 0\n"), Auto, []string{"x:1: more than 1000 requests"}},
		{"all blocks", []byte("0 18446744073709551615 0 0\n"), Auto, []string{"x:1: more than 1000 requests"}},
		{"too many lines", many, Auto, []string{"x:1001: more than 1000 requests"}},
		{"too many records", bytes.Repeat(recordsTrace, 400), OracleGeneral, []string{"x: record 1001, at byte 24000: more than 1000 requests"}},
		{"binary", random, Auto, []string{"x: neither lines of numbers nor oracleGeneral records"}},
		{"zeros", make([]byte, 240), Auto, []string{"x: neither"}},
		{"cut record", recordsTrace[:50], Auto, []string{"x: record 3, at byte 48: only 2 of its 24 bytes"}},
		{"cut first record", recordsTrace[:10], OracleGeneral, []string{"x: record 1, at byte 0: only 10"}},
		{"cut record in gzip", gzipped(recordsTrace[:50]), Auto, []string{"x: record 3, at byte 48: only 2"}},
		{"gzip header only", []byte{0x1f, 0x8b, 8}, Auto, []string{"x: ", "cut off"}},
		{"gzip bad header", []byte("\x1f\x8b\x00000000000"), Auto, []string{"x: cannot be read (gzip: invalid header)"}},
		{"gzip cut", cut(gzipped(numbers[:900])), Auto, []string{"x:", "the compressed data end early"}},
		{"gzip cut records", cut(gzipped(recordsTrace)), OracleGeneral, []string{"x: record", "the compressed data end early"}},
		{"gzip damaged", flip(gzipped(numbers[:900])), Auto, []string{"x:"}},
		{"zstd magic only", []byte{0x28, 0xb5, 0x2f, 0xfd}, Auto, []string{"x:", "fetch it again"}},
		{"zstd cut", cut(zstded(numbers[:900])), Auto, []string{"x:", "fetch it again"}},
		{"zstd damaged", flip(zstded(numbers[:900])), Auto, []string{"x:"}},
		{"unknown format", []byte("1\n"), "csv", []string{`trace format "csv" unknown`}},
	} {
		_, err := readTrace("x", bytes.NewReader(c.data), c.format, 1000)
		if err == nil {
			t.Errorf("%s: no error", c.what)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", c.what, err, want)
			}
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: error of %d bytes", c.what, len(err.Error()))
		}
	}

	// Cut far behind its beginning, a compressed file still names the line.
	for packing, pack := range map[string]func([]byte) []byte{"gzip": gzipped, "zstd": zstded} {
		_, err := readTrace("x", bytes.NewReader(cut(pack(numbers))), Auto, maxRequests)
		var line int
		if _, scanErr := fmt.Sscanf(fmt.Sprint(err), "x:%d:", &line); scanErr != nil || line < 10_000 || line > 50_000 {
			t.Errorf("%s cut at two thirds of 50,000 lines: %v", packing, err)
		}
	}

	// Endless input ends with an error, not with the memory.
	for what, in := range map[string]io.Reader{"line": repeated("1"), "lines": repeated("1\n"), "blank": io.LimitReader(repeated(" "), 1<<30)} {
		if _, err := readTrace("x", in, Auto, 1000); err == nil || !strings.HasPrefix(err.Error(), "x:1") {
			t.Errorf("endless %s: %v", what, err)
		}
	}
}

func TestOpenTraceRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenTrace(dir, Auto); err == nil || !strings.Contains(err.Error(), dir+": is a directory") {
		t.Errorf("directory: %v", err)
	}
	missing := filepath.Join(dir, "none.gz")
	if _, err := OpenTrace(missing, Auto); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing file: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTrace(empty, Auto); err == nil || !strings.Contains(err.Error(), empty+": holds no requests") {
		t.Errorf("empty file: %v", err)
	}
}

// FuzzReadTrace: whatever the bytes, an error that names the file or a sound
// trace, which written as lines reads back equal.
func FuzzReadTrace(f *testing.F) {
	for _, data := range [][]byte{linesTrace, lisTrace, recordsTrace, nil, []byte("0 18446744073709551615 0 0"), []byte("-1\n")} {
		f.Add(data, string(Auto))
		f.Add(gzipped(data), string(Auto))
		f.Add(zstded(data), string(Auto))
		f.Add(data, string(OracleGeneral))
	}
	f.Fuzz(func(t *testing.T, data []byte, format string) {
		const limit = 10_000
		trace, err := readTrace("the file", bytes.NewReader(data), Format(format), limit)
		if err != nil {
			if !strings.Contains(err.Error(), "the file:") && !strings.Contains(err.Error(), "trace format") {
				t.Fatalf("error %q does not name the file", err)
			}
			return
		}
		if len(trace.Requests) == 0 || len(trace.Requests) > limit {
			t.Fatalf("%d requests", len(trace.Requests))
		}
		var lines []byte
		for _, op := range trace.Requests {
			lines = fmt.Appendln(lines, trace.IDs[op])
		}
		again, err := readTrace("lines", bytes.NewReader(lines), Lines, limit)
		if err != nil || !slices.Equal(again.Requests, trace.Requests) || !slices.Equal(again.IDs, trace.IDs) {
			t.Fatalf("written as lines, the trace reads back differently: %v", err)
		}
	})
}

// The real traces. gli is part of a module that this project requires; the
// others are published data beside the repository.

func dataFile(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("CONTEND_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there; set CONTEND_DATA to the folder that holds it", path)
	}
	return path
}

func gliFile(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dgraph-io/ristretto/v2").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "sim", "gli.lirs.gz")
}

// missRatio replays requests of so many keys through a read-through LRU, a
// plain list.
func missRatio(requests []Op, keys, capacity int) float64 {
	const none = -1
	type entry struct{ newer, older int }
	entries := make([]entry, keys)
	held := make([]bool, keys)
	newest, oldest, size, misses := none, none, 0, 0
	unlink := func(k int) {
		e := entries[k]
		if e.newer == none {
			newest = e.older
		} else {
			entries[e.newer].older = e.older
		}
		if e.older == none {
			oldest = e.newer
		} else {
			entries[e.older].newer = e.newer
		}
	}
	for _, op := range requests {
		k := op.Index()
		if held[k] {
			unlink(k)
		} else {
			misses++
			if size == capacity {
				held[oldest] = false
				unlink(oldest)
				size--
			}
			held[k] = true
			size++
		}
		entries[k] = entry{newer: none, older: newest}
		if newest == none {
			oldest = k
		} else {
			entries[newest].newer = k
		}
		newest = k
	}
	return float64(misses) / float64(len(requests))
}

// TestRealTraces holds the readers to published counts, and to the LRU miss
// ratios that libCacheSim's simulator gives: they depend on the order too.
func TestRealTraces(t *testing.T) {
	for _, c := range []struct {
		name             string
		file             func(testing.TB) string
		format           Format
		requests, unique int
		lru              map[int]string // by capacity
	}{
		{
			"gli", gliFile, Lines, 6015, 2529,
			map[int]string{250: "0.9909", 500: "0.9905", 1000: "0.8879", 2000: "0.4259"},
		},
		{
			"oltp", func(t testing.TB) string { return dataFile(t, "oltp.gz") }, LIS, 914_145, 186_880,
			map[int]string{500: "0.7655", 1000: "0.6717", 2000: "0.5753", 5000: "0.4635", 10_000: "0.3930"},
		},
		{
			"cloudPhysicsIO", func(t testing.TB) string { return dataFile(t, "cloudPhysicsIO.oracleGeneral.bin") }, OracleGeneral, 113_872, 48_974,
			map[int]string{500: "0.8378", 1000: "0.8327", 2000: "0.8271", 5000: "0.8038", 10_000: "0.6976", 20_000: "0.6328"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace, err := OpenTrace(c.file(t), Auto)
			if err != nil {
				t.Fatal(err)
			}
			if trace.Format != c.format || len(trace.Requests) != c.requests || len(trace.IDs) != c.unique {
				t.Errorf("format %s, %d requests of %d keys; want %s, %d of %d",
					trace.Format, len(trace.Requests), len(trace.IDs), c.format, c.requests, c.unique)
			}
			for capacity, want := range c.lru {
				if got := fmt.Sprintf("%.4f", missRatio(trace.Requests, len(trace.IDs), capacity)); got != want {
					t.Errorf("LRU of %d: miss ratio %s, want %s", capacity, got, want)
				}
			}
		})
	}
}

func BenchmarkOpenTrace(b *testing.B) {
	path := dataFile(b, "oltp.gz")
	for b.Loop() {
		if _, err := OpenTrace(path, Auto); err != nil {
			b.Fatal(err)
		}
	}
}
