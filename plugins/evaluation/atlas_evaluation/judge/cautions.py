"""What makes the figures of an arm mean less than they seem. Light: numpy only.

An ensemble of clones has a sigma of 0 and good errors; test materials that were trained on under
the same formula have good errors, too. No metric shows either, so both are looked for by name, and
an arm with one is not called trustworthy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Str
from atlas_evaluation.judge.finding import Finding
from atlas_statistics.rows import SAME

KNOWN = 0.5  # share of test rows with a formula of the training set, from which errors are of those
NEARLY_ALL = 0.99  # share of the rows above which what they have in common is said of the arm
FEWEST = 2  # rows of which "all the same" can be said
MOST_IN_HEADLINE = 2

_OF_COMPONENT = "component_warned"


def of_predictions(mean: F8, std: F8, fold: Str, *, target: F8) -> list[Finding]:
    """Return what an arm's in-domain predictions give away; folds are looked at one by one.

    Args:
        mean: (n,) predictions.
        std: (n,) total, NaN where unknown.
        fold: (n,) names of folds.
        target: (n,) true values; where they are all the same, equal predictions are no fault.
    """
    names = list(dict.fromkeys(fold.tolist()))
    rows = [mask for mask in (fold == name for name in names) if mask.sum() >= FEWEST]
    if not rows:
        return []
    stated = [own for own in rows if np.isfinite(std[own]).all()]
    least = SAME * float(target.std())
    zero = [bool((std[own] <= least).all()) for own in stated]
    flat = [_nearly_all_same(std[own]) for own in stated]
    missing = int((~np.isfinite(std)).sum())
    folds = {
        "sigma_zero": sum(zero),
        "sigma_constant": sum(same and not none for same, none in zip(flat, zero, strict=True)),
        "predictions_constant": sum(_same(mean[own]) and not _same(target[own]) for own in rows),
    }
    found = {
        code: Finding.of(code, folds=None if n == len(rows) else {"found": n, "all": len(rows)})
        for code, n in folds.items()
        if n
    }
    if 0 < missing < len(std):
        found["sigma_missing"] = Finding.of("sigma_missing", missing=missing, n=len(std))
    order = ("sigma_zero", "sigma_constant", "sigma_missing", "predictions_constant")
    return [found[code] for code in order if code in found]


def _same(values: F8) -> bool:
    return bool(np.ptp(values) <= SAME * np.abs(values).max())


def _nearly_all_same(values: F8) -> bool:
    """Return whether more than ``NEARLY_ALL`` of the values differ by rounding only."""
    middle = np.median(values)
    return bool((np.abs(values - middle) <= SAME * abs(middle)).mean() > NEARLY_ALL)


def of_audit(audited: Mapping[str, Any]) -> list[Finding]:
    """Return whether most test rows share a formula with the training set, from ``audit.json``."""
    found = []
    for part in ("in_domain", "held_out"):
        counted = [
            (int(fold["figures"]["rows"][part]), float(fold["figures"]["shared_formula"][part]))
            for fold in audited["folds"]
            if part in fold["figures"]["shared_formula"]
        ]
        rows = sum(n for n, _ in counted)
        share = sum(n * known for n, known in counted) / rows if rows else 0.0
        if share >= KNOWN:
            found.append(Finding.of("known_formulas", part=part, share=share))
    return found


def of_records(records: Sequence[Mapping[str, Any]], arm: str) -> list[Finding]:
    """Return what the components of an arm, the data set and the split warned of."""
    texts = [
        str(text)
        for record in records
        if str(record.get("arm") or "") in ("", arm)
        and str(record["name"]).rpartition("/")[2] == "warnings"
        for text in record["content"].get("cautions") or ()
    ]
    return [Finding.of(_OF_COMPONENT, text=text.rstrip(".")) for text in dict.fromkeys(texts)]


def reported_in_headline(cautions: Sequence[Finding]) -> Sequence[Finding]:
    """Return the cautions that a headline names: the host's own first, else one component's."""
    own = [one for one in cautions if one.code != _OF_COMPONENT]
    return own[:MOST_IN_HEADLINE] or cautions[:1]
