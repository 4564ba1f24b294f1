// Package bench is the harness: it turns a plan into cells, runs every cell in
// a fresh process, in seeded random blocks, and appends what they print to the
// run folder's samples file. It knows no backend.
package bench
