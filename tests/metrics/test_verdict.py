"""The sentences a reader sees, for hand-made metrics of the main cases."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from from_columns import evaluate

from atlas_core.coverage import rows_needed
from atlas_core.verdict import (
    Verdict,
    held_out,
    number,
    percent,
    verdict,
    verdict_of_run,
)
from atlas_report import metric_words


def figure(value: float, spread: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - spread, "high": value + spread}


def part(n: int = 500, **metrics: float) -> dict[str, Any]:
    named = {k.replace("__", "_0."): v for k, v in metrics.items()}  # picp__9 is picp_0.9
    return {"n": n, "metrics": {k: figure(v) for k, v in named.items()}}


def detection(auroc: float, *, test: float | None = None, shifted: float = 0.0) -> dict[str, Any]:
    found = {"auroc": figure(auroc)}
    if test is not None:
        found |= {"share_flagged_test": figure(test), "share_flagged_shifted": figure(shifted)}
    return found


def judge(
    *,
    task: str = "regression",
    held_out: str = "materials with F",
    kept: tuple[int, ...] = (),
    **metrics: Any,
) -> Verdict:
    parts = {k: v for k, v in metrics.items() if k in ("test", "shifted")}
    said = verdict(
        {"parts": parts, "ood": metrics.get("ood", {})},
        arm="forest",
        unit="eV/atom",
        held_out=held_out,
        task=task,
        target_name="formation_energy",
        kept=kept,
    )
    json.dumps(said.as_dict())
    return said


GOOD = {"mae": 0.15, "mae_over_mad": 0.18}
TYPICAL = "mean error 0.150 eV/atom, 95 % interval 0.140 to 0.160, n = 500"
HOME = f"materials like its training set ({TYPICAL})"
RIGHT = {"within_1_sigma": 0.683, "median_z": 0.674, "beyond_5_sigma": 0.0}
SMALL = {"within_1_sigma": 0.38, "median_z": 1.35, "beyond_5_sigma": 0.0}
LARGE = {"within_1_sigma": 0.95, "median_z": 0.34, "beyond_5_sigma": 0.0}


def table_of_figures(task: str = "regression", **parts: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of an arm from {part: {metric: (value, low, high)}}, 500 rows each."""
    return {
        part: {
            "n": 500,
            "metrics": {
                name: dict(zip(("value", "low", "high"), ends, strict=True))
                for name, ends in metrics.items()
            },
        }
        for part, metrics in parts.items()
    }


def test_fails_on_the_held_out_class_and_notices() -> None:
    said = judge(
        test=part(**GOOD, picp__5=0.5, picp__9=0.91, picp__95=0.95, spearman=0.45),
        shifted=part(mae=0.70, picp__9=0.34, spearman=0.02),
        ood={"score": detection(0.997, test=0.05, shifted=0.99), "sigma": detection(0.94)},
    )
    assert said.grade == "caution"
    assert said.headline == (
        f"Trust it on {HOME}, not on materials with F; its detector and its sigma notice them."
    )
    assert said.sentences == (
        "In-domain it errs by 0.150 eV/atom on average (95 % interval 0.140 to 0.160 over"
        " materials, not over trainings: another seed can move it more); on materials with"
        " F by 0.700, 4.7 times as much (4.4 to 5.0).",
        "Always predicting the mean formation energy would err by 0.83 eV/atom.",
        "Its 90 % intervals hold the truth for 91 % (88 % to 93 %) of in-domain materials and 34 %"
        " (30 % to 38 %) of materials with F: do not use its error bars there.",
        "In-domain a larger sigma goes with a larger error (rank correlation 0.45, 95 % interval"
        " 0.44 to 0.46); among materials with F it hardly goes with a larger error (0.02, 0.01 to"
        " 0.03).",
        "It notices: its detector separates materials with F from in-domain ones with AUROC 0.997"
        " (1 = always, 0.5 = chance level), sigma alone with 0.940.",
        "Its detector flags 99 % of materials with F and 5 % of in-domain ones.",
        "When its detector flags a material, do not use the prediction: compute or measure it.",
    )


