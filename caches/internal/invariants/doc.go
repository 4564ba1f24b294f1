// Package invariants is what concurrent code under test says about itself:
// what must hold, and where its steps can be told apart by others. In a normal
// build both compile away; `go test -tags invariants` checks the one and lets
// other goroutines in at the other, so that an order of stores that is wrong
// fails within a run and not once in a week.
package invariants
