#!/usr/bin/env bash
# Measures the rows of primitives and writes the figures into the tables of their
# chapter, bench/primitives/README.md. What is said beside the tables stays: read
# it again afterwards.
#
#   scripts/primitives-chapter.sh [sweep flags…]     seven minutes on two idle CPUs
#
# The runs are kept if CONTEND_OUT names a folder for them, and then those that
# were interrupted are continued.
set -euo pipefail
cd "$(dirname "$0")/.."
chapter=bench/primitives/README.md
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
runs=${CONTEND_OUT:-$out/runs}

# Each row is a run of its own: so its blocks are short, and the cells that are
# divided by each other were measured within a second or two.
go build -o "$out/contend" ./cmd/contend
for row in $("$out/contend" list primitives | awk 'NR > 1 && NF { print $1 }'); do
	echo "== $row" >&2
	"$out/contend" sweep --suite primitives --row "$row" --procs 1,2 --time 40ms --count 12 --out "$runs/$row" "$@" >/dev/null
done
"$out/contend" report --by none --markdown --divide-by padded,plain,locked,new,mutex,channel "$runs"/* >"$out/tables.md"

# The findings stand before the table. A table of the chapter is one whose header has ratios. Its lines are told by
# their first two cells; an empty first cell is that of the line above.
awk -F ' *[|] *' '
	NR == FNR { if (/^[|]/ && ++n > 2) for (i = 4; i < NF; i++) figures[$2, $3] = figures[$2, $3] " " $i " |"; next }
	/^[|].*÷ first/ { table = 1 }
	!/^[|]/ { table = 0 }
	table && $2 != "" { row = $2 }
	table && (row, $3) in figures { print "| " $2 " | " $3 " |" figures[row, $3]; next }
	{ print }
' "$out/tables.md" "$chapter" >"$out/chapter.md"
cp "$out/chapter.md" "$chapter"
git --no-pager diff --stat -- "$chapter"
