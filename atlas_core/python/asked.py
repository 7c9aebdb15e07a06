"""Ask a fitted arm about materials by formula or crystal. Light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.engine.asking import ArmAsker, Looked
from atlas_core.errors import DataError
from atlas_core.kinds.reason import distinct, texts
from atlas_core.materials import Materials
from atlas_core.open_arm import OpenArm

if TYPE_CHECKING:
    from pandas import DataFrame

NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class Asked:
    """Hold what an arm says of n materials.

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
        return DataFrame(columns)


class OpenedArm:
    """Predict with the fitted arm of a run.

    Attributes:
        opened: the arm as it was read.
    """

    def __init__(self, opened: OpenArm) -> None:
        self.opened = opened
        self._asker = ArmAsker(opened)

    def __repr__(self) -> str:
        said = "".join(f"; {remark}" for remark in self.opened.fitted.remarks)
        return f"OpenedArm({self.opened.arm!r}, fold {self.opened.fold!r}{said})"

    def predict(self, materials: Sequence[Any] | Any) -> Asked:
        """Return what the arm says of materials.

        Args:
            materials: formulas as text, or ``Structure`` objects of pymatgen, or a list of either;
                an arm that reads crystals takes crystals only.

        Raises:
            DataError: a formula or crystal cannot be read; all bad ones are named.
        """
        if isinstance(materials, str) or _is_crystal(materials) or hasattr(materials, "formula"):
            materials = [materials]
        if hasattr(materials, "columns") or not isinstance(materials, Iterable):
            raise DataError(
                f"predict: a {type(materials).__name__} is no list of materials; give a column of"
                " formulas or crystals"
            )
        return self.ask(self._materials([_text(one) for one in materials]))

    def ask(self, one: Materials) -> Asked:
        """Return what the arm says of materials; an arm that reads crystals needs their cells."""
        features, notes = self._asker.features(one)
        looked = self._asker.look(one, features, notes)
        reference = self.opened.reference
        near, apart = self._asker.nearest(one, NEIGHBORS, features)
        shown = reference.formulas.tolist()
        nearest = [
            [
                {"formula": shown[j], "value": float(reference.target[j]), "distance": float(d)}
                for j, d in zip(rows, far, strict=True)
            ]
            for rows, far in zip(near.tolist(), apart.tolist(), strict=True)
        ]
        label = None if looked.assessment is None else self._asker.label(looked.assessment)
        return Asked(
            materials=np.array(one.written(), dtype=np.str_),
            value=looked.prediction.mean,
            std=looked.std,
            lower=looked.lower,
            upper=looked.upper,
            level=self.opened.level,
            label=label,
            outside=None if looked.score is None else looked.score.outside,
            reasons=_reasons(looked, len(one)),
            nearest=nearest,
            known=np.isin(np.array(one.formulas()), reference.canonical),
        )

    def _materials(self, given: list[Any]) -> Materials:
        """Return the materials, each bad one named.

        Raises:
            DataError: there is none, or some cannot be read.
        """
        if not given:
            raise DataError("predict: no material was given")
        ids = [str(place) for place in range(1, len(given) + 1)]
        crystals = [_is_crystal(one) for one in given]
        structures = self.opened.fitted.arm.structures
        bad = []
        for place, (one, crystal) in enumerate(zip(given, crystals, strict=True), start=1):
            if structures and not crystal:
                bad.append(f"material {place} ({one!r}): the arm reads crystals; give a Structure")
                continue
            try:
                _single(one)
            except DataError as err:
                bad.append(f"material {place}: {str(err).removeprefix('id 1: ')}")
        if bad:
            raise DataError("\n".join(bad))
        if all(crystals):
            return Materials.from_structures(ids, given)
        texts = [one.composition.formula.replace(" ", "") if c else str(one)
                 for one, c in zip(given, crystals, strict=True)]  # fmt: skip
        return Materials.from_formulas(ids, texts)


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


def _reasons(looked: Looked, n: int) -> Str:
    """Return (n,) what the featurizer, the detector and the trust region say of each material."""
    said = [one.reasons for one in (looked.score, looked.assessment) if one is not None]
    known = [reasons for reasons in said if reasons is not None]
    told = texts(distinct(*known) if known else None, n)
    both = zip(looked.notes, told.tolist(), strict=True)
    return np.array(["; ".join(filter(None, pair)) for pair in both], dtype=np.str_)
