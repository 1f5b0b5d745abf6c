# SPDX-License-Identifier: MIT
"""Token sequences of a dataset, with its descriptors: what a prior learns from.

A folder:

    tokens.npy        uint16 [steps, quantisers], file after file
    curves.npy        float32 [steps, descriptors], the same steps
    codebooks.npy     of a discrete RAVE that tells them: float32 [quantisers, vocabulary, size]
    sequences.json    written last: what they are, from which dataset and RAVE, where each file lies
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnbridge.audio.dataset import Dataset
from nnbridge.audio.descriptors import describe

from .code import Bins, code
from .conditioning import NAMES
from .errors import PriorError
from .rave_file import RaveFile

FORMAT = 1
INDEX = "sequences.json"
_NO_LATENT = 8.0  # a normal distribution gives no such value
SplitName = Literal["train", "validation"]


@dataclass(frozen=True)
class File:
    """One recording."""

    path: str
    """Where it was read."""
    split: SplitName
    begin: int
    """Its first step."""
    steps: int


class Sequences:
    """A folder that `encode` made.

    Args:
        path: of the folder.

    Attributes:
        quantisers: tokens per step.
        vocabulary: values of a token.
        code: codes or bins; see `code`.
        ratio: audio samples per step.
        sample_rate: of the audio, in hertz.
        hash: of tokens and curves.
        rave: path and hash of the model file that encoded them.
        probe: tokens [steps, quantisers] of its `RaveFile.probe`; empty where they were not kept.

    Raises:
        PriorError: it is none, damaged, or a newer program's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            about = json.loads((self.path / INDEX).read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise PriorError(
                f"'{path}' holds no sequences (it has no {INDEX}): make them with "
                "nnbridge prior encode DATASET RAVE.ts --out OUT."
            ) from None
        except (OSError, ValueError) as error:
            raise PriorError(f"'{self.path / INDEX}' can't be read: {error}.") from None
        if isinstance(about, dict) and about.get("format") != FORMAT:
            raise PriorError(f"'{path}' was made by a newer nnbridge: update this one.")
        try:
            self.quantisers: int = about["quantisers"]
            self.vocabulary: int = about["vocabulary"]
            self.code: str = about["code"]
            self.ratio: int = about["ratio"]
            self.sample_rate: int = about["sample_rate"]
            self.hash: str = about["hash"]
            self.rave: dict[str, str] = about["rave"]
            self.probe: list[list[int]] = about.get("probe", [])
            self.files = tuple(File(**held) for held in about["files"])
        except (KeyError, TypeError):
            raise PriorError(
                f"'{self.path / INDEX}' is damaged (it lacks facts): make the sequences again."
            ) from None
        self._tokens: NDArray[np.uint16] = self._open("tokens")
        self._curves: NDArray[np.float32] = self._open("curves")
        end = max((held.begin + held.steps for held in self.files), default=0)
        if self._tokens.shape != (end, self.quantisers) or len(self._curves) != end:
            raise PriorError(f"'{path}' is damaged (its parts differ in length): make it again.")

    def split(self, name: SplitName) -> tuple[File, ...]:
        """The recordings of one split."""
        return tuple(held for held in self.files if held.split == name)

    def tokens(self, file: File, begin: int = 0, end: int | None = None) -> NDArray[np.int64]:
        """[steps, quantisers] of a recording."""
        stop = file.steps if end is None else min(end, file.steps)
        return self._tokens[file.begin + begin : file.begin + stop].astype(np.int64)

    def curves(
        self, file: File, names: tuple[str, ...], begin: int = 0, end: int | None = None
    ) -> NDArray[np.float32]:
        """[steps, len(names)] of a recording."""
        stop = file.steps if end is None else min(end, file.steps)
        columns = [NAMES.index(name) for name in names]
        return np.asarray(self._curves[file.begin + begin : file.begin + stop][:, columns])

    def counts(self, quantisers: int) -> NDArray[np.int64]:
        """How often each token occurs in the training split: [quantisers, vocabulary]."""
        total = np.zeros((quantisers, self.vocabulary), dtype=np.int64)
        for file in self.split("train"):
            tokens = self.tokens(file)
            for q in range(quantisers):
                total[q] += np.bincount(tokens[:, q], minlength=self.vocabulary)
        return total

    def codebooks(self) -> Tensor | None:
        """What the tokens stand for in the RAVE: [quantisers, vocabulary, size].

        The codes' vectors; or for bins the latent that has a bin's middle in its dimension. None
        where the RAVE's file did not tell.
        """
        if self.code == "bins":
            middles = Bins(self.vocabulary).middles
            return torch.einsum("v,qz->qvz", middles, torch.eye(self.quantisers))
        path = self.path / "codebooks.npy"
        return torch.from_numpy(np.load(path)) if path.is_file() else None

    def _open(self, name: str) -> Any:
        path = self.path / f"{name}.npy"
        try:
            return np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise PriorError(f"'{path}' can't be read: {error}.") from None


