#!/bin/sh
# SPDX-License-Identifier: MIT
# Syntax check of every source here with Max's own headers: check.sh <max-sdk-base>
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sdk=${1:?check.sh needs the folder of max-sdk-base, which holds c74support}
[ -f "$sdk/c74support/max-includes/ext.h" ] || {
  echo "$sdk holds no c74support/max-includes: give the folder of max-sdk-base." >&2
  exit 1
}
expected=${NNBRIDGE_EXPECTED:-}
for source in "$here"/*.cpp "$here"/../common/*.cpp; do
  ${CXX:-c++} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror \
    -DNNBRIDGE_VERSION='"check"' -I"$here/../../cpp/include" -I"$here/../common" ${expected:+-I"$expected"} \
    -isystem "$sdk/c74support/max-includes" -isystem "$sdk/c74support/msp-includes" "$source"
done
echo "max-check: the objects compile with Max's headers"
