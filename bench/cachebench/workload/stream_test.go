package workload

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// patterns are the workloads whose streams differ in kind.
var patterns = []string{"walk", "zipf", "uniform", "hot"}

func mustNew(t testing.TB, cfg Config) *Stream {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// configFor is the workload's stream over about n keys, all reads.
func configFor(name string, n int) Config {
	spec, err := Lookup(name)
	if err != nil {
		panic(err)
	}
	return Config{Name: name, Keys: spec.KeyCount(n), Reads: 1, Seed: 1}
}

func hashOps(s *Stream) string {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, s.Ops)
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// The hashes pin the streams: a run can be repeated by a later version. Change
// them only together with a line in the change log.
func TestSameSeedSameStream(t *testing.T) {
	golden := map[string]string{
		"walk": "37a14bd089fc0c3d", "zipf": "8d24e0a28e8b6a5f", "uniform": "ea65c118af39e40e", "hot": "ab9153b5beb90009",
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(procs)
		for name, want := range golden {
			cfg := configFor(name, 50_000)
			cfg.Reads, cfg.Length = 0.75, 1<<18
			if got := hashOps(mustNew(t, cfg)); got != want {
				t.Errorf("%s at GOMAXPROCS=%d: stream hash %s, want %s", name, procs, got, want)
			}
		}
	}
	for name := range golden {
		a, b := configFor(name, 1000), configFor(name, 1000)
		a.Length, a.Reads, b.Length, b.Reads, b.Seed = 1<<10, 0.5, 1<<10, 0.5, 2
		if hashOps(mustNew(t, a)) == hashOps(mustNew(t, b)) {
			t.Errorf("%s: seeds 1 and 2 give the same stream", name)
		}
	}
}

// counts is how often each key occurs.
func counts(s *Stream) []int {
	n := make([]int, s.Keys)
	for _, op := range s.Ops {
		n[op.Index()]++
	}
	return n
}

// chiSquareScore is how many standard deviations Pearson's statistic of the
// observed counts lies from its mean. Cells that expect fewer than 10 are
// pooled into one.
func chiSquareScore(observed []int, expected []float64) float64 {
	var sum, restExpected float64
	var cells, rest int
	add := func(o int, e float64) {
		sum += (float64(o) - e) * (float64(o) - e) / e
		cells++
	}
	for i, e := range expected {
		if e < 10 {
			rest, restExpected = rest+observed[i], restExpected+e
		} else {
			add(observed[i], e)
		}
	}
	if restExpected > 0 {
		add(rest, restExpected)
	}
	freedom := float64(cells - 1)
	return (sum - freedom) / math.Sqrt(2*freedom)
}

func TestUniform(t *testing.T) {
	for _, n := range []int{7, 1000, 50_000} {
		s := mustNew(t, configFor("uniform", n))
		expected := make([]float64, n)
		for i := range expected {
			expected[i] = float64(len(s.Ops)) / float64(n)
		}
		if score := chiSquareScore(counts(s), expected); math.Abs(score) > 4 {
			t.Errorf("%d keys: χ² is %.1f standard deviations off", n, score)
		}
	}
}

// zipfWeights are the analytic probabilities of ranks 1..n.
func zipfWeights(n int) []float64 {
	p := make([]float64, n)
	sum := 0.0
	for i := range p {
		p[i] = math.Pow(float64(i+1), -0.99)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// TestZipf holds the counts of the keys, in the order of their ranks, to the
// analytic distribution, which Gray's approximation would fail.
func TestZipf(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000, 65_536, 1_000_003} {
		cfg := configFor("zipf", n)
		cfg.Length = 1 << 21
		s := mustNew(t, cfg)
		byKey := counts(s)
		byRank := make([]int, n)
		place := cfg.scatter()
		expected := zipfWeights(n)
		for r := range byRank {
			byRank[r] = byKey[place(r)]
			expected[r] *= float64(len(s.Ops))
		}
		if n == 1 {
			if byRank[0] != len(s.Ops) {
				t.Errorf("one key got %d of %d operations", byRank[0], len(s.Ops))
			}
			continue
		}
		if score := chiSquareScore(byRank, expected); math.Abs(score) > 4 {
			t.Errorf("%d keys: χ² is %.1f standard deviations off", n, score)
		}
	}
}

// TestZipfOrder: draws must be independent of each other. An LRU's miss ratio
// then follows from the popularities alone (H. Che, Y. Tung, Z. Wang:
// Hierarchical Web caching systems, IEEE JSAC 20(7), 2002): a key is held if
// it was asked for within the last T requests, T such that the keys held
// number the capacity.
func TestZipfOrder(t *testing.T) {
	const n, capacity = 100_000, 5000
	cfg := configFor("zipf", n)
	cfg.Length = 1 << 22
	s := mustNew(t, cfg)
	weights := zipfWeights(n)
	low, high := 1.0, 1e9 // T
	var miss float64
	for range 50 {
		held := 0.0
		window := math.Sqrt(low * high)
		miss = 0
		for _, p := range weights {
			absent := math.Exp(-p * window)
			held += 1 - absent
			miss += p * absent
		}
		if held < capacity {
			low = window
		} else {
			high = window
		}
	}
	if got := missRatio(s.Ops, n, capacity); math.Abs(got-miss) > 0.003 {
		t.Errorf("LRU of %d in %d keys: miss ratio %.4f, independent draws would give %.4f", capacity, n, got, miss)
	} else {
		t.Logf("miss ratio %.4f, independent draws give %.4f", got, miss)
	}
}

// TestZipfTail checks ten million keys without a stream: shares of ranges.
func TestZipfTail(t *testing.T) {
	const n, draws = 10_000_000, 1 << 19
	z := newZipf(n)
	weights := zipfWeights(n)
	decade := func(r int) int { return int(math.Log10(float64(r)) * 2) }
	observed := make([]int, decade(n)+1)
	expected := make([]float64, decade(n)+1)
	for r, p := range weights {
		expected[decade(r+1)] += p * draws
	}
	words := newSource(3, purposePick)
	for i := range uint64(draws) {
		observed[decade(z.rank(words.at(i)))]++
	}
	if score := chiSquareScore(observed, expected); math.Abs(score) > 4 {
		t.Errorf("χ² is %.1f standard deviations off: %v, expected %.0f", score, observed, expected)
	}
}

func TestHotShare(t *testing.T) {
	for _, share := range []float64{0, 0.25, 0.9, 1} {
		cfg := configFor("hot", 1000)
		cfg.HotShare = share
		s := mustNew(t, cfg)
		if share == 0 {
			share = DefaultHotShare
		}
		byKey := counts(s)
		hot := cfg.scatter()(0)
		checkFraction(t, fmt.Sprintf("hot key's share %v", share), byKey[hot], len(s.Ops), share)
		expected := make([]float64, 0, 999)
		others := append(append([]int{}, byKey[:hot]...), byKey[hot+1:]...)
		rest := len(s.Ops) - byKey[hot]
		for range others {
			expected = append(expected, float64(rest)/999)
		}
		if share == 1 {
			continue // nothing left for the others, as checked
		}
		if score := chiSquareScore(others, expected); math.Abs(score) > 4 {
			t.Errorf("share %v: χ² of the other keys is %.1f standard deviations off", share, score)
		}
	}
	if s := mustNew(t, configFor("hot", 1)); counts(s)[0] != len(s.Ops) {
		t.Error("a single key does not get everything")
	}
}

// checkFraction allows five standard deviations of the binomial distribution.
func checkFraction(t *testing.T, what string, k, n int, want float64) {
	t.Helper()
	bound := 5 * math.Sqrt(want*(1-want)/float64(n))
	if got := float64(k) / float64(n); math.Abs(got-want) > bound {
		t.Errorf("%s: got %v of %d, want %v ± %v", what, got, n, want, bound)
	}
}

func TestReads(t *testing.T) {
	for _, name := range patterns {
		for _, reads := range []float64{0, 0.5, 0.75, 0.999, 1} {
			cfg := configFor(name, 1000)
			cfg.Reads, cfg.Length = reads, 1<<18
			s := mustNew(t, cfg)
			got := 0
			perKey := make([]int, s.Keys)
			for _, op := range s.Ops {
				if !op.IsWrite() {
					got++
					perKey[op.Index()]++
				}
			}
			checkFraction(t, fmt.Sprintf("%s reads %v", name, reads), got, len(s.Ops), reads)
			// Independent of the key: the busiest key has the same mix.
			busiest, byKey := 0, counts(s)
			for k := range byKey {
				if byKey[k] > byKey[busiest] {
					busiest = k
				}
			}
			if byKey[busiest] >= 1000 {
				checkFraction(t, fmt.Sprintf("%s reads %v of the busiest key", name, reads), perKey[busiest], byKey[busiest], reads)
			}
		}
	}
}

// TestWalk: key after key, and every pass decides reads anew.
func TestWalk(t *testing.T) {
	cfg := configFor("walk", 0)
	cfg.Reads = 0.5
	s := mustNew(t, cfg)
	same := 0
	for i, op := range s.Ops {
		if op.Index() != i%s.Keys {
			t.Fatalf("operation %d is on key %d", i, op.Index())
		}
		if op.IsWrite() == s.Ops[i%s.Keys].IsWrite() {
			same++
		}
	}
	if same > len(s.Ops)*6/10 {
		t.Errorf("%d of %d operations repeat the first pass's decision", same, len(s.Ops))
	}
}

func TestOffset(t *testing.T) {
	s := mustNew(t, configFor("walk", 0))
	for _, goroutines := range []int{1, 2, 7, 64, 1000, 100_000} {
		seen := make(map[int]bool, goroutines)
		for g := range goroutines {
			at := s.Offset(g, goroutines)
			if at < 0 || at >= len(s.Ops) || seen[at] {
				t.Fatalf("goroutine %d of %d starts at %d: outside the stream or taken", g, goroutines, at)
			}
			if at < g*len(s.Ops)/goroutines || at >= (g+1)*len(s.Ops)/goroutines {
				t.Fatalf("goroutine %d of %d starts at %d, outside its share", g, goroutines, at)
			}
			seen[at] = true
			if again := s.Offset(g, goroutines); again != at {
				t.Fatalf("goroutine %d starts at %d, then at %d", g, at, again)
			}
		}
	}
	// In a walk, goroutines must not start at the same key either.
	keys := map[int]bool{}
	for g := range 32 {
		keys[s.Ops[s.Offset(g, 32)].Index()] = true
	}
	if len(keys) < 31 {
		t.Errorf("32 walkers start at %d different keys", len(keys))
	}
	// More goroutines than operations still start inside the stream.
	tiny := mustNew(t, Config{Name: "zipf", Keys: 4, Reads: 1, Length: 2})
	for g := range 9 {
		if at := tiny.Offset(g, 9); at < 0 || at > 1 {
			t.Errorf("offset %d in a stream of 2", at)
		}
	}
}

func TestLength(t *testing.T) {
	for _, c := range []struct{ keys, length, want int }{
		{1000, 0, 1 << 20}, {1_000_000, 0, 1 << 21}, {1_100_000, 0, 1 << 22},
		{10, 1, 1}, {10, 3, 4}, {10, 4096, 4096},
	} {
		s := mustNew(t, Config{Name: "uniform", Keys: c.keys, Reads: 1, Length: c.length})
		if len(s.Ops) != c.want {
			t.Errorf("keys %d, length %d: stream of %d, want %d", c.keys, c.length, len(s.Ops), c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Name: "zipff", Keys: 1, Reads: 1}, `did you mean zipf?`},
		{Config{Name: "zipf", Keys: 0, Reads: 1}, "0 keys"},
		{Config{Name: "zipf", Keys: MaxKeys + 1, Reads: 1}, "must be 1 to 2147483648"},
		{Config{Name: "zipf", Keys: 1, Reads: 1.5}, "reads fraction 1.5"},
		{Config{Name: "zipf", Keys: 1, Reads: nan}, "reads fraction NaN"},
		{Config{Name: "ratelimit", Keys: 1, Reads: 0.5}, "must be 1"},
		{Config{Name: "walk", Keys: 1, Reads: 1}, "has 32768, fixed"},
		{Config{Name: "hot", Keys: 1, Reads: 1, HotShare: -1}, "hot share -1"},
		{Config{Name: "hot", Keys: 1, Reads: 1, HotShare: nan}, "hot share NaN"},
		{Config{Name: "zipf", Keys: 1, Reads: 1, Length: -1}, "-1 operations"},
		{Config{Name: "replay", Keys: 1, Reads: 1}, "trace file"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v): %v, want an error with %q", c.cfg, err, c.want)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, name := range patterns {
		b.Run("workload="+name, func(b *testing.B) {
			cfg := configFor(name, 1_000_000)
			for b.Loop() {
				s := mustNew(b, cfg)
				b.SetBytes(int64(4 * len(s.Ops)))
			}
		})
	}
}
