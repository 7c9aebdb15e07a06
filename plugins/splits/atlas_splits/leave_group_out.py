"""Hold out groups: elements' columns or rows, anion families, prototypes, space groups, ..."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from atlas_core.api import DataError, Split, SplitRequest, derive_seed
from atlas_splits._columns import DERIVED, Groups, as_text, groups_of
from atlas_splits._parts import hold_out, size_of
from atlas_splits.hooks import LeaveGroupOutConfig


class LeaveGroupOut:
    """Put rows of the chosen groups into ``ood_test``."""

    def __init__(self, config: LeaveGroupOutConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return a fold for the given values, one per group (largest first), or ``folds`` of them.

        Raises:
            DataError: unknown column or value, no group is large enough, every row is held out,
                or too few rows remain.
        """
        config, column = self.config, self.config.column
        groups = self._groups(request)
        sizes = groups.sizes()
        if config.values is not None:
            wanted = [as_text(value) for value in config.values]
            for value in wanted:
                if value not in sizes:
                    raise DataError(
                        f"leave_group_out: no row has {column} {value!r}; {_closest(value, sizes)}"
                    )
            return [self._fold(request, groups, wanted)]
        large = sorted((name for name, size in sizes.items() if size >= config.min_group))
        if not large:
            raise DataError(
                f"leave_group_out: none of {len(sizes)} groups of {column!r} has"
                f" {config.min_group} rows; lower min_group or give values"
            )
        if config.folds is None:
            large.sort(key=lambda name: -sizes[name])
            return [self._fold(request, groups, [name]) for name in large]
        if len(large) < config.folds:
            raise DataError(
                f"leave_group_out: {len(large)} groups of {column!r} with {config.min_group} rows"
                f" cannot make {config.folds} folds; lower folds or min_group"
            )
        rng = np.random.default_rng(derive_seed(request.context.seed, "leave_group_out"))
        dealt = np.array_split(rng.permutation(np.asarray(large, dtype=np.str_)), config.folds)
        return [
            self._fold(request, groups, sorted(names.tolist()), name=f"fold_{i}")
            for i, names in enumerate(dealt)
        ]

    def _groups(self, request: SplitRequest) -> Groups:
        column = self.config.column
        groups = groups_of(request, column)
        if groups is None:
            known = [*request.columns, *DERIVED]
            raise DataError(
                f"leave_group_out: unknown column {column!r}; {_closest(column, known)}"
            )
        return groups

    def _fold(
        self, request: SplitRequest, groups: Groups, values: list[str], *, name: str = ""
    ) -> Split:
        config, n = self.config, len(request.materials)
        held = groups.mask(values, n)
        listed = " or ".join(values[:5]) + (f" or {len(values) - 5} others" * (len(values) > 5))
        fold = name or f"without {config.column} {'+'.join(values)}"
        return hold_out(
            fold,
            held,
            config=config,
            materials=request.materials,
            seed=request.context.seed,
            held_out=f"materials with {config.column} {listed}",
            calibration=self._inner(request, groups, values, fold) if config.nested else None,
        )

    def _inner(
        self, request: SplitRequest, groups: Groups, values: list[str], fold: str
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return (n,) rows of whole other groups, at least as many as calibration asks for."""
        n = len(request.materials)
        held = groups.mask(values, n)
        others = np.unique(groups.names[~np.isin(groups.names, values)])
        rng = np.random.default_rng(derive_seed(request.context.seed, "inner", fold))
        wanted = size_of(self.config.calibration, int((~held).sum()))
        taken = np.zeros(n, dtype=np.bool_)
        for name in rng.permutation(others).tolist():
            more = taken | (groups.mask([name], n) & ~held)
            if taken.sum() < wanted and more.sum() <= max(2 * wanted, 1):
                taken = more
        return taken


def _closest(text: str, known: Sequence[str] | dict[str, int]) -> str:
    """Return the closest names and the list of what is there, for an error message."""
    names = sorted(known)
    close = get_close_matches(text, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    more = f", ... ({len(names)} in all)" if len(names) > 20 else ""
    return f"{hint}there are: {', '.join(names[:20])}{more}"
