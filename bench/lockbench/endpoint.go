package lockbench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// reachPatience is when a server that was given counts as not there: long enough for a name's look-up and for a
// second try of the kernel, whose first packet was lost.
const reachPatience = 3 * time.Second

// Endpoint is where to dial for an address that was given: "host:port", a URL, whose host it is, or a socket's path.
// An address without a port is an error, unless port is what is meant then.
func Endpoint(addr, port string) (network, address string, err error) {
	if strings.HasPrefix(addr, "/") {
		return "unix", addr, nil
	}
	host := addr
	if scheme, _, ok := strings.Cut(addr, "://"); ok {
		u, err := url.Parse(addr)
		if err != nil {
			return "", "", errors.New("an address in --address is no URL") // the parser's own words may hold a password
		}
		if strings.HasPrefix(scheme, "unix") {
			return "unix", u.Host + u.Path, nil
		}
		host = u.Host
	}
	if name, number, err := net.SplitHostPort(host); err == nil && name != "" && number != "" {
		return "tcp", host, nil
	}
	if port == "" || host == "" {
		return "", "", fmt.Errorf("%q is no address of a server; write host:port", redacted(addr))
	}
	return "tcp", net.JoinHostPort(strings.Trim(strings.TrimSuffix(host, ":"), "[]"), port), nil
}

// redacted is an address without the password that a URL may hold.
func redacted(addr string) string {
	if u, err := url.Parse(addr); err == nil && u.User != nil {
		return u.Redacted()
	}
	return addr
}

func redactedList(addrs []string) string {
	var list []string
	for _, a := range addrs {
		list = append(list, redacted(a))
	}
	return strings.Join(list, ", ")
}

// endpoint is where to dial for an address of the service.
func (s *Service) endpoint(addr string) (network, address string, err error) {
	if s.Endpoint != nil {
		return s.Endpoint(addr)
	}
	return Endpoint(addr, "")
}

// reach tries the addresses of servers that were given. Silent says of each that does not answer why, where another
// does; where none does, that is the error.
func (s *Service) reach(ctx context.Context, addrs []string) (silent []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, reachPatience)
	defer cancel()
	why := make([]string, len(addrs))
	var tried sync.WaitGroup
	for i, addr := range addrs {
		network, address, err := s.endpoint(addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		tried.Go(func() {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, address)
			if err != nil {
				why[i] = address + ": " + refusal(err)
				return
			}
			_ = c.Close()
		})
	}
	tried.Wait()
	for _, text := range why {
		if text != "" {
			silent = append(silent, text)
		}
	}
	if len(silent) == len(addrs) {
		return nil, fmt.Errorf("%s: no server answers at %s; start one there, or correct --address", s.Name, strings.Join(silent, ", nor at "))
	}
	return silent, nil
}

// refusal is why a server could not be dialled, without where.
func refusal(err error) string {
	var name *net.DNSError
	if errors.As(err, &name) && name.IsNotFound {
		return "no such host"
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer within %v", reachPatience)
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// reachGiven tries the servers that were given for the cells of a sweep.
func reachGiven(ctx context.Context, services []Service, cells []cell) (warnings []string, err error) {
	given := map[string][]string{}
	for _, c := range cells {
		if len(c.Addrs) > 0 {
			given[c.Service] = c.Addrs
		}
	}
	type outcome struct {
		silent []string
		err    error
	}
	outcomes := make([]outcome, len(services))
	var tried sync.WaitGroup
	for i := range services {
		if s := &services[i]; given[s.Name] != nil {
			tried.Go(func() { outcomes[i].silent, outcomes[i].err = s.reach(ctx, given[s.Name]) })
		}
	}
	tried.Wait()
	for i, o := range outcomes {
		for _, text := range o.silent {
			warnings = append(warnings, unanswered(&services[i], text))
		}
		err = errors.Join(err, o.err)
	}
	return warnings, err
}

// unanswered warns of one of several members.
func unanswered(s *Service, silent string) string {
	return fmt.Sprintf("%s: no server answers at %s; others of its addresses do", s.Name, silent)
}
