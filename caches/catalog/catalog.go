// Package catalog is the one list of backends. To add one, write its package
// beside the others and add its line to All.
package catalog

import (
	"fmt"
	"strings"

	"github.com/contend-go/contend/caches"
	"github.com/contend-go/contend/caches/fido"
	"github.com/contend-go/contend/caches/golangfifo"
	"github.com/contend-go/contend/caches/golanglru"
	"github.com/contend-go/contend/caches/mutexlru"
	"github.com/contend-go/contend/caches/null"
	"github.com/contend-go/contend/caches/otter1"
	"github.com/contend-go/contend/caches/otter2"
	"github.com/contend-go/contend/caches/phuslu"
	"github.com/contend-go/contend/caches/plainmap"
	"github.com/contend-go/contend/caches/ring"
	"github.com/contend-go/contend/caches/ristretto"
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
		workerpool.ChannelSpec(),
		workerpool.RingSpec(),
		workerpool.SpinSpec(),

		// Libraries, unbounded first.
		syncmap.Spec(),
		xsyncmap.Spec(),
		golanglru.Spec(),
		golangfifo.S3FIFOSpec(),
		golangfifo.SieveSpec(),
		phuslu.Spec(),
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

// Lookup returns the backend of that name. The error for an unknown name
// offers the nearest ones.
func Lookup(name string) (caches.Spec, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	names := Names()
	if near := nearest(name, names); len(near) > 0 {
		return caches.Spec{}, fmt.Errorf("backend %q unknown; did you mean %s?", name, strings.Join(near, " or "))
	}
	return caches.Spec{}, fmt.Errorf("backend %q unknown; there are %s", name, strings.Join(names, ", "))
}

// Find returns the backends of those names, in that order. The name "all"
// stands for every backend; one named twice is an error.
func Find(names []string) ([]caches.Spec, error) {
	var found []caches.Spec
	seen := make(map[string]bool)
	for _, name := range names {
		var specs []caches.Spec
		if name == "all" {
			specs = All()
		} else {
			s, err := Lookup(name)
			if err != nil {
				return nil, err
			}
			specs = []caches.Spec{s}
		}
		for _, s := range specs {
			if seen[s.Name] {
				return nil, fmt.Errorf("backend %q named twice", s.Name)
			}
			seen[s.Name] = true
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no backend named; there are all, %s", strings.Join(Names(), ", "))
	}
	return found, nil
}
