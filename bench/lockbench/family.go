package lockbench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/host"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/openload"
	"github.com/contend-go/contend/bench/sample"
)

// Quick is what `sweep --quick` takes where it is not told otherwise.
type Quick struct {
	Services []string
	Faults   []string
}

// Family is the family of the given services. A main that hands it to
// commands.Main has every command; its own executable plays the servers and the
// clients too.
func Family(services []Service, quick Quick) family.Family {
	f := family.New(definition(services, quick))
	cells := f.Child
	f.Child = func(text string, probes bench.Probes, out io.Writer) error {
		if played, err := play(services, text); played {
			return err
		}
		return cells(text, probes, out)
	}
	return f
}

// longest bounds durations of the axes: above it a typing error is likelier than
// a plan.
const longest = 10 * time.Minute

func definition(services []Service, quick Quick) family.Definition[cell] {
	addrs := map[string][]string{}
	names := namesOf(services)
	return family.Definition[cell]{
		Name: "locks", About: "lock services with more and more clients, and under faults",
		Question:  "What does a lock service cost as clients rise in number, and does it still exclude under faults?",
		Benchmark: "Lock", Variable: variable, X: "clients",
		Lists: []family.List{serviceList(services), faultList()},
		Examples: []string{
			fmt.Sprintf("--service %s --clients 1,8,64", strings.Join(quick.Services, ",")),
			fmt.Sprintf("--service %s --fault %s", strings.Join(quick.Services, ","), strings.Join(quick.Faults, ",")),
		},
		Quick: family.Values{
			"service": quick.Services, "fault": quick.Faults, "clients": {"1", "4"}, "ttl": {"600ms"},
		},
		Columns: slices.Concat([]family.Column[cell]{
			{
				Axis: family.Axis{Flag: "address", Single: true, Default: []string{""}, Usage: "measure a service that runs already: name=host:port,host:port"},
				Read: func(word string) (func(*cell), error) { return readAddresses(word, services, addrs) },
				Key:  "at", Show: func(c *cell) string { return either(len(c.Addrs) > 0, "given", "") },
			},
			{
				Axis: family.Axis{Flag: "fault", Default: []string{NoFault}, Words: Faults, Usage: "faults to cause while the clients run, or all; see contend list faults"},
				Read: family.Word(func(c *cell, w string) { c.Fault = w }),
				Key:  "fault", Show: func(c *cell) string { return c.Fault },
			},
			{
				Axis: family.Axis{Flag: "fence", Default: []string{"on"}, Words: func() []string { return []string{"on", "off"} }, Usage: "on, off: whether the resource that the lock guards refuses a token that is older than one it has seen"},
				Read: family.Word(func(c *cell, w string) { c.Fence = w == "on" }),
				Key:  "fence", Show: func(c *cell) string { return either(c.Fence, "on", "off") },
			},
			{
				Axis: family.Axis{Flag: "locks", Default: []string{"1"}, Usage: "how many locks there are; each time a client takes one of them at random, e.g. 1,16"},
				Read: family.Integer(1, 1<<20, func(c *cell, n int) { c.Locks = n }),
				Key:  "locks", Show: func(c *cell) string { return strconv.Itoa(c.Locks) },
			},
			{
				Axis: family.Axis{Flag: "hold", Default: []string{"0s"}, Usage: "how long a client keeps a lock, in addition to the time that its read and write take, e.g. 0,1ms"},
				Read: family.Span(longest, func(c *cell, d time.Duration) { c.Hold = d }),
				Key:  "hold", Show: func(c *cell) string { return family.SpanText(c.Hold) },
			},
			{
				Axis: family.Axis{Flag: "think", Default: []string{"0s"}, Usage: "how long a client waits between a release and its next acquire, e.g. 0,1ms"},
				Read: family.Span(longest, func(c *cell, d time.Duration) { c.Think = d }),
				Key:  "think", Show: func(c *cell) string { return family.SpanText(c.Think) },
			},
			{
				Axis: family.Axis{Flag: "ttl", Default: []string{"2s"}, Usage: "how long a lease to ask for; a service may round it up"},
				Read: readTTL,
				Key:  "ttl", Show: func(c *cell) string { return c.TTL.String() },
			},
		}, openload.Columns(spec), []family.Column[cell]{
			{
				Axis: family.Axis{Flag: "clients", Default: []string{"1", "2", "4", "8"}, Usage: fmt.Sprintf("numbers of clients, e.g. 1,8,64; up to %d each is a process of its own, more share %d processes", MaxProcesses, MaxProcesses)},
				Read: family.Integer(1, 10_000, func(c *cell, n int) { c.Clients = n }),
				Key:  "clients", Show: func(c *cell) string { return strconv.Itoa(c.Clients) },
			},
			{Key: "processes", Show: func(c *cell) string {
				if c.Processes == c.Clients {
					return ""
				}
				return strconv.Itoa(c.Processes)
			}},
			{
				Axis: family.Axis{Flag: "service", Default: names, DefaultText: defaultText(names), Words: func() []string { return names }, Usage: "lock services, or all; see contend list services"},
				Read: family.Word(func(c *cell, w string) { c.Service = w }),
				Key:  "service", Show: func(c *cell) string { return c.Service },
			},
		}),
		Along:    openload.Along(spec),
		Check:    openload.Check,
		Complete: func(c *cell) error { return c.complete(services, addrs) },
		Absent:   func(c *cell, _ *host.Facts) family.Absence { return c.absent(services) },
		Ready: func(ctx context.Context, cells []cell) ([]string, error) {
			return reachGiven(ctx, services, cells)
		},
		Expect:  func(c *cell) time.Duration { return c.expect(services) },
		Blocks:  (*cell).blocks,
		Fewer:   "what a fault does is counted, which takes fewer repetitions than a speed",
		Records: func(cells []cell) []sample.Record { return serviceRecords(services, cells) },
		Measure: func(c *cell, _ *host.Facts, _ bench.Probe, w bench.Window) (bench.Printed, error) {
			return c.measure(services, w)
		},
	}
}

