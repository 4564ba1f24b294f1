package account

import (
	"bufio"
	"fmt"
	xt "golang.org/x/exp/trace"
	"io"
	"os"
	"testing"
	"time"
)

func TestTmpX(t *testing.T) {
	f, err := os.Open(os.Getenv("T"))
	if err != nil {
		t.Skip()
	}
	fi, _ := f.Stat()
	t0 := time.Now()
	r, err := xt.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var c [8][8]int
	n := 0
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		if ev.Kind() == xt.EventStateTransition {
			st := ev.StateTransition()
			if st.Resource.Kind == xt.ResourceGoroutine {
				a, b := st.Goroutine()
				c[a][b]++
			}
		}
	}
	d := time.Since(t0)
	fmt.Println(n, d, float64(fi.Size())/1e6/d.Seconds(), "MB/s", float64(d.Nanoseconds())/float64(n), "ns/ev", c)
}
