package memcached

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
)

// TestVersion: a server without the commands that are used here, or of something
// else, is refused with its version.
func TestVersion(t *testing.T) {
	for answer, want := range map[string]string{
		"VERSION 1.4.15":               "memcached 1.4.15 has no meta commands",
		"VERSION 1.5":                  "memcached 1.5 has no meta commands",
		"220 mail.example ESMTP ready": "is no answer of memcached",
		"VERSION 1.6.18":               "",
		"VERSION 2.0":                  "",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = bufio.NewReader(c).ReadString('\n')
				fmt.Fprintf(c, "%s\r\n", answer)
			}
		}()
		s, err := connect(context.Background(), lockbench.Target{Addrs: []string{l.Addr().String()}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", answer, err)
		}
		if err == nil {
			_ = s.Close()
		}
		_ = l.Close()
	}
}
