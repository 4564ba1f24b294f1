package account

import "testing"

// BenchmarkCauses is accounting with the second pass, in the order of time.
func BenchmarkCauses(b *testing.B) {
	f, size := benchTrace(b)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := Read(f, size, Options{Causes: true}); err != nil {
			b.Fatal(err)
		}
	}
	reportPeak(b)
}
