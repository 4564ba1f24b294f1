package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/contend-go/contend/"

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

// room is a package, or a folder of them ("caches/*"), and what of this module
// it may import. What no room allows is forbidden, and so is a package that is
// in no room: whoever adds one decides where it belongs.
type room struct {
	name string
	may  []string
}

// house lists the rooms; the first that fits a package counts. Imports run one
// way: caches know nobody, the harness knows no cache, traces and reports know
// no harness's subjects, commands know all.
var house = []room{
	// The caches: a backend does not know that it is measured.
	{"caches", nil},
	{"caches/internal/*", nil},
	{"caches/mpmc", []string{"caches/internal/*"}},
	{"caches/lru", nil},
	{"caches/cachetest", []string{"caches", "caches/internal/*"}},
	{"caches/catalog", []string{"caches", "caches/*"}},
	{"caches/*", []string{"caches", "caches/mpmc", "caches/lru", "caches/internal/*"}},

	// The harness, from the format up.
	{"bench/sample", nil},
	{"bench/vocabulary", nil},
	{"bench/whole", nil},
	{"bench/bundle", []string{"bench/whole"}},
	{"bench/process", nil},
	{"bench/port", nil},
	{"bench/host", []string{"bench/sample"}},
	{"bench", []string{"bench/host", "bench/process", "bench/sample", "bench/whole"}},
	{"bench/fleet", []string{"bench", "bench/host", "bench/sample", "bench/whole"}},
	{"bench/userbench", []string{"bench/load"}},
	{"bench/load", nil},
	{"bench/openload", []string{"bench", "bench/family", "bench/load", "bench/sample", "bench/whole"}},
	{"bench/family", []string{"bench", "bench/host", "bench/sample", "bench/vocabulary"}},
	{"bench/gotest", []string{"bench", "bench/host", "bench/sample", "bench/vocabulary", "bench/whole"}},
	{"bench/gotest/*", []string{"bench", "bench/host", "bench/sample"}},
	{"bench/cachebench/workload", []string{"bench/vocabulary"}},
	{"bench/cachebench", []string{"bench", "bench/family", "bench/host", "bench/load", "bench/openload", "bench/sample", "bench/cachebench/workload", "caches", "caches/cachetest", "caches/catalog"}},
	{"bench/cachebench/example", []string{"bench/cachebench", "caches", "cmd/commands"}},
	{"bench/primitives", []string{"bench", "bench/family", "bench/host", "bench/load", "bench/openload", "bench/sample", "caches/mpmc"}},
	{"bench/lockbench/history", nil},
	{"bench/lockbench", []string{"bench", "bench/family", "bench/host", "bench/load", "bench/openload", "bench/port", "bench/process", "bench/sample", "bench/whole", "bench/lockbench/history"}},
	{"bench/lockbench/locktest", []string{"bench/lockbench", "bench/lockbench/history", "bench/port"}},
	{"bench/lockbench/lease", []string{"bench/lockbench", "bench/lockbench/history"}},
	{"bench/lockbench/example", []string{"bench/lockbench", "bench/lockbench/history", "bench/lockbench/lease", "bench/lockbench/locktest", "cmd/commands"}},
	{"bench/study", []string{"bench", "bench/family", "bench/sample"}},

	// Traces: the decoder and the accounting stand alone.
	{"traces/decode", nil},
	{"traces/account", []string{"traces/decode"}},
	{"traces/blame", []string{"traces/account"}},
	{"traces/record", []string{"bench", "bench/sample", "traces/account"}},
	{"traces/show", []string{"bench", "bench/sample", "traces/account", "traces/blame", "traces/record"}},

	// Reports: samples and accounts in, pictures and sentences out.
	{"report/internal/synthetic", []string{"bench/sample"}},
	{"report/internal/markdown", nil},
	{"report/internal/derive", []string{"bench/sample"}},
	{"report/internal/strip", []string{"report/internal/derive"}},
	{"report/compare", []string{"bench/sample", "report/internal/markdown"}},
	{"report/history", []string{"bench/sample"}},
	{"report/claims", []string{"bench/sample", "report/internal/derive"}},
	{"report/internal/chart", []string{"bench/sample", "report/internal/derive", "report/internal/strip", "traces/account"}},
	{"report/internal/html", []string{"bench/sample", "report/internal/derive", "report/internal/strip"}},
	{"report/internal/traced", []string{"bench/sample", "report/internal/chart", "report/internal/derive", "report/internal/html", "report/internal/strip", "traces/account", "traces/blame", "traces/record", "traces/show"}},
	{"report", []string{"bench/sample", "bench/vocabulary", "bench/whole", "report/*", "traces/show"}},
	{"report/internal/latent", []string{"bench/load", "bench/sample", "report/internal/chart", "report/internal/derive", "report/internal/strip"}},
	{"report/internal/locked", []string{"bench/sample", "bench/lockbench/history", "report/internal/chart", "report/internal/derive", "report/internal/html", "report/internal/strip"}},

	{"cmd/commands", []string{
		"bench", "bench/bundle", "bench/family", "bench/fleet", "bench/gotest", "bench/host", "bench/sample", "bench/vocabulary", "bench/whole",
		"report", "report/claims", "report/compare", "report/history", "traces/record", "traces/show",
	}},
	{"cmd/contend", []string{"bench/family", "bench/cachebench", "bench/primitives", "bench/study", "cmd/commands"}},
}

