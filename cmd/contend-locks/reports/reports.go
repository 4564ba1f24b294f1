// Package reports holds public bug reports of lock clients against the versions that
// are used here: each is a test that shows what was reported, or that it does not occur
// any more. A test that fails after an upgrade is good news, and a line to change.
//
//	etcd-io/etcd#22082              a stale Unlock deletes the session's newer lock    occurs
//	etcd-io/etcd#19597              a waiter whose session is gone waits on            occurs
//	go-redsync/redsync#72           Valid says true when the lock's time is over       occurs, documented: Until
//	go-redsync/redsync#140          Lock waits for servers that do not answer          occurs unless WithFailFast
//	bsm/redislock#79                no lock in time is an error of the context         occurs
//	openbao/openbao#2100            a renewal by upsert revives a lock that was lost   occurs; not if it compares
//	samuel/go-zookeeper#229         a create whose answer is lost locks itself out     does not occur
//	apache/curator#727, #1121       a holder whose session is over is told too late    occurs
//	awslabs/amazon-dynamodb-lock-client#62  nothing to refuse an old holder by         does not occur: tokens rise
package reports
