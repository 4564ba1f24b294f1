package workload

import (
	"fmt"
	"slices"
	"unsafe"
)

// Key is the type of a cache's keys.
type Key interface{ string | uint64 }

// maxKeyLength bounds string keys, in bytes.
const maxKeyLength = 1024

// alphabet has 64 characters, so that one stands for 6 bits.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// uniqueChars is how many leading characters of a string key can tell it from
// the others: 60 bits.
const uniqueChars = 10

// MakeKeys makes n distinct random keys, twice: what a cache is filled with,
// and what it is asked for. Equal strings of the two have separate backing,
// as in a real program: comparing strings stops early at equal pointers.
//
// A string key has length bytes; uint64 keys ignore length. The keys' bytes
// lie packed in one block per copy.
func MakeKeys[K Key](n, length int, seed uint64) (stored, lookup []K, err error) {
	if n < 1 || n > MaxKeys {
		return nil, nil, fmt.Errorf("%d keys; must be 1 to %d", n, MaxKeys)
	}
	if _, text := any(stored).([]string); text {
		if err := CheckKeyLength(n, length); err != nil {
			return nil, nil, err
		}
	}
	stored, lookup = make([]K, n), make([]K, n)
	switch stored := any(stored).(type) {
	case []string:
		text := makeText(n, length, seed)
		slice(stored, text)
		slice(any(lookup).([]string), slices.Clone(text))
	case []uint64:
		names := newSource(seed, purposeKeyName)
		inParallel(n, func(low, high int) {
			for i := low; i < high; i++ {
				stored[i] = names.at(uint64(i)) // a bijection of i
			}
		})
		copy(any(lookup).([]uint64), stored)
	}
	return stored, lookup, nil
}

// CheckKeyLength says why there are no n distinct string keys of length bytes;
// nil if there are.
func CheckKeyLength(n, length int) error {
	if length < 1 || length > maxKeyLength {
		return fmt.Errorf("keys of %d bytes; must be 1 to %d", length, maxKeyLength)
	}
	if length < uniqueChars && n > 1<<(6*length) {
		return fmt.Errorf("%d keys of %d bytes are too many; there are %d, so use longer ones", n, length, 1<<(6*length))
	}
	return nil
}

// makeText is n keys of length characters, one after the other. The first
// characters are an image of the key's index under a bijection, which makes
// the keys distinct; the others are random.
func makeText(n, length int, seed uint64) []byte {
	text := make([]byte, n*length)
	head := min(length, uniqueChars)
	heads := newPermutation(uint(6*head), newSource(seed, purposeKeyName))
	tails := newSource(seed, purposeKeyTail)
	words := (length - head + uniqueChars - 1) / uniqueChars // of tail, per key
	inParallel(n, func(low, high int) {
		for i := low; i < high; i++ {
			key := text[i*length : (i+1)*length]
			spell(key[:head], heads.of(uint64(i)))
			for w := range words {
				from := head + w*uniqueChars
				spell(key[from:min(from+uniqueChars, length)], tails.at(uint64(i*words+w)))
			}
		}
	})
	return text
}

// spell writes the low bits of word, 6 for each character.
func spell(dst []byte, word uint64) {
	for i := range dst {
		dst[i] = alphabet[word&63]
		word >>= 6
	}
}

// slice cuts text into len(keys) strings of equal length, sharing its bytes:
// nobody writes to text any more.
func slice(keys []string, text []byte) {
	length := len(text) / len(keys)
	for i := range keys {
		keys[i] = unsafe.String(&text[i*length], length)
	}
}
