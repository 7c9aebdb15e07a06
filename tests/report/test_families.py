"""The table of anion families on the page of an arm."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_core.report.families import family_table
from atlas_core.report.source import Source

OXIDE = {
    "n": 1400,
    "mae": {"value": 0.1, "low": 0.09, "high": 0.11},
    "picp_0.9": {"value": 0.91, "low": 0.89, "high": 0.92},
    "mpiw_0.9": 0.5,
}
HALIDE = OXIDE | {"n": 40, "picp_0.9": {"value": 0.7, "low": 0.53, "high": 0.83}}


def source(families: dict[str, Any] | None, *, task: str = "regression") -> Source:
    arm = {"parts": {}} | ({} if families is None else {"families": families})
    manifest = {"dataset": {"task": task, "unit": "eV"}}
    return Source(manifest, {"task": task, "arms": {"a": arm}}, {}, [], None, "")


def worst(p_value: float) -> dict[str, Any]:
    picp = {"group": "halide", "n": 40, **HALIDE["picp_0.9"], "p_value": p_value}
    return {"groups": {"oxide": OXIDE, "halide": HALIDE}, "worst": {"picp_0.9": picp}}


@pytest.mark.parametrize(("p_value", "said"), [(0.001, "this is no chance"), (0.4, "no surprise")])
def test_the_worst_family_is_named_and_weighed(p_value: float, said: str) -> None:
    table = family_table(source({"test": worst(p_value)}), "a")
    assert table is not None
    assert (table.error, table.coverage) == ("MAE (eV)", "90\N{NARROW NO-BREAK SPACE}% coverage")
    assert [row.family for row in table.rows] == ["oxide", "halide"]
    assert table.rows[1].coverage_interval.startswith("53")
    assert table.rows[1].width == "0.500"
    assert "halide" in table.notes[0]
    assert said in table.notes[0]


def test_families_left_out_are_named_with_their_rows() -> None:
    found = {"groups": {"oxide": OXIDE}, "left_out": {"hydride": 3, "boride": 12}}
    table = family_table(source({"test": found}), "a")
    assert table is not None
    assert table.notes == (
        "In-domain: too few materials to be scored: boride (12) and hydride (3).",
    )


def test_an_arm_without_intervals_has_no_column_of_coverage() -> None:
    bare = {"n": 50, "brier": OXIDE["mae"]}
    table = family_table(source({"test": {"groups": {"oxide": bare}}}, task="binary"), "a")
    assert table is not None
    assert (table.error, table.coverage, table.width) == ("Brier score", "", "")


@pytest.mark.parametrize("families", [None, {}, {"test": {"left_out": {"oxide": 3}}}])
def test_without_a_scored_family_there_is_no_table(families: dict[str, Any] | None) -> None:
    assert family_table(source(families), "a") is None
