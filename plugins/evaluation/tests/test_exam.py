"""The exam of trust: grades and figures by hand, statistics against SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from from_columns import examine
from scipy import stats

from atlas_evaluation.exam import GRADES
from atlas_evaluation.judge.figures import ENOUGH_TRUSTED
from atlas_statistics.binomial import binomial_below, wilson

LEVEL = 0.9
TOLERANCE, RELIABILITY = 0.2, 0.9
GOOD, BAD = 0.1, 0.5
"""Errors within the tolerance and beyond it."""

Labels = Sequence[str]
Columns = dict[str, np.ndarray]


def tables(
    errors: dict[str, Sequence[float]],
    labels: dict[str, dict[str, Labels]],
    *,
    fold: str = "without X",
    arm: str = "forest",
    std: dict[str, Sequence[float]] | None = None,
    score: dict[str, Sequence[float]] | None = None,
    expected: float = 0.3,
    half: float = 0.3,
    half_of_trust: float = 0.6,
) -> tuple[Columns, Columns]:
    """Return the tables of trust and of predictions: true value 0, prediction = error.

    Args:
        errors: by part.
        labels: by method and part; parts without labels are not in the table of trust.
        fold: its name.
        arm: its name.
        std: by part; 1 where it is not given.
        score: OOD scores by part, flagged above 1; NaN where not given.
        expected: error that every method expects of every row.
        half: half-width of the calibrator's intervals.
        half_of_trust: half-width of those of the trust methods.
    """
    seen = {"part": np.concatenate([np.full(len(e), part) for part, e in errors.items()])}
    mean = np.concatenate([np.asarray(e, dtype=float) for e in errors.values()])
    n = len(mean)

    def number(given: dict[str, Sequence[float]] | None, other: float) -> np.ndarray:
        given = given or {}
        parts = [given.get(part, [other] * len(e)) for part, e in errors.items()]
        return np.concatenate([np.asarray(one, dtype=float) for one in parts])

    seen |= {"arm": np.full(n, arm), "fold": np.full(n, fold), "target": np.zeros(n)}
    seen |= {"mean": mean, "std_epistemic": number(std, 1.0), "ood_score": number(score, np.nan)}
    seen |= {"outside": seen["ood_score"] > 1.0}
    seen |= {f"lower_{LEVEL}": mean - half, f"upper_{LEVEL}": mean + half}
    blocks: list[Columns] = []
    for method, parts in labels.items():
        for part, given in parts.items():
            own = np.asarray(errors[part], dtype=float)
            m = len(own)
            assert m == len(given)
            blocks.append(
                {
                    "arm": np.full(m, arm),
                    "fold": np.full(m, fold),
                    "part": np.full(m, part),
                    "method": np.full(m, method),
                    "target": np.zeros(m),
                    "mean": own,
                    "error_tolerance": np.full(m, TOLERANCE),
                    "target_reliability": np.full(m, RELIABILITY),
                    "expected_error": np.full(m, expected),
                    "label": np.array(given),
                    f"lower_{LEVEL}": own - half_of_trust,
                    f"upper_{LEVEL}": own + half_of_trust,
                }
            )
    trust = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return trust, seen


def stacked(*some: Columns) -> Columns:
    return {name: np.concatenate([one[name] for one in some]) for name in some[0]}


def graded(right: int, wrong: int, refused: int = 5) -> dict[str, Any]:
    """Return the class's figures of a method that trusts so many right and wrong predictions."""
    errors = [GOOD] * right + [BAD] * wrong + [BAD] * refused
    labels = ["trust"] * (right + wrong) + ["verify"] * refused
    test = {"test": [GOOD] * 4, "ood_test": errors}
    trust, seen = tables(test, {"m": {"ood_test": labels, "test": ["trust"] * 4}})
    (one,) = examine(trust, seen, levels=[LEVEL])["forest"]["classes"]
    assert one["grade"] == one["methods"]["m"]["class"]["grade"]
    found: dict[str, Any] = one["methods"]["m"]["class"]
    return found


@pytest.mark.parametrize(
    ("right", "wrong", "grade"),
    [
        (11, 1, "reached"),  # 0.917 is above 0.9
        (17, 3, "reached"),  # 0.85 is 0.9 less the slack, exactly
        (8, 2, "below"),  # 0.8; with 0.85 eight or fewer of ten come in 46 % of cases
        (10, 10, "missed"),  # with 0.85 ten or fewer of twenty come once in 4,000 cases
        (0, 9, "abstained"),  # too few to judge
        (0, 0, "abstained"),
    ],
)
def test_a_class_is_graded_by_the_share_of_trusted_that_hold(
    right: int, wrong: int, grade: str
) -> None:
    found = graded(right, wrong)
    assert found["grade"] == grade
    assert grade in GRADES
    assert (found["trusted"], found["within"]) == (right + wrong, right)
    assert found["share"] == pytest.approx((right + wrong) / (right + wrong + 5))


