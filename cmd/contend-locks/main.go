// Command contend-locks measures distributed locks: what a lock and unlock cost as
// clients rise, and whether the lock excludes when a holder pauses, a server
// restarts or a network is cut. It is a module of its own, so that those who use
// Contend's packages carry none of its dependencies.
package main

import (
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/lockbench"
	"github.com/contend-go/contend/bench/lockbench/lease"
	"github.com/contend-go/contend/cmd/commands"
	"github.com/contend-go/contend/cmd/contend-locks/bolt"
	"github.com/contend-go/contend/cmd/contend-locks/dynamo"
	"github.com/contend-go/contend/cmd/contend-locks/etcd"
	"github.com/contend-go/contend/cmd/contend-locks/jgroups"
	"github.com/contend-go/contend/cmd/contend-locks/memcached"
	"github.com/contend-go/contend/cmd/contend-locks/merge"
	"github.com/contend-go/contend/cmd/contend-locks/nats"
	"github.com/contend-go/contend/cmd/contend-locks/owner"
	"github.com/contend-go/contend/cmd/contend-locks/postgres"
	"github.com/contend-go/contend/cmd/contend-locks/raft"
	"github.com/contend-go/contend/cmd/contend-locks/redis"
	"github.com/contend-go/contend/cmd/contend-locks/sqlite"
	"github.com/contend-go/contend/cmd/contend-locks/zk"
)

// services is the one list of them.
func services() []lockbench.Service {
	return []lockbench.Service{
		lease.Service(), bolt.Service(), memcached.Service(), redis.Service(), redis.Redsync(1), redis.Redsync(5), redis.Mini(), etcd.One(), etcd.Three(), zk.Service(), nats.Service(), nats.Log(nats.Never), nats.Log(nats.Interval), nats.Log(nats.Always), nats.Queue(), nats.Unbounded(), nats.Bounded(),
		raft.Service(), raft.Leased(), raft.Log(), owner.Service(), jgroups.Service(), dynamo.Service(), sqlite.Service(),
		postgres.Advisory(), postgres.Row(), postgres.Table(), postgres.Lease(), postgres.Cycle(), postgres.CycleLocked(), postgres.Insert(), postgres.Queue(), postgres.TwoPhase(), postgres.Saga(), postgres.Idempotent(),
		merge.Service(),
		lease.Null(), lease.None(),
	}
}

// locks is the family of all of them.
func locks() family.Family {
	return lockbench.Family(services(), lockbench.Quick{
		Services: []string{"lease", "miniredis", "none"},
		Faults:   []string{lockbench.NoFault, "pause-holder", "lose-memory"},
	})
}

// families is the one list of what sweeps measure, the default first.
func families() []family.Family {
	l := locks()
	return []family.Family{l, studied(l)}
}

func main() { commands.Main(families()...) }
