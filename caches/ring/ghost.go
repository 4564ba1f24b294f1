package ring

// ghost remembers the keys that left the small queue last: a FIFO of keys
// without values. A key is a fingerprint within the set that its hash chooses,
// with the step in which it came; keys are forgotten a step at a time. A key
// that is asked for is taken out and makes room for another, as in a FIFO.
//
// It is guarded by the shard's mutex and kept apart from its marks for the
// same reason as a queue from its slots.
type ghost struct {
	added  uint32 // keys added ever; the present step is added ÷ marks.perStep
	kept   uint32 // sum of marks.left: keys added and not taken in steps not yet forgotten
	oldest uint32 // the oldest step not forgotten
}

// marks is what a ghost remembers.
type marks struct {
	sets    []markSet
	left    [steps]uint32 // by step modulo steps: keys added, or to be added until its end, and not taken
	room    uint32        // keys to remember
	perStep uint32        // keys added in one step
}

// markSet is one cache line of marks: fingerprint<<stepBits | step modulo
// steps; 0 is no mark.
type markSet [16]uint32

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

// age is how many steps ago the mark was made.
func (g *ghost) age(m *marks, mark uint32) uint32 {
	return (g.added/m.perStep - mark) % steps
}

// limit is the age from which on a mark is forgotten.
func (g *ghost) limit(m *marks) uint32 { return g.added/m.perStep - g.oldest + 1 }

// add remembers a key, in the place of the oldest in its set: one forgotten,
// if possible, else none at all.
func (g *ghost) add(m *marks, hash uint64) {
	now := g.added / m.perStep
	if g.added%m.perStep == 0 {
		m.left[now%steps] = m.perStep
		g.kept += m.perStep
		for g.kept > m.room+m.perStep || now-g.oldest == steps-1 {
			g.kept -= m.left[g.oldest%steps]
			g.oldest++
		}
	}
	set := m.set(hash)
	place, most := 0, uint32(0)
	for i, mark := range set {
		age := g.limit(m)
		if mark != 0 {
			age = g.age(m, mark)
		}
		if age >= most {
			place, most = i, age
		}
	}
	set[place] = print(hash) | now%steps
	g.added++
}

// take reports whether the key is remembered, and forgets it.
func (g *ghost) take(m *marks, hash uint64) bool {
	set := m.set(hash)
	for i, mark := range set {
		if mark != 0 && mark&^(steps-1) == print(hash) && g.age(m, mark) < g.limit(m) {
			set[i] = 0
			m.left[mark%steps]--
			g.kept--
			return true
		}
	}
	return false
}
