# SPDX-License-Identifier: MIT
"""The base class of a model.

No ``from __future__ import annotations`` here: TorchScript compiles this class.
"""

import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from . import codegen, declare
from .declare import Contract, Method
from .errors import ContractError
from .probe import probe
from .state import pristine


class Module(nn.Module):
    """A model that hosts can play: methods on signals, and attributes to turn.

    Write a class that extends this one. Declare its attributes and methods at the end of
    ``__init__``, mark the methods with ``@torch.jit.export`` (``forward`` needs no mark), and
    call :meth:`export_to_ts`::

        class Gain(Module):
            def __init__(self) -> None:
                super().__init__()
                self.register_attribute("gain", 1.0, min=0.0, max=4.0)
                self.register_method("forward", 1, 1, 1, 1)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x * self.gain[0]

    An attribute is read as ``self.<name>[0]``, ``self.<name>[1]``, …: a tuple, always. Its
    getter ``get_<name>`` and setter ``set_<name>`` are written unless the author writes them.

    Attributes:
        sr: the sample rate in hertz that the model is made for. None: it plays at any rate, and
            then holds the host's rate once a host has said it through ``set_sample_rate``.
    """

    sr: int | None
    _methods: list[str]
    _attributes: list[str]

    # What TorchScript must not look at.
    __jit_ignored_attributes__: ClassVar[list[str]] = ["_contract"]

    def __init__(self, sr: int | None = None) -> None:
        super().__init__()
        self.sr = sr
        self._methods = []
        self._attributes = []
        self._contract = Contract()

    def register_method(
        self,
        name: str,
        in_channels: int,
        in_ratio: int,
        out_channels: int,
        out_ratio: int,
        input_labels: Sequence[str] | None = None,
        output_labels: Sequence[str] | None = None,
        test_method: bool = True,
        test_buffer_size: int = 8192,
        *,
        step: int | None = None,
        delay: int | None = None,
        random: bool | None = None,
        description: str | None = None,
    ) -> None:
        """Declare a method that takes and returns signals, and try it.

        The method takes ``[batch, in_channels, time / in_ratio]`` and returns
        ``[batch, out_channels, time / out_ratio]``, float32. Trying it leaves no trace in it.

        Args:
            name: the name of the method, for instance ``"forward"``.
            in_channels: channels of its input.
            in_ratio: audio samples per value of its input; 1 for audio.
            out_channels: channels of its output.
            out_ratio: audio samples per value of its output; 1 for audio.
            input_labels: one per input channel.
            output_labels: one per output channel.
            test_method: try it now and at export. With False, not even its existence is asked.
            test_buffer_size: audio samples of the trial, rounded up to whole steps.
            step: a block must be a multiple of this many audio samples; by default the least
                common multiple of the ratios.
            delay: what the model itself adds, in audio samples; None when unknown.
            random: whether it draws random numbers; by default found out by the trial.
            description: one sentence; by default the first line of the method's docstring.

        Raises:
            ContractError: a declaration that cannot be, or an output that breaks it.
        """
        declare.check_name("a method", name)
        self._refuse_clash("method", name)
        ins = declare.positive(f"in_channels of method {name!r}", in_channels)
        outs = declare.positive(f"out_channels of method {name!r}", out_channels)
        held_in = declare.labels(name, "input", input_labels, ins)
        held_out = declare.labels(name, "output", output_labels, outs)
        body = getattr(self, name, None)
        if test_method and not callable(body):
            raise ContractError(
                f"there is no method {name!r} in {type(self).__name__}: define it, or check "
                "the spelling"
            )
        if description is None:
            description = (getattr(body, "__doc__", None) or "").strip().partition("\n")[0]
        method = declare.method(
            name,
            (in_channels, in_ratio, out_channels, out_ratio),
            step,
            delay,
            random,
            description,
            test_method,
            test_buffer_size,
        )
        if test_method and callable(body):
            self._try(method, body)
        shape = [method.in_channels, method.in_ratio, method.out_channels, method.out_ratio]
        self.register_buffer(f"{name}_params", torch.tensor(shape, dtype=torch.int64))
        setattr(self, f"{name}_input_labels", held_in)
        setattr(self, f"{name}_output_labels", held_out)
        self._methods.append(name)
        self._contract.methods[name] = method

    def register_attribute(
        self,
        name: str,
        values: Any,
        *,
        min: float | None = None,
        max: float | None = None,
        unit: str = "",
        description: str = "",
    ) -> None:
        """Declare an attribute that a host can read and set.

        Args:
            name: as a host calls it.
            values: the default: one value, or a list or tuple of them, each a bool, int, float,
                str, Tensor or :class:`Buffer`. Their types are the attribute's for good.
            min: the written setter refuses numbers below.
            max: the written setter refuses numbers above.
            unit: of its numbers, for instance ``"Hz"``.
            description: one sentence for a user.

        Raises:
            ContractError: a name that is taken, or values that no host could send.
        """
        declare.check_name("an attribute", name)
        if name == "sr":
            raise ContractError("attribute 'sr' is the model's sample rate; choose another name")
        self._refuse_clash("attribute", name)
        for accessor in (f"get_{name}", f"set_{name}"):
            if hasattr(Module, accessor):
                raise ContractError(
                    f"attribute {name!r} would need {accessor}, which every module already has"
                )
        default = declare.values_of(name, values)
        held = declare.attribute(name, default, min, max, unit, description)
        if hasattr(type(self), name):
            raise ContractError(f"attribute {name!r} has the name of a method; choose another")
        if name in self._parameters or name in self._buffers or name in self._modules:
            raise ContractError(
                f"attribute {name!r} has the name of a parameter, buffer or layer; choose another"
            )
        setattr(
            self, name, tuple(v.detach() if isinstance(v, torch.Tensor) else v for v in default)
        )
        kinds = [int(kind) for kind in held.kinds]
        self.register_buffer(f"{name}_params", torch.tensor(kinds, dtype=torch.int64))
        self._attributes.append(name)
        self._contract.attributes[name] = held

    def metadata(
        self,
        *,
        name: str | None = None,
        authors: Sequence[str] | str | None = None,
        license: str | None = None,
        citation: str | None = None,
        description: str | None = None,
        sample_rate: int | None = None,
    ) -> None:
        """Say who made the model and how it may be used; all of it lands in the manifest.

        Args:
            name: of the model; by default the name of its class.
            authors: one or several.
            license: for instance ``"MIT"`` or ``"CC-BY-4.0"``.
            citation: a reference or a DOI.
            description: one sentence.
            sample_rate: the rate in hertz that the model is made for; the same as setting ``sr``.

        Raises:
            ContractError: a value of the wrong type.
        """
        if sample_rate is not None:
            self.sr = declare.positive("sample_rate of the model", sample_rate)
        if authors is not None:
            people = [authors] if isinstance(authors, str) else list(authors)
            self._contract.about["authors"] = people
        for key, text in (
            ("name", name),
            ("license", license),
            ("citation", citation),
            ("description", description),
        ):
            if text is None:
                continue
            if not isinstance(text, str):
                raise ContractError(f"{key} in the metadata must be a string, not {text!r}")
            self._contract.about[key] = text

    def finish(self) -> None:
        """Write the getters and setters that the author did not, and those of buffers.

        Export calls this, and so does ``torch.jit.script``; calling it again does nothing.
        """
        rate: object = self.sr
        if isinstance(rate, float) and rate.is_integer():
            self.sr = int(rate)
        contract = self._contract
        own = contract.generated[0] if contract.generated else type(self)
        declared = list(contract.attributes.values())
        source = codegen.buffer_functions(declared)
        for attribute in declared:
            if not hasattr(own, f"get_{attribute.name}"):
                source += codegen.getter(attribute)
            if not hasattr(own, f"set_{attribute.name}"):
                source += codegen.setter(attribute)
        if contract.generated and contract.generated[2] == source:
            # Somebody may have cleared linecache since.
            codegen.remember_source(*contract.generated[1:])
            return
        made, filename = codegen.compile_source(own.__name__, source)
        contract.generated = (own, filename, source)
        # TorchScript keeps one compiled type per Python class, and would take the first
        # instance's setters for the second, so each instance gets a class of its own.
        ignored = [
            *Module.__jit_ignored_attributes__,
            *getattr(own, "__jit_ignored_attributes__", []),
        ]
        body: dict[str, Any] = {
            **made,
            "__module__": own.__module__,
            "__qualname__": own.__qualname__,
            "__doc__": own.__doc__,
            "__annotations__": _annotations(own),
            "__jit_ignored_attributes__": ignored,
        }
        self.__class__ = type(own.__name__, (own,), body)

    def __prepare_scriptable__(self) -> "Module":
        """Called by ``torch.jit.script`` before it looks at the module."""
        self.finish()
        return self

    def export_to_ts(self, path: Any) -> None:
        """Write the model to one ``.ts`` file; see :func:`nnbridge.contract.export`.

        Args:
            path: where; a file that is there is replaced.

        Raises:
            ContractError: it cannot be compiled, or breaks what it declares.
        """
        from .export import export

        export(self, path)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """Names of the registered methods."""
        return self._methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Names of the registered attributes."""
        return self._attributes

    @torch.jit.export
    def get_sample_rate(self) -> int:
        """The sample rate in hertz, -1 when none is known."""
        sr = self.sr
        if sr is None:
            return -1
        return sr

    @torch.jit.export
    def set_sample_rate(self, sample_rate: int | None) -> None:
        """Tell the model at which rate the host runs, in hertz."""
        self.sr = sample_rate

    def _try(self, method: Method, body: Callable[..., Any]) -> None:
        with pristine(self):
            self.eval()
            probe(method, body)

    def _refuse_clash(self, what: str, name: str) -> None:
        if name in self._contract.methods or name in self._contract.attributes:
            raise ContractError(f"{name!r} is registered twice")
        if name != "forward" and (hasattr(Module, name) or name in nn.Module().__dict__):
            raise ContractError(
                f"{what} {name!r} would hide torch.nn.Module.{name}; choose another name"
                if hasattr(nn.Module, name) or not hasattr(Module, name)
                else f"{what} {name!r} has the name of a part of the contract; choose another"
            )


def _annotations(own: type) -> dict[str, Any]:
    """Annotations of a class and its bases, since TorchScript looks at the last class only."""
    found: dict[str, Any] = {}
    for base in reversed(own.__mro__):
        if not issubclass(base, Module):
            continue
        space = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
        for key, value in inspect.get_annotations(base).items():
            if isinstance(value, str):
                try:
                    value = eval(value, dict(space))
                except NameError:
                    continue
            kind: object = typing.get_origin(value)
            if kind is not ClassVar:
                found[key] = value
    return found
