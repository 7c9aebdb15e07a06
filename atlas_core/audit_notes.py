"""Read back what the split audit noted of each fold of a run. Light: standard library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.errors import DataError
from atlas_core.store import read_json

_KINDS: Mapping[str, type] = {"elements": list, "training_ids": str, "twins": dict}
"""What is read of a fold's figures; each may be absent in the audit of an older run."""


def checked_audit(path: Path) -> Mapping[str, Any]:
    """Return ``audit.json``; {} for a run that was made without an audit.

    Raises:
        DataError: the file cannot be read, or is not what a run writes; names it.
    """
    if not path.is_file():
        return {}
    found: Any = read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("folds"), list):
        raise _foreign(path, "'folds' is missing")
    for fold in found["folds"]:
        figures = fold.get("figures") if isinstance(fold, dict) else None
        if not isinstance(figures, dict) or not isinstance(fold.get("fold"), str):
            raise _foreign(path, "a fold has no name or no figures")
        for name, kind in _KINDS.items():
            if name in figures and not isinstance(figures[name], kind):
                raise _foreign(path, f"{name!r} is not what a run writes")
        if not set(map(str, figures.get("elements", ()))) <= ATOMIC_NUMBER.keys():
            raise _foreign(path, "'elements' names what is no element")
        if not all(isinstance(v, int | float) for v in figures.get("twins", {}).values()):
            raise _foreign(path, "'twins' holds what is no number")
    return found


def audited_folds(audit: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return {fold: its figures} of an audit; {} where there was none."""
    return {fold["fold"]: fold["figures"] for fold in audit.get("folds") or ()}


def _foreign(path: Path, why: str) -> DataError:
    return DataError(f"{path}: is not the audit of a finished run: {why}; run the spec again")
