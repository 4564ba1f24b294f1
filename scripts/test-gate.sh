#!/usr/bin/env bash
# Tests the pull-request gate on real builds of this repository: a slowdown
# planted in a real backend must turn scripts/pr-compare.sh red, and a commit
# against itself must stay green, but for the false alarms that the gate allows.
#
#   scripts/test-gate.sh [COUNT] [sweep flags…]     COUNT self-comparisons, 1 by default
#
# Each takes about two minutes with the flags of pr-compare.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
count=1
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then count=$1; shift; fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gate() { # name tags flags…: runs the gate and sets verdict
	local name=$1 tags=$2
	shift 2
	verdict=0
	CONTEND_OUT=$out/$name CONTEND_TAGS=$tags scripts/pr-compare.sh HEAD HEAD "$@" >"$out/$name.txt" 2>"$out/$name.err" || verdict=$?
	sed -n 2p "$out/$name.txt" # the first line is the report's path
	case $verdict in 0 | 1) ;; *) echo "$name: exit $verdict" >&2; tail -20 "$out/$name.err" >&2; exit 1 ;; esac
}

echo '== a planted slowdown'
gate planted contend_slow "$@"
sed -n '/^worse/p' "$out/planted.txt"
[ "$verdict" = 1 ] || { echo 'the planted slowdown was not found' >&2; exit 1; }
if grep '^worse' "$out/planted.txt" | grep -qv mutexlru; then echo 'note: a backend without the slowdown is red too'; fi

echo "== the same commit against itself, $count times"
red=0
for i in $(seq "$count"); do
	gate "self$i" '' --seed "$i" "$@"
	red=$((red + verdict))
done
allowed=$((count * 3 / 20))
echo "$red of $count red; at most $allowed may be"
[ "$red" -le "$allowed" ]
