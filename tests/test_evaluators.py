"""Another lab's evaluator: it decides what stands in metrics, audit and verdict of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Cli, MakePlugin, worked_plugin

from atlas_core.engine.finish import evaluated
from atlas_core.errors import AtlasError
from atlas_core.metrics.registry import installed_metrics
from atlas_core.spec.load import recorded_evaluator
from atlas_core.spec.plan import BoundComponent
from atlas_core.store import read_json
from atlas_core.testing.toy_runs import toy_run
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: judged
seed: 3
sample: 120
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [O]}}
evaluator: {use: limit, options: {largest: 5.0}}
reports: [html, csv, markdown]
arms:
  one: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""


@pytest.fixture
def atlas(tmp_path: Path, make_plugin: MakePlugin) -> Cli:
    """The command with the worked plugin, and a cache of its own."""
    site = make_plugin("limit", *worked_plugin("evaluator"))
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    return Cli(tmp_path, tmp_path / "cache", [str(site)])


def test_the_worked_plugin_keeps_its_contract(atlas: Cli) -> None:
    done = atlas("check", "limit", "--kind", "evaluator")
    assert done.returncode == 0, done.stdout
    assert "18 checks: 17 passed, 0 failed, 0 expected failures, 1 not applicable" in done.stdout


def test_a_run_holds_what_its_evaluator_found(atlas: Cli) -> None:
    done = atlas("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    run = atlas.cwd / answer["run"]
    verdict = read_json(run / "verdict.json")["one"]
    assert answer["verdicts"] == {"one": verdict}
    assert answer["cautions"] == []
    assert verdict["grade"] == "trust"
    assert verdict["headline"].startswith("The mean error is ")
    assert set(read_json(run / "metrics.json")["arms"]["one"]["parts"]["test"]) == {"n", "metrics"}
    assert not (run / "audit.json").exists()
    assert read_json(run / "manifest.json")["evaluator"]["use"] == "limit"
    assert verdict["headline"] in (run / "report.html").read_text(encoding="utf-8")
    assert "split audit" not in done.stderr
    again = atlas("report", str(run))
    assert again.returncode == 0, again.stderr
    assert read_json(run / "verdict.json")["one"] == verdict
    assert json.loads(atlas("run", "s.yaml", "--json").stdout)["reused"]
    compared = atlas("compare", str(run), str(run))
    assert compared.returncode == 0, compared.stderr


def test_another_evaluator_or_another_option_of_it_is_another_run(atlas: Cli) -> None:
    answers = [
        json.loads(atlas("run", "s.yaml", "--json", "--set", f"evaluator={one}").stdout)
        for one in ("{use: limit, options: {largest: 1.0e-9}}", "standard", "limit")
    ]
    assert len({answer["run"] for answer in answers}) == len(answers)
    assert answers[0]["verdicts"]["one"]["grade"] == "do_not_trust"
    assert [one["code"] for one in answers[1]["verdicts"]["one"]["findings"]]


def test_a_run_is_evaluated_again_by_its_own_evaluator_or_not_at_all(atlas: Cli, cli: Cli) -> None:
    run = atlas.cwd / json.loads(atlas("run", "s.yaml", "--json").stdout)["run"]
    done = cli("report", str(run))
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "unknown evaluator 'limit'" in line


def test_a_spec_that_names_none_has_the_usual_one() -> None:
    chosen = recorded_evaluator({}, Registry())
    assert chosen.name == "standard"
    assert chosen.resolved.distribution == "atlas-materials-evaluation"


def test_an_evaluator_that_fails_is_named_in_one_line(tmp_path: Path) -> None:
    class Broken:
        def evaluate(self, *_: object, **__: object) -> None:
            raise ZeroDivisionError("division by zero")

    usual = recorded_evaluator({}, Registry())

    class Failing(BoundComponent):
        def build(self) -> Broken:
            return Broken()

    broken = Failing(usual.kind, usual.resolved, usual.config)
    metrics = installed_metrics(Registry())
    with pytest.raises(AtlasError, match=r"evaluator standard .*ZeroDivisionError: division"):
        evaluated(tmp_path, toy_run(), broken, levels=[0.9], metrics=metrics)
