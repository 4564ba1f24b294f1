//go:build !invariants

package invariants

// Enabled reports whether this build has assertions and injected yields.
const Enabled = false

// Assert is empty and compiles away.
func Assert(holds bool, what string) {}

// Edge is empty and compiles away.
func Edge() {}

// Waits returns false and compiles away.
func Waits() bool { return false }
