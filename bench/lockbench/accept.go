package lockbench

import (
	"bufio"
	"context"
	"io"
	"net"
)

// Accept gives each connection to l to handle, in a goroutine of its own, and closes it
// afterwards. It returns when ctx ends, or with the listener's error, and closes l.
func Accept(ctx context.Context, l net.Listener, handle func(net.Conn)) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}

// Lines handles a connection on which each line is a request, and is answered by a line.
func Lines(answer func(request string) string) func(net.Conn) {
	return func(c net.Conn) {
		for r := bufio.NewScanner(c); r.Scan(); {
			if _, err := io.WriteString(c, answer(r.Text())+"\n"); err != nil {
				return
			}
		}
	}
}
