"""Read the rows of a table into ids, targets and materials, and say the outcome for each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, BadRow, DataError, Dataset, Materials, ReadingReport, read_bounds
from atlas_datasets.hooks import RowsConfig
from atlas_reading import (
    MISSING,
    Crystal,
    Decimal,
    NoTargetError,
    Row,
    Sifter,
    TableFile,
    number,
    one_crystal,
    read_crystals,
    read_target,
    sniff_decimal,
)

NO_TARGET = "with a target that is not a number"
NO_ID = ("nan", "NA", "N/A", "None", "<NA>", "#N/A")
"""What programs write for an id that is not there; ``Na`` and ``NaN`` may be formulas."""


@dataclass(frozen=True)
class Cells:
    """The cells of a row that the reading needs; ``id`` is None where the row has none."""

    row: Row
    id: Any
    target: Any
    material: Any


@dataclass
class Kept:
    """The rows that are used.

    Attributes:
        decimal: the sign in numbers of text.
        places: of the rows in the file, from 0.
        ids: of the rows.
        target: of the rows.
        materials: what was read of each: amounts, a crystal, or a place among bulk data.
    """

    decimal: Decimal
    places: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    materials: list[Any] = field(default_factory=list)


Read = Callable[[Cells], tuple[Any, Sequence[str]]]
"""Returns the material of a row and what is odd about it; raises ValueError or DataError."""


class Refused(ValueError):  # noqa: N818 - never leaves this module
    """Say why a row cannot be used, and of which kind that is."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def read_rows(
    table: TableFile, rows: Sequence[Cells], config: RowsConfig, read: Read
) -> tuple[Kept, ReadingReport]:
    """Return the rows that can be used, and the outcome for the others.

    Args:
        table: the file.
        rows: of the file.
        config: of the data set.
        read: reads the material of a row.

    Raises:
        RowsError: rows cannot be used, and the options do not drop them.
        DataError: no row has a target, or the decimal sign is not clear.
    """
    decimal, noted = _decimal_of(table, rows, config)
    sifter = Sifter(str(table.path), config.on_error, config.missing)
    kept = _keep(rows, config, sifter, read=read, decimal=decimal)
    return kept, sifter.finish(len(kept.ids), [*table.notes, *noted])


def _keep(
    rows: Sequence[Cells], config: RowsConfig, sifter: Sifter, *, read: Read, decimal: Decimal
) -> Kept:
    kept = Kept(decimal)
    seen: dict[str, tuple[int, bool]] = {}
    sifter.rows = len(rows)
    for place, cells in enumerate(rows):
        row = cells.row
        own = str(row.number) if cells.id is None else str(cells.id).strip()
        where = f"row {row.number}"
        try:
            if row.problem:
                raise Refused("that cannot be read", row.problem)
            if not own or own in NO_ID:
                raise Refused("without an id", f"the id is {own or 'empty'}")
            if own.endswith("\0"):  # numpy would cut it off
                raise Refused("without an id", "the id ends in a null character")
            first, used = seen.setdefault(own, (row.number, False))
            if first != row.number and (used or sifter.on_error == "stop"):
                why = f"duplicate id, also in row {first}; ids must be distinct"
                raise Refused("with the id of another row", why)
            target = _target(cells.target, config, decimal)
            material, odd = _material(cells, read)
        except Refused as err:
            text = row.text if row.problem else _shortened(cells.material)
            sifter.add(BadRow(where, "" if row.problem else own, text, str(err), err.kind))
            continue
        seen[own] = (row.number, True)
        sifter.flag(odd, where, own)
        kept.places.append(place)
        kept.ids.append(own)
        kept.target.append(target)
        kept.materials.append(material)
    _refuse_text(sifter, config, kept)
    return kept


def _refuse_text(sifter: Sifter, config: RowsConfig, kept: Kept) -> None:
    """Refuse a column that holds no target in any row, in one line.

    Raises:
        DataError: it is such a column.
    """
    wrong = [row for row in sifter.bad if row.kind != MISSING]
    if kept.ids or len(wrong) < 2 or any(row.kind != NO_TARGET for row in wrong):
        return
    what = "number" if config.task == "regression" else "truth value"
    raise DataError(
        f"{sifter.source}: no row has a {what} in column {config.target!r}; name another with"
        f" target ({wrong[0].line})"
    )


def _target(value: Any, config: RowsConfig, decimal: Decimal) -> float:
    try:
        return read_target(value, column=config.target, task=config.task, decimal=decimal)
    except NoTargetError as err:
        raise Refused(MISSING, str(err)) from err
    except ValueError as err:
        raise Refused(NO_TARGET, str(err)) from err


def _material(cells: Cells, read: Read) -> tuple[Any, Sequence[str]]:
    try:
        return read(cells)
    except (ValueError, DataError) as err:
        raise Refused("whose material cannot be read", " ".join(str(err).split())) from err


def _shortened(value: Any) -> str:
    return "" if value is None else str(value)[:300]


def read_structure(value: Any) -> tuple[Crystal, Sequence[str]]:
    """Return the crystal in a cell or file, and what is odd about it."""
    crystal = one_crystal(read_crystals(value, form="cif" if isinstance(value, bytes) else None))
    return crystal, crystal.flags


def user_dataset(
    config: RowsConfig,
    kept: Kept,
    report: ReadingReport,
    *,
    materials: Materials,
    name: str,
    sha256: str,
) -> Dataset:
    """Return a user's data set, as its options describe it."""
    return Dataset(
        materials=materials,
        target=np.asarray(kept.target, dtype=np.float64),
        target_name=config.target,
        unit=config.unit,
        task=config.task,
        name=name,
        license=config.license,
        citation=config.citation,
        sha256=sha256,
        provenance="user",
        reading=report,
        bounds=read_bounds(config.bounds),
        meaning=config.meaning,
    )


def _decimal_of(
    table: TableFile, rows: Sequence[Cells], config: RowsConfig
) -> tuple[Decimal, tuple[str, ...]]:
    """Return the decimal sign of the targets, and a note where it was detected.

    Raises:
        DataError: commas in the targets may be decimal or separate thousands.
    """
    if config.decimal is not None or table.separator in ("", ","):
        return config.decimal or ".", ()
    found = sniff_decimal([one.target for one in rows])
    if found is None:
        raise DataError(
            f"{table.path}: column {config.target!r} has numbers such as 1,500, which may be 1.5 or"
            ' 1500; set decimal: "," for the former, or remove the commas'
        )
    noted = f"{table.path.name}: read with a comma as the decimal sign"
    return found, (noted,) if found == "," else ()


def as_metadata(cells: Sequence[Any], decimal: Decimal = ".") -> npt.NDArray[Any]:
    """Return a column as whole numbers, numbers or text, whichever holds every cell."""
    texts = ["" if v is None else str(v) for v in cells]
    signs: list[Decimal] = [decimal if isinstance(v, str) else "." for v in cells]
    try:
        numbers: F8 = np.asarray(list(map(number, texts, signs)), dtype=np.float64)
    except ValueError:
        return np.asarray(texts, dtype=np.str_)
    try:
        return np.asarray([int(text) for text in texts], dtype=np.int64)
    except (ValueError, OverflowError):
        finite = bool(np.isfinite(numbers).all())
        return numbers if finite else np.asarray(texts, dtype=np.str_)
