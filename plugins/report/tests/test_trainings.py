"""What training anew moves: no difference is called one that another training may reverse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from from_columns import METRICS, predictions
from scipy import stats

from atlas_core.data.predictions import Predictions
from atlas_core.metrics.registry import figures
from atlas_core.observe import FinishedRun
from atlas_report import beside
from atlas_report.comparison import compare
from atlas_report.comparison_sentences import Said, said
from atlas_report.comparison_table import format_comparison
from atlas_report.source import Source
from atlas_report.trainings import training_difference

FIGURES = figures(METRICS.described())
IDS = [f"m{k}" for k in range(60)]
SOURCE = Source(
    {"dataset": {"task": "regression", "unit": "eV"}},
    {"task": "regression", "arms": {name: {"parts": {}} for name in "abc"}},
    {}, [], {}, {},
)  # fmt: skip


def with_errors(ids: list[str], error: np.ndarray) -> Predictions:
    """Return in-domain rows whose errors are given."""
    n = len(ids)
    return Predictions(
        ids=np.array(ids),
        formula=np.full(n, "NaCl"),
        fold=np.full(n, "0"),
        arm=np.full(n, "x"),
        parts=np.full(n, "test"),
        target=np.zeros(n),
        mean=error,
    )


def trained(a: list[float], b: list[float], c: list[float] | None = None) -> list[str]:
    """Return the sentences on arms whose errors are the same on all materials of a training."""
    arms = {"a": a, "b": b} | ({"c": c} if c else {})
    held = {
        name: [with_errors(IDS, np.full(60, size)) for size in sizes]
        for name, sizes in arms.items()
    }
    again = {name: rows[1:] for name, rows in held.items() if rows[1:]}
    return list(
        beside.beside(
            replace(SOURCE, rows={name: rows[0] for name, rows in held.items()}, again=again)
        ).paired
    )


def test_a_difference_larger_than_trainings_move_it_is_said_with_its_interval_over_them() -> None:
    a, b = [1.0, 1.1, 1.2], [0.5, 0.6, 0.55]
    found = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    (text,) = trained(a, b)
    assert text.startswith("In-domain: b has a mean error 0.50 eV lower than a (95 % interval")
    ends = f"{found.low:.2f} to {found.high:.2f}".replace("-", "\N{MINUS SIGN}")
    assert f"; over 3 trainings of each the difference is \N{MINUS SIGN}0.55 eV ({ends});" in text


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        # the first training alone says -0.5; the means over trainings are equal
        ([1.0, 0.6, 0.9], [0.5, 1.0, 1.0], "which includes 0"),
        ([1.0, 1.5], [0.5, 0.9], "which includes 0"),
        # of ten trainings the mean is known well, but one of each may be the other way round
        ([1.0, *[0.9, 1.1] * 5], [0.8, *[0.8, 1.0] * 5], "by which training anew moves it"),
        # of b one training is known: it may move as much as a does
        ([1.0, 0.8, 1.2], [0.7], "which includes 0"),
    ],
)
def test_a_difference_that_training_anew_may_reverse_is_not_called_one(
    a: list[float], b: list[float], why: str
) -> None:
    (text,) = trained(a, b)
    assert text.startswith("In-domain: neither a nor b is shown to err less: over ")
    assert why in text
    assert "In the first training b has a mean error" in text


def test_no_arm_errs_least_where_training_anew_may_reverse_it() -> None:
    leads = "a has the lowest mean error of the 3 arms"
    assert leads in trained([0.5, 0.55], [1.0, 1.05], [2.0, 2.05])[0]
    assert not any(leads in text for text in trained([0.5, 1.5], [1.0, 0.6], [2.0, 2.05]))


def test_the_interval_over_trainings_is_welchs() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 0.1, 4), rng.normal(0.7, 0.3, 3)
    found = training_difference(list(a), list(b))
    known = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert found.spread == pytest.approx(np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)))


def test_of_an_arm_trained_once_the_others_deviation_stands_in() -> None:
    """The prediction interval of one more value of a normal sample: t(2) s sqrt(1 + 1/3)."""
    found = training_difference([1.0], [0.5, 0.6, 0.4])
    assert found is not None
    assert found.high - found.difference == pytest.approx(4.302653 * 0.1 * np.sqrt(4 / 3))
    assert training_difference([1.0], [0.5]) is None
    exact = training_difference([1.0, 1.0], [0.5, 0.5])
    assert exact is not None
    assert (exact.low, exact.high, exact.spread) == (-0.5, -0.5, 0)
    assert exact.supports(-0.4)
    assert not exact.supports(0.4)


def test_bold_is_not_given_where_trainings_overlap() -> None:
    about = FIGURES["mae"]
    row = [{"value": 0.1, "low": 0.08, "high": 0.12}, {"value": 0.3, "low": 0.25, "high": 0.35}]
    for second, best in (([0.3, 0.25], 0), ([0.3, 0.09], None)):
        spreads = [{"values": [0.1, 0.12]}, {"values": second}]
        assert beside._best("mae", about, row, spreads) == best


def run(*errors: float, width: float = 0.3) -> FinishedRun:
    """Return a run whose trainings err by these on every one of 60 materials."""
    rows = [
        predictions(
            {
                "id": np.array(IDS),
                "arm": np.full(60, "x"),
                "fold": np.full(60, "0"),
                "part": np.full(60, "test"),
                "target": np.zeros(60),
                "mean": np.full(60, error),
                "baseline": np.full(60, 2.0),
                "lower_0.9": np.full(60, error - width),
                "upper_0.9": np.full(60, error + width),
            }
        )
        for error in errors
    ]
    about = {"task": "regression", "target": "gap", "unit": "eV", "sha256": "0"}
    first, *others = rows
    return FinishedRun(
        Path("run"), {"dataset": about}, {"levels": [0.9]}, first, repeats=tuple(others)
    )


def between(a: FinishedRun, b: FinishedRun) -> Said:
    (one,) = said(compare(a, b, seed=0, metrics=METRICS), ("A", "B"))
    return one


def plain(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_a_comparison_says_what_training_anew_moves() -> None:
    one = between(run(1.0, 1.1, 1.2), run(0.25, 0.3, 0.2))
    # -0.85 = 0.25 - 1.1; s = 0.1 and 0.05, se = sqrt(0.0125 / 3), df = 2.94, t = 3.2118
    ends = stats.ttest_ind([0.25, 0.3, 0.2], [1.0, 1.1, 1.2], equal_var=False)
    low, high = ends.confidence_interval()
    assert one.tone == "good"
    assert plain(one.sentences[0]) == (
        "B has a lower MAE than A: 0.250 against 1.000 eV, a difference of 0.750 eV (95 % interval"
        " 0.750 to 0.750 over materials); over 3 trainings of each B minus A is -0.85 eV"
        f" ({low:.2f} to {high:.2f}). Shared: all 60 rows."
    )
    assert any("eV lower than A on average" in text for text in one.sentences)
    assert any("intervals hold more true values" in text for text in one.sentences)


def test_a_comparison_calls_nothing_better_that_training_anew_may_reverse() -> None:
    a, b = run(1.0, 0.2, 0.6), run(0.25, 0.9, 0.6)
    one = between(a, b)
    assert one.tone == "ref"
    first = plain(one.sentences[0])
    assert first.startswith(
        "Neither is shown to have the lower MAE: over 3 trainings of each B minus A is"
    )
    assert "which includes 0. In the first training B has a lower MAE than A" in first
    for claim in ("on average", "hold more", "hold fewer"):
        assert not any(claim in text for text in one.sentences), claim
    text = format_comparison(compare(a, b, seed=0, metrics=METRICS))
    assert "x, in-domain: Neither is shown to have the lower MAE: over 3 trainings" in text
    assert "of the first training of each run; the sentences say what training anew moves" in text


def test_equal_errors_of_the_first_training_are_not_called_those_of_all() -> None:
    one = between(run(1.0, 0.2, 0.6), run(1.0, 0.9, 0.6))
    assert one.sentences[0].startswith(
        "B and A make the same errors: MAE 1.00 eV in the first training; over 3 trainings of each"
    )
    same = between(run(1.0, 1.0), run(1.0, 1.0))
    assert same.sentences[0] == "B and A make the same errors: MAE 1.00 eV. Shared: all 60 rows."


def test_a_comparison_of_one_training_each_says_that_another_seed_may_change_it() -> None:
    one = between(run(1.0), run(0.25))
    assert one.tone == "good"
    assert "training" not in one.sentences[0]
    text = format_comparison(compare(run(1.0), run(0.25), seed=0, metrics=METRICS))
    assert "for one training each: another seed can change them" in text
