package decode_test

import (
	"fmt"
	"os"

	"github.com/contend-go/contend/traces/decode"
)

// The index of a trace is made without decoding its events.
func ExampleOpen() {
	f, err := os.Open("../account/testdata/small.trace")
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
	t, err := decode.Open(f, info.Size())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Minor >= 22, len(t.Generations) > 0, t.LostBytes)
	// Output: true true 0
}
