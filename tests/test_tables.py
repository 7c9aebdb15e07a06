"""Tables are plain text: the same bytes in every pipe, and folded to fit a terminal."""

from __future__ import annotations

import sys

import pytest

from atlas_core.cli.tables import columns

ROWS = [("model", "knn", "What it is: a [bold]long[/] :smile: text"), ("featurizer", "cgcnn", "")]
HEADER = ("KIND", "NAME", "WHAT IT IS")


def test_a_pipe_gets_one_line_per_row_whatever_its_length() -> None:
    long = "x" * 500
    assert columns([*ROWS, ("uq", "a\nb", long)], HEADER).splitlines() == [
        "KIND        NAME   WHAT IT IS",
        "model       knn    What it is: a [bold]long[/] :smile: text",
        "featurizer  cgcnn",
        f"uq          a\\nb   {long}",
    ]


def test_a_terminal_folds_the_last_column_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert columns(ROWS, HEADER).splitlines() == [
        "KIND        NAME   WHAT IT IS",
        "model       knn    What it is: a",
        "                   [bold]long[/] :smile:",
        "                   text",
        "featurizer  cgcnn",
    ]
