#!/usr/bin/env bash
# The harness's own cost: the null backend's ns/op at GOMAXPROCS=1, allocations,
# and per goroutine at GOMAXPROCS=2, paired by block. Run it on an idle machine.
#
#   scripts/floor.sh [BLOCKS]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/contend" ./cmd/contend
"$dir/contend" sweep --backend null --procs 1,2 --sharing all --count "${1:-12}" --out "$dir/run" >/dev/null 2>&1
awk '
	/^# sample / { for (i = 3; i <= NF; i++) if ($i ~ /^block=/) block = substr($i, 7) }
	/^Benchmark/ {
		p = $1; sub(/.*gomaxprocs=/, "", p)
		for (i = 3; i < NF; i += 2) { if ($(i+1) == "ns/op") ns[p, block] = $i; if ($(i+1) == "allocs/op") allocs += $i }
		n[p]++
	}
	function median(a, k,   i, j, t) {
		for (i = 2; i <= k; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
		return k % 2 ? a[(k+1)/2] : (a[k/2] + a[k/2+1]) / 2
	}
	END {
		for (b = 0; b < n[1]; b++) { one[b+1] = ns[1, b]; ratio[b+1] = 2 * ns[2, b] / ns[1, b] }
		k = n[1]
		m1 = median(one, k); mr = median(ratio, k)
		printf "null, GOMAXPROCS=1: median %.2f ns/op (%.2f to %.2f), n=%d\n", m1, one[1], one[k], k
		printf "per goroutine at 2 ÷ at 1, paired: median %.3f (%.3f to %.3f)\n", mr, ratio[1], ratio[k]
		printf "allocations: %.5f per operation\n", allocs / (2 * k)
	}' "$dir/run/samples.txt"
