package raft

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// change is one entry of the log.
type change struct {
	Release bool          `json:"release,omitempty"`
	Add     int           `json:"add,omitempty"` // the owner's so many-th change: one more in the number of that name, without any lock
	Name    string        `json:"name"`
	Owner   string        `json:"owner"`
	Token   uint64        `json:"token,omitempty"` // of what is released
	TTL     time.Duration `json:"ttl,omitempty"`   // 0: until it is released
	Now     int64         `json:"now,omitempty"`   // the leader's clock when it proposed the entry
}

// holder is who holds a lock.
type holder struct {
	Owner string `json:"owner"`
	Token uint64 `json:"token"`
	Until int64  `json:"until,omitempty"` // by the clock of the leader that proposed it; 0 for ever
}

// closed reports whether the lock is held by another than the owner.
func (h holder) closed(owner string, now int64) bool {
	return h.Token > 0 && h.Owner != owner && (h.Until == 0 || now < h.Until)
}

// machine is the state that the log leads to: who holds which lock, and the numbers
// that are changed without one.
type machine struct {
	mu    sync.Mutex
	state state
}

type state struct {
	Locks   map[string]holder `json:"locks"`
	Numbers map[string]int64  `json:"numbers"`
	Done    map[string]done   `json:"done"` // each owner's last change
}

// done is what a change led to, for an owner who asks again since it did not hear.
type done struct {
	Add    int    `json:"add"`
	Token  uint64 `json:"token"`
	Number int64  `json:"number"`
}

func newMachine() *machine {
	return &machine{state: state{Locks: map[string]holder{}, Numbers: map[string]int64{}, Done: map[string]done{}}}
}

// outcome is what an entry led to: the token, 0 if it changed nothing, and the number.
type outcome struct {
	token  uint64
	number int64
}

// Apply carries out one entry. Its answer has the token of what was granted or
// released, or the entry's index. A client that asks for what it holds gets it again:
// it did not hear the first answer.
func (m *machine) Apply(l *raft.Log) any {
	var c change
	if err := json.Unmarshal(l.Data, &c); err != nil {
		return outcome{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.state.Locks[c.Name]
	switch {
	case c.Add > 0:
		d := m.state.Done[c.Owner]
		if d.Add != c.Add {
			m.state.Numbers[c.Name]++
			d = done{c.Add, l.Index, m.state.Numbers[c.Name]}
			m.state.Done[c.Owner] = d
		}
		return outcome{d.Token, d.Number}
	case c.Release && (h.Owner != c.Owner || h.Token != c.Token):
		return outcome{}
	case c.Release:
		delete(m.state.Locks, c.Name)
		return outcome{token: c.Token}
	case h.closed(c.Owner, c.Now):
		return outcome{}
	}
	h = holder{Owner: c.Owner, Token: l.Index}
	if c.TTL > 0 {
		h.Until = c.Now + int64(c.TTL)
	}
	m.state.Locks[c.Name] = h
	return outcome{token: l.Index}
}

// closed is what this member knows of a lock, without the log.
func (m *machine) closed(name, owner string, now int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Locks[name].closed(owner, now)
}

// Snapshot and Restore implement raft.FSM.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := json.Marshal(m.state)
	return snapshot(text), err
}

func (m *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	s := newMachine().state
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
	return nil
}

type snapshot []byte

func (s snapshot) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(s); err != nil {
		_ = to.Cancel()
		return err
	}
	return to.Close()
}

func (snapshot) Release() {}
