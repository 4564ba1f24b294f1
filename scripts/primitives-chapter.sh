#!/usr/bin/env bash
# Measures the rows of primitives and writes the figures into the tables of their
# chapter, bench/primitives/README.md. What is said beside the tables stays: read
# it again afterwards.
#
#   scripts/primitives-chapter.sh [sweep flags…]     six minutes on two idle CPUs
#
# The run folder is kept if CONTEND_OUT names one, and then a run that was
# interrupted is continued.
set -euo pipefail
cd "$(dirname "$0")/.."
chapter=bench/primitives/README.md
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run=${CONTEND_OUT:-$out/run}

go build -o "$out/contend" ./cmd/contend
"$out/contend" sweep --suite primitives --procs 1,2 --time 40ms --count 12 --out "$run" "$@"
"$out/contend" report --markdown --against padded,channel,plain,locked,new,mutex "$run" >"$out/tables.md"

# A table of the chapter is one whose header has ratios. Its lines are told by
# their first two cells; an empty first cell is that of the line above.
awk -F ' *[|] *' -v OFS=' | ' '
	NR == FNR { for (i = 4; i < NF; i++) figures[$2, $3] = figures[$2, $3] " " $i " |"; next }
	/^[|].*÷ first/ { table = 1 }
	!/^[|]/ { table = 0 }
	table && $2 != "" { row = $2 }
	table && (row, $3) in figures && !/÷ first/ { print "| " $2 " | " $3 " |" figures[row, $3]; next }
	{ print }
' "$out/tables.md" "$chapter" >"$out/chapter.md"
cp "$out/chapter.md" "$chapter"
git --no-pager diff --stat -- "$chapter"
