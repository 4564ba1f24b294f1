package blame

import (
	"strings"
	"testing"

	"github.com/contend-go/contend/traces/account"
)

// TestServers: of real servers, traced for a second through /debug/pprof/trace, the
// first finding is the sentence that a maintainer would write. Their programs lie
// beside the recordings.
func TestServers(t *testing.T) {
	for file, want := range map[string][]string{
		"pool.trace.gz": {
			"pool at main.user pool/main.go:56 in sql.(*DB).QueryRow",
			"held by main.user, asleep at main.stmt.Query pool/main.go:33",
		},
		"etcd.trace.gz": {
			"system call at fileutil.Fdatasync fileutil/sync_linux.go:33 ← wal.(*WAL).sync wal/wal.go:881",
			"of capacity: in the call",
		},
	} {
		v := Of(read(t, "testdata/servers/"+file, account.Whole))
		if len(v.Findings) == 0 {
			t.Fatalf("%s: nothing found", file)
		}
		text := v.Findings[0].String()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q is not in %q", file, w, text)
			}
		}
		if v.Findings[0].Share < .5 {
			t.Errorf("%s: %q is %.2f of what was lost", file, text, v.Findings[0].Share)
		}
	}
}

// TestOneCause: what a holder does under a lock is said to be one cause with the wait for
// that lock.
func TestOneCause(t *testing.T) {
	for name, under := range map[string]string{"17-bbolt-fsync": "fdatasync", "10-sql-pool": "stmt.Query"} {
		v := Of(read(t, "testdata/cases/"+name+".trace.gz", account.Whole))
		if len(v.Findings) < 2 || v.Findings[0].Under != 0 || v.Findings[1].Under != 1 {
			t.Fatalf("%s: %+v", name, v.Findings)
		}
		if text := v.Findings[1].String(); !strings.Contains(text, under) || !strings.Contains(text, "those of 1 wait for: one cause") {
			t.Errorf("%s: %q", name, text)
		}
	}
}
