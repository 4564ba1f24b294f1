#!/usr/bin/env bash
# Stress caches/ring: random operations from up to 64 goroutines at GOMAXPROCS
# 32, with assertions on, first plainly and then under the race detector.
#
#   scripts/stress-ring.sh [SECONDS]     in all; default 600
set -euo pipefail
cd "$(dirname "$0")/.."
each=$((${1:-600} / 2))

for flags in "" "-race"; do
	printf '\n== stress %s for %s s\n' "$flags" "$each"
	# shellcheck disable=SC2086
	go test $flags -tags invariants -count=1 -timeout "$((each + 300))s" -v \
		-run '^TestStress$' ./caches/ring -stress "${each}s"
done
