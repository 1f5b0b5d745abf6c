# SPDX-License-Identifier: MIT
"""What smaller weights would give a prior: time per step, and what they cost in perplexity.

    PYTHONPATH=python python tests/bench/prior_storage.py [RUN]

A step reads every weight once, so time is measured on the products of one transformer step at the
thesis's size (D = 512), with more matrices than a cache holds; one thread, processor time. With the
run of a trained prior: its figures with weights rounded to each kind of storage.
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear

from nnbridge.prior import evaluation
from nnbridge.prior.run import Run, load
from nnbridge.prior.sequences import Sequences

SHAPES = ((1536, 512), (512, 512), (2048, 512), (512, 2048))  # of one block
BLOCKS = 12


def median(multiply: Callable[[Tensor], Tensor], weights: list[Tensor]) -> float:
    """Milliseconds for all products."""
    times = []
    for _ in range(15):
        begin = time.thread_time()
        for weight in weights:
            multiply(weight)
        times.append(1000 * (time.thread_time() - begin))
    return statistics.median(times)


def products(kind: str) -> float:
    """Milliseconds for the products of a step."""
    torch.manual_seed(0)
    weights = [torch.randn(shape) for _ in range(BLOCKS) for shape in SHAPES]
    inputs = {n: torch.randn(1, n) for n in (512, 2048)}
    if kind == "int8":
        scales = {n: torch.ones(n, dtype=torch.bfloat16) for n in (512, 1536, 2048)}
        small = {n: x.bfloat16() for n, x in inputs.items()}
        return median(
            lambda w: torch._weight_int8pack_mm(small[w.shape[1]], w, scales[w.shape[0]]),
            [(40 * w).round().clamp(-127, 127).to(torch.int8) for w in weights],
        )
    dtype = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[kind]
    held = {n: x.to(dtype) for n, x in inputs.items()}
    return median(lambda w: linear(held[w.shape[1]], w), [w.to(dtype) for w in weights])


def rounded(weight: Tensor, kind: str) -> Tensor:
    """A weight as it comes back from storage; int8 has one scale per output."""
    if weight.dim() < 2 or kind == "float32":
        return weight
    if kind != "int8":
        return weight.to(getattr(torch, kind)).float()
    scale = weight.abs().amax(-1, keepdim=True).clamp(min=1e-12) / 127
    return (weight / scale).round() * scale


def main() -> None:
    """Prints both tables."""
    torch.set_num_threads(1)
    kinds = ("float32", "float16", "bfloat16", "int8")
    print("| storage | products of a step, ms |\n|---|---|")
    with torch.inference_mode():
        for kind in kinds:
            print(f"| {kind} | {products(kind):.1f} |", flush=True)
    if len(sys.argv) < 2:
        return
    trained = load(sys.argv[1])
    sequences = Sequences(Run(sys.argv[1]).facts["sequences"]["path"])
    print("\n| storage | accuracy % | perplexity | cross-entropy |\n|---|---|---|---|")
    for kind in kinds:
        prior = copy.deepcopy(trained.prior)
        for parameter in prior.parameters():
            parameter.data = rounded(parameter.data, kind)
        found = evaluation.evaluate(prior, sequences, segment=trained.recipe.training.segment)
        print(
            f"| {kind} | {100 * found.accuracy:.2f} | {found.perplexity:.4f} | "
            f"{found.cross_entropy:.4f} |"
        )


if __name__ == "__main__":
    main()
