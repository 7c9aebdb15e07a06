"""The testing kit for component authors: checks, front ends, sample data. Light."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "kit": ("CheckResult", "checks_of", "format_results", "run_contract", "summary_line"),
    "offered": ("find_component", "with_components"),
    "outcome": ("NotApplicable", "applies", "require", "require_close"),
    "samples": ("Sample",),
}
"""Where each name stands: pytest loads this package in every project, and needs none of them."""

__all__ = sorted(name for names in _HOME.values() for name in names)  # noqa: PLE0605 - of the table


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
