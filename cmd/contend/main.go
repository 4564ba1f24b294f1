// Command contend shows how a Go lock, cache or benchmark behaves as GOMAXPROCS
// rises, where its CPUs go, and which line makes it stop scaling.
package main

import (
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/primitives"
	"github.com/contend-go/contend/bench/study"
	"github.com/contend-go/contend/cmd/commands"
)

// families is the one list of what sweeps measure, the default first.
func families() []family.Family {
	caches, rows := cachebench.Family(), primitives.Family()
	return []family.Family{caches, rows, study.Family(caches, rows)}
}

func main() { commands.Main(families()...) }
