#!/usr/bin/env bash
# Stress caches/ring at GOMAXPROCS 2, 8 and 64, with assertions on and other
# goroutines let in between the steps of its operations, first plainly and then
# under the race detector: random operations from up to 64 goroutines, and
# histories that must be linearizable.
#
#   scripts/stress-ring.sh [SECONDS [OPERATIONS]]
#
# SECONDS of random operations in all, by default 600; OPERATIONS explained at
# each GOMAXPROCS, by default a million.
set -euo pipefail
cd "$(dirname "$0")/.."
each=$((${1:-600} / 6))
operations=${2:-1000000}

for flags in "" "-race"; do
	for procs in 2 8 64; do
		printf '\n== GOMAXPROCS %s %s: %s s, %s operations\n' "$procs" "$flags" "$each" "$operations"
		# shellcheck disable=SC2086
		go test $flags -tags invariants -count=1 -timeout 2h -v -run '^(TestStress|TestLinearizable)$' \
			./caches/ring -procs "$procs" -stress "${each}s" -linear "$operations"
	done
done
