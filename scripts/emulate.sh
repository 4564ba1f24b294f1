#!/usr/bin/env bash
# Run the tests of caches/ring and caches/mpmc on architectures that this machine
# does not have: arm64, and 32 bits as arm and 386. They run under qemu's user
# emulation (Debian and Ubuntu: qemu-user-static); without it a message says what
# was left out. 386 needs none on amd64, nor does a machine's own.
#
#   scripts/emulate.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host=$(go env GOHOSTARCH)

# emulator prints the command that runs programs of an architecture here.
emulator() {
	case $1/$host in
	"$host/$host" | 386/amd64) echo env ;;
	arm64/*) command -v qemu-aarch64-static || command -v qemu-aarch64 ;;
	arm/*) command -v qemu-arm-static || command -v qemu-arm ;;
	386/*) command -v qemu-i386-static || command -v qemu-i386 ;;
	esac
}

for arch in arm64 arm 386; do
	if ! run=$(emulator "$arch"); then
		echo "no qemu here for $arch: its tests were not run (install qemu-user-static)"
		continue
	fi
	for pkg in ring mpmc; do
		GOARCH=$arch go test -c -tags invariants -o "$work/$pkg.$arch" "./caches/$pkg"
		echo "-- $pkg on $arch"
		# asyncpreemptoff: qemu's user mode loses the signals of preemption.
		(cd "caches/$pkg" && GODEBUG=asyncpreemptoff=1 "$run" "$work/$pkg.$arch" -test.short -test.timeout 10m \
			-test.run '^Test(Conformance|Stress|Kinds|FirstFill|NewRefuses|GhostWraps|OneSetIsBounded|Capacity|AgainstReference|Outrun|TryPush|Close)')
	done
done
