#!/bin/sh
# SPDX-License-Identifier: MIT
# Plays the main example of the help patch in Pd without a window: demo.sh NN_FOLDER OUT.wav
set -eu
folder=$(cd "$1" && pwd)
mkdir -p "$(dirname "$2")"
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
log=$(dirname "$out")/pd-demo.log
rm -f "$out"
timeout 60 pd -nogui -batch -noaudio -nomidi -noprefs -nrt -r 44100 -stderr -path "$folder" \
  -open "$folder/nn~-help.pd" -open "$(cd "$(dirname "$0")" && pwd)/demo.pd" \
  -send "nn-help-record open -bytes 4 $out" -send "nn-demo bang" >"$log" 2>&1 || true
if [ ! -s "$out" ]; then
  cat "$log" >&2
  echo "demo-pd: Pd wrote nothing; what it said is above" >&2
  exit 1
fi
grep '^nn~: ' "$log" || true
echo "$out: the loop of nn~-help.pd, through drive with more and more gain, as Pd played it"
