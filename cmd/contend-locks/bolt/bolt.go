// Package bolt keeps the locks of a lease server in a bbolt file, so that they
// survive the server.
package bolt

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
)

// Service is the lease server with a store.
func Service() lockbench.Service {
	return lease.Stored("lease-bbolt", "the reservation server, which stores each grant in a bbolt file before it answers", open)
}

// store is a file with two buckets: the token and lease of each lock that is held,
// and the highest token.
type store struct{ db *bbolt.DB }

var (
	held    = []byte("held")
	counter = []byte("counter")
	highest = []byte("highest")
)

// longOpen is how long to wait for the file's lock, which a server that was just
// killed may still hold.
const longOpen = 30 * time.Second

func open(path string) (lease.Store, error) {
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{Timeout: longOpen})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(held); err != nil {
			return err
		}
		_, err := tx.CreateBucketIfNotExists(counter)
		return err
	})
	return &store{db}, err
}

func (s *store) Load() (locks map[string]lease.Held, last uint64, err error) {
	locks = map[string]lease.Held{}
	err = s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(counter).Get(highest); len(v) == 8 {
			last = binary.BigEndian.Uint64(v)
		}
		return tx.Bucket(held).ForEach(func(name, v []byte) error {
			if len(v) != 16 {
				return fmt.Errorf("%d bytes of lock %q", len(v), name)
			}
			locks[string(name)] = lease.Held{Token: binary.BigEndian.Uint64(v), TTL: time.Duration(binary.BigEndian.Uint64(v[8:]))}
			return nil
		})
	})
	return locks, last, err
}

func (s *store) Grant(name string, h lease.Held) error {
	v := binary.BigEndian.AppendUint64(nil, h.Token)
	return s.db.Update(func(tx *bbolt.Tx) error {
		if err := tx.Bucket(counter).Put(highest, v[:8:8]); err != nil {
			return err
		}
		return tx.Bucket(held).Put([]byte(name), binary.BigEndian.AppendUint64(v, uint64(h.TTL)))
	})
}

func (s *store) Free(name string) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(held).Delete([]byte(name)) })
}

func (s *store) Close() error { return s.db.Close() }
