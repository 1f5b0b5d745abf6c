#!/bin/sh
# SPDX-License-Identifier: MIT
# Formatting, naming rules, common mistakes, types. `make lint` has set everything up.
set -u
cd "$(dirname "$0")/.."
jobs=${JOBS:-2}
failed=0
check() {
  printf 'lint: %s\n' "$1"
  shift
  "$@" || failed=1
}

cpp_files() { find cpp externals python/src tests \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \) -print0 2>/dev/null; }
format() { cpp_files | xargs -0 clang-format --dry-run -Werror; }
tidy() { # BUILD FOLDER...: every source below the folders, with the compile commands of that build
  build=$1
  shift
  find "$@" -name '*.cpp' -print0 | xargs -0 -n 1 -P "$jobs" clang-tidy -p "$build" --quiet
}

check "clang-format" format
check "ruff" ruff check --quiet .
check "ruff format" ruff format --check --quiet .
check "mypy" mypy
check "clang-tidy cpp" tidy build/dev cpp/src
check "clang-tidy externals/pd" tidy build/dev externals/pd
check "clang-tidy externals/max" tidy build/dev externals/max externals/common
# Where the build has found DPF, which comes with Debian.
grep -q externals/plugin build/dev/compile_commands.json &&
  check "clang-tidy externals/plugin" tidy build/dev externals/plugin tests/python/plugin
check "clang-tidy python/src" tidy build/python python/src
[ "$failed" = 0 ] && echo "lint: clean"
exit "$failed"
