#!/usr/bin/env bash
# What the action does, step by step: measure, then the summary, the annotations at the
# benchmarks' lines, and the JUnit report. PACKAGES and FLAGS are lists of words.
#
# Environment: CONTEND (the program), PACKAGES, BASE, FLAGS, OUT (a folder for the run),
# GITHUB_STEP_SUMMARY, GITHUB_OUTPUT.
set -euo pipefail

read -ra packages <<<"$PACKAGES"
read -ra flags <<<"$FLAGS"
status=0
"$CONTEND" test "${packages[@]}" --against "$BASE" --out "$OUT" "${flags[@]}" --format markdown >"$OUT.md" || status=$?
echo "verdict=$status" >>"$GITHUB_OUTPUT"
if [ -s "$OUT.md" ]; then
	cat "$OUT.md" >>"$GITHUB_STEP_SUMMARY"
else
	echo 'There is no comparison: see the log.' >>"$GITHUB_STEP_SUMMARY"
fi
if [ -f "$OUT/samples.txt" ]; then
	"$CONTEND" compare --format github "$OUT" || true # the exit code is that of the run
	"$CONTEND" compare --format junit "$OUT" >"$OUT/junit.xml" 2>/dev/null || true
fi
exit "$status"
