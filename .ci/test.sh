#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything `make test` stands for; with `extended` as its argument, the slow tests too.
# All parts run even when one fails; the last line adds them up.
set -u
cd "$(dirname "$0")/.."
jobs=${JOBS:-2}
results=build/results
rm -rf "$results"
mkdir -p "$results"
failed=""

part() { # NAME COMMAND...
  name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed="$failed $name"
}

if [ "${1:-}" = extended ]; then
  labels=""
  marks="extended or not extended"
else
  labels="--label-exclude extended"
  marks="not extended"
fi

cpp() { # PRESET
  # shellcheck disable=SC2086 # options
  cmake --preset "$1" >"$results/$1-configure.log" 2>&1 || { cat "$results/$1-configure.log"; return 1; }
  cmake --build --preset "$1" || return 1
  ctest --preset "$1" --parallel "$jobs" $labels --output-junit "$PWD/$results/$1.xml"
}

part dev cpp dev
part lint .ci/lint.sh # reads the compile commands of dev
part asan cpp asan
part tsan cpp tsan
# The nn~ of this build, also where `make pd` has made another since: only this one has the net.
export NNBRIDGE_PD="$PWD/build/dev/nn~"
part python python -m pytest -q -m "$marks" --junitxml "$results/python.xml"

python .ci/tally.py "$results" $failed
