"""What a screen's page and its lines say of a class and of a quantity."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlas_core.api import Meaning
from atlas_pages import formatting
from atlas_screening.command import summary
from atlas_screening.page import _row


def candidate(**more: Any) -> dict[str, Any]:
    return {
        "rank": 1, "formula": "NaCl", "id": "NaCl", "prediction": 1.0, "lower": 1.0, "upper": 1.0,
        "training_value": math.nan, "training_rows": 0, "impossible": "", "charges": "",
        "note": "", "reason": "", "nearest": [], "risk": 0.0, "expected_error": 0.1, **more,
    }  # fmt: skip


def asked(task: str, meaning: Meaning) -> Any:
    return SimpleNamespace(task=task, meaning=meaning)


def test_a_screen_for_a_class_states_no_certainty() -> None:
    one_of = asked("binary", Meaning())
    row = _row(candidate(), 2, one_of)
    assert row["prediction"] == "above 0.99"
    assert row["interval"] == "class 1"
    assert row["risk"].startswith("less than")
    assert _row(candidate(lower=0.0), 2, one_of)["interval"] == "either class"
    named = asked("binary", Meaning(class_names=("not a metal", "metal"), url="https://x.org/{id}"))
    near = [{"formula": "NaF", "value": 0.0, "distance": 0.1, "id": "a"}]
    told = _row(candidate(nearest=near), 2, named)
    assert told["interval"] == "metal"
    ((_, value, _, place),) = told["nearest"]
    assert (value, "https://x.org/a" in place) == ("not a metal", True)
    quantity = _row(candidate(lower=0.5, risk=0.25), 2, asked("regression", Meaning()))
    assert (quantity["prediction"], quantity["interval"]) == ("1.00", "0.50 to 1.00")
    assert quantity["risk"] == formatting.percent(0.25)


@pytest.mark.parametrize(("task", "shown"), [("binary", "above 0.99"), ("regression", " 1")])
def test_the_terminal_states_no_certainty_of_a_class(task: str, shown: str) -> None:
    facts = {
        "task": task, "goal": "maximize", "unit": "", "screened": 1, "arm": "a", "fold": "f",
        "target": "metal", "words": "P(metal)", "meaning": Meaning(),
        "labels": None, "outside": None, "final": False,
    }  # fmt: skip
    result: Any = SimpleNamespace(
        facts=SimpleNamespace(**facts), top=[candidate()], folder=Path("out")
    )
    line = summary(result).splitlines()[1]
    assert line.endswith(shown)
