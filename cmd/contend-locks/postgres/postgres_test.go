package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/contend-go/contend/bench/lockbench"
)

// TestBadAddress: what cannot become right is an error at once.
func TestBadAddress(t *testing.T) {
	for _, addrs := range [][]string{{"mysql://db.example/test"}, {"postgres://db.example:port/"}, {"db1.example:5432", "db2.example:5432"}} {
		if s, err := open(context.Background(), lockbench.Target{Addrs: addrs}, ""); err == nil {
			t.Errorf("%q: %v", addrs, s)
		}
	}
}

// TestDisown: the next server takes the lock file of one that was killed for its
// parent's, and finds all else in it.
func TestDisown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postmaster.pid")
	if err := disown(path); err != nil {
		t.Errorf("without a file: %v", err)
	}
	const rest = "/data\n1764000000\n5432\n\n127.0.0.1\n  1234567         3\nready\n"
	if err := os.WriteFile(path, []byte("4711\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := disown(path); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n"+rest {
		t.Errorf("%q, %v", text, err)
	}
}
