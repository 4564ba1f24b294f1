#!/usr/bin/env bash
# A/A: compares a build with itself, cell by cell, in interleaved blocks. At
# 95%, without correction, about 5 of 100 such comparisons should differ: more,
# and the harness or the test sees what is not there.
#
#   scripts/aa.sh [sweep flags…]      e.g. --count 20 or --seed 2; continues the run in CONTEND_OUT (contend-aa)
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CONTEND_OUT:-contend-aa}
mkdir -p "$out"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$out/contend" ./cmd/contend
"$out/contend" sweep --out "$out/run" --variant base=self --variant head=self \
	--backend mutexlru,stripedlru,s3fifo,ring,syncmap,xsyncmap --workload zipf,uniform,hot --reads 100,75,50 \
	--keys 1K --sharing all --procs 1,2 --time 50ms --count 10 "$@" >&2
"$out/contend" compare "$out/run" --format csv >"$out/comparison.csv" || [ $? = 1 ]
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
	$col["gated"] == "true" && $col["p"] != "" {
		all++; pairs = $col["n_old"]
		if ($col["p"] <= 0.05) differ++
		if ($col["p_holm"] <= 0.05) holm++
	}
	END {
		printf "%d comparisons of a build with itself, %d pairs each\n", all, pairs
		printf "%d differ at 95%%, where %.1f are expected by chance\n", differ, 0.05 * all
		printf "%d differ after Holm'"'"'s correction\n", holm
	}' "$out/comparison.csv"
