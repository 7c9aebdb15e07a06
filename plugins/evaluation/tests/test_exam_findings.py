"""What is said of an exam: no refusal is called a success, no broken promise is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import binomtest

from atlas_evaluation.exam import GRADES
from atlas_evaluation.judge.exam import (
    comparisons,
    evidence,
    headline,
    in_domain_advice,
    named,
    unexamined,
)
from atlas_evaluation.judge.finding import About, Finding
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import report_of

TRUSTED = {"reached": (100, 95), "abstained": (3, 1), "below": (20, 16), "missed": (100, 60)}
"""Trusted and within tolerance of 400 rows."""


def method(grade: str) -> dict[str, Any]:
    n, hits = TRUSTED[grade]
    return {
        "rows": 400,
        "trusted": n,
        "within": hits,
        "share": n / 400,
        "hit": hits / n,
        "deferred": 40,
        "grade": grade,
        "by_chance": grade in {"reached", "below"},
        "shown": grade == "reached",
    }


def exam_of(
    *grades: str, other: str = "missed", in_domain: str = "reached", ratio: float = 0.8
) -> dict[str, Any]:
    """Return an exam whose classes have these grades, all errors being 0.5."""
    classes = [
        {
            "class": f"without {symbol}",
            "rows": 400,
            "error_tolerance": 0.2 + 0.02 * place,
            "target_reliability": 0.9,
            "mae": 0.5,
            "forecast_ratio": ratio + place,
            "grade": grade,
            "methods": {
                "mine": {"class": method(grade), "in_domain": method(in_domain)},
                "plain": {"class": method(other), "in_domain": method("reached")},
            },
        }
        for place, (symbol, grade) in enumerate(zip(["F", "Cl", "Al", "La"], grades, strict=False))
    ]

    def summary(name: str) -> dict[str, Any]:
        own = [one["methods"][name]["class"]["grade"] for one in classes]
        counts = {grade: own.count(grade) for grade in GRADES}
        inside = [one["methods"][name]["in_domain"]["share"] for one in classes]
        return {**counts, "classes": len(own), "share_in_domain": inside[0]}

    return {
        "method": "mine",
        "others": ["plain"],
        "level": 0.9,
        "classes": classes,
        "summary": {name: summary(name) for name in ("mine", "plain")},
        "forecast": {"within_twofold": 1},
    }


CLASSES = {f"without {symbol}": f"materials with {symbol}" for symbol in ("F", "Cl", "Al", "La")}


def said(*grades: str, **changes: Any) -> Finding:
    return headline(exam_of(*grades, **changes), CLASSES)


def found(exam: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """Return the figures of what is found under a code."""
    return [dict(one.figures) for one in evidence(exam, CLASSES) if one.code == code]


def test_a_target_reliability_reached_on_every_class() -> None:
    one = said("reached", "reached", "reached", "reached")
    assert (one.code, one.grade) == ("labels_reached_on_all", "labels_reliable")
    assert one.figures["tested"] == list(CLASSES.values())
    assert (one.figures["reached"], one.figures["abstained"]) == (4, 0)
    assert said("reached").figures["tested"] == ["materials with F"]


def test_a_class_without_trusted_predictions_is_named() -> None:
    one = said("reached", "abstained", "reached", "abstained")
    assert (one.code, one.grade, one.figures["abstained"]) == (
        "labels_reached_on_all",
        "labels_reliable",
        2,
    )
    # one of four was put to the test: that is no success
    assert said("reached", "abstained", "abstained", "abstained").grade == "caution"
    none = said("abstained", "abstained")
    assert (none.code, none.grade) == ("labels_abstain", "caution")
    assert "nor_in_domain" not in none.figures
    assert said("abstained", in_domain="abstained").figures["nor_in_domain"]


def test_a_class_that_misses_the_target_reliability_is_named() -> None:
    one = said("missed", "reached", "reached", "reached")
    assert (one.code, one.grade) == ("labels_reached_on_most", "caution")
    assert (one.figures["missed"], one.figures["reached"]) == (["materials with F"], 3)
    one = said("reached", "below", "reached", "reached")
    assert (one.code, one.grade) == ("labels_reached_on_most", "labels_reliable")
    assert (one.figures["below"], one.figures["by_chance"]) == (["materials with Cl"], True)


def test_chance_is_named_only_where_it_is_not_excluded() -> None:
    for others in (("reached", "reached", "reached"), ()):
        exam = exam_of("below", *others)
        assert headline(exam, CLASSES).figures["by_chance"]
        exam["classes"][0]["methods"]["mine"]["class"]["by_chance"] = False
        one = headline(exam, CLASSES)
        assert not one.figures["by_chance"]
        assert one.figures["below"] == ["materials with F"]


@pytest.mark.parametrize("few", [0, 1, 2, 3])
def test_a_target_reliability_reached_on_few_predictions_is_not_shown(few: int) -> None:
    exam = exam_of("reached", "reached", "reached", "reached")
    for one in exam["classes"][:few]:
        one["methods"]["mine"]["class"] |= {"shown": False, "trusted": 10}
    kept = headline(exam, CLASSES)
    assert kept.grade == ("labels_reliable" if few < 3 else "caution")
    assert kept.figures["few"] == dict.fromkeys(list(CLASSES.values())[:few], 10)
    alone = exam_of("reached")
    alone["classes"][0]["methods"]["mine"]["class"] |= {"shown": False, "trusted": 10}
    assert headline(alone, CLASSES).grade == "caution"


def test_the_least_of_several_classes_is_named_only_where_it_is_apart() -> None:
    for trusted, apart in ((10, False), (100, True)):
        exam = exam_of("reached", "reached", "reached")
        for one in exam["classes"]:
            one["methods"]["mine"]["class"] |= {"trusted": trusted, "within": trusted * 9 // 10}
        own = exam["classes"][1]["methods"]["mine"]["class"]
        own |= {"hit": 0.7, "within": trusted * 7 // 10}
        (reliability,) = found(exam, "labels_reliability")
        least = {"name": "materials with Cl", "share": 0.7} if apart else None
        assert reliability.get("least") == least


def test_intervals_of_the_trust_region_that_say_nothing_are_no_merit() -> None:
    exam = exam_of("reached", "reached")
    for one, empty in zip(exam["classes"], (0.0, 0.6), strict=True):
        one["intervals"] = {"trust_class": {"coverage": 0.9 + empty / 10, "infinite": empty}}
    (held,) = found(exam, "labels_intervals")
    assert held == {"level": 0.9, "coverage": 0.9, "classes": 1, "empty": ["materials with Cl"]}
    exam["classes"][0]["intervals"]["trust_class"]["infinite"] = 1.0
    assert not found(exam, "labels_intervals")
    (empty,) = found(exam, "labels_intervals_uninformative")
    assert empty["empty"] == ["materials with F", "materials with Cl"]


def test_a_target_reliability_that_no_class_reaches_is_no_success_though_none_misses_it() -> None:
    one = said("below", "below", "below", "below")
    assert (one.code, one.grade) == ("labels_fell_short", "caution")
    assert one.figures["not_reached"] == list(CLASSES.values())
    assert "chance" not in report_of([one])[0]


def test_abstaining_on_classes_does_not_outweigh_a_missed_one() -> None:
    one = said("missed", "abstained", "abstained", "abstained")
    assert (one.code, one.grade) == ("labels_unreliable", "do_not_trust")


def test_labels_that_often_miss_the_target_reliability_are_unreliable() -> None:
    one = said("missed", "below", "reached", "reached")
    assert (one.code, one.grade) == ("labels_unreliable", "do_not_trust")
    assert one.figures["not_reached"] == ["materials with F", "materials with Cl"]
    assert (said("missed").code, said("missed").grade) == ("labels_missed", "do_not_trust")


def test_a_target_reliability_missed_in_domain_lowers_the_grade() -> None:
    exam = exam_of("reached", "reached", in_domain="missed")
    assert headline(exam, CLASSES).grade == "caution"
    assert found(exam, "labels_missed_in_domain") == [{"missed": 2, "folds": 2}]
    assert not found(exam_of("reached", "reached"), "labels_missed_in_domain")


def test_the_evidence_has_the_figures() -> None:
    exam = exam_of("reached", "abstained")
    assert [one.code for one in evidence(exam, CLASSES)] == [
        "labels_reliability", "labels_abstain_on_some", "labels_compared", "labels_forecast",
    ]  # fmt: skip
    (reliability,) = found(exam, "labels_reliability")
    # 100 + 3 of 800 rows are trusted, 95 + 1 of them within tolerance
    assert reliability["share"] == pytest.approx(103 / 800)
    assert reliability["hits"] == pytest.approx(96 / 103)
    assert reliability["shares"] == [3 / 400, 0.25]
    assert (reliability["in_domain"], reliability["error_tolerances"]) == (
        0.25,
        [0.2, pytest.approx(0.22)],
    )
    assert found(exam, "labels_abstain_on_some") == [
        {"names": ["materials with Cl"], "kind": "elements"}
    ]
    (forecast,) = found(exam, "labels_forecast")
    assert forecast["within"] == 1
    assert forecast["most"] == {"ratio": 1.8, "name": "materials with Cl"}


@pytest.mark.parametrize(
    ("mean", "median", "reported"),
    [(1.1, 1.8, True), (3.0, 1.0, True), (3.0, 4.5, False), (1.1, 1.2, False), (None, 2.0, False)],
)
def test_the_median_is_reported_where_it_differs_from_the_mean(
    mean: float | None, median: float, *, reported: bool
) -> None:
    exam = exam_of("reached", "reached")
    exam["classes"][1] |= {"median_rise": median} | ({} if mean is None else {"mae_rise": mean})
    classes = [{"name": "materials with Cl", "mean": mean, "median": median}]
    assert found(exam, "labels_median_errors") == ([{"classes": classes}] if reported else [])


def test_labels_that_nobody_examined_are_said_to_be_so() -> None:
    labels = {
        "rows": 200,
        "trusted": 50,
        "within": 45,
        "error_tolerances": [0.1],
        "target_reliability": 0.8,
    }
    wilson = binomtest(45, 50).proportion_ci(method="wilson")
    (said,) = unexamined(labels)
    assert (said.code, said.figures["share"], said.figures["grade"]) == (
        "labels_not_tested", 0.25, "reached",
    )  # fmt: skip
    ends = {"value": 0.9, "low": wilson.low, "high": wilson.high}
    assert said.figures["within"] == pytest.approx(ends)
    assert unexamined({}) == []
    assert "within" not in unexamined(labels | {"trusted": 0, "within": 0})[0].figures


@pytest.mark.parametrize(
    ("trusted", "within", "advised"),
    [
        (50, 45, ["follow_labels_in_domain"]),
        # of 50 at 75 %, the target less its slack: 40 % is far below, 72 % may be chance
        (50, 20, ["do_not_follow_labels"]),
        (50, 36, []),
        (12, 10, []),  # reached, on too few to show it
        (5, 5, []),
        (0, 0, []),
    ],
)
def test_labels_are_followed_in_domain_only_where_they_reach_their_target_there(
    trusted: int, within: int, advised: list[str]
) -> None:
    labels = {"rows": 200, "trusted": trusted, "within": within, "error_tolerances": [0.1]}
    labels |= {"target_reliability": 0.8}
    assert [one.code for one in in_domain_advice(labels)] == advised
    metrics = {"parts": {"test": {"n": 200, "metrics": {
        "mae": {"value": 0.1, "low": 0.09, "high": 0.11},
        "mae_baseline": {"value": 1.0, "low": 0.9, "high": 1.1},
        "mae_over_mad": {"value": 0.1, "low": 0.09, "high": 0.11},
    }}}, "ood": {}, "labels": labels}  # fmt: skip
    told = [one.code for one in verdict(metrics, About("forest")).advice]
    assert told[: len(advised)] == advised
    assert not {"follow_labels_in_domain", "do_not_follow_labels", "follow_labels"} & set(
        told[len(advised) :]
    )


def test_no_label_is_recommended_of_an_arm_that_is_no_better_than_a_constant() -> None:
    labels = {"rows": 200, "trusted": 50, "within": 50, "error_tolerances": [0.1]}
    labels |= {"target_reliability": 0.8}
    metrics = {"parts": {"test": {"n": 200, "metrics": {
        "mae": {"value": 1.2, "low": 1.15, "high": 1.25},
        "mae_baseline": {"value": 1.0, "low": 0.99, "high": 1.01},
        "mae_over_mad": {"value": 1.2, "low": 1.15, "high": 1.25},
    }}}, "ood": {}, "labels": labels}  # fmt: skip
    said = verdict(metrics, About("forest"))
    assert said.grade == "do_not_trust"
    assert "follow_labels_in_domain" not in said.codes


def test_refusals_of_every_method_count_alike_and_never_as_kept() -> None:
    exam = exam_of("reached", "abstained", "below", "below")
    exam["summary"]["plain"] = exam["summary"]["mine"]
    counts = {"classes": 4, "reached": 1, "abstained": 1, "below": 2, "missed": 0}
    (compared,) = found(exam, "labels_compared")
    assert compared["methods"] == [{"name": "mine", **counts}, {"name": "plain", **counts}]
    assert not found(exam_of("reached") | {"others": []}, "labels_compared")
    none = report_of(comparisons(exam_of("reached", "reached", other="abstained"), ["x", "y"]))
    assert none[0].endswith("plain trusts nothing there.")


def test_one_class_put_to_the_test_is_named_and_never_counted_in_the_plural() -> None:
    for grades in (
        ["reached", "abstained", "abstained"],
        ["below", "abstained"],
        ["missed", "abstained"],
    ):
        (text,) = report_of([said(*grades)])
        assert "materials with F" in text
        assert "1 held-out elements" not in text


def test_classes_that_are_no_elements_are_held_out_classes() -> None:
    classes = {"without F": "cluster 3 of 8", "without Cl": "cluster 5 of 8"}
    assert headline(exam_of("reached", "reached"), classes).figures["kind"] == "classes"
    assert said("reached", "reached").figures["kind"] == "elements"


def metrics(mae: float, baseline: float) -> dict[str, Any]:
    def figure(value: float) -> dict[str, float]:
        return {"value": value, "low": 0.95 * value, "high": 1.05 * value}

    def part(error: float) -> dict[str, Any]:
        found = {"mae": error, "mae_baseline": baseline, "mae_over_mad": mae / baseline}
        return {"n": 400, "metrics": {name: figure(value) for name, value in found.items()}}

    return {"parts": {"test": part(mae), "ood_test": part(3 * mae)}}


@pytest.mark.parametrize(("mae", "examined"), [(0.1, True), (0.99, False)])
def test_the_exam_makes_the_verdict_unless_the_model_is_worthless(
    mae: float, *, examined: bool
) -> None:
    about = About("forest", target="energy", unit="eV", held_out="materials with F")
    exam = exam_of("reached")
    judged = verdict(metrics(mae, 1.0), about, classes=CLASSES, examined=exam)
    opening = (
        ["labels_reached_on_all", "in_domain_error"] if examined else ["no_better_than_constant"]
    )
    assert [one.code for one in judged.headline] == opening
    assert (judged.grade == "labels_reliable") == examined
    assert ("follow_labels" in judged.codes) == examined
    assert ("labels_reliability" in judged.codes) == examined


@pytest.mark.parametrize(("grade", "by_chance"), [("below", True), ("missed", False)])
def test_one_class_that_fell_short_may_be_chance_and_a_broken_one_is_not(
    grade: str, *, by_chance: bool
) -> None:
    one = said(grade)
    assert one.figures["by_chance"] == by_chance
    assert one.grade == ("caution" if by_chance else "do_not_trust")


@pytest.mark.parametrize("grades", [("missed", "reached"), ("reached", "missed")])
def test_two_folds_of_one_name_are_two_classes(grades: tuple[str, str]) -> None:
    exam = exam_of(*grades)
    same = dict.fromkeys((str(one["class"]) for one in exam["classes"]), "cluster 3")
    assert len(set(named(exam, same))) == 2
    one = headline(exam, same)
    assert one.grade != "labels_reliable"
    assert "both" not in report_of([one])[0]
