"""Which elements and which anion family each scored row has. Light: scipy's specials late."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from atlas_chemistry import family_of_elements
from atlas_core.arrays import F8, I8, Bool, Str, offsets_of
from atlas_core.elements import ATOMIC_NUMBER, MAX_Z, SYMBOLS, parse_formula
from atlas_core.errors import DataError
from atlas_core.metrics import weighted
from atlas_evaluation.scoring import ranked, signed
from atlas_statistics.bootstrap import CONFIDENCE


class Chemistry:
    """Which elements each of n rows has; rows without a formula have none."""

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

    def errors(self, off: F8, materials: I8) -> dict[str, dict[str, float | bool]]:
        """Return materials with each element and the errors of their rows, by atomic number.

        ``mae`` is the mean |error| of the rows, ``mean_error`` the mean of the signed errors of the
        formulas, with ``low`` and ``high`` of its interval where there are enough formulas, and
        ``off`` whether it lies from 0 by more than chance (:mod:`.signed`).

        ``apart`` says whether these errors rank above or below the others, and their mean so lies
        from that of all, by more than chance: a test on normal scores at 5 % for all elements
        together (:mod:`.ranked`), rows of one formula being one observation. ``above`` says on
        which side the mean lies.

        Args:
            off: (n,) prediction minus true value, in the target's unit.
            materials: (n,) number of the material each row belongs to.
        """
        k = len(self._sizes)
        owner = np.repeat(np.arange(k), self._sizes)
        repeats = np.bincount(self._place, minlength=k)
        total = np.bincount(self._place, np.abs(off), k)
        shift = weighted.ratio(np.bincount(self._place, off, k), repeats.astype(np.float64))
        pairs = np.unique(np.stack([self._place, materials]), axis=1)[0]

        def by_element(values: F8 | I8) -> F8:
            return np.bincount(self._numbers, values[owner], MAX_Z + 1).astype(np.float64)

        mean = weighted.ratio(by_element(total), by_element(repeats))
        held = self._sizes > 0
        if not held.any():
            return {}
        overall = float(total[held].sum() / repeats[held].sum())
        scores = np.zeros(k)
        scores[held] = ranked.normal_scores((total / repeats)[held])
        sums = by_element(scores)
        p = ranked.apart_p(scores[held], sums, by_element(held.astype(np.float64)))
        apart = (p < 1 - CONFIDENCE) & ((sums > 0) == (mean > overall))
        n = by_element(np.bincount(pairs, minlength=k))
        present = np.flatnonzero(n)
        biases = signed.biases([shift[owner[self._numbers == z]] for z in present])
        return {
            SYMBOLS[z]: {
                "n": int(n[z]),
                "mae": float(mean[z]),
                "apart": bool(apart[z]),
                "above": bool(mean[z] > overall),
                **bias.as_dict(),
            }
            for z, bias in zip(present, biases, strict=True)
        }
