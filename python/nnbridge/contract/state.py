# SPDX-License-Identifier: MIT
"""Run something on a module and leave no trace of it in the module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .buffer import Buffer

Undo = Callable[[], None]


@contextmanager
def pristine(module: nn.Module) -> Iterator[None]:
    """Put every bit of state back on leaving: of the module, of its children, of the generator.

    State is wherever authors keep it: buffers, parameters changed in place, plain tensors,
    numbers, lists, dicts and ``Buffer`` objects. Objects keep their identity, so that two names
    for one tensor stay two names for one tensor. Compiled children work on a copy meanwhile.

    Args:
        module: what is about to be run.
    """
    undo: list[Undo] = []
    seen: set[int] = set()
    _remember(module, undo, seen)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        for step in reversed(undo):
            step()


def _remember(value: Any, undo: list[Undo], seen: set[int]) -> None:
    if id(value) in seen:
        return
    if isinstance(value, torch.Tensor):
        seen.add(id(value))
        undo.append(_tensor_undo(value))
    elif isinstance(value, list):
        seen.add(id(value))
        undo.append(_list_undo(value))
        for item in value:
            _remember(item, undo, seen)
    elif isinstance(value, dict):
        seen.add(id(value))
        undo.append(_dict_undo(value))
        for item in list(value.values()):
            _remember(item, undo, seen)
    elif isinstance(value, tuple):
        for item in value:
            _remember(item, undo, seen)
    elif isinstance(value, nn.Module) and not isinstance(value, torch.jit.ScriptModule):
        seen.add(id(value))
        _remember(value.__dict__, undo, seen)
        _lend_compiled_children(value)
    elif isinstance(value, Buffer):
        seen.add(id(value))
        _remember(value.__dict__, undo, seen)


def _lend_compiled_children(module: nn.Module) -> None:
    # The table of children is remembered by now, so the originals come back with it.
    for name, child in list(module._modules.items()):
        if isinstance(child, torch.jit.ScriptModule):
            module._modules[name] = copy.deepcopy(child)


def _tensor_undo(tensor: torch.Tensor) -> Undo:
    saved = tensor.detach().clone()
    home = tensor.data

    def restore() -> None:
        with torch.no_grad():
            if home.shape == saved.shape:
                home.copy_(saved)
                tensor.data = home
            else:
                tensor.data = saved

    return restore


def _list_undo(items: list[Any]) -> Undo:
    saved = list(items)

    def restore() -> None:
        items[:] = saved

    return restore


def _dict_undo(items: dict[Any, Any]) -> Undo:
    saved = dict(items)

    def restore() -> None:
        items.clear()
        items.update(saved)

    return restore
