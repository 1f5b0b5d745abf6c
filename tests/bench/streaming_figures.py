# SPDX-License-Identifier: MIT
"""The thesis's figures 5.7 and 5.8 and its latencies, remade for RAVE at the thesis's size.

    PYTHONPATH=python python tests/bench/streaming_figures.py [--quick] [--out out]
        [--network WEIGHTS.safetensors --audio FILE]

Prints tables and writes pictures. Random weights: cost does not depend on them, nor does whether a
stream is exact. How far overlap-add is from offline does, so figure 5.8 takes a trained network and
a recording too. Without the noise head, whose streams are only statistically equal.
One thread; timings of all methods are interleaved, medians of the thread's processor time.
Memory is that of processes of their own, each of which plays one model file.
"""

from __future__ import annotations

import argparse
import copy
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python" / "streaming"))

from streaming_networks import prepared

from nnbridge import streaming
from nnbridge.rave import weights
from nnbridge.rave.network import RAVE
from nnbridge.rave.playable import Decode, Encode
from nnbridge.rave.recipe import Recipe

RATE = 44100
EDGE = 65536  # samples, more than the receptive field
OVERLAPS = {"ola 0 %": 0.0, "ola 25 %": 0.25, "ola 50 %": 0.5}
EXPORTED = "streaming, as exported"


def halves(rave: RAVE) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder as networks of their own."""
    for module in rave.modules():
        if parametrize.is_parametrized(module):  # as in an export, and what scripting asks for
            parametrize.remove_parametrizations(module, "weight")
    return Encode(rave, Fraction(1)).eval(), Decode(rave, Fraction(1)).eval()


def untrained(capacity: int, causal: bool = False, noise: bool = False) -> RAVE:
    """The network that the recipe `thesis` makes, at this capacity."""
    torch.manual_seed(0)
    settings = {"causal": str(causal).lower(), "capacity": capacity, "sample_rate": RATE}
    if not noise:
        settings["noise_bands"] = 0
    chosen = [f"network.{name}={value}" for name, value in settings.items()]
    rave = RAVE(Recipe.load("thesis").override(chosen))
    prepared(rave)
    return rave


def thesis_size(capacity: int = 64) -> nn.Module:
    return nn.Sequential(*halves(untrained(capacity))).eval()


def trained(path: Path) -> nn.Module:
    """A trained network, its noise head left out."""
    rave = weights.load(path)
    rave.decoder.noise = None
    return nn.Sequential(*halves(rave)).eval()


def recording(path: Path, seconds: float) -> Tensor:
    """The begin of an audio file's first channel, [1, 1, time]."""
    import soundfile

    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != RATE:
        raise SystemExit(f"{path} has {rate} Hz; the figures want a recording at {RATE} Hz.")
    whole = min(len(x), int(seconds * RATE)) // 2048 * 2048
    if whole < 3 * EDGE:
        raise SystemExit(f"{path} is shorter than the {3 * EDGE / RATE:.1f} s that are needed.")
    return torch.from_numpy(x[:whole, 0].copy())[None, None]


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


def fidelity(network: nn.Module, x: Tensor, sizes: list[int]) -> dict[str, list[list[float]]]:
    """Figure 5.8: distances to offline, one row per method, spectral and Euclidean.

    Away from the file's ends, which overlap-add meets with zeros where offline pads every layer.
    """
    with torch.no_grad():
        y = network(x)
        scale = y.abs().max()
        # what float32 costs offline: the floor below which no method can be told from offline
        z = copy.deepcopy(network).double()(x.double()).float()
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
            apart = (a - b).double()
            row.append([spectral(a, b), float(apart.norm() / a.double().norm()),
                        float(apart.abs().max())])  # fmt: skip
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


def scripted(network: nn.Module) -> dict[str, Callable[[], torch.jit.ScriptModule]]:
    """What makes the three programs: streaming, streaming as exported, and the bare network."""
    return {
        "streaming": lambda: torch.jit.script(streaming.convert(network)),
        EXPORTED: lambda: torch.jit.script(streaming.pack(streaming.convert(network))),
        "bare": lambda: torch.jit.script(network),
    }


