package dynamo

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/cmd/contend-locks/server/servertest"
)

// start is a server that runs until the test ends.
func start(t *testing.T) lockbench.Target {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip(why)
	}
	addr, _ := servertest.Run(t, serve)
	return lockbench.Target{Addrs: []string{addr}, Prefix: "dynamotest-", TTL: 200 * time.Millisecond}
}

func open(t *testing.T, target lockbench.Target) *session {
	t.Helper()
	s, err := connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*session)
}

// TestLongDead: a lock whose holder has long been dead costs a waiter one lease:
// only then does it know that nobody renews it.
func TestLongDead(t *testing.T) {
	target := start(t)
	s := open(t, target)
	held, err := s.take(t.Context(), "x", "")
	if err != nil || held == nil {
		t.Fatal(held, err)
	}
	time.Sleep(2 * target.TTL)
	began := time.Now()
	l, err := s.Acquire(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < target.TTL {
		t.Errorf("taken over after %v, before a lease of %v was seen to pass", waited, target.TTL)
	}
	if l.Token().Value != held.Fence.Value+1 {
		t.Errorf("token %d after %d", l.Token().Value, held.Fence.Value)
	}
}

// TestNewVersion: a version that changes begins a waiter's wait anew.
func TestNewVersion(t *testing.T) {
	target := start(t)
	s, waiter := open(t, target), open(t, target)
	if held, err := s.take(t.Context(), "x", ""); err != nil || held == nil {
		t.Fatal(held, err)
	}
	at := make(chan time.Time, 1)
	go func() {
		if _, err := waiter.Acquire(t.Context(), "x"); err != nil {
			t.Error(err)
		}
		at <- time.Now()
	}()
	var last time.Time
	for range 3 {
		time.Sleep(target.TTL / 2)
		now, err := s.look(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		next, err := s.take(t.Context(), "x", now.version)
		if err != nil {
			t.Fatal(err)
		}
		if next == nil { // on a busy host the waiter was let in before
			return
		}
		last = next.Until
	}
	if granted := <-at; granted.Before(last) {
		t.Errorf("granted %v before the last holder's lease was over", last.Sub(granted))
	}
}

// TestRemove: items under the prefix are deleted, and the table with the last of
// all.
func TestRemove(t *testing.T) {
	target := start(t)
	s := open(t, target)
	for _, lock := range []string{target.Prefix + "held", "other"} {
		if held, err := s.take(t.Context(), lock, ""); err != nil || held == nil {
			t.Fatal(held, err)
		}
	}
	if err := remove(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if now, err := s.look(t.Context(), target.Prefix+"held"); err != nil || now.version != "" {
		t.Error("not removed", now, err)
	}
	if now, err := s.look(t.Context(), "other"); err != nil || now.version == "" {
		t.Error("removed what is not of the run", now, err)
	}
	if err := remove(t.Context(), lockbench.Target{Addrs: target.Addrs, Prefix: "other"}); err != nil {
		t.Fatal(err)
	}
	d, err := s.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(table)})
	if err == nil && d.Table.TableStatus == "ACTIVE" {
		t.Error("the empty table is left")
	}
}

// TestBrokenOff: a client that is killed in a request ends the server for nobody else.
func TestBrokenOff(t *testing.T) {
	target := start(t)
	s := open(t, target)
	c, err := net.Dial("tcp", target.Addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	// The server has the beginning of this request before it answers the next one.
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := s.look(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Close()
	for range 20 {
		if _, err := s.look(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
}