func readTTL(word string) (func(*cell), error) {
	set, err := family.Span(longest, func(c *cell, d time.Duration) { c.TTL = d })(word)
	if err != nil {
		return nil, err
	}
	if d, _ := time.ParseDuration(word); d < 10*time.Millisecond {
		return nil, fmt.Errorf("%q; a lease is 10ms at least", word)
	}
	return set, nil
}

// readAddresses reads "etcd=host:1,host:2": the rest of a list belongs to the
// name before it.
func readAddresses(text string, services []Service, into map[string][]string) (func(*cell), error) {
	clear(into)
	name := ""
	for _, part := range strings.Split(text, ",") {
		if part == "" && text == "" {
			break
		}
		addr := part
		if n, rest, ok := strings.Cut(part, "="); ok {
			if _, err := lookup(services, n); err != nil {
				return nil, err
			}
			name, addr = n, rest
		}
		if name == "" || addr == "" {
			return nil, fmt.Errorf("%q; write service=host:port,host:port", part)
		}
		into[name] = append(into[name], addr)
	}
	return func(*cell) {}, nil
}

// defaultText says in a few words that the default is all services: by the groups that the first parts of their names
// make.
func defaultText(names []string) string {
	const few = 6
	if len(names) <= few {
		return ""
	}
	members := map[string]int{}
	var groups []string
	for _, name := range names {
		group, _, _ := strings.Cut(name, "-")
		if members[group]++; members[group] == 2 {
			groups = append(groups, group+"…")
		}
	}
	return fmt.Sprintf("all %d, among them %s", len(names), strings.Join(groups, ", "))
}

func serviceList(services []Service) family.List {
	l := family.List{Name: "services", Columns: []string{"LOCK SERVICE", "SERVERS", "TOKEN", "EXPIRY", ""}}
	for _, s := range services {
		about := s.About
		if s.Promises.StandsIn != "" {
			about += " (stands in for " + s.Promises.StandsIn + ")"
		}
		l.Rows = append(l.Rows, []string{s.Name, strconv.Itoa(s.Members), tokenText(s.Promises.Token), string(s.Promises.Expiry), about})
	}
	return l
}

func faultList() family.List {
	l := family.List{Name: "faults", Columns: []string{"FAULT", ""}}
	for _, f := range faults {
		l.Rows = append(l.Rows, []string{f.name, f.about})
	}
	return l
}

func tokenText(k history.Kind) string {
	switch k {
	case history.Ordered:
		return "rising"
	case history.Unordered:
		return "unordered"
	}
	return "none"
}

// serviceRecords are the promises of the services that were chosen, which reports
// hold beside what was seen.
func serviceRecords(services []Service, cells []cell) (list []sample.Record) {
	for _, s := range services {
		chosen, needs := false, ""
		for _, c := range cells {
			if c.Service == s.Name {
				chosen = true
				if len(c.Addrs) == 0 { // else its servers run already
					needs = s.Needs
				}
			}
		}
		if !chosen {
			continue
		}
		p := s.Promises
		list = append(list, sample.Record{Verb: "service", Fields: []sample.Field{
			{Key: "name", Value: s.Name}, {Key: "class", Value: p.class()}, {Key: "about", Value: s.About},
			{Key: "excludes", Value: strings.Join(p.Excludes, ",")}, {Key: "token", Value: tokenText(p.Token)},
			{Key: "expiry", Value: string(p.Expiry)}, {Key: "fifo", Value: strconv.FormatBool(p.FIFO)},
			{Key: "changes", Value: strconv.FormatBool(p.Changes)}, {Key: "queue", Value: strconv.FormatBool(p.Queue)}, {Key: "reentrant", Value: strconv.FormatBool(p.Reentrant)}, {Key: "servers", Value: strconv.Itoa(s.Members)},
			{Key: "stands-in", Value: p.StandsIn}, {Key: "lacking", Value: p.Lacking}, {Key: "needs", Value: needs},
		}})
	}
	return list
}
