//go:build invariants

package mpmc

import (
	"testing"

	"github.com/contend-go/contend/caches/internal/invariants"
)

// TestOutrunBetweenEdges lets a TryPush, and a TryPop, stand still at each of
// its edges in turn while others move the ring on by up to two rounds and leave
// it neither full nor empty at any time: both must succeed.
func TestOutrunBetweenEdges(t *testing.T) {
	defer func() { invariants.Hook = nil }()
	for before := range 3 { // values in the ring of four when the call begins, and one
		for at := range 6 {
			for moved := range 9 {
				r := New[int](4, Park)
				for i := range 1 + before {
					r.TryPush(i)
				}
				outrun := func(try func() bool, what string) {
					edge := 0
					invariants.Hook = func(bool) {
						if edge++; edge != at+1 {
							return
						}
						hook := invariants.Hook
						invariants.Hook = nil
						for range moved {
							r.TryPush(7)
							r.TryPop()
						}
						invariants.Hook = hook
					}
					defer func() { invariants.Hook = nil }()
					if !try() {
						t.Errorf("%s with %d values in four slots fails, when others moved %d values at its edge %d", what, 1+before, moved, at)
					}
				}
				// A ticket that is drawn and not served would hold up the others.
				if at < 2 || moved == 0 {
					outrun(func() bool { return r.TryPush(8) }, "TryPush")
					outrun(func() bool { _, ok := r.TryPop(); return ok }, "TryPop")
				}
			}
		}
	}
	// From full to empty between the look at the slot and the one at head.
	r := New[int](2, Park)
	r.TryPush(1)
	r.TryPush(2)
	edge := 0
	invariants.Hook = func(bool) {
		if edge++; edge == 2 {
			invariants.Hook = nil
			r.TryPop()
			r.TryPop()
			r.TryPush(3)
			r.TryPop()
		}
	}
	if !r.TryPush(4) {
		t.Error("TryPush is refused by an empty ring, that was full when it began")
	}
}
