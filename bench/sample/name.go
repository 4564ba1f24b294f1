package sample

import (
	"strconv"
	"strings"
)

// Name is a parsed benchmark name: "BenchmarkCache/backend=ring/gomaxprocs=8"
// has Base "Cache" and two keys.
type Name struct {
	Base string
	Keys []Field // in printed order; a part without "=" has an empty Key
}

// GOMAXPROCS is the name key that says at how many Ps a sample ran. Our writer
// puts it last, as a literal without the "-N" suffix of `go test`.
const GOMAXPROCS = "gomaxprocs"

// ParseName reads a benchmark name, with or without the leading "Benchmark".
// A "-N" suffix, which `go test` adds at GOMAXPROCS above 1, becomes the
// gomaxprocs key unless a literal one is there; suffix reports whether there
// was one to remove.
func ParseName(full string) (name *Name, suffix bool) {
	parts := strings.Split(strings.TrimPrefix(full, "Benchmark"), "/")
	last := &parts[len(parts)-1]
	procs := ""
	if i := strings.LastIndexByte(*last, '-'); i >= 0 && isCount((*last)[i+1:]) {
		procs, *last = (*last)[i+1:], (*last)[:i]
	}
	n := &Name{Base: parts[0], Keys: make([]Field, 0, len(parts))}
	for _, p := range parts[1:] {
		n.Keys = append(n.Keys, parseField(p))
	}
	if _, literal := n.Get(GOMAXPROCS); procs != "" && !literal {
		n.Keys = append(n.Keys, Field{GOMAXPROCS, procs})
	}
	return n, procs != ""
}

// parseField reads one part of a name. Without "=" it has an empty key.
func parseField(part string) Field {
	if k, v, ok := strings.Cut(part, "="); ok && k != "" {
		return Field{k, v}
	}
	return Field{"", part}
}

func isCount(s string) bool {
	if s == "" || s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Get returns the value of a key, and whether the name has it.
func (n *Name) Get(key string) (string, bool) {
	for _, f := range n.Keys {
		if f.Key == key {
			return f.Value, true
		}
	}
	return "", false
}

// Procs is the GOMAXPROCS that the name states, 0 if it states none.
func (n *Name) Procs() int {
	v, _ := n.Get(GOMAXPROCS)
	p, _ := strconv.Atoi(v)
	return p
}

// Without is the name as a string, leaving out the given keys: what is left
// when they are varied identifies a series or a pair.
func (n *Name) Without(keys ...string) string {
	var b strings.Builder
	b.WriteString("Benchmark")
	b.WriteString(n.Base)
next:
	for _, f := range n.Keys {
		for _, k := range keys {
			if f.Key == k {
				continue next
			}
		}
		b.WriteByte('/')
		if f.Key != "" {
			b.WriteString(f.Key)
			b.WriteByte('=')
		}
		b.WriteString(f.Value)
	}
	return b.String()
}

// String is the full name, with the leading "Benchmark".
func (n *Name) String() string { return n.Without() }

// With returns a copy in which key has the given value: replaced where the key
// is, otherwise added, before a final gomaxprocs.
func (n *Name) With(key, value string) *Name {
	c := &Name{Base: n.Base, Keys: append([]Field(nil), n.Keys...)}
	for i := range c.Keys {
		if c.Keys[i].Key == key {
			c.Keys[i].Value = value
			return c
		}
	}
	at := len(c.Keys)
	if at > 0 && c.Keys[at-1].Key == GOMAXPROCS && key != GOMAXPROCS {
		at--
	}
	c.Keys = append(c.Keys[:at], append([]Field{{key, value}}, c.Keys[at:]...)...)
	return c
}

// last returns the name with that key at its end, n itself where it is there.
func (n *Name) last(key string) *Name {
	v, ok := n.Get(key)
	if !ok || n.Keys[len(n.Keys)-1].Key == key {
		return n
	}
	c := &Name{Base: n.Base}
	for _, f := range n.Keys {
		if f.Key != key {
			c.Keys = append(c.Keys, f)
		}
	}
	c.Keys = append(c.Keys, Field{key, v})
	return c
}
