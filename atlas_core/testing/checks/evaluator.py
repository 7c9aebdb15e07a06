"""What an evaluator promises. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from atlas_core.finished import check_evaluation, checked_audit
from atlas_core.kinds.evaluator import AuditRequest, Evaluation, Grade
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.observe import FinishedRun
from atlas_core.store import as_written, write_json
from atlas_core.testing.checks.shared import returned, used
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample, toy_dataset, toy_features
from atlas_core.testing.toy_runs import LEVEL, METRICS, toy_run

SHARED = ("inputs_unchanged",)
Given = tuple[FinishedRun, AuditRequest]
Contents = dict[str, Mapping[str, Any]]


def given(sample: Sample) -> Given:
    """Return a toy run that nobody evaluated, and two toy folds."""
    dataset = toy_dataset()
    rows = np.random.default_rng(0).permutation(len(dataset.materials))
    train, calibration, test, held_out = np.split(rows, [40, 50, 60])
    folds = [
        Split("one", train, calibration, test, held_out, held_out="toys"),
        Split("two", test, held_out, train),
    ]
    features = {"one": toy_features(dataset.materials, "vectors")}
    request = AuditRequest(folds, dataset.materials, dataset.target, features, seed=1)
    return toy_run(), request


def make(sample: Sample, given: Given) -> Contents:
    """Return the contents of all files, by name."""
    run, request = given
    return {**_evaluated(sample, run), "audit": sample.build().audit(request)}


def _evaluated(sample: Sample, run: FinishedRun) -> Contents:
    bare = replace(run, metrics={}, verdict={}, exam={})
    evaluated = sample.build().evaluate(bare, levels=[LEVEL], metrics=METRICS)
    found = returned(evaluated, Evaluation, "evaluate")
    verdict = {arm: one.as_dict() for arm, one in found.verdicts.items()}
    return {"metrics": found.metrics, "exam": found.exam, "verdict": verdict}


def check_every_arm_gets_figures_and_a_verdict(sample: Sample) -> None:
    """Numbers and classes, with uncertainty and without: figures, a known grade and a headline."""
    runs = [toy_run(t, uncertain=u) for t in ("regression", "binary") for u in (True, False)]
    for run in runs:
        found = _evaluated(sample, run)
        check_evaluation(sample.folder, *map(as_written, found.values()))
        for name, arms in (("metrics", found["metrics"]["arms"]), ("verdict", found["verdict"])):
            require(set(arms) == set(run.arms), f"{name}: its arms are {sorted(arms)}")
        same = found["metrics"]["task"] == run.metrics["task"]
        require(same, "metrics: they are of another task")
        for arm, verdict in found["verdict"].items():
            known = verdict["grade"] in get_args(Grade)
            require(known, f"{arm}: there is no grade {verdict['grade']!r}")
            line = verdict["headline"]
            require(line and "\n" not in line, f"{arm}: its headline is no line of text")


def check_findings_are_plain_data(sample: Sample) -> None:
    """Figures are JSON as they are: no array, no NaN, no key that is no text."""
    for name, content in used(sample).made.items():
        require(_plain(content), f"{name}: holds more than numbers, texts, lists and tables")


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    finite = not isinstance(value, float) or bool(np.isfinite(value))
    return finite and (value is None or type(value) in (str, int, float, bool))


def check_figures_are_those_of_the_run(sample: Sample) -> None:
    """Other predictions have other figures."""
    run = toy_run()
    worse = replace(run, predictions=replace(run.predictions, mean=run.predictions.mean + 3.0))
    one, other = (as_written(_evaluated(sample, some)["metrics"]) for some in (run, worse))
    require(one != other, "predictions that are off by 3 score the same")


def check_an_arm_is_evaluated_alone(sample: Sample) -> None:
    """What is found of an arm does not depend on which others there are."""
    both, alone = (
        as_written(_evaluated(sample, toy_run(arms=arms))) for arms in (("one", "two"), ("one",))
    )
    same = both["metrics"]["arms"]["one"] == alone["metrics"]["arms"]["one"]
    require(same, "figures depend on other arms")
    require(both["verdict"]["one"] == alone["verdict"]["one"], "a verdict depends on other arms")


def check_rounds_of_a_loop_are_scored(sample: Sample) -> None:
    """``score_round`` returns finite figures of test rows, and sees how good they are."""
    rows = toy_run(arms=("one",)).predictions
    said = Prediction(mean=rows.mean, epistemic=rows.std, aleatoric=rows.std)
    found = [sample.build().score_round(said, said.mean + error) for error in (0.0, 1.0)]
    for figures in found:
        named = all(isinstance(name, str) for name in figures)
        require(named and np.isfinite(list(figures.values())).all(), f"no figures: {figures}")
    require(not found[0] or found[0] != found[1], "predictions that are off by 1 score the same")


def check_the_audit_names_every_fold(sample: Sample) -> None:
    """An audit has a sentence to show, and a table per fold; {} is none."""
    found = used(sample).made["audit"]
    applies(found, "it audits nothing")
    write_json(sample.folder / "audit.json", found)
    names = [fold["fold"] for fold in checked_audit(sample.folder / "audit.json")["folds"]]
    require(names == ["one", "two"], f"its folds are {names}")
    sentence = found.get("sentence")
    require(isinstance(sentence, str) and sentence, "it has no sentence")
