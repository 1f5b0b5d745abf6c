# SPDX-License-Identifier: MIT
"""Write a model to one file, checked, with its manifest, all or nothing."""

from __future__ import annotations

import io
import json
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from .declare import Attribute, Kind
from .errors import ContractError, script_error
from .manifest import EXTRA_FILE, SCHEMA, AttributeEntry, Manifest, MethodEntry
from .module import Module
from .probe import probe
from .state import pristine

_SCRIPT_TYPES = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.FLOAT: "float",
    Kind.STR: "str",
    Kind.TENSOR: "Tensor",
    Kind.BUFFER: "str",
}


def export(module: Module, path: str | os.PathLike[str]) -> Path:
    """Compile a model, check it, and write it with its manifest.

    What is written is the state that the module has now: the checks run on a copy read back from
    the file. The module itself, and the random generator, are as before when this returns. A
    file that is there already is replaced at once at the end, or not at all.

    Args:
        module: the model; it is exported in evaluation mode, on the CPU or where it lives.
        path: where to; ``.ts`` is added when there is no suffix.

    Returns:
        The path of the file.

    Raises:
        ContractError: nothing is registered, a body cannot be compiled, a method is not
            exported or breaks its declaration, an accessor has the wrong types, or the file can't
            be written there.
    """
    if not isinstance(module, Module):
        raise ContractError(
            f"{type(module).__name__} is no nnbridge.contract.Module; extend that class instead "
            "of torch.nn.Module"
        )
    if not module._contract.methods:
        raise ContractError(f"{type(module).__name__} registers no method; call register_method")
    target = Path(path)
    if target.is_dir():
        raise ContractError(f"{target} is a folder: name the file to write")
    if not target.suffix:
        target = target.with_suffix(".ts")
    if not target.parent.is_dir():
        raise ContractError(f"there is no folder {target.parent} to write {target.name} into")
    module.finish()
    with pristine(module), _quiet():
        module.eval()
        scripted = _script(module)
    _check_exported(module, scripted)
    with _quiet():
        drew = _check_saved(module, _saved(scripted, {}))
        text = json.dumps(_manifest(module, drew), indent=1, allow_nan=False)
        content = _saved(scripted, {EXTRA_FILE: text})
    _replace(target, content)
    return target


def _saved(scripted: Any, extra: dict[str, str]) -> io.BytesIO:
    """The file, in memory: torch's own file writer ends the process when the disk is full."""
    content = io.BytesIO()
    torch.jit.save(scripted, content, _extra_files=extra)
    content.seek(0)
    return content


def _replace(target: Path, content: io.BytesIO) -> None:
    draft = target.with_name(f".nnbridge-{os.getpid()}-{target.name}")
    try:
        with draft.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise ContractError(f"'{target}' could not be written ({reason}).") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide that torch.jit is deprecated: for this kind of file it is the only way."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=DeprecationWarning)
        yield


def _script(module: Module) -> Any:
    rate: object = module.sr
    if rate is not None and (type(rate) is not int or rate < 1):
        raise ContractError(f"sr must be a sample rate in whole hertz, not {rate!r}")
    try:
        return torch.jit.script(module)
    except Exception as error:
        raise ContractError(
            f"TorchScript cannot compile {type(module).__name__}: {script_error(error)}"
        ) from None


def _check_exported(module: Module, scripted: Any) -> None:
    """Every method and accessor must have made it into the file, with the right types."""
    for method in module._contract.methods.values():
        if method.tested and _schema(scripted, method.name) is None:
            raise ContractError(
                f"method {method.name!r} is registered but not exported: write "
                f"@torch.jit.export above def {method.name}"
            )
    for attribute in module._contract.attributes.values():
        for accessor in (f"get_{attribute.name}", f"set_{attribute.name}"):
            if _schema(scripted, accessor) is None:
                raise ContractError(
                    f"{accessor} is not exported: write @torch.jit.export above def {accessor}"
                )
        _check_setter(attribute, _schema(scripted, f"set_{attribute.name}"))
        _check_getter(attribute, _schema(scripted, f"get_{attribute.name}"))


def _schema(scripted: Any, name: str) -> Any | None:
    return scripted._c._get_method(name).schema if scripted._c._has_method(name) else None


def _check_setter(attribute: Attribute, schema: Any) -> None:
    name = f"set_{attribute.name}"
    wanted = [_SCRIPT_TYPES[kind] for kind in attribute.kinds]
    given = [str(argument.type) for argument in schema.arguments[1:]]
    if len(given) != len(wanted):
        raise ContractError(
            f"{name} takes {len(given)} values, but attribute {attribute.name!r} has {len(wanted)}"
        )
    for argument, is_type, want in zip(schema.arguments[1:], given, wanted, strict=True):
        if is_type != want:
            raise ContractError(
                f"{name} takes {argument.name!r} as {is_type}, but its default is of type "
                f"{want}: annotate it, {argument.name}: {want}"
            )
    if str(schema.returns[0].type) != "int":
        raise ContractError(f"{name} must return an int: 0 when it takes the value, -1 when not")


def _check_getter(attribute: Attribute, schema: Any) -> None:
    if len(schema.arguments) > 1 or str(schema.returns[0].type) == "NoneType":
        raise ContractError(
            f"get_{attribute.name} must take nothing and return the value of {attribute.name!r}"
        )


def _check_saved(module: Module, draft: io.BytesIO) -> dict[str, bool]:
    """Play each method of the written file, each from a fresh copy: which draw random numbers?"""
    drew: dict[str, bool] = {}
    for method in module._contract.methods.values():
        if method.tested:
            load: Callable[..., Any] = torch.jit.load
            draft.seek(0)
            fresh = load(draft)
            with torch.random.fork_rng(devices=[]):
                drew[method.name] = probe(method, getattr(fresh, method.name))
    return drew


def _manifest(module: Module, drew: dict[str, bool]) -> Manifest:
    methods: dict[str, MethodEntry] = {
        method.name: {
            "step": method.step,
            "delay": method.delay,
            "random": drew.get(method.name, False) if method.random is None else method.random,
            "description": method.description,
        }
        for method in module._contract.methods.values()
    }
    attributes: dict[str, AttributeEntry] = {
        held.name: {
            "min": held.minimum,
            "max": held.maximum,
            "unit": held.unit,
            "default": [_plain(value) for value in getattr(module, held.name)],
            "description": held.description,
        }
        for held in module._contract.attributes.values()
    }
    about = module._contract.about
    return {
        "schema": SCHEMA,
        "sample_rate": _sample_rate(module),
        "methods": methods,
        "attributes": attributes,
        "torch": str(torch.__version__),
        "nnbridge": _version(),
        "name": about.get("name", type(module).__name__),
        "authors": about.get("authors", []),
        "license": about.get("license", ""),
        "citation": about.get("citation", ""),
        "description": about.get("description", ""),
    }


def _plain(value: Any) -> bool | int | float | str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str)) else None


def _sample_rate(module: Module) -> int | None:
    if module.sr is not None:
        return int(module.sr)
    held = module._buffers.get("sampling_rate")
    return int(held.item()) if held is not None and held.numel() == 1 else None


def _version() -> str:
    try:
        return metadata.version("nnbridge")
    except metadata.PackageNotFoundError:
        return "0+unknown"
