"""What a screen answers: the facts of ``screen.json``, and what the page shows besides. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from atlas_core.arrays import F8, Bool, Str
from atlas_core.data.meaning import Meaning
from atlas_core.kinds.dataset import Task
from atlas_core.rows import BadRow

if TYPE_CHECKING:
    from atlas_screening.held import Held
    from atlas_screening.joint import Competition

ScreenGoal = Literal["minimize", "maximize", "stable"]
"""Low or high values first, or what is most probably at or below the border of a reference."""


@dataclass(frozen=True)
class Facts:
    """What ``screen.json`` says.

    Attributes:
        run: id of the run.
        science_hash: of the run.
        arm: that was asked.
        fold: whose fit was asked.
        final: whether that is one of all rows, whose errors are those of the evaluation.
        candidates: name of their file or folder.
        target: its name.
        meaning: what the data set says of it.
        unit: of the target, "" without one.
        task: of the arm.
        goal: what comes first.
        level: of the intervals.
        components: {kind: labels} of the arm.
        trained_on: number of training materials.
        space: in which neighbors are near: ``features``, ``embedding`` or ``fractions``.
        usual_distance: of a training material to the nearest other one, in that space; None where
            it says nothing.
        mae: {part: MAE of this fit}, as the run found it.
        reliability: error tolerance, in the target's unit, and target reliability; None without a
            trust region.
        record: how the labels of this fit fared in the run; {} without a trust region.
        held_out: the class that the fit never saw, in words; "" where there is none.
        screened: number of candidates that the arm was asked about.
        unreadable: number of rows that were left out.
        labels: {label: number of candidates}; None without a trust region.
        outside: number of candidates that the detector flags; None without a detector.
        in_training: number of candidates whose formula is in the training data.
        repeated: number of candidates whose formula an earlier one has.
        impossible: number of predictions that cannot be.
        incomplete_features: number of candidates with features that could not be made.
        unseen_elements: number of candidates with an element that no training material has.
        top: number of candidates described in full.
        extreme: number of these predicted at the end of the training values that is looked for.
        extreme_share: the share of the training values that counts as that end.
        charges: why charges were not looked at; "" where they were.
        decisions: what predictions were held against, and how many candidates got which decision;
            None without a reference.
        remarks: what was different when the fit or the candidates were read.
        warnings: of the components.
    """

    run: str
    science_hash: str
    arm: str
    fold: str
    final: bool
    candidates: str
    target: str
    meaning: Meaning
    unit: str
    task: Task
    goal: ScreenGoal
    level: float
    components: Mapping[str, list[str]]
    trained_on: int
    space: str
    usual_distance: float | None
    mae: Mapping[str, float]
    reliability: Sequence[float] | None
    record: Mapping[str, Any]
    held_out: str
    screened: int
    unreadable: int
    labels: Mapping[str, int] | None
    outside: int | None
    in_training: int
    repeated: int
    impossible: int
    incomplete_features: int
    unseen_elements: int
    top: int
    extreme: int
    extreme_share: float
    charges: str
    decisions: Mapping[str, Any] | None
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return what is ranked in words: the target, or the probability of a class."""
        if self.task == "binary":
            return f"P({self.meaning.class_name(1)})"
        return self.meaning.words(self.target)


@dataclass(frozen=True, eq=False)
class Screened:
    """The result of a screen.

    Attributes:
        folder: where the files are.
        facts: facts and counts, as in ``screen.json``.
        top: rows of ``top.csv``, best first, each with its nearest training materials.
        rows: these and the first that are labeled trust, in the order of their ranks.
        prediction: (n,) of all candidates.
        labels: (n,) or None.
        outside: (n,) or None without a detector.
        shown: the first unreadable rows.
        training: (t,) true values of the training materials.
        held: all predictions held against a reference; None without one.
        competition: candidates that compete with each other; None where the border is no hull.
    """

    folder: Path
    facts: Facts
    top: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    prediction: F8
    labels: Str | None
    outside: Bool | None
    shown: list[BadRow]
    training: F8
    held: Held | None = None
    competition: Competition | None = None
