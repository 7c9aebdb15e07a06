"""An option may be a component: it is named, checked, built, kept and told like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Cli, MakePlugin

from atlas_core.errors import SpecError
from atlas_core.kinds import KINDS
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import BoundComponent, Plan
from atlas_core.store import read_json
from atlas_registry.loading import Registry
from atlas_tools.schema import schema_of_specs

SPEC = """\
atlas: 1
name: nested
seed: 3
sample: 150
levels: [0.9]
dataset: flla
split: random
arms:
  a:
    featurizer: element_fractions
    model: ridge
    uq:
      use: committee
      options:
        members: [knn, {use: ridge, options: {alpha: 2.0}}]
"""
MEMBERS = "[knn, {use: ridge, options: {alpha: 2.0}}]"
MODEL = '''
"""Nine, whatever it sees."""

import numpy as np

from atlas_core.api import Component, Config, hookimpl


class NineConfig(Config):
    """No options."""


class Nine:
    def __init__(self, config):
        pass

    def fit(self, features, target, context):
        pass

    def predict(self, features):
        return np.full(len(features), NUMBER)


@hookimpl
def atlas_model():
    return [Component("nine", NineConfig, Nine)]
'''


def plan_of(tmp_path: Path, text: str, *overrides: str) -> Plan:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path, Registry(), overrides=overrides)


def problem_of(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        plan_of(tmp_path, text, *overrides)
    (problem,) = caught.value.problems
    return problem.replace(str(tmp_path / "s.yaml"), "s.yaml")


def committee(plan: Plan) -> BoundComponent:
    return plan.arms["a"]["uq"]


def test_members_are_filled_and_read_back_as_the_same_spec(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SPEC)
    filled = plan.describe()
    assert filled["arms"]["a"]["uq"]["options"]["members"] == [
        {"use": "knn", "options": {"k": 5, "weights": "distance"}},
        {"use": "ridge", "options": {"alpha": 2.0}},
    ]
    again = plan_of(tmp_path, json.dumps(filled))
    assert again.describe() == filled
    assert committee(again).identity == committee(plan).identity


def test_a_member_is_built_anew_each_time_with_its_options(tmp_path: Path) -> None:
    config = committee(plan_of(tmp_path, SPEC)).config
    first, second = (config.members[1].build() for _ in range(2))  # type: ignore[attr-defined]
    assert type(first).__name__ == "Ridge"
    assert first is not second


@pytest.mark.parametrize(
    ("old", "new", "place", "reported"),
    [
        ("[knn,", "[kn,", "15:19  arms.a.uq.options.members.0.use", "did you mean 'knn'"),
        ("alpha", "alhpa", "15:47  arms.a.uq.options.members.1.options.alhpa", "'alpha'?"),
        ("2.0", "-1", "15:47  arms.a.uq.options.members.1.options.alpha", "greater than 0"),
        ("[knn,", "[5,", "15:19  arms.a.uq.options.members.0", ""),
        (MEMBERS, "[]", "15:9  arms.a.uq.options.members", "at least 1"),
        ("[knn,", "[cgcnn,", "15:19  arms.a.uq.options.members.0.use", "needs features:graphs"),
    ],
)
def test_a_wrong_member_is_reported_at_its_line(
    tmp_path: Path, old: str, new: str, place: str, reported: str
) -> None:
    problem = problem_of(tmp_path, SPEC.replace(old, new))
    assert problem.startswith(f"s.yaml:{place}: "), problem
    assert reported in problem


def test_set_changes_the_option_of_a_member(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SPEC, "arms.a.uq.options.members.0.options.k=3")
    assert [one.config.model_dump() for one in committee(plan).nested] == [
        {"k": 3, "weights": "distance"},
        {"alpha": 2.0},
    ]


def test_what_is_said_of_a_component_says_its_members_and_their_origin(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SPEC)
    said = committee(plan).describe()
    assert [one["use"] for one in said["nested"]] == ["knn", "ridge"]
    assert {one["distribution"] for one in said["nested"]} == {"atlas-materials-sklearn"}
    assert said["changed"] == ["members"]
    usual = plan_of(tmp_path, SPEC.partition("      options:")[0]).arms["a"]["uq"].describe()
    assert usual["changed"] == []
    assert "nested" not in plan.arms["a"]["model"].describe()
    assert [one.name for one in plan.components if one.kind == "model"] == [
        "ridge", "knn", "ridge",
    ]  # fmt: skip


def test_the_schema_refers_to_the_kind() -> None:
    registry = Registry()
    registry.problems(KINDS)  # all at once, as the command does
    definitions = schema_of_specs(registry)["$defs"]
    members = definitions["uq.committee"]["properties"]["options"]["properties"]["members"]
    assert members["items"] == {"$ref": "#/$defs/model"}


def test_a_run_keeps_its_members_and_trains_anew_when_their_code_changes(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = MODEL.replace("NUMBER", "9.0")
    folder = make_plugin("nine", "nine_module", code, {"atlas.model": {"nine": "nine_module"}})
    atlas = Cli(cli.cwd, cli.cache, [str(folder)])
    text = SPEC.replace("[knn,", "[nine,")
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")

    def ran() -> tuple[Path, bytes]:
        done = atlas("run", "s.yaml", "--json", "--save-fitted", fresh=True)
        assert done.returncode == 0, done.stderr
        run = cli.cwd / json.loads(done.stdout)["run"]
        return run, (run / "predictions.parquet").read_bytes()

    run, first = ran()
    lock = (run / "spec.lock.yaml").read_text(encoding="utf-8")
    assert "# model nine: nine 1.0" in lock
    assert "nine" in read_json(run / "manifest.json")["packages"]
    asked = atlas("predict", run, "Fe2O3", "--json")
    assert asked.returncode == 0, asked.stderr
    (folder / "nine_module.py").write_text(MODEL.replace("NUMBER", "0.0"), encoding="utf-8")
    other, second = ran()
    assert other != run
    assert second != first
