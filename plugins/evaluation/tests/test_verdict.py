"""The verdict as codes and figures, for hand-made metrics of the main cases."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from from_columns import evaluate

from atlas_core.data.meaning import Meaning
from atlas_core.observe import held_out
from atlas_evaluation.judge.bars import rows_needed
from atlas_evaluation.judge.finding import About, Finding, Verdict
from atlas_evaluation.judge.verdict import verdict, verdicts_of_run
from atlas_evaluation.narrative import headline, in_words, sentences
from atlas_report import metric_labels


def figure(value: float, spread: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - spread, "high": value + spread}


def part(n: int = 500, **metrics: float) -> dict[str, Any]:
    named = {k.replace("__", "_0."): v for k, v in metrics.items()}  # picp__9 is picp_0.9
    return {"n": n, "metrics": {k: figure(v) for k, v in named.items()}}


def detection(auroc: float, *, test: float | None = None, ood_test: float = 0.0) -> dict[str, Any]:
    found = {"auroc": figure(auroc)}
    if test is not None:
        found |= {"share_flagged_test": figure(test), "share_flagged_ood_test": figure(ood_test)}
    return found


def judge(
    *,
    task: str = "regression",
    held_out: str = "materials with F",
    kept: tuple[int, ...] = (),
    **metrics: Any,
) -> Verdict:
    parts = {k: v for k, v in metrics.items() if k in ("test", "ood_test")}
    about = About("forest", task, "formation_energy", "eV/atom", held_out)
    said = verdict({"parts": parts, "ood": metrics.get("ood", {})}, about, kept=kept)
    json.dumps(in_words(said).as_dict(), allow_nan=False)
    return said


CAVEAT = Meaning(quantity="formation energy", caveat="not the distance to the convex hull")


@pytest.mark.parametrize("n", [500, 0])
def test_every_verdict_says_what_the_target_is_not(n: int) -> None:
    parts = {"test": part(n, mae=0.1, mae_baseline=1.0)} if n else {}
    metrics = {"parts": parts, "ood": {}}
    said = verdict(metrics, About("forest", meaning=CAVEAT))
    assert said.codes.count("target_is_not") == 1
    assert (
        "What is predicted is the formation energy (not the distance to the convex hull)."
        in sentences(said)
    )
    assert "target_is_not" not in verdict(metrics, About("forest")).codes


def opening(said: Verdict) -> list[str]:
    """Return the codes of the headline."""
    return [one.code for one in said.headline]


def one(said: Verdict, code: str) -> dict[str, Any]:
    """Return the figures of the only finding of a code."""
    (found,) = said.of(code)
    return dict(found.figures)


GOOD = {"mae": 0.15, "mae_over_mad": 0.18}
TYPICAL = {"mae": figure(0.15), "n": 500}
RIGHT = {"within_1_sigma": 0.683, "median_z": 0.674, "beyond_5_sigma": 0.0}
SMALL = {"within_1_sigma": 0.38, "median_z": 1.35, "beyond_5_sigma": 0.0}
LARGE = {"within_1_sigma": 0.95, "median_z": 0.34, "beyond_5_sigma": 0.0}


def test_fails_on_the_held_out_class_and_notices() -> None:
    said = judge(
        test=part(**GOOD, picp__5=0.5, picp__9=0.91, picp__95=0.95, spearman=0.45),
        ood_test=part(mae=0.70, picp__9=0.34, spearman=0.02),
        ood={"score": detection(0.997, test=0.05, ood_test=0.99), "sigma": detection(0.94)},
    )
    assert said.grade == "caution"
    assert said.codes == [
        "trust_in_domain", "not_on_held_out", "held_out_detected",
        "errors", "errors_of_constant", "coverage_too_low_held_out", "sigma_order_right",
        "sigma_order_weak", "separated_well", "flagged",
        "heed_flags",
    ]  # fmt: skip
    assert one(said, "trust_in_domain") == {"in_domain": TYPICAL}
    assert one(said, "held_out_detected") == {"by": ["detector", "sigma"], "how": "well"}
    errors = one(said, "errors")
    assert (errors["in_domain"], errors["held_out"]) == (figure(0.15), figure(0.70))
    assert errors["times"]["value"] == pytest.approx(0.70 / 0.15)
    assert one(said, "errors_of_constant")["in_domain"] == pytest.approx(0.15 / 0.18)
    covered = one(said, "coverage_too_low_held_out")
    assert covered["level"] == 0.9  # the one nearest to 0.9 of three
    assert covered["held_out"]["covered"]["value"] == 0.34
    assert one(said, "separated_well")["also"] == [{"by": "sigma", "auroc": figure(0.94)}]
    assert one(said, "flagged") == {"in_domain": 0.05, "held_out": 0.99}
    assert headline(said) == (
        "Trust it on materials like its training set (mean error 0.150 eV/atom, 95 % interval 0.140"
        " to 0.160, n = 500), not on materials with F (0.700); its detector and its sigma detect"
        " them."
    )
    assert sentences(said) == [
        "Its mean error in-domain is 0.150 eV/atom (95 % interval 0.140 to 0.160 over"
        " materials, not over trainings: another seed can change it more); on materials with"
        " F it is 0.700, 4.7 times as large (4.4 to 5.0).",
        "Always predicting the mean formation energy would have a mean error of 0.83 eV/atom.",
        "Its 90 % intervals contain the true value for 91 % (88 % to 93 %) of in-domain materials"
        " and 34 % (30 % to 38 %) of materials with F: do not use its error bars there.",
        "In-domain sigma correlates with the error (rank correlation 0.45, 95 % interval"
        " 0.44 to 0.46); among materials with F it hardly correlates with the error (0.02, 0.01 to"
        " 0.03).",
        "Detected: its detector separates materials with F from in-domain ones with AUROC 0.997"
        " (1 = always, 0.5 = chance level), sigma alone with 0.940.",
        "Its detector flags 99 % of materials with F and 5 % of in-domain ones.",
        "When its detector flags a material, do not use the prediction: compute or measure it.",
    ]


def test_fails_on_the_held_out_class_without_noticing() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.90),
        ood_test=part(mae=0.70, picp__9=0.34),
        ood={"score": detection(0.46, test=0.05, ood_test=0.04)},
    )
    assert (said.grade, opening(said)) == ("do_not_trust", ["fails_undetected"])
    failing = one(said, "fails_undetected")
    assert (failing["in_domain"], failing["measure"]) == (TYPICAL, "mae")
    assert failing["times"]["value"] == pytest.approx(0.70 / 0.15)
    assert said.codes[4:] == ["separated_not", "flagged", "check_by_hand"]
    assert one(said, "separated_not")["auroc"] == figure(0.46)


def test_sigma_alone_notices() -> None:
    said = judge(
        test=part(**GOOD, **RIGHT, spearman=0.2),
        ood_test=part(mae=0.70, **SMALL, spearman=0.31),
        ood={"sigma": detection(0.94)},
    )
    assert said.grade == "caution"
    assert said.codes[5:] == [
        "sigma_right", "sigma_held_out", "sigma_order_weak", "sigma_order_right", "separated_well",
        "heed_sigma",
    ]  # fmt: skip
    assert one(said, "sigma_right")["median"] == figure(0.674)
    assert one(said, "sigma_held_out")["within"]["value"] == 0.38
    assert one(said, "separated_well")["by"] == "sigma"


def test_a_detector_that_orders_well_but_flags_little_is_named() -> None:
    for flags, advice in ((0.2, "lower_threshold"), (0.9, "heed_flags")):
        said = judge(
            test=part(**GOOD),
            ood_test=part(mae=0.70),
            ood={"score": detection(0.85, test=0.01, ood_test=flags)},
        )
        assert said.grade == "caution"
        assert one(said, "held_out_detected") == {"by": ["detector"], "how": "in_part"}
        assert said.codes[-1] == advice


@pytest.mark.parametrize(
    ("score", "sigma", "noticed"),
    [
        (0.99, 0.63, ("detector", "well", "not")),
        (0.99, 0.80, ("detector", "well", "in_part")),
        (0.80, 0.75, ("both", "in_part", "")),
        (0.40, 0.94, ("sigma", "well", "not")),
    ],
)
def test_the_headline_distinguishes_the_detector_from_the_model(
    score: float, sigma: float, noticed: tuple[str, str, str]
) -> None:
    found = {"score": detection(score, test=0.05, ood_test=0.9), "sigma": detection(sigma)}
    figures = one(judge(test=part(**GOOD), ood_test=part(mae=0.70), ood=found), "held_out_detected")
    by, how, other = noticed
    assert figures["by"] == (["detector", "sigma"] if by == "both" else [by])
    assert figures["how"] == how
    assert figures.get("other", {}).get("how", "") == other


def test_fails_with_neither_sigma_nor_detector() -> None:
    said = judge(test=part(**GOOD), ood_test=part(mae=0.70))
    assert said.grade == "do_not_trust"
    assert "no_sigma_no_detector" in said.codes


def test_only_the_coverage_fails_on_the_held_out_class() -> None:
    said = judge(test=part(**GOOD, picp__9=0.9), ood_test=part(mae=0.18, picp__9=0.7), ood={})
    assert (said.grade, opening(said)) == ("do_not_trust", ["fails_undetected"])
    assert one(said, "fails_undetected") == {"in_domain": TYPICAL}  # no errors are larger


def test_good_on_the_held_out_class_too() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.90, spearman=0.5),
        ood_test=part(mae=0.15, picp__9=0.88, spearman=0.4),
        ood={"sigma": detection(0.55)},
    )
    assert said.grade == "trust"
    assert opening(said) == ["trust_in_domain", "also_on_held_out"]
    assert one(said, "errors")["times"]["value"] == pytest.approx(1.0)
    assert "coverage_attained_on_both" in said.codes
    assert said.codes[-1] == "other_classes_unknown"


def test_folds_without_a_held_out_class() -> None:
    said = judge(test=part(**GOOD, picp__9=0.98, spearman=0.05), held_out="")
    assert said.grade == "trust"
    assert said.codes == [
        "trust_in_domain", "intervals_wider_than_needed", "nothing_else_tested",
        "errors", "errors_of_constant", "coverage_high", "sigma_order_weak",
        "nothing_known_beyond",
    ]  # fmt: skip
    assert "held_out" not in one(said, "errors")


@pytest.mark.parametrize(
    ("metrics", "reserve"),
    [
        ({"picp__9": 0.91}, []),
        (RIGHT, []),
        (LARGE, ["sigma_larger_than_needed"]),
        ({"picp__9": 0.91, **SMALL}, ["sigma_smaller_than_needed"]),
        ({"picp__9": 0.98}, ["intervals_wider_than_needed"]),
    ],
)
@pytest.mark.parametrize("chose", [False, True])
def test_trust_names_its_reserves(
    metrics: dict[str, float], reserve: list[str], *, chose: bool
) -> None:
    about = About("forest", target="gap", unit="eV", chose=chose)
    said = verdict({"parts": {"test": part(**(GOOD | metrics))}}, about)
    assert said.grade == "trust"
    assert opening(said) == ["trust_in_domain", *reserve, "nothing_else_tested"]
    in_domain = "materials like its candidates" if chose else "materials like its training set"
    assert headline(said).startswith(f"Trust it on {in_domain} (mean error")


def test_a_sigma_with_intervals_is_named_when_it_is_no_standard_deviation() -> None:
    # a median of 2 x 0.674 sigma: sigma is half of what it should be; of half of it: twice
    for sizes, code in ((SMALL, "sigma_too_small"), (LARGE, "sigma_too_large")):
        figures = one(judge(test=part(**GOOD, picp__9=0.9, **sizes), held_out=""), code)
        assert figures["times"] == pytest.approx(2.0, rel=0.01)
        assert figures["intervals"]
    said = judge(test=part(**GOOD, picp__9=0.9, **RIGHT), held_out="")
    assert not [code for code in said.codes if code.startswith("sigma")]


def test_sentences_have_the_digits_of_the_cards() -> None:
    mae = {"value": 0.17512, "low": 0.16444, "high": 0.18613}
    auroc = {"value": 0.94812, "low": 0.9412, "high": 0.9553}
    arm = {
        "parts": {"test": part(**GOOD), "ood_test": part(mae=0.7)},
        "ood": {"sigma": {"auroc": auroc}},
    }
    arm["parts"]["test"]["metrics"]["mae"] = mae
    said = sentences(verdict(arm, About("x", unit="eV", held_out="materials with F")))
    assert metric_labels.shown(mae, "unit") == "0.175"
    assert metric_labels.interval(mae, "unit") == "0.164 to 0.186"
    assert "in-domain is 0.175 eV (95 % interval 0.164 to 0.186" in said[0]
    shown = metric_labels.shown(auroc, "plain")
    assert f"AUROC {shown} (1 = always" in " ".join(said)


def test_error_bars_too_narrow_in_domain() -> None:
    said = judge(test=part(**GOOD, picp__9=0.6), held_out="")
    assert (said.grade, opening(said)) == (
        "caution",
        ["trust_predictions_only", "not_its_intervals"],
    )
    assert "coverage_too_low" in said.codes
    assert judge(test=part(**GOOD, **SMALL), held_out="").grade == "caution"


def test_error_bars_too_narrow_in_domain_and_outside() -> None:
    said = judge(
        test=part(**GOOD, picp__9=0.6),
        ood_test=part(mae=0.70, picp__9=0.3),
        ood={"sigma": detection(0.95)},
    )
    assert opening(said) == ["trust_predictions", "not_on_held_out", "held_out_detected"]


def test_no_uncertainty_at_all_is_unknown() -> None:
    said = judge(test=part(**GOOD), held_out="")
    assert (said.grade, opening(said)) == ("unknown", ["no_uncertainty"])
    assert said.codes[-1] == "add_uncertainty"


def test_no_better_than_the_mean_is_not_trusted() -> None:
    said = judge(test=part(mae=0.8, mae_over_mad=0.95, picp__9=0.9), held_out="")
    assert (said.grade, opening(said)) == ("do_not_trust", ["no_better_than_constant"])
    assert one(said, "no_better_than_constant")["constant"] == "mean"
    worse = judge(test=part(mae=1.1, mae_over_mad=1.6, picp__9=0.9), held_out="")
    assert opening(worse) == ["worse_than_constant"]
    weak = judge(test=part(mae=0.6, mae_over_mad=0.7, picp__9=0.9), held_out="")
    assert (weak.grade, opening(weak)) == ("caution", ["rough_guide"])


def test_infinite_intervals_are_no_merit() -> None:
    said = judge(test=part(**GOOD, picp__9=1.0, infinite_share__9=1.0), held_out="")
    assert said.grade == "caution"
    assert one(said, "most_intervals_uninformative")["extent"] == "all"
    assert one(said, "intervals_uninformative") == {"level": 0.9, "in_domain": 1.0}
    assert not [code for code in said.codes if code.startswith("coverage")]
    some = judge(
        test=part(**GOOD, picp__9=0.9, infinite_share__9=0.0),
        ood_test=part(mae=0.15, picp__9=0.95, infinite_share__9=0.4),
    )
    assert one(some, "intervals_uninformative") == {"level": 0.9, "held_out": 0.4}


def test_infinite_intervals_are_explained_by_the_calibration_rows_that_they_need() -> None:
    infinite = part(**GOOD, picp__9=1.0, infinite_share__9=1.0, infinite_share__95=1.0)
    finite = part(**GOOD, picp__9=0.9, infinite_share__9=0.0)

    def warned(test: dict[str, Any], *kept: int) -> list[Finding]:
        said = judge(test=test, held_out="", kept=kept)
        return [found for found in said.findings if found.code.startswith("calibration_rows")]

    (found,) = warned(infinite, 7, 8)
    assert found.code == "calibration_rows_few"
    needed = [{"level": 0.9, "rows": 9}, {"level": 0.95, "rows": 19}]
    assert found.figures == {"needed": needed, "least": 7, "most": 8, "folds": 2}
    assert [one.code for one in warned(infinite, 40)] == ["calibration_rows_split"]
    assert warned(infinite) == []
    assert warned(finite, 7) == []


@pytest.mark.parametrize(
    ("kept", "levels", "text"),
    [
        ((7,), (9, 95), "9 for 90 % and 19 for 95 %; there were 7."),
        ((7, 7), (9, 95), "9 for 90 % and 19 for 95 %; each fold had 7."),
        ((7, 8), (9, 95), "9 for 90 % and 19 for 95 %; the folds had 7 to 8."),
        ((1,), (7, 8, 9, 95), "3 for 70 % up to 19 for 95 %; there was 1."),
    ],
)
def test_the_calibration_rows_needed_are_reported(
    kept: tuple[int, ...], levels: tuple[int, ...], text: str
) -> None:
    every = {f"infinite_share__{level}": 1.0 for level in levels}
    said = judge(test=part(**GOOD, picp__9=1.0, **every), held_out="", kept=kept)
    start = "An interval needs level / (1 − level) calibration rows to be finite: "
    assert f"{start}{text}" in sentences(said)


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
    said = judge(test=part(**GOOD, picp__9=0.9), ood_test=few)
    assert (said.grade, opening(said)) == ("caution", ["trust_in_domain", "held_out_few"])
    assert one(said, "held_out_materials_few") == {"n": 12}
    assert "held_out" not in one(said, "errors")
    tiny = judge(test=part(n=9, **GOOD, picp__9=0.9), held_out="")
    assert (tiny.grade, opening(tiny)) == ("caution", ["too_few_materials"])


def test_no_test_rows_is_unknown() -> None:
    said = judge(ood_test=part(mae=0.7))
    assert (said.grade, said.codes) == ("unknown", ["no_test_rows"])


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
    said = verdict(metrics, About("forest", task, "gap"))
    assert (said.grade, opening(said)) == ("unknown", ["targets_constant"])


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
    assert held_out({"folds": FOLDS}) == "materials with F; materials with O"
    assert held_out({"folds": FOLDS[:1] * 2}) == "materials with F"
    assert held_out({}) == ""


def test_the_worst_of_several_folds_is_named_by_its_class() -> None:
    manifest = {
        "dataset": {"task": "regression", "target": "gap", "unit": "eV"},
        "split": {"folds": FOLDS},
    }
    arm = {
        "parts": {"test": part(**GOOD), "ood_test": part(mae=0.70)},
        "ood": {
            "score": folded(0.92, one=0.99, two=0.85),
            "sigma": folded(0.66, one=0.51, two=0.81),
        },
        "hardest": {"fold": "two", "mae": 0.9},
    }
    said = verdicts_of_run({"arms": {"forest": arm}}, {}, **manifest)["forest"]
    assert opening(said)[1:] == ["not_on_held_out", "held_out_detected", "detected_worst"]
    two, of_one = (
        {"fold": f, "class": f"materials with {s}"} for f, s in (("two", "O"), ("one", "F"))
    )
    assert one(said, "detected_worst") == {**two, "auroc": 0.85}
    assert one(said, "errors_largest") == {**two, "mae": 0.9}
    assert one(said, "separated_well")["folds"] == 2
    assert one(said, "separated_worst")["worst"] == [
        {"by": "detector", **two, "auroc": 0.85},
        {"by": "sigma", **of_one, "auroc": 0.51},
    ]
    del arm["hardest"], arm["ood"]["score"]["worst"], arm["ood"]["sigma"]["worst"]
    alike = verdicts_of_run({"arms": {"forest": arm}}, {}, **manifest)["forest"]
    assert not {"detected_worst", "errors_largest", "separated_worst"} & set(alike.codes)


BINARY = {
    "accuracy": 0.9, "roc_auc": 0.95, "brier": 0.08, "ece": 0.03, "balanced_accuracy": 0.84,
    "class_1_share": 0.4,
}  # fmt: skip
ALWAYS_0 = {"class": 0, "right": pytest.approx(0.6)}


def test_a_binary_arm_in_domain() -> None:
    said = judge(task="binary", test=part(**BINARY, picp__9=0.92, wrong_auroc=0.8), held_out="")
    assert said.grade == "trust"
    assert said.codes == [
        "trust_in_domain", "nothing_else_tested",
        "answers_better", "classes_separated", "probabilities_calibrated", "coverage_attained",
        "sigma_at_wrong_larger",
        "nothing_known_beyond",
    ]  # fmt: skip
    answers = one(said, "answers_better")
    assert (answers["right"]["value"], answers["constant"]) == (0.9, ALWAYS_0)
    assert answers["balanced"] == figure(0.84)
    probabilities = one(said, "probabilities_calibrated")
    # gaps of sqrt(20 x 0.08 / (500 pi)) = 0.032 come by chance
    assert probabilities["by_chance"] == pytest.approx(0.032, abs=1e-3)
    assert (probabilities["gap"], probabilities["beyond"]) == (0.03, 0.0)


def test_a_classifier_with_dishonest_probabilities_is_trusted_for_its_answers() -> None:
    said = judge(task="binary", test=part(**(BINARY | {"ece": 0.12})), held_out="")
    assert (said.grade, opening(said)[0]) == ("caution", "trust_answers_off")
    # 40 honest probabilities in ten bins: gaps of sqrt(20 x 0.08 / (40 pi)) = 0.113 by chance
    few = judge(task="binary", test=part(n=40, **(BINARY | {"ece": 0.11})), held_out="")
    assert (few.grade, opening(few)) == ("caution", ["rough_guide"])
    assert one(few, "probabilities_unclear")["beyond"] == 0.0


def test_a_classifier_that_fails_gets_the_verdict_of_one() -> None:
    small = judge(task="binary", test=part(**BINARY, picp__9=0.6), held_out="")
    assert opening(small) == ["trust_predictions_only", "not_its_intervals"]
    both = judge(task="binary", test=part(**BINARY, picp__9=1.0, mpiw__9=0.8), held_out="")
    assert opening(both) == ["trust_predictions_only", "most_intervals_uninformative"]
    assert one(both, "most_intervals_uninformative") == {"empty": 0.8, "extent": "most"}
    assert one(both, "intervals_uninformative")["in_domain"] == 0.8
    weak = judge(task="binary", test=part(**(BINARY | {"roc_auc": 0.7})), held_out="")
    assert one(weak, "rough_guide")["roc_auc"] == figure(0.7)
    lost = judge(task="binary", test=part(**(BINARY | {"roc_auc": 0.3})), held_out="")
    assert opening(lost) == ["worse_than_constant"]
    outside = judge(task="binary", test=part(**BINARY), ood_test=part(accuracy=0.6, brier=0.32))
    failing = one(outside, "fails_undetected")
    assert failing["measure"] == "brier"
    assert failing["times"]["value"] == pytest.approx(4.0)
    assert failing["in_domain"]["constant"] == ALWAYS_0


def test_a_binary_arm_that_fails_outside_and_one_at_chance_level() -> None:
    said = judge(
        task="binary",
        test=part(**BINARY),
        ood_test=part(accuracy=0.6, brier=0.3),
        ood={"score": detection(0.8, test=0.05, ood_test=0.7)},
    )
    assert said.grade == "caution"
    assert one(said, "answers_better")["held_out"]["value"] == 0.6
    chance = judge(task="binary", test=part(accuracy=0.5, roc_auc=0.52, brier=0.25, ece=0.2))
    assert opening(chance) == ["no_better_than_constant"]
    assert "probabilities_off" in chance.codes


def test_the_metrics_of_a_run_are_understood() -> None:
    rng = np.random.default_rng(0)
    n = 200
    ood_test = np.arange(n) >= n // 2
    target = rng.normal(size=n)
    error = rng.normal(size=n) * np.where(ood_test, 1.0, 0.1)
    table = {
        "id": np.arange(n).astype(str),
        "arm": np.full(n, "forest"),
        "part": np.where(ood_test, "ood_test", "test"),
        "target": target,
        "mean": target + error,
        "std": np.where(ood_test, 1.0, 0.1) * rng.uniform(0.8, 1.2, n),
    }
    metrics = evaluate(table, task="regression", levels=[0.9], seed=0)
    about = About("forest", target="gap", unit="eV", held_out="materials with F")
    said = verdict(metrics["arms"]["forest"], about)
    assert said.grade == "caution"
    assert one(said, "held_out_detected") == {"by": ["sigma"], "how": "well"}
    assert one(said, "separated_well")["auroc"]["value"] == 1.0


def test_the_floor_is_the_training_median_on_each_part_by_name() -> None:
    def exact(mae: float, baseline: float) -> dict[str, object]:
        values = {"mae": mae, "mae_baseline": baseline, "mae_over_mad": 1.03}
        return {"n": 300, "metrics": {k: figure(v, 0.0) for k, v in values.items()}}

    about = About("forest", target="formation_energy_per_atom", held_out="materials with F")
    said = verdict({"parts": {"test": exact(0.15, 0.84), "ood_test": exact(0.72, 1.49)}}, about)
    floor = one(said, "errors_of_constant")
    assert floor["constant"] == "training_median"
    assert (floor["in_domain"], floor["held_out"]) == pytest.approx((0.84, 1.49))
    assert "no_better_than_constant" not in said.codes  # 0.15 of 0.84 is no guess at the mean


def test_few_test_materials_with_infinite_intervals_are_never_said_to_look_right() -> None:
    few = part(7, **GOOD, picp__9=1.0, infinite_share__9=1.0)
    said = judge(test=few, held_out="")
    assert (said.grade, opening(said)) == (
        "caution",
        ["too_few_materials", "most_intervals_uninformative"],
    )
    assert one(said, "too_few_materials")["in_domain"]["n"] == 7
    finite = judge(test=part(7, **GOOD, picp__9=0.9, infinite_share__9=0.0), held_out="")
    assert (finite.grade, opening(finite)) == ("caution", ["too_few_materials"])
