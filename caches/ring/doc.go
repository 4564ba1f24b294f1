// Package ring is a bounded cache with S3-FIFO eviction on ring buffers, built
// so that reading and overwriting share nothing but what they are about.
//
//	       Cache: kind of keys, secrets, address of the index   (1 line, never written)
//	                                  │
//	  key ──► words, hash ────────────┤
//	                                  ▼
//	index   ┌──────┬──────┬──────┬─ bucket, 64 bytes ─┬──────┬──────┬──────┐
//	        │ tags │ slot │ slot │ slot │ slot │ slot │ slot │ slot │   …  │
//	        └──────┴──────┴───┬──┴──────┴──────┴──────┴──────┴──────┴──────┘
//	                          ▼
//	entry   ┌───────┬──────┬───────┬──────┬───────────────────────┬──────┬─────┐
//	64 bytes│ value │ hits │ place │ hash │ key, up to 24 bytes   │ size │ ref │
//	        └───────┴──────┴───┬───┴──────┴───────────────────────┴──────┴──┬──┘
//	           ▲               │                          longer keys, boxes ▼
//	           │               ▼
//	shard   small ring  [ … │ e │ e │ e │ … ]  ─ two hits ─►  main ring  [ e │ e │ … ]
//	                       │                                     ▲    │    └─ hit ─┘
//	                       └─ ghost: fingerprints of keys ─ seen again ┘    └─► out
//
// # Algorithm
//
// S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, SOSP 2023), in the order of steps
// of its authors' simulator: a new key enters the small queue, a tenth of the
// capacity; a hit raises a counter to at most 3 and moves nothing. To make
// room, the oldest of small goes to main if it was hit twice, and out
// otherwise, leaving a fingerprint in the ghost; a key that the ghost
// remembers enters main. Main, once above its nine tenths, puts its oldest
// back with one hit less, or out if it has none.
//
// # What is lock-free, and what is briefly exclusive
//
//   - Get, and any call that does not find its key in order to do nothing, is
//     wait-free: it loads the index and an entry, and retries nothing. The
//     first three reads of an entry store its counter; later ones write
//     nothing.
//   - Set and Update of a key that is there are lock-free: one atomic store, or
//     a compare-and-swap that fails only when another write succeeded.
//   - A new key sets the busy bit of its home bucket for some ten
//     instructions, which makes it the only one to insert that key. It then
//     locks its shard's queues, to append itself and to take out a victim. The
//     victim leaves the index under the busy bit of its own bucket. The two
//     are never held together. Who finds the busy bit set tries again for a
//     short while, then yields its CPU; the shard's lock is a [sync.Mutex],
//     tried for a short while first.
//   - Delete of a key that is there does the same, the other way round.
//
// Queues are not lock-free because that would cost more. A ring with an
// atomic head and tail makes an insert at capacity write the lines of tail,
// head, count and ghost clock with one atomic instruction each, and an insert
// that is descheduled between taking a slot and filling it holds up those that
// reach the slot all the same. A short lock writes one line.
//
// # Why it is linearizable
//
// Entries are immutable but for their value, and are never reused: whoever
// holds one holds that key. A store to an entry that has left the index comes
// from a call that found it there, so that call overlaps the removal and takes
// effect just before it. An entry is in the index before it is in a queue and
// leaves the queue before the index; so entries in queues have different keys,
// and while all keys fit, nothing is evicted.
//
// # Many CPUs
//
// No line is written by every insert. A bucket belongs to two or three entries,
// and queues are split into shards, by hash. Splitting moves the hit ratio, so
// small capacities have one shard; see [Shards]. Shards lend each other room:
// entries are evicted only when the whole cache is full.
package ring
