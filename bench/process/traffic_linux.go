package process

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Traffic is the bytes that the TCP connections of some processes have carried so far, both
// ways, by a number that no other connection has; known is false where the kernel does
// not tell. What a connection that has ended carried is in no later call.
//
// It asks the kernel for all connections of the host (sock_diag), and keeps those that
// the processes have open: nothing is done to them, and nothing in them.
func Traffic(pids []int) (bytes map[uint64]int64, known bool) {
	own := map[uint32]bool{}
	for _, pid := range pids {
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, fd := range fds {
			var inode uint32
			target, err := os.Readlink(fd)
			if err != nil {
				continue // closed meanwhile
			}
			if _, err := fmt.Sscanf(target, "socket:[%d]", &inode); err == nil {
				own[inode] = true
			}
		}
	}
	bytes = map[uint64]int64{}
	for _, family := range []byte{syscall.AF_INET, syscall.AF_INET6} {
		err := eachConnection(family, func(c connection) {
			if own[c.inode] {
				bytes[c.cookie] = c.bytes
			}
		})
		if err != nil {
			return nil, false
		}
	}
	return bytes, true
}

// connection is what the kernel tells of one.
type connection struct {
	inode  uint32
	cookie uint64
	bytes  int64
}

// Of linux/sock_diag.h, linux/inet_diag.h and linux/tcp.h: numbers, and where fields are.
const (
	sockDiagByFamily = 20
	established      = 1 << 1 // the state, as a set
	inetDiagInfo     = 2      // the attribute that is a tcp_info
	sizeofRequest    = 56
	sizeofAnswer     = 72 // before its attributes
	cookieAt         = 44
	inodeAt          = 68
	ackedAt          = 120 // bytes that were sent and acknowledged, in a tcp_info
	receivedAt       = 128
)

// eachConnection calls f with every connection of the host that is open.
func eachConnection(family byte, f func(connection)) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, syscall.NETLINK_INET_DIAG)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	order := binary.NativeEndian
	q := make([]byte, syscall.SizeofNlMsghdr+sizeofRequest)
	order.PutUint32(q, uint32(len(q)))
	order.PutUint16(q[4:], sockDiagByFamily)
	order.PutUint16(q[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
	body := q[syscall.SizeofNlMsghdr:]
	body[0], body[1], body[2] = family, syscall.IPPROTO_TCP, 1<<(inetDiagInfo-1)
	order.PutUint32(body[4:], established)
	if err := syscall.Sendto(fd, q, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	for answer := make([]byte, 1<<16); ; {
		n, _, err := syscall.Recvfrom(fd, answer, 0)
		if err != nil {
			return err
		}
		messages, err := syscall.ParseNetlinkMessage(answer[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			switch {
			case m.Header.Type == syscall.NLMSG_DONE:
				return nil
			case m.Header.Type == syscall.NLMSG_ERROR:
				return fmt.Errorf("sock_diag: refused")
			case len(m.Data) < sizeofAnswer:
				return fmt.Errorf("sock_diag: an answer of %d bytes", len(m.Data))
			}
			if info := attribute(m.Data[sizeofAnswer:], inetDiagInfo); len(info) >= receivedAt+8 {
				f(connection{
					inode: order.Uint32(m.Data[inodeAt:]), cookie: order.Uint64(m.Data[cookieAt:]),
					bytes: int64(order.Uint64(info[ackedAt:]) + order.Uint64(info[receivedAt:])),
				})
			}
		}
	}
}

// attribute is the one of that kind in a list; nil if there is none.
func attribute(list []byte, kind uint16) []byte {
	for len(list) >= syscall.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(list))
		if size < syscall.SizeofRtAttr || size > len(list) {
			return nil
		}
		if binary.NativeEndian.Uint16(list[2:]) == kind {
			return list[syscall.SizeofRtAttr:size]
		}
		list = list[min(len(list), (size+syscall.RTA_ALIGNTO-1)&^(syscall.RTA_ALIGNTO-1)):]
	}
	return nil
}
