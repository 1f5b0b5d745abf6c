# SPDX-License-Identifier: MIT
"""Table 3.4: how far from the prior a network encodes what it knows, and what it does not.

    python models/rave/studies/domains.py --network RUN DATASET --network RUN DATASET ...

Divergence per dimension (nats), mean and deviation over recordings: a row per data set, a column
per network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common import held_out, network, spread, table
from dimensions import divergences

from nnbridge.audio.dataset import Dataset


def main() -> None:
    """See the top."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--network", nargs=2, action="append", required=True, metavar=("RUN", "DATASET"),
        help="a variational network and the data set it was trained on",
    )  # fmt: skip
    arguments.add_argument("--items", type=int, default=16)
    args = arguments.parse_args()
    networks = [network(source) for source, _ in args.network]
    names = [Path(folder).name for _, folder in args.network]
    rows = []
    for name, (_, folder) in zip(names, args.network, strict=True):
        row = [name]
        for rave in networks:
            items = held_out(Dataset(folder), args.items, rave.ratio)
            row.append(spread(divergences(rave, items).mean(1)))
        rows.append(row)
    table(["held-out data from", *(f"RAVE {name}" for name in names)], rows)


if __name__ == "__main__":
    main()
