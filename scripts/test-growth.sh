#!/usr/bin/env bash
# Tests that `contend test --trace cells` explains CPU time per operation that grows
# with GOMAXPROCS: of false sharing, a compare-and-swap loop and a read lock it must
# name the planted function or say that the CPUs were not ours alone, and of loads
# that share nothing it must never find a growth.
#
#   scripts/test-growth.sh [COUNT]    COUNT runs, 1 by default
#
# Each takes about 40 seconds on two CPUs, which should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-1}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go build -o "$out/contend" ./cmd/contend
mkdir "$out/shared" && cd "$out/shared"
cat >go.mod <<EOF
module example.com/shared

go 1.24
EOF
cat >shared_test.go <<EOF
package shared

import (
	"sync"
	"sync/atomic"
	"testing"
)

type counters struct{ a, b atomic.Int64 }

func BenchmarkFalseSharing(b *testing.B) {
	var c counters
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		mine := &c.a
		if next.Add(1)%2 == 0 {
			mine = &c.b
		}
		for pb.Next() {
			mine.Add(1)
		}
	})
}

func BenchmarkCAS(b *testing.B) {
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			for old := n.Load(); !n.CompareAndSwap(old, old+1); old = n.Load() {
			}
		}
	})
}

func BenchmarkReadLock(b *testing.B) {
	var mu sync.RWMutex
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.RLock()
			mu.RUnlock()
		}
	})
}

var sink atomic.Uint64

func BenchmarkPure(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		x := uint64(1)
		for pb.Next() {
			for range 20 {
				x = x*6364136223846793005 + 1442695040888963407
			}
		}
		sink.Store(x)
	})
}

func BenchmarkPrivateMap(b *testing.B) {
	b.RunParallel(func(pb *testing.PB) {
		m := map[uint64]uint64{}
		for i := uint64(0); pb.Next(); i++ {
			m[i%1024] += i
		}
	})
}
EOF

failed=0
declare -A found untold
for ((run = 1; run <= count; run++)); do
	"$out/contend" test . --procs 1,2 --count 1 --time 300ms --trace cells --trace-count 3 --out "$out/run$run" >/dev/null 2>"$out/run$run.err" || { cat "$out/run$run.err" >&2; exit 1; }
	"$out/contend" report --markdown "$out/run$run" >"$out/run$run.md"
	for planted in FalseSharing CAS ReadLock; do
		if grep -A1 "^- $planted/.*: the same operation takes" "$out/run$run.md" | grep -q "Benchmark$planted"; then
			found[$planted]=$((${found[$planted]:-0} + 1))
		elif grep -q "$planted.*cannot be told" "$out/run$run.md"; then
			untold[$planted]=$((${untold[$planted]:-0} + 1))
		else
			echo "run $run: $planted is neither found nor said to be unknown" >&2
			failed=1
		fi
	done
	for innocent in Pure PrivateMap; do
		if grep -q "^- $innocent/.*: the same operation takes" "$out/run$run.md"; then
			echo "run $run: $innocent shares nothing, and yet:" >&2
			grep -A3 "^- $innocent/" "$out/run$run.md" >&2
			failed=1
		fi
	done
done
for planted in FalseSharing CAS ReadLock; do
	echo "$planted: named in ${found[$planted]:-0} of $count runs, cannot tell in ${untold[$planted]:-0}"
done
exit $failed
