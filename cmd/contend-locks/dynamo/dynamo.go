// Package dynamo locks with leases in a store that knows conditional writes and no
// time, as Amazon's client of DynamoDB does: each holder gives the lock's item a
// version that nobody had before, and who has seen the same version for a whole
// lease takes the lock over. No clocks are compared. The server is dynalite, which
// speaks DynamoDB's protocol over LevelDB: it stands in for DynamoDB, and says
// nothing of its speed.
package dynamo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/cmd/contend-locks/server"
)

var (
	dynalite = server.Program{Name: "dynalite", Install: "npm install -g dynalite@4.0.0"}
	program  = server.Program{Name: "node", Package: "nodejs"} // runs it
)

func missing() string {
	if why := program.Missing(); why != "" {
		return why
	}
	return dynalite.Missing()
}

// Service is one server.
func Service() lockbench.Service {
	return lockbench.Service{
		Name: "dynamo", About: "a conditional store: an item with a version; who has seen one version for a whole lease takes over; waiters poll", Members: 1,
		Promises: lockbench.Promises{
			Excludes: []string{lockbench.NoFault, "kill-holder", "kill-server", "restart-server", "partition", "slow-network"},
			Token:    history.Ordered, Expiry: lockbench.ByLease,
			StandsIn: "DynamoDB", Lacking: "one server, which does not sync its disk",
		},
		Missing: missing, Needs: server.Needs(&program, &dynalite), Serve: serve, Connect: connect, Remove: remove,
		Endpoint: func(addr string) (string, string, error) { return lockbench.Endpoint("http://"+addr, "80") },
	}
}

//go:embed patient.js
var patient []byte

func serve(ctx context.Context, m lockbench.Member) error {
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		return err
	}
	script, err := dynalite.Find()
	if err != nil {
		return err
	}
	first := filepath.Join(m.Dir, "patient.js")
	if err := os.WriteFile(first, patient, 0o644); err != nil {
		return err
	}
	return program.Serve(ctx, m, "--require", first, script, "--host", host, "--port", port, "--path", filepath.Join(m.Dir, "dynamo"), "--createTableMs", "0")
}

// The table, and the attributes of an item. The version is there while the lock is
// held; the counter, whose values are the tokens, stays.
const (
	table   = "contend-locks"
	name    = "name"
	version = "version"
	length  = "lease" // in milliseconds
	counter = "counter"
)

type session struct {
	client *dynamodb.Client
	http   *http.Transport
	ttl    time.Duration
}

// idle is less than after what time dynalite ends a connection that is not used.
const idle = 2 * time.Second

func newSession(t lockbench.Target) *session {
	h := &http.Transport{IdleConnTimeout: idle}
	return &session{http: h, ttl: t.TTL, client: dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String("http://" + t.Addrs[0]), Region: "local", HTTPClient: &http.Client{Transport: h},
		Retryer: aws.NopRetryer{}, // a write whose answer is lost is unknown, and not tried again
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})}
}

func connect(ctx context.Context, t lockbench.Target) (lockbench.Session, error) {
	if len(t.Addrs) != 1 {
		return nil, fmt.Errorf("one server's address, not %d", len(t.Addrs))
	}
	s := newSession(t)
	for {
		err := s.create(ctx)
		if err == nil {
			return s, nil
		}
		if lockbench.Pause(ctx) != nil {
			_ = s.Close()
			return nil, err
		}
	}
}

// create makes the table, or finds that it is there; it is an error that it is not
// ready yet.
func (s *session) create(ctx context.Context) error {
	_, err := s.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            aws.String(table),
		BillingMode:          types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String(name), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}},
	})
	var there *types.ResourceInUseException
	if err != nil && !errors.As(err, &there) {
		return err
	}
	d, err := s.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table)})
	if err == nil && d.Table.TableStatus != types.TableStatusActive {
		err = fmt.Errorf("table %s is %s", table, d.Table.TableStatus)
	}
	return err
}

func (s *session) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// text and number are values of attributes.
func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func key(lock string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{name: text(lock)}
}

