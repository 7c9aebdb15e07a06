"""What a screen's page and its lines say of a class and of a quantity."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlas_pages import formatting
from atlas_screening.command import summary
from atlas_screening.page import _row


def candidate(**more: Any) -> dict[str, Any]:
    return {
        "rank": 1, "formula": "NaCl", "id": "NaCl", "prediction": 1.0, "lower": 1.0, "upper": 1.0,
        "training_value": math.nan, "training_rows": 0, "impossible": "", "charges": "",
        "note": "", "reason": "", "nearest": [], "risk": 0.0, "expected_error": 0.1, **more,
    }  # fmt: skip


def test_a_screen_for_a_class_states_no_certainty() -> None:
    row = _row(candidate(), 2, binary=True)
    assert row["prediction"] == "above 0.99"
    assert row["interval"] == "class 1"
    assert row["risk"].startswith("less than")
    assert _row(candidate(lower=0.0), 2, binary=True)["interval"] == "either class"
    quantity = _row(candidate(lower=0.5, risk=0.25), 2, binary=False)
    assert (quantity["prediction"], quantity["interval"]) == ("1.00", "0.50 to 1.00")
    assert quantity["risk"] == formatting.percent(0.25)


@pytest.mark.parametrize(("task", "shown"), [("binary", "above 0.99"), ("regression", " 1")])
def test_the_terminal_states_no_certainty_of_a_class(task: str, shown: str) -> None:
    facts = {
        "task": task, "goal": "maximize", "unit": "", "screened": 1, "arm": "a", "fold": "f",
        "target": "metal", "labels": None, "outside": None, "final": False,
    }  # fmt: skip
    result: Any = SimpleNamespace(
        facts=SimpleNamespace(**facts), top=[candidate()], folder=Path("out")
    )
    line = summary(result).splitlines()[1]
    assert line.endswith(shown)
