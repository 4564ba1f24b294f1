#!/usr/bin/env bash
# Fuzz every target there is, each for the given time.
#
#   scripts/fuzz.sh [10m]
#
# A find is a file below the target's testdata/fuzz: mend the fault, and commit it.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-1m}
git ls-files '*_test.go' | xargs grep -H '^func Fuzz' | sed -E 's/^(.*)\/[^/]*:func (Fuzz[A-Za-z0-9_]*).*/\1 \2/' | sort -u |
	while read -r dir target; do
		printf '\n== %s %s\n' "$dir" "$target"
		# Minimising is bounded: it can take the whole time for one input.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "./$dir"
	done
