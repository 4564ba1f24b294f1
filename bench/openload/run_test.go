package openload

import (
	"slices"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/load"
)

// TestUnstableWarning: how far a load was from being carried is said in per cent and in a time that can be read.
func TestUnstableWarning(t *testing.T) {
	for want, c := range map[string]struct {
		offered, intime int64
		late            time.Duration
	}{
		"90.6% of the operations that were due were carried out in time, and the last began 1.23s late":  {1_232_111, 1_116_421, 1_234_567_890},
		"99.9% of the operations that were due were carried out in time, and the last began 12.3ms late": {10_000_000, 9_999_999, 12_345_678},
		"0% of the operations that were due were carried out in time, and the last began 1ms late":       {0, 0, 999_999},
	} {
		r := &Run{Window: time.Second, others: true}
		rec := load.NewRecord(r.Window, 1)
		rec.Offered, rec.Intime, rec.End, rec.Dropped = c.offered, c.intime, c.late, 1
		values, warnings := r.Values(rec, nil)
		if !slices.Equal(warnings, []string{"unstable: " + want + ", so there are no quantiles"}) || len(values) != 3 {
			t.Errorf("%q, %v\nwant %q", warnings, values, want)
		}
	}
}
