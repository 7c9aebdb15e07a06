"""Which arms are one entry of the page, and in which order they stand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import make_run, write_report

from atlas_core.finished import foreign, read_run
from atlas_report.answer import answers, ranking
from atlas_report.entries import entries
from atlas_report.error_strip import error_strip
from atlas_report.learning_figures import coinciding
from atlas_report.source import Source, source_of

SIX = ("a", "b", "c", "d", "e", "f")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("entries") / "run", arms=SIX, records=False)


@pytest.fixture(scope="module")
def source(folder: Path) -> Source:
    with foreign(folder):
        return source_of(read_run(folder))


def copied(source: Source, **changes: np.ndarray) -> Source:
    """Return a source whose arm c has the predictions of a, its rows in another order."""
    rows = source.rows["a"]
    twin = replace(rows.take(np.arange(len(rows))[::-1]), **changes)
    return replace(source, rows={**source.rows, "c": twin})


def test_arms_with_identical_predictions_are_one_entry_that_names_both(source: Source) -> None:
    found = entries(copied(source))
    assert sorted(found.rows) == ["a", "b", "d", "e", "f"]
    assert found.called("a") == "a and c"
    assert found.called("b") == "b"
    assert "a and c" in [one.arm for one in answers(found)]
    strip = error_strip({"": found})
    assert strip is not None
    assert len(strip.marks) == 2 * 5


def test_arms_that_differ_in_one_row_or_in_their_labels_stay_two(source: Source) -> None:
    n = len(source.rows["a"])
    mean = source.rows["a"].mean[::-1] + np.where(np.arange(n) == 7, 1e-9, 0.0)
    assert len(entries(copied(source, mean=mean)).rows) == 6
    score = source.rows["a"].ood_score[::-1] + np.where(np.arange(n) == 7, 1e-9, 0.0)
    assert len(entries(copied(source, ood_score=score)).rows) == 6
    labeled = {"a": {("f", "x", "test"): "trust"}, "c": {("f", "x", "test"): "defer"}}
    assert len(entries(replace(copied(source), labeled=labeled)).rows) == 6


def test_more_than_three_arms_are_ranked_by_their_error_on_the_held_out_class(
    source: Source,
) -> None:
    def error(arm: str) -> float:
        rows = source.rows[arm].part("ood_test")
        return float(np.abs(rows.mean - rows.target).mean())

    assert list(entries(source).rows) == sorted(SIX, key=error) != list(SIX)
    three = replace(source, rows={arm: source.rows[arm] for arm in ("c", "b", "a")})
    assert list(entries(three).rows) == ["c", "b", "a"]


def test_of_many_arms_each_says_its_first_finding_and_of_three_all(source: Source) -> None:
    ranked = entries(source)
    for one, arm in zip(answers(ranked), ranked.rows, strict=True):
        first = next(f for f in source.verdict[arm]["findings"] if f["place"] == "headline")
        assert one.sentence == f"{first['text']}."
        assert len(one.sentence) < len(source.verdict[arm]["headline"])
    three = replace(source, rows={arm: source.rows[arm] for arm in ("a", "b", "c")})
    assert [one.sentence for one in answers(entries(three))] == [
        source.verdict[arm]["headline"] for arm in ("a", "b", "c")
    ]


def test_the_first_screen_of_many_arms_has_the_best_and_folds_the_others(
    folder: Path, source: Source
) -> None:
    ranked = entries(source)
    best = next(iter(ranked.rows))
    assert ranking(ranked) == (
        "Lowest error held out of 6 arms; where intervals overlap, the order may be chance."
    )
    text = write_report(folder).read_text(encoding="utf-8")
    first = text[text.index('id="answer"') : text.index('class="strip-box"')]
    shown, _, folded = first.partition('<details class="rest"><summary>and 5 more, in this order')
    assert re.findall(r'href="#arm-(\w)"', shown) == [best]
    assert re.findall(r'href="#arm-(\w)"', folded) == list(ranked.rows)[1:]
    strip = text[text.index('class="strip-box"') : text.index('class="todo"')]
    assert strip.count('<th scope="row">') == 6  # both parts of an arm share a row
    assert strip.count('class="whisker out"') == strip.count('class="whisker"') == 6
    # without a held-out class the order is that of the error in-domain, and says so
    inside = replace(
        source,
        metrics={**source.metrics, "arms": {
            arm: {**own, "parts": {"test": own["parts"]["test"]}}
            for arm, own in source.metrics["arms"].items()
        }},
    )  # fmt: skip
    assert ranking(entries(inside)).startswith("Lowest error in-domain of 6 arms")


def test_a_few_arms_are_not_ranked(source: Source) -> None:
    three = entries(replace(source, rows={arm: source.rows[arm] for arm in ("a", "b", "c")}))
    assert ranking(three) == ""
    strip = error_strip({"": three})
    assert strip is not None
    assert [len(row) for row in strip.rows] == [1] * 6


def test_sections_of_many_arms_are_folded_and_the_views_show_the_first_three(
    folder: Path, source: Source
) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    order = list(entries(source).rows)
    glance = text[text.index('id="views"') : text.index('id="verdict"')]
    assert re.findall(r'data-name="(\w)-predicted-against-true"', glance) == order[:3]
    others = re.findall(r'data-name="(\w)-predicted-against-true"', text[len(glance) :])
    assert set(order[3:]) <= set(others)
    assert text.count("<details><summary><h2>") == 6
    ids = re.findall(r'<div id="arm-(\w)">', text)
    assert ids == order  # a link to it opens the section


def test_lines_of_arms_that_coincide_are_named_and_others_are_not() -> None:
    x, y = np.array([10.0, 20.0]), np.array([1.0, 2.0])
    lines = {"greedy": (x, y, y, y), "ucb": (x, y + x * 1e-9, y, y), "random": (x, y, y, y)}
    assert coinciding(lines) == [["greedy", "random"]]
    assert coinciding({"greedy": lines["greedy"], "ucb": lines["ucb"]}) == []
