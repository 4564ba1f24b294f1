package account_test

import (
	"fmt"
	"os"

	"github.com/contend-go/contend/traces/account"
)

// Where the time of every P went: parts that add up to GOMAXPROCS × time.
func ExampleRead() {
	f, err := os.Open("testdata/small.trace")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := account.Read(f, info.Size(), account.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := &a.Total
	fmt.Println(w.MaxProcs > 0, w.Parts.Total()+w.Residual == w.Capacity)
	// Output: true true
}
