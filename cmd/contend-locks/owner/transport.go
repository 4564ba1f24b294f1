package owner

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/contend-go/contend/bench/lockbench"
)

// transport carries memberlist over TCP alone, packets too: each peer is reached
// through the link that leads there, which can be cut. It implements
// memberlist.Transport.
type transport struct {
	member   lockbench.Member
	listener net.Listener
	packets  chan *memberlist.Packet
	streams  chan net.Conn
	out      []chan []byte // by peer
	over     chan struct{}
	once     sync.Once
}

// The first byte of a connection says what it carries.
const (
	forPackets = 'p'
	forStream  = 's'
)

// Bounds of what waits to be sent: a packet more is lost, as with UDP.
const (
	mostWaiting = 64
	mostPacket  = 1 << 16
	dialLimit   = time.Second
)

func newTransport(m lockbench.Member) (*transport, error) {
	l, err := net.Listen("tcp", m.Peers[m.Index])
	if err != nil {
		return nil, err
	}
	t := &transport{member: m, listener: l, packets: make(chan *memberlist.Packet), streams: make(chan net.Conn), over: make(chan struct{})}
	for range m.Peers {
		t.out = append(t.out, make(chan []byte, mostWaiting))
	}
	for i := range m.Peers {
		go t.send(i)
	}
	go t.accept()
	return t, nil
}

func (t *transport) accept() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		go t.receive(c)
	}
}

// receive takes what a peer sends: one stream, or packets until it ends. Packets
// begin with their length and with the address of the peer.
func (t *transport) receive(c net.Conn) {
	var kind [1]byte
	if _, err := io.ReadFull(c, kind[:]); err != nil || kind[0] != forPackets {
		if err == nil && kind[0] == forStream {
			select {
			case t.streams <- c:
				return
			case <-t.over:
			}
		}
		_ = c.Close()
		return
	}
	defer c.Close()
	for {
		var head [6]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		n, from := binary.BigEndian.Uint32(head[:]), int(binary.BigEndian.Uint16(head[4:]))
		if n > mostPacket || from >= len(t.member.Peers) {
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		addr, err := net.ResolveTCPAddr("tcp", t.member.Peers[from])
		if err != nil {
			return
		}
		select {
		case t.packets <- &memberlist.Packet{Buf: b, From: addr, Timestamp: time.Now()}:
		case <-t.over:
			return
		}
	}
}

// send passes packets on to one peer, over a connection that is opened anew when it
// breaks.
func (t *transport) send(peer int) {
	var c net.Conn
	defer func() {
		if c != nil {
			_ = c.Close()
		}
	}()
	for {
		var b []byte
		select {
		case b = <-t.out[peer]:
		case <-t.over:
			return
		}
		if c == nil {
			var err error
			if c, err = t.dial(peer, forPackets, dialLimit); err != nil {
				c = nil
				continue
			}
		}
		head := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
		head = binary.BigEndian.AppendUint16(head, uint16(t.member.Index))
		if _, err := c.Write(append(head, b...)); err != nil {
			_ = c.Close()
			c = nil
		}
	}
}

func (t *transport) dial(peer int, kind byte, limit time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", t.member.Dial[peer], limit)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{kind}); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// peer is the number of the member that an address is of.
func (t *transport) peer(addr string) (int, error) {
	for i, p := range t.member.Peers {
		if p == addr {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s is no member", addr)
}

func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	host, port, err := net.SplitHostPort(t.member.Peers[t.member.Index])
	if err != nil {
		return nil, 0, err
	}
	n, err := strconv.Atoi(port)
	return net.ParseIP(host), n, err
}

func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	i, err := t.peer(addr)
	if err == nil {
		select {
		case t.out[i] <- append([]byte(nil), b...):
		default: // lost
		}
	}
	return time.Now(), err
}

func (t *transport) DialTimeout(addr string, limit time.Duration) (net.Conn, error) {
	i, err := t.peer(addr)
	if err != nil {
		return nil, err
	}
	return t.dial(i, forStream, limit)
}

func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }
func (t *transport) StreamCh() <-chan net.Conn           { return t.streams }

func (t *transport) Shutdown() error {
	t.once.Do(func() { close(t.over) })
	return t.listener.Close()
}
