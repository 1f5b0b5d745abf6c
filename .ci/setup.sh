#!/bin/sh
# SPDX-License-Identifier: MIT
# Sets up what the Makefile's targets need, on a bare Debian, Ubuntu or macOS machine:
#   .ci/setup.sh base     compiler, libraries, .venv, torch, Python packages of `make demo`
#   .ci/setup.sh test     what `make test` and `make lint` need on top
#   .ci/setup.sh pd       what `make pd` needs on top
#   .ci/setup.sh plugin   what `make plugin` needs on top
#   .ci/setup.sh bench    what `make bench` needs on top
#   .ci/setup.sh package  builds and installs nnbridge itself into .venv (editable)
# Each leaves .venv/stamps/<name>, which the Makefile compares with the files it depends on.
# TORCH=2.13.0 is what a new .venv gets; a torch that is already in it is kept.
set -eu
cd "$(dirname "$0")/.."
TORCH=${TORCH:-2.13.0}
system=$(uname -s)

say() { printf '%s\n' "nnbridge: $*"; }
fail() { printf '%s\n' "nnbridge: $*" >&2; exit 1; }

# System packages --------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# packages_apt NAME...: installs what is missing. A release without one of them is no error:
# CMake downloads that library's sources instead.
packages_apt() {
  missing=""
  for name in "$@"; do
    case $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) in
      *"ok installed") ;;
      *) missing="$missing $name" ;;
    esac
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    fail "these system packages are missing and I may not install them; run this, then make again:
  sudo apt-get install$missing"
  fi
  say "installing system packages:$missing"
  as_root apt-get update -qq
  available=""
  for name in $missing; do
    case $(apt-cache policy "$name" 2>/dev/null) in
      "" | *"Candidate: (none)"*) say "this release has no package $name, going on without" ;;
      *) available="$available $name" ;;
    esac
  done
  # shellcheck disable=SC2086 # a list of names
  [ -z "$available" ] || as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $available </dev/null >/dev/null
}

packages_brew() {
  xcode-select -p >/dev/null 2>&1 || fail "there is no compiler; run this, then make again: xcode-select --install"
  missing=""
  for name in "$@"; do
    brew list --versions "$name" >/dev/null 2>&1 || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0
  say "installing system packages:$missing"
  # shellcheck disable=SC2086 # a list of names
  brew install $missing || fail "Homebrew could not install$missing; see its message above."
}

# packages DEBIAN_NAMES BREW_NAMES
packages() {
  # shellcheck disable=SC2086 # lists of names
  if command -v apt-get >/dev/null 2>&1; then packages_apt $1
  elif command -v brew >/dev/null 2>&1; then packages_brew $2
  elif ! command -v c++ >/dev/null 2>&1; then
    fail "there is no C++ compiler (c++) here, and no apt or Homebrew to get one with: please install one."
  else
    say "neither apt nor Homebrew here: CMake downloads the libraries it does not find"
  fi
}

# Python ---------------------------------------------------------------------------------------------------

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
  for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c "$new_enough" 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
}

make_venv() {
  if .venv/bin/python -c "$new_enough" 2>/dev/null && .venv/bin/python -m pip --version >/dev/null 2>&1; then
    return
  fi
  python=$(find_python)
  if [ -z "$python" ]; then
    packages "python3 python3-venv python3-dev" "python@3.12"
    python=$(find_python)
  fi
  [ -n "$python" ] || fail "Python 3.11 or newer is needed and I found none; install one, or name it: make PYTHON=/path/to/python3"
  case $python in
    /usr/bin/*) # a distribution's Python comes in parts
      if [ "$system" = Linux ] && command -v apt-get >/dev/null 2>&1; then
        minor=$("$python" -c 'import sys; print("python3.%d" % sys.version_info[1])')
        packages "$minor-venv $minor-dev" ""
      fi ;;
  esac
  say "making .venv with $python"
  "$python" -m venv --clear .venv
}

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

# requirements GROUP...: the dependencies that pyproject.toml states, of the project or of an extra.
requirements() {
  .venv/bin/python - "$@" <<'PYTHON'
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
extras = project["optional-dependencies"]
for group in sys.argv[1:]:
    print("\n".join(project["dependencies"] if group == "project" else extras[group]))
PYTHON
}

install_requirements() {
  mkdir -p .venv/stamps
  requirements "$@" >.venv/stamps/requirements.txt
  pip install -qq --requirement .venv/stamps/requirements.txt
}

# The steps ------------------------------------------------------------------------------------------------

base() {
  packages "g++ libexpected-dev libreaderwriterqueue-dev libzip-dev nlohmann-json3-dev" \
    "libzip nlohmann-json tl-expected"
  make_venv
  if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
    # First, by itself: so no other package's wish for "some torch" can bring a different one.
    say "installing torch $TORCH (a few minutes)"
    pip install -qq "torch==$TORCH"
  fi
  say "installing Python packages"
  pip install -qq ninja 'scikit-build-core>=0.10' 'pybind11>=2.13'
  cmake_version=$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')
  if ! .venv/bin/python -c 'import sys; v = sys.argv[1].split(".")[:2]; sys.exit(len(v) < 2 or tuple(map(int, v)) < (3, 25))' "$cmake_version"; then
    pip install -qq 'cmake>=3.25'
  fi
  install_requirements project demo
}

tests() {
  packages "libgtest-dev ffmpeg" "googletest ffmpeg"
  pd # a machine without it skips the tests in Pd
  plugin # likewise
  packages "ardour lilv-utils" "" # hosts
  packages "xvfb xdotool libgl1-mesa-dri" "" # its window on a screen that nobody sees
  install_requirements project train test dev
}

pd() {
  packages "puredata-core puredata-dev" ""
}

plugin() {
  packages "dpf-source libgl-dev libx11-dev libxext-dev libdbus-1-dev pkg-config" "" # all but the first for its window
}

bench() {
  packages "libspeexdsp-dev libsamplerate0-dev libsoxr-dev" "speexdsp libsamplerate libsoxr"
}

package() {
  say "building the Python package"
  pip install -qq --no-build-isolation --no-deps --editable .
}

case ${1:-} in
  base | bench | package | pd | plugin) "$1" ;;
  test) tests ;;
  *) fail "usage: .ci/setup.sh base|test|pd|plugin|bench|package" ;;
esac
mkdir -p .venv/stamps
touch ".venv/stamps/$1"
