# SPDX-License-Identifier: MIT
"""What is wrong with one method, found by playing it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import check_delay
from .check_player import FailedError, Player, Signal, difference, run, time_blocks
from .check_report import Cost, MethodReport, Report, Severity

if TYPE_CHECKING:
    from nnbridge.host import Method, Model

_EXACT = 1e-5
"""Share of the peak: what another order of the same sums may differ by, and no more."""
_INAUDIBLE = 1e-3
_COST_SECONDS = 0.15
_DENORMAL_TIMES = 4.0
_GUARD = "Guard divisions, logarithms and roots; a host plays silence in place of such blocks."


def check_method(model: Model, method: Method, report: Report) -> None:
    """Adds to a report what there is to say about a method."""
    held = report.methods[method.name] = MethodReport(method.step, method.delay)
    player = Player(model, method)
    if not _opens(player, report):
        return
    _batches(player, report)
    if not _finite(player, report):
        return
    reference = _random(player, report, held)
    if reference is None:
        return
    _audible(player, report, reference)
    _pieces(player, report, held)
    _reset(player, report)
    if not _cost(player, report, held):
        return  # the rest would take minutes
    _tail_cost(player, report)
    _alone(player, report)
    _delay(player, report, held)


def _opens(player: Player, report: Report) -> bool:
    """Whether every size of block runs and gives the declared shape."""
    from nnbridge.host import Error

    name = player.method.name
    sizes = sorted({player.block(size) for size in (1, 64, 479, 2048, 8192)})
    broken: list[tuple[int, str]] = []
    for size in sizes:
        try:
            player.play(player.noise(size), size)
        except (Error, FailedError) as error:
            broken.append((size, _words(error)))
    if not broken:
        return True
    size, words = broken[0]
    if "NaN" in words:
        # Preparing a stream plays silence first.
        report.add("error", "finite", name, f"it gives NaN or infinity: {words}.", _GUARD)
        return False
    if len(broken) == len(sizes):
        report.add(
            "error",
            "shape",
            name,
            f"it can't be run: {words}.",
            "Make it return [batch, out_channels, time / out_ratio] float32 for every block of "
            f"{player.step} samples, or correct its registration.",
        )
        return False
    good = [str(size) for size in sizes if size not in dict(broken)]
    report.add(
        "error",
        "shape",
        name,
        f"it fails on blocks of {', '.join(str(size) for size, _ in broken)} samples ({words}); "
        f"it runs on {', '.join(good)}.",
        "Declare the step that it needs, register_method(…, step=…), and export again.",
    )
    return False


def _words(error: Exception) -> str:
    return str(error).strip().rstrip(".")


def _batches(player: Player, report: Report) -> None:
    """Called as nn~ calls it: our engine plays item by item what can't take several."""
    method = player.method
    shape = (4, method.in_channels, player.block(512) // method.in_ratio)
    wanted = [4, method.out_channels, player.block(512) // method.out_ratio]
    load: Callable[..., Any] = torch.jit.load
    with torch.inference_mode(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            result = getattr(load(player.model.path).eval(), method.name)(torch.zeros(shape))
            words = f"it returned {list(result.shape)} instead of {wanted}"
            if list(result.shape) == wanted:
                return
        except Exception as error:
            words = str(error).strip().splitlines()[-1].rstrip(".")
    report.add(
        "warning",
        "batch",
        method.name,
        f"it can't take 4 items at once: {words}.",
        "mc.nn~ and mcs.nn~ play items so: make its state follow x.shape[0]. (nnbridge plays it "
        "item by item.)",
    )


def _finite(player: Player, report: Report) -> bool:
    """Whether it stays finite on everything that a host may send."""
    block = player.block(2048)
    short, long = player.block(8192), player.block(player.rate)
    impulse = player.constant(short, 0.0)
    impulse[:, : player.method.in_ratio] = 1.0
    steps = np.arange(player.steps(short))
    square = player.signal(np.where(steps // 32 % 2 == 0, 1.0, -1.0))
    quiet = player.constant(long, 0.0)
    signals: dict[str, Signal] = {
        "silence": player.constant(short, 0.0),
        "noise": player.noise(short),
        "an impulse": impulse,
        "a full-scale square wave": square,
        "a constant of 1": player.constant(short, 1.0),
        "a second of silence after sound": np.concatenate([player.noise(short), quiet], axis=1),
    }
    broken = {}
    for kind, signal in signals.items():
        try:
            player.play(signal, block)
        except FailedError as error:
            broken[kind] = _words(error)
    if broken:
        kinds, words = ", ".join(broken), next(iter(broken.values()))
        report.add(
            "error",
            "finite",
            player.method.name,
            f"it fails on {kinds}: {words}.",
            _GUARD,
        )
    return not broken


def _random(player: Player, report: Report, held: MethodReport) -> Signal | None:
    """Whether it draws random numbers; gives its output for noise."""
    name, declared = player.method.name, player.method.random
    block = player.block(2048)
    signal = player.noise(player.audible(16384))
    reference = player.play(signal, block)
    if difference(reference, player.play(signal, block)) > _EXACT:
        report.add(
            "error",
            "random",
            name,
            "it gives something else at every run, even with the same seed of torch's generator.",
            "Draw random numbers with torch (torch.randn, …), and keep all state in the module.",
        )
        held.random = True
        return None
    held.random = difference(reference, player.play(signal, block, seed=21)) > 0
    if held.random and declared is False:
        report.add(
            "error",
            "random",
            name,
            "it draws random numbers, but declares that it does not.",
            "Declare it: register_method(…, random=True).",
        )
    elif held.random and declared is None:
        report.add(
            "note", "random", name, "it draws random numbers.", "Give a seed to repeat a take."
        )
    elif declared and not held.random:
        report.add(
            "note",
            "random",
            name,
            "it declares that it draws random numbers; with the attributes as they are, none is "
            "heard.",
        )
    return reference


def _audible(player: Player, report: Report, reference: Signal) -> None:
    if not reference.any():
        report.add(
            "error",
            "silent",
            player.method.name,
            "its output is silent, whatever comes in.",
            "Check its gains and the defaults of its attributes.",
        )


def _pieces(player: Player, report: Report, held: MethodReport) -> None:
    """Streaming in pieces must equal one piece."""
    name = player.method.name
    if held.random:
        # Pieces draw their numbers in another order, so nothing can be compared.
        return
    whole = player.audible(max(8192, 4 * player.step))
    signal = player.noise(whole)
    expected = player.play(signal, whole)
    errors: dict[int, float] = {}
    for size in sorted({player.block(size) for size in (1, 16, 64, 479, 2048)}):
        frames = min(whole, 256 * size) // size * size
        got = player.play(signal[:, :frames], size)
        errors[size] = difference(expected[:, :frames], got)
    held.state_error = max(errors.values())
    wrong = [size for size, error in errors.items() if error > _EXACT]
    if not wrong:
        return
    right = [size for size in errors if size not in wrong]
    # Where audio goes in or comes out it clicks. Some priors average their controls over a block.
    heard: Severity = (
        "error" if 1 in (player.method.in_ratio, player.method.out_ratio) else "warning"
    )
    severity = heard if held.state_error > _INAUDIBLE else "note"
    if right and min(right) > max(wrong):
        fix = f"It needs larger blocks: register_method(…, step={min(right)})."
    else:
        fix = (
            "Keep what the next block needs in a buffer or attribute (nnbridge.streaming does it "
            "for convolutions): without it, every block begins with a click."
        )
    report.add(
        severity,
        "state",
        name,
        "played in pieces it is not what it is in one piece: off by "
        f"{held.state_error:.1e} of its peak in blocks of {', '.join(map(str, wrong))} samples.",
        fix if severity != "note" else "Inaudible: another order of the same sums.",
    )


def _reset(player: Player, report: Report) -> None:
    block = player.block(2048)
    signal = player.noise(player.audible(8192))
    stream = player.stream(block)
    first = run(stream, signal)
    stream.reset()
    if difference(first, run(stream, signal)) > _EXACT:
        report.add(
            "error",
            "reset",
            player.method.name,
            "after a reset it does not start as it did at first.",
            "Keep all state in buffers and attributes of the module.",
        )


def _alone(player: Player, report: Report) -> None:
    """Two streams of one file must not hear each other."""
    block = player.block(2048)
    frames = player.audible(4 * block) // block * block
    mine, other = player.noise(frames), player.noise(frames, seed=1)
    alone = player.play(mine, block)
    one, two = player.stream(block), player.stream(block)
    heard = []
    for begin in range(0, mine.shape[1], block):
        run(two, other[:, begin : begin + block])
        heard.append(run(one, mine[:, begin : begin + block]))
    if difference(alone, np.concatenate(heard, axis=1)) > _EXACT:
        report.add(
            "error",
            "leak",
            player.method.name,
            "two streams of this file hear each other.",
            "Keep all state in buffers and attributes of the module.",
        )


def _delay(player: Player, report: Report, held: MethodReport) -> None:
    name, declared = player.method.name, player.method.delay
    found = held.delay = check_delay.measure(player)
    if found is None:
        report.add(
            "note",
            "delay",
            name,
            "its delay can't be measured: it answers impulses in no constant way.",
            ""
            if declared is not None
            else "If you know it, declare it, or give it as model_delay.",
        )
        return
    unit = f"samples at {player.rate} Hz"
    if declared is None:
        if found.onset > found.precision:
            report.add(
                "warning",
                "delay",
                name,
                f"it delays by {found.text} {unit} and does not declare it, so no host can "
                "compensate.",
                f"Declare it, register_method(…, delay={found.peak}), or give it as model_delay.",
            )
        return
    # Of a long answer its start may be meant, or its middle, or where it is strongest.
    if not found.onset - found.precision <= declared <= found.peak + found.precision:
        report.add(
            "error",
            "delay",
            name,
            f"it declares a delay of {declared} {unit}, but delays by {found.text}.",
            f"Declare what is true: register_method(…, delay={found.peak}).",
        )


def _cost(player: Player, report: Report, held: MethodReport) -> bool:
    """What it costs; whether it can be played live at all."""
    name = player.method.name
    for block in sorted({player.block(size) for size in (64, 512, 2048, 8192)}):
        stream = player.stream(block)
        median = float(
            np.median(time_blocks(stream, player.noise(block * 4), block, _COST_SECONDS))
        )
        held.costs.append(Cost(block, median, block / player.rate / max(median, 1e-9)))
    fast = [cost for cost in held.costs if cost.realtime > 1.0]
    best = max(held.costs, key=lambda cost: cost.realtime)
    if not fast:
        report.add(
            "warning",
            "cost",
            name,
            f"it is too slow to be played live here: at best {best.realtime:.2f} times real time, "
            f"in blocks of {best.block} samples.",
            "Make it smaller, or use a faster machine; it can still be rendered. (Its delay was "
            "not measured.)",
        )
    elif len(fast) < len(held.costs):
        report.add(
            "note",
            "cost",
            name,
            f"here it can be played live from blocks of {fast[0].block} samples on.",
            f"Ask for a block of {fast[0].block} or more.",
        )
    return bool(fast)


def _tail_cost(player: Player, report: Report) -> None:
    """Decaying to silence must not cost more than sound."""
    block = player.block(512)
    stream = player.stream(block)
    noise = player.noise(16 * block)
    sound = float(np.median(time_blocks(stream, noise, block, 0.0)))
    silence = player.constant(16 * block, 0.0)
    run(stream, player.constant(player.block(player.rate), 0.0))
    tail = float(np.median(time_blocks(stream, silence, block, 0.0)))
    if tail > _DENORMAL_TIMES * sound + 1e-4:
        report.add(
            "warning",
            "tail",
            player.method.name,
            f"in silence after sound it costs {tail / sound:.0f} times as much as in sound.",
            "Its state decays into denormal numbers: set what is below 1e-15 to 0.",
        )
