"""Say how the errors of a run's arms differ on the rows that they share. Light: numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.data.predictions import Predictions
from atlas_pages import formatting
from atlas_report.source import PART_LABEL, Source, shown
from atlas_report.trainings import TrainingDifference, training_difference
from atlas_statistics.bootstrap import (
    FEW_MATERIALS,
    PairedDifference,
    numbered,
    paired_difference,
)


def paired_sentences(source: Source) -> list[str]:
    """Say how the errors of arms differ, row by row: of two, the second's from the first's.

    Of more, every other arm's from those of the best one, part by part; that it errs least is said
    where no other arm's difference may be chance, nor may come of the training.
    """
    names = list(source.rows)
    parts = {name: shown(source.rows[name]) for name in names}
    out = []
    for part in dict.fromkeys(part for name in names for part in parts[name]):
        held = [name for name in names if part in parts[name]]
        first = held[0]
        where = PART_LABEL[part].capitalize()
        if len(names) > 2 and len(held) > 1:
            first = min(held, key=lambda name: _size_of_error(source, parts[name][part]))
        pairs = {
            name: pair_of(source, _trained(source, first, part), _trained(source, name, part))
            for name in held
            if name != first
        }
        if len(pairs) > 1 and all(one is not None and one.holds > 0 for one in pairs.values()):
            lowest = "Brier score" if source.task == "binary" else "mean error"
            out.append(f"{where}: {first} has the lowest {lowest} of the {len(held)} arms.")
        out += [
            f"{where}: {difference(source, first, name, found)}"
            for name, found in pairs.items()
            if found is not None
        ]
    if len(names) > 2 and out:
        out.append(
            "The arm that the others are compared with has the smallest error on these same rows,"
            " which favors it slightly."
        )
    return out


def _errors(source: Source, error: F8) -> F8:
    """Return (n,) what is averaged: absolute errors; of a probability, squared ones (Brier)."""
    return error**2 if source.task == "binary" else error


def _size_of_error(source: Source, rows: Predictions) -> float:
    return float(_errors(source, rows.error).mean())


def _trained(source: Source, arm: str, part: str) -> list[Predictions]:
    """Return the rows of a part in each training of an arm, the first one first."""
    return [rows.part(part) for rows in (source.rows[arm], *source.again.get(arm, ()))]


@dataclass(frozen=True)
class Pair:
    """How the errors of one arm differ from another's on the rows of both.

    Attributes:
        over_materials: in the first training.
        over_trainings: None of one training of each.
    """

    over_materials: PairedDifference
    over_trainings: TrainingDifference | None

    @property
    def holds(self) -> float:
        """Return the difference, or 0 where chance or the training may have made it."""
        found = self.over_materials
        if found.low <= 0 <= found.high:
            return 0.0
        again = self.over_trainings
        return found.difference if again is None or again.supports(found.difference) else 0.0


def difference(source: Source, first: str, other: str, pair: Pair) -> str:
    """Say how the second arm's errors differ from the first's."""
    found, again = pair.over_materials, pair.over_trainings
    rows = formatting.count(found.n, "shared row")
    if found.difference == 0 and (again is None or again.difference == 0):
        return f"{other} and {first} have the same error ({rows})."
    places = formatting.decimals(found.difference, digits=2)
    size = formatting.fixed(abs(found.difference), places)
    ends = f"{formatting.fixed(found.low, places)} to {formatting.fixed(found.high, places)}"
    unit = source.unit if source.task != "binary" else ""
    verb = "lower" if found.difference < 0 else "higher"
    said = f"{other} has a mean error {size}{f' {unit}' if unit else ''} {verb} than {first}"
    if source.task == "binary":
        said = f"the Brier score of {other} is {size} {verb} than that of {first}"
    clear = found.low > 0 or found.high < 0
    doubt = "" if clear else "; the interval includes 0, so this may be chance"
    interval = f"95 % interval of the difference {ends} over materials"
    if again is None:
        return f"{said} ({interval}, for one training of each; {rows}{doubt})."
    over = f"over {again.counted} the difference is {again.in_words(unit)}"
    if clear and not pair.holds:
        return (
            f"neither {first} nor {other} is shown to err less: {over}. In the first training"
            f" {said} ({interval}; {rows})."
        )
    return f"{said} ({interval}; {over}; {rows}{doubt})."


def pair_of(
    source: Source, first: Sequence[Predictions], other: Sequence[Predictions]
) -> Pair | None:
    """Return how the other arm's errors differ from the first's; None of a few materials.

    Args:
        source: of both.
        first: rows of a part in each training, the first one first; all hold the same materials.
        other: likewise.
    """
    a, b = common(first[0], other[0])
    ids = first[0].ids[a]
    if len(set(ids.tolist())) < FEW_MATERIALS:
        return None
    errors_a, errors_b = (
        [_errors(source, one.error[at]) for one in own] for own, at in ((first, a), (other, b))
    )
    means_a, means_b = ([float(one.mean()) for one in own] for own in (errors_a, errors_b))
    return Pair(
        paired_difference(errors_b[0], errors_a[0], seed=0, materials=numbered(ids)),
        training_difference(means_a, means_b),
    )


def common(first: Predictions, second: Predictions) -> tuple[I8, I8]:
    """Return the places in two arms of the rows (fold, id) that both have."""
    place = {key: i for i, key in enumerate(zip(second.fold, second.ids, strict=True))}
    keys = enumerate(zip(first.fold, first.ids, strict=True))
    pairs = [(i, place[key]) for i, key in keys if key in place]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
