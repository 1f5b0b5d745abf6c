# SPDX-License-Identifier: MIT
"""Brings a model's card up to date with a training: weights, recipe, figures and pictures.

    python models/rave/studies/card.py NAME RUN DATASET

Writes weights.safetensors and recipe.toml of the run into models/rave/NAME, runs the other studies
on it, and puts what they print and draw between the two marks of card.md. What stands outside the
marks is written by hand.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from common import network

from nnbridge.contract import read_manifest
from nnbridge.rave import weights
from nnbridge.rave.export import export
from nnbridge.rave.network import RAVE
from nnbridge.rave.run import Run
from nnbridge.training import checkpoints

STUDIES = Path(__file__).resolve().parent
MODELS = STUDIES.parent
BEGIN, END = "<!-- made by studies/card.py -->", "<!-- end -->"
SECTIONS = {
    "Held-out recordings": (
        ("reconstruction.py", "--stages", "--items", "12"),
        ("spectrograms.py",),
    ),
    "Latent": (("dimensions.py",), ("manipulation.py",)),
}


def facts(rave: RAVE) -> str:
    """What the file says of itself."""
    settings = rave.recipe.network
    with tempfile.TemporaryDirectory() as folder:
        manifest = read_manifest(export(rave, Path(folder) / "model.ts"))
    assert manifest is not None
    delay = manifest["methods"]["forward"]["delay"]
    assert delay is not None
    parts = (rave.encoder, rave.decoder)
    millions = sum(p.numel() for part in parts for p in part.parameters()) / 1e6
    return (
        f"**Sample rate** {settings.sample_rate} Hz, {settings.channels} channel(s). **Ratio** "
        f"{rave.ratio}, {settings.latents} latents at capacity {settings.capacity} ({millions:.1f} "
        f"million parameters).\n**Delay** {delay} samples "
        f"({1e3 * delay / settings.sample_rate:.0f} ms)."
    )


def training(run: Run) -> str:
    """How long it was trained."""
    step = run.find()[1]["nnbridge"]["step"]
    settings = run.recipe().training
    one = min(step, settings.stage_one_steps)
    begun = datetime.fromisoformat(run.facts["starts"][0]["time"])
    ended = run.find()[0].stat().st_mtime
    hours = (ended - begun.timestamp()) / 3600
    return (
        f"**Training**: [recipe.toml](recipe.toml), {one} steps of stage one, {step - one} of "
        f"stage two, begun {begun:%Y-%m-%d}; {hours:.1f} hours from its first start to its end, "
        "pauses included."
    )


def study(words: tuple[str, ...], arguments: list[str], out: Path) -> str:
    """What a study prints, its pictures as links."""
    script, *options = words
    command = [sys.executable, str(STUDIES / script), *arguments, *options, "--out", str(out)]
    print(" ".join(command[1:]), flush=True)
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    linked = re.sub(r"picture: .*?([^/\s]+)\n", r"![\1](\1)\n", printed)
    places = "RUN" if script == "losses.py" else "RUN DATASET"
    shown = " ".join([f"python models/rave/studies/{script} {places}", *options])
    return f"`{shown}`\n\n{linked}"


def main() -> None:
    """See the top."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("name", help="a folder of models/rave with a card.md")
    arguments.add_argument("run", help="a run folder")
    arguments.add_argument("dataset", help="what it was trained on")
    args = arguments.parse_args()
    folder = MODELS / args.name
    card = folder / "card.md"
    text = card.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{card} lacks the lines '{BEGIN}' and '{END}'.")
    run = Run(args.run)
    rave = network(args.run)
    compared = "stage-two" in checkpoints.available(run.checkpoints)
    parts = [facts(rave), training(run), study(("losses.py",), [args.run], folder)]
    for title, studies in SECTIONS.items():
        parts.append(f"## {title}")
        for words in studies:
            if not compared:  # stage two has not ended: there is nothing to compare
                words = tuple(word for word in words if word != "--stages")
            parts.append(study(words, [args.run, args.dataset], folder))
    made = "\n\n".join(part.strip() for part in parts)
    weights.save(rave, folder / "weights.safetensors").chmod(0o644)
    (folder / "recipe.toml").write_text(run.recipe().to_toml(), "utf-8")
    before, _, rest = text.partition(BEGIN)
    card.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}", "utf-8")
    print(f"written: {card}")


if __name__ == "__main__":
    main()
