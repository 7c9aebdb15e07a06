"""All test materials as data of the page, which its script shows as a table. Light."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from atlas_chemistry import FAMILIES, family_of_elements
from atlas_core.arrays import F8, I8, Str, offsets_of
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.elements import parse_formula
from atlas_pages.formatting import alloy, decimals
from atlas_report.source import PART_LABEL, SHOWN_PARTS, Source

MOST = 1_500_000
"""Characters of data up to which a page takes every row; a page is opened by a person."""
DIGITS = 5
"""Significant digits of a value: four are shown."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Explorer:
    """The rows of all arms.

    Attributes:
        data: JSON, safe inside a ``<script>`` that holds data.
        rows: how many rows it has.
        left_out: how many rows are in ``predictions.parquet`` only.
    """

    data: Markup
    rows: int
    left_out: int


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the rows of an arm stand among the n rows of all arms, and which of those are shown."""

    place: I8
    chosen: I8
    n: int

    def filled(self, values: F8) -> F8:
        """Return the values of the rows that are shown; NaN where the arm has none."""
        out = np.full(self.n, np.nan)
        out[self.place] = values
        return out[self.chosen]


def explorer(source: Source) -> Explorer:
    """Return the test rows of all arms; of more than a page can hold, those that err most."""
    keys: dict[Key, int] = {}
    seen = [rows.take(np.isin(rows.parts, SHOWN_PARTS)) for rows in source.rows.values()]
    for rows in seen:
        for key in _keys(rows):
            keys.setdefault(key, len(keys))
    chosen = np.arange(len(keys))
    places = [np.array([keys[key] for key in _keys(rows)], dtype=np.int64) for rows in seen]
    text = _json(source, seen, places, chosen, len(keys))
    if len(text) > MOST:
        worst = np.zeros(len(keys))
        for rows, place in zip(seen, places, strict=True):
            np.maximum.at(worst, place, rows.error)
        most = int(len(keys) * MOST / len(text))
        chosen = np.sort(np.argsort(-worst, kind="stable")[:most])
        text = _json(source, seen, places, chosen, len(keys))
    safe = text.replace("<", "\\u003c").replace("&", "\\u0026")
    return Explorer(Markup(safe), len(chosen), len(keys) - len(chosen))  # noqa: S704 - escaped above


def _keys(rows: Predictions) -> list[Key]:
    return list(zip(rows.fold.tolist(), rows.ids.tolist(), rows.parts.tolist(), strict=True))


def _json(
    source: Source, seen: Sequence[Predictions], places: Sequence[I8], chosen: I8, n: int
) -> str:
    first = _first(seen, places, n)
    formulas = _spread(np.concatenate([r.formula for r in seen]), first, chosen)
    columns: dict[str, Any] = {
        "id": _spread(np.concatenate([r.ids for r in seen]), first, chosen).tolist(),
        "formula": [alloy(text) for text in formulas.tolist()],
        "part": [
            SHOWN_PARTS.index(part)
            for part in _spread(np.concatenate([r.parts for r in seen]), first, chosen).tolist()
        ],
        "family": [FAMILIES.index(one) if one else -1 for one in _families(formulas)],
        "true": _numbers(_spread(np.concatenate([r.target for r in seen]), first, chosen)),
        **{name: [] for name in ("mean", "ends", "flag", "label", "decided")},
    }
    for (arm, _), rows, place in zip(source.rows.items(), seen, places, strict=True):
        own = _Places(place, chosen, n)
        columns["mean"].append(_numbers(own.filled(rows.mean)))
        columns["ends"].append(_ends(rows, own))
        flag = own.filled(rows.outside.astype(np.float64)).tolist()
        columns["flag"].append(
            [None if np.isnan(v) else int(v) for v in flag] if rows.has_score else None
        )
        columns["label"].append(_labels(source.labeled.get(arm), rows, own))
        columns["decided"].append(_decided(source.decided.get(arm), rows, own))
    unit = "" if source.task == "binary" else source.unit
    return json.dumps(
        {
            "arms": list(source.rows),
            "parts": [PART_LABEL[part] for part in SHOWN_PARTS],
            "families": list(FAMILIES),
            "unit": unit,
            "places": 2 if source.task == "binary" else _places(seen),
            "url": source.meaning.url,
            "classes": list(source.classes) if source.task == "binary" else None,
            "asked": vars(source.wording) if source.decided else None,
            "columns": columns,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _places(seen: Sequence[Predictions]) -> int:
    """Return decimals that show three digits of a usual distance from the middle of all values."""
    values = np.concatenate([rows.target for rows in seen])
    values = values[np.isfinite(values)]
    return decimals(float(np.median(abs(values - np.median(values))))) if len(values) else 3


def _first(seen: Sequence[Predictions], places: Sequence[I8], n: int) -> I8:
    """Return (n,) where a row stands first in the tables, one below the other."""
    first = np.full(n, -1, dtype=np.int64)
    start = 0
    for rows, place in zip(seen, places, strict=True):
        new = first[place] < 0
        first[place[new]] = start + np.flatnonzero(new)
        start += len(rows)
    return first


def _spread(values: Any, first: I8, chosen: I8) -> Any:
    return values[first[chosen]]


def _numbers(values: F8) -> list[float | None]:
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in values.tolist()]


def _ends(rows: Predictions, places: _Places) -> list[list[float | None]] | None:
    """Return the ends of the intervals whose level is nearest to 90 %; None without any."""
    levels = sorted(rows.lower, key=lambda level: abs(level - 0.9))
    if not levels or not np.isfinite(rows.lower[levels[0]]).any():
        return None
    return [_numbers(places.filled(side[levels[0]])) for side in (rows.lower, rows.upper)]


def _labels(
    labeled: Mapping[Key, str] | None, rows: Predictions, places: _Places
) -> list[str | None] | None:
    if labeled is None:
        return None
    own: list[str | None] = [None] * places.n
    for key, row in zip(_keys(rows), places.place.tolist(), strict=True):
        own[row] = labeled.get(key)
    return [own[row] for row in places.chosen.tolist()]


def _decided(
    decisions: Decisions | None, rows: Predictions, places: _Places
) -> dict[str, list[Any]] | None:
    """Return distance to the border, P, label and what competes; None without decisions."""
    if decisions is None:
        return None
    decided = zip(decisions.fold, decisions.ids, decisions.parts, strict=True)
    known = {tuple(map(str, key)): row for row, key in enumerate(decided)}
    at: list[int | None] = [None] * places.n
    for key, row in zip(_keys(rows), places.place.tolist(), strict=True):
        at[row] = known.get(key)
    shown = [at[row] for row in places.chosen.tolist()]

    def column(values: Sequence[Any]) -> list[Any]:
        return [None if row is None else values[row] for row in shown]

    return {
        "distance": column(_numbers(decisions.mean - decisions.border)),
        "p": column(_numbers(decisions.probability)),
        "label": column(decisions.label.tolist()),
        "against": column(decisions.words.tolist()),
    }


def _families(formulas: Str) -> list[str]:
    """Return the anion family of each formula; "" of a row without one."""
    distinct = [one for one in dict.fromkeys(formulas.tolist()) if one]
    parsed = [parse_formula(one) for one in distinct]
    numbers = np.array([z for one in parsed for z in one], dtype=np.int64)
    amounts = np.array([v for one in parsed for v in one.values()], dtype=np.float64)
    sizes = np.array([len(one) for one in parsed], dtype=np.int64)
    found = family_of_elements(numbers, offsets_of(sizes), amounts).tolist()
    named = dict(zip(distinct, found, strict=True))
    return [named.get(one, "") for one in formulas.tolist()]
