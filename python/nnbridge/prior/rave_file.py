# SPDX-License-Identifier: MIT
"""The model file of a RAVE, as a prior uses it: audio to latents and back, whole recordings."""

from __future__ import annotations

import copy
import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nnbridge.contract import read_manifest

from .errors import PriorError

_STEPS_AT_ONCE = 64
_PROBE_STEPS = 16


class RaveFile:
    """A loaded ``.ts`` file with the methods encode, decode and forward.

    Args:
        path: of the file.

    Attributes:
        channels: of its audio.
        latents: of its latent signal, the most important first.
        ratio: audio samples per latent frame.
        sample_rate: in hertz.
        codebooks: [latents, vocabulary, size], where it is a discrete one that has them; else None.
        vocabulary: of its codes, where it is a discrete one; else 0.
        steps: a block of each method must be a multiple of this many samples.
        delays: what each method adds, in samples; None where the file does not say.

    Raises:
        PriorError: there is no such file, or it is no RAVE.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise PriorError(f"there is no file '{path}'.")
        manifest = read_manifest(self.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                self.module: Any = torch.jit.load(str(self.path), "cpu").eval()
            except RuntimeError as error:
                raise PriorError(
                    f"'{path}' can't be opened: {str(error).strip().splitlines()[0]}"
                ) from None
        self.channels, _, self.latents, self.ratio = self.shape("encode")
        self.shape("decode")
        self.sample_rate = _sample_rate(self.module, manifest)
        self.codebooks = self._codebooks()
        stated = 0 if self.codebooks is None else self.codebooks.shape[1]
        self.vocabulary = int(getattr(self.module, "vocabulary", stated))
        said = manifest["methods"] if manifest else {}
        self.steps: dict[str, int] = {}
        self.delays: dict[str, int | None] = {}
        for name in ("encode", "decode", "forward"):
            # Foreign files declare forward at ratio 1, where only whole latent frames are right.
            self.steps[name] = said[name]["step"] if name in said else self.ratio
            self.delays[name] = said[name]["delay"] if name in said else None

    def shape(self, method: str) -> tuple[int, int, int, int]:
        """In_channels, in_ratio, out_channels, out_ratio of a method.

        Raises:
            PriorError: there is none.
        """
        held = getattr(self.module, f"{method}_params", None)
        if held is None or not hasattr(self.module, method):
            raise PriorError(
                f"'{self.path}' has no method {method}: give the model file of a RAVE."
            )
        a, b, c, d = (int(number) for number in held.tolist())
        return a, b, c, d

    def labels(self, method: str, way: str) -> list[str]:
        """Labels of a method's "input" or "output" channels."""
        given = getattr(self.module, f"{method}_{way}_labels", None)
        count = self.shape(method)[0 if way == "input" else 2]
        return list(given) if given else [f"(signal) {method} {way} {i}" for i in range(count)]

    @property
    def hash(self) -> str:
        """Of the file's bytes."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def encode(self, audio: NDArray[np.float32]) -> torch.Tensor:
        """Latents of a whole recording, each at the step that it belongs to.

        Args:
            audio: [channels, frames] at the file's rate; mono is given to all channels.

        Returns:
            [latents, ceil(frames / ratio)].
        """
        signal = torch.from_numpy(np.ascontiguousarray(audio, np.float32))
        if signal.shape[0] != self.channels:
            signal = signal.mean(0, keepdim=True).expand(self.channels, -1)
        steps = -(-signal.shape[1] // self.ratio)
        late = -(-(self.delays["encode"] or 0) // self.ratio)
        missing = (steps + late) * self.ratio - signal.shape[1]
        return self._through("encode", torch.nn.functional.pad(signal, (0, missing)), self.ratio)[
            :, late:
        ]

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Audio of a whole latent signal, without the file's delay.

        Args:
            latents: [up to the file's latents, steps]; what is missing is 0, the mean.

        Returns:
            [channels, steps * ratio].
        """
        frames = latents.shape[1] * self.ratio
        late = self.delays["decode"] or 0
        more = -(-late // self.ratio)
        padding = (0, more, 0, self.latents - latents.shape[0])
        audio = self._through("decode", torch.nn.functional.pad(latents, padding), 1)
        return audio[:, late : late + frames]

    def probe(self) -> torch.Tensor:
        """Latents of a fixed sound, by which a RAVE is known again: [latents, 16].

        The bytes of its file will not do: they are others after each export.
        """
        t = np.arange(_PROBE_STEPS * self.ratio) / self.sample_rate
        chirps = np.sin(2 * np.pi * (60 + 3000 * t) * t) * np.exp(-8 * (t % 0.2))
        return self.encode((0.7 * chirps).astype(np.float32)[np.newaxis])

    def _codebooks(self) -> torch.Tensor | None:
        # Where nnbridge.rave's exports keep them: one set, which all voices share.
        held = getattr(getattr(self.module, "books", None), "codebooks", None)
        if not isinstance(held, torch.Tensor):
            return None
        return held.detach().repeat(self.latents // len(held), 1, 1)

    @torch.inference_mode()
    def _through(self, method: str, signal: torch.Tensor, ratio: int) -> torch.Tensor:
        fresh = copy.deepcopy(self.module)  # methods keep their past inside
        size = _STEPS_AT_ONCE * ratio
        parts = [getattr(fresh, method)(part.unsqueeze(0))[0] for part in signal.split(size, 1)]
        return torch.cat(parts, 1).clone()


def _sample_rate(module: Any, manifest: Any) -> int:
    stated = (manifest or {}).get("sample_rate") or getattr(module, "sr", None)
    held = getattr(module, "sampling_rate", None)
    if not stated and isinstance(held, torch.Tensor):
        stated = held.item()
    if not stated:
        raise PriorError("this file does not say its sample rate: export the RAVE again.")
    return int(stated)
