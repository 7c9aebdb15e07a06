"""Which elements and which anion family each scored row has. Light: scipy's specials late."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from atlas_core.arrays import F8, I8, Bool, Str, offsets_of
from atlas_core.elements import ATOMIC_NUMBER, MAX_Z, SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.families import family_of_elements
from atlas_core.metrics import weighted
from atlas_core.metrics.bootstrap import CONFIDENCE


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
        amounts: list[float] = []
        sizes: list[int] = []
        place = np.empty(len(formula), dtype=np.int64)
        for row, text in enumerate(formula.tolist()):
            if text not in distinct:
                distinct[text] = len(distinct)
                try:
                    found = parse_formula(text) if text else {}
                except ValueError as err:
                    raise DataError(f"predictions: row {row + 1}: {err}") from err
                numbers.extend(found)
                amounts.extend(found.values())
                sizes.append(len(found))
            place[row] = distinct[text]
        self._place = place
        self._numbers = np.array(numbers, dtype=np.int64)
        self._amounts = np.array(amounts, dtype=np.float64)
        self._sizes = np.array(sizes, dtype=np.int64)

    def families(self) -> Str:
        """Return (n,) anion families; "" for a row without a formula."""
        held = self._sizes > 0
        out = np.full(len(held), "", dtype="<U16")
        out[held] = family_of_elements(self._numbers, offsets_of(self._sizes[held]), self._amounts)
        return out[self._place]

    def beyond(self, known: Collection[str]) -> Bool:
        """Return (n,) whether a row has an element that is not among the known symbols."""
        strange = np.ones(MAX_Z + 1, dtype=np.bool_)
        strange[[ATOMIC_NUMBER[symbol] for symbol in known]] = False
        owner = np.repeat(np.arange(len(self._sizes)), self._sizes)
        found = np.bincount(owner, strange[self._numbers], len(self._sizes)) > 0
        return np.asarray(found[self._place], dtype=np.bool_)

    def errors(self, error: F8) -> dict[str, dict[str, float | bool]]:
        """Return n and mean |error| of the rows that contain each element, by atomic number.

        ``low`` and ``high`` are the ends of 95 % intervals that hold for all elements together
        (Bonferroni; Student's t, rows of one formula being one observation), ``apart`` whether the
        mean over all rows lies outside: of eighty elements four would differ by chance.
        """
        from scipy.special import stdtrit

        k = len(self._sizes)
        owner = np.repeat(np.arange(k), self._sizes)
        repeats = np.bincount(self._place, minlength=k)[owner]
        total = np.bincount(self._place, error, k)[owner]

        def by_element(values: F8 | I8) -> F8:
            return np.bincount(self._numbers, values, MAX_Z + 1).astype(np.float64)

        n, distinct = by_element(repeats), by_element((repeats > 0).astype(np.float64))
        mean = weighted.ratio(by_element(total), n)
        gaps = (total - repeats * mean[self._numbers]) ** 2
        variance = weighted.ratio(by_element(gaps) * distinct, n**2 * (distinct - 1))
        tail = (1 - CONFIDENCE) / 2 / max(1, int((distinct > 1).sum()))
        overall = float(error[self._sizes[self._place] > 0].mean()) if n.any() else math.nan
        out: dict[str, dict[str, float | bool]] = {}
        for z in np.flatnonzero(n):
            own: dict[str, float | bool] = {"n": int(n[z]), "mae": float(mean[z])}
            if distinct[z] > 1:
                half = float(stdtrit(distinct[z] - 1, 1 - tail) * np.sqrt(variance[z]))
                low, high = max(0.0, float(mean[z]) - half), float(mean[z]) + half
                own |= {"low": low, "high": high, "apart": not low <= overall <= high}
            else:
                own["apart"] = False
            out[SYMBOLS[z]] = own
        return out
