# SPDX-License-Identifier: MIT
"""A sound that a host hands to a model: an impulse response, a wavetable, a sample.

No ``from __future__ import annotations`` here: TorchScript compiles this class.
"""

import torch


class Buffer:
    """Audio held by an attribute, with limits on its length that stay for life.

    Attributes:
        value: ``[channels, samples]`` float32; empty (no elements) until something is set.
        min_samples: shortest sound that is taken, in samples; -1 for no limit.
        max_samples: longest sound that is taken, in samples; -1 for no limit.
        sr: sample rate of ``value`` in hertz; -1 when unknown.
    """

    def __init__(
        self,
        tensor: torch.Tensor | None = None,
        min_samples: int = -1,
        max_samples: int = -1,
        sr: int = -1,
    ) -> None:
        self.min_samples = min_samples
        self.max_samples = max_samples
        self.sr = sr
        self.value = torch.zeros(0, 0, 0)
        if tensor is not None:
            self.value = tensor.clone()

    def set_value(self, x: torch.Tensor, sr: int) -> int:
        """Take a copy of ``x``.

        Args:
            x: ``[channels, samples]``.
            sr: its sample rate in hertz.

        Returns:
            0 when taken; -1 when its length is outside the limits, and the old sound stays.
        """
        samples = x.shape[-1]
        if self.min_samples != -1 and samples < self.min_samples:
            return -1
        if self.max_samples != -1 and samples > self.max_samples:
            return -1
        self.value = x.clone()
        self.sr = sr
        return 0

    @property
    def has_value(self) -> bool:
        """Whether there is a sound in it."""
        return self.value.numel() != 0

    def init_value(self) -> None:
        """Empty it; the limits stay."""
        self.value = torch.zeros(0, 0, 0)

    def to_str(self) -> str:
        """One line for a host's console."""
        if self.value.numel() == 0:
            return "Buffer(empty)"
        return (
            "Buffer(min="
            + str(self.min_samples)
            + ", max="
            + str(self.max_samples)
            + ", sr="
            + str(self.sr)
            + ", shape="
            + str(list(self.value.shape))
            + ")"
        )
