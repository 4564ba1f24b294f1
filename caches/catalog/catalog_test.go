package catalog

import (
	"regexp"
	"strings"
	"testing"
)

func TestSpecs(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range All() {
		if !regexp.MustCompile(`^[a-z][a-z0-9]*$`).MatchString(s.Name) || seen[s.Name] {
			t.Errorf("name %q: want lower-case letters and digits, once", s.Name)
		}
		seen[s.Name] = true
		if found, ok := Lookup(s.Name); !ok || found.Name != s.Name {
			t.Errorf("Lookup(%q) = %s, %v", s.Name, found.Name, ok)
		}
		if s.About == "" || strings.HasSuffix(s.About, ".") || strings.Contains(s.About, "\n") {
			t.Errorf("%s: About is %q: want one line without a full stop", s.Name, s.About)
		}
		if s.Sync == "" || s.Policy == "" {
			t.Errorf("%s: Sync %q, Policy %q: want both", s.Name, s.Sync, s.Policy)
		}
		if _, err := s.String(0); err == nil {
			t.Errorf("%s: capacity 0 is accepted for strings", s.Name)
		}
		if _, err := s.Uint64(-1); err == nil {
			t.Errorf("%s: capacity -1 is accepted for integers", s.Name)
		}
	}
	if _, ok := Lookup("none"); ok {
		t.Error("there is a backend of an unknown name")
	}
}
