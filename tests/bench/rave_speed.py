# SPDX-License-Identifier: MIT
"""What an exported RAVE costs on stage; writes RAVE_SPEED.md beside this file, or --out FILE.

    PYTHONPATH=python python tests/bench/rave_speed.py [--quick] [--out FILE]

Whole networks are timed as hosts run them: through streams of the engine, from files. Exports that
stand side by side are timed in turn, block by block, in one process, so that neighbours on the
machine and a cold cache meet all of them alike; medians of the thread's processor time, which does
not count the time that the neighbours had. Random weights: the cost does not depend on them.
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from plain_export import plain

import nnbridge
from nnbridge import contract, streaming
from nnbridge.rave.export import playable
from nnbridge.rave.network import RAVE
from nnbridge.rave.playable import mean_alone
from nnbridge.rave.recipe import Recipe
from nnbridge.streaming.layers import StreamConv1d, StreamConvTranspose1d

HERE = Path(__file__).resolve().parent
RATE = 44100
SIZES = {"the thesis's size, capacity 64": 64, "small, capacity 16": 16}
BLOCKS = [2048, 4096, 8192, 16384, 32768]
GOALS = {64: 0.9, 16: 0.65}


class Player(contract.Module):
    """Any network of audio to audio as a model file."""

    def __init__(self, network: nn.Module, step: int) -> None:
        super().__init__(RATE)
        self.network = network
        self.register_method("forward", 1, 1, 1, 1, step=step)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def timed(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, the calls in turn."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.thread_time()
            call()
            found[name].append(time.thread_time() - start)
    return {name: median(values) for name, values in found.items()}


def machine_limits() -> tuple[float, float]:
    """Multiplications and additions per second, and bytes per second, that one core reaches."""
    a, b = torch.randn(768, 768), torch.randn(768, 768)
    wide, x = torch.randn(4096, 8192), torch.randn(8192)
    with torch.inference_mode():
        seconds = timed({"product": lambda: a @ b, "read": lambda: torch.mv(wide, x)}, 25)
    return 2 * 768**3 / seconds["product"], 4 * wide.numel() / seconds["read"]


def layers_of(network: nn.Module) -> list[tuple[int, float]]:
    """Of every convolution: its weights, and multiplications per sample of the input."""
    stream = streaming.convert(network)
    found = []
    for index, signal in stream._ends:
        layer = stream.net.states[index]
        if isinstance(layer, StreamConv1d):
            found.append((layer.weight.numel(), layer.weight.numel() / layer.stride / signal.ratio))
        elif isinstance(layer, StreamConvTranspose1d):
            found.append((layer.weight.numel(), layer.weight.numel() / signal.ratio))
    return [(weights, float(products)) for weights, products in found]


def network(capacity: int) -> RAVE:
    """The thesis's shape at 44.1 kHz, untrained."""
    settings = [f"network.capacity={capacity}", f"network.sample_rate={RATE}"]
    torch.manual_seed(0)
    return RAVE(Recipe.load("thesis").override(settings)).eval()


def parts_of(rave: RAVE) -> dict[str, tuple[nn.Module, int, int]]:
    """The parts that are exported, each with the channels of its input and samples per frame."""
    settings = rave.recipe.network
    decoder = copy.deepcopy(rave.decoder)
    noise, decoder.noise = decoder.noise, None
    assert noise is not None
    bands = settings.bands
    return {
        "band analysis": (rave.analysis, 1, 1),
        "encoder": (mean_alone(rave.encoder, settings.latents), bands, bands),
        "decoder": (decoder, settings.latents, rave.ratio),
        "noise": (noise, settings.capacity, bands),
        "band synthesis": (rave.synthesis, bands, bands),
    }


def exported(capacity: int, folder: Path) -> dict[str, Path]:
    """One network in two files: as nnbridge exports it, and plainly."""
    rave = network(capacity)
    made = {
        "nnbridge": playable(rave),
        "plain": Player(plain(rave, torch.zeros(1, 1, rave.ratio)), rave.ratio),
    }
    return {
        name: contract.export(module, folder / f"{name}-{capacity}.ts")
        for name, module in made.items()
    }


def music(frames: int) -> np.ndarray:
    """Decaying tones on a bed of noise."""
    rng = np.random.default_rng(0)
    t = np.arange(frames) / RATE
    x = 0.001 * rng.standard_normal(frames)
    for onset in np.arange(0.0, frames / RATE, 0.18):
        envelope = np.where(t >= onset, np.exp(-np.clip(t - onset, 0, None) * 7.0), 0.0)
        x += 0.3 * envelope * np.sin(2 * np.pi * 55.0 * 2 ** (rng.integers(48) / 12) * t)
    return x.astype(np.float32)


