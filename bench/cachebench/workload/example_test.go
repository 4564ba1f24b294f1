package workload_test

import (
	"fmt"
	"log"

	"github.com/contend-go/contend/bench/cachebench/workload"
)

// Two goroutines of a workload, three operations each: everything they need is
// made before, and each starts at its own offset.
func Example() {
	stream, err := workload.New(workload.Config{Name: "zipf", Keys: 1000, Reads: 0.75, Seed: 4})
	if err != nil {
		log.Fatal(err)
	}
	stored, lookup, err := workload.MakeKeys[string](stream.Keys, 8, 4)
	if err != nil {
		log.Fatal(err)
	}
	cache := map[string]int{}
	for i, key := range stored {
		cache[key] = i
	}

	mask := len(stream.Ops) - 1
	for g := range 2 {
		start := stream.Offset(g, 2)
		for i := start; i < start+3; i++ {
			op := stream.Ops[i&mask]
			key := lookup[op.Index()]
			fmt.Printf("goroutine %d: key %s, write %v, found %v\n", g, key, op.IsWrite(), cache[key] == op.Index())
		}
	}
	// Output:
	// goroutine 0: key x9XsBXXR, write false, found true
	// goroutine 0: key vU-_k4fz, write false, found true
	// goroutine 0: key OsLt6fiQ, write false, found true
	// goroutine 1: key P6g6YH4v, write false, found true
	// goroutine 1: key O_vwEM29, write true, found true
	// goroutine 1: key V9Gcq5XA, write false, found true
}
