#!/usr/bin/env bash
# remote-sweep.sh HOST BUNDLE.tar.gz [FLAGS]: measure on another host.
#
# Copies a bundle of `contend pack` to HOST over ssh, runs it there, and brings
# the run folder back, as ./contend-run-HOST. FLAGS are added to the bundle's:
# --procs 1-32. HOST needs sh and tar, nothing else. Interrupted, the same
# command continues where it was; when all is fetched, HOST is left clean.
#
# CONTEND_SSH is the ssh command (default ssh): CONTEND_SSH="ssh -p 2222".
set -euo pipefail

if [ $# -lt 2 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
host=$1 bundle=$2
shift 2
[ -f "$bundle" ] || { echo "remote-sweep.sh: $bundle: no such file: make it with contend pack" >&2; exit 2; }
read -ra ssh <<<"${CONTEND_SSH:-ssh}"

name=$(basename "$bundle"); name=${name%.gz}; name=${name%.tar}
hash=$(sha256sum "$bundle" | cut -c1-12)
dir=.contend-$hash            # the same bundle continues in the same folder
out=contend-run-${host##*@}   # without the user's name
flags=''
for f in "$@"; do flags+=" $(printf %q "$f")"; done

on_host() { "${ssh[@]}" "$host" "$1"; }

on_host "mkdir -p $dir && cat >$dir/bundle.part && mv $dir/bundle.part $dir/bundle.tar.gz && cd $dir && tar xzf bundle.tar.gz" <"$bundle"
status=0
on_host "cd $dir && sh ./$(printf %q "$name")/run.sh --out run$flags" </dev/null || status=$?
if [ "$status" -eq 255 ]; then # ssh's own
  echo "remote-sweep.sh: the connection to $host broke: run the same command again to continue" >&2
  exit 255
fi
if ! on_host "cat $dir/run.tar.gz" >"$out.tar.gz" </dev/null 2>/dev/null; then
  rm -f "$out.tar.gz"
  echo "remote-sweep.sh: $host measured nothing (exit $status)" >&2
  exit "$status"
fi
rm -rf "$out" "$out.part" && mkdir "$out.part"
tar xzf "$out.tar.gz" -C "$out.part" && mv "$out.part/run" "$out" && rmdir "$out.part" && rm "$out.tar.gz"
if [ "$status" -eq 0 ]; then on_host "rm -rf $dir" </dev/null; fi
echo "$out"
exit "$status"
