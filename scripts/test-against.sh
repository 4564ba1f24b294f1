#!/usr/bin/env bash
# Tests `contend test --against` with its default settings: in a repository whose
# last commit made a CPU-bound loop a tenth longer, the commit before must turn it
# red; the same commit must stay green, but for the false alarms that it allows.
#
#   scripts/test-against.sh [COUNT] [flags of contend test…]    COUNT self-comparisons, 1 by default
#
# Each takes about 40 seconds on two CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
count=1
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then count=$1; shift; fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go build -o "$out/contend" ./cmd/contend
mkdir "$out/sum" && cd "$out/sum"
cat >go.mod <<EOF
module example.com/sum

go 1.24
EOF
cat >sum.go <<EOF
package sum

func Sum() (s uint64) {
	for i := range uint64(10000) {
		s = s*31 ^ i
	}
	return s
}
EOF
cat >sum_test.go <<EOF
package sum

import "testing"

func BenchmarkSum(b *testing.B) {
	for b.Loop() {
		Sum()
	}
}
EOF
commit() { git add . && git -c user.name=test -c user.email=test@example.com commit --quiet --message "$1"; }
git init --quiet .
commit 'ten thousand'
sed -i.old 's/10000/11000/' sum.go && rm sum.go.old
commit 'a tenth more'

against() { # revision run flags…: sets verdict
	local revision=$1 run=$2
	shift 2
	verdict=0
	"$out/contend" test . --against "$revision" --out "$out/$run" "$@" >"$out/$run.txt" 2>"$out/$run.err" || verdict=$?
	case $verdict in 0 | 1) ;; *) echo "exit $verdict" >&2; tail -20 "$out/$run.err" >&2; exit 1 ;; esac
}

echo '== a tenth more work'
against HEAD~1 planted "$@"
sed '1d;/^$/q' "$out/planted.txt"
sed -n '/needs$/,/^$/p' "$out/planted.txt"
[ "$verdict" = 1 ] || { echo 'the planted slowdown was not found' >&2; exit 1; }

echo "== the same code, $count times"
red=0
for i in $(seq "$count"); do
	against HEAD "self$i" --seed "$i" "$@"
	sed -n '/needs$/,/^$/p' "$out/self$i.txt"
	red=$((red + verdict))
done
allowed=$((count * 3 / 20))
echo "$red of $count red; at most $allowed may be"
[ "$red" -le "$allowed" ]
