// Package jgroups locks with the lock service of JGroups 2.12: the coordinator of a
// group of members keeps the locks in memory, with a copy at one more. Members that
// are cut off from each other make groups of their own, each with a coordinator. The
// library is the real one; the program that runs it is compiled when a member
// starts.
//
// When such groups merge, the library asks once more for a lock that a member waits for
// only if the coordinator of that member has changed (CENTRAL_LOCK.handleView), and sends a
// release to the coordinator of now, which need not be the one that granted the lock.
// Some who wait then wait for ever, however many threads deliver its messages.
package jgroups

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

const jar = "/usr/share/java/jgroups.jar"

var (
	compiler = server.Program{Name: "javac", Package: "default-jdk-headless"}
	program  = server.Program{Name: "java", Package: "libjgroups-java", Files: []string{jar}}
)

func missing() string {
	if why := compiler.Missing(); why != "" {
		return why
	}
	return program.Missing()
}

// Service is three members.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "jgroups", About: "JGroups' lock service: the coordinator of three members keeps the lock in memory", Members: 3, PeerLinks: true,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "pause-holder", "slow-network"},
			Token:    history.NoToken, Reentrant: true, Expiry: lockbench.BySession, LeastTTL: leastTTL,
		},
		Missing: missing, Needs: server.Needs(&compiler, &program), Serve: serve, Connect: connect,
	}
}

// leastTTL is the shortest time after which a member that is silent is given up.
const leastTTL = time.Second

//go:embed Member.java
var source []byte

func serve(ctx context.Context, m lockbench.Member) error {
	if err := compile(ctx, m.Dir); err != nil || ctx.Err() != nil {
		return err
	}
	args := []string{
		"-Xmx64m", "-Djava.net.preferIPv4Stack=true", "-Djava.util.logging.config.file=" + os.DevNull, "-cp", jar + ":" + m.Dir,
		"Member", m.Addr, stack(m), strconv.Itoa(len(m.Peers)),
	}
	for i := range m.Peers {
		args = append(args, m.Peers[i], m.Dial[i])
	}
	return program.Serve(ctx, m, args...)
}

// compile compiles the member's program into dir, if it is not there.
func compile(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "Member.class")); err == nil {
		return nil
	}
	javac, err := compiler.Find()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "Member.java")
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, javac, "-cp", jar, "-d", dir, file).CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w: %s", javac, err, out)
	}
	return nil
}

// stack is the protocols of a member, in JGroups' own words. A member that is
// silent for half the time to live is suspected, and asked once more for a quarter.
func stack(m lockbench.Member) string {
	var hosts []string
	for _, p := range m.Peers {
		hosts = append(hosts, bracketed(p))
	}
	host, port, _ := net.SplitHostPort(m.Peers[m.Index])
	quarter := m.TTL.Milliseconds() / 4
	return strings.Join([]string{
		fmt.Sprintf("Member$Linked(bind_addr=%s;bind_port=%s;port_range=0;enable_bundling=false;%s)", host, port, oneThread),
		fmt.Sprintf("TCPPING(initial_hosts=%s;port_range=0;num_initial_members=%d;timeout=2000)", strings.Join(hosts, ","), len(hosts)),
		"MERGE2(min_interval=500;max_interval=1500)",
		fmt.Sprintf("FD(timeout=%d;max_tries=2)", quarter),
		fmt.Sprintf("VERIFY_SUSPECT(timeout=%d)", quarter),
		"pbcast.NAKACK(use_mcast_xmit=false;gc_lag=0;retransmit_timeout=100,200,400)",
		"UNICAST2",
		"pbcast.STABLE",
		"pbcast.GMS(print_local_addr=false;join_timeout=1000)",
		"MFC",
		"FRAG2",
		"CENTRAL_LOCK(num_backups=1)",
	}, ":")
}

// oneThread has messages delivered one after the other. In 2.12, as it comes, a
// lock that becomes free while another asks for it can be forgotten right after it
// was granted, and granted once more: Locking.handleLockRequest removes its entry
// without a lock.
const oneThread = "thread_pool.min_threads=1;thread_pool.max_threads=1;thread_pool.queue_enabled=true;thread_pool.queue_max_size=100000"

// bracketed is an address as JGroups writes it.
func bracketed(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return host + "[" + port + "]"
}

// session is a connection to one member. Its end is all that a client learns of its
// locks; that they were given to others, nobody tells it.
type session struct {
	conn    net.Conn
	answers chan string
	lost    chan struct{} // closed when the connection ends
}

// longDial is when a member that cannot be reached counts as gone.
const longDial = 500 * time.Millisecond

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	for {
		var err error
		for _, addr := range t.Addrs {
			d := net.Dialer{Timeout: longDial}
			c, failed := d.DialContext(ctx, "tcp", addr)
			if failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			s := &session{conn: c, answers: make(chan string, 1), lost: make(chan struct{})}
			go s.listen()
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

func (s *session) listen() {
	defer close(s.lost)
	defer close(s.answers)
	for in := bufio.NewScanner(s.conn); in.Scan(); {
		s.answers <- in.Text()
	}
}

func (s *session) Close() error { return s.conn.Close() }

// do is one request, which is answered by one word.
func (s *session) do(ctx context.Context, request, want string) error {
	defer context.AfterFunc(ctx, func() { _ = s.conn.Close() })()
	if _, err := io.WriteString(s.conn, request+"\n"); err != nil {
		return err
	}
	answer, ok := <-s.answers
	if !ok {
		return errors.Join(io.ErrUnexpectedEOF, ctx.Err())
	}
	if answer != want {
		return fmt.Errorf("answer %q to %q", answer, request)
	}
	return nil
}

func (s *session) Acquire(ctx context.Context, name string) (lockbench.Lease, error) {
	if err := s.do(ctx, "acquire "+name, "granted"); err != nil {
		return nil, err
	}
	return lease{s, name}, nil
}

type lease struct {
	session *session
	name    string
}

func (l lease) Token() history.Token             { return history.Token{Kind: history.NoToken} }
func (l lease) Deadline() (t time.Time, ok bool) { return t, false }
func (l lease) Lost() <-chan struct{}            { return l.session.lost }
func (l lease) Release(ctx context.Context) error {
	return l.session.do(ctx, "release "+l.name, "released")
}
