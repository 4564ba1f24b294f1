#!/usr/bin/env bash
# Has HEAD become slower than BASE? Builds both commits, measures the cells of
# both side by side in the same random blocks, and compares throughput and CPU
# time per operation: neighbours on the machine disturb the second far less.
#
#   scripts/pr-compare.sh BASE [HEAD] [sweep flags…] [-- compare flags…]
#   scripts/pr-compare.sh origin/main
#   scripts/pr-compare.sh v1.2.0 HEAD --backend ring --procs 1-8 -- --unit ops/s,ctxsw/op
#
# Exit code: 1 a regression, 2 wrong usage or a commit that does not build, 3
# cells that could not be measured, 0 otherwise.
# Environment:
#   CONTEND_OUT   folder for the run, comparison.txt, .md, .json and .csv (contend-pr);
#                 a run of the same two builds in it is continued
#   CONTEND_TAGS  build tags for HEAD's side; contend_slow plants a slowdown
set -euo pipefail

usage() { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage
base=$1; shift
head=HEAD
if [ $# -ge 1 ] && [ "${1#-}" = "$1" ]; then head=$1; shift; fi
sweep=() compare=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do sweep+=("$1"); shift; done
[ $# -gt 0 ] && { shift; compare=("$@"); }

here=$(git rev-parse --show-toplevel 2>/dev/null || true)
house=$(git -C "$(dirname "$0")/.." rev-parse --show-toplevel)
if [ -n "$here" ] && [ "$here" != "$house" ]; then
	echo "pr-compare: this measures Contend's own caches, and you stand in $here: for your benchmarks, contend test ./... --against $base" >&2
	exit 2
fi

out=$(mkdir -p "${CONTEND_OUT:-contend-pr}" && cd "${CONTEND_OUT:-contend-pr}" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
cleanup() {
	for side in base head; do git worktree remove --force "$work/$side" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

# Without paths and version stamps, two builds of the same code are one and the
# same file.
build() { # side commit tags
	git rev-parse --quiet --verify "$2^{commit}" >/dev/null || { echo "pr-compare: no commit $2 here; git fetch it first" >&2; exit 2; }
	git worktree add --quiet --detach "$work/$1" "$2"
	(cd "$work/$1" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags "$3" -o "$out/contend-$1" ./cmd/contend) ||
		{ echo "pr-compare: $2 does not build" >&2; exit 2; }
}
build base "$base" ''
build head "$head" "${CONTEND_TAGS:-}"

# Twenty blocks find a slowdown of 5% under noise of 2% among 200 cells. A flag
# that is given takes the place of the one here.
defaults=(--backend=mutexlru,stripedlru,s3fifo,ring --workload=zipf --reads=90 --keys=16K --sharing=all
	--procs=1,2 --time=100ms --count=20)
for flag in "${defaults[@]}"; do
	case " ${sweep[*]-} " in
	*" ${flag%%=*} "* | *" ${flag%%=*}="*) ;;
	*) sweep+=("$flag") ;;
	esac
done
case " ${compare[*]-} " in
*' --unit '* | *' --unit='*) ;;
*) compare+=(--unit=ops/s,cpu-ns/op) ;;
esac
status=0
"$out/contend-head" sweep --variant base="$out/contend-base" --variant head="$out/contend-head" --out "$out/run" "${sweep[@]}" || status=$?
[ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"

verdict=0
for format in text:txt markdown:md json:json csv:csv; do
	verdict=0
	"$out/contend-head" compare "$out/run" --format "${format%:*}" "${compare[@]}" >"$out/comparison.${format#*:}" || verdict=$?
	[ "$verdict" != 2 ] || exit 2
done
cat "$out/comparison.txt"
[ "$verdict" != 0 ] || verdict=$status
exit "$verdict"
