# SPDX-License-Identifier: MIT
"""Audio from a prior and its RAVE: out of nothing, or continuing a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nnbridge.audio.descriptors import describe

from .errors import PriorError
from .module import check_fit
from .player import player
from .rave_file import RaveFile
from .trained import Trained

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Drawing:
    """How tokens are drawn."""

    seed: int = 0
    temperature: float = 1.0
    """Divides the logits; 0 takes the most likely token."""
    top_k: int = 0
    """Only the k most likely tokens; 0 for all."""
    top_p: float = 1.0
    """Only the most likely tokens that together have this probability; 1 for all."""

    def __post_init__(self) -> None:
        if self.seed < 0 or self.top_k < 0 or not self.temperature >= 0:
            raise PriorError("seed, temperature and top_k can't be negative.")
        if max(self.seed, self.top_k) >= 2**63:
            raise PriorError("seed and top_k are numbers below 2 to the power of 63.")
        if not 0 <= self.top_p <= 1:
            raise PriorError(f"top_p is a probability, from 0 to 1, not {self.top_p}.")


@dataclass(frozen=True)
class Generated:
    """What was played."""

    audio: Audio
    """[variations, channels, frames]; what was heard is at its begin, through the RAVE."""
    tokens: NDArray[np.int64]
    """[variations, steps, quantisers]"""
    heard: int
    """Steps at the begin that were given."""
    perplexity: float
    """Mean over what was played."""


def check(trained: Trained, rave: RaveFile) -> None:
    """Refuse a RAVE that can't sound what a prior plays.

    Raises:
        PriorError: it has other latents, or steps of another length.
    """
    trained.check_steps(rave)
    check_fit(trained.prior, trained.code, rave)


def steps_of(seconds: float, trained: Trained) -> int:
    """Whole steps that last at least so long."""
    return int(np.ceil(seconds * trained.sample_rate / trained.ratio))


def measured(audio: Audio, trained: Trained, steps: int) -> dict[str, NDArray[np.float32]]:
    """The descriptors that a prior follows, of a recording; the last value goes on."""
    described = describe(audio, trained.sample_rate, trained.ratio)
    curves = {}
    for condition in trained.prior.followed:
        curve = described[condition.name][:steps]
        last = 0.0 if condition.discrete or not len(curve) else float(curve[-1])
        curves[condition.name] = np.pad(curve, (0, steps - len(curve)), constant_values=last)
    return curves


@torch.inference_mode()
def generate(
    trained: Trained,
    rave: RaveFile,
    seconds: float,
    drawing: Drawing | None = None,
    variations: int = 1,
    heard: Audio | None = None,
    curves: dict[str, NDArray[np.float32]] | None = None,
    progress: Callable[[int, int], None] | None = None,
    at: int | None = None,
) -> Generated:
    """Play on.

    Args:
        trained: the prior.
        rave: the RAVE that its sequences come from.
        seconds: to play.
        drawing: how.
        variations: so many at once; each is what it would be if there were fewer.
        heard: [channels, frames] at the prior's rate: continued behind its last whole step.
        curves: for each descriptor that the prior follows, one value per step of what is played.
        progress: called with steps done and all steps.
        at: frames of `heard` after which it is continued; default: all. What comes behind them is
            not heard, but spares a RAVE that looks ahead the silence of an end.

    Raises:
        PriorError: something does not fit.
    """
    how = drawing or Drawing()
    if variations < 1:
        raise PriorError(f"there must be at least 1 variation, not {variations}.")
    check(trained, rave)
    prior = trained.prior
    count = steps_of(seconds, trained)
    given = torch.zeros(0, prior.quantisers, dtype=torch.long)
    before: dict[str, NDArray[np.float32]] = {}
    latents = torch.zeros(rave.latents, 0)
    if heard is not None:
        frames = heard.shape[1] if at is None else at
        if not 0 <= frames <= heard.shape[1]:
            raise PriorError(f"the recording has no frame {frames} to go on from.")
        whole = frames // trained.ratio
        latents = rave.encode(heard)[:, :whole]
        given = trained.code.tokens(latents[: prior.quantisers]).T
        before = measured(heard, trained, whole)
    conditions = _conditions(trained, before, curves or {}, len(given), count)

    playing = player(prior)
    playing.seed = how.seed
    playing.temperature, playing.top_k, playing.top_p = how.temperature, how.top_k, how.top_p
    compiled = torch.jit.script(playing)
    out = torch.zeros(variations, len(given) + count, prior.quantisers, dtype=torch.long)
    out[:, : len(given)] = given
    wide = 0.0
    late = prior.layout.lookahead
    for step in range(out.shape[1]):
        listens = step < len(given)
        # Where playing runs ahead, so do the curves that it follows.
        row = step if listens else min(step + late, out.shape[1] - 1)
        followed = conditions[row].expand(variations, -1)
        tokens, _, perplexity = compiled(out[:, step], followed, listens)
        out[:, step] = tokens
        if not listens:
            wide += float(perplexity.mean())
        if progress:
            progress(step + 1, out.shape[1])
    audio = []
    for tokens in out:
        values = trained.code.values(tokens).T
        # What the prior does not play, but the recording had, stays for as long as it was heard.
        rest = torch.zeros(rave.latents - prior.quantisers, len(tokens))
        rest[:, : len(given)] = latents[prior.quantisers :]
        values[:, : len(given)] = latents[: prior.quantisers]
        audio.append(rave.decode(torch.cat([values, rest])).numpy())
    return Generated(np.stack(audio), out.numpy(), len(given), wide / max(1, count))


def _conditions(
    trained: Trained,
    before: dict[str, NDArray[np.float32]],
    curves: dict[str, NDArray[np.float32]],
    heard: int,
    played: int,
) -> torch.Tensor:
    """Values for every step: [steps, descriptors]."""
    names = [condition.name for condition in trained.prior.followed]
    unknown = sorted(set(curves) - set(names))
    if unknown:
        follows = f"only {', '.join(names)}" if names else "nothing"
        raise PriorError(f"this prior does not follow {unknown[0]}: it follows {follows}.")
    made = torch.zeros(heard + played, len(names))
    for channel, name in enumerate(names):
        if name not in curves:
            raise PriorError(f"this prior follows {name}: say what it should be.")
        if len(curves[name]) != played:
            raise PriorError(
                f"the curve of {name} has {len(curves[name])} values for {played} steps."
            )
        if heard:
            made[:heard, channel] = torch.from_numpy(before[name])
        made[heard:, channel] = torch.from_numpy(np.asarray(curves[name], np.float32))
    return made
