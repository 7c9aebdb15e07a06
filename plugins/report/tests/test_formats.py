"""The reports as components: their contract, and what strange names and figures become in them."""

from __future__ import annotations

import copy
import csv
import io
from dataclasses import replace

import pytest

from atlas_core.observe import FinishedRun, ReportFigure, ReportSection
from atlas_core.testing.toy_runs import STRANGE, toy_run
from atlas_report.csv import CsvReport
from atlas_report.hooks import NoOptions
from atlas_report.html import HtmlReport
from atlas_report.markdown import MarkdownReport, plain

CURVE = "<svg viewBox='0 0 9 9'><path id='a' d='M0 0L9 9'/><use href='#a'/></svg>"
SECTION = ReportSection(
    "Mine & yours",
    ("It <i>rises</i>.",),
    (ReportFigure("A <line>", CURVE, "It rises & falls."), ReportFigure("B", CURVE, "Again.")),
)


def test_a_figure_of_an_observer_stands_on_the_page_and_as_a_file() -> None:
    files = {str(f.path): f.content for f in HtmlReport(NoOptions()).report(toy_run(), [SECTION])}
    page = files["report.html"].decode()
    section = page[page.index("Mine &amp; yours") : page.index('id="provenance"')]
    assert '<h3 class="title">A &lt;line&gt;</h3>' in section
    assert "<figcaption>It rises &amp; falls.</figcaption>" in section
    assert 'aria-label="A &lt;line&gt;. It rises &amp; falls."' in section
    ids = ["added-1-0-a-line-a", "added-1-1-b-a"]  # two figures of a page share no id
    for one in ids:
        assert section.count(f'id="{one}"') == section.count(f'href="#{one}"') == 1
    own = [name for name in files if name.startswith("figures/added-")]
    assert own == ["figures/added-1-0-a-line.svg", "figures/added-1-1-b.svg"]
    assert files[own[0]].startswith(b"<?xml")


def test_a_figure_that_acts_is_left_out_of_the_page_and_named() -> None:
    bad = ReportFigure("C", "<svg viewBox='0 0 9 9'><script>alert(1)</script></svg>", "It acts.")
    some = ReportSection("Mine", ("Text.",), (bad, *SECTION.figures))
    files = {str(f.path): f.content for f in HtmlReport(NoOptions()).report(toy_run(), [some])}
    page = files["report.html"].decode()
    assert "The figure &#39;C&#39; is left out: the SVG has an element &lt;script&gt;" in page
    assert "<script>alert(1)" not in page
    own = [name for name in files if name.startswith("figures/added-")]
    assert own == ["figures/added-1-1-a-line.svg", "figures/added-1-2-b.svg"]


def test_a_section_holds_figures_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="ReportFigure"):
        ReportSection("A", ("B.",), ("<svg/>",))


def test_a_card_shows_verdict_and_errors_and_lets_no_name_act() -> None:
    bad = "<script>alert(1)</script>"
    run = replace(
        toy_run(arms=(bad,)), verdict={bad: {"grade": bad, "headline": bad, "findings": []}}
    )
    page = HtmlReport(NoOptions()).card(run)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5
    value = run.metrics["arms"][bad]["parts"]["test"]["metrics"]["mae"]["value"]
    assert f"{value:.3g}</text>" in page


def test_a_spreadsheet_takes_no_name_for_a_formula() -> None:
    files = {f.path.name: f.content for f in CsvReport(NoOptions()).report(toy_run(), [])}
    rows = list(csv.DictReader(io.StringIO(files["predictions.csv"].decode(), newline="")))
    assert [row["id"] for row in rows[: len(STRANGE)]] == [
        "'=1+1", STRANGE[1], STRANGE[2], "'@SUM(A1)", "x\ny",
    ]  # fmt: skip
    run = toy_run()
    assert [float(row["mean"]) for row in rows] == run.predictions.mean.tolist()
    assert {row["outside"] for row in rows} == {"true", "false"}


def test_markdown_shows_names_as_they_are() -> None:
    run = toy_run(arms=("a|b", "c*d"))
    (file,) = MarkdownReport(NoOptions()).report(run, [SECTION])
    page = file.content.decode()
    assert "# Does \\<it\\> \\| work?" in page
    assert "### a\\|b: " in page
    table = [line for line in page.splitlines() if line.startswith("| MAE")]
    assert table[0].replace("\\|", "").count("|") == 6  # a metric, and two parts of two arms
    assert "- A \\<line\\>: It rises \\& falls." in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("random_forest", "random_forest"),
        ("_it_ [a](b)\n`c`", "\\_it\\_ \\[a\\](b) \\`c\\`"),
        ("<b> & \\ #", "\\<b\\> \\& \\\\ \\#"),
    ],
)
def test_plain_text_of_markdown(text: str, shown: str) -> None:
    assert plain(text) == shown


def repeated_run() -> FinishedRun:
    """Return a run of two trainings, whose MAE is 0.1 and 0.3 in every part."""
    run = toy_run()
    metrics = copy.deepcopy(dict(run.metrics))
    spread = {"values": [0.1, 0.3], "mean": 0.2, "std": 0.1414213562373095}
    for arm in metrics["arms"].values():
        parts = {part: {"mae": spread} for part in arm["parts"]}
        arm["repeats"] = {"n": 2, "parts": parts, "ood": {"score": {"auroc": spread}}}
    manifest = {**run.manifest, "repeats": 2}
    return replace(run, metrics=metrics, manifest=manifest, repeats=(run.predictions,))


def test_tables_hold_mean_and_deviation_over_trainings_where_there_are_several() -> None:
    for run, times in ((repeated_run(), True), (toy_run(), False)):
        (page,) = (
            f.content.decode()
            for f in HtmlReport(NoOptions()).report(run, [])
            if str(f.path) == "report.html"
        )
        assert ("0.20 ± 0.14</small>" in page) == times
        assert ("0.20 ± 0.14 over 2 trainings</small>" in page) == times  # on the card of an arm
        card = HtmlReport(NoOptions()).card(run)
        assert (f"Over 2 trainings: {run.arms[0]}, test 0.20 ± 0.14" in card) == times
        assert ("of the first of 2 trainings" in page) == times
        assert ("of one training: another seed can change the number more" in page) != times
        (text,) = (f.content.decode() for f in MarkdownReport(NoOptions()).report(run, []))
        assert ("; 0.20 ± 0.14" in text) == times
        assert ("of the first of 2 trainings; with ±" in text) == times
        tables = {str(f.path): f.content for f in CsvReport(NoOptions()).report(run, [])}
        rows = list(csv.DictReader(io.StringIO(tables["tables/metrics.csv"].decode("utf-8-sig"))))
        assert ("std_of_trainings" in rows[0]) == times
        if times:
            found = {row["metric"]: row for row in rows if row["part"] == "test"}
            assert float(found["mae"]["std_of_trainings"]) == pytest.approx(0.1414213562373095)
            others = [r for r in rows if r["metric"] not in ("mae", "ood_auroc_score")]
            assert {row["mean_of_trainings"] for row in others} <= {""}
