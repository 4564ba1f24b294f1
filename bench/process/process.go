// Package process owns the life of the processes that a measurement starts:
// each has a group of its own, ends with the process that started it, and leaves
// the ends of what it printed.
package process

import "fmt"

// Tail keeps the first half and the last half of what is written to it, when
// it is more than Max bytes. Only os/exec's copying goroutine writes to it, and
// it is read after Wait.
type Tail struct {
	Max        int
	head, last []byte
	lost       int
}

func (t *Tail) Write(p []byte) (int, error) {
	n := len(p)
	if room := t.Max/2 - len(t.head); room > 0 {
		k := min(room, len(p))
		t.head, p = append(t.head, p[:k]...), p[k:]
	}
	t.last = append(t.last, p...)
	if over := len(t.last) - t.Max/2; over > 0 {
		t.lost += over
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return n, nil
}

// Lost is how many bytes between the two halves were left out.
func (t *Tail) Lost() int { return t.lost }

// Bytes is what was kept, with a line where something was left out.
func (t *Tail) Bytes() []byte {
	if t.lost == 0 {
		return append(t.head, t.last...)
	}
	return fmt.Appendf(t.head, "\n… %d bytes left out …\n%s", t.lost, t.last)
}
