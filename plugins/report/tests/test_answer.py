"""The first screen: places on its axis worked out by hand, and lines that must not be said."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from atlas_core.data.predictions import Predictions
from atlas_core.metrics.registry import installed_metrics
from atlas_evaluation.judge.codes import codes
from atlas_pages.strip import Strip
from atlas_registry.loading import Registry
from atlas_report import answer
from atlas_report.answer import answers, what_to_do
from atlas_report.error_strip import error_strip
from atlas_report.repeats import plus_minus
from atlas_report.source import Source

FIGURES = installed_metrics(Registry()).described()
ROWS = Predictions(
    arm=np.array(["forest"]),
    fold=np.array(["all"]),
    ids=np.array(["a"]),
    formula=np.array(["NaCl"]),
    parts=np.array(["test"]),
    target=np.zeros(1),
    mean=np.zeros(1),
)
SPLIT = {"folds": [{"name": "all", "held_out": "materials with F", "sizes": {}}]}


def strip(source: Source) -> Strip | None:
    return error_strip({"": source})


def finding(code: str, **own: Any) -> dict[str, Any]:
    return {"code": code, "place": "headline", "grade": None, "figures": own, "text": code}


def source(
    *codes: list[dict[str, Any]],
    parts: dict[str, Any] | None = None,
    task: str = "regression",
    **more: Any,
) -> Source:
    arms = ["forest", "cgcnn", "ridge"][: len(codes)]
    return Source(
        manifest={
            "dataset": {"task": task, "unit": "eV/atom", "target": "e"},
            "split": SPLIT,
            "figures": FIGURES,
        },
        metrics={"task": task, "arms": {arm: {"parts": parts or {}} for arm in arms}},
        rows=dict.fromkeys(arms, ROWS),
        records=[],
        active={},
        stated={},
        verdict={
            arm: {"grade": "caution", "headline": "Said.", "sentences": [], "findings": own}
            for arm, own in zip(arms, codes, strict=True)
        },
        **more,
    )


GOOD, NOT_THERE = finding("trust_in_domain"), finding("not_on_held_out")


def high(value: float, part: str = "held_out") -> dict[str, Any]:
    return finding("errors_too_high", part=part, by={"value": value})


def test_errors_stand_where_they_are_on_the_axis() -> None:
    found = strip(
        source(
            [GOOD],
            parts={
                "test": {
                    "metrics": {
                        "mae": {"value": 0.5, "low": 0.4, "high": 0.7},
                        "mae_baseline": {"value": 1.0, "low": 0.9, "high": 1.1},
                    }
                },
                "ood_test": {"metrics": {"mae": {"value": 2.0, "low": 1.5, "high": 2.5}}},
            },
        )
    )
    assert found is not None
    inside, outside = found.marks
    end = 2.5 * 1.04  # a little beyond the largest value
    assert [inside.low, inside.at, inside.high] == pytest.approx(
        [100 * v / end for v in (0.4, 0.5, 0.7)], abs=0.01
    )
    assert inside.baseline == pytest.approx(100 / end, abs=0.01)
    assert (outside.held_out, outside.baseline, outside.value) == (True, None, "2.0")
    assert found.title == "MAE, eV/atom"
    assert found.tolerance is None


def test_errors_of_other_trainings_stand_beside_that_of_the_first() -> None:
    """A fourth training lies beyond the interval and the baseline: the axis holds it."""
    values = [0.5, 0.4, 0.6, 4.0]
    found = source(
        [GOOD], parts={"test": {"metrics": {"mae": {"value": 0.5, "low": 0.4, "high": 0.7}}}}
    )
    found.metrics["arms"]["forest"]["repeats"] = {
        "n": 4,
        "parts": {"test": {"mae": {"values": values, "mean": 1.375, "std": 1.75}}},
    }
    shown = strip(found)
    assert shown is not None
    (mark,) = shown.marks
    end = 4.0 * 1.04
    assert mark.repeats == pytest.approx([100 * v / end for v in values[1:]], abs=0.01)
    assert mark.at == pytest.approx(100 * 0.5 / end, abs=0.01)
    assert mark.trainings == "over 4 trainings: 0.40 to 4.00"
    assert shown.repeated


def test_one_training_has_no_ticks_beside_it() -> None:
    parts = {"test": {"metrics": {"mae": {"value": 0.5, "low": 0.4, "high": 0.7}}}}
    found = strip(source([GOOD], parts=parts))
    assert found is not None
    assert not found.repeated
    assert (found.marks[0].repeats, found.marks[0].trainings) == ((), "")


@pytest.mark.parametrize(
    ("values", "scale", "text"),
    [
        ([0.157, 0.161, 0.165], "target", "0.1610 ± 0.0040"),  # mean and sample deviation by hand
        ([1.0, 0.9, 0.8], "target", "0.90 ± 0.10"),
        ([0.5, 0.5], "target", "0.5000 ± 0"),
        ([0.90, 0.92, 0.94], "share", "92.0 ± 2.0 %"),
        ([1.0, 1.0], "share", "100.0 ± 0 %"),
        ([30.0, 40.0], "target", "35.0 ± 7.1"),
    ],
)
def test_mean_and_deviation_over_trainings(values: list[float], scale: Any, text: str) -> None:
    mean, std = statistics.mean(values), statistics.stdev(values)
    assert plus_minus({"values": values, "mean": mean, "std": std}, scale) == text


def test_answers_of_classes_lie_between_chance_and_one() -> None:
    parts = {"test": {"metrics": {"balanced_accuracy": {"value": 0.75, "low": 0.7, "high": 0.8}}}}
    found = strip(source([GOOD], parts=parts, task="binary"))
    assert found is not None
    (mark,) = found.marks
    assert (mark.at, mark.low, mark.high, mark.baseline) == (50.0, 40.0, 60.0, 0.0)


def test_without_a_finite_error_there_is_no_axis() -> None:
    assert strip(source([GOOD])) is None
    parts = {"test": {"metrics": {"mae": {"value": float("nan")}}}}
    assert strip(source([GOOD], parts=parts)) is None


def test_shares_of_labels_are_those_counted() -> None:
    said = ["trust", "defer", "defer", "defer"]
    labeled = {("all", f"m{row}", "ood_test"): label for row, label in enumerate(said)}
    labeled["all", "m9", "calibration"] = "verify"
    (one,) = answers(source([GOOD], labeled={"forest": labeled}))
    (bar,) = one.bars
    assert [(share.label, share.width) for share in bar.shares] == [("trust", 25), ("defer", 75)]
    assert bar.text.replace("\u202f", " ") == "25 % trust, 75 % defer of 4 predictions"


def test_a_direction_is_said_only_where_all_arms_are_off_that_way() -> None:
    said = what_to_do(source([GOOD, NOT_THERE, high(0.68)], [GOOD, NOT_THERE, high(0.984)]))
    assert said[0] == "On materials like the training set, use the predictions of forest and cgcnn."
    assert "(they are too high by 0.68 to 0.98 eV/atom on average)" in said[1]
    for other in (
        [GOOD, NOT_THERE],
        [GOOD, NOT_THERE, high(0.9, "in_domain")],
        [GOOD, NOT_THERE, finding("errors_too_low", part="held_out", by={"value": -0.9})],
    ):
        said = what_to_do(source([GOOD, NOT_THERE, high(0.68)], other))
        assert said[1] == (
            "On materials with F, use none of them: compute or measure these materials."
        )


def test_a_direction_goes_from_the_smallest_to_the_largest_also_where_in_domain_is_off_too() -> (
    None
):
    arms = [[GOOD, NOT_THERE, high(2.0, "in_domain"), high(size)] for size in (105.0, 93.0)]
    said = what_to_do(source(*arms))
    assert "(they are too high by 93 to 105 eV/atom on average)" in said[1]


def test_no_line_recommends_an_arm_that_its_sentence_does_not() -> None:
    assert what_to_do(source([finding("rough_guide")])) == ()
    (line,) = what_to_do(source([finding("worse_than_constant")]))
    assert line.startswith("Do not use the predictions")
    first, *rest = what_to_do(source([GOOD], [finding("worse_than_constant")], [NOT_THERE]))
    assert first == "On materials like the training set, use the predictions of forest."
    assert rest == [  # of the others nothing is said there
        "On materials with F, do not use the predictions of ridge: compute or measure these"
        " materials."
    ]


@pytest.mark.parametrize("code", sorted(answer.LABELS_REACHED))
def test_labels_are_recommended_only_where_enough_of_them_were_tested(code: str) -> None:
    reliable = finding(code) | {"grade": "labels_reliable"}
    (line,) = what_to_do(source([reliable]))
    assert line.startswith("On materials with F, use the predictions of forest that are labeled")
    few = finding(code) | {"grade": "caution"}
    for own in ([few], [few, finding("also_on_held_out")]):
        (line,) = what_to_do(source(own))
        assert line.startswith("On materials with F, compute or measure: it is not shown")
    assert what_to_do(source([few], [GOOD]))[1:] == ()  # the other arm has no labels


def test_a_rough_guide_is_not_taken_to_another_chemistry_that_was_not_held_out() -> None:
    def advice(code: str, **split: Any) -> tuple[str, ...]:
        found = source([finding(code)])
        found.manifest["split"] = split
        return what_to_do(found)

    (line,) = advice("rough_guide")
    assert line.startswith("Before using it on another chemistry, hold that chemistry out")
    assert advice("rough_guide", **SPLIT) == ()
    (line,) = advice("worse_than_constant")
    assert line.startswith("Do not use the predictions")


RANK, NO_RANK = finding("use_to_rank"), finding("not_shown_to_rank")
ROUGH = finding("rough_guide")


def there(helps: bool) -> dict[str, Any]:
    return finding("held_out_rough", helps=helps)


def test_a_rough_guide_is_for_ranking_only_where_it_is_shown_to_rank() -> None:
    (line,) = what_to_do(source([ROUGH, there(helps=True), RANK]))
    assert line == (
        "On materials like the training set, use its predictions to rank or to screen out, not for"
        " values."
    )
    (line,) = what_to_do(source([ROUGH, there(helps=True), NO_RANK]))
    assert line == "Do not select by its predictions: they are not shown to rank."
    for few in ("test_in_folds", "test_more"):
        assert what_to_do(source([ROUGH, finding(few)])) == (
            "Test its predictions on more materials, or in folds, before relying on values.",
        )
    (line,) = what_to_do(source([ROUGH, RANK, finding("test_in_folds")]))
    assert "Test" not in line
    (line,) = what_to_do(source([GOOD], [ROUGH, RANK]))
    assert line == (
        "On materials like the training set, use the predictions of forest; use the predictions of"
        " cgcnn to rank or to screen out, not for values."
    )
    assert "rank" not in " ".join(what_to_do(source([GOOD])))


def test_a_rough_guide_that_does_not_beat_a_constant_there_is_not_used_there() -> None:
    said = what_to_do(source([ROUGH, there(helps=False), RANK]))
    assert said[1] == (
        "On materials with F, do not use its predictions: they are not shown to be better than a"
        " constant guess."
    )
    said = what_to_do(source([ROUGH, there(helps=False), RANK], task="binary"))
    assert said[1].endswith("they are not shown to be better than chance.")
    assert len(what_to_do(source([ROUGH, there(helps=True), RANK]))) == 1


@pytest.mark.parametrize("code", sorted(answer.UNDETECTED))
def test_an_arm_that_fails_without_warning_is_named_where_another_does_not(code: str) -> None:
    also = finding("also_on_held_out")
    said = what_to_do(source([GOOD, also], [finding(code)], task="binary"))
    assert said == (
        "On materials like the training set, use the predictions of forest.",
        "On materials with F, the predictions of forest may be used, too; do not use the"
        " predictions of cgcnn there.",
        "Before using a prediction of cgcnn, check by hand whether its material is of the held-out"
        " class: it is not shown that anything warns of that.",
    )
    said = what_to_do(source([GOOD, also], [GOOD, also], task="binary"))
    assert said[1:] == (
        "On materials with F, the predictions of forest and cgcnn may be used, too.",
    )
    said = what_to_do(source([finding(code)]))
    assert said[0] == (
        "On materials with F, use none of its predictions: compute or measure these materials."
    )
    assert "check by hand" in said[1]


def test_several_held_out_classes_are_not_strung_together() -> None:
    found = source([finding("labels_reached_on_all") | {"grade": "labels_reliable"}])
    folds = [{"name": one, "held_out": f"materials with {one}", "sizes": {}} for one in ("F", "S")]
    found.manifest["split"] = {"folds": folds}
    (line,) = what_to_do(found)
    assert line.startswith("On materials of the held-out classes, use the predictions of forest")


def test_no_line_recommends_probabilities_that_are_off() -> None:
    off = finding("trust_answers_off_at_ends")
    assert what_to_do(source([off]))[0] == "On materials like the training set, use its answers."
    (first,) = what_to_do(source([finding("trust_answers_off")], [GOOD]))
    assert first == "On materials like the training set, use the answers of forest and cgcnn."
    (first, *_) = what_to_do(source([GOOD], [finding("rough_guide")]))
    assert first == "On materials like the training set, use the predictions of forest."


def test_a_flag_is_relied_on_only_where_every_detector_separates_the_class() -> None:
    noticed = finding("held_out_detected", by=["detector", "sigma"], how="well")
    flag = "Compute or measure a material that the detector flags."
    assert flag in what_to_do(source([GOOD, NOT_THERE, noticed]))
    assert flag not in what_to_do(source([GOOD, NOT_THERE, noticed], [GOOD, NOT_THERE]))
    for less in ({"by": ["sigma"], "how": "well"}, {"by": ["detector"], "how": "in_part"}):
        own = finding("held_out_detected", **less)
        assert flag not in what_to_do(source([GOOD, NOT_THERE, own]))


FOLLOW, NOTHING = finding("follow_labels_in_domain"), finding("nothing_else_tested")
BY_LABEL = (
    "use the predictions of {} that are labeled trust; compute or measure those labeled verify, and"
    " do not rank by those labeled defer."
)


def test_labels_are_named_where_nothing_was_held_out() -> None:
    said = what_to_do(source([GOOD, NOTHING, FOLLOW]))
    assert said[0] == f"On materials like the training set, {BY_LABEL.format('forest')}"
    assert said[1].endswith("nothing was held out here, so the labels are not tested there either.")
    both = what_to_do(source([GOOD, NOTHING, FOLLOW], [GOOD, NOTHING]))
    assert both[0] == (
        "On materials like the training set, use the predictions of cgcnn;"
        f" {BY_LABEL.format('forest')}"
    )


def test_labels_are_not_named_where_they_were_not_shown_to_be_right() -> None:
    (first, second) = what_to_do(source([GOOD, NOTHING]))
    assert first == "On materials like the training set, use its predictions."
    assert "label" not in second
    (first, _) = what_to_do(source([GOOD, NOTHING, finding("do_not_follow_labels")]))
    assert first == (
        "On materials like the training set, use its predictions. Do not rely on the trust labels"
        " of forest: even in-domain too few of the trusted predictions are within the error"
        " tolerance."
    )


def test_the_tolerance_is_drawn_where_labels_were_judged_in_domain_only() -> None:
    parts = {"test": {"metrics": {"mae": {"value": 0.5, "low": 0.4, "high": 1.0}}}}
    found = source([GOOD], parts=parts)
    drawn = strip(found)
    assert drawn is not None
    assert drawn.tolerance is None
    found.metrics["arms"]["forest"]["labels"] = {"error_tolerances": [0.2, 0.4]}
    shown = strip(found)
    assert shown is not None
    assert shown.tolerance == pytest.approx(100 * 0.3 / 1.04, abs=0.01)  # the mean of both folds
    assert shown.tolerated == "0.30 eV/atom"


def test_a_bias_is_said_over_all_trainings() -> None:
    far = {"n": 3, "low": 0.41, "high": 0.7}
    one = finding("errors_too_high", part="held_out", by={"value": 0.68}, trainings=far)
    said = what_to_do(source([GOOD, NOT_THERE, one], [GOOD, NOT_THERE, high(0.55)]))
    assert "(they are too high by 0.41 to 0.70 eV/atom on average, over 3 trainings)" in said[1]
    said = what_to_do(source([GOOD, NOT_THERE, high(0.68)]))
    assert "trainings" not in " ".join(said)


def disagree(grade: str) -> dict[str, Any]:
    others = [{"grade": grade, "trainings": 1}]
    return finding("trainings_disagree", trainings=3, others=others)


def test_what_another_training_contradicts_is_no_advice() -> None:
    warning = "Do not rely on one training of forest: another would be judged differently."
    (line,) = what_to_do(source([GOOD, disagree("do_not_trust")]))
    assert line == warning
    (line,) = what_to_do(source([GOOD, disagree("caution")]))
    assert line == f"On materials like the training set, use its predictions. {warning}"
    (line,) = what_to_do(source([GOOD]))
    assert line == "On materials like the training set, use its predictions."


def test_every_code_that_a_line_rests_on_is_one_of_a_verdict() -> None:
    several = {*answer.IN_DOMAIN_USE, *answer.NOT_USED, *answer.LABELS_EXAMINED}
    several |= {
        *answer.UNDETECTED,
        *answer.TO_RANK,
        answer.NO_RANK,
        *answer.FEW,
        answer.ROUGH_THERE,
    }
    single = {answer.ALSO_THERE, answer.NOT_THERE, answer.BY_RULE, answer.BY_ARM}
    rest = {answer.NOTHING_HELD_OUT, *answer.OFF.values()}
    rest |= {answer.LABELS_IN_DOMAIN, answer.LABELS_REFUSED, answer.DISAGREE}
    assert several | single | rest <= set(codes())


def test_decisions_of_no_use_are_not_to_be_followed_and_others_are_not_named() -> None:
    limited = finding("decisions_limited", held_out="worse")
    words = {"reference": {"wording": {"yes": "stable", "no": "unstable"}}}
    one = source([GOOD, limited])
    one = replace(one, manifest={**one.manifest, **words})
    (line,) = [text for text in what_to_do(one) if "decide" in text]
    assert line == (
        "Whether a material is stable or unstable: on materials with F do not decide by the P and"
        " the labels."
    )
    assert not [text for text in what_to_do(source([GOOD])) if "decide" in text]
    both = source([GOOD, finding("decisions_limited", in_domain="base")], [GOOD])
    (line,) = [text for text in what_to_do(both) if "decide" in text]
    assert line.endswith(
        "on materials like the training set do not decide by the P and the labels of forest."
    )


def test_a_loop_speaks_of_its_candidates_and_other_runs_of_the_training_set() -> None:
    looped = source([GOOD])
    looped.active["labeled"] = np.array([9])
    assert what_to_do(looped)[0] == "On materials like the candidates, use its predictions."
    assert "candidates" not in " ".join(what_to_do(source([GOOD])))
