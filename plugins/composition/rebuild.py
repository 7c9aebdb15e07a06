"""Rebuild the table of elemental properties from an installed matminer.

Run ``python rebuild.py`` in an environment with matminer: it writes ``data/magpie.csv`` (118
elements, 22 properties, an empty field where Magpie knows no value) and copies matminer's licence
beside it.
"""

from __future__ import annotations

import csv
import math
from importlib.metadata import distribution
from pathlib import Path

from matminer.featurizers.composition import ElementProperty
from matminer.utils.data import MagpieData

from atlas_core.api import SYMBOLS

OUT = Path(__file__).parent / "atlas_composition" / "data"


def main() -> None:
    """Write the table and the licence."""
    properties = ElementProperty.from_preset("magpie", impute_nan=False).features
    known = MagpieData(impute_nan=False).all_elemental_props
    with (OUT / "magpie.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["symbol", *properties])
        for symbol in SYMBOLS[1:]:
            values = [float(known[name][symbol]) for name in properties]
            writer.writerow([symbol, *("" if math.isnan(v) else repr(v) for v in values)])
    (licence,) = [f for f in distribution("matminer").files or [] if f.name == "LICENSE"]
    (OUT / "LICENSE-matminer.txt").write_text(licence.read_text())


if __name__ == "__main__":
    main()