def encode(
    dataset: Dataset,
    rave: RaveFile,
    out: str | Path,
    quantisers: int | None = None,
    bins: int | None = None,
    codes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sequences:
    """Encode a dataset with a RAVE.

    Args:
        dataset: prepared, at the RAVE's sample rate.
        rave: discrete, whose codes are the tokens; or continuous, whose latents are cut into bins
            by the normal distribution (equations 4.2 to 4.4).
        out: a folder to make.
        quantisers: only the first so many, the most important; default: all.
        bins: for a continuous RAVE: bins per latent; default 64.
        codes: for a foreign discrete RAVE that does not say how many codes it has.
        progress: called with files done and all files.

    Raises:
        PriorError: they don't fit together, or there is something in the folder already.
    """
    folder = Path(out)
    if (folder / INDEX).exists():
        raise PriorError(f"'{out}' holds sequences already: give another folder.")
    if dataset.sample_rate != rave.sample_rate:
        raise PriorError(
            f"'{dataset.path}' is at {dataset.sample_rate} Hz and the RAVE at {rave.sample_rate}: "
            f"prepare the recordings with --sample-rate {rave.sample_rate}."
        )
    count = quantisers or rave.latents
    if not 1 <= count <= rave.latents:
        raise PriorError(f"this RAVE has {rave.latents} latents, not {count}.")
    vocabulary = codes or rave.vocabulary
    if codes and rave.vocabulary not in (0, codes):
        raise PriorError(f"this RAVE says that it has {rave.vocabulary} codes, not {codes}.")
    if vocabulary and bins:
        raise PriorError("this RAVE is a discrete one: it has codes, and needs no bins.")
    kind = "codes" if vocabulary else "bins"
    vocabulary = vocabulary or bins or 64
    if not 2 <= vocabulary <= 65536:
        raise PriorError(f"a token has 2 to 65536 values, not {vocabulary}.")
    between = code(kind, vocabulary)

    tokens, curves, files = [], [], []
    begin = 0
    names: tuple[SplitName, ...] = ("train", "validation")
    splits = [(split, i) for split in names for i in
              range(len(dataset.split(split).files))]  # fmt: skip
    for done, (name, i) in enumerate(splits):
        if progress:
            progress(done, len(splits))
        split = dataset.split(name)
        audio = split.file(i)
        latents = rave.encode(audio)[:count]
        _check_kind(latents, kind, vocabulary, rave)
        tokens.append(between.tokens(latents).T.numpy().astype(np.uint16))
        described = describe(audio, dataset.sample_rate, rave.ratio)
        curves.append(np.stack([described[held] for held in NAMES], 1).astype(np.float32))
        files.append(File(split.files[i].path, name, begin, len(tokens[-1])))
        begin += len(tokens[-1])
    if progress:
        progress(len(splits), len(splits))

    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for file_name, parts in (("tokens", tokens), ("curves", curves)):
        whole = np.concatenate(parts)
        digest.update(whole.tobytes())
        np.save(folder / f"{file_name}.npy", whole)
    if kind == "codes" and rave.codebooks is not None:
        np.save(folder / "codebooks.npy", rave.codebooks[:count].numpy())
    about = {
        "format": FORMAT,
        "quantisers": count,
        "vocabulary": vocabulary,
        "code": kind,
        "ratio": rave.ratio,
        "sample_rate": rave.sample_rate,
        "curves": list(NAMES),
        "hash": digest.hexdigest(),
        "probe": between.tokens(rave.probe()[:count]).T.tolist(),
        "rave": {"path": str(rave.path.resolve()), "hash": rave.hash},
        "dataset": {"path": str(dataset.path.resolve()), "hash": dataset.hash},
        "files": [asdict(file) for file in files],
    }
    part = folder / f"{INDEX}.part"
    part.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    part.replace(folder / INDEX)
    return Sequences(folder)


def _check_kind(latents: Tensor, kind: str, vocabulary: int, rave: RaveFile) -> None:
    """Codes are whole numbers below the size of the codebooks, and other latents are not."""
    whole = torch.equal(latents, latents.round())
    if kind == "codes" and not (whole and latents.min() >= 0 and latents.max() < vocabulary):
        raise PriorError(
            f"'{rave.path}' gives latents that are no codes of 0 to {vocabulary - 1}: leave out "
            "--codes if it is continuous, else give the size of its codebooks."
        )
    if kind == "bins" and whole and latents.max() >= _NO_LATENT:
        raise PriorError(
            f"'{rave.path}' gives whole numbers: it is a discrete RAVE that does not say how many "
            "codes it has, so add --codes N."
        )
