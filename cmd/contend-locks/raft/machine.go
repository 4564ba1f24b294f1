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

// machine is the state that the log leads to: who holds which lock.
type machine struct {
	mu    sync.Mutex
	locks map[string]holder
}

// Apply carries out one entry. Its answer is the token of what was granted, or the
// one that was released; 0 if the entry changed nothing. A client that asks for
// what it holds gets it again: it did not hear the first answer.
func (m *machine) Apply(l *raft.Log) any {
	var c change
	if err := json.Unmarshal(l.Data, &c); err != nil {
		return uint64(0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.locks[c.Name]
	switch {
	case c.Release && (h.Owner != c.Owner || h.Token != c.Token):
		return uint64(0)
	case c.Release:
		delete(m.locks, c.Name)
		return c.Token
	case h.closed(c.Owner, c.Now):
		return uint64(0)
	}
	h = holder{Owner: c.Owner, Token: l.Index}
	if c.TTL > 0 {
		h.Until = c.Now + int64(c.TTL)
	}
	m.locks[c.Name] = h
	return l.Index
}

// closed is what this member knows of a lock, without the log.
func (m *machine) closed(name, owner string, now int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locks[name].closed(owner, now)
}

// Snapshot and Restore implement raft.FSM.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := json.Marshal(m.locks)
	return snapshot(text), err
}

func (m *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	locks := map[string]holder{}
	if err := json.NewDecoder(r).Decode(&locks); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locks = locks
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