// A guarded package of others may be imported by these rooms only.
var guarded = map[string][]string{
	"gonum.org/v1/plot":      {"report/internal/chart"},
	"golang.org/x/exp/trace": {"traces/*"},
}

// fits reports whether a package is the named one, or below "folder/*".
func fits(name, pattern string) bool {
	folder, all := strings.CutSuffix(pattern, "/*")
	return name == pattern || all && strings.HasPrefix(name, folder+"/")
}

func anyFits(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(name, p) })
}

// broken says what is wrong with a package's place and imports.
func broken(p pkg) (wrong []string) {
	name := strings.TrimPrefix(p.ImportPath, module)
	at := slices.IndexFunc(house, func(r room) bool { return fits(name, r.name) })
	if at < 0 {
		return []string{name + " is in no room: add it to the list of house_test.go"}
	}
	for _, imported := range p.Imports {
		for path, by := range guarded {
			if (imported == path || strings.HasPrefix(imported, path+"/")) && !anyFits(name, by) {
				wrong = append(wrong, name+" imports "+imported+", which only "+strings.Join(by, ", ")+" may")
			}
		}
		if local, ours := strings.CutPrefix(imported, module); ours && !anyFits(local, house[at].may) {
			wrong = append(wrong, name+" imports "+local+", which its room does not allow")
		}
	}
	return wrong
}

func TestImportRules(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	lived := map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, b := range broken(p) {
			t.Error(b)
		}
		lived[strings.TrimPrefix(p.ImportPath, module)] = true
	}
	for _, r := range house {
		if !strings.HasSuffix(r.name, "/*") && !lived[r.name] {
			t.Errorf("room %s has no package: take it from the list", r.name)
		}
	}
}

// TestImportRulesBite shows what the list forbids.
func TestImportRulesBite(t *testing.T) {
	for _, c := range []struct{ importer, imported string }{
		{"caches", module + "bench/sample"},
		{"caches/ring", module + "bench"},
		{"caches/ring", module + "caches/otter2"},
		{"caches/cachetest", module + "caches/ring"},
		{"bench/gotest", module + "caches/catalog"},
		{"bench/sample", module + "bench/host"},
		{"report/internal/html", module + "bench/cachebench"},
		{"report/internal/derive", module + "report/internal/html"},
		{"traces/account", module + "report/internal/chart"},
		{"bench/cachebench", module + "caches/otter2"},
		{"report/internal/html", "gonum.org/v1/plot/vg"},
		{"cmd/commands", "golang.org/x/exp/trace"},
		{"cmd/commands", module + "bench/cachebench"},
		{"cmd/contend", module + "bench"},
		{"bench/nobodyknows", "fmt"},
		{"nobodyknows", "fmt"},
	} {
		if len(broken(pkg{module + c.importer, []string{c.imported}})) == 0 {
			t.Errorf("%s may import %s", c.importer, c.imported)
		}
	}
	if wrong := broken(pkg{module + "caches/ring", []string{module + "caches", "fmt"}}); len(wrong) > 0 {
		t.Errorf("a backend may not know the contract: %v", wrong)
	}
}