@pytest.mark.parametrize(
    ("right", "wrong", "grade", "by_chance", "shown"),
    [
        (18, 2, "reached", True, False),  # 0.70 to 0.97: it may miss thrice as often
        (90, 10, "reached", True, True),
        (8, 2, "below", True, False),
        (1690, 310, "below", False, False),  # 1,690 or fewer of 2,000 come once in 1e14
        (1702, 298, "below", False, False),  # 0.851 is within the slack, and surely short
        (1790, 210, "reached", True, True),
    ],
)
def test_the_interval_decides_whether_the_target_reliability_is_reached(
    right: int, wrong: int, grade: str, by_chance: bool, shown: bool
) -> None:
    found = graded(right, wrong)
    assert (found["grade"], found["by_chance"], found["shown"]) == (grade, by_chance, shown)
    assert by_chance == (stats.binom.cdf(right, right + wrong, RELIABILITY) >= 0.05)


def test_intervals_over_the_whole_stated_range_say_nothing() -> None:
    test = {"test": [GOOD] * 4, "ood_test": [GOOD] * 12}
    labels = {"m": {"ood_test": ["trust"] * 12, "test": ["trust"] * 4}}
    trust, seen = tables(test, labels)
    for bounds, empty in (((-0.19, 0.39), 1.0), ((-1.0, 1.0), 0.0), (None, 0.0)):
        found = examine(trust, seen, levels=[LEVEL], bounds=bounds)["forest"]["classes"][0]
        assert found["intervals"]["calibrator_class"]["infinite"] == empty  # -0.2 to 0.4


def test_what_is_trusted_is_reported_with_intervals() -> None:
    found = graded(11, 1)
    interval = stats.binomtest(11, 12).proportion_ci(method="wilson")
    assert found["hit"] == pytest.approx(11 / 12)
    assert (found["hit_low"], found["hit_high"]) == pytest.approx(tuple(interval))
    assert found["mae_trusted"] == pytest.approx((11 * GOOD + BAD) / 12)
    assert found["mae_trusted_low"] <= found["mae_trusted"] <= found["mae_trusted_high"]
    assert "hit" not in graded(0, 0)


ERRORS = {
    "calibration": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    "test": [0.1, 0.1, 0.2, 0.4],
    "ood_test": [0.1] * 12 + [0.4] * 4 + [1.0] * 4,
}
LABELS: dict[str, dict[str, Labels]] = {
    "learned": {
        "test": ["trust", "trust", "trust", "verify"],
        "ood_test": ["trust"] * 11 + ["verify"] * 5 + ["defer"] * 4,
    },
    "plain": {"test": ["trust"] * 4, "ood_test": ["trust"] * 20},
}
STD = {"test": [1.0, 1.0, 1.0, 1.0], "ood_test": [2.0] * 10 + [4.0] * 10}
SCORE = {"test": [0.0, 0.2, 0.4, 2.0], "ood_test": [0.3] * 5 + [3.0] * 15}


def one_class() -> dict[str, Any]:
    found = examine(*tables(ERRORS, LABELS, std=STD, score=SCORE), levels=[0.5, LEVEL])
    return dict(found["forest"])


def test_the_figures_of_a_class_by_hand() -> None:
    exam = one_class()
    assert (exam["method"], exam["others"], exam["level"]) == ("learned", ["plain"], LEVEL)
    (found,) = exam["classes"]
    assert (found["class"], found["rows"]) == ("without X", 20)
    assert (found["error_tolerance"], found["target_reliability"]) == (TOLERANCE, RELIABILITY)
    assert found["mae"] == pytest.approx((12 * 0.1 + 4 * 0.4 + 4 * 1.0) / 20)
    assert found["mae_in_domain"] == pytest.approx(0.2)
    assert found["mae_rise"] == pytest.approx(0.34 / 0.2)
    # medians: 0.1 of the class, and the mean of 0.1 and 0.2 in-domain
    assert (found["median"], found["median_in_domain"]) == pytest.approx((0.1, 0.15))
    assert found["median_rise"] == pytest.approx(0.1 / 0.15)
    assert found["oracle_share"] == pytest.approx(12 / 20)
    assert found["sigma_rise"] == pytest.approx(3.0)
    # pairs of a held-out and an in-domain score: 3.0 beats all four, 0.3 beats two of four
    assert found["auroc"] == pytest.approx((15 * 4 + 5 * 2) / 80)
    assert found["flagged"] == pytest.approx(0.75)
    assert found["false_alarms"] == pytest.approx(0.25)
    assert found["forecast"] == pytest.approx(0.3)
    assert found["forecast_ratio"] == pytest.approx(0.3 / 0.34)
    assert found["grade"] == "reached"
    learned = found["methods"]["learned"]
    assert learned["class"]["deferred"] == 4
    assert (learned["in_domain"]["trusted"], learned["in_domain"]["within"]) == (3, 3)
    plain = found["methods"]["plain"]["class"]
    assert (plain["trusted"], plain["within"], plain["grade"]) == (20, 12, "missed")


