package lockbench

import (
	"fmt"
	"time"

	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/openload"
)

// cell is one point of a sweep. As JSON it is what the harness hands to the
// process that controls it.
type cell struct {
	family.Base
	Service   string        `json:"service"`
	Addrs     []string      `json:"addrs,omitempty"` // of a service that runs already
	Clients   int           `json:"clients"`
	Processes int           `json:"processes"`
	Locks     int           `json:"locks"`
	Hold      time.Duration `json:"hold,omitempty"`
	Think     time.Duration `json:"think,omitempty"`
	TTL       time.Duration `json:"ttl"`
	Fence     bool          `json:"fence"`
	Fault     string        `json:"fault"`
	openload.Spec
}

// MaxProcesses bounds the processes of clients in a cell: above it, each has
// several clients, and the cell's name says so.
const MaxProcesses = 16

// members is how many of the clients the process has.
func (c *cell) members(process int) (clients []int) {
	for id := process; id < c.Clients; id += c.Processes {
		clients = append(clients, id)
	}
	return clients
}

// complete sets what the service and the number of clients decide.
func (c *cell) complete(services []Service, addrs map[string][]string) error {
	s, err := lookup(services, c.Service)
	if err != nil {
		return err
	}
	c.Addrs = addrs[c.Service]
	if c.Spec.Complete(); c.Open {
		c.Think = 0 // what is between two pairs is up to the plan
	}
	c.Processes = min(c.Clients, MaxProcesses)
	if step := s.Promises.LeastTTL; step > 0 {
		c.TTL = (c.TTL + step - 1) / step * step
	}
	if s.Promises.Expiry == ByLease && c.Hold*2 > c.TTL {
		return fmt.Errorf("--hold: %v is more than half of the lease of %v, after which %s gives the lock away: take a longer --ttl", c.Hold, c.TTL, s.Name)
	}
	return nil
}

// absent says why a cell does not apply.
func (c *cell) absent(services []Service) family.Absence {
	s, err := lookup(services, c.Service)
	f := lookupFault(c.Fault)
	but := []string{"clients", "processes", "locks", "hold", "think", "ttl", "fence"}
	switch {
	case err != nil:
		return family.Absence{Reason: err.Error(), But: but}
	case f.servers && s.Members == 0:
		return family.Absence{Reason: "this service has no server", But: but}
	case len(c.Addrs) == 0 && s.Missing != nil && s.Missing() != "":
		return family.Absence{Reason: s.Missing(), But: append(but, "fault"), Lacking: true}
	case f.name == "evict" && s.Evict == nil:
		return family.Absence{Reason: "this service drops nothing", But: but}
	case f.servers && len(c.Addrs) > 0:
		return family.Absence{Reason: "faults of servers are for those that this program starts", But: but}
	case c.closedOnly() != "":
		return family.Absence{Reason: c.closedOnly(), But: append(but, "arrivals", "rate")}
	case c.Fault != NoFault && c.Clients < 2:
		return family.Absence{Reason: "with one client nobody can take the lock over", But: but[1:]}
	}
	return family.Absence{}
}

// leastWindow has room for several locks of services that write to a slow disk.
const leastWindow = 300 * time.Millisecond

// window is how long the timed window is at least: a fault takes as long as it
// takes.
func (c *cell) window() time.Duration {
	if c.Fault == NoFault {
		return max(c.Time, leastWindow)
	}
	return max(c.Time, c.TTL)
}

// What a cell takes beside its window, measured on two virtual CPUs.
const (
	startService = 300 * time.Millisecond
	startClient  = 30 * time.Millisecond
)

func (c *cell) expect(services []Service) time.Duration {
	d := startService + time.Duration(c.Processes)*startClient + c.window() + warmup
	if c.Fault != NoFault {
		d += c.TTL // the lease of the fault's victim ends, and both parties go on for a part of one
	}
	if s, err := lookup(services, c.Service); err == nil && s.Promises.Expiry == Never && !s.Promises.Changes && lookupFault(c.Fault).holder == blind {
		d += 3 * c.TTL / 2 // nobody takes the lock over, and in the end some have to be told to give up
	}
	if c.Open {
		d += openload.Extra(c.window()) + leastClosed
	}
	return d
}

// blocks is how many of the sweep's blocks hold the cell: what faults do is
// counted, and needs fewer.
func (c *cell) blocks(count int) int {
	if c.Fault == NoFault {
		return count
	}
	return max(1, (count+2)/3)
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func namesOf(services []Service) (names []string) {
	for _, s := range services {
		names = append(names, s.Name)
	}
	return names
}
