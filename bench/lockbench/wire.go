package lockbench

import (
	"github.com/contend-go/contend/bench/lockbench/history"
	"github.com/contend-go/contend/bench/process"
)

// wire is what clients and servers have sent each other up to a time of the histories' clock,
// in bytes by connection.
type wire struct {
	at    int64
	bytes map[uint64]int64
	known bool
}

// traffic asks the proxies, if there are any, as they outlive what goes through them, and
// otherwise the kernel for the connections of the clients. All that clients connect to
// is their service.
func (r *rig) traffic() (w wire) {
	if len(r.cluster.links) > 0 {
		w.bytes, w.known = r.cluster.carried(), true
	} else {
		var pids []int
		for _, p := range r.processes {
			pids = append(pids, p.child.cmd.Process.Pid)
		}
		w.bytes, w.known = process.Traffic(pids)
	}
	w.at = history.Now()
	return w
}

// since is what was sent after an earlier time. It is not known where there is no connection, or
// one has ended meanwhile: nobody knows any more what that carried.
func (w wire) since(begin wire) (sum int64, known bool) {
	for id, n := range w.bytes {
		sum += n - begin.bytes[id] // 0 of one that is new
	}
	for id := range begin.bytes {
		if _, still := w.bytes[id]; !still {
			return 0, false
		}
	}
	return sum, w.known && begin.known && len(w.bytes) > 0
}

// carried is what went through all proxies between clients and servers, as one connection.
func (c *cluster) carried() map[uint64]int64 {
	var sum int64
	for _, row := range c.links {
		for _, k := range row {
			sum += k.carried.Load()
		}
	}
	return map[uint64]int64{0: sum}
}
