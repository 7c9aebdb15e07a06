"""Another lab's evaluator: it decides what stands in metrics, audit and verdict of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Cli, MakePlugin, worked_plugin

from atlas_core.engine.finish import audited, evaluated
from atlas_core.errors import AtlasError
from atlas_core.kinds.evaluator import AuditRequest, Evaluation, Verdict
from atlas_core.kinds.split import Split
from atlas_core.metrics.registry import installed_metrics
from atlas_core.observe import FinishedRun
from atlas_core.spec.load import recorded_evaluator
from atlas_core.spec.plan import BoundComponent
from atlas_core.store import as_written, read_json
from atlas_core.testing.samples import toy_dataset
from atlas_core.testing.toy_runs import toy_run
from atlas_registry.loading import Registry
from atlas_report.audit import audit_view

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
    assert "17 checks: 16 passed, 0 failed, 0 expected failures, 1 not applicable" in done.stdout


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
    *_, line = done.stderr.splitlines()  # the step that it was at stands above
    assert "unknown evaluator 'limit'" in line


def test_a_spec_that_names_none_has_the_usual_one() -> None:
    chosen = recorded_evaluator({}, Registry())
    assert chosen.name == "standard"
    assert chosen.resolved.distribution == "atlas-materials-evaluation"


USUAL = recorded_evaluator({}, Registry())


def chosen(**methods: Callable[..., Any]) -> BoundComponent:
    """Return an evaluator that answers with these functions."""
    made = type("Made", (), {name: staticmethod(one) for name, one in methods.items()})

    class Chosen(BoundComponent):
        def build(self) -> Any:
            return made()

    return Chosen.of(USUAL.resolved, USUAL.config)


def evaluate(folder: Path, answer: Callable[[FinishedRun, Evaluation], Any]) -> FinishedRun:
    """Let an evaluator change what the usual one says."""
    metrics = installed_metrics(Registry())

    def own(run: FinishedRun, **options: Any) -> Any:
        return answer(run, USUAL.build().evaluate(run, **options))

    return evaluated(folder, toy_run(), chosen(evaluate=own), levels=[0.9], metrics=metrics)


def test_no_exam_of_an_earlier_evaluation_is_left(tmp_path: Path) -> None:
    (tmp_path / "exam.json").write_text("{}")
    evaluate(tmp_path, lambda _, said: replace(said, exam={}))
    assert not (tmp_path / "exam.json").exists()
    assert (tmp_path / "verdict.json").exists()


def test_an_evaluator_that_fails_is_named_in_one_line(tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(AtlasError, match=r"evaluator standard .*ZeroDivisionError: division"):
        evaluate(tmp_path, broken)


def no_number(_: FinishedRun, said: Evaluation) -> Evaluation:
    figures = as_written(said.metrics)
    part = next(iter(figures["arms"]["one"]["parts"].values()))
    part["metrics"]["mae"] = {"value": float("nan")}
    return replace(said, metrics=figures)


def verdicts(grade: Any, headline: Any, findings: Any = ()) -> Any:
    one = Verdict(grade, headline, (), findings)
    return lambda _, said: replace(said, verdicts=dict.fromkeys(said.verdicts, one))


WRONG: dict[str, tuple[Callable[[FinishedRun, Evaluation], Any], str]] = {
    "nothing": (lambda *_: None, "a NoneType, not an Evaluation"),
    "no metrics": (lambda _, said: replace(said, metrics=None), "metrics: holds nothing"),
    "no arms": (lambda _, said: replace(said, metrics={**said.metrics, "arms": {}}), "arms none"),
    "not a number": (no_number, "'value' is not what a run writes"),
    "no verdicts": (lambda _, said: replace(said, verdicts={}), "verdicts of the arms none"),
    "a table": (lambda _, said: replace(said, verdicts={"one": {}}), "AttributeError"),
    "grade": (verdicts("splendid", "x"), "the grade 'splendid'"),
    "headline": (verdicts("trust", 5), "'headline' is not what a run writes"),
    "finding": (verdicts("trust", "x", (7,)), "verdict: holds no table"),
    "exam": (lambda _, said: replace(said, exam=[1]), "exam: holds no table"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_no_later_look_would_take_is_not_kept(tmp_path: Path, wrong: str) -> None:
    answer, reported = WRONG[wrong]
    with pytest.raises(AtlasError, match=r"evaluate, evaluator standard .*") as caught:
        evaluate(tmp_path, answer)
    assert reported in str(caught.value)
    assert "run the spec again" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_evaluator_changes_nothing_of_the_run(tmp_path: Path) -> None:
    def clears(run: FinishedRun, said: Evaluation) -> Evaluation:
        run.manifest.clear()  # type: ignore[attr-defined]
        run.audit["x"] = 1  # type: ignore[index]
        return said

    assert evaluate(tmp_path, clears).manifest == toy_run().manifest
    rows = toy_run().predictions
    stacked = type(rows).stacked([rows, rows])
    with pytest.raises(ValueError, match="read-only"):
        stacked.mean[:] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        next(iter(stacked.lower.values()))[:] = 0.0


def asked() -> AuditRequest:
    dataset = toy_dataset()
    train, calibration, test = np.array_split(np.arange(len(dataset.materials)), 3)
    folds = [Split("a", train, calibration, test)]
    return AuditRequest(folds, dataset.materials, dataset.target, {}, 1)


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (None, "holds nothing"),
        ([1], "holds no table"),
        ({"folds": []}, "an audit without a sentence"),
        ({"sentence": "x"}, "'folds' is missing"),
        ({"sentence": "x", "folds": [{"fold": "a", "figures": {"elements": 7}}]}, "'elements'"),
    ],
)
def test_an_audit_that_is_none_is_not_kept(tmp_path: Path, answer: Any, reported: str) -> None:
    with pytest.raises(AtlasError, match=r"audit, evaluator standard .*") as caught:
        audited(tmp_path, chosen(audit=lambda _: answer), asked())
    assert reported in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_audit_takes_no_fold_and_no_feature_away(tmp_path: Path) -> None:
    def audit(request: AuditRequest) -> dict[str, Any]:
        request.features.clear()  # type: ignore[attr-defined]
        assert not hasattr(request.splits, "clear")
        return {}

    request = replace(asked(), features={"one": None})
    audited(tmp_path, chosen(audit=audit), request)
    assert request.features == {"one": None}


def test_a_report_shows_the_findings_of_an_audit() -> None:
    folds = [{"fold": "a", "figures": {}}, {"fold": "b", "figures": {"rows": {"held_out": 3}}}]
    view = audit_view({"sentence": "It is one.", "folds": folds})
    assert view is not None
    assert (view.sentence, [row.fold for row in view.rows]) == ("It is one.", ["b"])
