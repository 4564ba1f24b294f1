#!/usr/bin/env bash
# Downloads the samples of a run, renders them, and posts the comment or updates it.
#
# Environment: CONTEND (the program), GH_TOKEN, REPO, RUN, SHA, OWNER, BRANCH (of the
# event), ARTIFACT, SAMPLES, FLAGS.
set -euo pipefail

marker='<!-- contend-compare -->'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/artifact"
gh run download "$RUN" --repo "$REPO" --name "$ARTIFACT" --dir "$work/artifact" || { echo 'no comparison to post'; exit 0; }
samples="$work/artifact/$SAMPLES"
[ -f "$samples" ] && [ ! -L "$samples" ] || { echo 'no samples to compare'; exit 0; }
read -ra flags <<<"$FLAGS"
status=0
timeout 300 "$CONTEND" compare --format markdown "${flags[@]}" "$samples" >"$work/comparison.md" || status=$?
[ "$status" -le 1 ] || [ "$status" = 3 ] || { echo 'the samples cannot be compared'; exit 0; }
number=$(gh api --method GET "repos/$REPO/pulls" -f state=open -f "head=$OWNER:$BRANCH" |
	jq -r --arg sha "$SHA" 'map(select(.head.sha == $sha)) | .[0].number // empty')
[ -n "$number" ] || { echo 'the pull request has moved on'; exit 0; }
{ echo "$marker"; head -c 60000 "$work/comparison.md"; } >"$work/body.md"
old=$(gh api --paginate "repos/$REPO/issues/$number/comments" |
	jq -rs --arg marker "$marker" 'add // [] | map(select(.user.login == "github-actions[bot]" and (.body | startswith($marker)))) | .[0].id // empty')
if [ -n "$old" ]; then
	jq -Rs '{body: .}' "$work/body.md" | gh api --method PATCH "repos/$REPO/issues/comments/$old" --input - >/dev/null
else
	jq -Rs '{body: .}' "$work/body.md" | gh api "repos/$REPO/issues/$number/comments" --input - >/dev/null
fi
