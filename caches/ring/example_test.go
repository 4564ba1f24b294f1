package ring_test

import (
	"fmt"

	"github.com/contend-go/contend/caches/ring"
)

func Example() {
	c, err := ring.New[string, int](1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.Set("hits", 1)
	c.Update("hits", func(old int, ok bool) int { return old + 1 })
	fmt.Println(c.Get("hits"))
	// Output: 2 true
}
