"""Rebuild the tables of elemental properties from an installed matminer and pymatgen.

Run ``python rebuild.py`` in an environment with matminer: it writes ``data/magpie.csv`` (118
elements, 22 properties, an empty field where Magpie knows no value) and ``data/ions.csv``
(pymatgen's electronegativity and oxidation states), and copies both licenses beside them.
"""

from __future__ import annotations

import csv
import math
import warnings
from importlib.metadata import distribution
from pathlib import Path

from matminer.featurizers.composition import ElementProperty
from matminer.utils.data import MagpieData
from pymatgen.core import Element

from atlas_core.api import SYMBOLS

OUT = Path(__file__).parent / "atlas_composition" / "data"


def write_ions() -> None:
    """Write electronegativity and common oxidation states, or those of the ICSD if none is common.

    That is the list that pymatgen's search for neutral compounds takes for an element.
    """
    with (OUT / "ions.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["symbol", "electronegativity", "oxidation_states"])
        for symbol in SYMBOLS[1:]:
            element = Element(symbol)
            states = element.common_oxidation_states or element.icsd_oxidation_states
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an element without a value
                pauling = float(element.X)
            known = "" if math.isnan(pauling) else repr(pauling)
            writer.writerow([symbol, known, " ".join(map(str, states))])


def copy_license(name: str, *, of: str) -> None:
    """Copy the license of an installed distribution."""
    (found,) = [f for f in distribution(of).files or [] if f.name.startswith("LICENSE")]
    (OUT / f"LICENSE-{name}.txt").write_text(found.read_text())


def main() -> None:
    """Write the tables and the licenses."""
    properties = ElementProperty.from_preset("magpie", impute_nan=False).features
    known = MagpieData(impute_nan=False).all_elemental_props
    with (OUT / "magpie.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["symbol", *properties])
        for symbol in SYMBOLS[1:]:
            values = [float(known[name][symbol]) for name in properties]
            writer.writerow([symbol, *("" if math.isnan(v) else repr(v) for v in values)])
    write_ions()
    copy_license("matminer", of="matminer")
    copy_license("pymatgen", of="pymatgen-core")


if __name__ == "__main__":
    main()
