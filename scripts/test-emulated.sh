#!/usr/bin/env bash
# Run the tests of caches, formats and decoder on another architecture, under
# qemu: other byte orders and word sizes show what a layout assumes.
#
#   scripts/test-emulated.sh ARCH…        such as arm64, s390x, ppc64le
#
# Needs qemu-user-static. Tests that start programs of the host are left out.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { sed -n '2,8s/^# \?//p' "$0"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for arch in "$@"; do
	case $arch in
	arm64) qemu=qemu-aarch64-static ;;
	*) qemu=qemu-$arch-static ;;
	esac
	command -v "$qemu" >/dev/null || { echo "$qemu is not here: install qemu-user-static" >&2; exit 2; }
	for package in caches/lru caches/mpmc caches/ring caches/s3fifo caches/mutexlru bench/sample traces/decode report/internal/derive; do
		printf '== %s on %s\n' "$package" "$arch"
		GOARCH=$arch CGO_ENABLED=0 go test -c -o "$dir/test" "./$package"
		(cd "$package" && "$qemu" "$dir/test" -test.short -test.timeout 10m)
	done
done
