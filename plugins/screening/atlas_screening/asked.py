"""What a fitted arm says of materials, and how a person names these. Light: numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.errors import DataError
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import distinct, texts
from atlas_core.kinds.trust import Assessment
from atlas_core.materials import Materials
from atlas_screening.against import Decided

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class ArmPrediction:
    """What an arm says of n materials, each on its own.

    Attributes:
        prediction: calibrated.
        std: (n,) or NaN.
        lower: (n,) end of the interval at the arm's level, or NaN.
        upper: (n,) likewise.
        score: of the detector, or None.
        assessment: of the first trust method, or None.
        notes: n texts: what the featurizer could not do.
    """

    prediction: Prediction
    std: F8
    lower: F8
    upper: F8
    score: OODScore | None
    assessment: Assessment | None
    notes: list[str]

    def check(self, n: int) -> None:
        """Stop unless everything is said of n rows: what was fitted may come from anybody.

        Raises:
            DataError: something is said of another number of rows.
        """
        said = {"mean": self.prediction.mean, "std": self.std}
        said |= {"lower end": self.lower, "upper end": self.upper}
        if self.score is not None:
            said["novelty score"] = self.score.score
        if self.assessment is not None:
            said["risk"] = self.assessment.risk
        for name, values in said.items():
            if values.shape != (n,):
                raise DataError(f"its {name} has the shape {values.shape}, not ({n},); fit anew")

    def reasons(self) -> Str:
        """Return (n,) what the featurizer, the detector and the trust region say, in words."""
        said = [one.reasons for one in (self.score, self.assessment) if one is not None]
        known = [one for one in said if one is not None]
        reasons = texts(distinct(*known) if known else None, len(self.notes))
        both = zip(self.notes, reasons.tolist(), strict=True)
        return np.array(["; ".join(filter(None, pair)) for pair in both], dtype=np.str_)


@dataclass(frozen=True, eq=False)
class Asked:
    """What an arm says of n materials.

    Attributes:
        materials: (n,) as they were given: formulas, or those of crystals.
        value: (n,) predictions in the target's unit; P(1) in a binary task.
        std: (n,) standard deviations; NaN where the arm has none.
        lower: (n,) lower end of the interval; NaN without a calibrator.
        upper: (n,) upper end.
        level: of the interval.
        label: (n,) ``trust``, ``verify`` or ``defer``; None without a trust region. A label is that
            of the whole list: another list may have another.
        outside: (n,) whether the detector flags it; None without one.
        reasons: (n,) why, in words; "" where there is none.
        nearest: n lists of the nearest training materials: formula, known value and distance.
        known: (n,) whether the composition is in the training set.
        decided: each prediction held against a reference, such as a convex hull; None without one.
    """

    materials: Str
    value: F8
    std: F8
    lower: F8
    upper: F8
    level: float
    label: Str | None
    outside: Bool | None
    reasons: Str
    nearest: list[list[dict[str, Any]]]
    known: Bool
    decided: Decided | None = None

    def __len__(self) -> int:
        return len(self.materials)

    def to_pandas(self) -> DataFrame:
        """Return a data frame, one row per material."""
        from pandas import DataFrame

        columns: dict[str, Any] = {
            "material": self.materials,
            "value": self.value,
            "std": self.std,
            "lower": self.lower,
            "upper": self.upper,
        }
        if self.label is not None:
            columns["label"] = self.label
        if self.outside is not None:
            columns["outside"] = self.outside
        columns |= {"reasons": self.reasons, "in_training": self.known}
        columns["nearest"] = [
            "; ".join(f"{one['formula']} ({one['value']:.4g})" for one in some)
            for some in self.nearest
        ]
        if self.decided is not None:
            columns |= self.decided.columns()
        return DataFrame(columns)


def materials_of(given: Sequence[Any] | Any, *, structures: bool) -> tuple[Materials, list[str]]:
    """Return materials from what a person gives, and the formulas as given; "" of a crystal.

    Args:
        given: formulas as text, or ``Structure`` objects of pymatgen, or a list of either.
        structures: whether they must be crystals.

    Raises:
        DataError: there is none, or some cannot be read; all bad ones are named.
    """
    if isinstance(given, str) or _is_crystal(given) or hasattr(given, "formula"):
        given = [given]
    if hasattr(given, "columns") or not isinstance(given, Iterable):
        raise DataError(
            f"predict: a {type(given).__name__} is no list of materials; give a column of"
            " formulas or crystals"
        )
    some = [_text(one) for one in given]
    if not some:
        raise DataError("predict: no material was given")
    crystals = [_is_crystal(one) for one in some]
    bad = []
    for place, (one, crystal) in enumerate(zip(some, crystals, strict=True), start=1):
        if structures and not crystal:
            bad.append(f"material {place} ({one!r}): the arm reads crystals; give a Structure")
            continue
        try:
            _single(one)
        except DataError as err:
            bad.append(f"material {place}: {str(err).removeprefix('id 1: ')}")
    if bad:
        raise DataError("\n".join(bad))
    ids = [str(place) for place in range(1, len(some) + 1)]
    if all(crystals):
        return Materials.from_structures(ids, some), [""] * len(some)
    texts = [
        one.composition.formula.replace(" ", "") if crystal else str(one)
        for one, crystal in zip(some, crystals, strict=True)
    ]
    names = ["" if crystal else str(one) for one, crystal in zip(some, crystals, strict=True)]
    return Materials.from_formulas(ids, texts), names


def _text(value: Any) -> Any:
    """Return the formula of a composition of pymatgen, anything else as it is."""
    composition = hasattr(value, "formula") and not _is_crystal(value)
    return str(value.formula).replace(" ", "") if composition else value


def _is_crystal(value: Any) -> bool:
    """Tell a crystal of pymatgen without importing it."""
    return hasattr(value, "lattice") and hasattr(value, "frac_coords")


def _single(value: Any) -> None:
    """Read one material alone.

    Raises:
        DataError: it cannot be read.
    """
    if _is_crystal(value):
        Materials.from_structures(["1"], [value])
    elif isinstance(value, str):
        Materials.from_formulas(["1"], [value])
    else:
        raise DataError(f"a {type(value).__name__} is no formula and no Structure")
