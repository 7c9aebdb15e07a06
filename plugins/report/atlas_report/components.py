"""How a page names a component and its options. Light."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

KINDS = ("featurizer", "model", "uq", "calibrator", "ood", "trust", "acquisition")

MOST_OPTIONS = 4
LONG_OPTION = 30
"""Options told beside a component's name, and characters of one; the rest stands in a table."""


def with_options(chosen: Mapping[str, Any]) -> str:
    """Return a component's name, with the options that are not its defaults, briefly."""
    options = chosen.get("options") or {}
    shown = [f"{name} {option(options.get(name))}" for name in chosen.get("changed") or ()]
    shown = [text if len(text) <= LONG_OPTION else f"{text[: LONG_OPTION - 1]}…" for text in shown]
    if len(shown) > MOST_OPTIONS:
        shown = [*shown[: MOST_OPTIONS - 1], f"{len(shown) - MOST_OPTIONS + 1} more"]
    name = str(chosen.get("use", ""))
    return f"{name} ({', '.join(shown)})" if shown else name


def option(value: Any) -> str:
    """Return the value of an option as a spec may have it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False)
