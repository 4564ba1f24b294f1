package caches

import "encoding/binary"

// Encoded is an item as caches of bytes hold it ([Spec].Copies): its fields but
// the lock, in 24 bytes.
func (it *Item) Encoded() [EncodedSize]byte {
	var b [EncodedSize]byte
	if it == nil {
		return b
	}
	binary.LittleEndian.PutUint64(b[0:], it.ID)
	binary.LittleEndian.PutUint64(b[8:], uint64(it.Remaining))
	binary.LittleEndian.PutUint64(b[16:], uint64(it.ExpireAt))
	return b
}

// EncodedSize is the size of an encoded item, in bytes.
const EncodedSize = 24

// keySize is the size of the keys that a capacity in entries is reckoned for where a
// library is bounded in bytes.
const keySize = 17

// InBytes is a capacity of entries in bytes, for a library that is bounded in
// bytes and takes header bytes an entry besides key and value.
func InBytes(capacity, header int) int {
	return capacity * (header + keySize + EncodedSize)
}

// OvershootInBytes is by how much such a library can exceed that capacity: keys
// may be shorter than was reckoned, and least bytes are its smallest size.
func OvershootInBytes(header, least int) Overshoot {
	return Overshoot{
		Fraction: float64(keySize) / float64(header+EncodedSize),
		Entries:  least / (header + EncodedSize),
	}
}

// DecodeItem makes a new item of what Encoded made; nil if it is no such thing.
func DecodeItem(b []byte) *Item {
	if len(b) != EncodedSize {
		return nil
	}
	return &Item{
		ID:        binary.LittleEndian.Uint64(b[0:]),
		Remaining: int64(binary.LittleEndian.Uint64(b[8:])),
		ExpireAt:  int64(binary.LittleEndian.Uint64(b[16:])),
	}
}

// StringBytes and Uint64Bytes are keys as caches of bytes take them.
func StringBytes(key string) []byte { return []byte(key) }

// Uint64Bytes is the 8 bytes of an integer key.
func Uint64Bytes(key uint64) []byte { return binary.LittleEndian.AppendUint64(nil, key) }
