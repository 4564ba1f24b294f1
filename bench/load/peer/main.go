// Command peer measures one HTTP server on loopback with Contend's open load and with
// vegeta's, in turns: that others who count from a plan come to the same figures. It is a
// module of its own, for the sake of its dependency.
//
//	cd bench/load/peer && go run .
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/contend-go/contend/bench/load"
)

var (
	rounds  = flag.Int("rounds", 10, "measurements by each generator")
	window  = flag.Duration("time", 2*time.Second, "length of each")
	rate    = flag.Int("rate", 300, "requests per second")
	service = flag.Duration("service", time.Millisecond, "what the server takes for a request; it serves one at a time")
	stall   = flag.Duration("stall", 100*time.Millisecond, "how long it stops, once in each second")
)

func main() {
	flag.Parse()
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// quantiles are those that are compared, in percent.
var quantiles = []float64{50, 90, 95, 99}

func run(out io.Writer) error {
	url, err := serve()
	if err != nil {
		return err
	}
	generators := []struct {
		name    string
		measure func(url string) (*hdrhistogram.Histogram, error)
	}{{"contend", ours}, {"vegeta", theirs}}
	figures := map[string][][]float64{} // by generator and quantile
	for round := range *rounds {
		for i := range generators {
			g := generators[(i+round)%len(generators)] // who is first changes
			h, err := g.measure(url)
			if err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
			if figures[g.name] == nil {
				figures[g.name] = make([][]float64, len(quantiles))
			}
			for i, q := range quantiles {
				figures[g.name][i] = append(figures[g.name][i], float64(h.ValueAtQuantile(q))/1e6)
			}
		}
	}
	fmt.Fprintf(out, "%d requests per second for %v, %d times each, in turns; the server takes %v for each, one at a time, and stops for %v once a second.\n", *rate, *window, *rounds, *service, *stall)
	fmt.Fprintln(out, "Medians in ms, with the second and the second last of the measurements in brackets.")
	fmt.Fprintf(out, "\n| | contend | vegeta |\n|---|---|---|\n")
	for i, q := range quantiles {
		fmt.Fprintf(out, "| p%g |", q)
		for _, g := range generators {
			v := slices.Sorted(slices.Values(figures[g.name][i]))
			n := len(v)
			fmt.Fprintf(out, " %.2f [%.2f, %.2f] |", (v[(n-1)/2]+v[n/2])/2, v[min(1, n-1)], v[max(n-2, 0)])
		}
		fmt.Fprintln(out)
	}
	return nil
}

// serve starts the server, in this process.
func serve() (url string, err error) {
	var one sync.Mutex // held while a request is served
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		one.Lock()
		time.Sleep(*service)
		one.Unlock()
		_, _ = io.WriteString(w, "ok")
	})
	go func() {
		for range time.Tick(time.Second) {
			one.Lock()
			time.Sleep(*stall)
			one.Unlock()
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = http.Serve(l, handler) }()
	return "http://" + l.Addr().String() + "/", nil
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Minute), 3) }

// ours asks by a plan of package load, each request in a goroutine of its own.
func ours(url string) (*hdrhistogram.Histogram, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: vegeta.DefaultConnections}}
	defer client.CloseIdleConnections()
	pacer, err := load.NewPacer(load.Constant, float64(*rate), 1)
	if err != nil {
		return nil, err
	}
	var (
		mu      sync.Mutex
		h       = newHistogram()
		failure error
		done    sync.WaitGroup
	)
	for range int(window.Seconds() * float64(*rate)) {
		due := pacer.Wait()
		done.Go(func() {
			err := get(client, url)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = err
			}
			_ = h.RecordValue(int64(took)) // a request takes no minute
		})
	}
	done.Wait()
	return h, failure
}

func get(client *http.Client, url string) error {
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// theirs asks by vegeta, at the same rate.
func theirs(url string) (*hdrhistogram.Histogram, error) {
	attacker := vegeta.NewAttacker()
	target := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: url})
	h := newHistogram()
	for r := range attacker.Attack(target, vegeta.Rate{Freq: *rate, Per: time.Second}, *window, "peer") {
		if r.Error != "" {
			return nil, fmt.Errorf("status %s: %s", strconv.Itoa(int(r.Code)), r.Error)
		}
		_ = h.RecordValue(int64(r.Latency))
	}
	return h, nil
}
