# SPDX-License-Identifier: MIT
"""Weights for the streaming modules: shared where they are plain, folded where they are computed.

A plain parameter is used through a detached alias of the same memory: later in-place changes of
the network are heard, while ``.to()`` on either side leaves the other as it was. A weight that is
computed from others (weight normalisation, old and new style, spectral normalisation, any
parametrization) is computed once, at conversion, and later changes of the network are not heard.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def tensor(module: nn.Module, name: str) -> Tensor | None:
    """The tensor `name` of a layer, detached: an alias of a parameter, or a folded value."""
    with torch.no_grad():
        for hook in module._forward_pre_hooks.values():
            # torch's old-style weight_norm and spectral_norm compute the weight in such a hook
            if getattr(hook, "name", None) == name and hasattr(hook, "compute_weight"):
                spectral = hasattr(hook, "n_power_iterations")
                value = (
                    hook.compute_weight(module, False)
                    if spectral
                    else (hook.compute_weight(module))
                )
                return value.detach().clone()  # type: ignore[no-any-return]
        found = getattr(module, name)
    if found is None:
        return None
    assert isinstance(found, Tensor)
    return found.detach()


def foreign_hooks(module: nn.Module) -> bool:
    """Whether the layer has forward hooks, other than those `tensor` folds."""
    before = [
        hook for hook in module._forward_pre_hooks.values() if not hasattr(hook, "compute_weight")
    ]
    return bool(before) or bool(module._forward_hooks)


def alias(module: nn.Module) -> nn.Module:
    """A copy of a layer whose tensors are detached aliases of the layer's own."""
    memo: dict[int, object] = {}
    for part in module.modules():  # computed weights are kept in plain attributes, too
        for value in vars(part).values():
            several = value if isinstance(value, list) else [value]
            memo.update({id(v): v.detach() for v in several if isinstance(v, Tensor)})
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.detach()
    twin = copy.deepcopy(module, memo)
    for part in list(twin.modules()):
        _fold(part)
        if getattr(part, "inplace", False):
            part.inplace = False  # type: ignore[assignment]
        part.requires_grad_(False)
    return twin


def _fold(layer: nn.Module) -> None:
    """Replace the weights that a copied layer computes by their values."""
    for key, hook in list(layer._forward_pre_hooks.items()):
        if hasattr(hook, "compute_weight") and hasattr(hook, "remove"):
            hook.remove(layer)
            del layer._forward_pre_hooks[key]
    if parametrize.is_parametrized(layer):
        # not by torch's remove_parametrizations: it changes the class, which the original shares
        assert isinstance(layer.parametrizations, nn.ModuleDict)
        values = {name: getattr(layer, name).detach() for name in layer.parametrizations}
        del layer.parametrizations
        layer.__class__ = type(layer).__mro__[1]
        for name, value in values.items():
            setattr(layer, name, nn.Parameter(value, requires_grad=False))
