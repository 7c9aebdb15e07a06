"""Split audit, metrics with bootstrap intervals, exam of trust, and a verdict on each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from atlas_core.api import (
    F8,
    AuditRequest,
    Evaluation,
    FinishedRun,
    Prediction,
    Vectors,
    derive_seed,
    read_bounds,
)
from atlas_core.metrics.registry import Metrics
from atlas_core.observe import held_out_classes
from atlas_evaluation import narrative
from atlas_evaluation.audit import audit
from atlas_evaluation.described_data import described_data
from atlas_evaluation.exam import examine, in_domain_record
from atlas_evaluation.hooks import NoOptions
from atlas_evaluation.judge import cautions
from atlas_evaluation.judge.verdict import verdicts_of_run
from atlas_evaluation.scoring.decided import score_decisions
from atlas_evaluation.scoring.evaluate import evaluate
from atlas_evaluation.scoring.repeats import spread

WIDEST = 2000
"""Columns; the features of an arm with more are not measured by the audit."""


class StandardEvaluator:
    """Evaluate as docs/metrics.md, docs/reliability.md and docs/verdict.md say."""

    def __init__(self, config: NoOptions) -> None:
        """Take no option."""

    def audit(self, request: AuditRequest) -> Mapping[str, Any]:
        """Return what the folds test; features that are vectors are measured, too."""
        vectors: dict[str, F8] = {}
        for arm, found in request.features.items():
            if isinstance(found, Vectors) and found.values.shape[1] <= WIDEST:
                same = any(found.values is other for other in vectors.values())
                if not same:
                    vectors[f"features of {arm}"] = found.values
        audited = audit(
            request.splits,
            request.materials,
            request.target,
            seed=derive_seed(request.seed, "audit"),
            vectors=vectors,
        )
        described = described_data(request.splits, request.materials, request.target)
        return {**narrative.audit_json(audited), "data": described}

    def evaluate(
        self, run: FinishedRun, *, levels: Sequence[float], metrics: Metrics
    ) -> Evaluation:
        """Return metrics, exam and verdicts."""
        manifest, trust = run.manifest, run.trust
        bounds = read_bounds(manifest["dataset"].get("bounds"))
        score = partial(
            evaluate,
            task=manifest["dataset"]["task"],
            levels=levels,
            seed=derive_seed(manifest["seed"], "bootstrap"),
            trained={n: one["elements"] for n, one in run.audited.items() if "elements" in one},
            bounds=bounds,
            metrics=metrics,
        )
        found, *others = map(score, (run.predictions, *run.repeats))
        if run.decisions is not None:
            seed = derive_seed(manifest["seed"], "bootstrap")
            for arm, own in score_decisions(run.decisions, seed=seed, metrics=metrics).items():
                found["arms"][arm]["decisions"] = own
        exams: dict[str, Any] = {}
        if trust is not None:
            seed = derive_seed(manifest["seed"], "exam")
            exams = examine(trust, run.predictions, levels=levels, seed=seed, bounds=bounds)
            for arm in dict.fromkeys(trust.arm.tolist()):
                found["arms"][arm]["labels"] = in_domain_record(trust, arm)
        for arm, own in ((n, own) for one in (found, *others) for n, own in one["arms"].items()):
            noted = cautions.of_audit(run.audit) if run.audit else []
            noted += cautions.of_records(run.records, arm)
            own["cautions"] += [caution.as_dict() for caution in noted]
        for arm, own in found["arms"].items() if others else ():
            own["repeats"] = spread([own, *(one["arms"][arm] for one in others)])
        split, arms = manifest.get("split"), manifest.get("arms") or {}
        judged = verdicts_of_run(
            found,
            exams,
            dataset=manifest["dataset"],
            split=split,
            chose={arm for arm, own in arms.items() if own.get("acquisition")},
            others=others,
            reference=manifest.get("reference"),
        )
        verdicts = {arm: narrative.in_words(one) for arm, one in judged.items()}
        return Evaluation(
            found, verdicts, narrative.described_exams(exams, held_out_classes(split))
        )

    def score_round(self, prediction: Prediction, target: F8) -> Mapping[str, float]:
        """Return the mean absolute error."""
        return {"mae": float(np.mean(np.abs(prediction.mean - target)))}
