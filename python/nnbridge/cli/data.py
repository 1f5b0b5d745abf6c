# SPDX-License-Identifier: MIT
"""``nnbridge data``: recordings made ready for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import terminal
from .terminal import Json, Quiet

if TYPE_CHECKING:
    from nnbridge.audio.prepare import Prepared

app = typer.Typer(help="Make recordings ready for training.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command()
def prepare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Of recordings, in any format.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The dataset.")],
    sample_rate: Annotated[int, typer.Option(metavar="HZ", help="Of the dataset.")] = 44100,
    channels: Annotated[int, typer.Option(help="1 mixes down to mono.")] = 1,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the files, held out to validate on.")
    ] = 0.1,
    validation_folder: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Held out instead of a share; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prepare folders of recordings for training.

    Reads every audio file in the folders and in those below, resamples it, and collects the samples
    in one dataset folder, split by whole files into train and validation. Stopped at any moment,
    the same command goes on; given again later, it adds what is new, and leaves out what these
    folders do not hold (any more): name all of them each time.

    \b
    Examples:
      nnbridge data prepare my-recordings --out dataset
      nnbridge data prepare a b c --out dataset --sample-rate 48000 --channels 2
      nnbridge data prepare train --validation-folder test --out dataset
    """  # noqa: D301 -- \b keeps the lines of the examples
    from nnbridge.audio.prepare import prepare as run

    with terminal.plainly(), terminal.Bar("preparing", quiet=quiet or json) as bar:
        made = run(
            folders,
            out,
            sample_rate,
            channels,
            validation,
            validation_folder or [],
            seed,
            progress=bar,
        )
    if json:
        terminal.print_json(_machine(made))
        return
    for reason in made.dataset.skipped.values():
        terminal.complain(f"skipped: {reason}")
    if not quiet:
        print(_sentences(made))  # noqa: T201


def _machine(made: Prepared) -> dict[str, object]:
    dataset = made.dataset
    facts: dict[str, object] = {
        "path": dataset.path,
        "sample_rate": dataset.sample_rate,
        "channels": dataset.channels,
        "bytes": dataset.bytes,
        "hash": dataset.hash,
    }
    for split in (dataset.split("train"), dataset.split("validation")):
        facts[split.name] = {"files": len(split.files), "seconds": split.seconds}
    return facts | {
        "added": made.added,
        "skipped": dataset.skipped,
        "duplicates": made.duplicates,
        "lowered": made.lowered,
        "gone": made.gone,
        "other_files": made.others,
    }


def _sentences(made: Prepared) -> str:
    dataset = made.dataset
    splits = []
    for split in (dataset.split("train"), dataset.split("validation")):
        number = len(split.files)
        files = f"{number} file{'s' if number > 1 else ''}"
        splits.append(f"{split.name} {split.seconds / 60:.1f} minutes in {files}")
    channels = f"{dataset.channels} channel{'s' if dataset.channels > 1 else ''}"
    lines = [
        f"{dataset.path}: {', '.join(splits)}; {dataset.sample_rate} Hz, {channels}, "
        f"{dataset.bytes / 1e6:.1f} MB"
    ]
    if made.divided:
        lines.append("there is one recording only, so its end is what is validated on")
    notes = [
        (made.added, "read now"),
        (len(made.duplicates), "the same as another, kept once"),
        (len(made.lowered), "beyond full scale, taken down to it"),
        (len(made.gone), "of before left out, as these folders do not hold them"),
        (len(dataset.skipped), "skipped"),
        (made.others, "not audio"),
    ]
    lines.append("files: " + "; ".join(f"{number} {what}" for number, what in notes if number))
    return "\n".join(lines if any(number for number, _ in notes) else lines[:-1])
