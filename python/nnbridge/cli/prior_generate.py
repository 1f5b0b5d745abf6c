# SPDX-License-Identifier: MIT
"""``nnbridge prior generate``: audio out of nothing, or on from a recording."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import terminal
from .terminal import Json, Quiet, StopError, complain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nnbridge.prior.trained import Trained


def command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run of a prior, or a .safetensors file.")
    ],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUT.wav", help="Of several variations: OUT-1.wav, OUT-2.wav …"),
    ],
    seconds: Annotated[float, typer.Option(metavar="S", help="To play.")] = 10.0,
    rave: Annotated[
        Path | None,
        typer.Option(metavar="RAVE.ts", help="Default: that which the sequences were made with."),
    ] = None,
    continuing: Annotated[
        Path | None, typer.Option("--continue", metavar="FILE", help="A recording to go on from.")
    ] = None,
    at: Annotated[
        float | None,
        typer.Option("--from", metavar="S", help="Second of it to go on from. Default: its end."),
    ] = None,
    follow: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A recording whose descriptors to follow."),
    ] = None,
    curve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What a descriptor should be: a number, a tempo (beat=120bpm), or a file of lines "
            "'seconds, value'. May be repeated.",
        ),
    ] = None,
    variations: Annotated[int, typer.Option(metavar="N", min=1, help="Different ones.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed plays the same.")] = 0,
    temperature: Annotated[
        float, typer.Option(help="0 takes the most likely, 1 is as learned, more is wilder.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="Only the so many most likely tokens; 0: all.")] = 0,
    top_p: Annotated[
        float, typer.Option(help="Only the most likely tokens that make up this probability.")
    ] = 1.0,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME", help="best, newest, or a step that is kept.")
    ] = "best",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play: audio from a prior and its RAVE.

    With --continue, the file begins with what was heard, as the RAVE gives it back.

    \b
    Examples:
      nnbridge prior generate runs/prior out.wav --seconds 20 --variations 5
      nnbridge prior generate runs/prior out.wav --continue loop.wav --from 4 --temperature 0.8
      nnbridge prior generate runs/prior out.wav --curve centroid=sweep.csv --curve beat=120bpm
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.prior.generate import Drawing, check, generate, steps_of
    from nnbridge.prior.rave_file import RaveFile
    from nnbridge.prior.run import load
    from nnbridge.rendering.sinks import check_output, write_audio

    if not 0 < seconds < float("inf"):
        raise StopError(f"there must be something to play, not {seconds} seconds.", 2)
    if at is not None and continuing is None:
        raise StopError("--from needs a recording to go on from: --continue FILE.", 2)
    outputs = [output] if variations == 1 else [
        output.with_name(f"{output.stem}-{i + 1}{output.suffix}") for i in range(variations)
    ]  # fmt: skip
    with terminal.plainly(), terminal.Bar("playing", quiet=quiet or json) as bar:
        for path in outputs:
            check_output(path, True, "audio")
        trained = load(run, checkpoint)
        if rave is None and trained.rave is None:
            raise StopError(f"say which RAVE '{run}' belongs to: --rave RAVE.ts.", 2)
        decoder = RaveFile(rave or trained.rave or "")
        check(trained, decoder)
        if not trained.knows(decoder):
            complain(f"'{decoder.path}' is not the RAVE that the sequences were made with.")
        heard = from_frame = None
        if continuing is not None:
            heard = _audio(continuing, trained.sample_rate)
            end = heard.shape[1] / trained.sample_rate if at is None else at
            least, most = trained.ratio - 0.5, heard.shape[1] + 0.5
            if not least < end * trained.sample_rate < most:
                raise StopError(
                    f"'{continuing}' lasts {heard.shape[1] / trained.sample_rate:.2f} s: go on "
                    f"from a second between {trained.ratio / trained.sample_rate:.2f} and that."
                )
            from_frame = round(end * trained.sample_rate)
        curves = _curves(trained, follow, curve or [], steps_of(seconds, trained))
        made = generate(
            trained,
            decoder,
            seconds,
            Drawing(seed, temperature, top_k, top_p),
            variations,
            heard,
            curves,
            progress=bar,
            at=from_frame,
        )
        for path, audio in zip(outputs, made.audio, strict=True):
            write_audio(path, audio, trained.sample_rate)
    begins = made.heard * trained.ratio / trained.sample_rate
    if json:
        facts = {"perplexity": made.perplexity, "plays_from_second": begins}
        terminal.print_json({"files": outputs, **facts})
    elif not quiet:
        names = ", ".join(str(path) for path in outputs)
        print(  # noqa: T201
            f"{names}: "
            + (f"plays from {begins:.2f} s on, " if made.heard else "")
            + f"perplexity {made.perplexity:.2f}"
        )


def _audio(path: Path, rate: int) -> NDArray[np.float32]:
    """All of a recording, at this rate: [channels, frames]."""
    import numpy as np

    from nnbridge.audio.files import open_file
    from nnbridge.audio.resample import Converted

    if not path.is_file():
        raise StopError(f"there is no file '{path}'.")
    with tempfile.TemporaryDirectory() as scratch:
        source = open_file(path, Path(scratch) / "decoded.wav")
        pieces = Converted(source, rate) if source.rate != rate else source
        return np.concatenate(list(pieces.pieces()), axis=1)


def _curves(
    trained: Trained, follow: Path | None, given: list[str], steps: int
) -> dict[str, NDArray[np.float32]]:
    from nnbridge.prior.curves import drawn
    from nnbridge.prior.generate import measured

    followed = {condition.name: condition for condition in trained.prior.followed}
    made = measured(_audio(follow, trained.sample_rate), trained, steps) if follow else {}
    for setting in given:
        name, equals, text = setting.partition("=")
        if not equals:
            raise StopError(f"'{setting}' is no curve: write NAME=VALUE.", 2)
        if name not in followed:
            names = f"it follows {', '.join(followed)}" if followed else "it follows none"
            raise StopError(f"this prior does not follow '{name}': {names}.")
        length = trained.ratio / trained.sample_rate
        made[name] = drawn(followed[name], text, steps, length)
    missing = [name for name in followed if name not in made]
    if missing:
        raise StopError(
            f"this prior follows {missing[0]}: say what it should be, with --curve "
            f"{missing[0]}=VALUE, or --follow FILE."
        )
    return made
