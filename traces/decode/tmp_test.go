package decode

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestTmp(t *testing.T) {
	f, err := os.Open(os.Getenv("T"))
	if err != nil {
		t.Skip()
	}
	fi, _ := f.Stat()
	t0 := time.Now()
	tr, err := Open(f, fi.Size())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("index", time.Since(t0), len(tr.Generations), tr.Lost)
	n, p := 0, 0
	var by [256]int
	t0 = time.Now()
	for _, g := range tr.Generations {
		tb, err := g.Tables()
		if err != nil {
			t.Fatal(err)
		}
		s := g.Events(tb.Clock)
		for s.Next() {
			n++
			by[s.Event.Type]++
		}
		if s.Damaged > 0 || len(tb.Lost) > 0 {
			t.Error(s.Damaged, tb.Lost)
		}
	}
	d := time.Since(t0)
	fmt.Println(n, p, d, float64(fi.Size())/1e6/d.Seconds(), "MB/s", float64(d.Nanoseconds())/float64(n), "ns/ev")
	for i, c := range by {
		if c > 0 {
			fmt.Print(i, ":", c, " ")
		}
	}
	fmt.Println()
}
func TestTmpRaw(t *testing.T) {
	f, err := os.Open(os.Getenv("T"))
	if err != nil {
		t.Skip()
	}
	fi, _ := f.Stat()
	tr, err := Open(f, fi.Size())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	sw := 0
	t0 := time.Now()
	buf := make([]byte, maxBatch+pad)
	var sum uint64
	for _, g := range tr.Generations {
		for _, th := range g.Threads {
			for _, b := range th.batches {
				data, _ := tr.read(b.off, buf[:b.size])
				i := 0
				var args [5]uint64
				for i < len(data) {
					n++
					typ := data[i]
					i++
					k := argCount[typ] + 1
					for j := int8(0); j < k; j++ {
						if x := buf[i]; x < 0x80 {
							args[j&3] = uint64(x)
							i++
						} else {
							args[j&3], i = uvarint(buf, i)
						}
					}
					sum += args[0]
				}
			}
		}
	}
	d := time.Since(t0)
	fmt.Println("raw", n, sum, d, float64(fi.Size())/1e6/d.Seconds(), "MB/s", float64(d.Nanoseconds())/float64(n), "ns/ev")
	n = 0
	t0 = time.Now()
	for _, g := range tr.Generations {
		for _, th := range g.Threads {
			for _, b := range th.batches {
				data, _ := tr.read(b.off, buf[:b.size])
				i := 0
				var args [5]uint64
				for i < len(data) {
					n++
					typ := data[i]
					i++
					k := argCount[typ] + 1
					for j := int8(0); j < k; j++ {
						args[j&3], i = uvarint(buf, i)
					}
					sum += args[0]
				}
			}
		}
	}
	d = time.Since(t0)
	fmt.Println("raw branchfree", n, sum, d, float64(fi.Size())/1e6/d.Seconds(), "MB/s", float64(d.Nanoseconds())/float64(n), "ns/ev")
	last := int32(-1)
	n = 0
	for _, g := range tr.Generations {
		tb, _ := g.Tables()
		s := g.Events(tb.Clock)
		for s.Next() {
			n++
			if s.Event.Thread != last {
				sw++
				last = s.Event.Thread
			}
		}
	}
	fmt.Println("switches", sw, n, float64(n)/float64(sw))
	t0 = time.Now()
	for _, g := range tr.Generations {
		for _, th := range g.Threads {
			for _, b := range th.batches {
				tr.read(b.off, buf[:b.size])
			}
		}
	}
	fmt.Println("read only", time.Since(t0))
}
