package vocabulary

import "testing"

func TestUnknown(t *testing.T) {
	known := []string{"null", "mutexlru", "otter1", "otter2", "ring", "workerpool", "workerpoolring"}
	for word, want := range map[string]string{
		"mutexrlu": `backend "mutexrlu" unknown; did you mean mutexlru?`,
		"mutex":    `backend "mutex" unknown; did you mean mutexlru?`,
		"Otter2":   `backend "Otter2" unknown; did you mean otter2 or otter1?`,
		"rng":      `backend "rng" unknown; did you mean ring?`,
		"qqqqqqqq": `backend "qqqqqqqq" unknown; there are null, mutexlru, otter1, otter2, ring, workerpool, workerpoolring`,
		"":         `backend "" unknown; there are null, mutexlru, otter1, otter2, ring, workerpool, workerpoolring`,
	} {
		if got := Unknown("backend", word, known).Error(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
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
