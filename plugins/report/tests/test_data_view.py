"""The data section: each number by hand, and what must not be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlas_core.data.predictions import Predictions
from atlas_report.data_view import data_view
from atlas_report.source import Source

NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def noted(**changes: Any) -> dict[str, Any]:
    """Return what an audit notes of ten materials, two formulas of which have two values."""
    found: dict[str, Any] = {
        "rows": {"train": 6, "test": 4},
        "edges": [-4.0, -2.0, 0.0],
        "counts": {"train": [2, 4], "test": [1, 3]},
        "beyond": 0,
        "elements": {"train": {"O": 40, "Ba": 12, "Kr": 1}, "test": {"O": 3}},
        "formulas": 7,
        "repeated": {"formulas": 3, "rows": 6, "equal": 1},
        "disagreeing": [
            {"formula": "BaTiO3", "ids": ["a", "b"], "values": [-3.51, -1.69], "rows": 2},
            {"formula": "TiO2", "ids": ["c", "d"], "values": [-3.2, -3.0], "rows": 2},
        ],
        "more": 0,
    }
    return found | changes


def source(
    found: Mapping[str, Any] | None,
    *,
    mae: float | None = 0.1,
    tolerance: float | None = None,
    shared: float = 0.25,
    near: float = 0.5,
    dataset: Mapping[str, Any] | None = None,
    target: tuple[float, ...] = (0.0, 0.1, 5.0, 9.0),
) -> Source:
    n = len(target)
    rows = Predictions(
        ids=np.array([f"m{i}" for i in range(n)]), formula=np.full(n, "NaCl"),
        arm=np.full(n, "x"), fold=np.full(n, "f"), parts=np.full(n, "test"),
        target=np.array(target), mean=np.zeros(n),
    )  # fmt: skip
    figures = {"shared_formula": {"in_domain": shared}, "near_duplicates": {"in_domain": near}}
    audit: dict[str, Any] = {"folds": [{"fold": "f", "figures": figures}], "limits": {"near": 0.03}}
    if found is not None:
        audit["data"] = found
    exam = {"x": {"classes": [{"error_tolerance": tolerance}]}} if tolerance else {}
    scored = {} if mae is None else {"mae": {"value": mae}}
    return Source(
        manifest={"dataset": {"target": "e_form", "unit": "eV/atom", "task": "regression",
                              **(dataset or {})}},
        metrics={"arms": {"x": {"parts": {"test": {"metrics": scored}}}}},
        rows={"x": rows}, records=[], active={}, stated={}, exam=exam, audit=audit,
    )  # fmt: skip


def sentences(own: Source) -> str:
    view = data_view(own)
    assert view is not None
    return "\n".join(view.sentences)


def test_a_run_without_a_note_on_its_data_has_no_such_section() -> None:
    assert data_view(source(None)) is None
    assert data_view(source({"rows": {"other": 3}})) is None
    assert data_view(source(noted(elements=[]))) is None


def test_repeats_and_overlap_are_counted() -> None:
    text = sentences(source(noted()))
    assert (
        "Of 7 formulas, 3 occur more than once (6 materials); one has the same value twice" in text
    )
    assert (
        f"Of the in-domain test materials, 25{NARROW}% have a formula of the training set" in text
    )
    assert f"(element fractions within 0.03) it is 50{NARROW}%" in text
    assert "In fewer than 10 training materials: Kr (1)." in text


def test_values_that_disagree_are_named_beside_what_chance_gives() -> None:
    # 3 times 0.1 is the limit; of the pairs of (0, 0.1, 5, 9) all but one are farther apart
    text = sentences(source(noted()))
    assert (
        "Of the 3 formulas that occur more than once, 1 has values more than 0.30 eV/atom (3 times"
        f" the mean in-domain error of x) apart (of all pairs of test materials 83{NARROW}%): other"
        " phases, or labels that are wrong."
    ) in text
    view = data_view(source(noted(), dataset={"url": "https://x.org/{id}"}))
    assert view is not None
    (one,) = view.suspects
    assert (str(one.formula), one.low, one.high, one.apart, one.rows) == (
        "BaTiO<sub>3</sub>", f"{MINUS}3.51", f"{MINUS}1.69", "1.82", "2",
    )  # fmt: skip
    assert 'href="https://x.org/a"' in one.low_id


def test_the_error_tolerance_is_the_limit_where_there_is_one() -> None:
    text = sentences(source(noted(), tolerance=0.15))
    assert "2 have values more than 0.15 eV/atom (the error tolerance) apart" in text


def test_nothing_is_suspected_where_values_agree() -> None:
    own = source(noted(), tolerance=2.0)
    text = sentences(own)
    assert (
        "None of the 3 formulas that occur more than once has values more than 2.0 eV/atom (the"
        " error tolerance) apart."
    ) in text
    assert "wrong" not in text
    view = data_view(own)
    assert view is not None
    assert view.suspects == ()


def test_where_nothing_repeats_nothing_is_said_of_it() -> None:
    once = noted(
        repeated={"formulas": 0, "rows": 0, "equal": 0}, disagreeing=[],
        elements={"train": {"O": 40}, "test": {"O": 3}},
    )  # fmt: skip
    text = sentences(source(once, shared=0.0, near=0.0))
    assert text.split("\n") == [
        "Each of the 7 formulas occurs once.",
        "No in-domain test material has a formula of the training set.",
    ]


def test_without_an_error_nothing_is_a_limit() -> None:
    view = data_view(source(noted(), mae=None))
    assert view is not None
    assert view.suspects == ()
    assert "apart" not in "\n".join(view.sentences)


def test_a_list_that_was_cut_is_no_count() -> None:
    text = sentences(source(noted(more=12), tolerance=0.1))
    assert "more than once, at least 2 have values" in text
    assert "at least" not in sentences(source(noted(more=12)))  # the second listed one agrees


def test_formulas_of_both_classes_are_named() -> None:
    binary = {"task": "binary", "unit": "", "class_names": ["not a metal", "metal"]}
    both = [{"formula": "VO2", "ids": ["a", "b"], "values": [0.0, 1.0], "rows": 2}]
    found = noted(
        edges=[-0.5, 0.5, 1.5], disagreeing=both, repeated={"formulas": 1, "rows": 2, "equal": 0}
    )
    own = source(found, dataset=binary, target=(0.0, 0.0, 1.0, 1.0))
    # of the six pairs of two and two, four are of both
    assert (
        "The formula that occurs more than once has materials of both classes, “not a metal”"
        f" and “metal” (of all pairs of test materials 67{NARROW}%): other phases"
    ) in sentences(own)
    agreed = source({**found, "disagreeing": []}, dataset=binary)
    assert "once has no materials of both classes" in sentences(agreed)
    view = data_view(own)
    assert view is not None
    (one,) = view.suspects
    assert (one.low, one.high, one.apart) == ("not a metal", "metal", "")
    assert "metal" in view.panels[0].svg


def test_the_histogram_says_how_many_lie_beyond_it() -> None:
    view = data_view(source(noted(beyond=3)))
    assert view is not None
    assert "3 materials beyond the axis count in its last bins" in view.panels[0].caption
    assert view.elements[0] == ("O", ("40", "3"))
    assert view.parts == ("training", "in-domain")