// seen is what a waiter saw of a lock that is held.
type seen struct {
	version string
	lease   time.Duration
	since   time.Time
}

// Acquire takes a lock that is free, or whose holder's version it has seen for the
// whole of the holder's lease.
func (s *session) Acquire(ctx context.Context, lock string) (lockbench.Lease, error) {
	var last seen
	return lockbench.Poll(ctx, func() (*lockbench.Timed, error) {
		now, err := s.look(ctx, lock)
		if err != nil {
			return nil, err
		}
		if now.version != "" && now.version != last.version {
			last = now
		}
		if now.version != "" && time.Since(last.since) < last.lease {
			return nil, nil
		}
		return s.take(ctx, lock, now.version)
	})
}

// look reads the item; the version is empty if the lock is free.
func (s *session) look(ctx context.Context, lock string) (now seen, err error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table), Key: key(lock), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return now, err
	}
	v, ok := out.Item[version].(*types.AttributeValueMemberS)
	if !ok {
		return now, nil
	}
	n, ok := out.Item[length].(*types.AttributeValueMemberN)
	if !ok {
		return now, fmt.Errorf("the item of lock %q has a version and no lease", lock)
	}
	ms, err := strconv.ParseInt(n.Value, 10, 64)
	return seen{v.Value, time.Duration(ms) * time.Millisecond, time.Now()}, err
}

// take gives the item a new version, if it still has the old one, or none; the lease
// is nil if it has not.
func (s *session) take(ctx context.Context, lock, old string) (*lockbench.Timed, error) {
	mine := strconv.FormatUint(rand.Uint64(), 36) + strconv.FormatUint(rand.Uint64(), 36)
	values := map[string]types.AttributeValue{":mine": text(mine), ":lease": number(s.ttl.Milliseconds()), ":one": number(1)}
	condition := "attribute_not_exists(#version)"
	if old != "" {
		condition, values[":old"] = "#version = :old", text(old)
	}
	until := time.Now().Add(s.ttl)
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(table), Key: key(lock), ConditionExpression: aws.String(condition),
		UpdateExpression:          aws.String("SET #version = :mine, #lease = :lease ADD #counter :one"),
		ExpressionAttributeNames:  map[string]string{"#version": version, "#lease": length, "#counter": counter},
		ExpressionAttributeValues: values, ReturnValues: types.ReturnValueUpdatedNew,
	})
	if refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n, ok := out.Attributes[counter].(*types.AttributeValueMemberN)
	if !ok {
		return nil, fmt.Errorf("no counter in the answer for lock %q", lock)
	}
	token, err := strconv.ParseUint(n.Value, 10, 64)
	return &lockbench.Timed{Fence: history.Token{Kind: history.Ordered, Value: token}, Until: until, LetGo: func(ctx context.Context) error {
		return s.release(ctx, lock, mine)
	}}, err
}

// refused reports whether a write was not carried out because of its condition.
func refused(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

// release removes the version if it is still the holder's.
func (s *session) release(ctx context.Context, lock, mine string) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(table), Key: key(lock), ConditionExpression: aws.String("#version = :mine"),
		UpdateExpression:          aws.String("REMOVE #version, #lease"),
		ExpressionAttributeNames:  map[string]string{"#version": version, "#lease": length},
		ExpressionAttributeValues: map[string]types.AttributeValue{":mine": text(mine)},
	})
	if refused(err) {
		return nil // it was over before
	}
	return err
}

// remove deletes items, and the table if it is empty then.
func remove(ctx context.Context, t lockbench.Target) error {
	s := newSession(t)
	defer s.Close()
	others := false
	for pages := dynamodb.NewScanPaginator(s.client, &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			lock, ok := item[name].(*types.AttributeValueMemberS)
			if !ok || !strings.HasPrefix(lock.Value, t.Prefix) {
				others = true
				continue
			}
			if _, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(table), Key: key(lock.Value)}); err != nil {
				return err
			}
		}
	}
	if others {
		return nil
	}
	_, err := s.client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(table)})
	return err
}
