package lockbench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/contend-go/contend/bench/port"
	"github.com/contend-go/contend/bench/process"
)

// node is one server process of a service, through its restarts.
type node struct {
	service string
	member  Member
	guard   *guard
	child   *child        // nil while it is down
	ended   time.Duration // CPU time of the processes that it was before
}

// patience is how long a server may take to end by itself.
const patience = 10 * time.Second

func (n *node) name() string { return fmt.Sprintf("server %d of %s", n.member.Index, n.service) }

func (n *node) start() error {
	if err := os.MkdirAll(n.member.Dir, 0o755); err != nil {
		return err
	}
	c, err := start(role{Server: &serverRole{n.service, n.member}}, n.guard, n.member.Dir)
	if err != nil {
		return err
	}
	n.child = c
	if err := c.awaitReady(n.name()); err != nil {
		n.down()
		return err
	}
	return nil
}

// down ends the process at once, and stop lets it end by itself.
func (n *node) down() { n.end(func(c *child) { c.kill() }) }
func (n *node) stop() { n.end(func(c *child) { c.stop(patience) }) }

func (n *node) end(how func(*child)) {
	if n.child == nil {
		return
	}
	n.ended, _ = n.cpu() // once it has ended, nobody knows that of its children
	how(n.child)
	n.child = nil
}

// forget removes all that the server stored.
func (n *node) forget() error {
	n.member.Fresh = true
	return remove(n.member.Dir)
}

// cpu is the CPU time of all its processes so far.
func (n *node) cpu() (time.Duration, bool) {
	if n.child == nil {
		return n.ended, true
	}
	t, known := process.CPUTime(n.child.cmd.Process.Pid)
	return n.ended + t, known
}

// alive is an error if the server ended without being told.
func (n *node) alive() error {
	if n.child == nil {
		return nil
	}
	select {
	case <-n.child.ended:
		return fmt.Errorf("%s ended: %w", n.name(), n.child.failure())
	default:
		return nil
	}
}

// cluster is the servers of a service, and the network between them and to
// their clients.
type cluster struct {
	service *Service
	nodes   []*node
	addrs   []string // of the members, for clients
	peers   [][]*Link
	links   map[int][]*Link // of each client process, to each member
	release func()          // gives the ports of all members back
}

// newCluster starts the members of a service. With links, every connection
// between them goes through a proxy of its own.
func newCluster(s *Service, g *guard, dir string, ttl time.Duration, links bool) (*cluster, error) {
	n := s.Members
	c := &cluster{service: s, links: map[int][]*Link{}}
	ports, release, err := port.Reserve(2 * n)
	if err != nil {
		return nil, err
	}
	c.addrs, c.release = ports[:n], release
	peers := ports[n:]
	for i := range n {
		dial := append([]string(nil), peers...)
		if links && s.PeerLinks {
			row, err := linksTo(peers)
			if err != nil {
				c.close()
				return nil, err
			}
			c.peers = append(c.peers, row)
			for j := range row {
				if j != i {
					dial[j] = row[j].Addr()
				}
			}
		}
		m := Member{Index: i, Dir: filepath.Join(dir, "server"+strconv.Itoa(i)), Addr: c.addrs[i], Peers: peers, Dial: dial, TTL: ttl, Fresh: true}
		c.nodes = append(c.nodes, &node{service: s.Name, member: m, guard: g})
	}
	return c, c.startAll(true)
}

// startAll starts all servers at once: members wait for each other.
func (c *cluster) startAll(fresh bool) error {
	failed := make(chan error, len(c.nodes))
	for _, n := range c.nodes {
		n.member.Fresh = fresh
		go func() { failed <- n.start() }()
	}
	var err error
	for range c.nodes {
		err = errors.Join(err, <-failed)
	}
	if err != nil {
		c.close()
	}
	return err
}

func linksTo(addrs []string) (list []*Link, err error) {
	for _, a := range addrs {
		k, err := NewLink(a)
		if err != nil {
			return list, err
		}
		list = append(list, k)
	}
	return list, nil
}

// reach is where a process of clients reaches the members: its own nearest member
// first, through links of its own if there are any.
func (c *cluster) reach(process int, links bool) (addrs []string, err error) {
	list := c.addrs
	if links {
		row, err := linksTo(c.addrs)
		c.links[process] = row
		if err != nil {
			return nil, err
		}
		list = nil
		for _, k := range row {
			list = append(list, k.Addr())
		}
	}
	for i := range list {
		addrs = append(addrs, list[(process+i)%len(list)])
	}
	return addrs, nil
}

// island is the links that are between a process of clients and the rest. With it
// is its nearest member, if members can be cut off from each other.
func (c *cluster) island(process int) (cut []*Link) {
	near := -1
	if c.service.PeerLinks {
		near = process % len(c.nodes)
	}
	for p, row := range c.links {
		for member, k := range row {
			if (p == process) != (member == near) {
				cut = append(cut, k)
			}
		}
	}
	for i, row := range c.peers {
		for j, k := range row {
			if i != j && (i == near) != (j == near) {
				cut = append(cut, k)
			}
		}
	}
	return cut
}

// cpu is the CPU time of all servers so far.
func (c *cluster) cpu() (sum time.Duration, ok bool) {
	ok = len(c.nodes) > 0
	for _, n := range c.nodes {
		t, known := n.cpu()
		sum, ok = sum+t, ok && known
	}
	return sum, ok
}

func (c *cluster) alive() error {
	for _, n := range c.nodes {
		if err := n.alive(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) close() {
	for _, n := range c.nodes {
		n.down()
	}
	for _, row := range c.peers {
		closeLinks(row)
	}
	for _, row := range c.links {
		closeLinks(row)
	}
	c.release()
}

func closeLinks(list []*Link) {
	for _, k := range list {
		k.Close()
	}
}
