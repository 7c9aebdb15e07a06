"""Load the data sets that ship inside this distribution (made by ``rebuild.py``). numpy only."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from atlas_core.api import DataContext, DataError, Dataset, Materials, Meaning, Str, read_bounds

SCALE = 1e8
"""Coordinates and cells are kept as whole numbers of 1e-8, the precision of the source."""

LICENSE = (
    "compiled in matminer 0.3.2, BSD-3-Clause style license of LBNL (LICENSE-matminer.txt);"
    " computed by the Materials Project, CC BY 4.0"
)
MATERIALS_PROJECT = (
    "A. Jain et al., The Materials Project: A materials genome approach to accelerating materials"
    " innovation, APL Materials 1, 011002 (2013), doi:10.1063/1.4812323"
)
MATMINER = (
    "L. Ward et al., Matminer: An open source toolkit for materials data mining,"
    " Comput. Mater. Sci. 152, 60-69 (2018), doi:10.1016/j.commatsci.2018.05.018"
)

PAGE = "https://materialsproject.org/materials/{id}"
"""Page of a material: all ids are those of the Materials Project."""

_SYSTEMS = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}
"""The last space group of each crystal system (International Tables, vol. A)."""


@dataclass(frozen=True)
class Quantity:
    """Say where a target comes from.

    Attributes:
        column: as it is stored.
        unit: of the target.
        words: the target in words.
        log10: whether its logarithm is meant.
        bounds: [low, high] of what is possible, None for an open end.
        caveat: what the target is not.
    """

    column: str
    unit: str
    words: str
    log10: bool = False
    bounds: tuple[float | None, float | None] | None = None
    caveat: str = ""


@dataclass(frozen=True)
class Embedded:
    """Describe one embedded file, and load it.

    Attributes:
        name: of the data set and of its file.
        sha256: of the file, pinned; ``rebuild.py`` prints it.
        target: the chosen entry of ``targets``.
        targets: what may be predicted.
        citation: papers to cite for the numbers.
    """

    name: str
    sha256: str
    target: str
    targets: Mapping[str, Quantity]
    citation: tuple[str, ...]

    def load(self, context: DataContext) -> Dataset:
        """Return the data set; needs no file outside this distribution.

        Raises:
            DataError: the file inside the distribution is not the one that was released.
        """
        arrays = self._arrays()
        materials = _materials(arrays)
        quantity = self.targets[self.target]
        value = arrays[f"property_{quantity.column}"].astype(np.float64)
        # no other property of the file: n is the root of poly_electronic, and columns are shown for
        # test materials, too
        columns = {
            "formula": np.asarray(materials.formulas()),
            "space_group": arrays["space_group"].astype(np.int64),
            "crystal_system": crystal_system(arrays["space_group"]),
            "nsites": materials.counts,
        }
        return Dataset(
            materials=materials,
            target=np.log10(value) if quantity.log10 else value,
            target_name=self.target,
            unit=quantity.unit,
            task="regression",
            name=self.name,
            license=LICENSE,
            citation=(*self.citation, MATERIALS_PROJECT, MATMINER),
            sha256=self.sha256,
            provenance="embedded",
            columns=columns,
            bounds=read_bounds(quantity.bounds),
            meaning=Meaning(quantity.words, caveat=quantity.caveat, url=PAGE),
        )

    def _arrays(self) -> dict[str, np.ndarray]:
        file = files("atlas_datasets") / "data" / f"{self.name}.npz"
        try:
            content = file.read_bytes()
        except FileNotFoundError as err:
            raise DataError(
                f"{self.name}: {file} is missing; install atlas-materials-datasets again"
            ) from err
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise DataError(
                f"{self.name}: {file} is damaged or changed (sha256 {found[:12]}...,"
                f" expected {self.sha256[:12]}...); install atlas-materials-datasets again"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


def _materials(arrays: Mapping[str, np.ndarray]) -> Materials:
    # dividing whole numbers by a power of ten gives the double nearest to the source's decimals
    return Materials.from_sites(
        arrays["ids"],
        arrays["counts"],
        numbers=arrays["numbers"],
        frac=arrays["frac"] / SCALE,
        lattice=arrays["lattice"] / SCALE,
    )


def crystal_system(space_group: np.ndarray) -> Str:
    """Return the crystal system of each space-group number."""
    return np.asarray([*_SYSTEMS], np.str_)[np.searchsorted([*_SYSTEMS.values()], space_group)]
