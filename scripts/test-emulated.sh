#!/usr/bin/env bash
# Run the tests of caches, formats and decoder on another architecture, under
# qemu: other byte orders and word sizes show what a layout assumes.
#
#   scripts/test-emulated.sh [--quick] ARCH…     such as arm64, s390x, ppc64le, 386, arm
#
# On 386 and arm only the caches: elsewhere an int is taken to have 64 bits.
# --quick runs the structural tests of caches/ring and caches/mpmc only.
#
# Needs qemu-user-static. Tests that start programs of the host are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

only=.
all='caches/lru caches/mpmc caches/ring caches/s3fifo caches/mutexlru bench/sample traces/decode report/internal/derive'
if [ "${1:-}" = --quick ]; then
	only='Marks|Parking|LongKeys|ShortKeys|OneP|AgainstReference|Collisions|Kinds|AllKeysFit|Lanes|PoorShard|SetKeepsItsKey|FirstFill|FitAfter|OneSetIsBounded|NewRefuses|Outrun|TryPush|Wrap|Capacity|Close'
	all='caches/mpmc caches/ring'
	shift
fi
[ $# -gt 0 ] || { sed -n '2,10s/^# \?//p' "$0"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for arch in "$@"; do
	packages=$all
	case $arch in
	arm64) qemu=qemu-aarch64-static ;;
	386) qemu=qemu-i386-static ;;
	*) qemu=qemu-$arch-static ;;
	esac
	case $arch in 386 | arm) packages=$(printf '%s\n' $all | grep ^caches/) ;; esac
	command -v "$qemu" >/dev/null || { echo "$qemu is not here: install qemu-user-static" >&2; exit 2; }
	for package in $packages; do
		printf '== %s on %s\n' "$package" "$arch"
		GOARCH=$arch CGO_ENABLED=0 go test -c -o "$dir/test" "./$package"
		(cd "$package" && GODEBUG=asyncpreemptoff=1 "$qemu" "$dir/test" -test.short -test.timeout 10m -test.run "$only") # qemu-user mishandles preemption signals
	done
done
