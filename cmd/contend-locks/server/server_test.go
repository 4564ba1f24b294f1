package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// TestMissing: what is not here is named with the package that brings it, and does
// not start.
func TestMissing(t *testing.T) {
	p := Program{Name: "no-such-server", Package: "its-package", Places: []string{"/nowhere/no-such-server"}}
	if got := p.Missing(); got != "no no-such-server here: apt-get install its-package" {
		t.Error(got)
	}
	if err := p.Serve(context.Background(), lockbench.Member{}); err == nil {
		t.Error("it was started")
	}
	p = Program{Name: "no-such-server", Install: "npm install -g no-such-server"}
	if got := p.Missing(); got != "no no-such-server here: npm install -g no-such-server" {
		t.Error(got)
	}
	there := Program{Name: "no-such-server", Places: []string{"/bin/sh"}}
	if path, err := there.Find(); path != "/bin/sh" || err != nil {
		t.Error(path, err)
	}
	jar := Program{Name: "sh", Package: "its-package", Files: []string{"/bin/sh", "/nowhere/its.jar"}}
	if got := jar.Missing(); got != "no /nowhere/its.jar here: apt-get install its-package" {
		t.Error(got)
	}
}

// TestPlaces: of what a pattern matches, the last counts.
func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"14", "15"} {
		if err := os.MkdirAll(filepath.Join(dir, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "no-such-server"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := Program{Name: "no-such-server", Places: []string{filepath.Join(dir, "1?", "no-such-server"), filepath.Join(dir, "*", "nothing")}}
	if path, err := p.Find(); path != filepath.Join(dir, "15", "no-such-server") || err != nil {
		t.Error(path, err)
	}
}

// TestHome: a program that refuses to run as root does not, and reaches its folder,
// though its user may enter none of those above.
func TestHome(t *testing.T) {
	above := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(above, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(above, "data")
	h, err := NewHome(path)
	if err != nil {
		t.Skip(err) // root, elsewhere than on Linux
	}
	defer h.Close()
	p := Program{Name: "sh", Home: h}
	if err := p.Run(context.Background(), lockbench.Member{Dir: above}, "-c", "id -u > "+h.Path+"/who"); err != nil {
		t.Fatal(err)
	}
	who, err := os.ReadFile(filepath.Join(path, "who"))
	if err != nil {
		t.Fatal(err)
	}
	if user := strings.TrimSpace(string(who)); (os.Geteuid() == 0) != (user != strconv.Itoa(os.Geteuid())) {
		t.Errorf("run by %d, the program is run by %s", os.Geteuid(), user)
	}
	err = p.Run(context.Background(), lockbench.Member{Dir: above}, "-c", "echo no disk >&2; exit 3")
	if err == nil || err.Error() != "sh: exit status 3: no disk" {
		t.Error(err)
	}
}

// TestPortInUse: somebody else at the address is not taken for the program.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := Program{Name: "sh"}
	m := lockbench.Member{Dir: t.TempDir(), Addr: l.Addr().String(), Ready: func() { t.Error("it is ready") }}
	if err := p.Serve(context.Background(), m, "-c", "exit 7"); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
}

// TestEnds: a program that ends before it answers is an error that says how it
// ended.
func TestEnds(t *testing.T) {
	p := Program{Name: "sh"}
	err := p.Serve(context.Background(), lockbench.Member{Dir: t.TempDir(), Addr: servertest.Addresses(t, 1)[0]}, "-c", "exit 7")
	if err == nil || !strings.Contains(err.Error(), "sh ended before it answered: exit status 7") {
		t.Error(err)
	}
}

// TestTry: a program that takes connections and does not serve yet is not ready.
func TestTry(t *testing.T) {
	asked := 0
	p := Program{Name: "late", Try: func(context.Context, string) error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}}
	if err := p.await(t.Context(), "", nil); err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
