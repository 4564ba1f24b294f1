package lockbench

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/port"
)

func TestEndpoint(t *testing.T) {
	for _, c := range []struct{ addr, port, network, address string }{
		{"a:1", "", "tcp", "a:1"},
		{"a:1", "9", "tcp", "a:1"},
		{"a", "9", "tcp", "a:9"},
		{"[::1]:2", "", "tcp", "[::1]:2"},
		{"[::1]", "9", "tcp", "[::1]:9"},
		{"https://a:1", "", "tcp", "a:1"},
		{"nats://u:p@a", "9", "tcp", "a:9"},
		{"http://a:1/path", "", "tcp", "a:1"},
		{"unix:///run/x", "", "unix", "/run/x"},
		{"/run/x", "", "unix", "/run/x"},
	} {
		network, address, err := Endpoint(c.addr, c.port)
		if err != nil || network != c.network || address != c.address {
			t.Errorf("%s: %s %s, %v", c.addr, network, address, err)
		}
	}
	for _, bad := range []string{"a", "a:", ":1", "http://", "http://u:secret@a", "http://u:secret@a:b:c"} {
		if _, _, err := Endpoint(bad, ""); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestReach: of several members one that answers is enough, and the others are named; where none does, the error says
// where, why and what to do.
func TestReach(t *testing.T) {
	nobody, release, err := port.Reserve(2)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there := l.Addr().String()
	services := []Service{{Name: "far"}, {Name: "near"}, {Name: "idle"}}
	try := func(far, near []string) ([]string, error) {
		return reachGiven(context.Background(), services, []cell{{Service: "far", Addrs: far}, {Service: "near", Addrs: near}, {Service: "near", Addrs: near}, {Service: "idle"}})
	}
	if warnings, err := try([]string{there}, []string{"http://" + there}); err != nil || len(warnings) > 0 {
		t.Errorf("all answer: %q, %v", warnings, err)
	}
	warnings, err := try([]string{nobody[0], there}, []string{there})
	if want := "far: no server answers at " + nobody[0] + ": connection refused; others of its addresses do"; err != nil || len(warnings) != 1 || warnings[0] != want {
		t.Errorf("one of two answers: %q, %v", warnings, err)
	}
	_, err = try(nobody, nobody[:1])
	want := "far: no server answers at " + nobody[0] + ": connection refused, nor at " + nobody[1] + ": connection refused; start one there, or correct --address\n" +
		"near: no server answers at " + nobody[0] + ": connection refused; start one there, or correct --address"
	if err == nil || err.Error() != want {
		t.Errorf("nobody answers: %v", err)
	}
}

// TestLeftKeys: keys that may be left are spoken of only after a client had a session, and behind what went wrong first.
func TestLeftKeys(t *testing.T) {
	r := rig{dir: t.TempDir(), cell: &cell{Clients: 2, Addrs: []string{"redis://u:secret@a:1"}}, processes: []*clientProcess{{}}}
	removed := 0
	r.service = &Service{Remove: func(context.Context, Target) error {
		removed++
		return errors.New("gone")
	}}
	if err := r.tidy(); err != nil || removed != 1 {
		t.Errorf("without a session: %v, %d attempts", err, removed)
	}
	if err := os.Mkdir(r.histories(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(historyFile(filepath.Join(r.dir, "histories"), 1), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := firstCause(errors.New("it fell over"), r.tidy())
	if err == nil || !strings.HasPrefix(err.Error(), "it fell over; and keys that begin with") || !strings.Contains(err.Error(), "gone") || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
		t.Errorf("after a session: %v", err)
	}
}
