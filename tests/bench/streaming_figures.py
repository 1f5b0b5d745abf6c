# SPDX-License-Identifier: MIT
"""The thesis's figures 5.7 and 5.8 and its latencies, remade for RAVE at the thesis's size.

    PYTHONPATH=python python tests/bench/streaming_figures.py [--quick] [--out out]

Prints tables and writes pictures. Random weights, as in the thesis's section 5.2.1: neither cost
nor exactness depends on them; without the noise head, whose streams are only statistically equal.
One thread; timings of all methods are interleaved, medians of the thread's processor time.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python" / "streaming"))

from streaming_networks import prepared

from nnbridge import streaming
from nnbridge.rave.network import RAVE
from nnbridge.rave.playable import Decode, Encode
from nnbridge.rave.recipe import Recipe

RATE = 44100
EDGE = 65536  # samples, more than the receptive field
OVERLAPS = {"ola 0 %": 0.0, "ola 25 %": 0.25, "ola 50 %": 0.5}


def halves(causal: bool = False, capacity: int = 64) -> tuple[Encode, Decode]:
    """Encoder and decoder of the network that the recipe `thesis` makes."""
    torch.manual_seed(0)
    settings = {"causal": str(causal).lower(), "capacity": capacity, "sample_rate": RATE}
    settings["noise_bands"] = 0
    chosen = [f"network.{name}={value}" for name, value in settings.items()]
    rave = RAVE(Recipe.load("thesis").override(chosen))
    prepared(rave)
    for module in rave.modules():
        if parametrize.is_parametrized(module):  # as in an export, and what scripting asks for
            parametrize.remove_parametrizations(module, "weight")
    return Encode(rave, Fraction(1)), Decode(rave, Fraction(1))


def thesis_size(capacity: int = 64) -> nn.Module:
    return nn.Sequential(*halves(capacity=capacity)).eval()


def music(seconds: float) -> Tensor:
    """Decaying tones and noise bursts, [1, 1, time]."""
    generator = torch.Generator().manual_seed(0)
    t = torch.arange(int(seconds * RATE)) / RATE
    x = 0.001 * torch.randn(t.numel(), generator=generator)
    for onset in torch.arange(0.0, seconds, 0.18):
        pitch = 55.0 * 2 ** (torch.randint(0, 48, (1,), generator=generator).item() / 12)
        env = torch.where(t >= onset, torch.exp(-(t - onset).clamp(min=0) * 7.0), 0.0)
        hit = 0.2 * torch.randn(t.numel(), generator=generator) * env**4
        x = x + env * 0.3 * torch.sin(2 * torch.pi * pitch * t) + hit
    return x[None, None, : x.numel() // 2048 * 2048]


def spectral(x: Tensor, y: Tensor) -> float:
    """Equation 5.4, epsilon 1, per frame and bin (root mean square) so that length drops out."""

    def log_amplitude(s: Tensor) -> Tensor:
        window = torch.hann_window(2048)
        return (torch.stft(s[0], 2048, 512, window=window, return_complex=True).abs() + 1).log()

    return float((log_amplitude(x) - log_amplitude(y)).pow(2).mean().sqrt())


def fidelity(sizes: list[int], seconds: float) -> dict[str, list[list[float]]]:
    """Figure 5.8: distances to offline, one row per method, spectral and Euclidean.

    Away from the file's ends, which overlap-add meets with zeros where offline pads every layer.
    """
    network = thesis_size()
    x = music(seconds)
    with torch.no_grad():
        y = network(x)
        scale = y.abs().max()
        # what float32 costs offline: the floor below which no method can be told from offline
        double = thesis_size().double()
        z = double(x.double()).float()
    print(f"\noffline in float32 against float64: {float((y - z).abs().max() / scale):.1e} of peak")
    rows: dict[str, list[list[float]]] = {m: [] for m in ("streaming", *OVERLAPS)}
    stream = streaming.convert(network)
    for size in sizes:
        for method, row in rows.items():
            if method == "streaming":
                z = stream.render(x, size)
            else:
                z = streaming.OverlapAdd(network, size, OVERLAPS[method]).render(x)
            a, b = (s[..., EDGE:-EDGE] / scale for s in (y, z))
            row.append(
                [spectral(a, b), float((a - b).norm() / a.norm()), float((a - b).abs().max())]
            )
    return rows


class Buffered(nn.Module):
    """Any number of samples through a method, `hop` at a time."""

    def __init__(self, method: nn.Module, hop: int) -> None:
        super().__init__()
        self.method = method
        self.hop = hop

    def seconds_per_second(self, runs: int) -> float:
        x = torch.randn(1, 1, self.hop)
        start = time.thread_time()
        for _ in range(runs):
            self.method(x)
        return (time.thread_time() - start) / (runs * self.hop / RATE)


def methods(network: nn.Module, size: int) -> dict[str, Buffered]:
    found = {"streaming": Buffered(torch.jit.script(streaming.convert(network)), size)}
    packed = streaming.pack(streaming.convert(network))
    found["as exported"] = Buffered(torch.jit.script(packed), size)
    scripted = torch.jit.script(network)
    for name, overlap in OVERLAPS.items():
        ola = streaming.OverlapAdd(scripted, size, overlap)
        found[name] = Buffered(ola, ola.hop)
    return found


def speed(sizes: list[int], rounds: int, capacity: int = 64) -> dict[str, list[float]]:
    """Figure 5.7 b: real-time factor (seconds of work per second of audio)."""
    network = thesis_size(capacity)
    rows: dict[str, list[float]] = {m: [] for m in ("streaming", "as exported", *OVERLAPS)}
    with torch.no_grad():
        for size in sizes:
            made = methods(network, size)
            for method in made.values():
                method.seconds_per_second(3)  # TorchScript's first calls compile
            found: dict[str, list[float]] = {m: [] for m in made}
            for _ in range(rounds):
                for name, method in made.items():
                    found[name].append(method.seconds_per_second(max(1, 16384 // size)))
            for name, values in found.items():
                rows[name].append(median(values))
    return rows


def memory_of(method: str, size: int) -> None:
    """Child process: run a little and print the peak resident memory in MiB."""
    network = thesis_size()
    with torch.no_grad():
        stream = streaming.convert(network)  # in both, so that both have loaded the same code
        run = (
            Buffered(stream, size)
            if method == "streaming"
            else Buffered(streaming.OverlapAdd(network, size, 0.5), size // 2)
        )
        clear = Path("/proc/self/clear_refs")
        if clear.exists():  # Linux: forget the peak of building the network
            clear.write_text("5")
        run.seconds_per_second(4)
    status = Path("/proc/self/status")
    if status.exists():
        (peak,) = [s for s in status.read_text().splitlines() if s.startswith("VmHWM")]
        print(int(peak.split()[1]) / 1024)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory(sizes: list[int]) -> dict[str, list[float]]:
    """Figure 5.7 a: peak resident memory in MiB, each in a process of its own."""
    rows: dict[str, list[float]] = {}
    for method in ("streaming", "ola 50 %"):
        rows[method] = [
            float(subprocess.run(
                [sys.executable, __file__, "--memory-of", method, str(size)],
                check=True, capture_output=True, text=True, env=os.environ,
            ).stdout)
            for size in sizes
        ]  # fmt: skip
    return rows


def state_kib() -> float:
    """What the streaming network keeps between blocks, in KiB."""
    stream = streaming.convert(thesis_size())
    stream(torch.zeros(1, 1, 2048))
    kept = [b for n, b in stream.named_buffers() if n.rsplit(".", 1)[-1] in ("state", "cell")]
    return sum(b.numel() * b.element_size() for b in kept) / 1024


def delays() -> None:
    print(f"\nDelay at {RATE} Hz, thesis size (thesis: ~600 ms, ~50 ms causal)")
    print("network      equations   encoder, frames  decoder, samples  whole, samples      ms")
    for causal in (False, True):
        encode, decode = (half.eval() for half in halves(causal, capacity=2))
        for early in (True, False):
            whole, encoder, decoder = (
                streaming.convert(n, early=early)
                for n in (nn.Sequential(encode, decode).eval(), encode, decode)
            )
            print(
                f"{'causal' if causal else 'non-causal':12} {'ours' if early else '5.1-5.3':10}"
                f" {encoder.output_delay:16d} {decoder.output_delay:17d} {whole.delay!s:>15}"
                f" {float(whole.delay) / RATE * 1e3:7.1f}"
            )


def table(title: str, sizes: list[int], rows: dict[str, list[float]], form: str) -> None:
    print(f"\n{title}\n{'buffer':10}" + "".join(f"{s:>11d}" for s in sizes))
    for name, values in rows.items():
        print(f"{name:10}" + "".join(f"{v:>11{form}}" for v in values))


def draw(
    path: Path, panels: list[tuple[str, list[int], dict[str, list[float]], str]], field: int
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 4))
    for axis, (title, sizes, rows, scale) in zip(axes, panels, strict=True):
        for name, values in rows.items():
            axis.plot(sizes, values, marker="o", label=name)
        axis.axvspan(min(sizes), max(min(sizes), field), alpha=0.1)  # below the receptive field
        axis.set(xscale="log", yscale=scale, title=title, xlabel="buffer (samples)")
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    print(f"wrote {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of several")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.memory_of:
        memory_of(given.memory_of[0], int(given.memory_of[1]))
        return
    given.out.mkdir(parents=True, exist_ok=True)
    delays()
    print(f"\nState of the streaming network: {state_kib():.0f} KiB (thesis: 180 KiB)")

    sizes = [2048 << n for n in range(7 if given.quick else 9)]
    rows = fidelity(sizes, 6.0 if given.quick else 15.0)
    parts = [{m: [max(v[i], 1e-9) for v in values] for m, values in rows.items()} for i in range(3)]
    table("Figure 5.8: spectral distance to offline", sizes, parts[0], ".2e")
    table("Figure 5.8: Euclidean distance, relative", sizes, parts[1], ".2e")
    table("largest difference, full scale = 1 (float32)", sizes, parts[2], ".2e")
    field = 24109 + 22060
    draw(given.out / "streaming_5_8.webp", [
        ("spectral distance", sizes, parts[0], "log"),
        ("Euclidean distance, relative", sizes, parts[1], "log"),
    ], field)  # fmt: skip

    sizes = [2048 << n for n in range(4 if given.quick else 6)]
    factors = speed(sizes, 5 if given.quick else 15)
    small = speed(sizes[:3], 5 if given.quick else 15, 16)
    peaks = memory(sizes)
    table("Figure 5.7: real-time factor (below 1 is faster than real time)", sizes, factors, ".3f")
    table("the same at capacity 16", sizes[:3], small, ".3f")
    table("Figure 5.7: peak resident memory, MiB", sizes, peaks, ".0f")
    draw(given.out / "streaming_5_7.webp", [
        ("peak memory (MiB)", sizes, peaks, "linear"),
        ("real-time factor", sizes, factors, "log"),
    ], field)  # fmt: skip


if __name__ == "__main__":
    main()
