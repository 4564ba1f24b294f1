package workload

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

func TestMakeKeysString(t *testing.T) {
	for _, c := range []struct{ n, length int }{
		{1, 1}, {64, 1}, {4096, 2}, {4000, 2}, {65_536, 8}, {65_536, 10}, {65_536, 11}, {65_536, 17}, {32_768, 20}, {2000, 21}, {20_000, 40}, {20_000, 100},
	} {
		stored, lookup, err := MakeKeys[string](c.n, c.length, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) != c.n || len(lookup) != c.n {
			t.Fatalf("%+v: %d and %d keys", c, len(stored), len(lookup))
		}
		seen := make(map[string]bool, c.n)
		for i, k := range stored {
			if len(k) != c.length {
				t.Fatalf("%+v: key %q", c, k)
			}
			if lookup[i] != k {
				t.Fatalf("%+v: key %d is %q, then %q", c, i, k, lookup[i])
			}
			if unsafe.StringData(k) == unsafe.StringData(lookup[i]) {
				t.Fatalf("%+v: the copies of key %d share their bytes", c, i)
			}
			seen[k] = true
		}
		if len(seen) != c.n {
			t.Errorf("%+v: %d distinct keys", c, len(seen))
		}
	}
}

// TestMakeKeysSpread: each position uses the whole alphabet evenly, so hashes
// and comparisons have no structure to profit from.
func TestMakeKeysSpread(t *testing.T) {
	const n, length = 1 << 16, 23
	keys, _, err := MakeKeys[string](n, length, 5)
	if err != nil {
		t.Fatal(err)
	}
	expected := make([]float64, len(alphabet))
	for i := range expected {
		expected[i] = n / float64(len(alphabet))
	}
	for at := range length {
		observed := make([]int, len(alphabet))
		for _, k := range keys {
			observed[strings.IndexByte(alphabet, k[at])]++
		}
		if score := chiSquareScore(observed, expected); score > 5 {
			t.Errorf("character %d: χ² is %.1f standard deviations off", at, score)
		}
	}
}

func TestMakeKeysUint64(t *testing.T) {
	const n = 200_000
	stored, lookup, err := MakeKeys[uint64](n, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[uint64]bool, n)
	for i, k := range stored {
		if lookup[i] != k {
			t.Fatalf("key %d is %d, then %d", i, k, lookup[i])
		}
		seen[k] = true
	}
	if len(seen) != n {
		t.Errorf("%d distinct keys of %d", len(seen), n)
	}
}

func TestMakeKeysSeed(t *testing.T) {
	const n = 200_000 // several pieces
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	runtime.GOMAXPROCS(1)
	one, _, _ := MakeKeys[string](n, 17, 1)
	runtime.GOMAXPROCS(3)
	three, _, _ := MakeKeys[string](n, 17, 1)
	other, _, _ := MakeKeys[string](n, 17, 2)
	for i := range one {
		if one[i] != three[i] {
			t.Fatalf("key %d is %q at GOMAXPROCS=1, %q at 3", i, one[i], three[i])
		}
	}
	if one[0] == other[0] {
		t.Errorf("seeds 1 and 2 both begin with %q", one[0])
	}
	if got, want := fmt.Sprint(one[:2]), "[iczEHv2MZxaGmqfXg Jdp8Y7P1mclgmLly1]"; got != want {
		t.Errorf("first keys %s, want %s", got, want)
	}
}

func TestMakeKeysRefuses(t *testing.T) {
	for _, c := range []struct {
		n, length int
		want      string
	}{
		{0, 17, "0 keys"}, {-1, 17, "-1 keys"}, {MaxKeys + 1, 17, "must be 1 to"},
		{10, 0, "keys of 0 bytes"}, {10, 1025, "must be 1 to 1024"}, {65, 1, "there are 64"}, {4097, 2, "there are 4096"},
	} {
		if _, _, err := MakeKeys[string](c.n, c.length, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("MakeKeys(%d, %d): %v, want an error with %q", c.n, c.length, err, c.want)
		}
	}
	if _, _, err := MakeKeys[uint64](0, 17, 1); err == nil {
		t.Error("no error for 0 uint64 keys")
	}
}

func BenchmarkMakeKeys(b *testing.B) {
	const n = 1_000_000
	b.Run("type=string", func(b *testing.B) {
		for b.Loop() {
			MakeKeys[string](n, DefaultKeyLength, 1)
		}
	})
	b.Run("type=uint64", func(b *testing.B) {
		for b.Loop() {
			MakeKeys[uint64](n, 0, 1)
		}
	})
}