def buffered(method: str, program: nn.Module, size: int) -> Buffered:
    """A method on buffers of `size` samples."""
    if method in OVERLAPS:
        ola = streaming.OverlapAdd(program, size, OVERLAPS[method])
        return Buffered(ola, ola.hop)
    return Buffered(program, size)


METHODS = ("streaming", EXPORTED, *OVERLAPS)


def speed(sizes: list[int], rounds: int, capacity: int = 64) -> dict[str, list[float]]:
    """Figure 5.7 b: real-time factor (seconds of work per second of audio)."""
    network = thesis_size(capacity)
    rows: dict[str, list[float]] = {m: [] for m in METHODS}
    with torch.no_grad():
        for size in sizes:
            programs = {name: make() for name, make in scripted(network).items()}
            made = {m: buffered(m, programs["bare" if m in OVERLAPS else m], size) for m in METHODS}
            for method in made.values():
                method.seconds_per_second(3)  # TorchScript's first calls compile
            found: dict[str, list[float]] = {m: [] for m in made}
            for _ in range(rounds):
                for name, method in made.items():
                    found[name].append(method.seconds_per_second(max(1, 16384 // size)))
            for name, values in found.items():
                rows[name].append(median(values))
    return rows


def memory_of(method: str, size: int, file: str) -> None:
    """Child process: play a model file a little and print the peak resident memory in MiB."""
    program = torch.jit.load(file)
    with torch.no_grad():
        run = buffered(method, program, size)
        run.seconds_per_second(3)
        clear = Path("/proc/self/clear_refs")
        if clear.exists():  # Linux: forget the peaks of loading and compiling
            clear.write_text("5")
        run.seconds_per_second(4)
    status = Path("/proc/self/status")
    if status.exists():
        (peak,) = [s for s in status.read_text().splitlines() if s.startswith("VmHWM")]
        print(int(peak.split()[1]) / 1024)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory(sizes: list[int], repeats: int) -> dict[str, list[float]]:
    """Figure 5.7 a: peak resident memory in MiB, medians over processes of their own."""
    network = thesis_size()
    with tempfile.TemporaryDirectory() as folder:
        files = {name: f"{folder}/{n}.ts" for n, name in enumerate(scripted(network))}
        for name, make in scripted(network).items():
            torch.jit.save(make(), files[name])

        def peak(method: str, size: int) -> float:
            file = files["bare" if method in OVERLAPS else method]
            command = [sys.executable, __file__, "--memory-of", method, str(size), file]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return float(done.stdout)

        return {
            method: [median(peak(method, size) for _ in range(repeats)) for size in sizes]
            for method in METHODS
        }


def state_kib() -> float:
    """What the streaming network keeps between blocks, in KiB."""
    stream = streaming.convert(thesis_size())
    stream(torch.zeros(1, 1, 2048))
    kept = [b for n, b in stream.named_buffers() if n.rsplit(".", 1)[-1] in ("state", "cell")]
    return sum(b.numel() * b.element_size() for b in kept) / 1024


def delays() -> None:
    print(f"\nDelay at {RATE} Hz, thesis size (thesis: ~600 ms, ~50 ms causal)")
    print(
        "network      noise   equations   encoder, frames  decoder, samples  whole, samples      ms"
    )
    for causal in (False, True):
        for noise in (False, True):
            encode, decode = halves(untrained(2, causal, noise))
            for early in (True, False):
                whole, encoder, decoder = (
                    streaming.convert(n, early=early)
                    for n in (nn.Sequential(encode, decode).eval(), encode, decode)
                )
                print(
                    f"{'causal' if causal else 'non-causal':12} {'with' if noise else 'without':7} "
                    f"{'ours' if early else '5.1-5.3':10} {encoder.output_delay:16d} "
                    f"{decoder.output_delay:17d} {whole.delay!s:>15}"
                    f" {float(whole.delay) / RATE * 1e3:7.1f}"
                )


def receptive_field(network: nn.Module) -> int:
    """Samples of the input that one sample of the output depends on."""
    x = torch.randn(1, 1, 1 << 17).requires_grad_()
    network(x)[0, 0, 1 << 16].backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    reached = x.grad[0, 0].nonzero()
    return int(reached[-1] - reached[0] + 1)


def table(title: str, sizes: list[int], rows: dict[str, list[float]], form: str) -> None:
    print(f"\n{title}\n\n| buffer | " + " | ".join(map(str, sizes)) + " |")
    print("|---|" + "---:|" * len(sizes))
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{v:{form}}" for v in values) + " |")


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
        axis.axvspan(min(sizes), min(max(sizes), field), alpha=0.1)  # below the receptive field
        axis.set(xscale="log", yscale=scale, title=title, xlabel="buffer (samples)")
        axis.set_xticks(sizes, [f"{size // 1024} k" for size in sizes], minor=False)
        axis.set_xticks([], minor=True)
    names = axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="lower center", ncols=len(names[0]), frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path, dpi=80)
    print(f"wrote {path}")


def figure_5_8(network: nn.Module, x: Tensor, sizes: list[int], picture: Path) -> int:
    """Prints and draws it; returns the network's receptive field in samples."""
    field = receptive_field(network)
    print(f"\nReceptive field: {field} samples")
    rows = fidelity(network, x, sizes)
    parts = [{m: [max(v[i], 1e-9) for v in values] for m, values in rows.items()} for i in range(3)]
    table("Figure 5.8: spectral distance to offline", sizes, parts[0], ".1e")
    table("Figure 5.8: Euclidean distance, relative", sizes, parts[1], ".1e")
    table("largest difference, full scale = 1 (float32)", sizes, parts[2], ".1e")
    draw(picture, [
        ("spectral distance", sizes, parts[0], "log"),
        ("Euclidean distance, relative", sizes, parts[1], "log"),
    ], field)  # fmt: skip
    return field


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of several")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--network", type=Path, help="figure 5.8 for a trained network as well")
    parser.add_argument("--audio", type=Path, help="the recording that it is given")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if bool(given.network) != bool(given.audio):
        parser.error("--network and --audio go together.")
    trained_on = (trained(given.network), recording(given.audio, 15.0)) if given.network else None
    torch.set_num_threads(1)
    if given.memory_of:
        method, size, file = given.memory_of
        memory_of(method, int(size), file)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    delays()
    print(f"\nState of the streaming network: {state_kib():.0f} KiB (thesis: 180 KiB)")

    sizes = [2048 << n for n in range(7 if given.quick else 9)]
    x = music(6.0 if given.quick else 15.0)
    field = figure_5_8(thesis_size(), x, sizes, given.out / "streaming_5_8.webp")
    if trained_on:
        print(f"\nThe same for {given.network}, trained, and {given.audio}")
        figure_5_8(*trained_on, sizes, given.out / "streaming_5_8_trained.webp")

    sizes = [2048 << n for n in range(4 if given.quick else 6)]
    peaks = memory(sizes, 1 if given.quick else 3)
    table("Figure 5.7: peak resident memory, MiB", sizes, peaks, ".1f")
    factors = speed(sizes, 5 if given.quick else 15)
    table("Figure 5.7: real-time factor (below 1 is faster than real time)", sizes, factors, ".3f")
    small = speed(sizes[:3], 5 if given.quick else 15, 16)
    table("the same at capacity 16", sizes[:3], small, ".3f")
    draw(given.out / "streaming_5_7.webp", [
        ("peak memory (MiB)", sizes, peaks, "linear"),
        ("real-time factor", sizes, factors, "log"),
    ], field)  # fmt: skip


if __name__ == "__main__":
    main()
