"""Load every installed component and say which are broken, for ``atlas plugins --verify``."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_core.errors import PluginError
from atlas_registry.listing import Listed
from atlas_registry.loading import Registry


def verify(listed: Iterable[Listed]) -> dict[tuple[str, str, str], str]:
    """Return what is wrong with each component, "" where nothing is; a broken one is a row."""
    registry = Registry()
    problems: dict[tuple[str, str, str], str] = {}
    for row in listed:
        problem = row.problem
        if not problem:
            try:
                registry.resolve(row.kind, row.name)
            except PluginError as err:
                problem = str(err)
        problems[row.kind, row.name, row.distribution] = problem
    return problems
