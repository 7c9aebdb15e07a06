"""ATLAS: when may a materials-property model be believed? Light: imports nothing.

From Python, ``import atlas_core as atlas``; each name is imported when it is asked for.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"
_HOME = {
    "Predictions": "data.predictions",
    "Run": "python.runs",
    "Spec": "python.specs",
    **dict.fromkeys(("components", "load_run", "run", "validate"), "python.calls"),
}
"""Where each public name stands."""
_OFFERED = ("from_pandas", "score_predictions")
"""Public names that a plugin implements."""


def __getattr__(name: str) -> object:
    if name in _OFFERED:
        return importlib.import_module(f"{__name__}.python.offered").offered(name)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_OFFERED})
