package report

import (
	"regexp"
	"strings"
	"testing"
)

// TestMatrix: the matrix of conditions and services has no winner where locks broke or samples are too few.
func TestMatrix(t *testing.T) {
	text := "# contend protocol=1\n# run id=a\n# axis name=Lock key=clients series=service\nusable-cpus: 2\n# begin\n"
	for _, line := range []string{
		"evict/fence=on/clients=2/service=fast 10 900 ops/s 3", "evict/fence=on/clients=2/service=slow 10 100 ops/s 0", "evict/fence=on/clients=2/service=mid 10 200 ops/s 0",
		"none/fence=on/clients=2/service=fast 10 900 ops/s 0", "none/fence=on/clients=2/service=slow 10 100 ops/s 0",
	} {
		text += "BenchmarkLock/fault=" + line + " overlaps\n"
	}
	matrix := between(t, pageOf(t, text), `<section class="block" id="matrix">`, "</section>")
	var cells []string
	for _, m := range regexp.MustCompile(`<td class="num ([a-z]*)"[^>]*>([^<]*)</td>`).FindAllStringSubmatch(matrix, -1) {
		cells = append(cells, strings.TrimSpace(m[1]+" "+m[2]))
	}
	got := strings.Join(cells, "|")
	for _, want := range []string{"broken ✗ 4.50×", "unsure 200 ops/s ?", "unsure 900 ops/s ?", "unsure 0.500×"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "first") {
		t.Errorf("a winner of one sample: %s", got)
	}
}

// lockRun is a run of two locks and of what does without, under two faults; it says what it needs and why it is short.
const lockRun = `# contend protocol=1
# run id=a version=(devel) cmd="contend-locks sweep"
# plan cells=8 processes=9
# note text="repetitions: 3 instead of 8 in 4 of the cells: why"
# axis name=Lock key=clients series=service
# service name=lease class=lock servers=1 needs=""
# service name=zk class=lock servers=1 needs="java (apt-get install zookeeper)"
# service name=log class=without-lock servers=1 needs="nats (apt-get install nats)"
# service name=log2 class=without-lock servers=1 needs="nats (apt-get install nats)"
usable-cpus: 2
# begin
BenchmarkLock/fault=evict/fence=on/clients=2/service=lease 10 200 ops/s
BenchmarkLock/fault=evict/fence=on/clients=2/service=zk 10 100 ops/s
BenchmarkLock/fault=evict/fence=on/clients=2/service=log 10 900 ops/s
BenchmarkLock/fault=evict/fence=on/clients=2/service=log2 10 450 ops/s
BenchmarkLock/fault=none/fence=on/clients=2/service=lease 10 200 ops/s
BenchmarkLock/fault=none/fence=on/clients=2/service=zk 10 100 ops/s
BenchmarkLock/fault=none/fence=on/clients=2/service=log 10 900 ops/s
BenchmarkLock/fault=none/fence=on/clients=2/service=log2 10 450 ops/s
`

// TestMatrixRanksApart: locks and what does without one have rows of their own in the matrix, whose ratios are to the fastest of
// their kind; and the Markdown names the kind.
func TestMatrixRanksApart(t *testing.T) {
	matrix := between(t, pageOf(t, lockRun), `<section class="block" id="matrix">`, "</section>")
	if n := strings.Count(matrix, "· locks<") + strings.Count(matrix, "· without a lock<"); n != 4 {
		t.Errorf("%d rows of two kinds under two faults:\n%s", n, matrix)
	}
	if n := strings.Count(matrix, ">0.500×<"); n != 4 {
		t.Errorf("%d of 4 are half as fast as the fastest of their kind:\n%s", n, matrix)
	}
	var b strings.Builder
	if err := reportOf(t, lockRun).Markdown(&b); err != nil || strings.Count(b.String(), "without a lock | log") != 4 || strings.Count(b.String(), "locks | lease") != 2 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestRepeat: whoever repeats a run of locks reads which programs it takes, what the program was built from or that nobody
// knows, how far the run is, and why there are fewer repetitions than were asked for.
func TestRepeat(t *testing.T) {
	repeat := between(t, pageOf(t, lockRun), `<section class="block" id="repeat">`, "</section>")
	for _, want := range []string{
		`java (apt-get install zookeeper)</td><td data-head="for">zk</td>`, `nats (apt-get install nats)</td><td data-head="for">log, log2</td>`,
		"<dt>commit</dt><dd>not recorded", "Unfinished: ", "repetitions: 3 instead of 8 in 4 of the cells: why",
	} {
		if !strings.Contains(repeat, want) {
			t.Errorf("no %q in\n%s", want, repeat)
		}
	}
	built := strings.Replace(lockRun, "version=(devel)", "version=(devel) commit=0123abc", 1)
	if repeat := between(t, pageOf(t, built), `<section class="block" id="repeat">`, "</section>"); !strings.Contains(repeat, "<dt>commit</dt><dd>0123abc</dd>") || strings.Contains(repeat, "not recorded") {
		t.Error(repeat)
	}
}

// TestWhatLocksCannotTell: clients and servers that shared the host's CPUs are among what cannot be told, and nothing sounds as if
// a trace had been taken.
func TestWhatLocksCannotTell(t *testing.T) {
	const shared = "clients and servers shared 2 CPUs"
	for _, c := range []struct {
		text string
		want bool
	}{
		{lockRun, true},
		{strings.ReplaceAll(lockRun, "BenchmarkLock/", "BenchmarkLock/at=given/"), false},
		{strings.ReplaceAll(lockRun, "servers=1", "servers=0"), false},
	} {
		var b strings.Builder
		if err := reportOf(t, c.text).Text(&b, 0); err != nil || strings.Contains(b.String(), shared) != c.want || !strings.Contains(b.String(), "lock services are not traced") {
			t.Errorf("%v\n%s", err, b.String())
		}
	}
	var b strings.Builder
	if err := reportOf(t, "# contend protocol=1\n# run id=a\nusable-cpus: 2\nBenchmarkC/backend=a/gomaxprocs=2 1 10 ns/op\n").Text(&b, 0); err != nil || !strings.Contains(b.String(), "no trace was taken, so it is not known where CPUs wait: repeat with --trace cells") || strings.Contains(b.String(), "lock services") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
