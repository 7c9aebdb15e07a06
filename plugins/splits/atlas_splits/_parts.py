"""Cut rows at random into parts. Light: numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import I8, DataError, Materials, Split, derive_seed
from atlas_splits._options import InDomainConfig


def formula_groups(materials: Materials) -> I8:
    """Return (n,) group numbers: equal for materials of one reduced formula."""
    return np.unique(materials.formulas(), return_inverse=True)[1].astype(np.int64)


def assign(rows: I8, sizes: Sequence[int], seed: int, groups: I8 | None = None) -> list[I8]:
    """Shuffle ``rows`` and cut pieces of ``sizes`` off; the last piece is what remains.

    Args:
        rows: (k,) row numbers.
        sizes: wanted sizes of the first pieces; each piece grows until its last group is whole.
        seed: of the shuffle.
        groups: (n,) group of every row of the data set, or None: each row is its own group.

    Returns:
        ``len(sizes) + 1`` sorted arrays of row numbers.
    """
    rng = np.random.default_rng(seed)
    order = rows[rng.permutation(len(rows))]
    ends = np.arange(1, len(rows) + 1)
    if groups is not None and len(rows):
        _, inverse = np.unique(groups[rows], return_inverse=True)
        rank = rng.permutation(int(inverse.max()) + 1)[inverse]
        by_group = np.argsort(rank, kind="stable")
        order = rows[by_group]
        changes = np.flatnonzero(np.diff(rank[by_group])) + 1
        ends = np.append(changes, len(rows))
    pieces: list[I8] = []
    start = 0
    for size in sizes:
        stop = start
        if size > 0 and start < len(rows):
            found = int(np.searchsorted(ends, start + size))
            stop = int(ends[min(found, len(ends) - 1)])
        pieces.append(np.sort(order[start:stop]))
        start = stop
    pieces.append(np.sort(order[start:]))
    return pieces


def size_of(fraction: float, count: int) -> int:
    """Return how many of ``count`` rows a fraction means: at least one unless it is zero."""
    return 0 if fraction == 0 else max(1, round(fraction * count))


def split_in_domain(
    name: str,
    in_domain: I8,
    *,
    config: InDomainConfig,
    materials: Materials,
    seed: int,
    ood_test: I8 | None = None,
    held_out: str = "",
    calibration: I8 | None = None,
) -> Split:
    """Return a fold: ``in_domain`` cut into train, calibration and test, ``ood_test`` apart.

    The random cut depends on the run's seed and the fold's name. ``calibration`` names rows of
    ``in_domain`` that calibrate, in place of a random cut.

    Raises:
        DataError: too few rows for the parts that the options ask for.
    """
    count = len(in_domain)
    groups = formula_groups(materials) if config.group_by_formula else None
    sizes = [size_of(config.test, count), size_of(config.calibration, count)]
    if calibration is not None:
        in_domain, sizes = np.setdiff1d(in_domain, calibration), [sizes[0], 0]
    test, cut, train = assign(in_domain, sizes, derive_seed(seed, "in-domain", name), groups)
    calibration = cut if calibration is None else calibration
    wanted = {
        "train": (train, True),
        "calibration": (calibration, config.calibration > 0),
        "test": (test, config.test > 0),
    }
    for part, (rows, needed) in wanted.items():
        if needed and not len(rows):
            raise DataError(
                f"split {name}: {count} in-domain rows leave none for {part};"
                " use more data or other fractions"
            )
    return Split(
        name,
        train=train,
        calibration=calibration,
        test=test,
        ood_test=np.zeros(0, np.int64) if ood_test is None else ood_test,
        held_out=held_out,
    )


def hold_out(
    name: str,
    held: np.ndarray[tuple[int], np.dtype[np.bool_]],
    *,
    config: InDomainConfig,
    materials: Materials,
    seed: int,
    held_out: str,
    calibration: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None,
) -> Split:
    """Return a fold whose ``ood_test`` part are the rows where ``held`` is true.

    ``calibration`` tells which of the others calibrate, in place of a random cut.

    Raises:
        DataError: no row or every row is held out, or too few remain.
    """
    if not held.any():
        raise DataError(f"split {name}: the held-out class is empty: there are no {held_out}")
    if held.all():
        raise DataError(f"split {name}: all {len(held)} rows are {held_out}; nothing to train on")
    return split_in_domain(
        name,
        np.flatnonzero(~held),
        config=config,
        materials=materials,
        seed=seed,
        ood_test=np.flatnonzero(held),
        held_out=held_out,
        calibration=None if calibration is None else np.flatnonzero(calibration),
    )


def take_calibration(
    name: str, train: I8, fraction: float, seed: int, groups: I8 | None = None
) -> tuple[I8, I8]:
    """Return (train, calibration): a random ``fraction`` of a training fold taken out.

    Raises:
        DataError: nothing would remain to train on.
    """
    size = size_of(fraction, len(train))
    calibration, rest = assign(train, [size], derive_seed(seed, "calibration", name), groups)
    if not len(rest):
        raise DataError(f"split {name}: {len(train)} training rows leave none after calibration")
    return rest, calibration
