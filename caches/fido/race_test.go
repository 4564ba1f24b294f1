//go:build race

package fido

const raceEnabled = true
