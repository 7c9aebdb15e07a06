"""The views that all arms share, against values worked out by hand or by another library."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from run_folders import make_run

from atlas_core.finished import foreign, read_run
from atlas_pages import palette
from atlas_pages.svg import drawing
from atlas_report import coverage, figures, periodic
from atlas_report.source import Source, source_of
from atlas_report.views import views_of


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = make_run(tmp_path_factory.mktemp("views") / "run", records=False)
    with foreign(folder):
        return source_of(read_run(folder))


def bias(mean: float, *, off: bool, half: float = 0.1, n: int = 40) -> dict[str, float]:
    return {"n": n, "mae": abs(mean), "mean_error": mean, "off": off,
            "low": mean - half, "high": mean + half}  # fmt: skip


def cell(svg: str, symbol: str) -> str:
    """Return what is drawn of an element, and before it the colors of its group."""
    before, _, after = svg.partition(f'data-element="{symbol}"')
    return before.rpartition('<g style="')[2] + after.partition("</g>")[0]


def test_signed_errors_are_orange_too_high_purple_too_low_and_neutral_without_a_bias() -> None:
    table = {
        "O": bias(0.9, off=True),
        "F": bias(-0.8, off=True),
        "W": bias(0.05, off=False),
        "Fe": {"n": 3, "mae": 2.0, "mean_error": 2.0, "off": False},
    }
    svg = periodic.signed_table(table, periodic.reach([table], 0.1), unit="eV", label="biases")
    assert "color: var(--high3)" in cell(svg, "O")
    assert "predicted too high" in cell(svg, "O")
    assert "color: var(--low3)" in cell(svg, "F")
    assert "mean signed error −0.800 eV (−0.900 to −0.700), 40 materials; predicted too low" in svg
    for symbol in ("W", "Fe"):
        assert "color: var(--surface)" in cell(svg, symbol)
        assert "too high" not in cell(svg, symbol)
    assert "no bias shown" in cell(svg, "W")
    assert "too few materials" in cell(svg, "Fe")
    assert ">largest +0.90</text>" in svg


def test_a_table_without_a_bias_has_neither_colors_nor_a_scale() -> None:
    noise = {symbol: bias(0.4, off=False, half=0.5) for symbol in ("W", "Fe")}
    svg = periodic.signed_table(noise, periodic.reach([noise], 0.1), unit="eV", label="biases")
    assert not re.search(r"--(high|low)\d", svg)
    assert "by more than chance" in svg


def test_a_small_bias_is_pale_on_a_scale_that_reaches_to_the_size_of_errors() -> None:
    tiny = {"O": bias(0.01, off=True, half=0.005)}
    svg = periodic.signed_table(tiny, periodic.reach([tiny], 0.5), unit="eV", label="biases")
    assert "color: var(--high1)" in cell(svg, "O")
    # noise far larger than any bias does not stretch it
    noisy = tiny | {"W": bias(9.0, off=False, half=10.0)}
    assert periodic.reach([noisy], 0.5) == periodic.reach([tiny], 0.5)
    # 95 % quantile of 0.3 and 0.9 is 0.87; the last of three steps begins at two thirds
    both = {"O": bias(0.3, off=True), "F": bias(-0.9, off=True)}
    assert periodic.reach([both], 0.1) == pytest.approx(0.87 * 2 / 3)


@pytest.mark.parametrize("unit", [0.9, 0.00123, 456.0])
def test_the_labels_of_a_scale_do_not_run_into_one_another(unit: float) -> None:
    table = {"O": bias(unit, off=True), "F": bias(-unit, off=True)}
    sizes = {"O": {"n": 40, "mae": unit}, "F": {"n": 40, "mae": 3 * unit}}
    for svg in (
        periodic.signed_table(table, periodic.reach([table], 0.0), unit="eV/atom", label="x"),
        periodic.table(sizes, periodic.edges([sizes]), unit="eV/atom", label="x"),
    ):
        below = max(float(y) for y in re.findall(r'<text x="[^"]*" y="([^"]*)"', svg))
        texts = re.findall(rf'<text x="([^"]*)" y="{below:g}"[^>]*>([^<]*)<', svg)
        ends = sorted(
            (float(x) - 3.2 * len(t), float(x) + 3.2 * len(t)) for x, t in texts if float(x) > 0
        )  # 6.4 units a character at 10.6 px
        assert len(ends) >= 3
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(ends))


def rgb(name: str, scheme: int) -> np.ndarray:
    text = palette.COLORS[name][scheme]
    return np.array([int(text[k : k + 2], 16) / 255 for k in (1, 3, 5)])


DEFICIENT = {
    # Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), severity 1
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize("kind", DEFICIENT)
def test_the_sides_of_the_diverging_scale_stay_apart_for_the_color_blind(
    scheme: int, kind: str
) -> None:
    matrix = np.array(DEFICIENT[kind])
    for step in range(1, palette.SIDE_STEPS + 1):
        low, high = (matrix @ rgb(f"{side}{step}", scheme) for side in ("low", "high"))
        assert np.abs(low - high).max() > 0.1, step


def test_a_constant_interval_is_as_wide_as_the_calibration_errors_ask_for(source: Source) -> None:
    rows = source.rows["forest"]
    error = np.sort(np.abs(rows.part("calibration").mean - rows.part("calibration").target))
    assert len(error) == 40  # ceil(41 x 0.9) = 37
    found = coverage.constant_interval(source, "forest", "test", 0.9)
    test = rows.part("test")
    inside = np.mean(np.abs(test.mean - test.target) <= error[36])
    assert found == pytest.approx((2 * error[36], inside))
    assert (
        coverage.constant_interval(source, "forest", "test", 0.99) is None
    )  # ceil(41 x 0.99) > 40


def test_bars_are_the_metrics_of_a_level_with_their_intervals(source: Source) -> None:
    bars = coverage.bars_of(source, "forest")
    assert [(bar.level, bar.part) for bar in bars] == [(0.9, "test"), (0.9, "ood_test")]
    for bar in bars:
        own = source.rows["forest"].part(bar.part)
        inside = (own.lower[0.9] <= own.target) & (own.target <= own.upper[0.9])
        assert bar.covered == pytest.approx(inside.mean())
        assert bar.width == pytest.approx((own.upper[0.9] - own.lower[0.9]).mean())
        assert bar.ends is not None
        assert bar.ends[0] < bar.covered < bar.ends[1]
    with drawing():
        axes = coverage.coverage_bars(bars, unit="eV", top=coverage.widest(bars)).figure.axes
    assert len(axes) == 2
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert set(labels) == {"in-domain", "held out", "nominal", "constant width"}


def test_arms_share_the_axes_of_a_view(source: Source) -> None:
    views = views_of(source)
    assert views is not None
    limits = {p.limits for p in views.panels if p.name.endswith("predicted-against-true")}
    assert len(limits) == 1  # box and ends of both axes
    tops = {
        arm: max(one.top for one in figures.risks(
            {part: rows.part(part) for part in ("test", "ood_test")}, binary=False
        ))
        for arm, rows in source.rows.items()
    }  # fmt: skip
    with drawing():
        drawn = figures.risk_coverage(
            figures.risks({"test": source.rows["forest"].part("test")}, binary=False),
            unit="eV",
            binary=False,
            top=max(tops.values()),
        )
    assert drawn.figure.axes[0].get_ylim()[1] == pytest.approx(1.08 * max(tops.values()))


def test_the_error_of_what_is_kept_is_the_mean_of_the_most_confident(source: Source) -> None:
    rows = source.rows["forest"].part("test")
    (curve,) = figures.risks({"test": rows}, binary=False)
    half = int(np.argmin(np.abs(curve.kept - 0.5)))
    n = round(curve.kept[half] * len(rows))
    first = np.argsort(rows.std, kind="stable")[:n]
    assert curve.by_sigma[half] == pytest.approx(np.abs(rows.mean - rows.target)[first].mean())
    assert curve.all_rows == pytest.approx(np.abs(rows.mean - rows.target).mean())


def test_a_view_that_no_arm_has_is_named_and_not_drawn(source: Source) -> None:
    arms = {arm: replace(rows, std=np.full(len(rows), np.nan)) for arm, rows in source.rows.items()}
    views = views_of(replace(source, rows=arms))
    assert views is not None
    assert "Error when the doubtful are dropped" not in [view.title for view in views.views]
    assert any("no sigma is stated" in note for note in views.notes)


def test_an_arm_that_lacks_a_view_says_so_in_its_column(source: Source) -> None:
    forest = source.rows["forest"]
    arms = {**source.rows, "forest": replace(forest, std=np.full(len(forest), np.nan))}
    views = views_of(replace(source, rows=arms))
    assert views is not None
    (view,) = [one for one in views.views if one.title == "Error when the doubtful are dropped"]
    assert ["no sigma" in column.missing for column in view.columns] == [True, False]


def test_a_run_without_test_rows_has_no_views(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", sizes={"calibration": 40}, records=False)
    with foreign(folder):
        assert views_of(source_of(read_run(folder))) is None


def test_a_label_set_of_both_classes_is_no_set_of_one_label(source: Source) -> None:
    # by hand: of five sets two hold both labels, so their mean width is 0.4 and 60 % hold one label
    entry = {"value": 0.4, "low": 0.1, "high": 0.7}
    assert coverage.one_label(entry) == pytest.approx((0.6, 0.3, 0.9))
    assert coverage.one_label({"value": 0.4}) == pytest.approx((0.6, 0.6, 0.6))
    assert coverage.one_label(None) is None
    parts = {"test": {"metrics": {"picp_0.9": {"value": 0.8, "low": 0.7, "high": 0.9},
                                  "mpiw_0.9": entry}}}  # fmt: skip
    arms = {"forest": {**source.metrics["arms"]["forest"], "parts": parts}}
    binary = replace(source, metrics={**source.metrics, "task": "binary", "arms": arms})
    (bar,) = coverage.bars_of(binary, "forest")
    assert bar.single == pytest.approx((0.6, 0.3, 0.9))
    assert bar.constant is None  # its baseline is the set of both labels
    with drawing():
        above, below = coverage.coverage_bars([bar], unit="", top=0.0).figure.axes
    labels = [text.get_text() for text in above.get_legend().get_texts()]
    assert set(labels) == {"in-domain", "nominal", "always both labels"}
    assert [line.get_ydata()[0] for line in above.lines][-1] == 1.0  # always contains the truth
    assert [line.get_ydata()[0] for line in below.lines][-1] == 0.0  # and never names a class
    assert [line.get_ydata()[0] for line in below.lines][1] == pytest.approx(0.6)
    # intervals of a number have widths, and no share of one label
    assert all(own.single is None for own in coverage.bars_of(source, "forest"))


def test_the_scatter_gives_the_mean_error_with_interval_and_unit(source: Source) -> None:
    views = views_of(source)
    assert views is not None
    for arm in source.rows:
        (svg,) = (str(p.svg) for p in views.panels if p.name == f"{arm}-predicted-against-true")
        assert ">mean signed error (eV/atom)</text>" in svg
        for part, name in (("test", "in-domain"), ("ood_test", "held out")):
            found = re.search(
                rf">{name} ([+−]?[\d.]+) \(([+−]?[\d.]+) to ([+−]?[\d.]+)\)</text>", svg
            )
            assert found is not None, (arm, part)
            value, low, high = (float(one.replace("−", "-")) for one in found.groups())
            own = source.rows[arm].part(part)
            assert value == pytest.approx((own.mean - own.target).mean(), abs=0.006)
            assert low < value < high
            assert found[1].startswith("+") == (value > 0)
    # a run whose metrics have no mean error gets no number that lacks an interval
    arms = {arm: {**own, "parts": {}} for arm, own in source.metrics["arms"].items()}
    views = views_of(replace(source, metrics={**source.metrics, "arms": arms}))
    assert views is not None
    assert not any("mean signed error (eV/atom)</text>" in str(panel.svg) for panel in views.panels)


def test_curves_of_what_is_kept_differ_in_marks_and_not_in_color_alone(source: Source) -> None:
    parts = {part: source.rows["forest"].part(part) for part in ("test", "ood_test")}
    with drawing():
        curves = figures.risks(parts, binary=False)
        drawn = figures.risk_coverage(curves, unit="eV", binary=False, top=1.0)
    lines = drawn.figure.axes[0].lines
    looks = [
        (line.get_marker(), line.get_linestyle(), line.get_markerfacecolor() == line.get_color())
        for line in lines
    ]
    assert len(set(looks)) == len(lines) == 6
    assert {mark for mark, _, _ in looks} == {"o", "s"}
