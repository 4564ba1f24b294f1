package ring

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"unsafe"
)

// kind says how keys of a type are held. It is resolved once, when the
// cache is made.
type kind uint8

const (
	stringKey kind = iota
	wordKey        // integers and booleans
	otherKey       // held in a box of their own, hashed by hash/maphash
)

func kindOf[K comparable]() kind {
	switch reflect.TypeFor[K]().Kind() {
	case reflect.String:
		return stringKey
	case reflect.Bool, reflect.Uintptr,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return wordKey
	}
	return otherKey
}

// secrets seed the hash. Each cache draws its own, so that nobody outside can
// choose keys that collide.
type secrets struct {
	word [4]uint64    // for words and inline strings
	seed maphash.Seed // for other keys
}

func newSecrets() secrets {
	return secrets{[4]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()}, maphash.MakeSeed()}
}

// fold multiplies and folds the 128-bit product in half, the step of wyhash
// (github.com/wangyi-fudan/wyhash), which the Go runtime also uses where there
// are no AES instructions.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hash is that of a key that is its words. The two products do not wait for
// each other.
func (s *secrets) hash(w words) uint64 {
	return fold(w.a^s.word[0], w.b^s.word[1]) ^ fold(w.c^s.word[2], uint64(w.size)^s.word[3])
}

// inline is a string of up to inlineKey bytes.
func inline(k string) words {
	if len(k) >= 8 {
		return wide(k)
	}
	return words{short(k), 0, 0, len(k)}
}

// wide is a string of 8 to inlineKey bytes. The loads overlap where its length
// is no multiple of eight: given the length, they determine the bytes all the
// same.
func wide(k string) words {
	p, last := unsafe.Pointer(unsafe.StringData(k)), len(k)-8
	return words{load8(p, 0), load8(p, min(8, last)), load8(p, last), len(k)}
}

// short packs a string of less than 8 bytes.
func short(k string) (w uint64) {
	for i := range len(k) {
		w |= uint64(k[i]) << (8 * i)
	}
	return w
}

func load8(p unsafe.Pointer, at int) uint64 { return *(*uint64)(unsafe.Add(p, at)) }

// word widens an integer or boolean key.
func word[K comparable](k K) words {
	p := unsafe.Pointer(&k)
	switch unsafe.Sizeof(k) {
	case 8:
		return words{a: *(*uint64)(p)}
	case 4:
		return words{a: uint64(*(*uint32)(p))}
	case 2:
		return words{a: uint64(*(*uint16)(p))}
	}
	return words{a: uint64(*(*uint8)(p))}
}
