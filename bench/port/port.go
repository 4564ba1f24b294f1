// Package port reserves ports of loopback for servers that begin to listen later.
//
// A port that the kernel chose and that was closed again is free for a moment only:
// the next outgoing connection, or the next listener on port 0, may be given it before
// the server listens, or while it restarts. So the ports are outside the range
// from which the kernel chooses. That one is taken is known to others who reserve by a socket
// on another port, its guard, which the process that reserved it keeps open.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// The ports that are tried, and how far from each its guard is. The kernel chooses
// from 32768 on under Linux, and from 49152 on elsewhere.
const (
	first = 10000
	last  = 21383
	guard = last + 1 - first
)

// tries is how many ports are tried for each that is asked for.
const tries = 1000

// Reserve returns n addresses ("127.0.0.1:12345"), where neither TCP nor UDP is in use. They stay reserved
// until release is called, or the process ends. Where an administrator let the kernel choose
// from all ports, an outgoing connection may still take one.
func Reserve(n int) (addrs []string, release func(), err error) {
	var held []net.PacketConn
	release = sync.OnceFunc(func() {
		for _, c := range held {
			_ = c.Close()
		}
	})
	low, high := choosable()
	var taken error // why the last one was not free
	for range tries * n {
		if len(addrs) == n {
			break
		}
		number := first + rand.IntN(last-first+1)
		if number >= low && number <= high {
			continue
		}
		var g net.PacketConn
		if g, taken = reserve(number); taken == nil {
			held, addrs = append(held, g), append(addrs, address(number))
		}
	}
	if len(addrs) < n {
		release()
		return nil, nil, fmt.Errorf("no free port on loopback between %d and %d: %w", first, last, taken)
	}
	return addrs, release, nil
}

func address(number int) string { return fmt.Sprintf("127.0.0.1:%d", number) }

// reserve opens the guard of a port, if nobody else has and nobody uses the port.
func reserve(number int) (net.PacketConn, error) {
	g, err := net.ListenPacket("udp4", address(number+guard))
	if err != nil {
		return nil, err
	}
	if err := unused(address(number)); err != nil {
		_ = g.Close()
		return nil, err
	}
	return g, nil
}

func unused(addr string) error {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	defer l.Close()
	p, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return err
	}
	return p.Close()
}

// choosable is the range of ports that the kernel chooses from, or one beyond ours where
// it is not known, or leaves nothing of ours.
func choosable() (low, high int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &low, &high)
	}
	if err != nil || low <= first && high >= last {
		return last + 1, last + 1
	}
	return low, high
}
