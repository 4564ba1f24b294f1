package lockbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/process"
)

// NoFault is the name of cells that nothing disturbs.
const NoFault = "none"

// fault is what is done to a cell at a moment of its window.
type fault struct {
	name, about string
	// holder says how the holder of a lock is kept in its critical section while
	// it happens: blind, watching, or "" where no holder is.
	holder string
	// servers marks faults of servers, network those that need proxies.
	servers, network bool
	do               func(*rig, *victim) error
}

// victim is the client that holds a lock while the fault happens.
type victim struct {
	client, op, lock int
	process          *clientProcess
	touched          <-chan struct{} // closed when another client works under the same lock
}

// faults is the one list of them.
var faults = []fault{
	{name: NoFault, about: "nothing"},
	{name: "kill-holder", about: "the process that holds the lock is killed", holder: blind, do: killHolder},
	{name: "pause-holder", about: "the process that holds the lock is stopped between its last check and its write, until another works under the lock", holder: blind, do: pauseHolder},
	{name: "kill-server", about: "a server is killed while a lock is held, and started again with its data half a lease later", holder: watching, servers: true, do: killServer},
	{name: "restart-server", about: "a server is told to end while a lock is held, and started again at once with its data", holder: watching, servers: true, do: restartServer},
	{name: "lose-memory", about: "all servers are killed while a lock is held, and started again without their data", holder: watching, servers: true, do: loseMemory},
	{name: "partition", about: "the holder is cut off, with its nearest server where servers can be cut off from each other", holder: watching, servers: true, network: true, do: partition},
	{name: "evict", about: "a service that drops what it has no room for is filled until it has dropped a lock that is held", holder: watching, servers: true, do: evict},
	{name: "slow-network", about: "what clients and servers send each other takes 0 to 20 ms", servers: true, network: true, do: slowNetwork},
}

// Faults are the names of the faults.
func Faults() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

func lookupFault(name string) *fault {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	if i < 0 {
		return &faults[0]
	}
	return &faults[i]
}

// seize has a client stop in its next critical section.
func (r *rig) seize(how string) (*victim, error) {
	p := r.processes[r.random.IntN(len(r.processes))]
	client := p.clients[r.random.IntN(len(p.clients))]
	p.child.say(fmt.Sprintf("%s %d %s", sayHold, client, how))
	late := time.NewTimer(longHold)
	defer late.Stop()
	for {
		select {
		case line, ok := <-p.child.lines:
			if !ok {
				<-p.child.ended
				return nil, fmt.Errorf("the process of client %d: %w", client, p.child.failure())
			}
			v, err := parseHolding(line)
			if err != nil {
				return nil, err
			}
			v.process, v.touched = p, r.resource.await(v.lock, v.client)
			return v, nil
		case <-late.C:
			events, err := r.history()
			return nil, errors.Join(fmt.Errorf("client %d did not get a lock within %v, so the fault was not injected%s", client, longHold, lastError(events)), err)
		}
	}
}

// longHold is when a client that is to hold a lock counts as one that never will.
const longHold = time.Minute

func parseHolding(line string) (*victim, error) {
	f := strings.Fields(line)
	if len(f) != 4 || f[0] != hearHolding {
		return nil, fmt.Errorf("a process of clients printed %q", line)
	}
	client, err1 := strconv.Atoi(f[1])
	op, err2 := strconv.Atoi(f[2])
	lock, err3 := strconv.Atoi(f[3])
	return &victim{client: client, op: op, lock: lock}, errors.Join(err1, err2, err3)
}

// note adds an event of the cell itself.
func (r *rig) note(what history.What, client, lock int, text string) {
	r.events = append(r.events, history.Event{T: history.Now(), Client: client, What: what, Lock: lock, Token: none, Note: text})
}

