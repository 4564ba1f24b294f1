package cachetest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
)

// checkClose closes caches twice, and from many goroutines at once.
func checkClose(t *trial) (string, error) {
	const closers = 8
	caches := 0
	err := t.atProcs(func(procs int) error {
		return t.each(roomy, func(c cache) error { // each closes it once more
			l := newLedger(64)
			for key := range 64 {
				c.Set(key, l.value(key, key))
			}
			caches++
			return t.together(closers, uint64(procs), func(w int, _ *rand.Rand) error {
				if err := c.Close(); err != nil {
					return fmt.Errorf("an error from Close: %w", err)
				}
				return nil
			})
		})
	})
	return fmt.Sprintf("%d caches closed by %d goroutines, then again", caches, closers), err
}

// checkGoroutines looks for goroutines that outlive their cache.
func checkGoroutines(t *trial) (string, error) {
	const each = 4
	self, before := goroutines()
	started := 0
	for i := range each {
		// Every other one is small, so that it evicts.
		err := t.each([]int{roomy, max(64, t.spec.MinCapacity)}[i%2], func(c cache) error {
			l := newLedger(256)
			for key := range 256 {
				c.Set(key, l.value(key, key))
				c.Get(key)
			}
			_, now := goroutines()
			started += len(since(self, before, now))
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	// A goroutine that announced its end may not have ended yet, so it is
	// given time; one that really leaks stays.
	var left map[string]goroutine
	if !t.settle(func() bool {
		_, now := goroutines()
		left = since(self, before, now)
		return len(left) == 0
	}) {
		for _, g := range left {
			return "", fmt.Errorf("%d goroutines outlive their caches, one of them started by %s", len(left), g.starter)
		}
	}
	return fmt.Sprintf("%d goroutines seen at work, none left", started), nil
}

// checkCloseWaits looks at what runs right after Close returned. A goroutine
// that has said that it ends may still be seen by chance, so only one that is
// seen after nearly every Close has not been waited for.
func checkCloseWaits(t *trial) (string, error) {
	const tries, most = 20, 17
	self, before := goroutines()
	seen, starter := 0, ""
	for range tries {
		err := t.each(roomy, func(c cache) error {
			l := newLedger(256)
			for key := range 256 {
				c.Set(key, l.value(key, key))
			}
			if err := c.Close(); err != nil {
				return err
			}
			for range 100 {
				runtime.Gosched()
			}
			_, now := goroutines()
			left := since(self, before, now)
			for _, g := range left {
				starter = g.starter
			}
			if len(left) > 0 {
				seen++
			}
			t.settle(func() bool { // those of this cache must not count for the next
				_, now = goroutines()
				return len(since(self, before, now)) == 0
			})
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	kinds := 0
	if t.spec.String != nil {
		kinds++
	}
	if t.spec.Uint64 != nil {
		kinds++
	}
	if seen > most*kinds {
		return "", fmt.Errorf("after %d of %d Closes a goroutine was still at work, one of them started by %s", seen, tries*kinds, starter)
	}
	return fmt.Sprintf("%d caches closed", tries*kinds), nil
}

// goroutine is one goroutine of the process.
type goroutine struct {
	creator string // id of the goroutine that started it
	starter string // the function that did
	stack   string // as a traceback prints it
}

// goroutines lists all goroutines by id, and says which one is calling.
func goroutines() (self string, all map[string]goroutine) {
	buf := make([]byte, 1<<16)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	all = map[string]goroutine{}
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		fields := strings.Fields(stack)
		if len(fields) < 2 {
			continue
		}
		id := fields[1]
		if self == "" {
			self = id // runtime.Stack begins with the calling goroutine
		}
		g := goroutine{stack: stack}
		if _, created, ok := strings.Cut(stack, "\ncreated by "); ok {
			line, _, _ := strings.Cut(created, "\n")
			g.starter, g.creator, _ = strings.Cut(line, " in goroutine ")
		}
		all[id] = g
	}
	return self, all
}

// since is the goroutines started after before was taken, but for those that
// another goroutine of that time started: they are no business of self's.
func since(self string, before, now map[string]goroutine) map[string]goroutine {
	fresh := map[string]goroutine{}
	for id, g := range now {
		_, old := before[id]
		_, foreign := before[g.creator]
		if !old && (!foreign || g.creator == self) {
			fresh[id] = g
		}
	}
	return fresh
}
