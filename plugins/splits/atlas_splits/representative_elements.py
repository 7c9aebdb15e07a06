"""Hold out elements in turn, chosen to represent all families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from atlas_chemistry import covalent_radius, electronegativity
from atlas_core.api import F8, I8, SYMBOLS, Bool, DataError, Split, SplitRequest, derive_seed
from atlas_splits._elements import BLOCKS, blocks, presence
from atlas_splits._parts import hold_out
from atlas_splits.hooks import RepresentativeElementsConfig

SHARES = (3, 2, 1, 1, 1)
"""Elements of each of ``BLOCKS`` among eight."""
LEAST_LEFT = 0.3
"""An element is left out only where at least this share of the rows is without it."""
CROWDED = 0.2
"""An element in a larger share of the rows does not share its training part with others."""


class RepresentativeElements:
    """Hold out the materials with one element a fold, for several elements in turn."""

    def __init__(self, config: RepresentativeElementsConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold an element, ``without O`` first where there are oxides.

        Raises:
            DataError: no element is in enough rows and missing in enough, or too few rows remain.
        """
        config = self.config
        has = presence(request.materials)
        chosen = choose(
            has.sum(axis=0),
            len(has),
            count=config.count,
            minimum=config.minimum,
            seed=derive_seed(request.context.seed, "representative_elements"),
        )
        folds = []
        for training_group in training_groups(chosen, has.mean(axis=0), together=config.together):
            names = [SYMBOLS[z] for z in training_group]
            whole = hold_out(
                f"without {', '.join(names)}",
                has[:, training_group].any(axis=1),
                config=config,
                materials=request.materials,
                seed=request.context.seed,
                held_out=f"materials with {', '.join(names)}",
            )
            if len(training_group) == 1:
                folds.append(whole)
                continue
            alone = has & (has[:, training_group].sum(axis=1) == 1)[:, None]
            folds += [
                replace(
                    whole,
                    name=f"without {SYMBOLS[z]}",
                    held_out=f"materials with {SYMBOLS[z]}",
                    ood_test=np.flatnonzero(alone[:, z]),
                )
                for z in training_group
                if alone[:, z].any()
            ]
        return folds


def training_groups(chosen: Sequence[int], share: F8, *, together: int) -> list[list[int]]:
    """Return the elements that share a training part, of different families as far as they go.

    Args:
        chosen: atomic numbers.
        share: (119,) share of the rows with each atomic number.
        together: so many of them in one company at most.
    """
    alone = [z for z in chosen if together == 1 or share[z] > CROWDED]
    family = blocks()
    # cards dealt by family: those of one family lie next to each other and go to different hands
    others = sorted((z for z in chosen if z not in alone), key=lambda z: int(family[z]))
    hands = -(-len(others) // together)
    found = [[z] for z in alone]
    for hand in range(hands):
        training_group: list[int] = []
        for z in others[hand::hands]:
            if float(share[[*training_group, z]].sum()) > 1.0 - LEAST_LEFT:  # too little is left
                found.append([z])
            else:
                training_group.append(z)
        found.append(training_group)
    return found


def choose(rows: I8, n: int, *, count: int, minimum: int, seed: int) -> list[int]:
    """Return up to ``count`` atomic numbers that stand for a data set.

    First the most frequent non-metal, then the ends of electronegativity: a model extrapolates
    most where a property leaves the range that it has seen. Then the ends of size, where they
    leave a place of their family to the draw. The others are drawn, from the family that is
    furthest below its share, with a probability proportional to the root of the number of rows.

    Args:
        rows: (119,) number of rows with each atomic number.
        n: rows in all.
        count: elements wanted.
        minimum: rows that an element must be in.
        seed: of the draw.

    Raises:
        DataError: no element can be left out.
    """
    able = (rows >= minimum) & (n - rows >= LEAST_LEFT * n) & (n > rows)
    able[0] = False
    if not able.any():
        raise DataError(
            f"representative_elements: no element is in {minimum} rows or more and missing in"
            f" {LEAST_LEFT:.0%} of {n}; lower minimum or take more data"
        )
    family = blocks()
    quota = np.array(SHARES) * count / sum(SHARES)
    taken = np.zeros(len(BLOCKS), dtype=np.int64)
    chosen: list[int] = []

    def take(z: int) -> None:
        chosen.append(z)
        taken[family[z]] += 1
        able[z] = False

    leading, sizes = _ends(rows, able, family)
    for z in (*leading, *sizes):
        crowded = z not in leading and taken[family[z]] + 1 >= np.rint(quota[family[z]])
        if len(chosen) < count and able[z] and not crowded:
            take(z)
    rng = np.random.default_rng(seed)
    while len(chosen) < count and able.any():
        open_to = np.bincount(family[able], minlength=len(BLOCKS)) > 0
        short = np.where(open_to, quota - taken, -np.inf)
        candidates = np.flatnonzero(able & (family == int(np.argmax(short))))
        weight = np.sqrt(rows[candidates])
        take(int(rng.choice(candidates, p=weight / weight.sum())))
    return chosen


def _ends(rows: I8, able: Bool, family: I8) -> tuple[list[int], list[int]]:
    """Return the frequent and the extreme in electronegativity, and the extreme in size."""
    non_metals = np.flatnonzero(able & (family == 0))
    frequent = [int(non_metals[np.argmax(rows[non_metals])])] if len(non_metals) else []
    return frequent + _extremes(electronegativity(), able), _extremes(covalent_radius(), able)


def _extremes(table: F8, able: Bool) -> list[int]:
    """Return the atomic numbers with the largest and the smallest known value."""
    known = np.where(able, table, np.nan)
    return [int(np.nanargmax(known)), int(np.nanargmin(known))] if np.isfinite(known).any() else []
