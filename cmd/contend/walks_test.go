package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWalks holds that every function that the walks of CONTRIBUTING.md name is
// there, in the package that they say.
func TestWalks(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walks, _ := strings.Cut(string(text), "## Walks")
	walks, _, _ = strings.Cut(walks, "\n## ")
	named := regexp.MustCompile("`([a-z]+)\\.([A-Za-z]+)`").FindAllStringSubmatch(walks, -1)
	if len(named) < 30 {
		t.Fatalf("%d functions are named", len(named))
	}
	for _, n := range named {
		if n[2] == "json" || n[2] == "txt" {
			continue // a file
		}
		folder := ""
		for _, pattern := range []string{"../../*/" + n[1], "../../*/internal/" + n[1], "../../" + n[1]} {
			if found, _ := filepath.Glob(pattern); len(found) == 1 {
				folder = found[0]
			}
		}
		if folder == "" {
			t.Errorf("%s.%s: there is no such package", n[1], n[2])
			continue
		}
		files, _ := filepath.Glob(filepath.Join(folder, "*.go"))
		declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?` + n[2] + `\b|type ` + n[2] + `\b)`)
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || !strings.HasSuffix(file, "_test.go") && declared.Match(source)
		}
		if !found {
			t.Errorf("%s.%s is not declared in %s", n[1], n[2], folder)
		}
	}
}
