#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs Steinberg's validator, normal and extended, on a VST3 bundle: without a model, and with each one named.
set -euo pipefail
if [[ $# -lt 2 || ! -f "$1/public.sdk/samples/vst-hosting/validator/CMakeLists.txt" ]]; then
    echo "nnbridge: name a checkout of steinbergmedia/vst3sdk with its submodules:" \
        "make plugin-validate VST3_SDK_DIR=…" >&2
    exit 2
fi
sdk=$(realpath "$1") bundle=$(realpath "$2")
shift 2
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
build="$here/../../../build/validator"
cmake -S "$here" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVST3_SDK_DIR="$sdk" >/dev/null
cmake --build "$build" -j "${JOBS:-2}" >/dev/null
status=0
for model in "" "$@"; do
    for extended in "" -e; do
        log="$build/validator${extended}-$(basename "${model:-none}").log"
        NNBRIDGE_MODEL="$model" "$build/validator" $extended "$bundle" >"$log" 2>&1 || status=1
        echo "model ${model:-none}, ${extended:+extended, }$(grep Result "$log" || echo "no result: $log")"
    done
done
exit $status
