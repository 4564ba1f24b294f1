#!/usr/bin/env bash
# Posts the comparison of a run of gate.yml on its pull request, or updates the
# comment that is there. The workflows that call it say what the environment holds.
#
# Environment: GH_TOKEN, REPO, RUN, SHA, OWNER, BRANCH; CONTEND the program
# (./contend), ARTIFACT the name of the run's artifact (contend-gate), ARGUMENTS
# flags of contend compare.
set -euo pipefail

mkdir comparison
gh run download "$RUN" --repo "$REPO" --name "${ARTIFACT:-contend-gate}" --dir comparison || { echo 'no comparison to post'; exit 0; }
samples=comparison/run/samples.txt
[ -f "$samples" ] && [ ! -L "$samples" ] || { echo 'no samples to compare'; exit 0; }
status=0
# Arguments are several words.
# shellcheck disable=SC2086
timeout 300 "${CONTEND:-./contend}" compare --format markdown ${ARGUMENTS:-} "$samples" >comparison.md || status=$?
[ "$status" -le 1 ] || [ "$status" = 3 ] || { echo 'the samples cannot be compared'; exit 0; }
number=$(gh api --method GET "repos/$REPO/pulls" -f state=open -f "head=$OWNER:$BRANCH" |
	jq -r --arg sha "$SHA" 'map(select(.head.sha == $sha)) | .[0].number // empty')
[ -n "$number" ] || { echo 'the pull request has moved on'; exit 0; }
head -c 60000 comparison.md >body.md # it begins with the mark
old=$(gh api --paginate "repos/$REPO/issues/$number/comments" |
	jq -rs 'add // [] | map(select(.user.login == "github-actions[bot]" and (.body | startswith("<!-- contend-compare -->")))) | .[0].id // empty')
if [ -n "$old" ]; then
	jq -Rs '{body: .}' body.md | gh api --method PATCH "repos/$REPO/issues/comments/$old" --input - >/dev/null
else
	jq -Rs '{body: .}' body.md | gh api "repos/$REPO/issues/$number/comments" --input - >/dev/null
fi
