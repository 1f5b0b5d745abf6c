# SPDX-License-Identifier: MIT
"""Figure 4.9 of the thesis: real-time factors of all priors, and the cost of a long past.

    PYTHONPATH=python python tests/bench/prior_figures.py [--quick] [--only residual]

Random weights at the thesis's size (D = 512, 12 layers, Q = 8 of V = 1024 codes), one thread, steps
of 1024 samples at 44.1 kHz. A real-time factor is time over audio: below 1 is faster than real
time. The costs after 10 s and after 10 min of past are measured in turns, and compared by the
median of the ratios of neighbours: the players address their past by position, so a past is long
where its rings are full. Spread: the quarter of steps that cost least to the quarter that cost
most, relative to the median, which is the noise of the machine. Processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from nnbridge.prior.network import PARAMETRISATIONS, TEMPORALS, Network, Prior
from nnbridge.prior.player import player

STEP = 1024 / 44100  # seconds
Q, V = 8, 1024
SEGMENT = 256
SHORT, LONG = round(10 / STEP), round(600 / STEP)


def seconds(call: Callable[[], object]) -> float:
    """Of processor time: what neighbours on the machine take is not ours."""
    begin = time.thread_time()
    call()
    return time.thread_time() - begin


def spread(times: list[float]) -> float:
    """The distance of the quartiles, in shares of the median."""
    first, middle, third = statistics.quantiles(times, n=4)
    return (third - first) / middle


def at(playing: torch.jit.ScriptModule, steps: int, rows: int) -> None:
    """Puts a player where it has so many steps behind it."""
    playing.position = steps * rows + getattr(playing, "slack", 0)
    if hasattr(playing, "steps"):
        playing.steps = steps


def measure(temporal: str, parametrisation: str, repeats: int) -> dict[str, float]:
    torch.manual_seed(0)
    prior = Prior(Network(temporal, parametrisation), Q, V).eval()
    rows = prior.layout.rows_per_step
    playing = torch.jit.script(player(prior))
    nothing, free = torch.zeros(1, Q, dtype=torch.long), torch.zeros(1, 0)
    tokens = torch.randint(0, V, (1, SEGMENT, Q))
    with torch.inference_mode():
        for _ in range(4):
            playing(nothing, free, False)
        for held in playing.state:
            held.normal_()
        costs: dict[int, list[float]] = {SHORT: [], LONG: []}
        for turn in range(2 * repeats):
            past = (SHORT, LONG)[turn % 2]
            at(playing, past + turn, rows)
            costs[past].append(seconds(lambda: playing(nothing, free, False)))
        prior(tokens)
        forced = [seconds(lambda: prior(tokens)) for _ in range(max(2, repeats // 20))]
    ratios = [b / a for a, b in zip(costs[SHORT], costs[LONG], strict=True)]
    return {
        "parameters": sum(p.numel() for p in prior.parameters()) / 1e6,
        "spread": spread([*costs[SHORT], *costs[LONG]]),
        "step": 1000 * statistics.median(costs[SHORT]),
        "playing": statistics.median(costs[SHORT]) / STEP,
        "forced": statistics.median(forced) / (SEGMENT * STEP),
        "long": statistics.median(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a quarter of the repeats")
    parser.add_argument("--only", default="", help="combinations whose name contains this")
    given = parser.parse_args()
    repeats = 15 if given.quick else 60
    torch.set_num_threads(1)
    print(
        "| | parameters, M | ms per step | spread % | playing, RTF | teacher forcing, RTF "
        "| 10 min / 10 s |"
    )
    print("|---|---|---|---|---|---|---|")
    for temporal in TEMPORALS:
        for parametrisation in PARAMETRISATIONS:
            if given.only not in f"{temporal} {parametrisation}":
                continue
            m = measure(temporal, parametrisation, repeats)
            print(
                f"| {temporal} {parametrisation} | {m['parameters']:.1f} | {m['step']:.1f} | "
                f"{100 * m['spread']:.0f} | "
                f"{m['playing']:.2f} | {m['forced']:.3f} | {m['long']:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
