"""Facts about a row that need no distance: what was never seen in training. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.api import (
    F8,
    SYMBOLS,
    Bool,
    Inputs,
    Reason,
    Reasons,
    Standardizer,
    Str,
    Vectors,
)
from atlas_core.printing import listed
from atlas_domain._verdict import Elements


@dataclass(frozen=True)
class UnseenElements:
    """Share of a row's atoms whose element no training material has.

    Attributes:
        elements: of the training materials.
    """

    elements: Elements

    @classmethod
    def of(cls, train: Inputs) -> UnseenElements:
        """Note the training elements."""
        return cls(Elements.of(train.fractions))

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) shares."""
        return self.elements.unseen(rows.fractions)

    def describe(self, rows: Inputs) -> Reasons:
        """Return the reason of each of n rows, () where there is nothing to tell."""
        return tuple(map(self.elements.new, rows.fractions))


@dataclass(frozen=True)
class UnseenPairs:
    """Number of a row's pairs of elements that no training material has together.

    Attributes:
        unseen: (118, 118) whether elements i + 1 and j + 1 > i + 1 are such a pair.
    """

    unseen: Bool

    @classmethod
    def of(cls, train: Inputs, *, known: bool, least: int = 1) -> UnseenPairs:
        """Note which elements occur together.

        Args:
            train: the training rows.
            known: whether only pairs of elements count that were both seen, each in other
                company: a new element makes all its pairs new.
            least: in how many training rows a pair must be to count as seen.
        """
        present = _present(train.fractions).astype(np.float64)
        apart = present.T @ present < least
        if known:
            seen = ~apart.diagonal()
            apart &= seen[:, None] & seen[None, :]
        return cls(np.triu(apart, k=1))

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) numbers of pairs."""
        present = _present(rows.fractions).astype(np.float64)
        return np.asarray(((present @ self.unseen) * present).sum(axis=1), dtype=np.float64)

    def share(self, rows: Inputs) -> F8:
        """Return (n,) shares of a row's pairs; 0 for an element alone."""
        elements = _present(rows.fractions).sum(axis=1)
        return np.asarray(self(rows) / np.maximum(elements * (elements - 1) / 2, 1))

    def describe(self, rows: Inputs) -> Reasons:
        """Return the reason of each of n rows, () where there is nothing to tell."""
        return tuple(map(self._describe, _present(rows.fractions)))

    def _describe(self, row: Bool) -> tuple[Reason, ...]:
        z = np.flatnonzero(row)
        first, second = np.nonzero(self.unseen[np.ix_(z, z)])
        pairs = [[SYMBOLS[z[i] + 1], SYMBOLS[z[j] + 1]] for i, j in zip(first, second, strict=True)]
        if not pairs:
            return ()
        text = f"has {listed([' with '.join(pair) for pair in pairs])}, never seen together"
        return (Reason("unseen_pairs", text, {"pairs": pairs}),)


@dataclass(frozen=True)
class OutOfRange:
    """How far features lie outside the range of the training rows.

    Attributes:
        low, high: (d,) least and largest training value; NaN for a column without any.
        scale: (d,) training std; 1 for a constant column.
        labels: (d,) names of the columns.
    """

    low: F8
    high: F8
    scale: F8
    labels: Str

    @classmethod
    def of(cls, train: Inputs) -> OutOfRange | None:
        """Note the ranges; None where the features are no vectors."""
        if not isinstance(train.features, Vectors):
            return None
        values = train.features.values
        known = ~np.isnan(values)
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        empty = ~known.any(axis=0)
        low[empty], high[empty] = np.nan, np.nan
        return cls(low, high, Standardizer.of(values).scale, train.features.labels)

    def excess(self, rows: Inputs) -> F8:
        """Return (n, d) how far outside each feature lies, in training std; 0 inside."""
        if not isinstance(rows.features, Vectors):
            return np.zeros((len(rows), len(self.labels)))
        values = rows.features.values
        beyond = np.maximum(self.low - values, values - self.high) / self.scale
        # sums of fractions round: what lies outside by that alone is inside
        return np.where(beyond > 1e-9, beyond, 0.0)

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) the largest excess."""
        return np.asarray(self.excess(rows).max(axis=1, initial=0.0), dtype=np.float64)

    def describe(self, rows: Inputs) -> Reasons:
        """Return the reason of each of n rows, () for none; the farthest property is named."""
        excess = self.excess(rows)
        if not excess.size or not isinstance(rows.features, Vectors):
            return ((),) * len(rows)
        return tuple(map(self._describe, rows.features.values, excess))

    def _describe(self, values: F8, excess: F8) -> tuple[Reason, ...]:
        column = int(excess.argmax())
        if not excess[column]:
            return ()
        value, label = float(values[column]), str(self.labels[column])
        above = value > self.high[column]
        limit = float((self.high if above else self.low)[column])
        others = int((excess > 0).sum()) - 1
        more = f" ({others} more out of range)" if others else ""
        side = "above" if above else "below"
        text = f"{label} {value:.4g} {side} {limit:.4g}{more}"
        figures = {"feature": label, "value": value, "limit": limit, "others": others}
        return (Reason("out_of_range", text, figures),)


def _present(fractions: F8) -> Bool:
    return fractions > 0
