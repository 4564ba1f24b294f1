package account

import (
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"time"
)

func TestTmpA(t *testing.T) {
	f, err := os.Open(os.Getenv("T"))
	if err != nil {
		t.Skip()
	}
	fi, _ := f.Stat()
	if c := os.Getenv("CPU"); c != "" {
		o, _ := os.Create(c)
		pprof.StartCPUProfile(o)
		defer pprof.StopCPUProfile()
	}
	t0 := time.Now()
	var opt Options
	a, err := Read(f, fi.Size(), opt)
	if err != nil {
		t.Fatal(err)
	}
	d := time.Since(t0)
	fmt.Println(a.Events, d, float64(fi.Size())/1e6/d.Seconds(), "MB/s", float64(d.Nanoseconds())/float64(a.Events), "ns/ev", a.Lost, a.Duration)
	for i := range append(a.Windows, a.Total) {
		var w *Window
		if i < len(a.Windows) {
			w = &a.Windows[i]
		} else {
			w = &a.Total
		}
		fmt.Printf("%q %v-%v procs %v-%v cap %v residual %v pwait %.3f %v\n  %+v wake p50 %v p99 %v n=%d\n", w.Label, w.Start, w.End, w.MinProcs, w.MaxProcs, w.Capacity, w.Residual, w.PWait(), w.Parts, w.Goroutines, w.WakeToRun.Quantile(.5), w.WakeToRun.Quantile(.99), w.WakeToRun.Count)
		fmt.Println("  ", w.Waits)
		for _, s := range w.Sites[:min(len(w.Sites), 3)] {
			top := ""
			if len(s.Stack) > 0 {
				top = s.Stack[min(len(s.Stack)-1, 1)].Func
			}
			fmt.Println("   site", s.Reason, top, len(s.Stack), s.Wait, s.Waits, s.MaxWait, "parked", s.Parked, "charged", s.Charged, "ho", s.Handoffs, s.Barging, len(s.Releasers))
		}
		for _, s := range w.Causes[:min(len(w.Causes), 4)] {
			fmt.Println("   cause", s.Kind, s.Reason, s.Time)
		}
	}
}
