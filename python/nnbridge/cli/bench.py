# SPDX-License-Identifier: MIT
"""``nnbridge bench``: what a model costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from . import terminal
from .terminal import Device, Json, ModelFile, Quiet, Settings

if TYPE_CHECKING:
    from nnbridge.host import Model

_BLOCKS = (64, 512, 2048, 8192)


def command(
    model: ModelFile,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="Or a chain; may be repeated. Default: all methods."),
    ] = None,
    block: Annotated[
        list[int] | None,
        typer.Option(
            metavar="SAMPLES", min=1, help="May be repeated. Default: 64, 512, 2048, 8192."
        ),
    ] = None,
    sample_rate: Annotated[
        int | None, typer.Option(metavar="HZ", min=1, help="Of the host; default: the model's own.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="To spend on each line.")] = 0.5,
    settings: Settings = None,
    device: Device = "cpu",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure what a model costs.

    One thread, as live. Cold: opening the file, and preparing the stream with its three warm-up
    calls. Then the first three calls, the median and the 95th percentile of one inference, and how
    many times faster than real time the median is.

    \b
    Examples:
      nnbridge bench model.ts
      nnbridge bench model.ts --method forward --block 2048 --json
    """  # noqa: D301 -- \b keeps the lines of the examples
    with terminal.plainly():
        start = time.perf_counter()
        opened = terminal.open_model(model, device, settings)
        cold = time.perf_counter() - start
        names = method or [name for name, held in opened.methods.items() if held.callable]
        pairs = list(dict.fromkeys(_pairs(opened, names, block or list(_BLOCKS))))
        rows = []
        with terminal.Bar("measuring", quiet=quiet or json) as bar:
            for count, (name, samples) in enumerate(pairs):
                rows.append(_measure(opened, name, samples, sample_rate, seconds))
                bar(count + 1, len(pairs))
    if json:
        terminal.print_json({"path": opened.path, "open": cold, "results": rows})
        return
    out = terminal.console()
    out.print(f"opened in {cold * 1e3:.0f} ms", markup=False)
    figures = terminal.table(
        "method", ">block", ">prepare ms", ">first three ms", ">p50 ms", ">p95 ms", ">x real time"
    )
    for row in rows:
        figures.add_row(
            row["method"],
            str(row["block"]),
            f"{row['prepare'] * 1e3:.0f}",
            " ".join(f"{cost * 1e3:.2f}" for cost in row["first"]),
            f"{row['p50'] * 1e3:.3f}",
            f"{row['p95'] * 1e3:.3f}",
            f"{row['realtime']:.1f}",
        )
    out.print(figures)


def _pairs(model: Model, names: list[str], blocks: list[int]) -> list[tuple[str, int]]:
    """Each block rounded up to what the method can take."""
    pairs = []
    for name in names:
        step = model._engine.chain(name)["step"]
        pairs += [(name, max(1, -(-block // step)) * step) for block in blocks]
    return pairs


def _measure(
    model: Model, method: str, block: int, sample_rate: int | None, seconds: float
) -> dict[str, Any]:
    start = time.perf_counter()
    # Host and model at one rate and with one block: each call is one inference.
    rate = sample_rate or model.sample_rate
    stream = model.stream(
        method, sample_rate=rate, block=block, host_block=block, resample=False, seed=0
    )
    prepare = time.perf_counter() - start
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (stream.in_channels, block))
    noise = noise.astype(np.float32)
    costs: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(costs) < 10 or (time.perf_counter() < deadline and len(costs) < 10000):
        before = time.perf_counter()
        stream.process(noise)
        costs.append(time.perf_counter() - before)
        if len(costs) > 3 and time.perf_counter() > deadline + 10:
            break
    p50, p95 = np.percentile(costs[3:], [50, 95])
    return {
        "method": method,
        "block": block,
        "prepare": prepare,
        "first": costs[:3],
        "p50": float(p50),
        "p95": float(p95),
        "calls": len(costs),
        "realtime": block / stream.sample_rate / float(p50),
        "failed": stream.stats.failed,
    }
