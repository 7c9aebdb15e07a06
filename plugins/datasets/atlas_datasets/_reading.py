"""Read the rows of a table into ids, targets and materials, and say what became of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from atlas_core.api import (
    F8,
    BadRow,
    DataError,
    Materials,
    Task,
    absent_elements,
    formula_flags,
    parse_formula,
)
from atlas_reading import (
    MISSING,
    Crystal,
    Decimal,
    NoTargetError,
    OnBad,
    Row,
    Sifter,
    materials_of,
    number,
    one_crystal,
    read_crystals,
    read_target,
    refuse_printed,
    sniff_decimal,
)

ABSENT = "an element with an amount of 0, left out of the formula"
NO_TARGET = "with a target that is no number"
NO_ID = ("nan", "NA", "N/A", "None", "<NA>", "#N/A")
"""What programs write for an id that is not there; ``Na`` and ``NaN`` may be formulas."""


class RowsConfig(Protocol):
    """The options that all data sets with rows of a user share."""

    target: str
    task: Task
    on_error: OnBad
    missing: OnBad


@dataclass(frozen=True)
class Cells:
    """Hold the cells of a row that the reading needs; ``id`` is None where the row has none."""

    row: Row
    id: Any
    target: Any
    material: Any


@dataclass
class Kept:
    """Hold the rows that are used.

    Attributes:
        places: of the rows in the file, from 0.
        ids: of the rows.
        target: of the rows.
        materials: what was read of each: amounts, a crystal, or a place among bulk data.
    """

    places: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    materials: list[Any] = field(default_factory=list)


class Refused(ValueError):  # noqa: N818 - never leaves this module
    """Say why a row cannot be used, and of which kind that is."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def keep_rows(
    rows: Sequence[Cells],
    config: RowsConfig,
    sifter: Sifter,
    *,
    read: Callable[[Cells], tuple[Any, Sequence[str]]],
    decimal: Decimal,
) -> Kept:
    """Return the rows that can be used; the others are in ``sifter``.

    Args:
        rows: of the file.
        config: of the data set.
        sifter: takes what cannot be used, and what is odd.
        read: returns the material of a row and what is odd about it; raises ValueError or
            DataError.
        decimal: the sign in targets.
    """
    kept = Kept()
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
    told = [row for row in sifter.bad if row.kind != MISSING]
    if kept.ids or len(told) < 2 or any(row.kind != NO_TARGET for row in told):
        return
    what = "number" if config.task == "regression" else "truth value"
    raise DataError(
        f"{sifter.source}: no row has a {what} in column {config.target!r}; name another with"
        f" target ({told[0].line})"
    )


def _target(value: Any, config: RowsConfig, decimal: Decimal) -> float:
    try:
        return read_target(value, column=config.target, task=config.task, decimal=decimal)
    except NoTargetError as err:
        raise Refused(MISSING, str(err)) from err
    except ValueError as err:
        raise Refused(NO_TARGET, str(err)) from err


def _material(
    cells: Cells, read: Callable[[Cells], tuple[Any, Sequence[str]]]
) -> tuple[Any, Sequence[str]]:
    try:
        return read(cells)
    except (ValueError, DataError) as err:
        raise Refused("whose material cannot be read", " ".join(str(err).split())) from err


def _shortened(value: Any) -> str:
    return "" if value is None else str(value)[:300]


def read_formula(cells: Cells) -> tuple[Mapping[int, float], Sequence[str]]:
    """Return the amounts of the formula in a row."""
    text = "" if cells.material is None else str(cells.material)
    amounts = parse_formula(text)
    absent = (ABSENT,) if absent_elements(text) else ()
    return amounts, (*absent, *formula_flags(text))


def read_structure(cells: Cells) -> tuple[Crystal, Sequence[str]]:
    """Return the crystal in a row, from CIF, POSCAR or a pymatgen dict."""
    refuse_printed(cells.material)
    crystal = one_crystal(read_crystals(cells.material))
    return crystal, crystal.flags


def crystals(kept: Kept) -> Materials:
    """Return the kept crystals."""
    return materials_of(kept.ids, kept.materials)


def compositions(kept: Kept) -> Materials:
    """Return the kept compositions."""
    return Materials.from_amounts(kept.ids, kept.materials)


def decimal_of(
    stated: Decimal | None, separator: str, targets: Sequence[Any], *, source: str, column: str
) -> tuple[Decimal, tuple[str, ...]]:
    """Return the decimal sign of the targets, and a note where it was found out.

    Raises:
        DataError: commas in the targets may be decimal or part thousands.
    """
    if stated is not None or separator in ("", ","):
        return stated or ".", ()
    found = sniff_decimal(targets)
    if found is None:
        raise DataError(
            f"{source}: column {column!r} has numbers such as 1,500, which may be 1.5 or 1500; say"
            ' decimal: "," for the first, or take the commas out'
        )
    noted = f"{source.rpartition('/')[2]}: read with a comma as the decimal sign"
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
