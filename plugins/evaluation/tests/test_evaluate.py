"""What `metrics.json` holds, on tables made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from from_columns import evaluate
from scipy import stats

from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.errors import DataError
from atlas_core.metrics import weighted
from atlas_evaluation.scoring import ranked
from atlas_evaluation.scoring.chemistry import Chemistry

RNG = np.random.default_rng(2)


def table(sizes: dict[str, int], *, arms: tuple[str, ...] = ("a",), folds: int = 1) -> dict:
    """Return prediction columns: calibrated sigma in test, errors twice sigma in ood_test."""
    out: dict[str, list] = {}
    for arm in arms:
        for part, n in sizes.items():
            std = RNG.gamma(4, 0.05, n) + (0.3 if part == "ood_test" else 0)
            target = RNG.normal(size=n)
            mean = target + std * RNG.normal(size=n) * (2 if part == "ood_test" else 1)
            rows = {
                "id": [f"{part}-{i}" for i in range(n)],
                "formula": ["NaCl", "CaF2"] * (n // 2) + ["Fe2O3"] * (n % 2),
                "arm": [arm] * n,
                "fold": [str(i % folds) for i in range(n)],
                "part": [part] * n,
                "target": target,
                "mean": mean,
                "std": std,
                "lower_0.9": mean - 1.645 * std,
                "upper_0.9": mean + 1.645 * std,
                "ood_score": std + RNG.normal(0, 0.1, n),
                "outside": std > 0.4,
            }
            for name, values in rows.items():
                out.setdefault(name, []).extend(values)
    return {k: np.array(v) for k, v in out.items()}


FULL = {"calibration": 60, "test": 80, "ood_test": 70}


BARE = {"max_error", "ence", "miscalibration_area", "error_auroc"}


def test_every_metric_has_an_interval_and_json_takes_it() -> None:
    result = evaluate(table(FULL), task="regression", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    assert result["task"] == "regression"
    assert result["levels"] == [0.9]
    parts = result["arms"]["a"]["parts"]
    assert list(parts) == ["calibration", "test", "ood_test"]
    names = (
        "mae rmse r2 max_error mae_over_mad mean_error share_too_high median_ae rank_correlation"
        " nll crps miscalibration_area ence zms sharpness"
        " dispersion spearman aurc aurc_oracle aurc_random ause ause_random error_auroc mae_at_80"
        " picp_0.9 mpiw_0.9 interval_score_0.9"
        " infinite_share_0.9 within_1_sigma median_z beyond_5_sigma"
    )
    assert sorted(parts["test"]["metrics"]) == sorted(names.split())
    for name, metric in parts["test"]["metrics"].items():
        if name in BARE and "low" not in metric:
            continue  # no interval rather than one that leaves its own value out, or of six rows
        assert metric["low"] <= metric["value"] <= metric["high"], name
    assert parts["test"]["n"] == 80


def test_the_same_seed_gives_the_same_numbers_and_arms_do_not_matter() -> None:
    columns = table(FULL, arms=("a", "b"))
    both = evaluate(columns, task="regression", levels=[0.9], seed=1)
    assert both == evaluate(columns, task="regression", levels=[0.9], seed=1)
    only_b = {k: v[columns["arm"] == "b"] for k, v in columns.items()}
    alone = evaluate(only_b, task="regression", levels=[0.9], seed=1)
    assert alone["arms"]["b"] == both["arms"]["b"]
    other = evaluate(columns, task="regression", levels=[0.9], seed=2)
    assert other["arms"] != both["arms"]


def test_folds_are_scored_apart_and_summarized_with_population_std() -> None:
    columns = table({"test": 30}, folds=3)
    arm = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]
    error = np.abs(columns["target"] - columns["mean"])
    maes = [error[columns["fold"] == f].mean() for f in "012"]
    assert [arm["folds"][f]["test"]["mae"] for f in "012"] == pytest.approx(maes)
    assert arm["summary"]["test"]["mae"] == pytest.approx(
        {"mean": np.mean(maes), "std": np.std(maes)}
    )
    assert arm["ood"] == {}
    assert arm["parts"]["test"]["metrics"]["mae"]["value"] == pytest.approx(error.mean())


def test_detector_and_sigma_are_scored_on_test_against_shifted() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    columns = table(FULL)
    found = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["ood"]
    test, ood_test = columns["part"] == "test", columns["part"] == "ood_test"
    rows = test | ood_test
    for name, column in (("score", "ood_score"), ("sigma", "std")):
        expected = sk.roc_auc_score(ood_test[rows], columns[column][rows])
        assert found[name]["auroc"]["value"] == pytest.approx(expected)
        assert found[name]["auroc"]["low"] < expected < found[name]["auroc"]["high"]
        assert {"aupr", "fpr95"} <= set(found[name])
    assert found["score"]["share_flagged_test"]["value"] == columns["outside"][test].mean()
    assert found["score"]["share_flagged_ood_test"]["value"] == columns["outside"][ood_test].mean()
    limit = np.quantile(columns["std"][columns["part"] == "calibration"], 0.95)
    above = columns["std"] > limit
    assert found["sigma"]["share_flagged_ood_test"]["value"] == above[ood_test].mean()
    assert not {"folds", "worst"} & set(found["score"])


def test_detection_is_the_mean_over_folds_whose_scores_have_scales_of_their_own() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    columns = table(FULL, folds=2)
    before = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["ood"]
    for name, column in (("score", "ood_score"), ("sigma", "std")):
        each = {}
        for fold in "01":
            rows = (columns["fold"] == fold) & (columns["part"] != "calibration")
            each[fold] = sk.roc_auc_score(
                columns["part"][rows] == "ood_test", columns[column][rows]
            )
        assert before[name]["folds"] == pytest.approx(each)
        assert before[name]["auroc"]["value"] == pytest.approx(sum(each.values()) / 2)
        assert "worst" not in before[name]  # both folds are made alike
        assert before[name]["auroc"]["low"] < before[name]["auroc"]["high"]
    kept = columns["part"] == "calibration"
    shares = []
    for fold in "01":
        mine = columns["fold"] == fold
        limit = np.quantile(columns["std"][kept & mine], 0.95)
        shares.append((columns["std"][mine & (columns["part"] == "ood_test")] > limit).mean())
    assert before["sigma"]["share_flagged_ood_test"]["value"] == pytest.approx(np.mean(shares))
    # another unit of the score in one fold changes nothing: it is never ranked against the other
    columns["ood_score"] = np.where(columns["fold"] == "1", 1, 1000) * columns["ood_score"]
    after = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["ood"]
    assert after["score"] == before["score"]


def test_the_worst_fold_is_named_where_it_surely_is_the_worst() -> None:
    columns = table({"calibration": 30, "test": 60, "ood_test": 60}, folds=3)
    found = evaluate(columns, task="regression", levels=[], seed=1)["arms"]["a"]
    assert "hardest" not in found
    assert "worst" not in found["ood"]["score"]
    hard = (columns["fold"] == "1") & (columns["part"] == "ood_test")
    columns["mean"] = columns["target"] + (columns["mean"] - columns["target"]) * (1 + 3 * hard)
    columns["ood_score"] = columns["ood_score"] - 9.0 * hard
    found = evaluate(columns, task="regression", levels=[], seed=1)["arms"]["a"]
    error = np.abs(columns["mean"] - columns["target"])[hard]
    assert found["hardest"] == {"fold": "1", "mae": pytest.approx(error.mean())}
    score = found["ood"]["score"]
    assert score["worst"] == {"fold": "1", "auroc": score["folds"]["1"]}


def test_a_fold_without_one_of_the_sides_is_in_no_detection_figure() -> None:
    columns = table(FULL, folds=2)
    keep = ~((columns["part"] == "ood_test") & (columns["fold"] == "1"))
    columns = {name: values[keep] for name, values in columns.items()}
    found = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["ood"]
    only = {name: values[columns["fold"] == "0"] for name, values in columns.items()}
    assert found == evaluate(only, task="regression", levels=[0.9], seed=1)["arms"]["a"]["ood"]


def test_what_an_arm_does_not_have_is_absent() -> None:
    columns = table({"test": 20, "ood_test": 20})
    for name in ("std", "lower_0.9", "upper_0.9", "ood_score"):
        columns[name] = np.full(40, np.nan)
    arm = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]
    assert sorted(arm["parts"]["test"]["metrics"]) == [
        "mae", "mae_over_mad", "max_error", "mean_error", "median_ae", "r2", "rank_correlation",
        "rmse", "share_too_high",
    ]  # fmt: skip
    assert arm["ood"] == {}


def test_a_sigma_of_zero_is_floored_and_counted() -> None:
    columns = table({"test": 50})
    columns["std"][:3] = 0
    part = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["parts"]["test"]
    assert part["floored_std"] == 3
    assert part["metrics"]["zms"]["value"] > 1000
    columns["std"][:] = 0
    result = evaluate(columns, task="regression", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    names = set(result["arms"]["a"]["parts"]["test"]["metrics"])
    assert not names & {"nll", "zms", "ence", "dispersion", "spearman"}
    assert "crps" not in names  # it would be the absolute error under another name


def test_rows_without_a_sigma_are_counted() -> None:
    columns = table({"test": 50})
    columns["std"][:8] = np.nan
    part = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["parts"]["test"]
    assert part["n"] == 50
    assert part["n_std"] == 42


def test_infinite_intervals_leave_no_infinite_number() -> None:
    columns = table({"test": 20})
    columns["upper_0.9"][:5] = np.inf
    result = evaluate(columns, task="regression", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    metrics = result["arms"]["a"]["parts"]["test"]["metrics"]
    assert metrics["infinite_share_0.9"]["value"] == 0.25
    assert "interval_score_0.9" not in metrics


def test_levels_that_differ_in_the_seventh_digit_are_two_levels() -> None:
    columns = table({"test": 20})
    close = (0.9999991, 0.9999992)
    for level, width in zip(close, (1e-9, 1e9), strict=True):
        columns[f"lower_{level!r}"] = columns["mean"] - width
        columns[f"upper_{level!r}"] = columns["mean"] + width
    result = evaluate(columns, task="regression", levels=[0.9, *close], seed=1)
    metrics = result["arms"]["a"]["parts"]["test"]["metrics"]
    assert metrics["picp_0.9999991"]["value"] == 0
    assert metrics["picp_0.9999992"]["value"] == 1
    assert "picp_0.9" in metrics


def test_a_binary_arm_has_its_own_metrics() -> None:
    columns = table({"test": 60})
    columns["target"] = (RNG.random(60) < 0.5).astype(float)
    columns["mean"] = np.clip(columns["target"] * 0.4 + 0.6 * RNG.random(60), 0, 1)
    columns["lower_0.9"], columns["upper_0.9"] = np.zeros(60), np.round(columns["mean"])
    result = evaluate(columns, task="binary", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    names = (
        "roc_auc balanced_accuracy f1 brier ece log_loss accuracy class_1_share aurc ause"
        " wrong_auroc aurc_oracle aurc_random ause_random"
        " daf precision recall precision_top_10 wrong_at_80"
        " picp_0.9 mpiw_0.9 infinite_share_0.9"
    )
    found = result["arms"]["a"]["parts"]["test"]["metrics"]
    ends = {name for name in found if name.startswith("p_")}
    assert sorted(set(found) - ends) == sorted(names.split())


def test_the_ends_of_the_scale_count_surprises_against_what_was_stated() -> None:
    # by hand: 8 rows at 0 (2 wrong), 4 at 0.02 (1 wrong), 4 at 0.5, 4 at 0.995 (1 wrong)
    p = np.repeat([0.0, 0.02, 0.5, 0.995], [8, 4, 4, 4])
    y = np.array([0] * 6 + [1] * 2 + [0, 0, 0, 1] + [0, 1, 0, 1] + [1, 1, 1, 0], dtype=float)
    table = {
        "id": np.arange(20).astype(str), "arm": np.full(20, "a"), "part": np.full(20, "test"),
        "target": y, "mean": p, "std": np.sqrt(p * (1 - p)),
    }  # fmt: skip
    arm = evaluate(table, task="binary", levels=[], seed=0)["arms"]["a"]
    found = {k: v["value"] for k, v in arm["parts"]["test"]["metrics"].items()}
    ends = {name: found[name] for name in found if name.startswith("p_")}
    assert ends == {
        "p_below_1_share": 0.4, "p_below_1_stated": 0.0, "p_below_1_wrong": 0.25,
        "p_1_to_5_share": 0.2, "p_1_to_5_stated": pytest.approx(0.02), "p_1_to_5_wrong": 0.25,
        "p_above_99_share": 0.2, "p_above_99_stated": pytest.approx(0.005),
        "p_above_99_wrong": 0.25,
        "p_certain_share": 0.4, "p_certain_stated": 0.0, "p_certain_wrong": 0.25,
    }  # fmt: skip


def test_sigma_of_a_class_is_evaluated_by_wrong_answers_alone() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="the independent reference")
    p = RNG.uniform(0, 1, 400)
    y = (RNG.random(400) < p).astype(float)
    std = np.sqrt(p * (1 - p))
    table = {
        "id": np.arange(400).astype(str), "arm": np.full(400, "a"), "part": np.full(400, "test"),
        "target": y, "mean": p, "std": std,
    }  # fmt: skip
    arm = evaluate(table, task="binary", levels=[], seed=0)["arms"]["a"]
    found = arm["parts"]["test"]["metrics"]
    wanted = sk.roc_auc_score((p > 0.5) != (y == 1), std)
    assert found["wrong_auroc"]["value"] == pytest.approx(wanted)
    assert found["wrong_auroc"]["low"] < wanted < found["wrong_auroc"]["high"]
    assert "spearman" not in found


def test_quantiles_of_z_are_those_of_numpy_also_in_resamples() -> None:
    columns = table({"test": 41})
    z = np.abs(columns["target"] - columns["mean"]) / columns["std"]
    found = evaluate(columns, task="regression", levels=[], seed=1)["arms"]["a"]["parts"]["test"]
    values = {name: entry["value"] for name, entry in found["metrics"].items()}
    assert values["median_z"] == pytest.approx(np.median(z))
    assert values["within_1_sigma"] == pytest.approx((z <= 1).mean())
    assert values["beyond_5_sigma"] == pytest.approx((z > 5).mean())
    counts = RNG.multinomial(41, np.full(41, 1 / 41), size=20).astype(float)
    drawn = weighted.median(weighted.Ranking(z), z, counts)
    repeated = [np.median(np.repeat(z, own.astype(int))) for own in counts]
    assert drawn == pytest.approx(np.array(repeated))


def test_parts_of_one_row_or_one_class_still_give_json() -> None:
    result = evaluate(table({"test": 1, "ood_test": 1}), task="regression", levels=[0.9], seed=1)
    json.dumps(result, allow_nan=False)
    metrics = result["arms"]["a"]["parts"]["test"]["metrics"]
    assert "mae" in metrics
    assert "r2" not in metrics
    columns = table({"test": 3})
    columns["target"], columns["mean"] = np.ones(3), np.full(3, 0.7)
    result = evaluate(columns, task="binary", levels=[], seed=1)
    json.dumps(result, allow_nan=False)
    metrics = result["arms"]["a"]["parts"]["test"]["metrics"]
    assert "roc_auc" not in metrics
    assert metrics["accuracy"]["value"] == 1


def test_element_errors_count_materials_not_atoms() -> None:
    formulas = np.array(["Fe2O3", "NaCl", "CaO", ""])
    found = Chemistry(formulas).errors(np.array([1.0, 2.0, 4.0, 9.0]), np.arange(4))
    assert {symbol: {k: own[k] for k in ("n", "mae")} for symbol, own in found.items()} == {
        "O": {"n": 2, "mae": 2.5},
        "Na": {"n": 1, "mae": 2.0},
        "Cl": {"n": 1, "mae": 2.0},
        "Ca": {"n": 1, "mae": 4.0},
        "Fe": {"n": 1, "mae": 1.0},
    }


def test_bad_tables_are_refused_by_row() -> None:
    columns = table({"test": 5})
    columns["mean"][2] = np.nan
    with pytest.raises(DataError, match="row 3, id 'test-2'"):
        evaluate(columns, task="regression", levels=[0.9], seed=1)
    del columns["mean"]
    with pytest.raises(DataError, match="column 'mean' is missing"):
        evaluate(columns, task="regression", levels=[0.9], seed=1)


def test_a_sigma_that_is_zero_everywhere_is_no_sigma() -> None:
    n = 40
    rng = np.random.default_rng(0)
    predictions = {
        "id": np.array([f"m{i}" for i in range(n)]),
        "formula": np.full(n, "NaCl"),
        "arm": np.full(n, "a"),
        "fold": np.full(n, "f"),
        "part": np.array(["test", "ood_test"] * (n // 2)),
        "target": rng.normal(size=n),
        "mean": rng.normal(size=n),
        "std": np.zeros(n),
    }
    arm = evaluate(predictions, task="regression", levels=[0.9], seed=0)["arms"]["a"]
    assert "sigma" not in arm["ood"]
    for part in ("test", "ood_test"):
        assert "spearman" not in arm["parts"][part]["metrics"]
        assert "ence" not in arm["parts"][part]["metrics"]


def test_the_baseline_is_scored_where_it_is_known() -> None:
    columns = table({"test": 50})
    columns["baseline"] = np.full(50, 2.0)
    part = evaluate(columns, task="regression", levels=[0.9], seed=1)["arms"]["a"]["parts"]["test"]
    wanted = np.abs(columns["target"] - 2.0).mean()
    assert part["metrics"]["mae_baseline"]["value"] == pytest.approx(wanted)
    share = part["metrics"]["mae_over_baseline"]
    assert share["value"] == pytest.approx(part["metrics"]["mae"]["value"] / wanted)
    assert share["low"] < share["value"] < share["high"]


def test_elements_of_pure_noise_do_not_differ_significantly_and_a_hard_one_does() -> None:
    rng = np.random.default_rng(6)
    symbols = np.array(["Fe", "Ni", "Co", "Cr", "Mn", "Cu", "Zn", "Ti", "V", "Mo", "W", "Nb"])
    formulas, error = [], []
    for k in range(600):
        pair = rng.choice(symbols, 2, replace=False)
        formulas.append("".join(pair) + str(k + 2))
        error.append(rng.exponential(1.0))
    rows = np.arange(600)
    noise = Chemistry(np.array(formulas)).errors(np.array(error), rows)
    assert not any(own["apart"] for own in noise.values())
    hard = np.array(error) * np.where([("W" in text) for text in formulas], 4.0, 1.0)
    found = Chemistry(np.array(formulas)).errors(hard, rows)
    assert [s for s, own in found.items() if own["apart"]] == ["W"]
    assert found["W"]["above"]
    easy = Chemistry(np.array(formulas)).errors(hard / np.where(hard == error, 1, 40), rows)
    assert easy["W"]["apart"]
    assert not easy["W"]["above"]


@pytest.mark.parametrize("skewed", [np.abs, np.exp])
def test_errors_independent_of_the_elements_color_one_in_a_twentieth_of_the_tables(
    skewed: Callable[[np.ndarray], np.ndarray],
) -> None:
    rng = np.random.default_rng(9)
    symbols = list(ATOMIC_NUMBER)[:90]
    reported = 0
    for _ in range(200):
        pairs = rng.permuted(np.tile(np.arange(90), (200, 1)), axis=1)[:, :3]
        text = ["".join(symbols[k] for k in row) for row in pairs]
        found = Chemistry(np.array(text)).errors(skewed(rng.normal(size=200)), np.arange(200))
        reported += any(own["apart"] for own in found.values())
    assert reported <= 20  # 10 are expected, and 20 or more once in 400 tests


def test_an_element_of_nine_formulas_is_never_apart() -> None:
    for size, apart in ((9, False), (10, True)):
        formulas = np.array([f"WO{k + 1}" for k in range(size)] + [f"NiO{k}" for k in range(2, 90)])
        error = np.r_[np.full(size, 9.0), np.linspace(0.1, 0.2, 88)]
        found = Chemistry(formulas).errors(error, np.arange(len(error)))
        assert (found["W"]["n"], found["W"]["apart"]) == (size, apart)
        assert not found["O"]["apart"]  # in every formula there is


def test_rows_of_one_formula_are_one_observation_of_its_elements() -> None:
    formulas = np.array(["FeO"] * 50 + ["NiO"] * 50)
    error = np.r_[np.full(50, 1.0), np.full(50, 5.0)]
    found = Chemistry(formulas).errors(error, np.arange(100) // 2)
    assert found["Fe"] == {
        "n": 25, "mae": 1.0, "apart": False, "above": False, "mean_error": 1.0, "off": False,
    }  # fmt: skip
    assert not any(own["apart"] for own in found.values())


def test_scores_of_ranks_and_their_test_are_those_of_scipy() -> None:
    rng = np.random.default_rng(12)
    values = rng.integers(0, 30, 60).astype(float)
    scores = ranked.normal_scores(values)
    assert scores == pytest.approx(stats.norm.ppf(stats.rankdata(values) / 61))
    sums = np.array([scores[:25].sum(), scores[:9].sum(), scores.sum()])
    p = ranked.apart_p(scores, sums, np.array([25.0, 9.0, 60.0]))

    def gap(first: np.ndarray, other: np.ndarray) -> float:
        return float(first.mean() - other.mean())

    drawn = stats.permutation_test((scores[:25], scores[25:]), gap, n_resamples=4999, rng=1).pvalue
    assert p[0] == pytest.approx(drawn, abs=0.03)
    assert p[1:].tolist() == [1.0, 1.0]
