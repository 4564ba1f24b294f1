package locked

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/sample"
)

// folder is a run folder with lock samples: each is the rest of a result line, and
// all have the one history.
func folder(t *testing.T, events []history.Event, lines ...string) *sample.Set {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(history.Text(events))
	z.Close()
	if err := os.WriteFile(filepath.Join(dir, "h.gz"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	text := "# contend protocol=1\n# run id=x seed=1\n# begin\n"
	for i, l := range lines {
		text += fmt.Sprintf("# sample cell=%d block=0\n# attach kind=history path=h.gz sha256=00\nBenchmarkLock/%s\n", i, l)
	}
	if err := os.WriteFile(filepath.Join(dir, sample.FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := sample.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// overlapping are two clients that hold a lock at once after a fault, of which the
// first writes late.
func overlapping() []history.Event {
	list := []history.Event{
		{T: 10e6, Client: 1, Op: 1, What: history.AcquireSent}, {T: 11e6, Client: 1, Op: 1, What: history.Acquired},
		{T: 11e6 + 1, Client: 1, Op: 1, What: history.Read},
		{T: 12e6, Client: 1, What: history.Fault, Note: "pause-holder"},
		{T: 13e6, Client: 2, Op: 1, What: history.AcquireSent}, {T: 20e6, Client: 2, Op: 1, What: history.Acquired},
		{T: 21e6, Client: 2, Op: 1, What: history.Read},
		{T: 22e6, Client: history.Nobody, What: history.Healed, Note: "pause-holder"},
		{T: 23e6, Client: 1, Op: 1, What: history.Write, Value: 1},
		{T: 24e6, Client: 1, Op: 1, What: history.ReleaseSent},
		{T: 25e6, Client: 2, Op: 1, What: history.ReleaseSent},
	}
	for i := range list {
		list[i].Token = history.Token{Kind: history.NoToken}
	}
	return list
}

func TestVerdicts(t *testing.T) {
	set := folder(t, overlapping(),
		"fault=none/fence=on/clients=2/service=good 10 1 ns/op 0 overlaps 0 overlap-ms 0 waiting",
		"fault=pause-holder/fence=on/clients=2/service=good 10 1 ns/op 1 overlaps 4 overlap-ms 0 waiting 1 stale-accepted 1500 unavailable-ms",
		"fault=kill-holder/fence=on/clients=2/service=good 10 1 ns/op 0 overlaps 0 overlap-ms 1 waiting 2500 unavailable-ms",
		"fault=kill-holder/fence=off/clients=2/service=bad 10 1 ns/op 1 overlaps 2 overlap-ms 2 waiting",
		"fault=none/fence=off/clients=2/service=bad 10 1 ns/op 7 overlaps 12 overlap-ms 0 waiting 0.25 lost/op")
	set.Records = append(set.Records, sample.Record{Verb: "service", Fields: []sample.Field{{Key: "name", Value: "good"}, {Key: "token", Value: "unordered"}}})
	l, err := Open(set)
	if err != nil || len(l.Notes) > 0 {
		t.Fatal(err, l.Notes)
	}
	got := l.Tables[0]
	for _, want := range []string{aboutOutcomes, aboutNobody, aboutTimes, aboutTokens} { // good accepted late writes, and its fence cannot help it
		if !strings.Contains(got.About, want) {
			t.Errorf("%q does not say %q", got.About, want)
		}
	}
	if !slices.Equal(got.Columns, []string{"Service", "Token", "none", "pause-holder", "kill-holder"}) {
		t.Errorf("columns %q", got.Columns)
	}
	for _, want := range []string{
		"good, fence on|unordered|held|broken in 1 of 1: two holders for up to 4.00 ms, late writes accepted: 1 in all, granted to nobody for up to 1.50 s|stood still in 1 of 1: granted to nobody for at least 2.50 s",
		"bad, fence off|–|broken in 1 of 1: two holders for up to 12.0 ms, up to 25.0% of updates lost|–|broken in 1 of 1: two holders for up to 2.00 ms, stood still in 1 of 1",
	} {
		if !slices.ContainsFunc(got.Rows, func(row []string) bool { return strings.Join(row, "|") == want }) {
			t.Errorf("no row %q in\n%q", want, got.Rows)
		}
	}
	if len(l.Pictures) != 2 || l.Pictures[0].Name != "lanes-good-pause-holder-fence-on" {
		t.Fatalf("pictures %+v", l.Pictures)
	}
	var b bytes.Buffer
	if err := l.Pictures[0].Encode(&b, "png", 96); err != nil {
		t.Error(err)
	}
	if s := l.Strips[0]; len(s.Names) != 2 || len(s.Layers[1].Areas) != 2 || len(s.Layers[2].Areas) != 2 || len(s.Moments) != 2 || len(s.Signs) != 1 || s.Signs[0].Text != "✕" {
		t.Errorf("on the page: %+v", s)
	}
}

// TestDrawnOfHowMany: the note says how many histories are drawn of how many, and how to see the others.
func TestDrawnOfHowMany(t *testing.T) {
	var lines []string
	for i := range 11 {
		lines = append(lines, fmt.Sprintf("fault=pause-holder/fence=on/clients=2/service=s%02d 10 1 ns/op 1 overlaps 4 overlap-ms", i))
	}
	l, err := Open(folder(t, overlapping(), lines...))
	if err != nil || len(l.Pictures) != mostPictures {
		t.Fatal(err, len(l.Pictures))
	}
	const want = "of 11 combinations in which a lock did not exclude, 8 are drawn over time; a sweep of another alone (--service, --fault) draws it too"
	if !slices.Equal(l.Notes, []string{want}) {
		t.Errorf("%q", l.Notes)
	}
	set := folder(t, overlapping(), lines...)
	for _, s := range set.Samples {
		s.Attachments = nil
	}
	if l, err := Open(set); err != nil || len(l.Notes) != 1 || !strings.HasSuffix(l.Notes[0], "(11)") {
		t.Errorf("without histories: %q, %v", l.Notes, err)
	}
}

// TestSummary: what did not hold is listed, promises first, and so is what promises nothing though it stands for a lock; a floor is
// not counted. The numbers of outcomes add up.
func TestSummary(t *testing.T) {
	const ok, broken = " 10 100 ns/op 0 overlaps", " 10 100 ns/op 3 overlaps 4 overlap-ms"
	set := folder(t, overlapping(),
		"fault=none/fence=on/service=a/gomaxprocs=2"+ok, "fault=pause-holder/fence=on/service=a/gomaxprocs=2"+broken,
		"fault=none/fence=on/service=b/gomaxprocs=2"+broken, "fault=none/fence=on/service=none/gomaxprocs=2"+broken,
		"fault=kill-holder/fence=on/service=b/gomaxprocs=2 10 100 ns/op 0 overlaps 2 waiting",
		"fault=none/fence=on/service=saga/gomaxprocs=2"+broken,
	)
	record := func(name, excludes string) {
		set.Records = append(set.Records, sample.Record{Verb: "service", Fields: []sample.Field{{Key: "name", Value: name}, {Key: "excludes", Value: excludes}}})
	}
	record("a", "none,kill-holder")
	record("b", "none,kill-holder")
	record("none", "")
	record("saga", "")
	set.Records[len(set.Records)-1].Fields = append(set.Records[len(set.Records)-1].Fields, sample.Field{Key: "class", Value: "without-lock"})
	l, err := Open(set)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"b", "none, fence on", "yes", "broken in 1 of 1"}, {"a", "pause-holder, fence on", "no", "broken in 1 of 1"}, {"b", "kill-holder, fence on", "yes", "stood still in 1 of 1"}, {"saga", "none, fence on", "no", "broken in 1 of 1"}}
	if head := l.Summary.Columns[4]; !strings.Contains(head, "worst run") || !strings.Contains(head, "sums") {
		t.Errorf("the head %q does not say what times and counts are of", head)
	}
	if len(l.Summary.Rows) != len(want) || !strings.Contains(l.Summary.About, "Of 5 combinations of service, fault and fence: 1 held, 3 broken (1 of them where the service promises to exclude), 1 stood still.") {
		t.Fatalf("%q, %s", l.Summary.Rows, l.Summary.About)
	}
	for i, row := range l.Summary.Rows {
		if got := []string{row[0], row[2], row[3]}; !slices.Equal(got, want[i][:3]) || !strings.HasPrefix(row[4], want[i][3]) {
			t.Errorf("row %d: %q, want %q", i, row, want[i])
		}
	}
}

// TestSummaryWithoutSamples: what cannot be told is counted as that alone, and no word is said of outcomes that there are
// not; of references alone there is no summary.
func TestSummaryWithoutSamples(t *testing.T) {
	set := folder(t, overlapping(), "fault=none/fence=on/service=a/gomaxprocs=2 10 100 ns/op 0 overlaps")
	set.Records = append(set.Records, sample.Record{Verb: "service", Fields: []sample.Field{{Key: "name", Value: "a"}, {Key: "excludes", Value: "none"}, {Key: "token", Value: "rising"}}})
	set.Samples[0].Invalid = "it did not run"
	l, err := Open(set)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Of 1 combination of service, fault and fence: 1 cannot tell."; l.Summary.About != want {
		t.Errorf("%q, want %q", l.Summary.About, want)
	}
	if want := []string{"a", "rising", "none, fence on", "yes", "cannot tell: no valid sample"}; len(l.Summary.Rows) != 1 || !slices.Equal(l.Summary.Rows[0], want) {
		t.Errorf("rows %q", l.Summary.Rows)
	}
	set = folder(t, overlapping(), "fault=none/fence=on/service=a/gomaxprocs=2 10 100 ns/op 3 overlaps 4 overlap-ms")
	if l, err = Open(set); err != nil || !strings.HasPrefix(l.Summary.About, "Of 1 combination of service, fault and fence: 1 broken (none of them where the service promises to exclude).") {
		t.Errorf("%q, %v", l.Summary.About, err)
	}
	set = folder(t, overlapping(), "fault=none/fence=on/service=none/gomaxprocs=2 10 100 ns/op 3 overlaps 4 overlap-ms")
	set.Records = append(set.Records, sample.Record{Verb: "service", Fields: []sample.Field{{Key: "name", Value: "none"}, {Key: "class", Value: "floor"}}})
	if l, err = Open(set); err != nil || len(l.Tables) != 1 || l.Summary.Title != "" || l.Summary.About != "" {
		t.Errorf("of none alone: %+v, %v", l.Summary, err)
	}
}

func TestLanes(t *testing.T) {
	l, err := Lanes(overlapping())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Names) != 2 || len(l.Beliefs) != 2 || len(l.Overlaps) != 1 || l.Overlaps[0].From != 20e6 || l.Overlaps[0].To != 24e6 || len(l.Moments) != 2 ||
		len(l.Writes) != 1 || !l.Writes[0].Accepted || l.From >= 12e6 || l.To <= 24e6 {
		t.Errorf("%+v", l)
	}
	if _, err := Lanes(overlapping()[:2]); err == nil {
		t.Error("a picture of nothing")
	}
}

// TestNoHistory: a file that is not there, or not a history, is a note.
func TestNoHistory(t *testing.T) {
	line := "fault=pause-holder/fence=on/clients=2/service=good 10 1 ns/op 1 overlaps 4 overlap-ms"
	set := folder(t, overlapping(), line)
	path := filepath.Join(filepath.Dir(set.Samples[0].File), "h.gz")
	for _, text := range []string{"no gzip", ""} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(set); err != nil || len(l.Notes) != 1 || !strings.Contains(l.Notes[0], "h.gz") {
			t.Errorf("%q: %v, %q", text, err, l.Notes)
		}
	}
	os.Remove(path)
	if l, err := Open(set); err != nil || len(l.Notes) != 1 {
		t.Errorf("gone: %v, %q", err, l.Notes)
	}
}
