"""The testing kit for component authors: checks, front ends, sample data. Light."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    **dict.fromkeys(
        (
            "CheckResult",
            "checks_of",
            "format_results",
            "run_contract",
            "summary_line",
        ),
        "kit",
    ),
    **dict.fromkeys(("NotApplicable", "applies", "require", "require_close"), "outcome"),
    **dict.fromkeys(("find_component", "with_components"), "offered"),
    "Sample": "samples",
}
"""Where each name stands: pytest loads this package in every project, and needs none of them."""

__all__ = sorted(_HOME)  # noqa: PLE0605 - names of the table


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
