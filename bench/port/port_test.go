package port

import (
	"net"
	"strconv"
	"testing"
)

// TestReserve: nobody is given a port that another has reserved, nor one that the kernel
// may give away.
func TestReserve(t *testing.T) {
	low, high := choosable()
	seen := map[string]bool{}
	for range 50 {
		addrs, release, err := Reserve(20)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		for _, a := range addrs {
			if seen[a] {
				t.Fatal(a, "was reserved twice")
			}
			seen[a] = true
			_, text, _ := net.SplitHostPort(a)
			if n, err := strconv.Atoi(text); err != nil || n >= low && n <= high {
				t.Error(a, "can be chosen by the kernel", err)
			}
			l, err := net.Listen("tcp", a)
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	}
}

// TestTaken: a port that somebody uses is not reserved, and one that was released can be again.
func TestTaken(t *testing.T) {
	addrs, release, err := Reserve(1)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := net.SplitHostPort(addrs[0])
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(why string) {
		t.Helper()
		if g, err := reserve(number); err == nil {
			g.Close()
			t.Error("reserved though", why)
		}
	}
	refused("another has reserved it")
	release()
	release()
	l, err := net.Listen("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	refused("somebody listens there")
	l.Close()
	p, err := net.ListenPacket("udp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	refused("somebody receives datagrams there")
	p.Close()
	g, err := reserve(number)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
}
