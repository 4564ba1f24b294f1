// Command example sweeps a cache of its own beside those of Contend, without a
// fork: a Spec, and one call.
//
//	go run ./bench/cachebench/example sweep --quick
//	go run ./bench/cachebench/example list backends --verbose
package main

import (
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/cmd/commands"
)

func main() {
	commands.Main(cachebench.Family(caches.Spec{
		Name: "mine", About: "a map behind one sync.RWMutex", Sync: caches.Mutex, Policy: "none", Strict: true,
		String: newMine[string], Uint64: newMine[uint64],
	}))
}
