package host_test

import (
	"fmt"

	"github.com/contend-go/contend/bench/host"
)

// A host of two sockets with two cores each and two hyperthreads per core:
// which values of GOMAXPROCS to measure, which CPUs a process of three Ps
// should be kept on, and where its curve may bend without any contention.
func ExampleFacts_FillOrder() {
	f := host.Facts{CPUs: []host.CPU{
		{ID: 0, Core: 0, Socket: 0}, {ID: 1, Core: 1, Socket: 0},
		{ID: 2, Core: 2, Socket: 2}, {ID: 3, Core: 3, Socket: 2},
		{ID: 4, Core: 0, Socket: 0}, {ID: 5, Core: 1, Socket: 0},
		{ID: 6, Core: 2, Socket: 2}, {ID: 7, Core: 3, Socket: 2},
	}}
	fmt.Println(f.DefaultProcs())
	fmt.Println(f.FillOrder()[:3])
	for _, b := range f.Boundaries() {
		fmt.Printf("above %d Ps: %s\n", b.After, b.Label)
	}
	// Output:
	// [1 2 4 8]
	// [0 1 2]
	// above 2 Ps: socket 2
	// above 4 Ps: hyperthreads
}
