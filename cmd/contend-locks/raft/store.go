package raft

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// store is a member's log, term and vote in a bbolt file, each write synced: a
// member that forgot its vote could elect two leaders.
type store struct{ db *bbolt.DB }

var (
	logs   = []byte("logs")   // by index, big endian
	stable = []byte("stable") // term, vote and what else raft asks for
)

func openStore(path string) (*store, error) {
	db, err := bbolt.Open(path, 0o644, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &store{db}, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(logs)
		_, err2 := tx.CreateBucketIfNotExists(stable)
		return errors.Join(err, err2)
	})
}

func key(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

func (s *store) end(at func(*bbolt.Cursor) (k, v []byte)) (index uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if k, _ := at(tx.Bucket(logs).Cursor()); k != nil {
			index = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return index, err
}

// FirstIndex, LastIndex, GetLog, StoreLog, StoreLogs and DeleteRange implement
// raft.LogStore.
func (s *store) FirstIndex() (uint64, error) { return s.end((*bbolt.Cursor).First) }
func (s *store) LastIndex() (uint64, error)  { return s.end((*bbolt.Cursor).Last) }

func (s *store) GetLog(index uint64, l *raft.Log) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(logs).Get(key(index))
		if v == nil {
			return raft.ErrLogNotFound
		}
		return gob.NewDecoder(bytes.NewReader(v)).Decode(l)
	})
}

func (s *store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

func (s *store) StoreLogs(list []*raft.Log) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, l := range list {
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(l); err != nil {
				return err
			}
			if err := tx.Bucket(logs).Put(key(l.Index), b.Bytes()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *store) DeleteRange(first, last uint64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(logs)
		for i := first; i <= last; i++ {
			if err := b.Delete(key(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// errNotFound is how raft recognises, by its text, a key that is not there.
var errNotFound = errors.New("not found")

// Set, Get, SetUint64 and GetUint64 implement raft.StableStore.
func (s *store) Set(k, v []byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(stable).Put(k, v) })
}

func (s *store) Get(k []byte) (v []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if v = bytes.Clone(tx.Bucket(stable).Get(k)); v == nil {
			return errNotFound
		}
		return nil
	})
	return v, err
}

func (s *store) SetUint64(k []byte, v uint64) error { return s.Set(k, key(v)) }

func (s *store) GetUint64(k []byte) (uint64, error) {
	v, err := s.Get(k)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}
