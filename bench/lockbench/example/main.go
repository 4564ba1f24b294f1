// Command example measures a lock of its own beside those of Contend, without a
// fork: a Service, and one call.
//
//	go run ./bench/lockbench/example sweep --quick
package main

import (
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/cmd/commands"
)

func main() {
	services := []lockbench.Service{mine(), lease.Service(), lease.None()}
	commands.Main(lockbench.Family(services, lockbench.Quick{Faults: []string{lockbench.NoFault, "pause-holder"}}))
}
