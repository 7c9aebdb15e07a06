"""What is said of an exam: no refusal is called a success, no broken promise is passed over."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_core import exam_words
from atlas_core.exam import GRADES
from atlas_core.verdict import verdict

TRUSTED = {"keeps": (100, 95), "refuses": (3, 1), "short": (20, 16), "breaks": (100, 60)}
"""Trusted and within budget of 400 rows."""


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
        "breach": grade == "breaks",
        "kept": grade in {"keeps", "refuses"},
        "by_chance": grade in {"keeps", "short"},
        "shown": grade == "keeps",
    }


def exam_of(
    *grades: str, other: str = "breaks", home: str = "keeps", ratio: float = 0.8
) -> dict[str, Any]:
    """Return an exam whose classes have these grades, all errors being 0.5."""
    classes = [
        {
            "class": f"without {symbol}",
            "rows": 400,
            "budget": 0.2 + 0.02 * place,
            "confidence": 0.9,
            "mae": 0.5,
            "forecast_ratio": ratio + place,
            "grade": grade,
            "methods": {
                "mine": {"class": method(grade), "in_domain": method(home)},
                "plain": {"class": method(other), "in_domain": method("keeps")},
            },
        }
        for place, (symbol, grade) in enumerate(zip(["F", "Cl", "Al", "La"], grades, strict=False))
    ]

    def summary(name: str) -> dict[str, Any]:
        own = [one["methods"][name]["class"]["grade"] for one in classes]
        counts = {grade: own.count(grade) for grade in GRADES}
        inside = [one["methods"][name]["in_domain"]["share"] for one in classes]
        kept = counts["keeps"] + counts["refuses"]
        return {**counts, "classes": len(own), "kept": kept, "share_in_domain": inside[0]}

    return {
        "method": "mine",
        "beside": ["plain"],
        "level": 0.9,
        "classes": classes,
        "summary": {name: summary(name) for name in ("mine", "plain")},
        "forecast": {"within_twofold": 1},
    }


CLASSES = {f"without {symbol}": f"materials with {symbol}" for symbol in ("F", "Cl", "Al", "La")}


def said(*grades: str, **changes: Any) -> tuple[str, str]:
    return exam_words.headline(exam_of(*grades, **changes), CLASSES)


def test_a_promise_kept_everywhere() -> None:
    text, tone = said("keeps", "keeps", "keeps", "keeps")
    assert text == (
        "It says itself which predictions to use, and kept its word on all 4 held-out elements."
    )
    assert tone == "good"
    assert said("keeps")[0].endswith("and kept its word on materials with F.")


def test_a_refused_class_is_named_as_such() -> None:
    text, tone = said("keeps", "refuses", "keeps", "refuses")
    assert text.endswith("on 2 held-out elements; it trusts next to nothing of 2 more.")
    assert tone == "good"
    # one of four was put to the test: that is no success
    assert said("keeps", "refuses", "refuses", "refuses")[1] == "fair"
    assert said("refuses", "refuses") == (
        "It trusts next to none of its predictions on 2 held-out elements.",
        "fair",
    )
    assert "nor even in-domain" in said("refuses", home="refuses")[0]


def test_a_broken_promise_is_named() -> None:
    text, tone = said("breaks", "keeps", "keeps", "keeps")
    assert "kept its word on 3 of 4 held-out elements; it broke it on materials with F." in text
    assert tone == "fair"
    text, tone = said("keeps", "short", "keeps", "keeps")
    assert "it fell short, maybe by chance, on materials with Cl" in text
    assert tone == "good"


def test_chance_is_named_only_where_it_is_not_excluded() -> None:
    exam = exam_of("short", "keeps", "keeps", "keeps")
    assert "maybe by chance" in exam_words.headline(exam, CLASSES)[0]
    exam["classes"][0]["methods"]["mine"]["class"]["by_chance"] = False
    text, _ = exam_words.headline(exam, CLASSES)
    assert "chance" not in text
    assert "fell short on materials with F" in text
    alone = exam_of("short")
    alone["classes"][0]["methods"]["mine"]["class"]["by_chance"] = False
    assert "chance" not in exam_words.headline(alone, CLASSES)[0]


@pytest.mark.parametrize(("few", "tone"), [(0, "good"), (1, "good"), (2, "good"), (3, "fair")])
def test_a_promise_kept_on_a_handful_is_said_to_be_no_proof(few: int, tone: str) -> None:
    exam = exam_of("keeps", "keeps", "keeps", "keeps")
    for one in exam["classes"][:few]:
        one["methods"]["mine"]["class"] |= {"shown": False, "trusted": 10}
    text, found = exam_words.headline(exam, CLASSES)
    assert found == tone
    assert ("too few" in text) == (few > 0)
    one = exam_of("keeps")
    one["classes"][0]["methods"]["mine"]["class"] |= {"shown": False, "trusted": 10}
    text, found = exam_words.headline(one, CLASSES)
    assert "on 10 predictions: too few to tell" in text
    assert found == "fair"


def test_the_least_of_several_classes_is_named_only_where_it_is_apart() -> None:
    for trusted, named in ((10, False), (100, True)):
        exam = exam_of("keeps", "keeps", "keeps")
        for one in exam["classes"]:
            one["methods"]["mine"]["class"] |= {"trusted": trusted, "within": trusted * 9 // 10}
        own = exam["classes"][1]["methods"]["mine"]["class"]
        own |= {"hit": 0.7, "within": trusted * 7 // 10}
        told = exam_words.sentences(exam, CLASSES, "eV")[0]
        assert ("least of materials with Cl: 70 %" in told) == named


def test_intervals_of_the_trust_region_that_say_nothing_are_no_merit() -> None:
    exam = exam_of("keeps", "keeps")
    for one, empty in zip(exam["classes"], (0.0, 0.6), strict=True):
        one["intervals"] = {"trust_class": {"coverage": 0.9 + empty / 10, "infinite": empty}}
    (text,) = [one for one in exam_words.sentences(exam, CLASSES, "eV") if "trust region" in one]
    assert "90 %" in text
    assert "say nothing of materials with Cl" in text
    exam["classes"][0]["intervals"]["trust_class"]["infinite"] = 1.0
    (text,) = [one for one in exam_words.sentences(exam, CLASSES, "eV") if "trust region" in one]
    assert "hold the truth" not in text


def test_a_promise_that_nobody_kept_is_no_success_though_no_class_alone_shows_it() -> None:
    text, tone = said("short", "short", "short", "short")
    assert "fell short of its promise on materials with F, Cl, Al and La" in text
    assert "chance" not in text
    assert tone == "fair"


def test_refused_classes_do_not_outweigh_a_broken_one() -> None:
    text, tone = said("breaks", "refuses", "refuses", "refuses")
    assert text.startswith("Do not rely on what it trusts")
    assert tone == "poor"


def test_promises_that_are_often_missed_are_not_relied_on() -> None:
    text, tone = said("breaks", "short", "keeps", "keeps")
    assert text == (
        "Do not rely on what it trusts: of 4 held-out elements it missed its promise on materials"
        " with F and Cl."
    )
    assert tone == "poor"
    assert said("breaks")[1] == "poor"


def test_a_promise_broken_at_home_spoils_the_grade() -> None:
    exam = exam_of("keeps", "keeps", home="breaks")
    assert exam_words.headline(exam, CLASSES)[1] == "fair"
    sentences = exam_words.sentences(exam, CLASSES, "eV")
    assert "In-domain it broke its promise in 2 of 2 folds." in sentences


def test_the_sentences_tell_the_figures() -> None:
    promise, refused, beside, forecast = exam_words.sentences(
        exam_of("keeps", "refuses"), CLASSES, "eV/atom"
    )
    # 100 + 3 of 800 rows are trusted, 95 + 1 of them within budget
    assert promise == (
        "Of its predictions on held-out elements it lets you use 13 % (0.8 % to 25 %), in-domain"
        " 25 %; 90 % of these are to lie within 0.20 to 0.22 eV/atom, and 93 % of the held-out ones"
        " do."
    )
    assert refused == "It trusts next to nothing of materials with Cl."
    assert beside == (
        "On the same predictions, mine kept the promise on 1 of 2 and refused 1; plain kept the"
        " promise on 0 of 2 and broke it on 2."
    )
    assert forecast == (
        "Before any label it forecasts its mean error on each class: right to a factor of two on 1"
        " of 2 (from 0.80 times the true error for materials with F to 1.8 times for materials with"
        " Cl)."
    )


@pytest.mark.parametrize(
    ("mean", "median", "told"),
    [(1.1, 1.8, True), (3.0, 1.0, True), (3.0, 4.5, False), (1.1, 1.2, False), (None, 2.0, False)],
)
def test_the_median_is_told_where_it_judges_otherwise_than_the_mean(
    mean: float | None, median: float, *, told: bool
) -> None:
    exam = exam_of("keeps", "keeps")
    exam["classes"][1] |= {"median_rise": median} | ({} if mean is None else {"mae_rise": mean})
    names = exam_words.named(exam, CLASSES)
    text = exam_words.typical(exam, names)
    assert bool(text) == told
    assert ("materials with Cl" in text) == told
    assert "materials with F" not in text


def test_labels_that_nobody_examined_are_said_to_be_so() -> None:
    labels = {"rows": 200, "trusted": 50, "within": 45, "budgets": [0.1], "confidence": 0.8}
    assert exam_words.unexamined(labels, "eV") == (
        "In-domain it lets you use 25 % of its predictions; 90 % of these lie within 0.10 eV (80 %"
        " promised). No class was held out, so nothing shows how its labels fare on new chemistry."
    )
    assert exam_words.unexamined({}, "eV") == ""


def test_methods_beside_that_trust_nothing_are_told_so() -> None:
    text = exam_words.beside(exam_of("keeps", "keeps", other="refuses"))
    assert text == (
        "On the same predictions, mine kept the promise on 2 of 2; plain trusts nothing there."
    )


def test_refusals_of_every_method_count_alike_and_never_as_kept() -> None:
    grades = ["keeps", "refuses", "short", "short"]
    exam = exam_of(*grades)
    exam["summary"]["plain"] = exam["summary"]["mine"]
    text = exam_words.beside(exam)
    told = "kept the promise on 1 of 4, refused 1 and fell short of it on 2"
    assert text.count(told) == 2
    assert exam_words.beside(exam_of("keeps") | {"beside": []}) == ""


def test_one_class_put_to_the_test_is_named_and_never_counted_in_the_plural() -> None:
    for grades in (["keeps", "refuses", "refuses"], ["short", "refuses"], ["breaks", "refuses"]):
        text, _ = said(*grades)
        assert "materials with F" in text
        assert "1 held-out elements" not in text
    exam = exam_of("keeps", home="breaks")
    (told,) = (
        text for text in exam_words.sentences(exam, CLASSES, "eV") if "In-domain it b" in text
    )
    assert told.endswith("in 1 of 1 fold.")


def test_classes_that_are_no_elements_are_held_out_classes() -> None:
    classes = {"without F": "cluster 3 of 8", "without Cl": "cluster 5 of 8"}
    text, _ = exam_words.headline(exam_of("keeps", "keeps"), classes)
    assert text.endswith("both held-out classes.")


def metrics(mae: float, baseline: float) -> dict[str, Any]:
    def figure(value: float) -> dict[str, float]:
        return {"value": value, "low": 0.95 * value, "high": 1.05 * value}

    def part(error: float) -> dict[str, Any]:
        found = {"mae": error, "mae_baseline": baseline, "mae_over_mad": mae / baseline}
        return {"n": 400, "metrics": {name: figure(value) for name, value in found.items()}}

    return {"parts": {"test": part(mae), "shifted": part(3 * mae)}}


@pytest.mark.parametrize(("mae", "examined"), [(0.1, True), (0.99, False)])
def test_the_exam_makes_the_verdict_unless_the_model_is_worthless(
    mae: float, *, examined: bool
) -> None:
    found = verdict(
        metrics(mae, 1.0),
        arm="forest",
        unit="eV",
        held_out="materials with F",
        task="regression",
        target_name="energy",
        classes=CLASSES,
        exam=exam_of("keeps"),
    )
    assert found.headline.startswith("It says itself" if examined else "Do not trust it")
    assert (found.grade == "keeps its word") == examined
    assert (exam_words.ADVICE in found.sentences) == examined


@pytest.mark.parametrize(("grade", "by_chance"), [("short", True), ("breaks", False)])
def test_one_class_that_fell_short_may_be_chance_and_a_broken_one_is_not(
    grade: str, *, by_chance: bool
) -> None:
    text, tone = exam_words.headline(exam_of(grade), CLASSES)
    assert ("maybe by chance" in text) == by_chance
    assert tone == ("fair" if by_chance else "poor")


@pytest.mark.parametrize("grades", [("breaks", "keeps"), ("keeps", "breaks")])
def test_two_folds_of_one_name_are_two_classes(grades: tuple[str, str]) -> None:
    exam = exam_of(*grades)
    same = dict.fromkeys((str(one["class"]) for one in exam["classes"]), "cluster 3")
    assert len(set(exam_words.named(exam, same))) == 2
    text, tone = exam_words.headline(exam, same)
    assert tone != "good"
    assert "both" not in text
