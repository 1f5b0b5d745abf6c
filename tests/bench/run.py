# SPDX-License-Identifier: MIT
"""Measures what a stream costs and writes RESULTS.md beside this file; run by ``make bench``."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAM = ROOT / "build" / "release" / "stream_cost"
COLD_STARTS = 5

sys.path.insert(0, str(ROOT / "tests" / "python"))


def measure(*arguments: str) -> dict[str, Any]:
    """One run of the measuring program."""
    done = subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {done.stderr.strip() or 'the measuring program crashed'}")
    return dict(json.loads(done.stdout))


def machine() -> str:
    """The processor, as the system names it."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def verdict(value: float, goal: float) -> str:
    """Whether a goal is met, and by how much it is missed."""
    return "met" if value <= goal else f"missed by {value - goal:.2f}"


def audio_thread_table(rows: list[dict[str, Any]]) -> str:
    """Time of ``process`` per host block."""
    lines = [
        "| N | median | p99 | calls that only copy | calls that wake the worker |",
        "|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        copying = f"{row['copying']:.2f}" if "copying" in row else "–"
        waking = f"{row['waking']:.2f}" if "waking" in row else "–"
        lines.append(
            f"| {row['n']} | {row['median']:.2f} | {row['p99']:.2f} | {copying} | {waking} |"
        )
    return "\n".join(lines)


def inference_table(results: dict[str, Any]) -> str:
    """A whole inference, bare and through a stream."""
    lines = [
        "| model | bare call | stream | ratio | difference | allocations, bare | stream |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, title in (("trivial", "a gain"), ("one_ms", "a stack of convolutions")):
        row = results[name]
        lines.append(
            f"| {title} | {row['bare']:.2f} | {row['stream']:.2f} | {row['ratio']:.3f} "
            f"| {row['difference']:+.2f} | {row['bare_allocations']} "
            f"| {row['stream_allocations']} |"
        )
    return "\n".join(lines)


def cold_table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """Opening and the first calls, medians over fresh processes."""
    lines = [
        "| model | open | prepare (warms up) | calls 1 to 5, bare | calls 1 to 5, stream |",
        "|---|---:|---:|---|---|",
    ]
    for title, cold in runs.items():

        def calls(key: str, cold: list[dict[str, Any]] = cold) -> str:
            return " · ".join(f"{median(run[key][i] for run in cold):.0f}" for i in range(5))

        opened = median(run["open"] for run in cold) / 1000
        prepared = median(run["prepare"] for run in cold) / 1000
        lines.append(
            f"| {title} | {opened:.1f} ms | {prepared:.1f} ms "
            f"| {calls('bare_calls')} | {calls('stream_calls')} |"
        )
    return "\n".join(lines)


def report(results: dict[str, Any], cold: dict[str, list[dict[str, Any]]]) -> str:
    """RESULTS.md."""
    import torch

    at_64 = next(row for row in results["audio_thread"] if row["n"] == 64)
    late = sum(row["late"] for row in results["audio_thread"])
    return f"""# What a stream costs

Made by `make bench` on {date.today().isoformat()}: {machine()}; torch {torch.__version__}, one
intra-op thread. Microseconds, unless another unit stands there; medians. What stands side by side
was measured interleaved in one run.

## `process` on the audio thread, realtime, mono

{audio_thread_table(results["audio_thread"])}

Model block 512, or N where N is larger. Goal: under 2 µs at N = 64: {verdict(at_64["median"], 2.0)}
({at_64["median"]:.2f} µs). Late blocks: {late}.

## A whole inference, 512 samples, inline

{inference_table(results)}

The bare call is `Method::operator()` on a tensor that is there already; the stream also takes the
samples from the host's buffer, checks the result and hands it back. Goals: at most 1.02 times for a
1 ms model: {verdict(results["one_ms"]["ratio"], 1.02)}; at most 3 µs on top of a trivial one:
{verdict(results["trivial"]["difference"], 3.0)}. Allocations are those of one inference, tensors
included; they happen on the worker in a realtime stream.

## Cold start

{cold_table(cold)}

Medians over {COLD_STARTS} fresh processes. The bare calls come first in the process and carry its
start-up; `prepare` makes the slow calls itself, so that none is left for the audio.
"""


def main() -> None:
    """Build the models, measure, write."""
    from fixtures import build

    if not PROGRAM.exists():
        sys.exit("bench: the measuring program is not built: run `make bench`")
    with tempfile.TemporaryDirectory() as directory:
        trivial, heavy = (str(build(name, directory)) for name in ("gain", "one_ms"))
        print("measuring (about a minute) …", file=sys.stderr)
        results = measure(trivial, heavy)
        cold = {
            title: [measure("--cold", path) for _ in range(COLD_STARTS)]
            for title, path in (("a gain", trivial), ("a stack of convolutions", heavy))
        }
    text = report(results, cold)
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
