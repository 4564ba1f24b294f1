package report

import (
	"fmt"

	"github.com/contend-go/contend/report/claims"
	"github.com/contend-go/contend/report/internal/html"
)

// claimTables are the answers to the published study's claims: one table for
// each host of which there is any evidence.
func claimTables(hosts []claims.Host) []html.Table {
	var tables []html.Table
	for _, h := range hosts {
		if !h.Measured() {
			continue
		}
		t := html.Table{
			Title:   "The published study's claims",
			About:   fmt.Sprintf("Judged by what was measured on %s, %s. Evidence: estimate [95%% interval]. Oversubscribed points count for nothing.", h.Label, h.Usable()),
			Columns: []string{"Claim", "Test", "Answer", "Evidence", "Published"},
		}
		for _, a := range h.Answers {
			t.Rows = append(t.Rows,
				[]string{fmt.Sprintf("%d. %s", a.Number, a.Statement), "study: " + a.Study.Says, a.Study.Answer(), a.Study.Summary(), "theirs: " + a.Theirs},
				[]string{"", "fair: " + a.Fair.Says, a.Fair.Answer(), a.Fair.Summary(), ""})
		}
		tables = append(tables, t)
	}
	return tables
}

// publishedTables are the figures that others published beside ours; none if
// there are no such figures.
func publishedTables(figures []claims.Figure) []html.Table {
	if len(figures) == 0 {
		return nil
	}
	t := html.Table{
		Title:   "Published figures beside ours",
		About:   "Theirs are from other machines, Go versions and often other procedures, as the last column says: they are here to be remembered, not to be compared digit by digit. Ours: median of ns/op [95% interval].",
		Columns: []string{"Row", "Structure", "Theirs", "GOMAXPROCS", "Year", "Ours", "GOMAXPROCS", "Their procedure"},
		Numeric: []bool{false, false, true, true, true, true, true, false},
	}
	for _, f := range figures {
		t.Rows = append(t.Rows, []string{f.Row, f.Impl, f.Theirs, f.Procs, f.Year, f.Ours, f.At, f.Procedure})
	}
	return []html.Table{t}
}
