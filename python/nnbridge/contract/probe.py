# SPDX-License-Identifier: MIT
"""Run a declared method as a host would, and say what is wrong with what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .declare import Method
from .errors import ContractError, run_error


def probe(method: Method, call: Callable[..., Any]) -> bool:
    """Play a silent block, then a noisy one, and check both outputs.

    Args:
        method: what was declared.
        call: takes ``[1, in_channels, time / in_ratio]`` float32, and should return
            ``[1, out_channels, time / out_ratio]`` float32.

    Returns:
        Whether the method drew random numbers.

    Raises:
        ContractError: it raised, or its output breaks the declaration.
    """
    shape = (1, method.in_channels, method.test_samples // method.in_ratio)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    drew = False
    for kind, block in (("silent", torch.zeros(shape)), ("noisy", noise)):
        before = torch.get_rng_state()
        try:
            with torch.no_grad():
                out = call(block)
        except Exception as error:
            early = isinstance(error, AttributeError)
            raise ContractError(
                f"method {method.name!r} failed on a {kind} block of shape {list(shape)}: "
                f"{run_error(error)}"
                + ("; a method is tried at once, so register what it uses first" if early else "")
            ) from error
        drew = drew or not torch.equal(before, torch.get_rng_state())
        check_output(method, kind, out)
    return drew


def check_output(method: Method, kind: str, out: object) -> None:
    """Compare one output with the declaration.

    Args:
        method: what was declared.
        kind: what went in, for the message.
        out: what came out.

    Raises:
        ContractError: the first thing that is wrong.
    """
    name = f"method {method.name!r}"
    wanted = [1, method.out_channels, method.test_samples // method.out_ratio]
    if not isinstance(out, torch.Tensor):
        raise ContractError(
            f"{name} returned {type(out).__name__}; it must return one tensor "
            "[batch, channels, time]"
        )
    shape = list(out.shape)
    if out.dim() != 3:
        raise ContractError(
            f"{name} returned a tensor of shape {shape}; it must have three dimensions, "
            f"[batch, channels, time] = {wanted}"
        )
    if shape[0] != 1:
        raise ContractError(f"{name} returned a batch of {shape[0]} for a batch of 1")
    if shape[1] != wanted[1]:
        raise ContractError(f"{name} returned {shape[1]} channels, but declares {wanted[1]}")
    if shape[2] != wanted[2]:
        raise ContractError(
            f"{name} returned {shape[2]} values for {method.test_samples} audio samples; "
            f"at its out_ratio of {method.out_ratio} it must return {wanted[2]}"
        )
    if out.dtype != torch.float32:
        raise ContractError(
            f"{name} returned {str(out.dtype).removeprefix('torch.')}; it must return float32 "
            "(call .float() on the result)"
        )
    if not bool(torch.isfinite(out).all()):
        raise ContractError(f"{name} returned NaN or infinity for a {kind} block")