def test_fails_on_the_held_out_class_without_noticing() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.90),
        shifted=part(mae=0.70, picp__9=0.34),
        ood={"score": detection(0.46, test=0.05, shifted=0.04)},
    )
    assert said.grade == "do not trust"
    assert said.headline == (
        "Do not trust it on materials with F: it errs 4.7 times as much (4.4 to 5.0) there and it"
        f" gives no warning; in-domain: {TYPICAL}."
    )
    assert said.sentences[3:] == (
        "It does not notice: its detector separates materials with F from in-domain ones with"
        " AUROC 0.460 (1 = always, 0.5 = chance level).",
        "Its detector flags 4 % of materials with F and 5 % of in-domain ones.",
        "Check by hand whether a material is among materials with F: the model will not say so.",
    )


def test_sigma_alone_notices() -> None:
    said = judge(
        test=part(**GOOD, **RIGHT, spearman=0.2),
        shifted=part(mae=0.70, **SMALL, spearman=0.31),
        ood={"sigma": detection(0.94)},
    )
    assert said.grade == "caution"
    assert said.sentences[2:] == (
        "Its sigma is about right in-domain: one sigma holds 68 % (64 to 72 %) of in-domain"
        " materials (of a Gaussian 68 %), and half of the errors are at most 0.674 (0.664 to 0.684)"
        " sigma (0.67).",
        "On materials with F one sigma holds 38 % (34 to 42 %), and half of the errors are at most"
        " 1.35 (1.34 to 1.36) sigma.",
        "In-domain a larger sigma hardly goes with a larger error (rank correlation 0.20, 95 %"
        " interval 0.19 to 0.21); among materials with F it goes with a larger error (0.31, 0.30 to"
        " 0.32).",
        "It notices: sigma alone separates materials with F from in-domain ones with AUROC 0.940"
        " (1 = always, 0.5 = chance level).",
        "When sigma is large against its in-domain values, do not use the prediction: compute or"
        " measure it.",
    )


def test_a_detector_that_orders_well_but_flags_little_is_told_apart() -> None:
    said = judge(
        test=part(**GOOD),
        shifted=part(mae=0.70),
        ood={"score": detection(0.85, test=0.01, shifted=0.2)},
    )
    assert said.grade == "caution"
    assert said.headline.endswith("; its detector notices them only in part.")
    assert said.sentences[-1] == (
        "Its detector orders materials well but flags few of the materials with F: lower its"
        " threshold before relying on the flag."
    )


@pytest.mark.parametrize(
    ("score", "sigma", "end"),
    [
        (0.99, 0.63, "; its detector notices them, its sigma does not."),
        (0.99, 0.80, "; its detector notices them, its sigma only in part."),
        (0.80, 0.75, "; its detector and its sigma notice them only in part."),
        (0.40, 0.94, "; its sigma notices them, its detector does not."),
    ],
)
def test_the_headline_tells_the_detector_from_the_model(
    score: float, sigma: float, end: str
) -> None:
    found = {"score": detection(score, test=0.05, shifted=0.9), "sigma": detection(sigma)}
    said = judge(test=part(**GOOD), shifted=part(mae=0.70), ood=found)
    assert said.headline.endswith(end)


def test_fails_with_neither_sigma_nor_detector() -> None:
    said = judge(test=part(**GOOD), shifted=part(mae=0.70))
    assert said.grade == "do not trust"
    assert said.sentences[2] == (
        "It has neither sigma nor a detector, so nothing warns of materials with F."
    )


def test_only_the_coverage_fails_on_the_held_out_class() -> None:
    said = judge(test=part(**GOOD, picp__9=0.9), shifted=part(mae=0.18, picp__9=0.7), ood={})
    assert said.headline == (
        "Do not trust it on materials with F: its error bars are too narrow there and it gives no"
        f" warning; in-domain: {TYPICAL}."
    )


def test_good_on_the_held_out_class_too() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.90, spearman=0.5),
        shifted=part(mae=0.15, picp__9=0.88, spearman=0.4),
        ood={"sigma": detection(0.55)},
    )
    assert said.grade == "trust"
    assert said.headline == f"Trust it on {HOME} and on materials with F."
    assert said.sentences[0].endswith(
        "on materials with F by 0.150, 1.0 times as much (0.9 to 1.1)."
    )
    assert said.sentences[2] == (
        "Its 90 % intervals hold the truth for 90 % (87 % to 92 %) of in-domain materials and 88 %"
        " (85 % to 91 %) of materials with F: its error bars keep their word on both."
    )
    assert said.sentences[-1] == "Of other classes than materials with F nothing is known."


