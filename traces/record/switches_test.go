package record

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/contend-go/contend/traces/account"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// example is a file with every kind of frame, and what it says.
func example() ([]byte, *Switches) {
	var b bytes.Buffer
	w := newSwitchWriter(&b, 100, 1000, "")
	w.threads(frameQueue, 999, map[int32]int64{100: 5, 103: 0})
	w.threads(frameClocks, 1000, map[int32]int64{100: 50, 101: 0, 103: 7})
	w.switches(0, []switchRecord{{1100, 100, blocked}, {1110, 101, switchedIn}, {1500, 101, exited}})
	w.switches(3, []switchRecord{{1200, 100, switchedIn}, {1800, 100, preempted}})
	w.lost(3, 7)
	w.threads(frameClocks, 1990, map[int32]int64{100: 50 + 100 + 600, 103: 997})
	w.threads(frameQueue, 1995, map[int32]int64{100: 105, 103: 20, 104: 1})
	w.end(2000)
	return b.Bytes(), &Switches{
		PID: 100, CPUs: runtime.NumCPU(), Start: 1000, End: 2000,
		Log: &account.SwitchLog{From: 1000, To: 2000, Lost: 7, Records: []account.Switch{
			{At: 1000, TID: 103, CPU: -1, In: true}, // never switched, and its clock ran on
			{At: 1100, TID: 100, CPU: 0},
			{At: 1110, TID: 101, CPU: 0, In: true},
			{At: 1200, TID: 100, CPU: 3, In: true},
			{At: 1500, TID: 101, CPU: 0},
			{At: 1800, TID: 100, CPU: 3},
		}},
		Clocks: []Clocks{
			{1000, map[int32]int64{100: 50, 101: 0, 103: 7}},
			{1990, map[int32]int64{100: 750, 103: 997}},
		},
		Waited: 100 + 20 + 1,
	}
}

func TestSwitchesRoundTrip(t *testing.T) {
	b, want := example()
	got, err := ReadSwitches(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Switches{})); d != "" {
		t.Error(d)
	}
	if got := want.Clocks[1].Since(&want.Clocks[0]); got != 700+990 {
		t.Errorf("%d ns between the clocks, want %d", got, 700+990)
	}
}

// A thread whose clock has more than its records was being switched in: each of
// its switches gets an equal part of that, unless the CPU was not yet free.
func TestSwitchingIn(t *testing.T) {
	var b bytes.Buffer
	w := newSwitchWriter(&b, 1, 0, "")
	w.threads(frameClocks, 0, map[int32]int64{1: 0, 2: 0})
	w.switches(0, []switchRecord{
		{100, 1, switchedIn}, {200, 1, blocked}, // idle before
		{204, 2, switchedIn}, {300, 2, blocked}, // straight from thread 1
		{400, 1, switchedIn}, {500, 1, blocked},
	})
	w.threads(frameClocks, 900, map[int32]int64{1: 230, 2: 116})
	w.end(1000)
	s, err := ReadSwitches(&b)
	if err != nil {
		t.Fatal(err)
	}
	var at []int64
	for _, r := range s.Log.Records {
		at = append(at, r.At)
	}
	if d := cmp.Diff([]int64{85, 200, 200, 300, 385, 500}, at); d != "" {
		t.Error(d)
	}
}

// A file cut anywhere tells what is in front of the cut, and that it was cut.
func TestSwitchesCut(t *testing.T) {
	b, _ := example()
	for n := range b {
		s, err := ReadSwitches(bytes.NewReader(b[:n]))
		switch {
		case n < len(switchMagic):
			if err == nil {
				t.Errorf("%d bytes: read as a switches file", n)
			}
		case err != nil:
			t.Errorf("%d bytes: %v", n, err)
		case !errors.Is(s.Broken, errTruncated):
			t.Errorf("%d of %d bytes: Broken is %v", n, len(b), s.Broken)
		}
	}
}

func TestSwitchesRefused(t *testing.T) {
	var b bytes.Buffer
	w := newSwitchWriter(&b, 1, 0, "permission denied")
	w.threads(frameClocks, 5, map[int32]int64{1: 10})
	w.end(7)
	s, err := ReadSwitches(&b)
	if err != nil || s.Log != nil || s.Refused != "permission denied" || len(s.Clocks) != 1 || s.Broken != nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzReadSwitches(f *testing.F) {
	b, _ := example()
	f.Add(b)
	f.Add([]byte(switchMagic + "S\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSwitches(bytes.NewReader(b))
		if err == nil && s.Log != nil {
			for i := 1; i < len(s.Log.Records); i++ {
				if s.Log.Records[i].At < s.Log.Records[i-1].At {
					t.Fatal("records out of order")
				}
			}
		}
	})
}
