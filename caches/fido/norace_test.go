//go:build !race

package fido

const raceEnabled = false
