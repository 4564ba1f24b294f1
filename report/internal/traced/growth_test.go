package traced

import (
	"strings"
	"testing"

	"github.com/contend-go/contend/report/internal/derive"
	"github.com/contend-go/contend/traces/account"
	"github.com/contend-go/contend/traces/blame"
)

// TestGrowthIsFirst: a growth that is explained takes the place of the word that nothing
// waits; one that is not is a row of the table, together with others of the same reason.
func TestGrowthIsFirst(t *testing.T) {
	at := blame.Place{Line: account.Frame{Func: "app.count", File: "/src/app/count.go", Line: 20}}
	g := &blame.Growth{From: 1, To: 2, Before: 10, After: 40, Grown: []blame.Grown{{Kind: account.Atomic, Place: at, Before: 5, After: 35, Z: 12}}}
	list := []Growth{{Title: "Count/gomaxprocs=2", Growth: g}, {Title: "A", Untold: "neighbours"}, {Title: "B", Untold: "neighbours"}}

	fs := findings(nil, nil, list)
	if len(fs) != 2 || fs[1].Kind != derive.Unknown || strings.Join(fs[1].More, ";") != "A, B: neighbours" {
		t.Fatalf("%+v", fs)
	}
	text := fs[0].String() + strings.Join(fs[0].More, "")
	for _, want := range []string{"Count/gomaxprocs=2", "10 ns of CPU at GOMAXPROCS 1 and 40 ns at 2", "app.count", "count.go:20", "5 ns → 35 ns", "12 standard errors"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if fs[0].Next == "" {
		t.Error("nothing to try")
	}

	rows := growthTable("backend", list).Rows
	if len(rows) != 2 || rows[0][2] == "" || rows[0][4] != "5 ns → 35 ns" || rows[1][0] != "A, B" || rows[1][1] != "cannot tell" || rows[1][2] != "neighbours" {
		t.Errorf("%q", rows)
	}
}
