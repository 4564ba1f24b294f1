package cachebench_test

import (
	"fmt"

	"github.com/contend-go/contend/bench/cachebench"
	"github.com/contend-go/contend/caches"
)

// A user's cache joins those of the catalogue. What is missing here of its Spec
// is in the program of the example folder.
func ExampleFamily() {
	f := cachebench.Family(caches.Spec{Name: "mine", About: "a map behind one lock"})
	for _, a := range f.Axes {
		if a.Flag == "backend" {
			fmt.Println(a.Default, a.Words()[0])
		}
	}
	// Output: [mine plainmap mutexlru workerpool otter2 ring] mine
}
