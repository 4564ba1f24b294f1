//go:build race

package cachebench

const underRace = true
