"""Which arms a page shows as one, and in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from atlas_core.data.predictions import Predictions
from atlas_report.source import Source, worth

MANY = 3
"""Arms that a page shows in the order of the spec and whole; more are ranked, and briefly said."""


def entries(source: Source) -> Source:
    """Return a source whose arms are what the page shows as one, in the order in which it does.

    Arms whose predictions and labels are identical row by row become one, under the name of the
    first; of more than ``MANY`` the best stands first: by its error on the held-out class, without
    one by that in-domain.
    """
    groups: dict[str, list[str]] = {}
    for arm, rows in source.rows.items():
        groups.setdefault(_digest(rows, source.labeled.get(arm) or {}), []).append(arm)
    together = {arms[0]: tuple(arms) for arms in groups.values()}
    order = list(together)
    if len(order) > MANY:
        order.sort(key=lambda arm: worth(source, arm))
    return replace(source, rows={arm: source.rows[arm] for arm in order}, together=together)


def _digest(rows: Predictions, labels: Mapping[Any, str]) -> str:
    """Return a digest of all that a page shows of some predictions."""
    order = np.lexsort((rows.ids, rows.parts, rows.fold))
    found = hashlib.sha256()
    for names in (rows.fold, rows.parts, rows.ids):
        found.update("\n".join(names[order].tolist()).encode("utf-8", "backslashreplace"))
    ends = [side[level] for side in (rows.lower, rows.upper) for level in sorted(side)]
    for values in (rows.mean, rows.std, rows.ood_score, rows.outside, *ends):
        found.update(np.ascontiguousarray(values[order]).tobytes())
    found.update(repr((sorted(rows.lower), sorted(labels.items()))).encode())
    return found.hexdigest()