def test_folds_without_a_held_out_class() -> None:
    said = judge(test=part(**GOOD, picp__9=0.98, spearman=0.05), held_out="")
    assert said.grade == "trust"
    assert said.headline == (
        f"Trust it on {HOME}, but its error bars are wider than need be; nothing else was tested."
    )
    assert said.sentences == (
        "In-domain it errs by 0.150 eV/atom on average (95 % interval 0.140 to 0.160 over"
        " materials, not over trainings: another seed can move it more).",
        "Always predicting the mean formation energy would err by 0.83 eV/atom.",
        "Its 90 % intervals hold the truth for 98 % (96 % to 99 %) of in-domain materials: its"
        " error bars are wider than they need to be.",
        "In-domain a larger sigma hardly goes with a larger error (rank correlation 0.05, 95 %"
        " interval 0.04 to 0.06).",
        "Nothing was held out, so nothing is known of materials unlike its training set.",
    )


@pytest.mark.parametrize(
    ("metrics", "reserve"),
    [
        ({"picp__9": 0.91}, ""),
        (RIGHT, ""),
        (LARGE, ", but its sigma is larger than need be"),
        ({"picp__9": 0.91, **SMALL}, ", but its sigma is too small"),
        ({"picp__9": 0.98}, ", but its error bars are wider than need be"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chose", [False, True])
def test_trust_names_its_reserves(metrics: dict[str, float], reserve: str, *, chose: bool) -> None:
    said = verdict(
        {"parts": {"test": part(**(GOOD | metrics))}}, arm="forest", unit="eV", held_out="",
        task="regression", target_name="gap", chose=chose,
    )  # fmt: skip
    home = "materials like its candidates" if chose else "materials like its training set"
    assert said.grade == "trust"
    typical = "mean error 0.150 eV, 95 % interval 0.140 to 0.160, n = 500"
    assert said.headline == f"Trust it on {home} ({typical}){reserve}; nothing else was tested."


def test_a_sigma_beside_intervals_is_named_when_it_is_no_standard_deviation() -> None:
    text = "Do not read its sigma as a standard deviation: for most materials it is about {}"
    # a median of 2 x 0.674 sigma: sigma is half of what it should be; of half of it: twice
    for sizes, times in ((SMALL, "2.0 times too small"), (LARGE, "2.0 times too large")):
        said = judge(test=part(**GOOD, picp__9=0.9, **sizes), held_out="")
        assert text.format(times) in " ".join(said.sentences)
    said = judge(test=part(**GOOD, picp__9=0.9, **RIGHT), held_out="")
    assert "standard deviation" not in " ".join(said.sentences)


def test_sentences_have_the_digits_of_the_cards() -> None:
    mae = {"value": 0.17512, "low": 0.16444, "high": 0.18613}
    auroc = {"value": 0.94812, "low": 0.9412, "high": 0.9553}
    arm = {
        "parts": {"test": part(**GOOD), "shifted": part(mae=0.7)},
        "ood": {"sigma": {"auroc": auroc}},
    }
    arm["parts"]["test"]["metrics"]["mae"] = mae
    said = verdict(
        arm, arm="x", unit="eV", held_out="materials with F", task="regression", target_name="gap"
    )
    assert metric_words.shown(mae, "unit") == "0.175"
    assert metric_words.interval(mae, "unit") == "0.164 to 0.186"
    assert "errs by 0.175 eV on average (95 % interval 0.164 to 0.186" in said.sentences[0]
    shown = metric_words.shown(auroc, "plain")
    assert f"AUROC {shown} (1 = always" in " ".join(said.sentences)


def test_error_bars_too_narrow_in_domain() -> None:
    said = judge(test=part(**GOOD, picp__9=0.6), held_out="")
    assert said.grade == "caution"
    assert said.headline == (
        f"Believe its predictions on {HOME}, not its error bars: they are too narrow in-domain."
    )
    assert said.sentences[2].endswith("of in-domain materials: its error bars are too narrow.")
    assert judge(test=part(**GOOD, **SMALL), held_out="").grade == "caution"


def test_error_bars_too_narrow_in_domain_and_outside() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.6),
        shifted=part(mae=0.70, picp__9=0.3),
        ood={"sigma": detection(0.95)},
    )
    assert said.headline == (
        f"Trust its predictions, not its error bars, on {HOME}, not on materials with F; its sigma"
        " notices them."
    )


def test_no_uncertainty_at_all_is_unknown() -> None:
    said = judge(test=part(**GOOD), held_out="")
    assert said.grade == "unknown"
    assert said.headline == (
        f"Unknown: its errors are known on average ({TYPICAL}), but it gives no uncertainty."
    )


def test_no_better_than_the_mean_is_not_trusted() -> None:
    said = judge(test=part(mae=0.8, mae_over_mad=0.95, picp__9=0.9), held_out="")
    assert said.grade == "do not trust"
    assert said.headline == (
        "Do not trust it: it is hardly better than always predicting the mean formation energy"
        " (mean error 0.800 eV/atom, 95 % interval 0.790 to 0.810, n = 500)."
    )
    worse = judge(test=part(mae=1.1, mae_over_mad=1.6, picp__9=0.9), held_out="")
    assert worse.headline.startswith("Do not trust it: it is worse than always predicting")
    weak = judge(test=part(mae=0.6, mae_over_mad=0.7, picp__9=0.9), held_out="")
    assert weak.grade == "caution"
    assert weak.headline.startswith("Take it as a rough guide")


def test_infinite_intervals_are_no_merit() -> None:
    said = judge(test=part(**GOOD, picp__9=1.0, infinite_share__9=1.0), held_out="")
    assert said.grade == "caution"
    assert said.sentences[2] == (
        "For 100 % of in-domain materials the interval is infinite: it says nothing there."
    )
    some = judge(
        test=part(**GOOD, picp__9=0.9, infinite_share__9=0.0),
        shifted=part(mae=0.15, picp__9=0.95, infinite_share__9=0.4),
    )
    assert "For 40 % of materials with F the interval is infinite" in some.sentences[3]


def test_infinite_intervals_are_explained_by_the_calibration_rows_that_they_need() -> None:
    infinite = part(**GOOD, picp__9=1.0, infinite_share__9=1.0, infinite_share__95=1.0)
    finite = part(**GOOD, picp__9=0.9, infinite_share__9=0.0)
    start = "An interval needs level / (1 − level) calibration rows to be finite: "

    def told(test: dict[str, Any], *kept: int) -> list[str]:
        said = judge(test=test, held_out="", kept=kept)
        return [text.removeprefix(start) for text in said.sentences if text.startswith(start)]

    assert told(infinite, 7) == ["9 for 90 % and 19 for 95 %; there were 7."]
    assert told(infinite, 7, 7) == ["9 for 90 % and 19 for 95 %; each fold had 7."]
    assert told(infinite, 7, 8) == ["9 for 90 % and 19 for 95 %; the folds had 7 to 8."]
    assert told(infinite, 40) == [
        "9 for 90 % and 19 for 95 %; there were 40, too few where they are split into groups or"
        " weighted."
    ]
    assert told(infinite) == []
    assert told(finite, 7) == []
    every = {f"infinite_share__{level}": 1.0 for level in (7, 8, 9, 95)}
    assert told(part(**GOOD, picp__9=1.0, **every), 1) == [
        "3 for 70 % up to 19 for 95 %; there was 1."
    ]


@pytest.mark.parametrize(
    ("level", "rows"), [("0.5", 1), ("0.55", 2), ("0.8", 4), ("0.9", 9), ("0.95", 19), ("0.99", 99)]
)
def test_so_many_rows_are_just_enough_for_a_level(level: str, rows: int) -> None:
    assert rows_needed(level) == rows
    share = Fraction(level)  # of n + 1 ranks, the interval takes the ceil((n + 1) level)-th
    assert math.ceil((rows + 1) * share) <= rows
    assert math.ceil(rows * share) > rows - 1


def test_few_rows_are_named_and_no_difference_is_made_of_noise() -> None:
    few = part(n=12, picp__9=0.9)
    few["metrics"]["mae"] = {"value": 0.3, "low": 0.1, "high": 0.6}
    said = judge(test=part(**GOOD, picp__9=0.9), shifted=few)
    assert said.grade == "caution"
    assert said.headline == (f"Trust it on {HOME}; too few materials with F to tell there.")
    assert "Of materials with F there are only 12: too few to tell." in said.sentences
    tiny = judge(test=part(n=9, **GOOD, picp__9=0.9), held_out="")
    assert tiny.grade == "caution"


def test_no_test_rows_is_unknown() -> None:
    said = judge(shifted=part(mae=0.7))
    assert said.grade == "unknown"
    assert said.headline == (
        "Unknown: forest has no in-domain test rows, so nothing shows how well it does."
    )


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_test_targets_that_do_not_vary_are_unknown_not_large_errors(task: str) -> None:
    n = 60
    table = {
        "id": np.arange(n).astype(str),
        "arm": np.full(n, "forest"),
        "part": np.full(n, "test"),
        "target": np.ones(n),
        "mean": np.linspace(0.6, 0.99, n),
        "std": np.linspace(0.1, 0.2, n),
    }
    metrics = evaluate(table, task=task, levels=[], seed=0)["arms"]["forest"]
    said = verdict(
        metrics, arm="forest", unit="", held_out="", task=task, target_name="gap"
    )  # fmt: skip
    assert said.grade == "unknown"
    assert said.headline == (
        "Unknown: the test targets do not vary, so nothing shows that it tells materials apart."
    )


def test_several_held_out_classes_have_one_name() -> None:
    said = judge(
        test=part(**GOOD), shifted=part(mae=0.7), held_out="materials with F; materials with O"
    )
    assert "on held-out materials by 0.700" in said.sentences[0]


def folded(auroc: float, **folds: float) -> dict[str, Any]:
    worst = min(folds, key=lambda f: folds[f])
    return {
        "auroc": figure(auroc), "folds": folds, "worst": {"fold": worst, "auroc": folds[worst]},
    }  # fmt: skip


FOLDS = [
    {"name": "one", "held_out": "materials with F"},
    {"name": "two", "held_out": "materials with O"},
    {"name": "three", "held_out": ""},
]


def test_figures_over_all_folds_name_no_single_class() -> None:
    assert held_out({"split": {"folds": FOLDS}}) == "materials with F; materials with O"
    assert held_out({"split": {"folds": FOLDS[:1] * 2}}) == "materials with F"
    assert held_out({"split": {}}) == ""


def test_the_worst_of_several_folds_is_named_by_its_class() -> None:
    manifest = {
        "dataset": {"task": "regression", "target": "gap", "unit": "eV"},
        "split": {"folds": FOLDS},
    }
    arm = {
        "parts": {"test": part(**GOOD), "shifted": part(mae=0.70)},
        "ood": {
            "score": folded(0.92, one=0.99, two=0.85),
            "sigma": folded(0.66, one=0.51, two=0.81),
        },
        "hardest": {"fold": "two", "mae": 0.9},
    }
    said = verdict_of_run(manifest, {"arms": {"forest": arm}}, "forest")
    assert said.headline == (
        "Trust it on materials like its training set (mean error 0.150 eV, 95 % interval 0.140 to"
        " 0.160, n = 500), not on held-out materials; its detector notices them, its sigma does"
        " not; it is worst at materials with O: AUROC 0.850."
    )
    text = " ".join(said.sentences)
    assert "It errs most on materials with O: by 0.900 eV." in text
    assert "sigma alone with 0.660; these are means over 2 folds." in text
    assert (
        "Its detector is worst at materials with O, with AUROC 0.850; sigma alone is worst at"
        " materials with F, with AUROC 0.510." in text
    )
    del arm["hardest"], arm["ood"]["score"]["worst"], arm["ood"]["sigma"]["worst"]
    alike = verdict_of_run(manifest, {"arms": {"forest": arm}}, "forest")
    for name in ("materials with O", "materials with F"):
        assert not any(name in told for told in (alike.headline, *alike.sentences))


BINARY = {
    "accuracy": 0.9, "roc_auc": 0.95, "brier": 0.08, "ece": 0.03, "balanced_accuracy": 0.84,
    "class_1_share": 0.4,
}  # fmt: skip


def test_a_binary_arm_quotes_the_accuracy_of_its_card_too() -> None:
    said = judge(task="binary", test=part(**BINARY), held_out="")
    assert said.sentences[0] == (
        "In-domain it calls 90 % of the materials right (95 % interval 87 % to 92 %), where always"
        " 0 would be for 60 %; the mean of its two classes is 84 % (83 % to 85 %), of one answer"
        " for all 50 %."
    )


def test_a_binary_arm_in_domain() -> None:
    said = judge(task="binary", test=part(**BINARY, picp__9=0.92, wrong_auroc=0.8), held_out="")
    assert said.grade == "trust"
    # gaps of sqrt(20 x 0.08 / (500 pi)) = 0.032 come by chance
    assert said.sentences[1:5] == (
        "Its ROC AUC in-domain is 0.950 (1 = always right, 0.5 = chance level).",
        "Its probabilities are off by less than a point on average in-domain beyond what chance"
        " gives honest ones (3 points less 3 points): they can be read as probabilities.",
        "Its 90 % label sets hold the truth for 92 % (89 % to 94 %) of in-domain materials: its"
        " label sets keep their word.",
        "In-domain sigma is larger where an answer is wrong (AUROC 0.800, 95 % interval 0.790 to"
        " 0.810; 0.5 is chance level).",
    )


def test_a_classifier_with_dishonest_probabilities_is_trusted_for_its_answers() -> None:
    said = judge(task="binary", test=part(**(BINARY | {"ece": 0.12})), held_out="")
    assert said.grade == "caution"
    assert said.headline == (
        "Trust its answers, not its probabilities, on materials like its training set (right for"
        " 90 %, 95 % interval 87 % to 92 %, always 0: 60 %, n = 500); nothing else was tested."
    )
    # 40 honest probabilities in ten bins: gaps of sqrt(20 x 0.08 / (40 pi)) = 0.113 by chance
    few = judge(task="binary", test=part(n=40, **(BINARY | {"ece": 0.11})), held_out="")
    assert few.grade == "caution"
    assert "probabilities" not in few.headline
    assert "(11 points less 11 points): 40 materials are too few to tell" in few.sentences[2]


def test_a_classifier_that_fails_is_told_in_its_own_words() -> None:
    small = judge(task="binary", test=part(**BINARY, picp__9=0.6), held_out="")
    assert small.headline == (
        "Believe its predictions on materials like its training set (right for 90 %, 95 % interval"
        " 87 % to 92 %, always 0: 60 %, n = 500), not its label sets: they are too small in-domain."
    )
    both = judge(task="binary", test=part(**BINARY, picp__9=1.0, mpiw__9=0.8), held_out="")
    assert both.headline == (
        "Believe its predictions on materials like its training set (right for 90 %, 95 % interval"
        " 87 % to 92 %, always 0: 60 %, n = 500); its label sets mostly hold both"
        " classes, which says nothing."
    )
    assert "For 80 % of in-domain materials the set holds both classes" in " ".join(both.sentences)
    weak = judge(task="binary", test=part(**(BINARY | {"roc_auc": 0.7})), held_out="")
    assert weak.headline == (
        "Take it as a rough guide only in-domain (right for 90 %, 95 % interval 87 % to 92 %,"
        " always 0: 60 %, n = 500; ROC AUC 0.700, 0.690 to 0.710, 0.5 is chance level)."
    )
    lost = judge(task="binary", test=part(**(BINARY | {"roc_auc": 0.3})), held_out="")
    assert lost.headline.startswith("Do not trust it: it is worse than chance (right for 90 %")
    outside = judge(task="binary", test=part(**BINARY), shifted=part(accuracy=0.6, brier=0.32))
    assert outside.headline == (
        "Do not trust it on materials with F: its Brier score is 4.0 times as large (3.5 to 4.6)"
        " there and it gives no warning; in-domain: right for 90 %, 95 % interval 87 % to 92 %,"
        " always 0: 60 %, n = 500."
    )


def test_a_binary_arm_that_fails_outside_and_one_that_is_a_coin() -> None:
    said = judge(
        task="binary",
        test=part(**BINARY),
        shifted=part(accuracy=0.6, brier=0.3),
        ood={"score": detection(0.8, test=0.05, shifted=0.7)},
    )
    assert said.grade == "caution"
    assert "; of materials with F 60 %; the mean" in said.sentences[0]
    coin = judge(task="binary", test=part(accuracy=0.5, roc_auc=0.52, brier=0.25, ece=0.2))
    assert coin.headline.startswith("Do not trust it: it is hardly better than chance (right for")
    assert coin.sentences[2].endswith(": do not read them as probabilities.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.148, "0.15"),
        (0.7, "0.70"),
        (4.66, "4.7"),
        (9.96, "10"),
        (104.8, "105"),
        (0.0042, "0.0042"),
    ],
)
def test_numbers_have_two_digits_and_are_whole_from_ten(value: float, text: str) -> None:
    assert number(value) == text


