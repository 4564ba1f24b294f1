#!/usr/bin/env bash
# Measures the benchmarks of the module in this folder against a revision, and
# writes the job's summary, annotations and outputs. action.yml runs it; it needs
# nothing of GitHub but files to write to.
#
# Environment: CONTEND the program, FOLDER where run/, comparison.md and junit.xml go;
# PACKAGES, BENCH, AGAINST, BUDGET, ARGUMENTS as in action.yml;
# GITHUB_STEP_SUMMARY and GITHUB_OUTPUT.
set -uo pipefail

mkdir -p "$FOLDER"
log=$FOLDER/log.txt comparison=$FOLDER/comparison.md
# Packages and arguments are several words each.
# shellcheck disable=SC2086
"$CONTEND" test $PACKAGES --bench "$BENCH" --against "$AGAINST" --budget "$BUDGET" --out "$FOLDER/run" $ARGUMENTS 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

if ! "$CONTEND" compare --format markdown "$FOLDER/run" >"$comparison" 2>/dev/null && [ ! -s "$comparison" ]; then
	# Nothing was measured: the end of the log says why. Four spaces make it a
	# block that no text in it can end.
	{ echo '### Nothing was compared'; echo; tail -n 30 "$log" | sed 's/^/    /'; } >"$comparison"
	[ "$status" = 1 ] && echo '::error title=contend::benchmarks are lost, see the log'
else
	"$CONTEND" compare --format github "$FOLDER/run" 2>/dev/null || true
	"$CONTEND" compare --format junit "$FOLDER/run" >"$FOLDER/junit.xml" 2>/dev/null || true
fi
cat "$comparison" >>"$GITHUB_STEP_SUMMARY"

case $status in
0) verdict=passed ;;
1) verdict=failed ;;
3) verdict=undecided status=0 ;;
*) verdict=broken ;;
esac
{ echo "verdict=$verdict"; echo "folder=$FOLDER"; } >>"$GITHUB_OUTPUT"
exit "$status"
