package ring

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"unsafe"
)

// kind says how keys of a type become forms. It is resolved once, when the
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
	word [4]uint64
	seed maphash.Seed
}

func newSecrets() secrets {
	s := secrets{seed: maphash.MakeSeed()}
	for i := range s.word {
		s.word[i] = rand.Uint64()
	}
	return s
}

// fold multiplies and folds the 128-bit product in half, the step of wyhash
// (github.com/wangyi-fudan/wyhash), which the Go runtime also uses where there
// are no AES instructions.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// inline is the form of a key that fits in words. The two products do not wait
// for each other.
func (s *secrets) inline(a, b, c uint64, size int) form {
	return form{
		word: [3]uint64{a, b, c},
		size: size,
		hash: fold(a^s.word[0], b^s.word[1]) ^ fold(c^s.word[2], uint64(size)^s.word[3]),
	}
}

// string is the form of a string. Words overlap where the length is no
// multiple of eight: given the length, they still determine the bytes.
func (s *secrets) string(k string) form {
	p, n := unsafe.Pointer(unsafe.StringData(k)), len(k)
	switch {
	case n > inlineKey:
		h := maphash.String(s.seed, k)
		return form{word: [3]uint64{h}, size: n, hash: h, ref: p}
	case n > 16:
		return s.inline(load8(p, 0), load8(p, 8), load8(p, n-8), n)
	case n > 8:
		return s.inline(load8(p, 0), load8(p, n-8), 0, n)
	case n >= 4:
		return s.inline(load4(p, 0)|load4(p, n-4)<<32, 0, 0, n)
	case n > 0:
		return s.inline(uint64(k[0])|uint64(k[n/2])<<8|uint64(k[n-1])<<16, 0, 0, n)
	}
	return s.inline(0, 0, 0, 0)
}

func load8(p unsafe.Pointer, at int) uint64 { return *(*uint64)(unsafe.Add(p, at)) }
func load4(p unsafe.Pointer, at int) uint64 { return uint64(*(*uint32)(unsafe.Add(p, at))) }

// word widens an integer or boolean key.
func word[K comparable](k K) uint64 {
	p := unsafe.Pointer(&k)
	switch unsafe.Sizeof(k) {
	case 8:
		return *(*uint64)(p)
	case 4:
		return uint64(*(*uint32)(p))
	case 2:
		return uint64(*(*uint16)(p))
	}
	return uint64(*(*uint8)(p))
}

// boxed is the form of any other key; ref is left to whoever stores it.
func boxed[K comparable](s *secrets, k K) form {
	h := maphash.Comparable(s.seed, k)
	return form{word: [3]uint64{h}, hash: h}
}
