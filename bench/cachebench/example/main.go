// Command example sweeps a cache of its own beside those of Contend, without a
// fork: a Spec, and one call.
//
//	go run ./bench/cachebench/example --backend mine,mutexlru --procs 1,2 --quick
package main

import (
	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/caches"
)

func main() {
	cachebench.Main(caches.Spec{
		Name: "mine", About: "a map behind one sync.RWMutex", Sync: caches.Mutex, Policy: "none", Strict: true,
		String: newMine[string], Uint64: newMine[uint64],
	})
}
