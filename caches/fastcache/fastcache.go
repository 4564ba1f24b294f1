// Package fastcache adapts github.com/VictoriaMetrics/fastcache: 512 buckets
// behind an RWMutex each, every one a ring of chunks outside of the heap, whose
// oldest are overwritten. An item is encoded by every Set and made anew by every
// Get.
//
// The library is bounded in bytes, 32 MB at least, which is why it holds far
// more entries than small capacities ask for. It refuses entries of 64 KB.
package fastcache

import (
	"sync"

	"github.com/VictoriaMetrics/fastcache"

	"github.com/contend-go/contend/caches"
)

// Spec describes the backend.
func Spec() caches.Spec {
	return caches.Spec{
		Name:      "fastcache",
		About:     "github.com/VictoriaMetrics/fastcache: 512 rings of bytes behind a lock each, of 32 MB together at least; items are copied",
		Sync:      caches.Striped,
		Policy:    "FIFO by bucket",
		Bounded:   true,
		MayDrop:   true,
		Copies:    true,
		Overshoot: caches.OvershootInBytes(header, least),
		String: func(capacity int) (caches.Cache[string, *caches.Item], error) {
			return open(capacity, caches.StringBytes)
		},
		Uint64: func(capacity int) (caches.Cache[uint64, *caches.Item], error) {
			return open(capacity, caches.Uint64Bytes)
		},
	}
}

const (
	header = 4        // of an entry, in bytes
	least  = 32 << 20 // the library's smallest size, in bytes
)

type cache[K comparable] struct {
	fast  *fastcache.Cache
	key   func(K) []byte
	close func()
}

func open[K comparable](capacity int, key func(K) []byte) (caches.Cache[K, *caches.Item], error) {
	if err := caches.CheckCapacity(capacity); err != nil {
		return nil, err
	}
	fast := fastcache.New(caches.InBytes(capacity, header))
	return &cache[K]{fast, key, sync.OnceFunc(fast.Reset)}, nil
}

func (c *cache[K]) Get(key K) (*caches.Item, bool) {
	var buf [caches.EncodedSize]byte
	b, ok := c.fast.HasGet(buf[:0], c.key(key))
	if !ok {
		return nil, false
	}
	it := caches.DecodeItem(b)
	return it, it != nil
}

func (c *cache[K]) Set(key K, value *caches.Item) {
	b, k := value.Encoded(), c.key(key)
	c.fast.Set(k, b[:])
}

func (c *cache[K]) Delete(key K) { c.fast.Del(c.key(key)) }

func (c *cache[K]) Len() int {
	var s fastcache.Stats
	c.fast.UpdateStats(&s)
	return int(s.EntriesCount)
}

// Close gives the chunks back, which no collector would.
func (c *cache[K]) Close() error {
	c.close()
	return nil
}
