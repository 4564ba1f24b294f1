// Package lockbench measures distributed locks: what a lock and unlock cost as
// clients rise, and whether the lock excludes when a holder pauses, a server
// restarts or a packet does not arrive.
//
// A [Service] is a lock service as data and two functions; [Family] makes a
// family of such services, whose cells are services × faults × clients. Clients
// and servers are processes, for only a whole process can be stopped or killed.
// What they saw is in the histories of package history, and what those say is
// the verdict.
package lockbench

import (
	"context"
	"errors"
	"time"

	"github.com/contend-go/contend/bench/lockbench/history"
)

// Service is one lock service: what it promises, how it is started, and how a
// client reaches it.
type Service struct {
	Name, About string
	Promises    Promises

	// Members is how many server processes it has: 0 where there are none, and
	// the lock is in files that clients share, or in nothing.
	Members int
	// PeerLinks: members reach each other over the addresses of [Member.Dial], so
	// that they can be cut off from each other.
	PeerLinks bool
	// Missing says in a few words what this machine lacks to start a member, and which
	// package brings it; "" or nil where nothing is missing.
	Missing func() string
	// Needs names the programs that a member is started with, and how to get them; empty where nothing but this
	// program is needed.
	Needs string
	// Serve is one member. It runs in a process of its own until ctx ends, and
	// calls m.Ready when it answers. It may be nil where Members is 0.
	Serve func(ctx context.Context, m Member) error
	// Connect opens the session of one client. It waits until the service answers
	// or ctx ends.
	Connect func(ctx context.Context, t Target) (Session, error)
	// Endpoint is where to dial for an address that was given, to see whether anybody is there before a client waits
	// for its service; nil where addresses are as [Endpoint] reads them, with a port.
	Endpoint func(addr string) (network, address string, err error)
	// Evict puts so much else into the service that it drops the named lock to make
	// room, and returns when the lock is gone. It is nil where a service drops nothing.
	Evict func(ctx context.Context, t Target, name string) error
	// Remove removes all keys that begin with t.Prefix: what a run leaves in a
	// service that it did not start. It is nil where locks leave nothing.
	Remove func(ctx context.Context, t Target) error
}

// Promises are what a service says of itself. Each must be true: reports hold
// the service to it.
type Promises struct {
	// Excludes lists the faults under which no two clients hold a lock at the same
	// time, by the clients' own clocks; see [Faults].
	Excludes []string
	// Token says what its fencing tokens are good for.
	Token history.Kind
	// FIFO: waiters get the lock in the order in which they asked.
	FIFO bool
	// Reentrant: a session that holds a lock is granted it again.
	Reentrant bool
	// Expiry says when a lock is free of which the holder says nothing any more.
	Expiry Expiry
	// Changes: there is no lock; the service makes the change itself that a lock would
	// guard, and its sessions are [Changer]s.
	Changes bool
	// Adds: such changes are additions in any order, which have no number of their own; its
	// sessions are [Adder]s.
	Adds bool
	// Queue: a name is a queue of items, each acquire reserves one of them that nobody
	// has, and a release takes it out of the queue. Leases are [Reservation]s.
	Queue bool
	// Steps: there is no lock; a change is made in steps between which others see it and change
	// too, and is undone where the last one does not come.
	Steps bool
	// Floor: it excludes nobody and is not meant to; others are measured against it.
	Floor bool
	// LeastTTL is the shortest lease that it grants, and to whose multiples it
	// rounds; 0 for any.
	LeastTTL time.Duration
	// StandsIn names the product that it takes the place of, where it is not that
	// product.
	StandsIn string
	// Lacking is what this program does without, in a few words.
	Lacking string
}

// class is what a service is to those who choose one: only services of one class are alternatives to each
// other. Reports read the word.
func (p *Promises) class() string {
	switch {
	case p.Floor:
		return "floor"
	case p.Changes || p.Queue || p.Steps:
		return "without-lock"
	}
	return "lock"
}

// Expiry is when a lock of a silent holder becomes free.
type Expiry string

// The kinds of expiry.
const (
	ByLease   Expiry = "lease"   // when a time has passed that was asked for with the lock
	BySession Expiry = "session" // when a session that the client keeps alive has expired
	Never     Expiry = "never"
)

// Member is one server process of a service.
type Member struct {
	Index int    `json:"index"`
	Dir   string `json:"dir"`  // its own, which outlives a restart
	Addr  string `json:"addr"` // where it is to listen for clients
	// Peers are where each member is to listen for the others, and Dial where this
	// one reaches them: there may be a proxy between, whose address it must not
	// pass on.
	Peers []string      `json:"peers,omitempty"`
	Dial  []string      `json:"dial,omitempty"`
	TTL   time.Duration `json:"ttl"` // the lease that clients will ask for
	Fresh bool          `json:"fresh"`

	// Ready is to be called when the member answers.
	Ready func() `json:"-"`
}

// Target is where a client finds its service.
type Target struct {
	Addrs  []string      `json:"addrs,omitempty"` // of the members, the nearest first
	Dir    string        `json:"dir,omitempty"`   // a folder that all clients share
	Prefix string        `json:"prefix"`          // of all keys
	Client string        `json:"client"`          // name of the client, like no other's in this run
	TTL    time.Duration `json:"ttl"`             // the lease to ask for
}

// Session is one client's connection to a service. It is used by one goroutine.
type Session interface {
	// Acquire waits until the named lock is granted. [ErrBusy] says that the
	// service refused it; after any other error it may or may not be held.
	Acquire(ctx context.Context, name string) (Lease, error)
	// Close ends the session. Locks that it holds are released, or expire.
	Close() error
}

// Changer is a session of a service that makes the change itself. Its Acquire is
// never called.
type Changer interface {
	Session
	// Change adds one to the named number, and returns what it is from then on, and
	// which change that was. [ErrBusy] says that the service refused it, because of
	// another change; after any other error it may or may not be carried out.
	Change(ctx context.Context, name string) (number int64, token history.Token, err error)
}

// Adder is a session of a service whose changes need no order. The number and the token
// that its Change returns say nothing.
type Adder interface {
	Changer
	// Count is what all changes of the named number come to. Those that were answered
	// before it was asked for are in it, once each.
	Count(ctx context.Context, name string) (int64, error)
}

// Lease is a lock that was granted.
type Lease interface {
	// Token is what a resource can tell this lease from an earlier one by.
	Token() history.Token
	// Deadline is until when the lock is held at least, by this process's own
	// clock, counted from before it was asked for; ok is false where it does not
	// expire by itself, or where a session keeps it alive.
	Deadline() (t time.Time, ok bool)
	// Lost is closed when the client can know that the lock may be lost. It is
	// never nil; that it is open proves nothing.
	Lost() <-chan struct{}
	// Release lets go. After an error the lock may still be held; that there is
	// none does not prove that it was held until then.
	Release(ctx context.Context) error
}

// Reservation is a lease of one item of a queue.
type Reservation interface {
	Lease
	// Item is its number, from 0 on: no other item of the run has it, in any queue.
	Item() int
}

// ErrBusy says that the service refused a lock because somebody holds it, or a change
// because of somebody else's.
var ErrBusy = errors.New("refused because of another client")

// NeverLost is the channel of leases of which a client never learns that they
// are lost.
var NeverLost = make(chan struct{})
