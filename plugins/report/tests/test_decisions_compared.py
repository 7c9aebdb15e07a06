"""P of two runs on the same borders: differences known by hand, and what must not be said."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from from_columns import METRICS, predictions

from atlas_core.api import Decisions, Wording
from atlas_core.observe import FinishedRun
from atlas_report import comparison
from atlas_report.comparison_sentences import said
from atlas_report.comparison_table import format_comparison

N = 60
compare = partial(comparison.compare, metrics=METRICS, seed=0)
NAMES = ("A", "B")


def run(
    probability: float | None, *, border: float = 0.0, ids: range = range(N), noise: float = 0.0
) -> FinishedRun:
    """Return a run whose even materials lie below 0, with this P for them and 1 - P for others."""
    i = np.array(ids)
    target = np.where(i % 2 == 0, -1.0, 1.0)
    rows: dict[str, Any] = {
        "id": np.array([f"m{k}" for k in i]),
        "arm": np.full(len(i), "x"),
        "fold": np.full(len(i), "0"),
        "part": np.full(len(i), "test"),
        "target": target,
        "mean": target + 0.1,
    }
    decided = None
    if probability is not None:
        wobble = noise * np.random.default_rng(int(100 * probability)).normal(size=len(i))
        p = np.clip(np.where(target < 0, probability, 1 - probability) + wobble, 0, 1)
        decided = Decisions(
            arm=rows["arm"], fold=rows["fold"], ids=rows["id"], formula=rows["id"],
            parts=rows["part"], target=target, mean=rows["mean"],
            border=np.full(len(i), border), words=np.full(len(i), "LiF"), probability=p,
            probability_near=np.ones(len(i)), margin=np.full(len(i), 0.1),
            label=np.full(len(i), "trust"),
        )  # fmt: skip
    about = {"task": "regression", "target": "e", "unit": "eV/atom", "sha256": "0" * 64}
    words = vars(Wording(yes="stable"))
    return FinishedRun(
        Path("run"),
        {"dataset": about, "reference": {"wording": words}},
        {"levels": []},
        predictions(rows),
        decisions=decided,
    )


def sentence(a: FinishedRun, b: FinishedRun) -> str:
    (one,) = said(compare(a, b), NAMES)
    return next((text for text in one.sentences if "P(stable)" in text), "")


def test_a_better_probability_is_said_to_be_and_an_equal_one_is_not() -> None:
    found = compare(run(0.6), run(0.8))
    own = found.arms[0].decisions["test"]
    assert (own.paired, own.other_border) == (N, 0)
    # every P is off by 0.4 in A and by 0.2 in B
    assert own.brier is not None
    assert (own.brier.a, own.brier.b, own.brier.difference) == pytest.approx((0.16, 0.04, -0.12))
    json.dumps(found.as_dict(), allow_nan=False)
    assert sentence(run(0.6), run(0.8)).startswith("P(stable) of B has a lower Brier score than")
    assert sentence(run(0.8), run(0.6)).startswith("P(stable) of B has a higher Brier score than")
    alike = sentence(run(0.70, noise=0.2), run(0.71, noise=0.2))
    assert alike.startswith("Neither P(stable) is shown to be better")
    assert "Brier score" in format_comparison(found)


def test_another_border_is_another_question() -> None:
    text = sentence(run(0.6), run(0.8, border=0.3))
    assert text == (
        "P(stable) is not compared: of 60 materials the border differs, which asks another"
        " question."
    )
    assert "P(stable), " not in format_comparison(compare(run(0.6), run(0.8, border=0.3)))


def test_where_one_run_has_no_decision_nothing_is_said() -> None:
    found = compare(run(0.6), run(None))
    assert found.arms[0].decisions == {}
    assert sentence(run(0.6), run(None)) == ""
    assert "P(stable)" not in format_comparison(found)
