# SPDX-License-Identifier: MIT
"""The workflow that builds the packages asks for nothing that the build does not have."""

import json
import re
from typing import Any

import pytest
import yaml

from .conftest import ROOT

WORKFLOW = ROOT / ".github/workflows/max.yml"


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    return yaml.safe_load(WORKFLOW.read_text())["jobs"]["package"]


@pytest.fixture(scope="module")
def commands(job: dict[str, Any]) -> str:
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


@pytest.fixture(scope="module")
def cmake_files() -> str:
    folders = ("cmake", "externals/max")
    files = [ROOT / "CMakeLists.txt"]
    for folder in folders:
        files += [*(ROOT / folder).rglob("*.cmake"), *(ROOT / folder).rglob("CMakeLists.txt")]
    return "\n".join(file.read_text() for file in files)


def test_it_builds_for_both_macs_and_for_windows(job: dict[str, Any]):
    builds = {one["name"]: one["os"] for one in job["strategy"]["matrix"]["include"]}
    assert set(builds) == {"macos-arm64", "macos-x86_64", "windows-x86_64"}
    assert all(system.startswith(name.split("-")[0]) for name, system in builds.items())
    assert builds["macos-x86_64"].endswith("intel")


def test_its_targets_and_presets_are_there(commands: str, cmake_files: str):
    presets = json.loads((ROOT / "CMakePresets.json").read_text())
    asked = re.findall(r"cmake (--build )?--preset (\S+)", commands)
    assert ("", "max") in asked
    for build, name in asked:
        known = presets["buildPresets" if build else "configurePresets"]
        assert name in {one["name"] for one in known}
    targets = re.findall(r"--target (\S+)", commands)
    assert targets == ["max_package"]
    assert "add_custom_target(max_package" in cmake_files


def test_its_options_are_ones_that_the_build_knows(commands: str, cmake_files: str):
    options = set(re.findall(r"-D(\w+)=", commands))
    assert options >= {"MAX_SDK_DIR", "NNBRIDGE_MAX_LIBRARIES", "Python_EXECUTABLE"}
    ours = {name for name in options if not name.startswith("CMAKE_")}
    assert {name for name in ours if not re.search(rf"\b{name}\b", cmake_files)} == set()


def test_the_files_that_it_names_are_there(commands: str):
    scripts = re.findall(r"python (\S+\.py)", commands)
    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


def test_torch_is_one_that_the_project_allows(job: dict[str, Any]):
    asked = yaml.safe_load(WORKFLOW.read_text())["env"]["TORCH"]
    least, above = re.search(
        r'"torch>=([\d.]+),<([\d.]+)"', (ROOT / "pyproject.toml").read_text()
    ).groups()
    version = [tuple(map(int, text.split("."))) for text in (least, asked, above)]
    assert version == sorted(version)
    conda = [step for step in job["steps"] if "micromamba" in step.get("uses", "")]
    assert f"pytorch>={least},<{above}" in conda[0]["with"]["create-args"]


def test_the_sdk_is_fetched_there_and_not_kept_here(job: dict[str, Any]):
    fetched = [step["with"] for step in job["steps"] if "with" in step]
    sdk = [one for one in fetched if one.get("repository") == "Cycling74/max-sdk-base"]
    assert sdk[0]["path"].startswith("build/")
    assert re.fullmatch(r"[0-9a-f]{40}", yaml.safe_load(WORKFLOW.read_text())["env"]["MAX_SDK"]), (
        "pinned, as what it holds is compiled"
    )
