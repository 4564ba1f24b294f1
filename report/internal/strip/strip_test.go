package strip

import (
	"slices"
	"testing"
	"time"
)

func TestPath(t *testing.T) {
	a := Area{X: 5, Base: 40}
	for _, rise := range []int{0, 10, 10, 30, 0, 20} {
		a.Add(2, rise)
	}
	hanging := Area{X: 1}
	hanging.Add(3, -8)
	l := Layer{Areas: []Area{a, hanging}}
	if want := "M5 40h2v-10h4v-20h2v30h2v-20h2v20zM1 0v8h3v-8z"; l.Path() != want {
		t.Errorf("path %s, want %s", l.Path(), want)
	}
	flat := Area{}
	flat.Add(9, 0)
	if !flat.Flat() || a.Flat() || hanging.Flat() {
		t.Error("only what rises nowhere is flat")
	}
}

func TestTimeTicks(t *testing.T) {
	s := Strip{From: 130 * time.Millisecond, To: 1130 * time.Millisecond, Zero: 500 * time.Millisecond}
	ticks := s.TimeTicks(5, time.Duration.String)
	want := []Tick{{17, "-200ms"}, {37, "0s"}, {57, "200ms"}, {77, "400ms"}}
	if !slices.Equal(ticks, want) {
		t.Errorf("ticks %v, want %v: round from zero, none whose text has no room", ticks, want)
	}
	for length, step := range map[time.Duration]time.Duration{time.Second: 200 * time.Millisecond, 11 * time.Second: 2 * time.Second, 7: 2, 1: 1} {
		if got := RoundStep(length, 5); got != step {
			t.Errorf("%v in 5 parts: steps of %v, want %v", length, got, step)
		}
	}
}

func TestRoom(t *testing.T) {
	s := Strip{Moments: []Tick{{25, "a"}, {40, "b"}}, Names: []Name{{10, "µs"}, {20, "client 12"}}}
	if s.Room(0) != 15 || s.Room(1) != 60 || s.NameWidth() != 11 || (Strip{}).NameWidth() != 0 {
		t.Errorf("room %v and %v, names %d", s.Room(0), s.Room(1), s.NameWidth())
	}
}
