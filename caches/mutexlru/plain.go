//go:build !contend_slow

package mutexlru

// planted does nothing: see slow.go.
func planted() {}
