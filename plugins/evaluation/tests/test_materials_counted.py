"""A material that several folds test is one material: the same answers again prove nothing more."""

from __future__ import annotations

import numpy as np
import pytest
from from_columns import evaluate

from atlas_evaluation.judge.finding import About, Verdict
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import headline, sentences

RNG = np.random.default_rng(6)
N = 200


def judged(task: str, target: np.ndarray, mean: np.ndarray, *, folds: int) -> Verdict:
    """Return the verdict on the same predictions in so many folds."""
    columns = {
        "id": np.tile(np.arange(N).astype(str), folds),
        "arm": np.full(N * folds, "a"),
        "part": np.full(N * folds, "test"),
        "fold": np.repeat([f"f{k}" for k in range(folds)], N),
        "target": np.tile(target, folds),
        "mean": np.tile(mean, folds),
        "std": np.tile(np.abs(target - mean) + 0.3, folds),
    }
    metrics = evaluate(columns, task=task, levels=[], seed=0)["arms"]["a"]
    return verdict(metrics, About("a", task, "y"))


def reported(found: Verdict) -> list[str]:
    return [headline(found), *sentences(found)]


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_the_same_answers_in_four_folds_get_the_verdict_of_one(task: str) -> None:
    mean = RNG.beta(0.5, 0.5, N)
    target = (RNG.random(N) < mean) * 1.0 if task == "binary" else mean + RNG.normal(0, 0.1, N)
    four, once = (judged(task, target, mean, folds=n) for n in (4, 1))
    assert (four.grade, four.codes) == (once.grade, once.codes)
    assert reported(four) == reported(once)  # figures differ in their last digit


def test_one_surprise_in_four_folds_counts_once() -> None:
    # 40 materials of P = 0.5 %, one of class 1: of 40 that is chance (18 %), 4 of 160 were none
    target, mean = np.arange(N) % 2 * 1.0, np.full(N, 0.5)
    mean[:40], target[:40], target[7] = 0.005, 0.0, 1.0
    found = judged("binary", target, mean, folds=4)
    assert reported(found) == reported(judged("binary", target, mean, folds=1))
    assert "probabilities_off_at_end" not in found.codes
