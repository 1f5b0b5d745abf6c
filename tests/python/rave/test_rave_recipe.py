# SPDX-License-Identifier: MIT
"""A recipe is a readable file, and a slip in it is one sentence."""

from __future__ import annotations

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from nnbridge.rave import recipe as recipes
from nnbridge.rave.network import RAVE
from nnbridge.rave.recipe import Recipe
from nnbridge.recipe import RecipeError


@pytest.mark.parametrize("name", Recipe.names())
def test_a_shipped_recipe_survives_being_written(name: str) -> None:
    recipe = Recipe.load(name)
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_the_thesis_sizes_are_the_thesis() -> None:
    recipe = Recipe.load("thesis")
    assert recipe.network.ratio == 2048
    assert recipe.segment == 73728  # 1.5 s of 48 kHz in whole frames
    rave = RAVE(recipe)
    widths = [m.num_features for m in rave.encoder.modules() if type(m).__name__ == "BatchNorm1d"]
    assert widths == [64, 128, 256, 512, 1024]
    assert recipe.training.betas == (0.5, 0.9)


def test_the_thesis_recipe_names_everything_with_its_unit_or_meaning() -> None:
    path = Path(recipes.__file__).parent / "recipes" / "thesis.toml"
    named = {
        section: set(values) for section, values in tomllib.loads(path.read_text("utf-8")).items()
    }
    assert named == {section: set(values) for section, values in asdict(Recipe()).items()}


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('base = "small"\n[network]\ncapacity = 8\n')
    (tmp_path / "b.toml").write_text('base = "a.toml"\n[training]\nbatch = 2\n')
    recipe = Recipe.load(tmp_path / "b.toml")
    small = Recipe.load("small")
    assert (recipe.network.capacity, recipe.training.batch) == (8, 2)
    assert recipe.network.strides == small.network.strides
    assert recipe.losses == small.losses


def test_settings_override_by_name() -> None:
    recipe = Recipe.load("small").override(
        ["training.batch=2", "network.strides=[4, 4]", "network.noise_strides=[4, 4]",
         "latent.kind=discrete"]
    )  # fmt: skip
    assert recipe.training.batch == 2
    assert recipe.network.strides == (4, 4)
    assert recipe.latent.kind == "discrete"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("training.batches=2", "training.batches, which is unknown; [training] has segment, batch"),
        ("training.batch=two", "training.batch must be a whole number, not 'two'"),
        ("training.batch=0", "training.batch must be above 0, not 0"),
        ("training.learning_rate=nan", "training.learning_rate must be above 0, not nan"),
        ("training.seed=-1", "seed must not be negative"),
        ("training.betas=[0.5, 1.5]", "two numbers from 0 to 1"),
        ("network.capacity=0", "network.capacity must be above 0"),
        ("network.strides=[]", "at least one number"),
        ("network.dilations=[0]", "network.dilations must be at least 1"),
        ("latent.code_decay=1.0", "from 0 to below 1"),
        ("losses.scales=[100, 30]", "a window of 30"),
        ("train.batch=2", 'has "train"; a recipe has the sections [network]'),
        ("batch=2", "write section.name=value"),
        ("network.strides=[4, 3]", "network.strides must be even numbers"),
        ("network.bands=15", "network.bands must be even"),
        ("network.noise_strides=[3]", "must divide"),
        ("network.noise_bands=64", "take at most 33"),
        ("latent.kind=normal", "variational, wasserstein, discrete, spherical"),
        ("losses.distance=loud", "norm or amplitude"),
        ("network.causal=1", "network.causal must be true or false"),
        ("augment.dequantisation=pink", "none, uniform or triangular"),
    ],
)
def test_a_slip_is_named(setting: str, sentence: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.load("small").override([setting])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r'no recipe "smal": give a file, or one of .*small'):
        Recipe.load("smal")
    (tmp_path / "bad.toml").write_text("[network\n")
    with pytest.raises(RecipeError, match="no TOML file"):
        Recipe.load(tmp_path / "bad.toml")
    with pytest.raises(RecipeError, match="no TOML file"):
        Recipe.from_toml("[network\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('base = "a.toml"\n', "its own base"),
        ("base = 3\n", "base must be the name"),
        ('base = "small"\nnetwork = 3\n', 'has "network"; a recipe has the sections'),
        ('base = "gone"\n', 'no recipe "gone"'),
    ],
)
def test_a_base_that_is_none_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        Recipe.load(tmp_path / "a.toml")
    assert sentence in str(caught.value)


def test_the_recipe_for_an_hour_of_one_core_is_the_one_of_the_shipped_speech() -> None:
    shipped = Recipe.load(Path(__file__).parents[3] / "models/rave/speech/recipe.toml")
    short = Recipe.load("short")
    assert (short.network, short.latent, short.losses) == (
        shipped.network,
        shipped.latent,
        shipped.losses,
    )
    assert short.training.stage_one_steps == shipped.training.stage_one_steps
    assert short.network.ratio == 512
