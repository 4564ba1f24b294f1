//go:build !race

package cachebench

const underRace = false
