"""No page and no terminal says that a probability is 0 or 1, and no class has a ±."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlas_core.data.meaning import Meaning
from atlas_core.data.predictions import Predictions
from atlas_core.metrics.registry import figures, installed_metrics
from atlas_registry.loading import Registry
from atlas_report import metric_labels
from atlas_report.beside import _best
from atlas_report.worst import confusion, worst_rows
from atlas_statistics import digits

P = np.array([0.0, 1.0, 1e-9, 1 - 1e-9, 0.004, 0.996, 0.5, 0.25])
Y = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


def rows(levels: tuple[float, ...] = (0.9,)) -> Predictions:
    n = len(P)
    return Predictions(
        ids=np.array([f"m{i}" for i in range(n)]), formula=np.full(n, "NaCl"),
        fold=np.full(n, "f"), arm=np.full(n, "x"), parts=np.full(n, "test"), target=Y, mean=P,
        std=np.sqrt(P * (1 - P)), lower={v: np.zeros(n) for v in levels},
        upper={v: np.ones(n) for v in levels},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "below 0.01"), (1e-9, "below 0.01"), (0.0049, "below 0.01"), (0.005, "0.01"),
     (0.5, "0.50"), (0.994, "0.99"), (0.9951, "above 0.99"), (1.0, "above 0.99")],
)  # fmt: skip
def test_a_probability_is_never_written_as_0_or_1(value: float, text: str) -> None:
    assert digits.probability(value) == text


def test_the_worst_predictions_of_a_class_state_no_certainty_and_no_spread() -> None:
    for levels in ((0.9,), ()):
        worst, spread = worst_rows(rows(levels), {}, meaning=Meaning(), binary=True)
        assert spread == ""
        assert {bad.spread for bad in worst} == {""}
        assert {bad.true for bad in worst} == {"class 0", "class 1"}
        for shown in (text for bad in worst for text in (bad.predicted, bad.error)):
            assert shown.startswith(("below", "above")) or 0 < float(shown) < 1


def test_the_worst_predictions_of_a_class_have_the_names_of_their_classes() -> None:
    meaning = Meaning(class_names=("not a metal", "metal"), url="https://x.org/m/{id}")
    worst, _ = worst_rows(rows(), {"f": {"m1": 1.0}}, meaning=meaning, binary=True)
    assert {bad.true for bad in worst} == {"not a metal", "metal"}
    doubted = {str(bad.id): bad.twin for bad in worst if bad.twin}
    assert list(doubted) == ['<a href="https://x.org/m/m1" rel="noreferrer">m1</a>']
    assert doubted.popitem()[1].endswith("the same formula in training is metal")


def test_the_worst_predictions_of_a_quantity_keep_their_spread() -> None:
    worst, spread = worst_rows(rows(), {}, meaning=Meaning())
    assert spread.startswith("±")
    # every interval is 0 to 1, and one prediction is in the middle of it
    reported = {bad.predicted: bad.spread for bad in worst}
    assert reported.pop("0.500") == "0.500"
    assert set(reported.values()) == {"0.000 to 1.000"}
    (endless,) = worst_rows(cut(0.25, 0.0, math.inf), {}, meaning=Meaning())[0]
    assert endless.spread == "0.000 to ∞"
    (either,) = worst_rows(cut(0.25, -math.inf, math.inf), {}, meaning=Meaning())[0]
    assert either.spread == "∞"


def cut(mean: float, low: float, high: float) -> Predictions:
    one = rows(()).take(np.arange(len(P)) == len(P) - 1)
    ends = {"lower": {0.9: np.array([low])}, "upper": {0.9: np.array([high])}}
    return replace(one, mean=np.array([mean]), **ends)


def test_a_share_that_is_known_to_a_percent_is_written_with_tenths() -> None:
    # 4,921 materials: whole percents would say "90 % (90 % to 91 %)" of one and 91 % of the other
    first = {"value": 0.904, "low": 0.896, "high": 0.912}
    assert metric_labels.shown(first, "share").startswith("90.4")
    assert metric_labels.interval(first, "share").replace("\N{NARROW NO-BREAK SPACE}", " ") == (
        "89.6 % to 91.2 %"
    )
    few = {"value": 0.904, "low": 0.87, "high": 0.93}
    assert metric_labels.shown(few, "share").startswith("90\N{NARROW NO-BREAK SPACE}")
    assert not digits.tight({"value": 1.0, "low": 0.99, "high": 1.0})
    assert not digits.tight({"value": 0.9})


def test_one_half_is_called_class_0_by_the_table_as_by_the_metrics() -> None:
    counted = confusion("test", rows())
    assert (counted.true_positive, counted.false_positive) == (0, 3)
    assert (counted.false_negative, counted.true_negative) == (4, 1)


def test_the_best_arm_is_marked_only_where_the_intervals_leave_no_doubt() -> None:
    def entry(value: float, half: float) -> dict[str, float]:
        return {"value": value, "low": value - half, "high": value + half}

    about = figures(installed_metrics(Registry()).described())["mae"]
    assert _best("mae", about, [entry(0.1, 0.02), entry(0.2, 0.02)], [None] * 2) == 0
    assert _best("mae", about, [entry(0.1, 0.06), entry(0.2, 0.06)], [None] * 2) is None
    near = [entry(0.1, 0.02), entry(0.2, 0.02), entry(0.11, 0.02)]
    assert _best("mae", about, near, [None] * 3) is None