// takeover waits until another client works under the victim's lock, as long as
// that can take where locks expire, and lets it for a moment.
func (r *rig) takeover(v *victim) {
	limit := 2 * r.cell.TTL
	if r.service.Promises.Expiry != Never {
		limit = 4*r.cell.TTL + mostLag
	}
	r.await(v, limit)
}

// await waits for another client under the victim's lock, and a quarter of a lease
// longer, so that what both do at once can be seen.
func (r *rig) await(v *victim, limit time.Duration) {
	select {
	case <-v.touched:
		time.Sleep(r.cell.TTL / 4)
	case <-time.After(limit):
	}
}

// mostLag is how much later than its time a lease may end on a busy host.
const mostLag = 2 * time.Second

func killHolder(r *rig, v *victim) error {
	r.note(history.Fault, v.client, v.lock, r.fault.name)
	for _, c := range v.process.clients {
		r.note(history.Killed, c, history.Nobody, "")
	}
	v.process.dead = true
	v.process.child.kill()
	r.takeover(v)
	return nil
}

func pauseHolder(r *rig, v *victim) error {
	r.note(history.Fault, v.client, v.lock, r.fault.name)
	if err := process.Signal(v.process.child.cmd, process.Stop); err != nil {
		return err
	}
	r.takeover(v)
	return process.Signal(v.process.child.cmd, process.Continue)
}

// some is the server to which something is done.
func (r *rig) some() *node { return r.cluster.nodes[r.random.IntN(len(r.cluster.nodes))] }

func killServer(r *rig, v *victim) error {
	n := r.some()
	r.note(history.Fault, v.client, v.lock, fmt.Sprintf("%s %d", r.fault.name, n.member.Index))
	n.down()
	time.Sleep(r.cell.TTL / 2)
	return r.again(v, n)
}

func restartServer(r *rig, v *victim) error {
	n := r.some()
	r.note(history.Fault, v.client, v.lock, fmt.Sprintf("%s %d", r.fault.name, n.member.Index))
	n.stop()
	return r.again(v, n)
}

// again starts a server on its data, and lets the holder hold until another
// works under its lock, or until it must know that the lease is over.
func (r *rig) again(v *victim, n *node) error {
	n.member.Fresh = false
	if err := n.start(); err != nil {
		return err
	}
	r.await(v, r.cell.TTL)
	return nil
}

func loseMemory(r *rig, v *victim) error {
	r.note(history.Fault, v.client, v.lock, r.fault.name)
	for _, n := range r.cluster.nodes {
		n.down()
		if err := n.forget(); err != nil {
			return err
		}
	}
	if err := r.cluster.startAll(true); err != nil {
		return err
	}
	r.await(v, r.cell.TTL)
	return nil
}

func partition(r *rig, v *victim) error {
	cut := r.cluster.island(v.process.index)
	r.note(history.Fault, v.client, v.lock, r.fault.name)
	for _, k := range cut {
		k.Cut()
	}
	r.takeover(v)
	for _, k := range cut {
		k.Heal()
	}
	return nil
}

func evict(r *rig, v *victim) error {
	r.note(history.Fault, v.client, v.lock, r.fault.name)
	ctx, cancel := context.WithTimeout(context.Background(), longHold)
	defer cancel()
	t := Target{Addrs: r.cluster.addrs, Prefix: r.prefix(), TTL: r.cell.TTL}
	if err := r.service.Evict(ctx, t, r.prefix()+strconv.Itoa(v.lock)); err != nil {
		return err
	}
	r.await(v, r.cell.TTL)
	return nil
}

// meanDelay of the slow network, each way.
const meanDelay = 10 * time.Millisecond

func slowNetwork(r *rig, _ *victim) error {
	r.note(history.Fault, history.Nobody, history.Nobody, r.fault.name)
	for _, row := range r.cluster.links {
		for _, k := range row {
			k.delay(meanDelay)
		}
	}
	time.Sleep(r.cell.window() / 2)
	for _, row := range r.cluster.links {
		for _, k := range row {
			k.delay(0)
		}
	}
	return nil
}
