package derive

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/contend-go/contend/bench/sample"
)

// Boundary is a place on the axis. On that of GOMAXPROCS the machine changes there: one P
// more than After begins what Label names. On that of a rate it is a capacity.
type Boundary struct {
	After int
	Label string // "socket 2", "hyperthreads"
}

// boundaries are those that the run's own records state.
func boundaries(set *sample.Set, run *sample.Run) []Boundary {
	var bs []Boundary
	for _, r := range set.Records {
		after, err := strconv.Atoi(r.Get("after"))
		if r.Verb != "boundary" || r.Run != run || err != nil || after < 1 {
			continue
		}
		if b := (Boundary{after, r.Get("label")}); !slices.Contains(bs, b) {
			bs = append(bs, b)
		}
	}
	slices.SortStableFunc(bs, func(a, b Boundary) int { return cmp.Compare(a.After, b.After) })
	return bs
}

// Backend is what a backend promises, as its run recorded it.
type Backend struct {
	Name     string
	Promises []sample.Field
}

// backends lists the promises, each backend once: those of the last run that
// states them.
func backends(set *sample.Set) []Backend {
	var bs []Backend
	for _, r := range set.Records {
		if r.Verb != "backend" {
			continue
		}
		b := Backend{Name: r.Get("name")}
		for _, f := range r.Fields {
			if f.Key != "name" {
				b.Promises = append(b.Promises, f)
			}
		}
		if i := slices.IndexFunc(bs, func(o Backend) bool { return o.Name == b.Name }); i >= 0 {
			bs[i] = b
		} else {
			bs = append(bs, b)
		}
	}
	return bs
}

// References are the backends that promise no synchronisation, and the lock services that are not meant to exclude
// anybody: what others are measured against, and no competitors.
func References(set *sample.Set) map[string]bool {
	references := map[string]bool{}
	for _, r := range set.Records {
		switch r.Verb {
		case "backend":
			references[r.Get("name")] = r.Get("sync") == "none"
		case verbService:
			references[r.Get("name")] = class(r) == "floor"
		}
	}
	return references
}

// verbService is that of the records in which a run says what a lock service promises.
const verbService = "service"

// lockless are the services that do without a lock.
func lockless(set *sample.Set) map[string]bool {
	without := map[string]bool{}
	for _, r := range set.Records {
		if r.Verb == verbService {
			without[r.Get("name")] = class(r) == "without-lock"
		}
	}
	return without
}

// served are the services that have servers.
func served(set *sample.Set) map[string]bool {
	servers := map[string]bool{}
	for _, r := range set.Records {
		if r.Verb == verbService {
			servers[r.Get("name")] = r.Get("servers") != "0" && r.Get("servers") != ""
		}
	}
	return servers
}

// class is "lock", "without-lock" or "floor". Runs of before it was recorded tell it by the promises.
func class(r sample.Record) string {
	switch class := r.Get("class"); {
	case class != "":
		return class
	case r.Get("changes") == "true" || r.Get("queue") == "true":
		return "without-lock"
	case r.Get("excludes") == "":
		return "floor"
	}
	return "lock"
}