def test_an_interval_takes_the_decimals_of_its_estimate() -> None:
    assert number(11.26, like=9.3) == "11.3"
    assert number(0.0) == "0"
    assert number(0.00002) == "2.0e-05"


def test_percents_are_whole_and_keep_the_ends_honest() -> None:
    assert percent(0.914) == "91 %"
    assert percent(0.999) == "99.9 %"
    assert percent(0.001) == "0.1 %"
    assert percent(0.9999) == "more than 99.9 %"
    assert percent(0.0001) == "less than 0.1 %"
    assert percent(1) == "100 %"


def test_the_metrics_of_a_run_are_understood() -> None:
    rng = np.random.default_rng(0)
    n = 200
    shifted = np.arange(n) >= n // 2
    target = rng.normal(size=n)
    error = rng.normal(size=n) * np.where(shifted, 1.0, 0.1)
    table = {
        "id": np.arange(n).astype(str),
        "arm": np.full(n, "forest"),
        "part": np.where(shifted, "shifted", "test"),
        "target": target,
        "mean": target + error,
        "std": np.where(shifted, 1.0, 0.1) * rng.uniform(0.8, 1.2, n),
    }
    metrics = evaluate(table, task="regression", levels=[0.9], seed=0)
    said = verdict(
        metrics["arms"]["forest"], arm="forest", unit="eV", held_out="materials with F",
        task="regression", target_name="gap",
    )  # fmt: skip
    assert said.grade == "caution"
    assert "its sigma notices them" in said.headline
    assert any("AUROC 1.00" in sentence for sentence in said.sentences)


