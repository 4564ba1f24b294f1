#!/usr/bin/env bash
# Install what the tests need and run all of them. Works on a bare machine with
# Go; as root on Debian or Ubuntu it installs a browser for the page's tests and
# an ssh server and Slurm for those of remote sweeps and fleets, lock servers (one of them by npm),
# and qemu for other architectures.
# Elsewhere they say that they were skipped.
#
#   scripts/test.sh            everything
#   scripts/test.sh --quick    without the race detector, stress and fuzzing
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=1

quick=no
[ "${1:-}" = --quick ] && quick=yes

step() { printf '\n== %s (after %d s)\n' "$*" "$SECONDS"; }

browser() {
	command -v chromium || command -v chromium-browser || command -v google-chrome
}
missing=()
browser >/dev/null 2>&1 || missing+=(chromium)
PATH=$PATH:/usr/sbin command -v sshd >/dev/null || missing+=(openssh-server)
# Locks' servers, by Debian's package, and a file that it brings where there is no program of that name on PATH.
servers=(memcached redis-server postgresql zookeeper libjgroups-java default-jdk-headless)
there() {
	case $1 in
	postgresql) command -v postgres || ls /usr/lib/postgresql/*/bin/postgres ;;
	zookeeper) ls /usr/share/java/zookeeper.jar ;;
	libjgroups-java) ls /usr/share/java/jgroups.jar ;;
	default-jdk-headless) command -v javac ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}
for server in "${servers[@]}"; do
	there "$server" || missing+=("$server")
done
there strace || missing+=(strace) # counts what a log syncs
[ "$quick" = yes ] || command -v qemu-i386-static >/dev/null || missing+=(qemu-user-static)
for program in slurmctld slurmd sbatch:slurm-client munged:munge; do
	PATH=$PATH:/usr/sbin command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		step "install ${missing[*]}"
		# RUNLEVEL=1: the tests start a server of their own, the system none.
		{ apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"; } >/dev/null 2>&1 ||
			echo "could not be installed: ${missing[*]}: their tests will be skipped"
	else
		echo "not here: ${missing[*]}: their tests will be skipped"
	fi
fi
# Debian's npm would bring hundreds of packages: it is used where it is there.
if ! command -v dynalite >/dev/null && command -v npm >/dev/null && [ "$(id -u)" = 0 ]; then
	step 'install dynalite'
	npm install -g --no-audit --no-fund dynalite@4.0.0 >/dev/null 2>&1 || true
fi
command -v dynalite >/dev/null || echo 'not here: dynalite: the tests of leases in a conditional store will be skipped'
command -v gcc >/dev/null || { CGO_ENABLED=0; echo 'no C compiler here: no race detector'; }

# contend test builds with whatever toolchain a module asks for, from Go 1.18 on.
for version in go1.18.10 go1.21.13 go1.24.13; do
	GOTOOLCHAIN=$version go version >/dev/null 2>&1 || echo "could not be fetched: $version: its tests will be skipped"
done

step 'format'
unformatted=$(gofmt -l $(git ls-files '*.go'))
[ -z "$unformatted" ] || { echo "gofmt would change: $unformatted"; exit 1; }

for server in "${servers[@]}"; do
	if ! there "$server"; then
		echo "not tested, for want of what is not here: locks of $server"
		[ "${CI:-}" != true ] || { echo 'in continuous integration that is an error'; exit 1; }
	fi
done

step 'in the background the tests of contend-locks, a module of its own, which mostly wait'
log=$(mktemp) locks=$(mktemp)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -f "$log" "$locks"' EXIT
(cd cmd/contend-locks && exec go test -timeout 30m ./...) >"$locks" 2>&1 &
tested=$!

step 'vet, staticcheck, other systems'
go vet ./...
go tool staticcheck ./...
(cd cmd/contend-locks && go vet ./... && go mod tidy -diff)
(cd bench/load/peer && go vet . && go mod tidy -diff)
GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build ./...
GOARCH=386 CGO_ENABLED=0 go vet ./caches/ring ./caches/mpmc
GOARCH=arm CGO_ENABLED=0 go vet ./caches/ring ./caches/mpmc

step 'tests'
# Verbose, so that what was skipped is known; of it only the verdicts are printed.
if go test -v -timeout 30m ./... >"$log" 2>&1; then
	grep -E '^(ok|FAIL)' "$log"
else
	# What the packages that failed printed, and the failures once more at the end.
	awk '/^ *(=== |--- PASS)/ {next} /^(ok|\?) / || /^(ok|\?)\t/ {print; kept = ""; next} {kept = kept $0 "\n"} /^FAIL\t/ {printf "%s", kept; kept = ""}' "$log"
	printf '\nfailed:\n'
	grep -E '^ *--- FAIL|^FAIL	|^panic:|^fatal error:' "$log"
	exit 1
fi
# Tests of promises that a backend does not make are no tests left out.
grep -E '^ *--- SKIP' "$log" | grep -vE 'TestConformance/|TestMyCache/' || true
lacking=$(grep -E '_test\.go:[0-9]+: .*([Nn]o Chromium found|no sshd here|no ssh keys|sshd does not start|no session on the local sshd|no Slurm here|no git here|no toolchain go[0-9.]+ here)' "$log" || true)
if [ -n "$lacking" ]; then
	printf 'not tested, for want of what is not here:\n%s\n' "$lacking"
	[ "${CI:-}" != true ] || { echo 'in continuous integration that is an error'; exit 1; }
fi

if ! wait $tested; then
	cat "$locks"
	exit 1
fi
grep -v 'no test files' "$locks"

if [ "$quick" = no ]; then
	step "a fleet's manifest, as Kubernetes validates it and its Job controller follows it"
	(cd bench/fleet/kubetest && go test ./...)
fi

if [ "$quick" = no ] && [ "$CGO_ENABLED" = 1 ]; then
	step 'tests, race detector'
	# cmd only binds flags, and what it starts is tested here in its own package; statistics and
	# drawing (report/...) have no goroutines. To build all services for the detector takes minutes: that
	# is done by hand, see CONTRIBUTING.md.
	go test -race -short -timeout 30m $(go list ./... | grep -vE '/cmd/|/report')
fi

if [ "$quick" = no ]; then
	step 'the lock-free ring with assertions and injected yields: every interleaving, conformance, stress'
	go test -tags invariants -short -count=1 -timeout 30m ./caches/mpmc
	go test -tags invariants -short -count=1 -timeout 30m -run 'Interleaving|Conformance|Linearizable|Stress' ./caches/ring -stress 20s -linear 50000

	if command -v qemu-i386-static >/dev/null; then
		step 'the ring on 32 bits and on arm64, emulated'
		scripts/test-emulated.sh --quick 386 arm arm64
	else
		echo 'no qemu-user-static here: the ring is not tested on 32 bits'
	fi

	step 'the trace decoder, fuzzed for half a minute'
	go test -run '^$' -fuzz '^FuzzRead$' -fuzztime 30s -fuzzminimizetime 10x ./traces/account
fi

echo
echo 'all tests passed'
