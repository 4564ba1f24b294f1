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
