package process

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"
)

// TestTraffic: what went over a connection, both ways, is told of both its ends while it is
// open, and of no process that has none.
func TestTraffic(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	before, known := Traffic([]int{os.Getpid()})
	if !known {
		t.Skip("this kernel does not tell")
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const there, back = 10_000, 300
	exchange := func(from, to net.Conn, n int) {
		if _, err := from.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(to, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	exchange(c, s, there)
	exchange(s, c, back)
	exchange(c, s, 1) // acknowledges what came back
	after, _ := Traffic([]int{os.Getpid()})
	ends := 0
	for cookie, n := range after {
		if _, old := before[cookie]; old {
			continue
		}
		ends++
		if n < there+back || n > there+back+3 { // the last byte, and the connection's begin and end count as one each
			t.Errorf("%d bytes, want %d", n, there+back)
		}
	}
	if ends != 2 {
		t.Errorf("%d ends of one connection", ends)
	}
	if none, _ := Traffic(nil); len(none) != 0 {
		t.Errorf("of no process: %v", none)
	}
}