def test_the_floor_is_the_training_mean_on_each_part_by_name() -> None:
    def part(mae: float, baseline: float) -> dict[str, object]:
        values = {"mae": mae, "mae_baseline": baseline, "mae_over_mad": 1.03}
        metrics = {k: {"value": v, "low": v, "high": v} for k, v in values.items()}
        return {"n": 300, "metrics": metrics}

    found = verdict(
        {"parts": {"test": part(0.15, 0.84), "shifted": part(0.72, 1.49)}},
        arm="forest",
        unit="eV/atom",
        held_out="materials with F",
        task="regression",
        target_name="formation_energy_per_atom",
    )
    wanted = "would err by 0.84 eV/atom in-domain and by 1.5 eV/atom on materials with F."
    assert any(text.endswith(wanted) for text in found.sentences), found.sentences
    assert "always predicting" not in found.headline  # 0.15 of 0.84 is no guess at the mean


def test_a_correlation_of_nothing_has_no_sign() -> None:
    from atlas_core.sigma_words import _signed

    assert [_signed(v) for v in (-0.001, 0.004, -0.256, 0.5)] == ["0.00", "0.00", "−0.26", "0.50"]


def test_few_test_materials_with_infinite_intervals_are_never_said_to_look_right() -> None:
    few = part(7, **GOOD, picp__9=1.0, infinite_share__9=1.0)
    said = judge(test=few, held_out="")
    assert said.grade == "caution"
    assert "right" not in said.headline
    assert "n = 7" in said.headline
    assert "infinite" in said.headline
    finite = judge(test=part(7, **GOOD, picp__9=0.9, infinite_share__9=0.0), held_out="")
    assert finite.grade == "caution"
    assert "infinite" not in finite.headline
    assert "right" not in finite.headline