def feeder(stream: nnbridge.Stream, x: np.ndarray) -> Callable[[], object]:
    """Calls that play `x` block by block, again and again."""
    size = stream.block
    at = [0]

    def call() -> object:
        first = at[0]
        at[0] = (first + size) % (len(x) // size * size)
        return stream.process(x[first : first + size])

    return call


def whole_table(capacity: int, files: dict[str, Path], rounds: int) -> tuple[str, bool]:
    """Real-time factor per block size, and whether the goal is met at all of them."""
    models = {name: nnbridge.load(path) for name, path in files.items()}
    x = music(RATE * 3)
    lines = [
        "| block | ms per block | real-time factor | plain export | ratio |",
        "|---:|---:|---:|---:|---:|",
    ]
    worst = 0.0
    for block in BLOCKS:
        calls = {
            name: feeder(model.stream("forward", block=block, host_block=block), x)
            for name, model in models.items()
        }
        found = timed(calls, max(9, rounds * 2048 // block))
        ratio = found["nnbridge"] / found["plain"]
        worst = max(worst, ratio)
        lines.append(
            f"| {block} | {found['nnbridge'] * 1e3:.2f} | {found['nnbridge'] * RATE / block:.4f} "
            f"| {found['plain'] * RATE / block:.4f} | {ratio:.2f} |"
        )
    met = worst <= GOALS[capacity]
    lines.append(f"\nGoal: at most {GOALS[capacity]} times the plain export: "
                 + ("met." if met else f"missed (worst {worst:.2f})."))  # fmt: skip
    return "\n".join(lines), met


def shares_table(capacity: int, limits: tuple[float, float], rounds: int) -> str:
    """Cost of each part alone, its share, and what arithmetic and weights cost at least."""
    parts = parts_of(network(capacity))
    scripts = {
        name: torch.jit.script(streaming.pack(streaming.convert(net)))
        for name, (net, _, _) in parts.items()
    }
    layers = {name: layers_of(net) for name, (net, _, _) in parts.items()}
    lines = [
        "| block | part | ms | share | multiply-adds, M | weights, MB | floor, ms |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    products_rate, bytes_rate = limits
    for block in (BLOCKS[0], BLOCKS[2], BLOCKS[-1]):
        with torch.inference_mode():
            calls = {}
            for name, (_, channels, ratio) in parts.items():
                x = torch.randn(1, channels, block // ratio)
                calls[name] = lambda name=name, x=x: scripts[name](x)
                for _ in range(3):
                    calls[name]()
            found = timed(calls, max(9, rounds * 2048 // block))
        total = sum(found.values())
        for name, seconds in found.items():
            frames = block // parts[name][2]
            work = [(weights, products * frames) for weights, products in layers[name]]
            floor = sum(max(p / products_rate, 4 * w / bytes_rate) for w, p in work)
            lines.append(
                f"| {block} | {name} | {seconds * 1e3:.2f} | {seconds / total:.0%} "
                f"| {sum(p for _, p in work) / 1e6:.1f} | {sum(4 * w for w, _ in work) / 1e6:.1f} "
                f"| {floor * 1e3:.2f} |"
            )
    return "\n".join(lines)


def steadiness(capacity: int, path: Path, rounds: int) -> str:
    """First calls, decaying tail and silence against a steady call, at blocks of 2048."""
    block = 2048
    first = []
    for _ in range(5):
        stream = nnbridge.load(path).stream("forward", block=block, host_block=block)
        x = music(block * 24).reshape(-1, block)
        costs = []
        for part in x:
            start = time.thread_time()
            stream.process(part)
            costs.append(time.thread_time() - start)
        first.append(max(costs[:2]) / median(costs[4:]))
    model = nnbridge.load(path)
    loud = music(block * 40)
    fade = loud * np.exp(-np.arange(len(loud)) / len(loud) * 115).astype(np.float32)  # to 1e-50
    tiny = np.full(len(loud), 1e-39, np.float32)
    signals = {"music": loud, "tail": fade, "denormals": tiny, "silence": np.zeros_like(loud)}
    calls = {
        name: feeder(model.stream("forward", block=block, host_block=block), x)
        for name, x in signals.items()
    }
    found = timed(calls, rounds)
    ratios = {name: seconds / found["music"] for name, seconds in found.items()}
    return (
        f"| {capacity} | {median(first):.2f} | {ratios['tail']:.2f} | {ratios['denormals']:.2f} "
        f"| {ratios['silence']:.2f} |"
    )


def report(rounds: int) -> str:
    torch.set_num_threads(1)
    limits = machine_limits()
    sections, steady = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for title, capacity in SIZES.items():
            files = exported(capacity, Path(temporary))
            whole, _ = whole_table(capacity, files, rounds)
            torch.set_flush_denormal(True)  # as in a stream of the engine, which sees to it itself
            shares = shares_table(capacity, limits, rounds)
            torch.set_flush_denormal(False)
            sections.append(f"## At {title}\n\n{whole}\n\n{shares}\n")
            steady.append(steadiness(capacity, files["nnbridge"], rounds))
            sys.stderr.write(sections[-1] + "\n")
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return f"""# What an exported RAVE costs

Made by `python tests/bench/rave_speed.py` on {date.today().isoformat()}: {cpu}, one thread, torch
{torch.__version__}. Non-causal, 16 bands, strides 4-4-4-2, 128 latents, noise head, {RATE} Hz. The
plain export is the same network, scripted, every convolution with a cache that is joined to its
input, delays as lines of their own (tests/bench/plain_export.py). Both run in turn, through the
engine, method forward. Real-time factor: seconds of processor time per second of audio.

The floor of a part adds, layer by layer, the larger of its arithmetic at {limits[0] / 1e9:.0f}
billion multiply-adds a second and its weights at {limits[1] / 1e9:.1f} GB/s: what this core reached
just now on large matrices.

{chr(10).join(sections)}
## Steadiness, blocks of 2048

Cost against a steady call on music: the dearest of the first two calls after loading (goal: at most
1.5), a fade to nothing, denormal numbers, digital silence.

| capacity | first calls | fade | denormals | silence |
|---:|---:|---:|---:|---:|
{chr(10).join(steady)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute instead of two")
    parser.add_argument("--out", type=Path, default=HERE / "RAVE_SPEED.md")
    given = parser.parse_args()
    text = report(25 if given.quick else 120)
    given.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
