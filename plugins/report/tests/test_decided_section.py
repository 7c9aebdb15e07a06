"""What a page shows of decisions: sentences with their limits, curves counted by hand, rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import make_decided, make_run, write_report
from scipy import stats

from atlas_core.api import Decisions
from atlas_core.finished import read_run
from atlas_report.answer import answers
from atlas_report.decided import briefly, decided_views, title
from atlas_report.decided_figures import LabelShare, label_shares, wrong_of_kept
from atlas_report.explorer import explorer
from atlas_report.html import HtmlReport  # noqa: F401 - imported before figures are drawn
from atlas_report.source import Source, source_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes = {"calibration": 80, "test": 200, "ood_test": 60}
    return make_decided(make_run(tmp_path_factory.mktemp("run") / "run", sizes=sizes))


@pytest.fixture(scope="module")
def source(folder: Path) -> Source:
    return source_of(read_run(folder))


def said(source: Source, *findings: tuple[str, dict[str, Any]]) -> str:
    """Return the sentence of the first screen where the verdict has these findings in-domain."""
    own = [
        {"code": code, "figures": {"part": "in_domain", **figures}, "text": "t"}
        for code, figures in findings
    ]
    return briefly(replace(source, verdict={"forest": {"findings": own}}), "forest")


RIGHT = {"value": 0.8, "low": 0.7, "high": 0.9}
CALLS = {"right": RIGHT, "constant": {"yes": False, "right": 0.6}}


def test_the_first_screen_claims_no_more_than_the_findings(source: Source) -> None:
    better = said(source, ("calls_better", CALLS))
    start = "Stable or not, against the 9 phases of <b>: in-domain 80\u202f% of the calls are right"
    assert better == f"{start} (calling all unstable: 60\u202f%)."
    level = said(source, ("calls_no_better", CALLS))
    assert level == f"{start} (calling all unstable: 60\u202f%, which they are not shown to beat)."
    worse = said(source, ("calls_worse", CALLS))
    assert worse == f"{start} (calling all unstable: 60\u202f%, which is better)."
    trusted = ("trusted_calls_missed", {"right": RIGHT})
    missed = said(source, ("calls_better", CALLS), trusted)
    assert missed.endswith("of those labeled trust 80\u202f%, which misses the target.")
    assert "misses" not in said(source, ("calls_better", CALLS), ("trusted_calls_few", {}))
    assert said(source, ("calls_few", {"n": 3})).endswith("in-domain too few to judge.")
    assert said(source, ("trust_in_domain", {})) == ""


def test_the_first_screen_has_the_labels_of_decisions_beside_those_of_values(
    source: Source,
) -> None:
    shown = answers(source)[0]
    rows = source.decided["forest"]
    trusted = (rows.part("test").label == "trust").mean()
    assert shown.decided.startswith("Stable or not, against the 9 phases")
    assert [bar.part for bar in shown.decisions] == ["in-domain", "held out"]
    assert shown.decisions[0].text.endswith("of 200 decisions")
    assert shown.decisions[0].shares[0].width == pytest.approx(100 * trusted)
    without = answers(replace(source, decided={}))[0]
    assert (without.decided, without.decisions) == ("", ())


def test_the_most_certain_are_kept_and_equal_ones_together(source: Source) -> None:
    rows = source.decided["forest"].take(np.arange(20))
    probability = np.array([0.99] * 8 + [0.05] * 4 + [0.6] * 8)
    true = np.array([True] * 8 + [True, False, False, False] + [True] * 3 + [False] * 5)
    rows = Decisions(
        **{
            **vars(rows),
            "probability": probability,
            "border": np.zeros(20),
            "target": np.where(true, -1.0, 1.0),
        }
    )
    kept, wrong = wrong_of_kept(rows)
    # by hand: 8 right (too few for a mean), then 4 of which one is wrong, then 8 of which 5 are
    np.testing.assert_allclose(kept, [12 / 20, 1.0])
    np.testing.assert_allclose(wrong, [1 / 12, 6 / 20])


def test_the_most_probable_stand_first_each_once_beside_the_border(source: Source) -> None:
    view = decided_views(source)[0]
    rows = source.decided["forest"]
    order = np.argsort(-rows.probability, kind="stable")
    assert [str(one.id) for one in view.candidates] == rows.ids[order][:15].tolist()
    first, one = rows.take(order[:1]), view.candidates[0]
    assert float(one.distance.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        first.mean[0] - first.border[0], abs=5e-4
    )
    assert (one.at < view.zero) == (first.mean[0] < first.border[0])
    assert one.low <= one.at <= one.high
    assert str(one.against) == "LiF + MgF<sub>2</sub>"
    assert one.right == (first.target[0] <= first.border[0])


def test_labels_are_drawn_with_wilsons_interval_and_the_target(source: Source) -> None:
    own = source.metrics["arms"]["forest"]["decisions"]["parts"]["test"]["labels"]["trust"]
    ends = stats.binomtest(round(own["right"] * own["n"]), own["n"]).proportion_ci(method="wilson")
    assert (own["low"], own["high"]) == pytest.approx((ends.low, ends.high))
    share = LabelShare("test", "trust", own["n"], own["right"], (own["low"], own["high"]))
    (axes,) = label_shares([share], target=0.9).figure.axes
    assert 0.9 in {float(line.get_xdata()[0]) for line in axes.get_lines()}


def test_the_table_of_all_materials_says_what_was_decided_of_each(source: Source) -> None:
    data = json.loads(str(explorer(source).data))
    assert data["asked"]["yes"] == "stable"
    rows, columns = source.decided["forest"], data["columns"]
    own = columns["decided"][0]
    at = {name: row for row, name in enumerate(columns["id"])}
    for i in range(0, len(rows), 9):
        row = at[str(rows.ids[i])]
        assert own["p"][row] == pytest.approx(rows.probability[i], rel=1e-4)
        assert own["distance"][row] == pytest.approx(rows.mean[i] - rows.border[i], rel=1e-4)
        assert (own["label"][row], own["against"][row]) == (rows.label[i], "LiF + MgF2")
    bare = json.loads(str(explorer(replace(source, decided={})).data))
    assert bare["asked"] is None
    assert bare["columns"]["decided"] == [None, None]


def test_the_page_has_the_section_with_a_reference_and_not_without(
    folder: Path, tmp_path: Path
) -> None:
    page = write_report(folder).read_text(encoding="utf-8")
    assert '<section id="decided">' in page
    assert "<h2>Stable or not</h2>" in page
    assert "the 9 phases of &lt;b&gt;" in page
    assert "the 9 phases of <b>" not in page
    bare = write_report(make_run(tmp_path / "bare")).read_text(encoding="utf-8")
    assert 'id="decided"' not in bare
    assert "calls" not in bare.split("<script")[0]


def test_another_reference_has_generic_words(source: Source) -> None:
    plain = replace(source, manifest={**source.manifest, "reference": {}})
    assert title(plain) == "At or below the border or not"
