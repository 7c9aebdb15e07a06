"""Several trainings of an arm: their spread, what is said of it, what they contradict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from from_columns import METRICS
from sklearn.metrics import roc_auc_score

from atlas_core.api import FinishedRun, Grade
from atlas_core.data.predictions import Predictions
from atlas_evaluation.hooks import NoOptions
from atlas_evaluation.judge.finding import About
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import headline
from atlas_evaluation.standard import StandardEvaluator

N = 300


def training(seed: int, *, error: float = 0.1, held_out_error: float = 0.1) -> Predictions:
    """Return predictions of N in-domain and N held-out rows, whose errors are Gaussian.

    Targets, intervals and the detector's scores are the same whatever the seed.
    """
    target = np.random.default_rng(0).normal(size=2 * N)
    rng = np.random.default_rng(seed)
    spread = np.repeat([error, held_out_error], N)
    mean = target + rng.normal(size=2 * N) * spread
    half = 1.645 * spread  # contains nine in ten
    return Predictions(
        ids=np.arange(2 * N).astype(str),
        arm=np.full(2 * N, "one"),
        fold=np.full(2 * N, "f"),
        parts=np.repeat(["test", "ood_test"], N),
        target=target,
        mean=mean,
        baseline=np.zeros(2 * N),
        std=np.abs(rng.normal(size=2 * N)) + np.repeat([1.0, 1.3], N),
        ood_score=np.arange(2 * N, dtype=float),
        lower={0.9: mean - half},
        upper={0.9: mean + half},
    )


def evaluated(*trainings: Predictions) -> Any:
    first, *others = trainings
    run = FinishedRun(
        Path("run"),
        {"dataset": {"task": "regression", "target": "energy", "unit": "eV"}, "seed": 1},
        {},
        first,
        repeats=tuple(others),
    )
    return StandardEvaluator(NoOptions()).evaluate(run, levels=[0.9], metrics=METRICS)


def test_each_figure_of_each_training_is_that_of_its_own_predictions() -> None:
    trainings = [training(seed) for seed in (1, 2, 3)]
    arm = evaluated(*trainings).metrics["arms"]["one"]
    found = arm["repeats"]
    assert found["n"] == 3
    for part, rows in (("test", slice(0, N)), ("ood_test", slice(N, 2 * N))):
        error = [(one.mean - one.target)[rows] for one in trainings]
        inside = [
            ((one.lower[0.9] <= one.target) & (one.target <= one.upper[0.9]))[rows]
            for one in trainings
        ]
        wanted = {
            "mae": [float(np.abs(own).mean()) for own in error],
            "mean_error": [float(own.mean()) for own in error],
            "picp_0.9": [float(own.mean()) for own in inside],
        }
        for name, values in wanted.items():
            own = found["parts"][part][name]
            assert own["values"] == pytest.approx(values)
            assert own["mean"] == pytest.approx(statistics.mean(values))
            assert own["std"] == pytest.approx(statistics.stdev(values))
            assert own["values"][0] == arm["parts"][part]["metrics"][name]["value"]
    held_out = np.repeat([0, 1], N)
    wanted_area = [roc_auc_score(held_out, one.std) for one in trainings]
    assert found["ood"]["sigma"]["auroc"]["values"] == pytest.approx(wanted_area)
    assert found["ood"]["score"]["auroc"] == {"values": [1.0] * 3, "mean": 1.0, "std": 0.0}


def test_a_figure_that_one_training_lacks_has_no_spread() -> None:
    without = replace(training(2), std=np.full(2 * N, np.nan))
    found = evaluated(training(1), without).metrics["arms"]["one"]["repeats"]
    assert "sigma" in found["ood"]
    assert found["ood"]["sigma"] == {}
    assert "spearman" not in found["parts"]["test"]
    assert "mae" in found["parts"]["test"]


def test_one_training_has_no_spread_and_says_that_it_is_one() -> None:
    found = evaluated(training(1))
    assert "repeats" not in found.metrics["arms"]["one"]
    said = " ".join(found.verdicts["one"].sentences)
    assert "over materials, not over trainings: another seed can change it more" in said


def test_the_sentence_of_errors_says_between_what_they_lie_over_trainings() -> None:
    trainings = [training(seed) for seed in (1, 2, 3)]
    said = evaluated(*trainings).verdicts["one"].sentences[0]
    ends = [np.abs(one.mean - one.target)[:N].mean() for one in trainings]
    assert f"over materials; over 3 trainings: {min(ends):.3f} to {max(ends):.3f})" in said
    assert "another seed" not in said


def test_the_headline_says_what_training_anew_moves() -> None:
    trainings = [training(seed, held_out_error=2.0) for seed in (1, 2, 3)]
    said = evaluated(*trainings).verdicts["one"].headline
    errors = [np.abs(one.mean - one.target) for one in trainings]
    ends = [own[:N].mean() for own in errors]
    assert f", over 3 trainings {min(ends):.3f} to {max(ends):.3f}, n = {N})" in said
    alone = evaluated(trainings[0]).verdicts["one"].headline
    assert "trainings" not in alone


def test_how_much_larger_held_out_errors_are_is_said_over_trainings() -> None:
    trainings = [training(seed, held_out_error=0.15) for seed in (1, 2, 3)]
    found = evaluated(*trainings).verdicts["one"]
    assert "held_out_errors_unclear" in {one.code for one in found.findings}
    errors = [np.abs(one.mean - one.target) for one in trainings]
    times = [own[N:].mean() / own[:N].mean() for own in errors]
    if "median error" in found.headline:
        times = [np.median(own[N:]) / np.median(own[:N]) for own in errors]
    assert f"; over 3 trainings {min(times):.1f} to {max(times):.1f})" in found.headline


def test_a_direction_that_another_training_reverses_is_not_said() -> None:
    def off(by: float, seed: int) -> Predictions:
        one = training(seed)
        return replace(one, mean=one.mean + np.repeat([0.0, by], N))

    def codes(*trainings: Predictions) -> set[str]:
        return {one.code for one in evaluated(*trainings).verdicts["one"].findings}

    assert "errors_too_high" in codes(off(0.5, 1))
    assert "errors_too_high" in codes(off(0.5, 1), off(0.3, 2))
    assert "errors_too_high" not in codes(off(0.5, 1), off(-0.3, 2))
    said = " ".join(evaluated(off(0.5, 1), off(0.3, 2)).verdicts["one"].sentences)
    ends = [(one.mean - one.target)[N:].mean() for one in (off(0.5, 1), off(0.3, 2))]
    assert f"; over 2 trainings {min(ends):.3f} to {max(ends):.3f})" in said


def test_the_figures_of_the_first_training_are_those_of_one_training() -> None:
    alone = evaluated(training(1))
    among = evaluated(training(1), training(2))
    own = dict(among.metrics["arms"]["one"])
    own.pop("repeats")
    assert own == alone.metrics["arms"]["one"]


def test_a_training_that_would_be_judged_otherwise_is_named_and_not_trusted() -> None:
    """The second fails on the held-out class, on which the first is as good as in-domain."""
    good, bad = training(1), training(2, held_out_error=2.0)
    assert evaluated(good).verdicts["one"].grade == "trust"
    other = evaluated(bad).verdicts["one"].grade
    assert other != "trust"
    said = evaluated(good, bad, training(3)).verdicts["one"]
    assert said.grade == "caution"
    words = other.replace("_", " ")
    assert said.headline.endswith(f"; of its 3 trainings, 1 would be judged “{words}”.")


def test_trainings_that_are_judged_alike_contradict_nothing() -> None:
    said = evaluated(training(1), training(2), training(3)).verdicts["one"]
    assert said.grade == "trust"
    assert "would be judged" not in said.headline
    assert "trainings_disagree" not in {one.code for one in said.findings}


@pytest.mark.parametrize(
    ("others", "grade"),
    [((), "trust"), (("trust", "trust"), "trust"), (("trust", "do_not_trust"), "caution")],
)
def test_the_grade_is_the_firsts_unless_another_training_contradicts_it(
    others: Sequence[Grade], grade: Grade
) -> None:
    metrics = evaluated(training(1)).metrics["arms"]["one"]
    said = verdict(metrics, About("one"), others=others)
    assert said.grade == grade
    assert ("would be judged" in headline(said)) == (grade != "trust")


def test_a_poor_grade_is_not_raised_by_better_trainings() -> None:
    first = training(1, held_out_error=2.0)
    alone = evaluated(first).verdicts["one"].grade
    said = evaluated(first, training(2), training(3)).verdicts["one"]
    assert said.grade == alone
    assert "of its 3 trainings, 2 would be judged “trust”" in said.headline
