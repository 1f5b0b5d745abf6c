# SPDX-License-Identifier: MIT
"""State in places where one would look for weights: streams still don't hear each other."""

import warnings

import numpy as np
import pytest
import torch
from fixtures.fixture import Listed, save

import nnbridge


class Counter(Listed):
    """Adds how many blocks it has seen; the state lies wherever the subclass puts it."""

    def __init__(self) -> None:
        super().__init__()
        self.declare("forward", 1, 1, 1, 1)


class Exchanged(Counter):
    """Two parameters that change places."""

    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.zeros(1))
        self.b = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.a
        self.a = self.b
        self.b = a
        self.a.add_(1.0)
        return x + self.a + self.b


class Aliased(Counter):
    """An attribute that becomes another name of a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.start = torch.nn.Parameter(torch.zeros(1))
        self.h = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.h = self.start
        self.h.add_(1.0)
        return x + self.h


class Looped(Counter):
    """A name that goes from one buffer to the next in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("a", torch.zeros(1))
        self.register_buffer("b", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = self.a
        for _ in range(2):
            s.add_(1.0)
            s = self.b
        return x + self.a


class Broadcast(Counter):
    """A view that the operation's declaration doesn't tell."""

    def __init__(self) -> None:
        super().__init__()
        self.state = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        views = torch.broadcast_tensors([self.state, torch.zeros(1)])
        views[0].add_(1.0)
        return x + self.state


class Remembering(torch.nn.Module):
    """Traced, so that its state becomes part of the program."""

    def __init__(self) -> None:
        super().__init__()
        self.state = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.state.add_(1.0)
        return x + self.state


class Traced(Counter):
    """A scripted file around a traced network."""

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.inner = torch.jit.trace(Remembering(), torch.zeros(1, 1, 512), check_trace=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def count(stream: nnbridge.Stream) -> float:
    return float(stream.process(np.zeros((1, 512), np.float32))[0, 0])


@pytest.mark.parametrize("kind", [Exchanged, Aliased, Looped, Broadcast, Traced])
def test_streams_with_hidden_state_are_apart_and_start_anew_after_a_reset(tmp_path, kind):
    torch.manual_seed(0)
    path = tmp_path / "model.ts"
    save(kind(), path)
    model = nnbridge.load(path)
    first = model.stream(host_block=512)
    alone = [count(first) for _ in range(4)]
    assert alone[1] != alone[0]
    second = nnbridge.load(path).stream(host_block=512)
    assert [count(second) for _ in range(4)] == alone
    third = model.stream(host_block=512)
    mixed = []
    for _ in range(4):
        count(second)
        mixed.append(count(third))
    assert mixed == alone
    third.reset()
    assert [count(third) for _ in range(4)] == alone
