package decode

import (
	"encoding/binary"
	"math/bits"
)

// pad is the number of readable bytes that must follow a buffer's data, so that a
// varint at its very end can be loaded as one word.
const pad = 16

// short decodes a varint of at most three bytes. It is small enough to be inlined, and
// branches by length: lengths repeat, and branches that are foreseen beat arithmetic that waits for its
// input. Of a longer one it returns the index after the data, which b has pad zero bytes behind.
func short(b []byte, i int) (uint64, int) {
	v := uint64(b[i])
	if v < 1<<7 {
		return v, i + 1
	}
	v += uint64(b[i+1])<<7 - 1<<7
	if v < 1<<14 {
		return v, i + 2
	}
	v += uint64(b[i+2])<<14 - 1<<14
	if v < 1<<21 {
		return v, i + 3
	}
	return 0, len(b) - pad + 1
}

// uvarint decodes the varint at b[i:] and returns the index after it. It needs
// pad bytes beyond the data; the caller checks that the index stays within the
// data. A varint longer than ten bytes returns an index beyond any data.
func uvarint(b []byte, i int) (uint64, int) {
	x := binary.LittleEndian.Uint64(b[i:])
	stop := ^x & 0x8080808080808080 // the top bit of every byte that ends a varint
	if stop == 0 {
		return longUvarint(b, i)
	}
	n := bits.TrailingZeros64(stop) // 7 for one byte, 15 for two, …
	x &= 2<<n - 1
	// Close the gaps between groups of 7 bits: in pairs, in fours, in eights.
	x &= 0x7f7f7f7f7f7f7f7f
	x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
	x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
	x = x&0x000000000fffffff | x&0x0fffffff00000000>>4
	return x, i + (n+1)/8
}

func longUvarint(b []byte, i int) (uint64, int) {
	v, n := binary.Uvarint(b[i : i+binary.MaxVarintLen64])
	if n <= 0 {
		return 0, 1 << 40
	}
	return v, i + n
}

// reader takes varints and bytes off a batch's data one after the other. After
// the first failure ok is false and everything reads as zero.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) more() bool { return !r.bad && len(r.data) > 0 }

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.bad = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}
