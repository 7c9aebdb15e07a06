"""Find what makes the figures of an arm mean less than they seem. Light: numpy only.

An ensemble of clones has a sigma of 0 and good errors; test materials that were trained on under
the same formula have good errors, too. No metric shows either, so both are looked for by name, and
an arm with one is not called trustworthy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Str
from atlas_core.metrics import digits
from atlas_core.metrics.scorer import SAME

Kind = Literal[
    "sigma_zero",
    "sigma_constant",
    "sigma_missing",
    "predictions_constant",
    "known_formulas",
    "component",
]

KNOWN = 0.5  # share of test rows with a formula of the training set, from which errors are of those
NEARLY_ALL = 0.99  # share of the rows above which what they have in common is said of the arm
FEWEST = 2  # rows of which "all the same" can be said

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Caution:
    """Hold one reason not to take an arm's figures at face value.

    Attributes:
        kind: of the reason; ``component``: a component warned of it.
        text: one clause without a full stop; begins in lower case unless a component wrote it.
    """

    kind: Kind
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return plain JSON types."""
        return asdict(self)


def of_predictions(mean: F8, std: F8, fold: Str, *, target: F8) -> list[Caution]:
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
    found: list[Caution] = []

    def say(kind: Kind, folds: int, text: str) -> None:
        if folds:
            where = "" if folds == len(rows) else f"in {folds} of {len(rows)} folds "
            found.append(Caution(kind, f"{where}{text}"))

    stated = [own for own in rows if np.isfinite(std[own]).all()]
    least = SAME * float(target.std())
    zero = [bool((std[own] <= least).all()) for own in stated]
    flat = [_nearly_all_same(std[own]) for own in stated]
    only_flat = sum(same and not none for same, none in zip(flat, zero, strict=True))
    say("sigma_zero", sum(zero), "its sigma is 0 for every material, so it says nothing")
    say(
        "sigma_constant",
        only_flat,
        "its sigma is the same for every material or nearly so, so it does not say which to"
        " believe",
    )
    known = np.isfinite(std)
    if known.any() and not known.all():
        n = int((~known).sum())
        have = "has" if n == 1 else "have"
        text = f"{n} of its {len(std)} predictions {have} no sigma"
        found.append(Caution("sigma_missing", text))
    one = sum(_same(mean[own]) and not _same(target[own]) for own in rows)
    say("predictions_constant", one, "it predicts the same value for every material")
    return found


def _same(values: F8) -> bool:
    return bool(np.ptp(values) <= SAME * np.abs(values).max())


def _nearly_all_same(values: F8) -> bool:
    """Return whether more than ``NEARLY_ALL`` of the values differ by rounding only."""
    middle = np.median(values)
    return bool((np.abs(values - middle) <= SAME * abs(middle)).mean() > NEARLY_ALL)


def of_audit(audited: Mapping[str, Any]) -> list[Caution]:
    """Return whether most test rows share a formula with the training set, from ``audit.json``."""
    found = []
    parts = (("in_domain", "in-domain test materials"), ("held_out", "held-out materials"))
    for part, words in parts:
        counted = [
            (int(fold["figures"]["rows"][part]), float(fold["figures"]["shared_formula"][part]))
            for fold in audited["folds"]
            if part in fold["figures"]["shared_formula"]
        ]
        rows = sum(n for n, _ in counted)
        if not rows:
            continue
        share = sum(n * known for n, known in counted) / rows
        if share >= KNOWN:
            text = (
                f"{digits.percentage(share)} % of the {words} have a formula of the training set,"
                " so its errors say little about new formulas"
            )
            found.append(Caution("known_formulas", text))
    return found


def of_records(records: Sequence[Mapping[str, Any]], arm: str) -> list[Caution]:
    """Return what the components of an arm, the data set and the split warned of."""
    texts = [
        str(text)
        for record in records
        if str(record.get("arm") or "") in ("", arm)
        and str(record["name"]).rpartition("/")[2] == "warnings"
        for text in record["content"].get("cautions") or ()
    ]
    return [Caution("component", text.rstrip(".")) for text in dict.fromkeys(texts)]
