package workload

import (
	"strings"
	"testing"
)

func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if s.Name == "" || s.About == "" || strings.HasSuffix(s.About, ".") || s.Pattern == "" || s.Task == "" || seen[s.Name] {
			t.Errorf("incomplete or repeated: %+v", s)
		}
		seen[s.Name] = true
		got, err := Lookup(s.Name)
		if err != nil || got != s {
			t.Errorf("Lookup(%q) = %+v, %v", s.Name, got, err)
		}
		if s.Pattern == Recorded {
			continue
		}
		cfg := Config{Name: s.Name, Keys: s.KeyCount(1000), Reads: 1, Length: 1 << 12}
		for _, op := range mustNew(t, cfg).Ops {
			if op.Index() >= cfg.Keys || op.IsWrite() {
				t.Fatalf("%s: operation %x", s.Name, op)
			}
		}
	}
}

func TestLookupNear(t *testing.T) {
	for name, want := range map[string]string{
		"zipff":   `did you mean zipf?`,
		"Walk":    `did you mean walk?`,
		"rate":    `did you mean ratelimit?`,
		"unifrom": `did you mean uniform?`,
		"nothing": "there are walk, zipf, uniform, hot, evict, ratelimit, expire, replay",
		"":        "there are walk,",
	} {
		if _, err := Lookup(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Lookup(%q): %v, want %q", name, err, want)
		}
	}
}

func TestKeyCountAndCapacity(t *testing.T) {
	for name, want := range map[string][2]int{"walk": {32768, 65536}, "zipf": {1000, 2000}, "evict": {1000, 100}} {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		keys := s.KeyCount(1000)
		if got := [2]int{keys, s.Capacity(keys)}; got != want {
			t.Errorf("%s: keys and capacity %v, want %v", name, got, want)
		}
	}
	if evict, _ := Lookup("evict"); evict.Capacity(3) != 1 {
		t.Error("capacity 0 for 3 keys")
	}
}

func TestBucket(t *testing.T) {
	b := Bucket{Limit: 2, Duration: 10}
	left, expiry, ok := b.Limit, b.Expiry(100), true
	if expiry != 110 {
		t.Fatalf("filled at 100, it expires at %d", expiry)
	}
	for i, want := range []struct {
		now, left, expiry int64
		ok                bool
	}{
		{101, 1, 110, true}, {102, 0, 110, true}, {103, 0, 110, false}, {109, 0, 110, false}, // empty until it expires
		{110, 1, 120, true}, {111, 0, 120, true}, {112, 0, 120, false}, // full again
		{500, 1, 510, true}, // a long time later: only full
	} {
		left, expiry, ok = b.Take(left, expiry, want.now)
		if left != want.left || expiry != want.expiry || ok != want.ok {
			t.Fatalf("request %d at %d: %d left, expires at %d, got a token: %v; want %+v", i, want.now, left, expiry, ok, want)
		}
	}
	forever := Bucket{Limit: 1}
	if left, expiry, ok := forever.Take(0, forever.Expiry(5), 1<<62); left != 0 || expiry != 0 || ok {
		t.Errorf("a bucket that never expires was refilled: %d, %d, %v", left, expiry, ok)
	}
}
