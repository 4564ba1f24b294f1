// Package decode reads the wire format of Go execution traces, Go 1.22 to 1.26,
// generation by generation: an index of the whole file without decoding it,
// then the tables and the events of any generation, thread by thread in an order
// that sequence numbers can make right, with memory bounded by the number of threads.
package decode

import "fmt"

// FormatError says that something is not a Go execution trace.
type FormatError struct {
	What string // what it is instead, as far as can be told
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("not a Go execution trace: %s", e.What)
}

// The Go versions whose format this package reads: 1.22 to 1.26. Older traces have another format,
// which golang.org/x/exp/trace reads.
const (
	OldestMinor = 22
	NewestMinor = 26
)

// VersionError says that a trace is of a Go version that is not supported.
type VersionError struct {
	Minor int // 99 for "go 1.99"
}

func (e *VersionError) Error() string {
	advice := "a newer contend may read it, or record with an older Go"
	if e.Minor < OldestMinor {
		advice = "record it again with a newer Go"
	}
	return fmt.Sprintf("trace of format go 1.%d; supported are go 1.11 to 1.21 and go 1.%d to 1.%d: %s", e.Minor, OldestMinor, NewestMinor, advice)
}
