"""Hold out groups of a column. Light: numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from atlas_core.api import DataError, Materials, Split, SplitRequest, Str
from atlas_splits._parts import hold_out
from atlas_splits.leave_group_out import LeaveGroupOutConfig

DERIVED = ("chemical_system", "formula", "n_elements")
MISSING = ""
"""Text of a row that has no value: it belongs to no group and is never held out."""


def as_text(value: object) -> str:
    """Return the name of a group: 225, 225.0 and "225" are one group; None and NaN are none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN differs from itself
        return MISSING
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def derive(materials: Materials, column: str) -> list[str]:
    """Return the values of a column of ``DERIVED``."""
    if column == "chemical_system":
        return materials.chemical_systems()
    if column == "formula":
        return materials.formulas()
    return [str(system.count("-") + 1) for system in materials.chemical_systems()]


class LeaveGroupOut:
    """Put rows of the chosen groups into ``shifted``."""

    def __init__(self, config: LeaveGroupOutConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold for the given values, or one fold a group, largest group first.

        Raises:
            DataError: unknown column or value, no group is large enough, every row is held out,
                or too few rows remain.
        """
        config, column = self.config, self.config.column
        groups = self._groups(request)
        names, counts = np.unique(groups[groups != MISSING], return_counts=True)
        if config.values is not None:
            wanted = [as_text(value) for value in config.values]
            for value in wanted:
                if value not in names:
                    raise DataError(
                        f"leave_group_out: no row has {column} {value!r}; {_closest(value, names)}"
                    )
            return [self._fold(request, groups, wanted)]
        large = counts >= config.min_group
        if not large.any():
            raise DataError(
                f"leave_group_out: none of {len(names)} groups of {column!r} has"
                f" {config.min_group} rows; lower min_group or give values"
            )
        order = np.lexsort((names[large], -counts[large]))
        return [self._fold(request, groups, [str(name)]) for name in names[large][order]]

    def _groups(self, request: SplitRequest) -> Str:
        column = self.config.column
        if column in request.columns:
            return np.asarray([as_text(v) for v in request.columns[column]], dtype=np.str_)
        if column in DERIVED:
            return np.asarray(derive(request.materials, column), dtype=np.str_)
        known = np.asarray([*request.columns, *DERIVED], dtype=np.str_)
        raise DataError(f"leave_group_out: unknown column {column!r}; {_closest(column, known)}")

    def _fold(self, request: SplitRequest, groups: Str, values: list[str]) -> Split:
        return hold_out(
            f"without {self.config.column} {'+'.join(values)}",
            np.isin(groups, values),
            config=self.config,
            materials=request.materials,
            seed=request.seed,
            held_out=f"materials with {self.config.column} {' or '.join(values)}",
        )


def _closest(text: str, known: Str) -> str:
    """Return the closest names and the list of what is there, for an error message."""
    names = sorted(str(name) for name in known)
    close = get_close_matches(text, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    more = f", ... ({len(names)} in all)" if len(names) > 20 else ""
    return f"{hint}there are: {', '.join(names[:20])}{more}"
