"""The table of anion families on the page of an arm."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from atlas_core.metrics.registry import installed_metrics
from atlas_evaluation.scoring.shares import shortfalls
from atlas_registry.loading import Registry
from atlas_report.families import family_table
from atlas_report.source import Source

OXIDE = {
    "n": 1400,
    "mae": {"value": 0.1, "low": 0.09, "high": 0.11},
    "picp_0.9": {"value": 0.91, "low": 0.89, "high": 0.92},
    "mpiw_0.9": 0.5,
}
HALIDE = OXIDE | {"n": 40, "picp_0.9": {"value": 0.7, "low": 0.53, "high": 0.83}}


def source(families: dict[str, Any] | None, *, task: str = "regression") -> Source:
    arm = {"parts": {}} | ({} if families is None else {"families": families})
    described = installed_metrics(Registry()).described()
    manifest = {"dataset": {"task": task, "unit": "eV"}, "figures": described}
    return Source(manifest, {"task": task, "arms": {"a": arm}}, {}, [], {}, "")


def families_of(**counts: tuple[int, int]) -> dict[str, Any]:
    """Return the scores of families with these (hits, rows)."""
    hits = {name: hit for name, (hit, _) in counts.items()}
    sizes = {name: n for name, (_, n) in counts.items()}
    groups = {name: OXIDE | {"n": n} for name, n in sizes.items()}
    return {"groups": groups, "coverage": {"0.9": shortfalls(hits, sizes, 0.9)}}


def notes(**counts: tuple[int, int]) -> tuple[str, ...]:
    table = family_table(source({"test": families_of(**counts)}), "a")
    assert table is not None
    return table.notes


def test_the_table_holds_each_family_as_text() -> None:
    families = {"test": {"groups": {"oxide": OXIDE, "halide": HALIDE}}}
    table = family_table(source(families), "a")
    assert table is not None
    assert (table.error, table.coverage) == ("MAE (eV)", "90\N{NARROW NO-BREAK SPACE}% coverage")
    assert [row.family for row in table.rows] == ["oxide", "halide"]
    assert table.rows[1].coverage_interval.startswith("53")
    assert table.rows[1].width == "0.500"
    assert table.notes == ()


def test_every_family_below_nominal_is_named_with_its_share_and_p() -> None:
    (text,) = notes(
        intermetallic=(15505, 17619), pnictide=(5305, 6001), oxide=(9400, 10000), elemental=(43, 50)
    )
    p = 4 * stats.binomtest(15505, 17619, 0.9, alternative="less").pvalue
    assert f"(p = {p:.1g})" in text
    assert "intermetallic, 88" in text
    assert "pnictide, 88" in text
    # 43 of 50 is the lowest share, and no more than chance
    assert "elemental" not in text
    assert "oxide" not in text


def test_a_family_far_below_the_others_is_named_with_theirs() -> None:
    (text,) = notes(oxide=(87, 103), halide=(217, 220))
    assert "oxide, 84" in text
    assert "99" in text


@pytest.mark.parametrize(
    "counts",
    [
        {"carbide": (94, 100), "oxide": (330, 330)},  # above the promise, and far below the others
        {"oxide": (88, 100), "halide": (91, 100)},
    ],
)
def test_nothing_is_said_of_coverage_where_no_family_is_below(counts: dict[str, Any]) -> None:
    assert notes(**counts) == ()


def test_a_share_just_below_nominal_is_never_rounded_to_nominal() -> None:
    (text,) = notes(oxide=(89_600, 100_000), halide=(90_100, 100_000))
    assert "oxide, 89.6\N{NARROW NO-BREAK SPACE}%" in text


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
