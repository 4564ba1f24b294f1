// Package bench is the harness: it turns a plan into cells, runs every cell in
// a fresh process, in seeded random blocks, and appends what they print to the
// run folder's samples file. It knows no backend.
//
// A [Plan] is data: the cells, how often each is repeated, and the seed of their
// order. [Run] carries it out. Interrupted at any moment, the same Run continues
// where it was: what is finished is read from the samples file, which is the only
// state. A cell is a process that prints benchmark lines; see [Cell] for what it
// is told and what it must print.
package bench
