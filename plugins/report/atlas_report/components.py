"""How a page names a component and its options. Light."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

KINDS = ("featurizer", "model", "uq", "calibrator", "ood", "trust", "acquisition")

MOST_OPTIONS = 4
LONG_OPTION = 30
"""Options shown beside a component's name, and characters of one; the rest stands in a table."""


@dataclass(frozen=True)
class Part:
    """One component of an arm."""

    kind: str
    name: str
    source: str
    options: str
    citation: Markup


def parts(chosen: Mapping[str, Mapping[str, Any]]) -> tuple[Part, ...]:
    """Return the components of an arm, by kind as its manifest has them."""
    order = [*KINDS, *sorted(set(chosen) - set(KINDS))]
    return tuple(
        Part(
            kind=kind,
            name=str(one.get("use", "")),
            source=" ".join(str(one.get(key) or "") for key in ("distribution", "version")).strip(),
            options=options_in_words(one.get("options")),
            citation=citation(str(one.get("citation") or "")),
        )
        for kind in order
        if chosen.get(kind)
        for one in (chosen[kind], *chosen[kind].get("beside", ()))
    )


def options_in_words(options: Any) -> str:
    """Return options by name, "" where there is none."""
    if not isinstance(options, Mapping):
        return ""
    return ", ".join(f"{key}: {option(value)}" for key, value in sorted(options.items()))


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


_LINK = re.compile(r"https?://[^\s<>\"']+|\b10\.\d{4,9}/[^\s<>\"',;]+")


def citation(text: str) -> Markup:
    """Return a citation with its DOIs and addresses as links, escaped."""
    out = Markup("")
    at = 0
    for match in _LINK.finditer(text):
        shown = match[0].rstrip(".,;)")
        target = shown if shown.startswith("http") else f"https://doi.org/{shown}"
        out += escape(text[at : match.start()])
        out += Markup('<a href="{}" rel="noreferrer">{}</a>').format(target, shown)
        at = match.start() + len(shown)
    return out + escape(text[at:])
