"""Any matminer featurizer by class name and preset (Ward et al. 2018)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Composition, Structure

from atlas_core.api import SYMBOLS, DataError, Materials, Vectors
from atlas_crystal._matminer import make
from atlas_reading import structure_of

if TYPE_CHECKING:
    from atlas_crystal.hooks import MatminerConfig


class Matminer:
    """Call a matminer featurizer for each material."""

    def __init__(self, config: MatminerConfig) -> None:
        self.config = config
        self.inner = make(config)

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, d) columns of the matminer class that hold numbers.

        A column that holds text or a list for any material is left out, with one warning that names
        all such columns. A material that matminer cannot featurize, or where a column is infinite,
        gets a row of NaN and stands in ``failures`` with the reason. A NaN that matminer itself
        returns stays.

        Raises:
            DataError: only compositions are known but structures are needed, every row failed, or
                no column holds numbers.
        """
        name = self.config.featurizer
        if self.config.input == "structure" and not materials.has_structure:
            raise DataError(f"matminer: {name} needs crystal structures, not formulas")
        labels = [str(label) for label in self.inner.feature_labels()]
        rows: list[list[Any] | None] = []
        failures: list[tuple[str, str]] = []

        def fail(index: int, reason: str) -> None:
            failures.append((str(materials.ids[index]), reason))

        for i in range(len(materials)):
            row: list[Any] | None = None
            try:
                row = values_of(self.inner.featurize(self._entry(materials, i)), labels)
            except Exception as err:  # listed by id: a featurizer of matminer may raise anything
                reason = " ".join(str(err).split()) or "no message"
                fail(i, f"{type(err).__name__}: {reason}")
            rows.append(row)
        kept = self._columns_of_numbers(rows, labels)
        values = np.full((len(rows), len(kept)), np.nan)
        for i, row in enumerate(rows):
            if row is None:
                continue
            numbers = [number for j in kept if (number := number_of(row[j])) is not None]
            if infinite := [labels[j] for j, x in zip(kept, numbers, strict=True) if math.isinf(x)]:
                fail(i, f"column {infinite[0]!r} is infinite")
            else:
                values[i] = numbers
        if failures and len(failures) == len(materials):
            raise DataError(
                f"matminer: {name} failed for all {len(failures)} materials;"
                f" id {failures[0][0]}: {failures[0][1]}"
            )
        names = np.asarray([labels[j] for j in kept], dtype=np.str_)
        return Vectors(values, names, tuple(failures))

    def _columns_of_numbers(self, rows: list[list[Any] | None], labels: list[str]) -> list[int]:
        """Return the columns that hold no text or list in any row; warn of the others."""
        odd: dict[int, Any] = {}
        for row in rows:
            for column, value in enumerate(row or ()):
                if number_of(value) is None:
                    odd.setdefault(column, value)
        kept = [column for column in range(len(labels)) if column not in odd]
        if odd:
            named = ", ".join(f"{labels[j]!r} ({str(odd[j])[:40]!r})" for j in sorted(odd))
            text = f"matminer: {self.config.featurizer}: no numbers in"
            if not kept:
                raise DataError(f"{text} any column: {named}")
            warnings.warn(f"{text} and left out: {named}", stacklevel=3)
        return kept

    def _entry(self, materials: Materials, index: int) -> Composition | Structure:
        if self.config.input == "structure":
            return structure_of(materials, index)
        amounts: dict[str, float] = {}
        for row in range(materials.offsets[index], materials.offsets[index + 1]):
            symbol = SYMBOLS[int(materials.numbers[row])]
            amounts[symbol] = amounts.get(symbol, 0.0) + float(materials.amounts[row])
        return Composition(amounts)


def values_of(row: Iterable[Any], labels: list[str]) -> list[Any]:
    """Return a featurizer's answer as a list.

    Raises:
        ValueError: the wrong number of values.
    """
    given = list(row)
    if len(given) != len(labels):
        raise ValueError(f"{len(given)} values for {len(labels)} labels")
    return given


def number_of(value: Any) -> float | None:
    """Return a featurizer's value as a number, NaN for None; or None where it is no number."""
    if value is None:
        return math.nan
    if isinstance(value, str) or np.ndim(value) != 0:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
