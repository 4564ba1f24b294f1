#!/usr/bin/env bash
# bench-decode.sh [rounds]: how fast traces are accounted, against a loop over
# golang.org/x/exp/trace that only counts state transitions, with one CPU and with two.
# It records contended sweeps of about 100 MB and 500 MB, and interleaves the runs.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

go test -c -o "$dir/account.test" ./traces/account
record() { # file seconds
	CONTEND_TEST_PROGRAM=sweep CONTEND_TEST_OUTPUT="$1" CONTEND_TEST_SECONDS="$2" "$dir/account.test"
}
record "$dir/probe" 1.2
rate=$(stat -c %s "$dir/probe")
for mb in 100 500; do
	record "$dir/$mb" "$(awk "BEGIN { print $mb * 1.2e6 / $rate }")"
done

for mb in 100 500; do
	export CONTEND_BENCH_TRACE="$dir/$mb"
	echo "trace of $(($(stat -c %s "$CONTEND_BENCH_TRACE") / 1000000)) MB"
	for cpu in 1 2; do
		for _ in $(seq "$rounds"); do
			for name in CountOnly Account; do
				# MB/s and peak MB
				"$dir/account.test" -test.run='^$' -test.bench="^Benchmark$name\$" -test.benchtime=1x -test.cpu=$cpu |
					awk -v n="$name" '/^Benchmark/ { for (i = 2; i < NF; i++) { if ($(i+1) == "MB/s") s = $i; if ($(i+1) == "peak-MB") p = $i } print n, s, p }'
			done
		done | awk -v cpu="$cpu" '
			$1 == "CountOnly" { x = $2 }
			$1 == "Account" { r[++n] = $2 / x; v[n] = $2; if ($3 > peak) peak = $3 }
			END {
				asort_n(r, n); asort_n(v, n)
				printf "  GOMAXPROCS=%d: %.1f× as fast (%.1f to %.1f in %d pairs), %.0f MB/s, peak %.0f MB\n", cpu, r[int((n+1)/2)], r[1], r[n], n, v[int((n+1)/2)], peak
			}
			function asort_n(a, n,   i, j, t) { for (i = 2; i <= n; i++) { t = a[i]; for (j = i - 1; j > 0 && a[j] > t; j--) a[j+1] = a[j]; a[j+1] = t } }'
	done
done
