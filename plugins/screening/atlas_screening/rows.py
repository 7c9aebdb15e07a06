"""What is said of each candidate: the columns of ``screened.parquet`` but rank and label. Light."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import I8, Bool
from atlas_core.elements import SYMBOLS
from atlas_core.errors import AtlasError
from atlas_core.kinds.dataset import Batch
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.reason import Reason, Reasons, distinct, texts
from atlas_core.materials import Materials
from atlas_core.rows import BadRow
from atlas_screening.asked import ArmPrediction
from atlas_screening.open_arm import OpenArm
from atlas_screening.sanity import Limit, impossible, limit_of

Columns = dict[str, npt.NDArray[Any]]

HIDDEN = ("novel", "formula_hash", "canonical", "place", "unseen")
"""Columns that are needed of the whole list, and not written."""
KEPT = ("novel", "formula_hash", "prediction", "risk", "expected_error", "outside")
"""Columns that are kept in memory until the list is complete."""
TO_DECIDE = ("row", "canonical", "place", "std", "lower", "upper", "ood_score")
"""Columns that are kept besides where predictions are held against a reference."""
SHOWN = 100
"""Unreadable rows that are kept for the page; all of them stand in ``unreadable.csv``."""


@dataclass(frozen=True, eq=False)
class Training:
    """What the training materials of an arm say of any candidate.

    Attributes:
        elements: (118,) whether an element is in one of them.
        values: {formula: (its lowest true value, how many it has)}.
        limit: what the target cannot be.
    """

    elements: Bool
    values: Mapping[str, tuple[float, int]]
    limit: Limit | None

    @classmethod
    def of(cls, opened: OpenArm) -> Training:
        """Read them from a fitted arm."""
        reference, data = opened.reference, opened.run.manifest["dataset"]
        values: dict[str, tuple[float, int]] = {}
        for formula, value in zip(
            reference.canonical.tolist(), reference.target.tolist(), strict=True
        ):
            least, n = values.get(formula, (value, 0))
            values[formula] = (min(value, least), n + 1)
        limit = limit_of(str(data["target"]), str(data.get("unit") or ""), opened.task)
        return cls(reference.elements, values, limit)


@dataclass(eq=False)
class Tally:
    """Keep what is needed of the whole list: a few numbers per candidate, and counts."""

    kept: tuple[str, ...] = KEPT
    screened: int = 0
    in_training: int = 0
    impossible: int = 0
    incomplete: int = 0
    unseen: int = 0
    unreadable: int = 0
    shown: list[BadRow] = field(default_factory=list)
    _kept: dict[str, list[npt.NDArray[Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, columns: Columns) -> None:
        """Take the columns of some candidates, and drop from them what is not written."""
        for name in self.kept:
            if name in columns:
                self._kept[name].append(columns[name])
        self.unseen += int(columns["unseen"].sum())
        for name in HIDDEN:
            columns.pop(name, None)
        self.screened += len(columns["row"])
        self.in_training += int(np.isfinite(columns["training_value"]).sum())
        self.impossible += int((columns["impossible"] != "").sum())
        self.incomplete += int((columns["note"] != "").sum())

    def leave_out(self, bad: list[BadRow]) -> None:
        """Count rows that cannot be used, and keep the first."""
        self.unreadable += len(bad)
        self.shown += bad[: max(0, SHOWN - len(self.shown))]

    def all(self, name: str) -> npt.NDArray[Any] | None:
        """Return (n,) a column of all candidates, None where the arm does not give it."""
        return np.concatenate(self._kept[name]) if name in self._kept else None

    @property
    def repeated(self) -> int:
        """Return how many candidates have a formula that an earlier one has."""
        every = self.all("formula_hash")
        return 0 if every is None else len(every) - len(np.unique(every))


def columns_of(
    opened: OpenArm, batch: Batch, bad: list[BadRow], training: Training
) -> Columns | None:
    """Return the columns of a batch, or None where nothing of it can be screened.

    Args:
        opened: the arm.
        batch: of candidates.
        bad: takes the rows that a featurizer refuses.
        training: of the arm.
    """
    blocks = []
    for rows, features, notes in featurized(opened, batch, bad):
        materials = batch.materials.take(rows)
        predicted = opened.predicted(materials, features, notes)
        blocks.append(_block(batch, rows, materials, predicted=predicted, training=training))
    if not blocks:
        return None
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def featurized(
    opened: OpenArm, batch: Batch, bad: list[BadRow]
) -> list[tuple[I8, Features, list[str]]]:
    """Return features by rows of the batch; a material that a featurizer refuses becomes bad."""

    def some(rows: I8) -> list[tuple[I8, Features, list[str]]]:
        if not len(rows):
            return []
        try:
            features, notes = opened.features(batch.materials.take(rows))
        except AtlasError as err:
            if len(rows) == 1:
                i, why = int(rows[0]), " ".join(str(err).split())
                bad.append(BadRow(batch.places[i], batch.ids[i], batch.formulas[i], why))
                return []
            half = len(rows) // 2
            return [*some(rows[:half]), *some(rows[half:])]
        return [(rows, features, notes)]

    return some(np.arange(len(batch.materials), dtype=np.int64))


def _block(
    batch: Batch, rows: I8, materials: Materials, *, predicted: ArmPrediction, training: Training
) -> Columns:
    formulas = materials.formulas()
    known = [training.values.get(formula, (np.nan, 0)) for formula in formulas]
    columns: Columns = {
        "row": batch.rows[rows],
        "id": np.array([batch.ids[i] for i in rows], dtype=object),
        "formula": np.array([batch.formulas[i] for i in rows], dtype=object),
        "prediction": predicted.prediction.mean,
        "std": predicted.std,
        "lower": predicted.lower,
        "upper": predicted.upper,
    }
    odd = tuple(tuple(Reason("odd_candidate", t) for t in [batch.flags[i]] if t) for i in rows)
    new = unseen(materials, training.elements)
    columns["unseen"] = np.array([bool(one) for one in new], dtype=np.bool_)
    reasons: list[Reasons | None] = [odd, new]
    if (score := predicted.score) is not None:
        columns["ood_score"], columns["outside"] = score.score, score.outside
        reasons.append(score.reasons)
    if (found := predicted.assessment) is not None:
        columns["risk"], columns["expected_error"] = found.risk, found.expected_error
        if found.novel is not None:
            columns["novel"] = found.novel
        reasons.append(found.reasons)
    return columns | {
        "reason": texts(distinct(*reasons), len(rows)).astype(object),
        "impossible": impossible(predicted.prediction.mean, training.limit).astype(object),
        "training_value": np.array([value for value, _ in known], dtype=np.float64),
        "training_rows": np.array([count for _, count in known], dtype=np.int64),
        "canonical": np.array(formulas, dtype=object),
        "place": np.array([batch.places[i] for i in rows], dtype=object),
        "formula_hash": np.array([hash(formula) for formula in formulas], dtype=np.int64),
        "note": np.array(predicted.notes, dtype=object),
    }


def unseen(materials: Materials, elements: Bool) -> Reasons:
    """Return of each material that it has elements that no training material has, () for none."""
    new = ~elements[materials.numbers.astype(np.int64) - 1]
    reasons: list[tuple[Reason, ...]] = [()] * len(materials)
    for row in np.unique(materials.owner[new]).tolist():
        own = materials.numbers[materials.offsets[row] : materials.offsets[row + 1]]
        names = [SYMBOLS[z] for z in sorted(set(own.tolist())) if not elements[z - 1]]
        reasons[row] = (Reason.unseen_elements(names),)
    return tuple(reasons)
