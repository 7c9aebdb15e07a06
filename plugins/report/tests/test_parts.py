"""The report's small pieces, each against a value worked out by hand or by another library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import make_run

from atlas_core.data.meaning import Meaning
from atlas_core.data.predictions import Predictions
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.finished import read_run
from atlas_core.metrics.registry import figures, installed_metrics
from atlas_pages import formatting, palette
from atlas_pages.svg import drawing, to_file
from atlas_registry.loading import Registry
from atlas_report import beside, learning_figures, metric_labels, pairs, periodic, views
from atlas_report.class_figures import roc_points
from atlas_report.components import with_options
from atlas_report.figures import rms_bins, sampled
from atlas_report.provenance import citation, provenance
from atlas_report.source import Source, source_of
from atlas_report.worst import worst_rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.16123, "0.161"),
        (104.8, "105"),
        (-2.5, "−2.50"),
        (0.0, "0"),
        (12345.6, "12\u202f346"),
        (3.2e-7, "3.20e−7"),
        (float("inf"), "∞"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


def test_a_value_is_no_more_precise_than_its_interval() -> None:
    assert metric_labels.shown({"value": 0.003539, "low": -0.07, "high": 0.068}, "plain") == "0.00"
    assert (
        metric_labels.interval({"value": 104.8, "low": 95.2, "high": 115.3}, "target")
        == "95 to 115"
    )


def test_an_interval_without_width_is_not_shown() -> None:
    assert metric_labels.interval({"value": 0.5, "low": 0.5, "high": 0.5}, "target") == ""


def test_formulas_get_subscripts_and_are_escaped() -> None:
    assert formatting.formula("Ca3(PO4)2") == "Ca<sub>3</sub>(PO<sub>4</sub>)<sub>2</sub>"
    assert formatting.formula("<b>2") == "&lt;b&gt;2"


def test_options_that_are_not_the_defaults_follow_the_name_briefly() -> None:
    chosen = {
        "use": "graph",
        "options": {"shells": "whole", "radius": 8.0, "elements": ["F", "Cl"]},
        "changed": ["elements", "shells"],
    }
    assert with_options(chosen) == "graph (elements F Cl, shells whole)"
    assert with_options({**chosen, "changed": []}) == "graph"
    assert with_options({"use": "graph", "options": {"radius": 8.0}}) == "graph"
    many = {"use": "net", "options": {f"o{i}": i for i in range(6)}}
    many["changed"] = [*many["options"]]
    assert with_options(many) == "net (o0 0, o1 1, o2 2, 3 more)"
    long = {"use": "net", "options": {"a": "x" * 99}, "changed": ["a"]}
    assert with_options(long) == f"net (a {'x' * 27}…)"


def test_a_doi_becomes_a_link_and_other_text_is_escaped() -> None:
    link = citation("A <b>, 10.1002/qua.24917.")
    assert link == (
        'A &lt;b&gt;, <a href="https://doi.org/10.1002/qua.24917" rel="noreferrer">'
        "10.1002/qua.24917</a>."
    )
    assert citation("javascript:alert(1)") == "javascript:alert(1)"


def test_elements_stand_where_the_periodic_table_has_them() -> None:
    where = {s: periodic.place(ATOMIC_NUMBER[s]) for s in ("H", "He", "B", "Ca", "Sc", "Hf", "Og")}
    assert where["H"] == (0, 0)
    assert where["He"] == (17, 0)
    assert where["B"] == (12, 1)
    assert where["Ca"] == (1, 3)
    assert where["Sc"] == (2, 3)
    assert where["Hf"] == (3, 5)
    assert where["Og"] == (17, 6)
    assert len({periodic.place(z) for z in ATOMIC_NUMBER.values()}) == 118


def test_a_cell_shows_its_error_and_its_count() -> None:
    tables = [{"F": {"n": 1301, "mae": 0.712}, "O": {"n": 1, "mae": 0.1}}]
    svg = periodic.table(tables[0], periodic.edges(tables), unit="eV", label="errors")
    assert "<title>F: MAE 0.712 eV, 1\N{NARROW NO-BREAK SPACE}301 materials</title>" in svg
    assert "<title>O: MAE 0.100 eV, 1 material</title>" in svg


def test_elements_that_do_not_differ_from_the_mean_have_no_color_and_do_not_stretch_the_scale() -> (
    None
):
    noise = {s: {"n": 40, "mae": 100.0 + k, "apart": False} for k, s in enumerate(("W", "Fe"))}
    svg = periodic.table(noise, periodic.edges([noise]), unit="MPa", label="errors")
    assert "var(--ramp" not in svg
    assert "no element differs" in svg
    mixed = noise | {"O": {"n": 9, "mae": 2.0, "apart": True}, "F": {"n": 9, "mae": 4.0}}
    edges = periodic.edges([mixed])
    assert 2 < edges[0] < edges[-1] < 4
    svg = periodic.table(mixed, edges, unit="eV", label="errors")
    assert ">largest 4.0</text>" in svg
    cells = {
        title: svg.partition(f"<title>{title}: ")[0].rpartition('<g style="')[2]
        for title in ("W", "O", "F")
    }
    assert "--ramp" not in cells["W"]
    assert "--ramp0" in cells["O"]
    assert "--ramp6" in cells["F"]


def test_color_steps_separate_the_extremes() -> None:
    edges = periodic.edges([{s: {"n": 9, "mae": v} for s, v in {"H": 0.1, "F": 10.0}.items()}])
    assert len(edges) == palette.RAMP_STEPS - 1
    assert np.allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))
    assert 0.1 < edges[0] < edges[-1] < 10


def test_the_roc_agrees_with_scikit_learn_on_ties() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    negative, positive = rng.integers(0, 6, 80).astype(float), rng.integers(2, 9, 50).astype(float)
    truth = np.r_[np.zeros(80), np.ones(50)]
    expected = metrics.roc_auc_score(truth, np.r_[negative, positive])
    fpr, tpr, area = roc_points(negative, positive)
    assert area == pytest.approx(expected)
    assert (fpr[-1], tpr[-1]) == (1, 1)


def test_bins_hold_the_root_mean_square_of_sigma_and_error() -> None:
    x, y = rms_bins(
        np.r_[np.full(10, 3.0), np.full(10, 4.0)], np.r_[np.full(10, 1.0), np.zeros(10)]
    )
    assert x.tolist() == [3.0, 4.0]
    assert y.tolist() == [1.0, 0.0]


def test_a_sample_is_not_the_head() -> None:
    rows = sampled(10_000, limit=100)
    assert len(np.unique(rows)) == 100
    assert rows.max() > 9_000
    assert sampled(5).tolist() == [0, 1, 2, 3, 4]


def test_a_file_has_the_light_colors() -> None:
    text = to_file('<svg viewBox="0 0 10 20"><path style="fill: var(--in)"/></svg>')
    assert palette.COLORS["in"][0] in text
    assert 'width="10pt" height="20pt"' in text


FIGURES = figures(installed_metrics(Registry()).described())


def test_levels_that_differ_in_the_seventh_digit_have_two_labels() -> None:
    labels = [
        getattr(metric_labels.metric(FIGURES, f"picp_{v!r}"), "label", "")
        for v in (0.9999991, 0.9999992)
    ]
    assert labels == [
        "99.99991\N{NARROW NO-BREAK SPACE}% coverage",
        "99.99992\N{NARROW NO-BREAK SPACE}% coverage",
    ]


def some_rows(ids: list[str]) -> Predictions:
    n = len(ids)
    return Predictions(
        ids=np.array(ids),
        formula=np.full(n, "NaCl"),
        fold=np.array([str(k) for k in range(n)]),
        arm=np.full(n, "x"),
        parts=np.full(n, "test"),
        target=np.zeros(n),
        mean=np.ones(n),
    )


def test_a_dot_is_called_a_prediction_and_repeated_materials_are_counted() -> None:
    text = views.dots({"test": some_rows(["a", "b", "a"]), "ood_test": some_rows(["a"])})
    assert "4 predictions of 2 materials, up to 3 each" in text
    alone = views.dots({"test": some_rows(["a", "b"]), "ood_test": some_rows(["c"])})
    assert "up to" not in alone
    assert "3 predictions" not in alone


METRICS = {"task": "regression", "arms": {name: {"parts": {}} for name in "abc"}}
SOURCE = Source({"dataset": {"task": "regression", "unit": "eV"}}, METRICS, {}, [], {}, "")


def test_two_arms_with_the_same_errors_do_not_differ() -> None:
    rows = some_rows([f"m{k}" for k in range(12)])
    same = pairs.pair_of(SOURCE, [rows], [rows])
    assert same is not None
    said = pairs.difference(SOURCE, "x", "y", same)
    assert said == "y and x have the same error (12 shared rows)."
    few = some_rows([f"m{k % 9}" for k in range(36)])
    assert pairs.pair_of(SOURCE, [few], [few]) is None


def with_errors(ids: list[str], error: np.ndarray) -> Predictions:
    """Return rows whose absolute errors are given."""
    return replace(some_rows(ids), mean=error)


def test_arms_are_held_against_each_other_over_materials_not_rows() -> None:
    rng = np.random.default_rng(4)
    own, shift = rng.exponential(1, 60), rng.normal(0.08, 0.5, 60)
    ids = [f"m{k}" for k in range(60)]
    pair = pairs.pair_of(SOURCE, [with_errors(ids, own)], [with_errors(ids, own + 5 + shift)])
    assert pair is not None
    once = pair.over_materials
    pair = pairs.pair_of(
        SOURCE,
        [with_errors(ids * 6, np.tile(own, 6))],
        [with_errors(ids * 6, np.tile(own + 5 + shift, 6))],
    )
    assert pair is not None
    six = pair.over_materials
    assert (six.low, six.high) == pytest.approx((once.low, once.high))
    # the standard error of a mean over 60 materials, not over 360 rows
    half = 1.96 * shift.std() / np.sqrt(60)
    assert (six.high - six.low) / 2 == pytest.approx(half, rel=0.1)


def leads(errors: dict[str, np.ndarray]) -> list[str]:
    """Return the sentences on arms of these absolute errors on the same materials."""
    n = len(next(iter(errors.values())))
    held = {name: with_errors([f"m{k}" for k in range(n)], own) for name, own in errors.items()}
    return list(beside.beside(replace(SOURCE, rows=held)).paired)


def test_an_arm_errs_least_only_where_no_other_may_be_its_equal() -> None:
    rng = np.random.default_rng(7)
    own = 1 + rng.exponential(1, 200)
    like = np.abs(own + rng.normal(0, 0.2, 200))
    one = leads({"a": own, "b": own + 0.5 + rng.normal(0, 0.1, 200), "c": own + 1})
    other = leads({"a": own, "b": like, "c": own + 1})
    assert sum("of the 3 arms" in text for text in one) == 1
    assert sum("of the 3 arms" in text for text in other) == 0
    assert not any("of the 3 arms" in text for text in leads({"a": own, "b": own, "c": own + 1}))
    assert len(one) - len(other) == 1


def test_bold_is_only_what_has_an_interval_that_lies_apart() -> None:
    low = {"value": 0.1, "low": 0.08, "high": 0.12}
    high = {"value": 0.3, "low": 0.25, "high": 0.35}
    assert beside.apart(low, high)
    assert beside.apart(high, low)
    assert not beside.apart(low, {"value": 0.11, "low": 0.1, "high": 0.13})
    assert not beside.apart({"value": 0.1}, {"value": 0.3})
    assert not beside.apart({"value": 0.1}, high)
    assert not beside.apart(low, {"value": 0.3})


def bad_label(mean: float, twins: dict[str, dict[str, float]]) -> str:
    rows = Predictions(
        ids=np.array(["a"]),
        formula=np.array(["BaO3Ti"]),
        fold=np.array(["0"]),
        arm=np.array(["x"]),
        parts=np.array(["test"]),
        target=np.array([-1.69]),
        mean=np.array([mean]),
    )
    return worst_rows(rows, twins, meaning=Meaning())[0][0].twin


def test_a_label_is_doubted_only_where_its_formula_in_training_speaks_for_the_prediction() -> None:
    assert bad_label(-3.3, {"0": {"a": -3.51}}) == (
        "The label may be wrong or belong to another phase: the same formula in training has"
        " \N{MINUS SIGN}3.51"
    )
    assert bad_label(-3.3, {}) == ""
    assert bad_label(-3.3, {"1": {"a": -3.51}}) == ""  # another fold
    assert bad_label(1.0, {"0": {"a": -3.51}}) == ""  # the twin is as far from the prediction


def test_a_line_is_wider_than_those_on_top_of_it() -> None:
    x, y = np.arange(4.0), np.ones(4)
    lines = dict.fromkeys(("random", "a", "b", "c"), (x, y, y, y))
    with drawing():
        drawn = learning_figures.active_learning(lines, label="error", reference="random")
    widths = [line.get_linewidth() for line in drawn.figure.axes[0].lines]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 4
    marks = [(line.get_marker(), line.get_color()) for line in drawn.figure.axes[0].lines]
    assert len(set(marks)) == 4
    assert drawn.note == "The lines of random, a, b and c coincide."


def test_the_time_of_a_run_says_which_fits_were_only_looked_up(tmp_path: Path) -> None:
    source = source_of(read_run(make_run(tmp_path / "run")))

    def took(*stages: str) -> str:
        listed = [{"stage": one, "arm": "forest", "fold": "f", "seconds": 1.0} for one in stages]
        manifest = {**source.manifest, "seconds": 14.2, "stages": listed}
        return str(dict(provenance(replace(source, manifest=manifest)).facts)["Took"])

    assert took("load", "fit", "calibrate", "predict") == "14 s"
    assert took("fit, stored", "calibrate", "fit") == "14 s; 1 of 2 fits from the cache"
    every = (
        "fit, stored",
        "nested without F, stored",
        "round-3",
        "final fit",
        "cross-fit 2, stored",
    )
    assert took("features magpie", *every, "predict") == "14 s; 3 of 5 fits from the cache"
