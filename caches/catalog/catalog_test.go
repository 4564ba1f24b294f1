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
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ names, want, err string }{
		{names: "mutexlru,null", want: "mutexlru,null"},
		{names: "all", want: strings.Join(Names(), ",")},
		{names: "mutexrlu", err: `backend "mutexrlu" unknown; did you mean mutexlru?`},
		{names: "mutex", err: `did you mean mutexlru`},
		{names: "Otter2", err: `did you mean otter`},
		{names: "qqqqqqqqqqqq", err: "there are null, plainmap, "},
		{names: "null,null", err: `backend "null" named twice`},
		{names: "", err: `backend "" unknown; there are`},
	} {
		specs, err := Find(strings.Split(c.names, ","))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("Find(%q): error %v, want %q in it", c.names, err, c.err)
			}
			continue
		}
		var got []string
		for _, s := range specs {
			got = append(got, s.Name)
		}
		if err != nil || strings.Join(got, ",") != c.want {
			t.Errorf("Find(%q) = %v, %v, want %s", c.names, got, err, c.want)
		}
	}
	if _, err := Find(nil); err == nil {
		t.Error("Find(nil) names no backend, and is accepted")
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ring", "rng", 1}, {"ab", "ba", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
