package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// patience is how long a machine may take to end what was interrupted just now.
const patience = 10 * time.Second

// claim keeps other shards, of any fleet and any user, from measuring on this machine
// until release, or until the process ends. It is a name among Linux' abstract sockets,
// which needs no folder that all see and may write to; bundles run on Linux only. It
// answers who holds it. Pods do not see each other's: in a cluster anti-affinity keeps
// them apart, and collect looks at the times.
func claim(machine, holder string) (release func(), err error) {
	sum := sha256.Sum256([]byte(machine)) // names of sockets are short
	name := "@contend-fleet-" + hex.EncodeToString(sum[:8])
	for end := time.Now().Add(patience); ; time.Sleep(patience / 50) {
		l, err := net.Listen("unix", name)
		if err == nil {
			go answer(l, holder)
			return func() { l.Close() }, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("cannot make sure that nothing else of a fleet measures on this machine: %w", err)
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("this machine (%s) measures already, for %s: the two would disturb each other. If these are two names of one machine, plan with one of them; else run again when that has ended", machine, ask(name))
		}
	}
}

// answer tells each caller who holds the machine, until l is closed.
func answer(l net.Listener, holder string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, holder) // to somebody who is refused; it may have gone
		c.Close()
	}
}

// ask is who holds the name.
func ask(name string) string {
	c, err := net.DialTimeout("unix", name, time.Second)
	if err != nil {
		return "somebody"
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	text, err := io.ReadAll(io.LimitReader(c, 500))
	if err != nil || len(text) == 0 {
		return "somebody"
	}
	return string(text)
}
