"""Predictions that no run made are scored as a run's."""

from __future__ import annotations

import numpy as np
import pytest
from from_columns import evaluate

from atlas_core import score_predictions
from atlas_core.errors import DataError

RNG = np.random.default_rng(12)
N = 120
STD = RNG.gamma(3, 0.3, N)
Y = RNG.normal(0, 2, N)
M = Y + STD * RNG.normal(0, 1, N)
FORMULAS = np.array(["NaCl", "MgO", "Fe"] * 40)


def test_the_scores_are_those_of_a_run() -> None:
    columns = {
        "id": np.array([f"m{i}" for i in range(N)]),
        "formula": FORMULAS,
        "arm": np.full(N, "a"),
        "part": np.full(N, "test"),
        "target": Y,
        "mean": M,
        "std": STD,
        "lower_0.8": M - STD,
        "upper_0.8": M + STD,
    }
    arm = evaluate(columns, task="regression", levels=[0.8], seed=1)["arms"]["a"]
    found = score_predictions(
        Y, M, std=STD, intervals={0.8: (M - STD, M + STD)}, formulas=FORMULAS, seed=3
    )
    assert found["n"] == N
    assert found["metrics"].keys() == arm["parts"]["test"]["metrics"].keys()
    for name, metric in found["metrics"].items():
        assert metric["value"] == arm["parts"]["test"]["metrics"][name]["value"], name
        if "low" in metric:
            assert metric["low"] <= metric["value"] <= metric["high"], name
    assert list(found["metrics"]["max_error"]) == ["value"]
    assert found["families"].keys() == arm["families"]["test"].keys()
    assert set(found["families"]["groups"]) == {"halide", "oxide", "elemental"}


def test_what_is_not_given_is_absent() -> None:
    found = score_predictions(Y, M)
    assert sorted(found) == ["metrics", "n", "n_materials"]
    assert sorted(found["metrics"]) == [
        *("mae", "mae_over_mad", "max_error", "mean_error", "median_ae", "r2"),
        *("rank_correlation", "rmse", "share_too_high"),
    ]
    assert "dispersion" not in score_predictions(Y, M, std=np.zeros(N))["metrics"]


def test_without_a_seed_there_are_values_and_no_intervals() -> None:
    kept = {"std": STD, "intervals": {0.8: (M - STD, M + STD)}, "formulas": FORMULAS}
    bare, full = score_predictions(Y, M, **kept, seed=None), score_predictions(Y, M, **kept)
    assert bare["metrics"] == {k: {"value": v["value"]} for k, v in full["metrics"].items()}
    assert list(bare["families"]["groups"]["oxide"]["mae"]) == ["value"]


def test_rows_of_one_material_are_resampled_together() -> None:
    twice = np.repeat(np.arange(N // 2), 2)
    error = np.repeat(RNG.exponential(1, N // 2), 2)
    apart = score_predictions(error, np.zeros(N))["metrics"]["mae"]
    joined = score_predictions(error, np.zeros(N), materials=twice)["metrics"]["mae"]
    assert joined["high"] - joined["low"] > 1.2 * (apart["high"] - apart["low"])  # sqrt(2)


def test_a_classifier_is_scored_by_probability() -> None:
    y = (RNG.random(N) < 0.5).astype(float)
    found = score_predictions(y, np.clip(y * 0.5 + RNG.random(N) * 0.5, 0, 1), task="binary")
    assert {"roc_auc", "balanced_accuracy", "f1", "brier", "ece"} <= set(found["metrics"])


def test_bad_tables_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"std: expected \(120,\), got \(3,\)"):
        score_predictions(Y, M, std=[1, 2, 3])
    with pytest.raises(ValueError, match="negative"):
        score_predictions(Y, M, std=-STD)
    with pytest.raises(ValueError, match="not finite"):
        score_predictions(Y, M * np.nan)
    with pytest.raises(ValueError, match=r"level 90 is not between 0 and 1"):
        score_predictions(Y, M, intervals={90: (M, M)})
    with pytest.raises(ValueError, match="before it begins"):
        score_predictions(Y, M, intervals={0.9: (M + 1, M)})
    with pytest.raises(ValueError, match="neither"):
        score_predictions(Y, M, task="ranking")
    with pytest.raises(ValueError, match="not 0 or 1"):
        score_predictions(Y, M, task="binary")
    with pytest.raises(DataError, match="row 1: formula 'Qq'"):
        score_predictions(Y, M, formulas=np.full(N, "Qq"))
