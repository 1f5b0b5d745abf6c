# SPDX-License-Identifier: MIT
# `make` alone says what there is. Every target does its own set-up, once (.ci/setup.sh).
.DEFAULT_GOAL := help
.PHONY: help setup demo pd demo-pd deken plugin demo-plugin plugin-validate max-check max-package test test-extended asan tsan bench lint format clean

# Programs of .venv first: its Python, and the formatters at the versions that pyproject.toml pins.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export JOBS ?= 2
stamps := .venv/stamps
# A change in one of these rebuilds the extension; Python files are used where they lie.
native := CMakeLists.txt pyproject.toml $(shell find cmake cpp python/src -type f 2>/dev/null)

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(stamps)/package ## render a real recording through the models, into out/
	@python models/demo.py

pd: $(stamps)/package $(stamps)/pd ## build nn~ for Pure Data, into build/pd/nn~
	@cmake --preset pd >/dev/null
	@cmake --build --preset pd
	@python externals/pd/package.py build/pd

demo-pd: pd ## play nn~'s help patch in Pd without a window, into out/pd-demo.wav
	@externals/pd/demo.sh build/pd/nn~ out/pd-demo.wav

plugin: $(stamps)/package $(stamps)/plugin ## build the DAW plugins (VST3, CLAP, LV2), into build/plugin/bin
	@cmake --preset plugin >/dev/null
	@cmake --build --preset plugin --target plugin

demo-plugin: plugin $(stamps)/test ## play a loop through the VST3 plugin in pedalboard, into out/
	@python externals/plugin/demo.py build/plugin/bin/nnbridge.vst3

plugin-validate: plugin demo ## Steinberg's validator on the VST3: make plugin-validate VST3_SDK_DIR=<vst3sdk>
	@externals/plugin/validator/validate.sh "$(VST3_SDK_DIR)" build/plugin/bin/nnbridge.vst3 out/effects.ts out/drums.ts

deken: pd ## an archive of nn~ for Deken, with all libraries, into out/
	@python externals/pd/package.py build/pd --deken

max-check: $(stamps)/base ## compile the Max objects with Max's headers: make max-check MAX_SDK_DIR=<max-sdk-base>
	@externals/max/check.sh "$(MAX_SDK_DIR)"

# A package cannot bring Homebrew's libraries along: CMake fetches them instead, and links them in.
without_homebrew := $(if $(filter Darwin,$(shell uname -s)),-DCMAKE_IGNORE_PREFIX_PATH="/opt/homebrew;/usr/local")
max-package: $(stamps)/base ## the package for Max, into build/max/max-package: make max-package MAX_SDK_DIR=<max-sdk-base>
	@cmake --preset max -DMAX_SDK_DIR="$(MAX_SDK_DIR)" $(without_homebrew) >/dev/null
	@cmake --build --preset max --target max_package

test: setup ## lint, C++ tests (also under sanitizers) and Python tests
	@.ci/test.sh

test-extended: setup ## the same, with the tests that take long
	@.ci/test.sh extended

lint: setup ## formatting, names, types
	@cmake --preset dev >/dev/null
	@.ci/lint.sh

bench: $(stamps)/package $(stamps)/bench ## measure, and write RESULTS.md and RAVE_SPEED.md in tests/bench
	@cmake --preset release
	@cmake --build --preset release
	@python tests/bench/run.py
	@python tests/bench/rave_speed.py

asan tsan: setup ## the C++ tests under one sanitizer, with a stub engine
	@cmake --preset $@
	@cmake --build --preset $@
	@ctest --preset $@ --parallel $(JOBS)

format: setup ## format every source in place
	@find cpp externals python/src tests \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \) -print0 2>/dev/null | xargs -0 clang-format -i
	@ruff check --quiet --fix . ; ruff format --quiet .

setup: $(stamps)/package $(stamps)/test ## only the set-up, everything included

clean: ## remove what was built; .venv stays
	rm -rf build out .mypy_cache .pytest_cache .ruff_cache $(stamps)/package

$(stamps)/base: .ci/setup.sh pyproject.toml
	@.ci/setup.sh base
$(stamps)/test: $(stamps)/base
	@.ci/setup.sh test
$(stamps)/pd: $(stamps)/base
	@.ci/setup.sh pd
$(stamps)/plugin: $(stamps)/base
	@.ci/setup.sh plugin
$(stamps)/bench: $(stamps)/base
	@.ci/setup.sh bench
$(stamps)/package: $(stamps)/base $(native)
	@.ci/setup.sh package
