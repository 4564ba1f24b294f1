// Package merge is a counter that needs no coordination: each of its nodes counts what is
// added at itself, and who wants the sum merges what all nodes know (a grow-only
// counter). To merge takes the larger of two counts of the same node, so that it does
// not matter in which order that happens, or how often.
//
// Clients and nodes speak lines over TCP, one request at a time:
//
//	add NAME   → added
//	count NAME → count SUM
//	state NAME → state COUNT COUNT …, of each node
package merge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
)

// members is how many nodes there are.
const members = 3

// Service is the nodes. Each keeps its own counts in a file, which survives its process
// and is never synced.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "merge", About: "no lock: each of three nodes counts what is added at it, and who reads merges all counts", Members: members, PeerLinks: true,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "pause-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.NoToken, Expiry: lockbench.Never, Changes: true, Adds: true,
		},
		Serve: serve, Connect: connect,
	}
}

// node is one of them.
type node struct {
	index int
	dial  []string // of all nodes
	file  *os.File // what was added here: a line with the name and the new count for each

	mu     sync.Mutex
	counts map[string]*[members]int64 // by name, of each node as far as it is known; guarded by mu
}

func serve(ctx context.Context, m lockbench.Member) error {
	n := &node{index: m.Index, dial: m.Dial, counts: map[string]*[members]int64{}}
	if err := n.load(filepath.Join(m.Dir, "counts")); err != nil {
		return err
	}
	defer n.file.Close()
	ended := make(chan error, 2)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, addr := range []string{m.Addr, m.Peers[m.Index]} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		go func() {
			ended <- lockbench.Accept(ctx, l, lockbench.Lines(func(request string) string { return n.answer(ctx, request) }))
		}()
	}
	m.Ready()
	err := <-ended
	cancel()
	return errors.Join(err, <-ended)
}

// load reads the counts of an earlier process.
func (n *node) load(path string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(text)) {
		name, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n.of(name)[n.index], err = strconv.ParseInt(count, 10, 64); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	n.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return err
}

// of is what is known of a name.
func (n *node) of(name string) *[members]int64 {
	if n.counts[name] == nil {
		n.counts[name] = new([members]int64)
	}
	return n.counts[name]
}

func (n *node) answer(ctx context.Context, request string) string {
	what, name, _ := strings.Cut(request, " ")
	var err error
	switch what {
	case "add":
		if err = n.add(name); err == nil {
			return "added"
		}
	case "count":
		var sum int64
		if sum, err = n.count(ctx, name); err == nil {
			return fmt.Sprint("count ", sum)
		}
	case "state":
		return "state " + strings.Trim(fmt.Sprint(n.state(name)), "[]")
	default:
		err = fmt.Errorf("unknown request: %q", request)
	}
	return "error " + err.Error()
}

// add writes the new count before it is answered.
func (n *node) add(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := &n.of(name)[n.index]
	if _, err := fmt.Fprintf(n.file, "%s %d\n", name, *own+1); err != nil {
		return err
	}
	*own++
	return nil
}

func (n *node) state(name string) [members]int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return *n.of(name)
}

// count merges what all nodes know.
func (n *node) count(ctx context.Context, name string) (sum int64, err error) {
	for peer, addr := range n.dial {
		if peer == n.index {
			continue
		}
		theirs, err := ask(ctx, addr, name)
		if err != nil {
			return 0, fmt.Errorf("node %d: %w", peer, err)
		}
		n.merge(name, theirs)
	}
	for _, c := range n.state(name) {
		sum += c
	}
	return sum, nil
}

// merge takes over what another node knows.
func (n *node) merge(name string, theirs [members]int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, own := 0, n.of(name); i < members; i++ {
		own[i] = max(own[i], theirs[i])
	}
}

// ask is what the node at an address knows of a name.
func ask(ctx context.Context, addr, name string) (state [members]int64, err error) {
	s, err := dial(ctx, addr)
	if err != nil {
		return state, err
	}
	defer s.Close()
	answer, err := s.do(ctx, "state "+name, "state ")
	if err == nil {
		_, err = fmt.Sscan(answer, &state[0], &state[1], &state[2])
	}
	return state, err
}

// session is a connection to one node.
type session struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(ctx context.Context, addr string) (*session, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &session{c, bufio.NewReader(c)}, nil
}

// connect opens a session with the nearest node.
func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	if len(t.Addrs) != members {
		return nil, fmt.Errorf("the addresses of %d nodes, not %d", members, len(t.Addrs))
	}
	for {
		s, err := dial(ctx, t.Addrs[0])
		if err == nil {
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			return nil, err
		}
	}
}

func (s *session) Close() error { return s.conn.Close() }

// do is one request, and its answer behind the words that it must begin with.
func (s *session) do(ctx context.Context, request, begin string) (string, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	if _, err := io.WriteString(s.conn, request+"\n"); err != nil {
		return "", err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	answer, ok := strings.CutPrefix(strings.TrimSpace(line), begin)
	if !ok {
		return "", fmt.Errorf("answer %q to %q", line, request)
	}
	return answer, nil
}

// Acquire is never called: there is no lock.
func (s *session) Acquire(context.Context, string) (lockbench.Lease, error) {
	return nil, errors.ErrUnsupported
}

func (s *session) Change(ctx context.Context, name string) (int64, history.Token, error) {
	_, err := s.do(ctx, "add "+name, "added")
	return 0, history.Token{Kind: history.NoToken}, err
}

func (s *session) Count(ctx context.Context, name string) (int64, error) {
	answer, err := s.do(ctx, "count "+name, "count ")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(answer, 10, 64)
}
