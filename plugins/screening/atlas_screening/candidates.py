"""Open candidates by whichever installed data set reads their file. Light."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlas_core.errors import DataError, PluginError
from atlas_core.kinds.dataset import Candidates
from atlas_core.resolver import Resolver


def open_candidates(
    path: Path, resolver: Resolver, *, dataset: str = "", options: Mapping[str, Any] | None = None
) -> Candidates:
    """Return the candidates of a file or folder.

    Args:
        path: of the file or folder.
        resolver: of the installed data sets.
        dataset: the run's own data set; it is asked first, and told its options.
        options: of that data set.

    Raises:
        PluginError: the run's own data set is broken.
        DataError: it is missing, of a form that no installed data set reads, damaged or empty.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    forms = []
    for name in sorted(resolver.names("dataset"), key=lambda one: (one != dataset, one)):
        try:
            component = resolver.resolve("dataset", name).component
        except PluginError:
            if name == dataset:
                raise
            continue  # another data set is broken: it is not asked for
        if component.candidates is None:
            continue
        own = (options or {}) if name == dataset else {}
        found: Candidates | str = component.open_candidates(path, own)
        if isinstance(found, str):
            forms.append(found)
        elif not found.total:
            raise DataError(f"{path}: no candidate in it")
        else:
            return found
    expected = f"expected {', or '.join(forms)}" if forms else "no installed data set reads any"
    raise DataError(f"{path}: unknown form; {expected}")
