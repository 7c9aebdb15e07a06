"""Which elements and which anion family each scored row has, from its formula. Light."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from atlas_core.arrays import F8, Bool, Str, offsets_of
from atlas_core.elements import ATOMIC_NUMBER, MAX_Z, SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.families import family_of_elements
from atlas_core.metrics import weighted


class Chemistry:
    """Hold which elements each of n rows has; rows without a formula have none."""

    def __init__(self, formula: Str) -> None:
        """Parse each distinct formula once.

        Args:
            formula: (n,) formulas; "" where there is none.

        Raises:
            DataError: a text is no formula; the message names its row.
        """
        distinct: dict[str, int] = {}
        numbers: list[int] = []
        sizes: list[int] = []
        place = np.empty(len(formula), dtype=np.int64)
        for row, text in enumerate(formula.tolist()):
            if text not in distinct:
                distinct[text] = len(distinct)
                try:
                    found = tuple(parse_formula(text)) if text else ()
                except ValueError as err:
                    raise DataError(f"predictions: row {row + 1}: {err}") from err
                numbers.extend(found)
                sizes.append(len(found))
            place[row] = distinct[text]
        self._place = place
        self._numbers = np.array(numbers, dtype=np.int64)
        self._sizes = np.array(sizes, dtype=np.int64)

    def families(self) -> Str:
        """Return (n,) anion families; "" for a row without a formula."""
        held = self._sizes > 0
        out = np.full(len(held), "", dtype="<U16")
        out[held] = family_of_elements(self._numbers, offsets_of(self._sizes[held]))
        return out[self._place]

    def beyond(self, known: Collection[str]) -> Bool:
        """Return (n,) whether a row has an element that is not among the known symbols."""
        strange = np.ones(MAX_Z + 1, dtype=np.bool_)
        strange[[ATOMIC_NUMBER[symbol] for symbol in known]] = False
        owner = np.repeat(np.arange(len(self._sizes)), self._sizes)
        found = np.bincount(owner, strange[self._numbers], len(self._sizes)) > 0
        return np.asarray(found[self._place], dtype=np.bool_)

    def errors(self, error: F8) -> dict[str, dict[str, float]]:
        """Return n and mean |error| of the rows that contain each element, by atomic number."""
        owner = np.repeat(np.arange(len(self._sizes)), self._sizes)
        rows = np.bincount(self._place, minlength=len(self._sizes))[owner]
        total = np.bincount(self._place, error, len(self._sizes))[owner]
        n = np.bincount(self._numbers, rows, MAX_Z + 1)
        mean = weighted.ratio(np.bincount(self._numbers, total, MAX_Z + 1), n)
        return {SYMBOLS[z]: {"n": int(n[z]), "mae": float(mean[z])} for z in np.flatnonzero(n)}
