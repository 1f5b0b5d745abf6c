# SPDX-License-Identifier: MIT
"""From a module to a graph of operations in which no operation changes what another one reads.

`torch.fx` follows ``forward`` symbolically. In-place operations (``relu_``, ``x += y``,
``ReLU(inplace=True)``) are then renamed: whoever read the changed tensor later reads the result of
the operation instead, so that the graph may be read as mathematics.
"""

from __future__ import annotations

import dis
import inspect
import operator
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from . import rule
from .errors import NotStreamable

IN_PLACE_OPERATORS: dict[Any, Any] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}

DRAWN_ONCE = (
    "it is drawn without reference to a signal, and would be drawn once for ever",
    "draw it like a signal (torch.randn_like), or give the module a streaming rule",
)
OWN_MEMORY = (
    "its forward keeps something between calls in its own way",
    "leave that to the conversion, or give the module a streaming rule",
)

VIEWS = {
    "getitem", "chunk", "split", "view", "reshape", "transpose", "permute", "unsqueeze", "squeeze",
    "contiguous", "expand", "flatten", "unflatten", "unbind", "narrow", "select", "dropout",
    "movedim", "swapaxes", "to", "float", "double", "detach",
}  # fmt: skip


class _Proxy(fx.Proxy):
    """A proxy that does not turn ``x += y`` into ``x = x + y`` behind the author's back."""

    def _in_place(self, target: Callable[..., Any], other: Any) -> Any:
        return self.tracer.create_proxy("call_function", target, (self, other), {})

    def __len__(self) -> int:
        count = _pieces(self.node)
        if count is None:
            raise TypeError("a tensor of the network has no length while it is followed")
        return count

    def __bool__(self) -> bool:
        """An assertion of forward is taken to hold; any other decision cannot be followed."""
        frame = inspect.currentframe()
        holds = None if frame is None or frame.f_back is None else _assertion(frame.f_back)
        return super().__bool__() if holds is None else holds

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(operator.iadd, other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place(operator.isub, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(operator.imul, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place(operator.itruediv, other)


def _assertion(frame: FrameType) -> bool | None:
    """What a condition must be for the assertion that asks for it to hold; None for an ``if``."""
    code = list(dis.get_instructions(frame.f_code))
    at = next((i for i, step in enumerate(code) if step.offset == frame.f_lasti), len(code))
    if at + 1 >= len(code):
        return None
    jump, after = code[at], code[at + 1]
    raises = {step.offset for step in code if step.opname == "LOAD_ASSERTION_ERROR"}
    if "JUMP" not in jump.opname or ("IF_TRUE" in jump.opname) == ("IF_FALSE" in jump.opname):
        return None
    if after.offset in raises:
        return "IF_TRUE" in jump.opname
    return "IF_FALSE" in jump.opname if jump.argval in raises else None


def _pieces(node: fx.Node) -> int | None:
    """How many pieces a chunk or split has, where its arguments tell."""
    name = getattr(node.target, "__name__", node.target)
    if name not in ("chunk", "split"):
        return None
    given = node.args[1] if len(node.args) > 1 else None
    for key in ("chunks", "split_size_or_sections", "split_size"):
        given = node.kwargs.get(key, given)
    if isinstance(given, tuple | list):
        return len(given)
    return given if name == "chunk" and isinstance(given, int) else None


def _torch_layer(module: nn.Module) -> bool:
    """Whether a module is a layer of torch, or of a class that changes none of its methods."""
    kinds = list(type(module).__mro__)
    if parametrize.is_parametrized(module):
        del kinds[0]  # the class that was parametrized comes next
    own: set[str] = set()
    while not kinds[0].__module__.startswith("torch.nn."):
        own.update(vars(kinds.pop(0)))
    layer = kinds[0]
    changed = (own & set(dir(layer))) - {"extra_repr", "reset_parameters"}
    changed = {name for name in changed if not name.startswith("__") or name == "__call__"}
    return layer is not nn.Module and "parametriz" not in layer.__module__ and not changed


class _Tracer(fx.Tracer):
    record_stack_traces = True

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        if rule.find(module) is not None:
            return True
        if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            return False
        return _torch_layer(module)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """Also unpack ``*x.chunk(2, 1)`` and ``for part in x.split([1, 3], 1)``."""
        count = _pieces(obj.node)
        return super().iter(obj) if count is None else iter([obj[i] for i in range(count)])  # type: ignore[index]


def is_layer(network: nn.Module) -> bool:
    """Whether the network is one layer, which has its own way to be streamed."""
    return _Tracer().is_leaf_module(network, "")


def where(node: fx.Node) -> str:
    """Where an operation stands: module path, and the author's source line where known."""
    if node.op == "call_module":
        place = f"'{node.target}'"
    else:
        stack = node.meta.get("nn_module_stack") or {}
        owner = next(reversed(stack.values()))[0] if stack else ""
        place = f"'{owner}'" if owner else "the network's forward"
    lines = (node.stack_trace or "").strip().splitlines()
    files = [i for i, line in enumerate(lines) if line.strip().startswith("File ")]
    here = [i for i in files if "/torch/" not in lines[i] and "nnbridge/streaming" not in lines[i]]
    if here:
        name, number = lines[here[-1]].split('"')[1], lines[here[-1]].split("line ")[1]
        place += f" ({name.rsplit('/', 1)[-1]}:{number.split(',')[0]})"
    return place


def operation(node: fx.Node, module: nn.Module | None = None) -> str:
    """What an operation is called, in the author's words."""
    if module is not None:
        return type(module).__name__.removeprefix("Parametrized")
    if node.op == "call_method":
        return f"Tensor.{node.target}"
    name = getattr(node.target, "__name__", str(node.target))
    owner = getattr(node.target, "__module__", "") or ""
    return f"torch.{name}" if owner.startswith(("torch", "_operator")) is False else name


def in_place_name(name: object) -> bool:
    """Whether torch calls an operation so that changes its first argument (``add_``)."""
    return isinstance(name, str) and name.endswith("_") and not name.endswith("__")


def _in_place(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        return bool(getattr(root.get_submodule(str(node.target)), "inplace", False))
    if node.op == "call_method":
        return in_place_name(node.target)
    if node.op == "call_function":
        if node.target in IN_PLACE_OPERATORS or node.kwargs.get("inplace"):
            return True
        if in_place_name(getattr(node.target, "__name__", "")):
            return True
        try:  # inplace given by position
            bound = inspect.signature(node.target).bind(*node.args, **node.kwargs)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return False
        return bound.arguments.get("inplace") is True
    return False


def _is_view(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        module = root.get_submodule(str(node.target))
        return isinstance(module, nn.Identity | nn.Flatten) or "Dropout" in type(module).__name__
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.op in ("call_method", "call_function") and name in VIEWS


def _rename(graph: fx.Graph, root: nn.Module) -> None:
    order = {node: index for index, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        if not _in_place(node, root) or not node.args or not isinstance(node.args[0], fx.Node):
            continue
        changed = node.args[0]

        def later(user: fx.Node, now: int = order[node]) -> bool:
            return order[user] > now

        base = changed
        family = {changed}
        while _is_view(base, root) and base.args and isinstance(base.args[0], fx.Node):
            base = base.args[0]
            family.add(base)
        if base.op == "get_attr":
            raise NotStreamable(f"writing to self.{base.target}", where(node), *OWN_MEMORY)
        for member in list(graph.nodes):
            source = member.args[0] if member.args else None
            if _is_view(member, root) and source in family and not later(member):
                family.add(member)
        if any(later(user) for member in family - {changed} for user in member.users):
            raise NotStreamable(
                f"{operation(node)} in place",
                where(node),
                "it changes a tensor that is also read through another name",
                "write it without the in-place form",
            )
        changed.replace_all_uses_with(node, delete_user_cb=later)


def trace(network: nn.Module) -> fx.Graph:
    """The graph of `network`'s forward, in-place operations renamed, dead ones removed.

    Raises:
        NotStreamable: forward depends on values or lengths, or cannot be followed.
    """
    optional = {
        name: parameter.default
        for name, parameter in inspect.signature(network.forward).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    modules = list(network.modules())
    before = [dict(vars(module)) for module in modules]
    kept = [
        _Kept(module, name)
        for module in modules
        if not isinstance(module, torch.jit.ScriptModule)
        for name in module._buffers
    ]
    drawn = torch.get_rng_state()
    try:
        graph = _Tracer().trace(network, concrete_args=optional or None)
    except NotStreamable:
        raise
    except Exception as error:  # whatever the author's code raises when given a symbol
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise NotStreamable(
            "the Python code of forward",
            _author_line(error),
            "it cannot be followed symbolically, because it decides or computes something from "
            f"the values or the shape of a tensor ({reason})",
            "move that part into a module with a streaming rule (see nnbridge.streaming.rule)",
        ) from error
    finally:
        stored = _restore(modules, before)
        written = [buffer for buffer in kept if buffer.restored()]
    if stored is None and written:
        stored = written[0].module, written[0].name
    if stored is not None:
        raise NotStreamable(
            f"writing to self.{stored[1]}", f"a {type(stored[0]).__name__}", *OWN_MEMORY
        )
    if not torch.equal(drawn, torch.get_rng_state()):
        raise NotStreamable(
            "a random number",
            "the network's forward",
            *DRAWN_ONCE,
        )
    _rename(graph, network)
    for node in reversed(list(graph.nodes)):
        if node.op not in ("placeholder", "output") and not node.users:
            graph.erase_node(node)
    return graph


class _Kept:
    """A buffer as it was before forward was followed: that runs what does not read the input."""

    def __init__(self, module: nn.Module, name: str) -> None:
        self.module = module
        self.name = name
        self.tensor = module._buffers[name]
        self.value = None if self.tensor is None else self.tensor.clone()

    def restored(self) -> bool:
        """Put it back; whether it had been changed."""
        changed = self.module._buffers.get(self.name) is not self.tensor
        self.module._buffers[self.name] = self.tensor
        if self.tensor is None or self.value is None or _alike(self.tensor, self.value):
            return changed
        self.tensor.copy_(self.value)
        return True


def _alike(one: Tensor, other: Tensor) -> bool:
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


def _restore(
    modules: list[nn.Module], before: list[dict[str, Any]]
) -> tuple[nn.Module, str] | None:
    """Take symbols out of the author's modules, set counters back; the first, if no weight."""
    found = None
    for module, old in zip(modules, before, strict=True):
        folded = {getattr(hook, "name", None) for hook in module._forward_pre_hooks.values()}
        for name, value in list(vars(module).items()):
            counts = name in old and type(value) in (int, float) and value != old[name]
            if not isinstance(value, fx.Proxy) and not counts:
                continue
            if name in old:
                vars(module)[name] = old[name]
            else:
                del vars(module)[name]
            if name not in folded and found is None:
                found = module, name
    return found


def _author_line(error: BaseException) -> str:
    place = "the network's forward"
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if "/torch/" not in file and "nnbridge/streaming" not in file:
            place = f"{file.rsplit('/', 1)[-1]}:{step.tb_lineno}"
        step = step.tb_next
    return place


def is_tensor(value: object) -> bool:
    """Whether a constant is a tensor with time-like dimensions to check."""
    return isinstance(value, Tensor) and value.dim() > 0 and torch.numel(value) > 1
