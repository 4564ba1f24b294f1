package redis

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// TestLateTick: what is set while the clock is late is not older for that.
func TestLateTick(t *testing.T) {
	s := miniredis.RunT(t)
	c := &clock{server: s, last: time.Now().Add(-time.Hour)} // a tick that long ago
	s.Server().SetPreHook(c.before)
	client := newClient(s.Addr())
	defer client.Close()
	const ttl = 30 * time.Minute
	if token, err := acquire.Run(t.Context(), client, []string{"x", "x:token"}, "me", ttl.Milliseconds()).Uint64(); err != nil || token != 1 {
		t.Fatal(token, err)
	}
	c.catchUp()
	if left := s.TTL("x"); left < ttl/2 || left > ttl {
		t.Errorf("%v left of %v", left, ttl)
	}
}