def test_coverage_and_width_of_intervals_by_hand() -> None:
    (found,) = one_class()["classes"]
    said = found["intervals"]
    # the conformal bound of nine errors at 0.9 is the ninth, 0.9: width 1.8
    assert said["split_class"]["coverage"] == pytest.approx(16 / 20)
    assert said["calibrator_class"]["coverage"] == pytest.approx(12 / 20)
    assert said["calibrator_class"]["width"] == pytest.approx(0.6 / 1.8)
    assert said["calibrator_in_domain"]["coverage"] == pytest.approx(3 / 4)
    assert said["trust_class"]["coverage"] == pytest.approx(16 / 20)
    assert said["trust_class"]["width"] == pytest.approx(1.2 / 1.8)
    assert said["trust_in_domain"]["coverage"] == pytest.approx(1.0)
    interval = stats.binomtest(16, 20).proportion_ci(method="wilson")
    assert said["trust_class"]["coverage_low"] == pytest.approx(interval.low)
    assert said["trust_class"]["coverage_high"] == pytest.approx(interval.high)


def test_the_summary_counts_classes_and_scores_forecasts() -> None:
    errors = {"test": [GOOD] * 4}
    classes = {"A": (20, 0, 0.1), "B": (8, 2, 0.2), "C": (5, 15, 0.5), "D": (0, 0, 2.0)}
    trust, seen = [], []
    for name, (right, wrong, expected) in classes.items():
        rest = 20 - right - wrong
        own = {**errors, "ood_test": [GOOD] * right + [BAD] * wrong + [BAD] * rest}
        labels = ["trust"] * (right + wrong) + ["verify"] * rest
        both = tables(
            own,
            {"m": {"ood_test": labels, "test": ["trust"] * 4}},
            fold=f"without {name}",
            expected=expected,
        )
        trust.append(both[0])
        seen.append(both[1])
    exam = examine(stacked(*trust), stacked(*seen), levels=[LEVEL])["forest"]
    assert [one["grade"] for one in exam["classes"]] == ["reached", "below", "missed", "abstained"]
    summary = exam["summary"]["m"]
    assert {grade: summary[grade] for grade in GRADES} == dict.fromkeys(GRADES, 1)
    assert summary["classes"] == 4
    assert summary["share"] == pytest.approx((1.0 + 0.5 + 1.0 + 0.0) / 4)
    assert summary["share_in_domain"] == pytest.approx(1.0)
    assert summary["worst_hit"] == pytest.approx(0.25)
    # true errors .1, .34, .4, .5; forecasts .1, .2, .5, 2: ratios 1, .588, 1.25, 4
    assert exam["forecast"]["within_twofold"] == 3
    assert exam["forecast"]["worst_over"] == pytest.approx(4.0)
    assert exam["forecast"]["worst_under"] == pytest.approx(0.34 / 0.2)
    assert exam["forecast"]["spearman"] == pytest.approx(1.0)


def test_arms_without_a_held_out_class_sit_no_exam() -> None:
    trust, seen = tables({"test": [GOOD] * 4}, {"m": {"test": ["trust"] * 4}})
    assert examine(trust, seen, levels=[LEVEL]) == {}


def test_intervals_of_means_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    errors = {"test": rng.gamma(2.0, 0.1, 500).tolist(), "ood_test": rng.gamma(2.0, 0.3, 400)}
    labels = ["trust"] * 400
    both = tables(errors, {"m": {"ood_test": labels, "test": ["trust"] * 500}})
    (found,) = examine(*both, levels=[LEVEL], seed=1)["forest"]["classes"]
    values = np.asarray(errors["ood_test"])
    said = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(2))
    wide = said.confidence_interval.high - said.confidence_interval.low
    assert found["mae_low"] == pytest.approx(said.confidence_interval.low, abs=0.1 * wide)
    assert found["mae_high"] == pytest.approx(said.confidence_interval.high, abs=0.1 * wide)
    assert found["mae_rise_low"] < found["mae_rise"] < found["mae_rise_high"]
    assert found["forecast_ratio_low"] < found["forecast_ratio"] < found["forecast_ratio_high"]


def test_the_same_seed_gives_the_same_figures() -> None:
    both = tables(ERRORS, LABELS, std=STD, score=SCORE)
    first, again, other = (examine(*both, levels=[LEVEL], seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (1, 12), (90, 100), (1083, 1900)])
def test_wilson_is_that_of_scipy(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.85, 1.0])
@pytest.mark.parametrize(("hits", "n"), [(0, 10), (8, 10), (10, 10), (150, 200), (0, 0)])
def test_the_binomial_tail_is_that_of_scipy(hits: int, n: int, share: float) -> None:
    expected = stats.binom.cdf(hits, n, share)
    assert binomial_below(hits, n, share) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_ten_trusted_rows_are_enough_for_a_grade() -> None:
    assert graded(ENOUGH_TRUSTED, 0)["grade"] == "reached"
    assert graded(ENOUGH_TRUSTED - 1, 0)["grade"] == "abstained"
