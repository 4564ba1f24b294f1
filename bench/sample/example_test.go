package sample_test

import (
	"fmt"
	"strings"

	"github.com/contend-go/contend/bench/sample"
)

// What go test printed, read into samples whose names are parsed.
func ExampleSet_Read() {
	set := new(sample.Set)
	text := "cpu: Some CPU\nBenchmarkMap/size=1K-8 \t 100 \t 41.2 ns/op \t 0 allocs/op\n"
	if err := set.Read(strings.NewReader(text), "bench.txt"); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range set.Samples {
		size, _ := s.Name.Number("size")
		ns, _ := s.Value("ns/op")
		fmt.Println(s.Name, size, s.Name.Procs(), ns, s.Config["cpu"])
	}
	// Output: BenchmarkMap/size=1K/gomaxprocs=8 1024 8 41.2 Some CPU
}
