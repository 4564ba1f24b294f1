package owner

import (
	"strconv"
	"testing"
)

// TestRing: members own like shares, and one that leaves moves no lock of the
// others.
func TestRing(t *testing.T) {
	all := []string{"0", "1", "2"}
	owns := map[string]int{}
	for i := range 3000 {
		name := "locktest-" + strconv.Itoa(i)
		before, after := ownerOf(name, all), ownerOf(name, all[:2])
		owns[before]++
		if before != "2" && before != after {
			t.Errorf("%s moved from %s to %s, and neither left", name, before, after)
		}
	}
	for _, m := range all {
		if owns[m] < 500 {
			t.Errorf("member %s owns %d of 3000 locks", m, owns[m])
		}
	}
}
