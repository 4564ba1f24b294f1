// Package catalog is the one list of backends. To add one, write its package
// beside the others and add its line to All.
package catalog

import (
	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/bigcache"
	"github.com/contend-go/contend/caches/concurrentmap"
	"github.com/contend-go/contend/caches/fastcache"
	"github.com/contend-go/contend/caches/fido"
	"github.com/contend-go/contend/caches/freecache"
	"github.com/contend-go/contend/caches/golangfifo"
	"github.com/contend-go/contend/caches/golanglru"
	"github.com/contend-go/contend/caches/groupcache"
	"github.com/contend-go/contend/caches/mutexlru"
	"github.com/contend-go/contend/caches/null"
	"github.com/contend-go/contend/caches/otter1"
	"github.com/contend-go/contend/caches/otter2"
	"github.com/contend-go/contend/caches/phuslu"
	"github.com/contend-go/contend/caches/plainmap"
	"github.com/contend-go/contend/caches/ring"
	"github.com/contend-go/contend/caches/ristretto"
	"github.com/contend-go/contend/caches/rwmutexmap"
	"github.com/contend-go/contend/caches/s3fifo"
	"github.com/contend-go/contend/caches/stripedlru"
	"github.com/contend-go/contend/caches/syncmap"
	"github.com/contend-go/contend/caches/theine"
	"github.com/contend-go/contend/caches/workerpool"
	"github.com/contend-go/contend/caches/xsyncmap"
)

// All returns every backend: first the floor and the ceiling, then our own,
// then the libraries. The slice is the caller's.
func All() []caches.Spec {
	return []caches.Spec{
		// Bounds.
		null.Spec(),
		plainmap.Spec(),

		// Our own.
		mutexlru.Spec(),
		s3fifo.Spec(),
		ring.Spec(),
		stripedlru.Spec(),
		rwmutexmap.Spec(),
		workerpool.ActorSpec(),
		workerpool.ChannelSpec(),
		workerpool.RingSpec(),
		workerpool.SpinSpec(),

		// Libraries, unbounded first.
		syncmap.Spec(),
		xsyncmap.Spec(),
		concurrentmap.Spec(),
		bigcache.Spec(),
		golanglru.Spec(),
		groupcache.Spec(),
		golangfifo.S3FIFOSpec(),
		golangfifo.SieveSpec(),
		phuslu.Spec(),
		freecache.Spec(),
		fastcache.Spec(),
		fido.Spec(),
		otter1.Spec(),
		otter2.Spec(),
		ristretto.Spec(),
		theine.Spec(),
	}
}

// Names returns the names of All, in its order.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Lookup returns the backend of that name, and whether there is one.
func Lookup(name string) (caches.Spec, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return caches.Spec{}, false
}
