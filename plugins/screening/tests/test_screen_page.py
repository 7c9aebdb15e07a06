"""What a screen's page and its lines say of a class and of a quantity."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from atlas_core.api import Meaning
from atlas_core.engine.reference import Reference
from atlas_pages import formatting
from atlas_pages.strip import Axis
from atlas_pages.svg import drawing
from atlas_screening import page
from atlas_screening.best import usual_distance
from atlas_screening.command import summary
from atlas_screening.page import (
    FEW,
    _answer,
    _columns,
    _counts,
    _edges,
    _panel,
    _shares,
    candidate_figure,
)
from atlas_screening.page_rows import collapsed, groups, row_view, shown_axis
from atlas_screening.table import listed

AXIS = Axis(0.0, 4.0)


def candidate(**more: Any) -> dict[str, Any]:
    return {
        "rank": 1, "formula": "NaCl", "id": "NaCl", "prediction": 1.0, "lower": 1.0, "upper": 1.0,
        "training_value": math.nan, "training_rows": 0, "impossible": "", "charges": "",
        "note": "", "reason": "", "nearest": [], "risk": 0.0, "expected_error": 0.1,
        "canonical": "ClNa", "written": "NaCl", **more,
    }  # fmt: skip


def facts(**more: Any) -> Any:
    known = {
        "task": "regression", "goal": "maximize", "unit": "", "screened": 1, "arm": "a",
        "fold": "f", "target": "metal", "words": "metal", "labels": None, "outside": None,
        "final": False, "meaning": Meaning(), "usual_distance": None, "level": 0.9,
        "decisions": None, "unseen_elements": 0,
    }  # fmt: skip
    return SimpleNamespace(**{**known, **more})


def near(distance: float, value: float = 1.0) -> dict[str, Any]:
    return {"id": "mp-1", "formula": "KCl", "value": value, "distance": distance}


def test_a_screen_for_a_class_states_no_certainty() -> None:
    binary = facts(task="binary")
    row = row_view([candidate()], 2, binary, AXIS)
    assert row["prediction"] == "above 0.99"
    assert row["interval"] == "class 1"
    assert row["risk"].startswith("less than")
    assert row_view([candidate(lower=0.0)], 2, binary, AXIS)["interval"] == "either class"
    assert row["mark"]["ends"] is None
    meaning = Meaning(class_names=("not a metal", "metal"), url="https://x.org/{id}")
    named = facts(task="binary", meaning=meaning)
    told = row_view([candidate(nearest=[near(0.1, 0.0)])], 2, named, AXIS)
    assert told["interval"] == "metal"
    ((_, value, _, place),) = told["nearest"]
    assert (value, "https://x.org/mp-1" in place) == ("not a metal", True)
    quantity = row_view([candidate(lower=0.5, risk=0.25)], 2, facts(), AXIS)
    assert (quantity["prediction"], quantity["interval"]) == ("1.00", "0.50 to 1.00")
    assert quantity["risk"] == formatting.percent(0.25)


@pytest.mark.parametrize(
    ("task", "shown"),
    [
        ("binary", "P(class 1) above 0.99 (90 % label set: class 1)"),
        ("regression", "1.00 (90 % interval 1.00 to 1.00)"),
    ],
)
def test_the_terminal_states_no_certainty_of_a_class(task: str, shown: str) -> None:
    result: Any = SimpleNamespace(
        facts=facts(task=task), top=[candidate()], folder=Path("out"), held=None
    )
    line = summary(result).splitlines()[1]
    assert line.endswith(shown)


def test_the_terminal_says_how_many_it_lists_and_gives_all_the_same_decimals() -> None:
    rows = [
        candidate(rank=k, prediction=value, lower=value - 0.5, upper=value + 0.25)
        for k, value in enumerate((-3.36125, -0.5, -0.0123, 0.1, 1.0, 2.0, 3.0), start=1)
    ]
    result: Any = SimpleNamespace(
        facts=facts(unit="eV", screened=7), top=rows, folder=Path("out"), held=None
    )
    lines = summary(result).splitlines()
    assert lines[1:4] == [
        "the first 5 of 7; the files have all:",
        "  1  NaCl  -3.36 eV (90 % interval -3.86 to -3.11)",
        "  2  NaCl  -0.50 eV (90 % interval -1.00 to -0.25)",
    ]
    assert lines[4].startswith("  3  NaCl  -0.01 eV")
    assert [line[:3] for line in lines[2:7]] == ["  1", "  2", "  3", "  4", "  5"]
    few: Any = SimpleNamespace(
        facts=facts(screened=2), top=[candidate(lower=math.nan, upper=math.nan)] * 2,
        folder=Path("out"), held=None,
    )  # fmt: skip
    assert summary(few).splitlines()[1:3] == ["  1  NaCl  1.00"] * 2


def test_a_prediction_its_interval_and_its_neighbors_stand_where_they_are_on_the_axis() -> None:
    own = candidate(prediction=1.0, lower=0.5, upper=3.0, nearest=[near(0.1, 2.0), near(0.2, 9.0)])
    mark = row_view([own], 2, facts(), AXIS)["mark"]
    # of an axis from 0 to 4; what lies beyond it stands at its end
    assert mark == {"at": 25.0, "ends": (12.5, 75.0), "near": [50.0, 100.0]}
    result: Any = SimpleNamespace(facts=facts(), rows=[own, candidate(lower=-math.inf)])
    axis = shown_axis(result)
    # from 0.5 to 9, and 3 % of 8.5 at each end; an end at infinity has no place
    assert (axis.first, axis.last) == pytest.approx((0.245, 9.255))


def test_a_composition_written_three_ways_is_one_row_that_names_them() -> None:
    rows = [
        candidate(formula="La2F5", id="a", canonical="F5La2", written="La2F5", rank=1),
        candidate(formula="NaCl", rank=2),
        candidate(formula="F5La2", id="b", canonical="F5La2", rank=3, prediction=1.0 + 1e-12),
        candidate(formula="La4F10", id="La4F10", canonical="F5La2", rank=4),
        candidate(formula="La2F5", id="z", canonical="F5La2", rank=5, prediction=1.5),
    ]
    found = collapsed(rows, 1e-9)
    # the last is another crystal: its prediction is its own
    assert [[row["rank"] for row in same] for same in found] == [[1, 3, 4], [2], [5]]
    view = row_view(found[0], 2, facts(), AXIS)
    assert view["same"] == [
        ("F<sub>5</sub>La<sub>2</sub>", "b", "3"),
        ("La<sub>4</sub>F<sub>10</sub>", "", "4"),
    ]


def test_the_own_spelling_of_a_formula_stays_beside_the_normalized_one() -> None:
    view = row_view([candidate(formula="Cl2Na2", id="x")], 2, facts(), AXIS)
    assert view["formula"] == "Cl<sub>2</sub>Na<sub>2</sub>"
    assert view["written"] == "NaCl"
    assert row_view([candidate()], 2, facts(), AXIS)["written"] == ""


def reference(points: np.ndarray) -> Reference:
    t = len(points)
    names = np.array([f"m{k}" for k in range(t)])
    return Reference(
        ids=names,
        formulas=names,
        canonical=names,
        elements=np.zeros(118, bool),
        target=np.zeros(t),
        space="fractions",
        points=points.astype(np.float32),
    )


def test_a_neighbor_is_said_to_be_so_many_times_as_far_as_usual() -> None:
    # on a line at 0, 1, 3, 7: the nearest others are 1, 1, 2 and 4 away, and their median is 1.5
    usual = usual_distance(reference(np.array([[0.0], [1.0], [3.0], [7.0]])))
    assert usual == 1.5
    view = row_view(
        [candidate(nearest=[near(3.45), near(9.0)])], 2, facts(usual_distance=1.5), AXIS
    )
    assert view["times"] == "Nearest: 2.3 times the usual distance"
    assert row_view([candidate(nearest=[near(3.45)])], 2, facts(), AXIS)["times"] == ""


def test_the_usual_distance_is_that_of_the_nearest_other_material() -> None:
    points = np.random.default_rng(0).standard_normal((50, 4))
    points[10] = points[20]  # two of them are one composition
    apart = cdist(points, points)
    np.fill_diagonal(apart, np.inf)
    expected = np.median(apart.min(axis=1))
    assert usual_distance(reference(points)) == pytest.approx(expected, rel=1e-6)
    assert usual_distance(reference(points[:1])) is None
    assert usual_distance(reference(np.zeros((6, 2)))) is None


def test_what_is_labeled_trust_is_described_wherever_it_stands() -> None:
    rank = np.array([3, 1, 2, 5, 4])
    labels = np.array(["trust", "verify", "verify", "trust", "defer"])
    assert listed(rank, labels, 2).tolist() == [True, True, True, True, False]
    assert listed(rank, labels, 1).tolist() == [True, True, False, False, False]
    assert listed(rank, None, 2).tolist() == [False, True, True, False, False]


def test_the_list_labeled_trust_comes_first_and_says_how_many_are_flagged() -> None:
    labels = np.array(["verify", "trust", "trust", "defer"])
    rows = [
        candidate(rank=k + 1, label=label, canonical=f"x{k}", outside=False)
        for k, label in enumerate(labels[:3])
    ]
    counts = {"trust": 2, "verify": 1, "defer": 1}
    result: Any = SimpleNamespace(
        facts=facts(labels=counts, screened=4),
        rows=rows,
        prediction=np.arange(4.0),
        labels=labels,
        outside=np.array([False, False, True, True]),
    )
    found = groups(result, AXIS)
    assert [(one.label, len(one.rows), one.more) for one in found] == [
        ("trust", 2, 0), ("verify", 1, 0), ("defer", 0, 1)
    ]  # fmt: skip
    assert found[0].title == "2 candidates: use the value; 1 flagged as unlike the training data"
    assert "flagged" not in found[1].title
    assert _answer(result.facts) == "Of 4 candidates, 2 are labeled trust, 1 verify, 1 defer."
    assert [width for _, _, width in _shares(result.facts)] == [50, 25, 25]
    assert "trust method" not in _answer(result.facts)
    assert _answer(facts(screened=4)) == (
        "4 candidates, ranked by the prediction. This run has no trust method, so nothing says"
        " which may be used; add “trust” to the spec."
    )
    assert "trust method" not in _answer(facts(screened=4, decisions={}))


def test_what_is_not_flagged_is_not_called_like_the_training_data() -> None:
    """UF6 in a run whose training lacked U may pass the detector, and is unseen all the same."""
    unlabeled: Any = SimpleNamespace(
        facts=facts(), labels=None, outside=np.array([False, False]), prediction=np.arange(2.0),
        training=np.arange(9.0),
    )  # fmt: skip
    svg = str(_panel(unlabeled, "gap", "eV").svg)
    assert "like the training data" not in svg
    assert "not flagged, n = 2" in svg
    known = {"in_training": 0, "repeated": 0, "impossible": 0, "incomplete_features": 0,
             "unreadable": 0}  # fmt: skip
    counts = dict(_counts(facts(outside=0, unseen_elements=1, **known)))
    assert counts["with an element never seen in training"] == "1"
    result: Any = SimpleNamespace(
        facts=facts(outside=0, unseen_elements=1), top=[], folder=Path("out"), held=None
    )
    assert "with an element never seen in training: 1" in summary(result)
    result.facts = facts(outside=0)
    assert "never seen" not in summary(result)


def test_a_bare_number_is_called_an_id_and_a_distance_a_distance() -> None:
    def place(own: str, **more: Any) -> str:
        row = row_view([candidate(nearest=[near(8.1) | {"id": own}])], 2, facts(**more), AXIS)
        return str(row["nearest"][0][3])

    assert place("1") == "id 1"
    assert place("mp-1") == "mp-1"
    assert ">17</a>" in place("17", meaning=Meaning(url="https://x.org/{id}"))
    template = (Path(page.__file__).parent / "templates/screen.html.j2").read_text("utf-8")
    assert "({{ id }}, distance {{ distance }})" in template


def test_true_values_beside_few_candidates_are_no_comb() -> None:
    training = np.random.default_rng(0).standard_normal(1000)
    values = np.concatenate([training, [0.0]])
    edges = _edges(training, values, most=25)
    advised = len(np.histogram_bin_edges(training, "fd")) - 1  # by numpy
    assert advised > 25
    assert len(edges) == 25 + 1
    assert len(_edges(training, values, most=60)) == advised + 1
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    assert len(_edges(np.ones(9), np.ones(9), most=25)) == 26  # no spread


@pytest.mark.parametrize("many", [FEW, FEW + 1])
def test_few_candidates_are_dots_and_many_are_stacked(many: int) -> None:
    values = np.linspace(0.0, 1.0, many)
    with drawing():
        figure = candidate_figure({"good": ("trust", values)}, np.ones(9), label="gap").figure
    (axes,) = figure.axes
    dots = [line for line in axes.lines if len(line.get_xdata()) == many]
    assert len(dots) == (many == FEW)
    if dots:
        np.testing.assert_array_equal(dots[0].get_xdata(), values)
        assert max(dots[0].get_ydata()) < 0
        assert all(tick >= 0 for tick in axes.get_yticks())


@pytest.mark.parametrize("many", [FEW, FEW + 1])
def test_the_axis_of_shares_reaches_the_highest_bar(many: int) -> None:
    training = np.array([0.0, 1.0, 1.0, 1.0])  # by hand: three of four lie in one bin
    with drawing():
        groups = {"good": ("trust", np.linspace(0.2, 0.8, many))}
        (axes,) = candidate_figure(groups, training, label="gap").figure.axes
        assert axes.get_ylim()[1] > 0.75


@pytest.mark.parametrize("task", ["regression", "binary"])
@pytest.mark.parametrize("labels", [None, {"trust": 1}])
def test_every_column_has_its_meaning_where_no_pointer_is(
    task: str, labels: dict[str, int] | None
) -> None:
    known = facts(task=task, labels=labels, level=0.9, space="fractions", usual_distance=0.25)
    columns = dict(_columns(known, intervals=True))
    template = (Path(page.__file__).parent / "templates/screen.html.j2").read_text("utf-8")
    head = template[template.index("<thead><tr>") :].partition("</tr></thead>")[0]
    titles = re.findall(r"<th[^>]*>([^{<]+)</th>", head)
    expected = {one for one in titles if one != "candidate"}
    if labels is None:
        expected -= {"risk", "expected error"}
    predicted = "P(" if task == "binary" else "predicted"
    assert len(columns) == len(expected) + 1
    assert expected <= set(columns)
    assert any(title.startswith(predicted) for title in columns)
    assert "The usual distance, 0.250, is the median" in columns["nearest in training"]
    assert ("gray ticks" in columns["on one axis"].lower()) == (task == "regression")
    # without intervals none is explained
    assert "interval" not in str(_columns(known, intervals=False))
    assert "label set" not in str(_columns(known, intervals=False))
