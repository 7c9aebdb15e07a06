"""Whether training rows differ at all in what a detector looks at. Light: numpy only."""

from __future__ import annotations

from typing import Literal

import numpy as np

from atlas_core.api import F8, I8, Inputs, Vectors
from atlas_domain._representation import Representation, Scaling, looked_at, read

ROUNDING = 1e-9
"""Columns that differ by less than this share of their size are constant."""

LEAST = 100
"""Training rows of one size that have a mean and a covariance of their own."""
NEAR = 0.3
"""The share of the training rows whose distance sets a bandwidth: scikit-learn's default."""
DRAWN = 2000
"""Training rows that a bandwidth is estimated from."""
CLOSE = 1e-6
"""Share of the usual length of a row below which a distance is rounding."""

WORDS = {
    "fractions": "atomic fractions",
    "root_fractions": "atomic fractions",
    "features": "features",
    "embedding": "embedding",
}


def no_spread(train: Inputs, representation: Representation | Literal["arm"]) -> list[str]:
    """Return why rows cannot be distinguished by a representation, or nothing.

    Nothing is said of one that is not at hand.
    """
    if representation == "arm":
        if any(varies(read(train, one)) for one in looked_at(train)):
            return []
        if train.volume is not None and train.features is None:
            return []  # the arm's own features may differ
        representation = looked_at(train)[0]
    if not at_hand(train, representation) or varies(read(train, representation)):
        return []
    kinds = sorted(set(train.formulas.tolist()))
    same = f" (all are {kinds[0]})" if len(kinds) == 1 else ""
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
    """Return whether any column of (n, d) numbers takes two values; NaN is none."""
    known = ~np.isnan(values)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    seen = known.any(axis=0)
    size = np.maximum(np.maximum(np.abs(high[seen]), np.abs(low[seen])), 1.0)
    return bool((high[seen] - low[seen] > ROUNDING * size).any())


def flat(values: F8, *, shrunk: bool = False) -> str:
    """Return why the shrunk covariance of (n, d) centered rows has no inverse, "" where it has one.

    Ledoit and Wolf's share of the identity is 0 where all rows are the same but for their sign, as
    those of two rows are; their formula (2004, eq. 14) measures how the rows' squares differ.
    """
    if not varies(values):
        return (
            f"the {len(values)} training rows (of each class, where there are several) are alike in"
            " what is compared, so there is no spread to measure a distance by; choose another"
            " representation, or leave ood out"
        )
    if shrunk or values.shape[1] == 1:
        return ""
    one = values[np.argmax((values**2).sum(axis=1))]
    apart = np.minimum(np.abs(values - one).max(axis=1), np.abs(values + one).max(axis=1))
    if (apart > ROUNDING * max(float(np.abs(one).max()), 1.0)).any():
        return ""
    return (
        f"the {len(values)} training rows lie at two points, of which a covariance cannot be"
        " inverted; use more varied data, or knn_distance"
    )


def compared(
    train: Inputs, representation: Representation | Literal["arm"]
) -> tuple[Representation, ...]:
    """Return what a distance looks at; for ``arm`` all in which rows differ."""
    if representation != "arm":
        return (representation,)
    every = looked_at(train)
    # of one composition throughout, only the structures tell rows apart
    return tuple(one for one in every if varies(read(train, one))) or every[:1]


def sizes(train: Inputs, *, per_size: bool) -> tuple[I8, I8]:
    """Return (k,) ascending numbers of elements that have rows enough, and each row's place."""
    own = elements(train)
    found, counts = np.unique(own, return_counts=True)
    found = found[counts >= min(LEAST, counts.max())] if per_size else found[:1]
    return found, group(own, found)


def class_means(values: F8, place: I8) -> F8:
    """Return (k, d) the mean of each class of (n, d) values; ``place`` numbers them without gap."""
    return np.stack([values[place == k].mean(axis=0) for k in range(place.max() + 1)])


def elements(rows: Inputs) -> I8:
    """Return (n,) the number of elements of each material."""
    return np.asarray((rows.fractions > 0).sum(axis=1), dtype=np.int64)


def group(elements: I8, sizes: I8) -> I8:
    """Return (n,) the place in ``sizes`` of each row."""
    found = np.searchsorted(sizes, elements, side="right") - 1
    return np.asarray(np.maximum(found, 0), dtype=np.int64)


def at_hand(train: Inputs, representation: Representation | Literal["arm"]) -> bool:
    """Return whether what is compared is known before a training."""
    if representation == "embedding":
        return train.embedding is not None
    if representation == "features" or (representation == "arm" and train.volume is not None):
        return isinstance(train.features, Vectors)
    return True


def no_covariance(
    train: Inputs,
    representation: Representation | Literal["arm"],
    *,
    shrunk: bool = False,
    per_size: bool = False,
) -> list[str]:
    """Return why a distance by the training rows' covariance cannot be measured, or nothing."""
    problems = no_spread(train, representation)
    if problems or not at_hand(train, representation):
        return problems
    found, place = sizes(train, per_size=per_size)
    for one in compared(train, representation):
        values = Scaling.of(train, one).apply(train)
        for k in range(len(found)):
            own = values[place == k]
            if why := flat(own - own.mean(axis=0), shrunk=shrunk):
                return [why]
    return []


def no_bandwidth(train: Inputs, representation: Representation) -> list[str]:
    """Return why the usual distance of training rows to their nearest is 0, or nothing."""
    if not at_hand(train, representation):
        return []
    values = Scaling.of(train, representation).apply(train)
    length = float(np.sqrt((values**2).sum(axis=1).mean())) or 1.0
    _, copies = np.unique(np.rint(values / (CLOSE * length)), axis=0, return_counts=True)
    drawn = min(len(train), DRAWN)
    if copies.min() * drawn < max(2, round(NEAR * drawn)) * len(train):
        return []
    return [
        f"the {len(train)} training rows are {len(copies)} kinds of rows with the same"
        f" {WORDS[representation]}, each {copies.min()} times or more, so the distance to the"
        f" nearest {NEAR:.0%} is 0 and no bandwidth can be estimated from it; give the option"
        " bandwidth"
    ]
