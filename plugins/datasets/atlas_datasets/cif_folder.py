"""Your own folder of CIF files with id_prop.csv (the CGCNN convention)."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas_core.api import DataContext, DataError, Dataset
from atlas_datasets._reading import Cells, read_rows, read_structure, user_dataset
from atlas_datasets.hooks import CifFolderConfig
from atlas_reading import Crystal, Row, TableOptions, materials_of, open_table

_WORDS = {"true", "false", "yes", "no", "nan", "na", "n/a", "inf", "-inf", "infinity", ""}
"""Second cells of a first row that are not the name of a column."""


@dataclass(frozen=True)
class CifFolder:
    """Load ``id_prop.csv`` and the CIF file of each id, in the order of ``id_prop.csv``."""

    config: CifFolderConfig

    def load(self, context: DataContext) -> Dataset:
        """Return the data set; its sha256 covers ``id_prop.csv`` and every CIF file that is used.

        Raises:
            DataError: folder or listing is missing or damaged.
            RowsError: a file is missing or does not parse, an id is repeated or no file name, a
                target is not a number, a crystal is disordered.
        """
        config = self.config
        folder = context.path(config.path)
        if folder.is_file():
            raise DataError(f"{folder}: a file; give the folder that contains it")
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder")
        listing = folder / "id_prop.csv"
        if not listing.is_file():
            raise DataError(f"{listing}: missing; it lists id,target without a header")
        table = open_table(
            listing,
            TableOptions(
                separator=config.separator, encoding=config.encoding, header=False, width=2
            ),
        )
        rows = [Cells(row, *_two(row)) for row in table.rows()]
        _refuse_header(listing, rows, table.separator)
        files = _Files(folder)
        kept, report = read_rows(table, rows, config, files.read)
        files.warn_of_unlisted({str(one.id).strip() for one in rows})
        digest = hashlib.sha256(listing.read_bytes())
        for material_id in kept.ids:
            digest.update(files.contents[material_id])
        return user_dataset(
            config,
            kept,
            report,
            materials=materials_of(kept.ids, kept.materials),
            name=folder.resolve().name,
            sha256=digest.hexdigest(),
        )


def _two(row: Row) -> tuple[str, str, str]:
    """Return id, target, and the id again: it names the file."""
    cells = [str(cell) for cell in row.cells[:2]]
    name, target = (*cells, "", "")[:2]
    return name, target, name


def _refuse_header(listing: Path, rows: Sequence[Cells], separator: str) -> None:
    first = rows[0]
    if first.row.problem or len(rows) == 1 or any(sign.isdigit() for sign in first.target):
        return
    if first.target.strip().lower() not in _WORDS:
        shown = separator.join(map(str, first.row.cells))
        raise DataError(f"{listing}: the first row, {shown[:80]}, looks like a header; remove it")


class _Files:
    """Find and read the CIF file of an id, whatever the case of its ending."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, list[Path]] = {}
        self.contents: dict[str, bytes] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() == ".cif":
                self._known.setdefault(path.stem, []).append(path)

    def read(self, cells: Cells) -> tuple[Crystal, Sequence[str]]:
        """Return the crystal of an id, and what is odd about it.

        Raises:
            ValueError: the id is not a file name, or there is no file, or two.
            DataError: the file contains no usable crystal; names it.
        """
        material_id = str(cells.material).strip()
        if "/" in material_id or "\\" in material_id:
            raise ValueError("an id must be a file name without folders")
        there = self._known.get(material_id, [])
        if not there:
            hint = "; write ids without .cif" if material_id.lower().endswith(".cif") else ""
            shown = material_id if len(material_id) <= 60 else f"{material_id[:60]}..."
            raise ValueError(f"{shown}.cif is missing{hint}")
        if len(there) > 1:
            names = " and ".join(path.name for path in there)
            raise ValueError(f"{names} have this id; remove one of them")
        try:
            raw = there[0].read_bytes()
            found = read_structure(raw)
        except OSError as err:
            raise ValueError(f"{there[0].name}: cannot be read ({err.strerror})") from err
        except DataError as err:
            raise DataError(f"{there[0].name}: {err}") from err
        self.contents[material_id] = raw
        return found

    def warn_of_unlisted(self, ids: set[str]) -> None:
        """Warn of CIF files that are in no row."""
        unlisted = sorted(set(self._known) - ids)
        if unlisted:
            warnings.warn(
                f"{self._folder.name}: {len(unlisted)} CIF files are in no row of id_prop.csv and"
                f" are left out: {', '.join(unlisted[:5])}{', ...' if len(unlisted) > 5 else ''}",
                stacklevel=2,
            )
