"""Whether training rows differ at all in what a detector looks at. Light: numpy only."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from atlas_core.api import F8, FoldFacts, Inputs, Vectors
from atlas_domain._representation import Representation, looked_at, read

ROUNDING = 1e-9
"""Columns that differ by less than this share of their size are constant."""

WORDS = {
    "fractions": "atomic fractions",
    "root_fractions": "atomic fractions",
    "features": "features",
    "embedding": "embedding",
}


class Represented(Protocol):
    """Options that name a representation."""

    @property
    def representation(self) -> Representation | Literal["arm"]:
        """What is compared."""
        ...


def two_rows(facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with, or nothing."""
    n = len(facts.train)
    return [] if n >= 2 else [f"{n} training rows, needs at least 2; use more data"]


def spread(config: Represented, facts: FoldFacts) -> list[str]:
    """Return why the training rows have no spread to measure a distance by, or nothing."""
    return two_rows(facts) or no_spread(facts.train, config.representation)


def no_spread(train: Inputs, representation: Representation | Literal["arm"]) -> list[str]:
    """Return why rows cannot be told apart by a representation, or nothing.

    Nothing is said of one that is not at hand.
    """
    if representation == "arm":
        if any(varies(read(train, one)) for one in looked_at(train)):
            return []
        if train.structures and train.features is None:
            return []  # the arm's own features may differ
        representation = looked_at(train)[0]
    if representation == "embedding" and train.embedding is None:
        return []
    if representation == "features" and not isinstance(train.features, Vectors):
        return []
    if varies(read(train, representation)):
        return []
    formulas = sorted(set(train.materials.formulas()))
    same = f" (all are {formulas[0]})" if len(formulas) == 1 else ""
    if representation == "features":
        how = "use a featurizer that tells them apart, such as one of structures"
    else:
        how = (
            "use representation: features with a featurizer of structures, or embedding of a"
            " network"
        )
    return [
        f"all {len(train)} training rows have the same {WORDS[representation]}{same}, so there is"
        f" no spread to measure a distance by; {how}, or leave ood out"
    ]


def varies(values: F8) -> bool:
    """Tell whether any column of (n, d) numbers takes two values; NaN is none."""
    known = ~np.isnan(values)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    seen = known.any(axis=0)
    size = np.maximum(np.maximum(np.abs(high[seen]), np.abs(low[seen])), 1.0)
    return bool((high[seen] - low[seen] > ROUNDING * size).any())
