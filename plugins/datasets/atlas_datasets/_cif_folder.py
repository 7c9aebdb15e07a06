"""Read a folder of CIF files."""

from __future__ import annotations

import csv
import hashlib
import warnings
from pathlib import Path

from pymatgen.core import Structure

from atlas_core.api import DataContext, DataError, Dataset, Materials, MissingDataError, read_bounds
from atlas_datasets._crystal import crystal
from atlas_datasets._reading import check_ids, targets, where
from atlas_datasets.cif_folder import CifFolderConfig


class CifFolder:
    """Load ``id_prop.csv`` and the CIF file of each id, in the order of ``id_prop.csv``."""

    def __init__(self, config: CifFolderConfig) -> None:
        self.config = config

    def load(self, context: DataContext) -> Dataset:
        """Return the data set; its sha256 covers ``id_prop.csv`` and every CIF file.

        Raises:
            DataError: a file is missing or does not parse, an id is repeated or no file name, a
                target is no number, a crystal is disordered.
        """
        folder = context.path(self.config.path)
        if folder.is_file():
            raise DataError(f"{folder}: a file; name the folder that it lies in")
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
        listing = folder / "id_prop.csv"
        content, rows = _rows(listing)
        digest = hashlib.sha256(content)
        ids = [row[0].strip() for row in rows]
        check_ids(str(listing), ids)
        target = targets(
            str(listing),
            ids,
            [row[1] for row in rows],
            column=self.config.target,
            task=self.config.task,
        )
        unlisted = sorted({path.stem for path in folder.glob("*.cif")} - set(ids))
        if unlisted:
            warnings.warn(
                f"{folder.name}: {len(unlisted)} CIF files stand in no row of id_prop.csv and are"
                f" left out: {', '.join(unlisted[:5])}{', ...' if len(unlisted) > 5 else ''}",
                stacklevel=2,
            )
        structures = []
        for number, material_id in enumerate(ids):
            place = where(str(listing), number, material_id)
            raw, structure = _crystal(folder, material_id, place)
            digest.update(raw)
            structures.append(structure)
        return Dataset(
            materials=Materials.from_structures(ids, structures),
            target=target,
            target_name=self.config.target,
            unit=self.config.unit,
            task=self.config.task,
            name=folder.resolve().name,
            licence=self.config.licence,
            citation=self.config.citation,
            sha256=digest.hexdigest(),
            provenance="user",
            bounds=read_bounds(self.config.bounds),
        )


def _rows(listing: Path) -> tuple[bytes, list[list[str]]]:
    """Return the file as it is, and its rows of two cells."""
    if not listing.is_file():
        raise MissingDataError(f"{listing}: missing; it lists id,target without a header")
    try:
        content = listing.read_bytes()
        text = content.decode("utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as err:
        raise DataError(f"{listing}: not UTF-8 text ({err})") from err
    except OSError as err:
        raise DataError(f"{listing}: cannot be read ({err.strerror})") from err
    except csv.Error as err:
        raise DataError(f"{listing}: cannot be read ({err})") from err
    if not rows:
        raise DataError(f"{listing}: no rows")
    for number, row in enumerate(rows):
        if len(row) != 2:
            raise DataError(
                f"{where(str(listing), number)}: expected id,target, found {len(row)} columns"
            )
    if not any(sign.isdigit() for sign in rows[0][1]) and len(rows) > 1:
        lowered = rows[0][1].strip().lower()
        if lowered not in {"true", "false", "yes", "no", "nan", "inf", "-inf", "infinity"}:
            raise DataError(
                f"{listing}: the first row, {','.join(rows[0])}, looks like a header; take it out"
            )
    return content, rows


def _crystal(folder: Path, material_id: str, place: str) -> tuple[bytes, Structure]:
    """Return the CIF file of an id as it is, and the crystal in it."""
    if "/" in material_id or "\\" in material_id:
        raise DataError(f"{place}: an id must be a file name without folders")
    file = folder / f"{material_id}.cif"
    try:
        raw = file.read_bytes()
    except FileNotFoundError as err:
        hint = "; ids stand without .cif" if material_id.lower().endswith(".cif") else ""
        raise DataError(f"{place}: {file} is missing{hint}") from err
    except (OSError, ValueError) as err:  # the latter for a name with a null character
        reason = err.strerror if isinstance(err, OSError) else err
        raise DataError(f"{place}: its .cif file cannot be read ({reason})") from err
    try:
        cif = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DataError(f"{file}: id {material_id}: not UTF-8 text ({err})") from err
    if "_cell_length_a" not in cif:
        raise DataError(f"{file}: id {material_id}: no CIF (it states no cell)")
    return raw, crystal(cif, f"{file}: id {material_id}")
