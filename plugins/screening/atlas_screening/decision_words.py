"""What is said of a prediction that is held against a reference. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.kinds.reference import Wording
from atlas_pages import formatting
from atlas_screening.against import Against
from atlas_statistics import digits

Row = Mapping[str, Any]
FEW = 10
"""Calibration rows below which no share of them is stated."""


@dataclass(frozen=True)
class Names:
    """How decisions against a border are put in words.

    Attributes:
        wording: of the reference.
        hull: whether the border is a hull of phases.
    """

    wording: Wording
    hull: bool

    @property
    def yes(self) -> str:
        """Return what lies at or below the border."""
        return self.wording.yes

    @property
    def no(self) -> str:
        """Return what lies above it."""
        return self.wording.no

    @property
    def border(self) -> str:
        """Return what the border is called."""
        return self.wording.border

    @property
    def above(self) -> str:
        """Return what the distance to the border is called."""
        return "E_hull" if self.hull else f"above {self.wording.border}"

    @property
    def probability(self) -> str:
        """Return what the probability of lying at or below the border is called."""
        return f"P({self.wording.yes})"


def decision_in_words(row: Row, names: Names, unit: str) -> str:
    """Return a decision as one line says it."""
    if row["probability"] is None or np.isnan(row["probability"]):
        return f"no decision: {row['against']}"
    unit = f" {unit}" if unit else ""
    parts = [f"{names.above} {float(row['above_border']):.4g}{unit}"]
    ends = [np.nan if row[end] is None else row[end] for end in ("above_lower", "above_upper")]
    if not np.isnan([float(one) for one in ends]).any():
        parts[0] += f" ({float(row['above_lower']):.4g} to {float(row['above_upper']):.4g})"
    parts.append(f"{names.probability} {digits.probability(float(row['probability']))}")
    parts.append(f"{row['decision']} the call")
    parts.append(against(row, names))
    return ", ".join(parts)


def against(row: Row, names: Names) -> str:
    """Return what a candidate is held against: ``decomposes into LiF + MgF2``."""
    return f"{competing(row, names)} {row['against']}"


def competing(row: Row, names: Names) -> str:
    """Return what leads to the words of a border; nothing decomposes below the hull."""
    below = names.hull and float(row["above_border"]) <= 0
    return "below" if below else names.wording.competing


def flip(row: Row, unit: str) -> str:
    """Return how far a value must move to lie on the other side of the border."""
    above, sigmas = float(row["above_border"]), float(row["sigmas_to_flip"])
    far = f"{formatting.number(abs(above))}{unit}"
    if np.isfinite(sigmas):
        far += f" ({formatting.number(sigmas, digits=2)} sigma)"
    return f"flips if {far} {'lower' if above > 0 else 'higher'}"


def known(row: Row, names: Names, unit: str) -> str:
    """Return what the reference knows of the same composition; "" where it has none."""
    value, above = float(row["reference_value"]), float(row["reference_above_border"])
    if not np.isfinite(value):
        return ""
    far = f"{formatting.number(abs(above))}{unit}"
    where = f"on {names.border}" if above <= 0 else f"{far} above {names.border}"
    return f"in the reference: {formatting.number(value)}{unit}, {where}; left out here"


def two_labels(row: Row) -> str:
    """Return where the call is trusted and the value is not, or the other way round; else ""."""
    value, call = row.get("label"), row["decision"]
    if value is None or not call or (value == "trust") == (call == "trust"):
        return ""
    if call == "trust":
        return "trusted as a call, although its value is not"
    return "its value is trusted, the call is not"


def names_of(found: Against) -> Names:
    """Return how decisions against a reference are put in words."""
    return Names(found.wording, found.hull)


def basis(found: Against) -> str:
    """Return what decisions were learned from, their base rate, and how they fared."""
    record, names = found.record, names_of(found)
    if record["rows"] < FEW:
        many = formatting.count(record["rows"], "calibration row")
        return f"{names.probability} rests on {many} with a border: too few to learn from"
    rows = formatting.count(record["rows"], "calibration row")
    if found.pooled:
        rows += " of the evaluation, as the final fit has none of its own"
    said = f"{names.probability} was learned from {rows}"
    said += f", of which {formatting.percent(record['base'])} are {names.yes} against"
    said += f" {names.wording.against}"
    if record.get("trusted"):
        said += (
            f"; of {formatting.count(record['trusted'], 'call')} labeled trust among"
            f" {formatting.count(record['tested'], 'test row')},"
            f" {formatting.percent(record['right'])} were right"
            f" ({formatting.percent(record['low'])} to {formatting.percent(record['high'])})"
        )
        base = record["trusted_base"]
        one = names.yes if base >= 0.5 else names.no
        said += f"; calling all of these {one}, {formatting.percent(max(base, 1 - base))}"
    return said


def like_these(names: Names) -> str:
    """Return for which lists the probabilities hold."""
    return (
        f"{names.probability} holds for a list like these calibration rows: where a smaller share"
        f" of the list is {names.yes}, as among compositions that nobody has made, it is too high"
    )
