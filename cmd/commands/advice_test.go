package commands

import (
	"strings"
	"testing"
	"time"
)

// TestAdvice: what decides is said in time, and what no host should be asked for
// is said to be that.
func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		unclear, have int
		needs         []int
		block         time.Duration
		want          string
	}{
		{3, 20, []int{30, 47, 30268}, 20 * time.Second, "about 9 minutes more, by the same command with --count 47, would decide 2 of 3; 1 would take more than an hour: not on this host"},
		{1, 20, []int{30268}, time.Second, "undecided: 1, which would take more than an hour: not on this host"},
		{2, 20, []int{21, 22}, 4 * time.Second, "about 24 seconds more, by the same command with --count 26, would decide 2 of 2"},
		{1, 20, []int{21}, 100 * time.Millisecond, "about 1 second more, by the same command with --count 26, would decide 1 of 1"},
		{4, 4, []int{18, 20}, 10 * time.Second, "about 3 minutes more, by the same command without --budget with --time 50ms, would decide 2 of 4"},
		{1, 2, nil, 10 * time.Second, "about a minute more, by the same command with --count 8, would decide 1 of 1"},
	} {
		var run tester
		if run.Count = c.have; strings.Contains(c.want, "--budget") { // it was cut short
			run.Count, run.Budget, run.Time, run.window = 30, time.Minute, 50*time.Millisecond, 200*time.Millisecond
		}
		if got := advice(c.unclear, c.needs, c.have, c.block, run.goOn); !strings.Contains(got, c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
