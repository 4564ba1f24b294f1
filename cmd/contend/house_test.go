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

// A rule allows importers to import what is named, and no one else.
type rule struct {
	says    string
	applies func(importer string) bool
	forbids func(imported string) bool
}

// The house's rules: imports run one way. Names are relative to the module.
var rules = []rule{
	{
		says:    "caches imports nothing of ours",
		applies: is("caches"),
		forbids: ours,
	},
	{
		says: "a backend imports nothing of ours but caches, the ring and the list it is built on",
		applies: func(p string) bool {
			return under("caches")(p) && !under("caches/catalog", "caches/cachetest")(p)
		},
		forbids: func(p string) bool { return ours(p) && !is("caches", "caches/mpmc", "caches/lru")(local(p)) },
	},
	{
		says:    "the conformance suite knows the contract only",
		applies: under("caches/cachetest"),
		forbids: func(p string) bool { return ours(p) && !is("caches")(local(p)) },
	},
	{
		says:    "the harness knows no backend, no trace and no report",
		applies: is("bench", "bench/sample", "bench/host", "bench/workload", "bench/gotest", "bench/bundle", "bench/measure", "bench/vocabulary"),
		forbids: func(p string) bool { return ours(p) && under("caches", "traces", "report", "cmd")(local(p)) },
	},
	{
		says:    "the results format imports nothing of ours",
		applies: is("bench/sample"),
		forbids: ours,
	},
	{
		says:    "traces and report know no cache and no command",
		applies: under("traces", "report"),
		forbids: func(p string) bool {
			return ours(p) && under("caches", "bench/cachebench", "bench/workload", "bench/gotest", "cmd")(local(p))
		},
	},
	{
		says:    "traces know no report",
		applies: under("traces"),
		forbids: func(p string) bool { return ours(p) && under("report")(local(p)) },
	},
	{
		says:    "concrete backends are imported by the catalogue only",
		applies: func(p string) bool { return !under("caches", "bench/primitives")(p) },
		forbids: func(p string) bool {
			return ours(p) && under("caches")(local(p)) && !is("caches", "caches/catalog", "caches/cachetest", "caches/mpmc")(local(p))
		},
	},
	{
		says:    "gonum/plot stays behind report/chart",
		applies: func(p string) bool { return !under("report/chart")(p) },
		forbids: func(p string) bool { return strings.HasPrefix(p, "gonum.org/v1/plot") },
	},
	{
		says:    "golang.org/x/exp/trace stays below traces",
		applies: func(p string) bool { return !under("traces")(p) },
		forbids: func(p string) bool { return p == "golang.org/x/exp/trace" },
	},
}

func ours(p string) bool    { return strings.HasPrefix(p, module) }
func local(p string) string { return strings.TrimPrefix(p, module) }

// is matches the named packages, under those and all below them.
func is(names ...string) func(string) bool {
	return func(p string) bool { return slices.Contains(names, p) }
}

func under(roots ...string) func(string) bool {
	return func(p string) bool {
		for _, r := range roots {
			if p == r || strings.HasPrefix(p, r+"/") {
				return true
			}
		}
		return false
	}
}

// broken lists the imports of a package that break a rule.
func broken(p pkg) []string {
	var list []string
	for _, r := range rules {
		if !r.applies(local(p.ImportPath)) {
			continue
		}
		for _, imported := range p.Imports {
			if r.forbids(imported) {
				list = append(list, local(p.ImportPath)+" imports "+local(imported)+": "+r.says)
			}
		}
	}
	return list
}

func TestImportRules(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, b := range broken(p) {
			t.Error(b)
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages were seen", seen)
	}
}

// TestImportRulesBite shows each rule on an import that breaks it.
func TestImportRulesBite(t *testing.T) {
	for i, p := range []pkg{
		{ImportPath: "caches", Imports: []string{module + "bench/sample"}},
		{ImportPath: "caches/ring", Imports: []string{module + "bench"}},
		{ImportPath: "caches/cachetest", Imports: []string{module + "caches/ring"}},
		{ImportPath: "bench/gotest", Imports: []string{module + "caches/catalog"}},
		{ImportPath: "bench/sample", Imports: []string{module + "bench/host"}},
		{ImportPath: "report/html", Imports: []string{module + "bench/cachebench"}},
		{ImportPath: "traces/account", Imports: []string{module + "report/chart"}},
		{ImportPath: "bench/cachebench", Imports: []string{module + "caches/otter2"}},
		{ImportPath: "report/html", Imports: []string{"gonum.org/v1/plot/vg"}},
		{ImportPath: "cmd/contend", Imports: []string{"golang.org/x/exp/trace"}},
	} {
		p.ImportPath = module + p.ImportPath
		found := false
		for _, b := range broken(p) {
			found = found || strings.HasSuffix(b, rules[i].says)
		}
		if !found {
			t.Errorf("rule %q did not bite on %v", rules[i].says, p)
		}
	}
}
