"""What differs between two runs: their locked specs, key by key, and what made them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from from_columns import METRICS, predictions
from ruamel.yaml import YAML
from support import ROOT

from atlas_core.observe import FinishedRun
from atlas_core.spec.load import load_plan
from atlas_core.spec.model import Spec
from atlas_registry.loading import Registry
from atlas_report import comparison
from atlas_report.comparison_page import _first_line
from atlas_report.comparison_table import format_comparison
from atlas_report.run_differences import changes, differing, varied
from atlas_report.spec_facts import NO_NUMBER

compare = partial(comparison.compare, seed=0, metrics=METRICS)
ABOUT = {"task": "regression", "target": "gap", "unit": "eV", "sha256": "0" * 64}
FOREST = {
    "model": {"use": "random_forest", "options": {"trees": 100}},
    "uq": {"use": "tree_variance", "options": {}},
}
BOOSTING = {
    "model": {"use": "boosting", "options": {"rate": 0.1}},
    "ood": {"use": "novelty", "options": {}},
}


class Maker:
    """Makes runs of ten rows, each in a folder with a locked spec of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.made = home, 0

    def __call__(self, spec: dict[str, Any] | None = None, **manifest: object) -> FinishedRun:
        self.made += 1
        folder = self.home / str(self.made)
        folder.mkdir()
        with (folder / "spec.lock.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(spec or {}, file)
        target = np.arange(10.0)
        columns = {
            "id": np.array([f"m{k}" for k in range(10)]),
            "arm": np.full(10, next(iter((spec or {}).get("arms") or {"x": None}))),
            "fold": np.full(10, "0"),
            "part": np.full(10, "test"),
            "target": target,
            "mean": target + 0.5,
        }
        about = {"dataset": ABOUT, **manifest}
        return FinishedRun(folder, about, {"levels": [0.9]}, predictions(columns))


@pytest.fixture
def made(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def shown(found: tuple[Any, ...]) -> list[tuple[str, str, str]]:
    return [(one.what, one.a, one.b) for one in found]


def every_key() -> dict[str, Any]:
    """Return a locked spec that has each key of the format, whether or not they fit together."""
    plans = [
        load_plan(ROOT / "specs" / f"{name}.yaml", Registry())
        for name in ("stability_exam", "active_learning_formation", "trust_crystals")
    ]
    specs = [json.loads(json.dumps(plan.describe())) for plan in plans]
    whole = {key: value for one in specs for key, value in one.items()}
    whole["arms"] = {**specs[1]["arms"], **specs[2]["arms"]}
    forest = whole["arms"]["forest"]
    forest["featurizer"] = [forest["featurizer"], {"use": "stoichiometry", "options": {"p": [2]}}]
    whole |= {"repeats": 3, "final": True, "data": {"sha256": "a"}, "sample": 9}
    whole["trust"]["price"] = {"label": 1.0, "mistake": 9.0}
    whole["deduplicate"] = "mean"
    whole["metrics"] = ["mae", {"use": "precision_top", "options": {"share": 0.1}}]
    whole["reference"] = specs[0]["reference"]
    return whole


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value in nested mappings and lists."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for k, inner in enumerate(value):
            yield from places(inner, (*at, k))
    elif value != {}:
        yield at


def with_other(spec: dict[str, Any], at: tuple[Any, ...]) -> dict[str, Any]:
    other = copy.deepcopy(spec)
    inner: Any = other
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = "another" if inner[at[-1]] != "another" else "one more"
    return other


def test_a_change_of_any_key_of_a_spec_is_a_difference() -> None:
    spec = every_key()
    assert {*spec} == {*Spec.model_fields}
    assert differing(({}, {}), (spec, copy.deepcopy(spec))) == ()
    named = {}
    for at in places(spec):
        if at[0] in NO_NUMBER or at == ("seed",):  # the seed is the manifest's
            continue
        found = differing(({}, {}), (spec, with_other(spec, at)))
        assert found, f"a change of {at} is not named"
        named[at] = found[0].what
    assert len(named) > 150
    assert named[("arms", "forest", "featurizer", 1, "options", "p")].endswith("stoichiometry.p")
    assert named[("trust", "nested", "rows")] == "trust.nested.rows"
    assert named[("arms", "forest", "surrogate", "model", "options", "trees")] == (
        "arms.forest.surrogate.model.trees"
    )
    inside = ("reference", "options", "phases", "options", "task")
    assert named[inside] == "reference.phases.task"


@pytest.mark.parametrize("key", ["repeats", "final", "trust", "reference", "active_learning"])
def test_a_block_that_only_one_spec_has_is_a_difference(made: Maker, key: str) -> None:
    spec = every_key()
    found = changes(made(spec), made({name: one for name, one in spec.items() if name != key}))
    assert found
    assert all(one.what.split(".")[0] == key for one in found)


def test_a_spec_that_spells_out_what_is_left_out_does_not_differ(made: Maker) -> None:
    spec = {"arms": {"x": FOREST}}
    assert changes(made(spec), made({**spec, "repeats": 1, "final": False})) == ()


def test_a_name_or_a_question_is_no_difference(made: Maker) -> None:
    spec = {"arms": {"x": FOREST}, "name": "one", "question": "Is it so?"}
    assert changes(made(spec), made({**spec, "name": "two", "question": "Is it?"})) == ()


def test_a_component_put_beside_another_is_named_and_its_neighbor_is_not(made: Maker) -> None:
    magpie = {"use": "magpie", "options": {"statistics": 6}}
    beside = {"use": "stoichiometry", "options": {"p": [2, 3]}}
    a = made({"arms": {"x": {**FOREST, "featurizer": magpie}}})
    b = made({"arms": {"x": {**FOREST, "featurizer": [magpie, beside]}}})
    assert shown(changes(a, b)) == [("arms.x.featurizer", "magpie", "magpie, stoichiometry")]
    first = format_comparison(compare(a, b)).splitlines()[0]
    assert first == ("A and B differ only in arms.x.featurizer (magpie | magpie, stoichiometry)")
    other = {"use": "stoichiometry", "options": {"p": [2]}}
    c = made({"arms": {"x": {**FOREST, "featurizer": [magpie, other]}}})
    assert shown(changes(b, c)) == [("arms.x.featurizer.stoichiometry.p", "[2, 3]", "[2]")]
    twice = made({"arms": {"x": {**FOREST, "featurizer": [beside, other]}}})
    once = made({"arms": {"x": {**FOREST, "featurizer": [beside, beside]}}})
    assert shown(changes(twice, once)) == [("arms.x.featurizer.stoichiometry 2.p", "[2]", "[2, 3]")]


def test_another_component_is_compared_by_the_options_that_both_have(made: Maker) -> None:
    """Options and code of a component that one run lacks say nothing beside its name."""
    code = {"distribution": "plugin", "source": "a" * 64}
    runs = []
    for use, options, distribution in (
        ("random_forest", {"trees": 300, "depth": 9}, "forests"),
        ("extra_trees", {"trees": 100, "bootstrap": True}, "trees"),
    ):
        model = {"use": use, "options": options}
        manifest = {"x": {"model": {**model, **code, "distribution": distribution}}}
        runs.append(made({"arms": {"x": {**FOREST, "model": model}}}, arms=manifest))
    assert shown(changes(*runs)) == [
        ("arms.x.model", "random_forest", "extra_trees"),
        ("arms.x.model.trees", "300", "100"),
    ]


def test_an_option_that_is_none_in_one_run_is_a_difference(made: Maker) -> None:
    runs = [
        made({"arms": {"x": {"model": {"use": "forest", "options": {"max_depth": depth}}}}})
        for depth in (None, 5)
    ]
    assert shown(changes(*runs)) == [("arms.x.model.max_depth", "none", "5")]


def test_the_first_line_says_what_differs_and_nothing_else(made: Maker) -> None:
    packages = {"numpy": "2.4.6", "scipy": "1.17"}
    other = {**FOREST, "model": {"use": "random_forest", "options": {"trees": 300}}}
    a = made({"arms": {"x": FOREST}}, seed=18, packages=packages)
    b = made({"arms": {"x": other}}, seed=8, packages=packages | {"numpy": "2.5.0"})
    found = compare(a, b)
    assert shown(found.changes) == [
        ("seed", "18", "8"),
        ("arms.x.model.trees", "100", "300"),
        ("numpy", "2.4.6", "2.5.0"),
    ]
    first = format_comparison(found).splitlines()[0]
    assert first == (
        "A and B differ in seed (18 | 8); arms.x.model.trees (100 | 300); numpy (2.4.6 | 2.5.0)"
    )
    json.dumps(found.as_dict(), allow_nan=False)


def test_an_arm_that_only_one_run_has_is_one_short_line(made: Maker) -> None:
    a, b = made({"arms": {"x": FOREST}}), made({"arms": {"x": FOREST, "y": BOOSTING}})
    assert shown(changes(a, b)) == [("arm y", "none", "boosting")]
    first = format_comparison(compare(a, b)).splitlines()[0]
    assert first == "A and B differ only in arm y (none | boosting)"


def test_an_arm_that_some_runs_have_is_compared_among_these(made: Maker) -> None:
    other = {**BOOSTING, "model": {"use": "boosting", "options": {"rate": 0.2}}}
    arms = ({"x": FOREST, "y": BOOSTING}, {"x": FOREST, "y": other}, {"x": FOREST})
    found = varied([made({"arms": one}) for one in arms])
    assert [(one.what, one.values) for one in found] == [
        ("arm y", ("boosting", "boosting", "none")),
        ("arms.y.model.rate", ("0.1", "0.2", "none")),
    ]


def test_single_arms_of_two_names_are_compared_part_by_part(made: Maker) -> None:
    """They are paired though their names differ, so what they are made of is what differs."""
    other = {**FOREST, "model": {"use": "random_forest", "options": {"trees": 300}}}
    found = changes(made({"arms": {"x": FOREST}}), made({"arms": {"y": other}}))
    assert shown(found) == [("arm", "x", "y"), ("arm.model.trees", "100", "300")]


def test_runs_that_do_not_differ_say_so_and_one_change_is_called_the_only_one(made: Maker) -> None:
    code = {"use": "forest", "distribution": "forests"}
    a, b = (
        made({"arms": {"x": FOREST}}, arms={"x": {"model": {**code, "source": source}}})
        for source in "ab"
    )
    assert changes(a, a) == ()
    assert format_comparison(compare(a, a)).splitlines()[0] == (
        "A and B do not differ in seed, data, spec, code, versions or machine"
    )
    first = format_comparison(compare(a, b)).splitlines()[0]
    assert first == "A and B differ only in code of forests (a | b)"


def test_code_beside_and_inside_another_component_counts_but_not_that_of_reports(
    made: Maker,
) -> None:
    def run_of(source: str, key: str) -> FinishedRun:
        part = {"use": "one", "distribution": "ones", "source": source}
        model = {"use": "all", "distribution": "every", "source": "c"}
        if key == "reports":
            return made({"arms": {"x": FOREST}}, arms={"x": {"model": model}}, reports=[part])
        return made({"arms": {"x": FOREST}}, arms={"x": {"model": {**model, key: [part]}}})

    for key in ("beside", "nested"):
        found = changes(run_of("a", key), run_of("b", key))
        assert shown(found) == [("code of ones", "a", "b")]
    assert changes(run_of("a", "reports"), run_of("b", "reports")) == ()


def test_long_values_are_shown_where_they_differ(made: Maker) -> None:
    metrics = ["mae", "rmse", "r2", "median_ae", "mean_error", "share_too_high", "crps"]
    a, b = (made({"arms": {"x": FOREST}, "metrics": one}) for one in (metrics, metrics[:-1]))
    (found,) = changes(a, b)
    assert found.what == "metrics"
    assert "crps" in found.a
    assert "crps" not in found.b
    assert found.a.startswith("…")


def test_a_title_names_two_differences_and_counts_the_others(made: Maker) -> None:
    extra = {**FOREST, "model": {"use": "extra_trees", "options": {"trees": 100}}}
    one, two = made({"arms": {"x": FOREST}}), made({"arms": {"x": extra}})
    names = ("A", "B")
    assert _first_line(names, varied((one, two))) == (
        "random_forest (A) against extra_trees (B), all else equal"
    )
    renamed = made({"arms": {"y": extra}})
    assert _first_line(names, varied((one, renamed))) == (
        "random_forest (A) against extra_trees (B) and arm x (A) against y (B)"
    )
    more = {**extra, "uq": {"use": "none_at_all", "options": {}}}
    other = made({"arms": {"x": more}, "sample": 100}, atlas="0.2.0", seed=3)
    seeded = replace(one, manifest={**one.manifest, "seed": 2})
    assert _first_line(names, varied((seeded, other))) == (
        "Seed 2 (A) against 3 (B), random_forest (A) against extra_trees (B) and 3 more differences"
    )
    both = [made({"arms": {"x": model, "y": model}}) for model in (FOREST, extra)]
    assert _first_line(names, varied(both)) == (
        "x model random_forest (A) against extra_trees (B) and"
        " y model random_forest (A) against extra_trees (B)"
    )
    assert _first_line(names, ()) == (
        "A and B do not differ in seed, data, spec, code, versions or machine"
    )
    three = [replace(one, manifest={**one.manifest, "seed": seed}) for seed in (1, 1, 2)]
    assert _first_line(("A", "B", "C"), varied(three)) == "A, B and C differ only in seed"
