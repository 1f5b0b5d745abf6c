# SPDX-License-Identifier: MIT
"""The arithmetic of time: how late each signal of a streaming network is, and how long offline.

Offline, a node of the network is a sequence ``y[0..T)``. Streamed, it is ``s[m] = y[m - D]``: the
same sequence D frames late, D a whole number of frames *of that node's own rate*. Everything here
follows from asking, for each kind of layer, which is the smallest D its output can have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction


def windowed_delay(delay: int, future: int, stride: int, early: bool = True) -> int:
    """Delay of a strided window's output, in output frames.

    The window of output n ends at input ``n * stride + future``. Streamed, the stride-th group of
    input frames j brings stream frames ``j * stride .. j * stride + stride - 1`` and one output
    frame, y[j - D']. Its last input must have come: ``(j - D') stride + future + D <= (j + 1)
    stride - 1``, so D' is the smallest whole number not below ``(D + future - (stride - 1)) /
    stride``.

    The thesis's equations 5.1 and 5.2 count the group as having brought only its first frame: an
    extra delay Da rounds D + R up to a multiple of the stride S and ``D' = (D + R + Da) / S``.
    Both are exact; ours is at most one output frame shorter. ``early=False`` gives the thesis's.
    """
    spare = stride - 1 if early else 0
    return max(0, math.ceil(Fraction(delay + future - spare, stride)))


def transposed_delay(delay: int, stride: int, crop: int) -> int:
    """Delay of a transposed convolution's output, in output frames.

    Uncropped output u takes inputs up to ``floor(u / stride)``, so an input frame completes
    exactly ``stride`` outputs, and cropping the first ``crop`` of them offline shifts the rest:
    output q stands at stream frame ``q + crop + D * stride``. Any kernel, any stride, odd or even.
    """
    return delay * stride + crop


@dataclass(frozen=True)
class Signal:
    """What is known of one tensor of the streaming graph.

    Args:
        ratio: network input samples per frame.
        delay: frames late against offline. Negative only while a zero padding still waits for the
            layer that will use it (the frames missing at the front are then zeros).
        rank: number of dimensions.
        axis: which of them is time.
        length: index in `Lengths` of the offline length.
        origin: offline frames before this one are padding, which the stream does not yet hold.
        data: index in `Lengths` of the number of frames from `origin` on that are not padding.
    """

    ratio: Fraction
    delay: int
    rank: int
    axis: int
    length: int
    origin: int
    data: int

    @property
    def from_end(self) -> int:
        """The time axis counted from the last (-1 is the last)."""
        return self.axis - self.rank

    @property
    def padded(self) -> bool:
        """Whether a zero padding still waits here to be written into the stream."""
        return self.delay < 0 or self.origin > 0 or self.data != self.length

    def moved(self, **changes: object) -> Signal:
        """A copy with some fields changed; without word of the padding, there is none."""
        if "length" in changes and "data" not in changes:
            changes["data"] = changes["length"]
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass
class Lengths:
    """Offline lengths of all signals as whole-number functions of the input's length.

    Each entry is (source, a, b, c): ``T = max(0, (a * T_source + b) // c)``. Entry 0 is the input,
    whose first `late` frames are not part of the signal.
    """

    late: int = 0
    entries: list[tuple[int, int, int, int]] = field(default_factory=lambda: [(0, 1, 0, 1)])

    def add(self, source: int, a: int, b: int, c: int) -> int:
        """Record a length and return its index (that of its source when nothing changes)."""
        if (a, b, c) == (1, 0, 1):
            return source
        entry = (source, a, b, c)
        if entry in self.entries:
            return self.entries.index(entry)
        self.entries.append(entry)
        return len(self.entries) - 1

    def gap(self, first: int, second: int) -> int | None:
        """Frames that length `first` has more than `second`, if it is as many for every input."""
        one, other = self._back(first), self._back(second)
        shared = next((index for index in one if index in other), None)
        return None if shared is None else one[shared] - other[shared]

    def _back(self, index: int) -> dict[int, int]:
        """The lengths that length `index` follows from by adding frames, and how many."""
        found = {index: 0}
        frames = 0
        while index != 0 and self.entries[index][1::2] == (1, 1):
            frames += self.entries[index][2]
            index = self.entries[index][0]
            found[index] = frames
        return found

    def at(self, samples: int) -> list[int]:
        """All lengths, in frames, for an input of `samples` frames."""
        values = [max(0, samples - self.late)]
        for source, a, b, c in self.entries[1:]:
            values.append(max(0, (a * values[source] + b) // c))
        return values
