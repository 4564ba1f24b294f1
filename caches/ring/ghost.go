package ring

import "sync/atomic"

// ghost is the clock of a FIFO of keys without values: those that left the
// small queue last. Keys are forgotten a step at a time. A key that is asked
// for is taken out and makes room for another. Guarded by the shard's mutex.
type ghost struct {
	added  uint32 // keys added ever; the present step is added ÷ perStep
	kept   uint32 // sum of left: keys added and not taken in steps not yet forgotten
	oldest uint32 // the oldest step not forgotten
}

// marks is what a ghost remembers: for each key, the step in which it came and
// a fingerprint, within the set that its hash chooses.
type marks struct {
	// sets are read and written outside the mutex, one word at a time. Two
	// writers may overwrite each other's mark, which forgets a key.
	sets []markSet

	left    [steps]uint32 // guarded by the shard's mutex; by step modulo steps: keys added, or to be added until its end, and not taken
	room    uint32        // keys to remember
	perStep uint32        // keys added in one step
}

// markSet is one cache line of marks: fingerprint<<stepBits | step modulo
// steps; 0 is no mark.
type markSet [16]atomic.Uint32

const (
	stepBits = 11
	steps    = 1 << stepBits
	setFill  = 10 // keys remembered per set, on average: few sets have to push out a key early
)

// newMarks makes room for as many keys, in an eighth of the steps that can be
// told apart: how many steps it takes to fill it depends on how many keys are
// taken before they are forgotten.
func newMarks(room int) *marks {
	return &marks{
		sets:    make([]markSet, room/setFill+1),
		room:    uint32(room),
		perStep: uint32(room/(steps/8) + 1),
	}
}

// set and print take bits of the hash that choose neither bucket nor shard.
func (m *marks) set(hash uint64) *markSet {
	return &m.sets[(hash>>24&0xffffffff)*uint64(len(m.sets))>>32]
}

func print(hash uint64) uint32 { return uint32(hash>>1) &^ (steps - 1) }

// seek returns the place of a key's mark, whatever its age; nil if there is
// none.
func (m *marks) seek(hash uint64) (place *atomic.Uint32, mark uint32) {
	set := m.set(hash)
	for i := range set {
		if mark := set[i].Load(); mark != 0 && mark&^(steps-1) == print(hash) {
			return &set[i], mark
		}
	}
	return nil, 0
}

// put marks a key: in the place of its old mark, if there is one, or of its
// set's oldest, one that is forgotten rather than a free one.
func (m *marks) put(hash uint64, step, oldest uint32) {
	set := m.set(hash)
	place, most := 0, uint32(0)
	for i := range set {
		mark := set[i].Load()
		age := (step - mark) % steps
		if mark == 0 {
			age = step - oldest + 1
		} else if mark&^(steps-1) == print(hash) {
			age = steps
		}
		if age >= most {
			place, most = i, age
		}
	}
	set[place].Store(print(hash) | step%steps)
}

// add counts a key in and returns its step.
func (g *ghost) add(m *marks) (step uint32) {
	step = g.added / m.perStep
	if g.added%m.perStep == 0 {
		m.left[step%steps] = m.perStep
		g.kept += m.perStep
		for g.kept > m.room+m.perStep/2 || step-g.oldest == steps-1 {
			g.kept -= m.left[g.oldest%steps]
			g.oldest++
		}
	}
	g.added++
	return step
}

// take reports whether a key with this mark is remembered, and counts it out.
func (g *ghost) take(m *marks, mark uint32) bool {
	step := g.added / m.perStep
	if (step-mark)%steps > step-g.oldest || m.left[mark%steps] == 0 {
		return false
	}
	m.left[mark%steps]--
	g.kept--
	return true
}
