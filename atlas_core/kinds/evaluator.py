r'''The ``evaluator`` kind: how good the predictions of a finished run are. Light: numpy only.

A whole plugin, in a module ``atlas_limit``::

    """The mean absolute error of each part, and a verdict by a limit on it."""

    from atlas_core.api import Component, Config, Evaluation, Field, Verdict, hookimpl


    class LimitConfig(Config):
        """Options of ``limit``."""

        largest: float = Field(0.1, gt=0, description="Mean |error| that may be trusted.")


    class Limit:
        """Grade an arm by its in-domain error alone."""

        def __init__(self, config):
            self.largest = config.largest

        def audit(self, request):
            return {}

        def score(self, rows):
            mae = {"value": float(rows.error.mean())}
            return {"n": len(rows), "metrics": {"mae": mae}}

        def score_round(self, prediction, target):
            return {"mae": float(abs(prediction.mean - target).mean())}

        def evaluate(self, run, *, levels, metrics):
            arms, verdicts = {}, {}
            for arm, rows in run.predictions.by_arm().items():
                parts = {
                    part: self.score(rows.part(part)) for part in dict.fromkeys(rows.parts.tolist())
                }
                arms[arm] = {"parts": parts}
                error = parts["test"]["metrics"]["mae"]["value"] if "test" in parts else None
                if error is None:
                    verdicts[arm] = Verdict("unknown", "Nothing was tested.")
                else:
                    grade = "trust" if error <= self.largest else "do_not_trust"
                    verdicts[arm] = Verdict(grade, f"The mean error is {error:.3g}.")
            task = run.manifest["dataset"]["task"]
            found = {"task": task, "levels": list(levels), "arms": arms}
            return Evaluation(metrics=found, verdicts=verdicts)


    @hookimpl
    def atlas_evaluator():
        return [Component("limit", LimitConfig, Limit)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.evaluator"]
    limit = "atlas_limit"

With ``evaluator: {use: limit, options: {largest: 0.2}}`` in a spec, its figures then stand in
``metrics.json`` and its verdicts in ``verdict.json``.
'''

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from atlas_core.arrays import F8
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.materials import Materials
from atlas_core.metrics.registry import Metrics
from atlas_core.observe import FinishedRun

Grade = Literal["trust", "labels_reliable", "caution", "do_not_trust", "unknown"]
"""How far an arm may be believed: scripts, reports and exit codes rest on these."""

Place = Literal["headline", "evidence", "advice"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        place: whether it stands in the headline, supports it, or says what to do.
        code: what was found; it does not change, as scripts may rest on it.
        grade: that this finding, taken alone, leaves; None where it only describes.
        figures: what it rests on, as plain JSON.
        text: the same in words.
    """

    place: Place
    code: str
    grade: Grade | None
    figures: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Verdict:
    """The verdict on one arm.

    Attributes:
        grade: how far it may be believed.
        headline: one sentence; all that some readers will read.
        sentences: what it rests on.
        findings: the same as codes and figures.
    """

    grade: Grade
    headline: str
    sentences: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a run, as plain JSON types.

    Attributes:
        metrics: content of ``metrics.json``: ``task``, ``levels`` and, by name of an arm under
            ``arms``, its ``parts``: ``n`` rows and ``metrics``, each with a ``value`` and, where
            they are known, the ``low`` and ``high`` ends of its 95 % interval. ``cautions`` of an
            arm are findings (``code`` and ``figures``) that make all its figures mean less.
        verdicts: of every arm.
        exam: content of ``exam.json``: how the labels of each arm with a trust method fared on
            held-out classes (docs/trust.md); {} where there is nothing to examine.
    """

    metrics: Mapping[str, Any]
    verdicts: Mapping[str, Verdict]
    exam: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AuditRequest:
    """What is known of a run before anything is trained.

    Attributes:
        splits: the folds.
        materials: n of them.
        target: (n,) in the target's unit, of all of them: an evaluator belongs to the host.
        features: {arm: of the n materials}.
        seed: of the run.
    """

    splits: Sequence[Split]
    materials: Materials
    target: F8
    features: Mapping[str, Features]
    seed: int


@runtime_checkable
class Evaluator(Protocol):
    """Say what predictions are worth: figures, findings and a verdict on each arm.

    Everything that is returned is a function of what is given, the same each time.
    """

    def audit(self, request: AuditRequest) -> Mapping[str, Any]:
        """Return what the split tests, as the content of ``audit.json``; {} for none.

        It is asked before anything is trained. ``sentence`` is shown to the user then; ``folds``
        holds a table per fold, with its name under ``fold`` and its ``figures``. Where these have
        ``elements`` (symbols in the training rows), ``training_ids`` (a digest) and ``twins``
        ({id: target of a training material of the same formula}), reports use them. ``data``, where
        it is there, describes targets, elements and repeated formulas (``audit.json`` of the
        standard evaluator shows how), of which reports make a section.
        """
        ...

    def evaluate(
        self, run: FinishedRun, *, levels: Sequence[float], metrics: Metrics
    ) -> Evaluation:
        """Return figures and verdicts of a run whose predictions are complete.

        Args:
            run: without metrics, exam and verdict; only read.
            levels: coverage levels of the intervals.
            metrics: those that the spec asks for.

        Raises:
            DataError: a table is broken.
        """
        ...

    def score_round(self, prediction: Prediction, target: F8) -> Mapping[str, float]:
        """Return figures of the n test rows after a round of active learning, by name.

        Each is a column of ``active_learning.parquet``: ``mae`` is ``mae_test`` there, the one
        that reports draw. It is asked in the process of the job, after every round.

        Args:
            prediction: of the rows.
            target: (n,) true values in the target's unit.
        """
        ...


KIND = Kind(
    "evaluator",
    Evaluator,
    place="run",
    description="What audits the split, scores predictions and judges arms.",
    default=("standard",),
)
