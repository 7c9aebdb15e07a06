"""A metric of a plugin stands where the built-in ones do, and a spec chooses what is reported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support import Cli, MakePlugin, worked_plugin

from atlas_core.metrics.registry import ALWAYS, figures, installed_metrics, shown
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: small
seed: 3
sample: 150
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  forest:
    featurizer: element_fractions
    model: {use: ridge}
    uq: {use: distance_scaled}
    calibrator: split_conformal
    ood: knn_distance
"""
UNDRAWN = ("--set", "reports=[]")
ENTRY = {"atlas.metric": {"share_within": "share_within"}}


def with_path(cli: Cli, *folders: Path) -> Cli:
    return replace(cli, path=[str(folder) for folder in folders])


@pytest.fixture
def spec(cli: Cli) -> Path:
    path = cli.cwd / "s.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def ran(atlas: Cli, *args: str | Path) -> tuple[Path, dict[str, object]]:
    done = atlas("run", *args, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return atlas.cwd / answer["run"], answer


def metrics_of(run: Path) -> dict[str, dict[str, dict[str, float]]]:
    arm = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["arms"]["forest"]
    return {part: found["metrics"] for part, found in arm["parts"].items()}


def test_the_documented_plugin_is_in_metrics_report_and_glossary(
    cli: Cli, make_plugin: MakePlugin, spec: Path
) -> None:
    plain, bare = ran(cli, spec, *UNDRAWN)
    atlas = with_path(cli, make_plugin("own-metrics", *worked_plugin("metric")))
    run, answer = ran(atlas, spec)
    found, before = metrics_of(run), metrics_of(plain)
    for part, own in found.items():
        assert 0 <= own["share_within"]["low"] <= own["share_within"]["value"] <= 1
        assert {name: own[name] for name in own if name != "share_within"} == before[part]
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("within 0.1") >= 2  # in the table and in the glossary
    assert "Share of materials whose prediction is off by 0.1 or less." in page
    assert answer["verdicts"] == bare["verdicts"]
    wider = f"{spec.stem}-wide.yaml"
    text = SPEC + "metrics: [rmse, {use: share_within, options: {within: 3.0}}]\n"
    (cli.cwd / wider).write_text(text, encoding="utf-8")
    run, answer = ran(atlas, wider)
    own = metrics_of(run)["test"]
    assert own["share_within"]["value"] > found["test"]["share_within"]["value"]
    assert "within 3" in (run / "report.html").read_text(encoding="utf-8")


def test_a_spec_chooses_what_is_reported_in_addition_to_what_verdicts_read(
    cli: Cli, spec: Path
) -> None:
    every, bare = ran(cli, spec, *UNDRAWN)
    run, answer = ran(cli, spec, "--set", "metrics=[rmse]")
    some, all_of_them = metrics_of(run), metrics_of(every)
    for part, own in some.items():
        assert own == {name: all_of_them[part][name] for name in own}
        assert {"mae", "rmse", "picp_0.9"} <= set(own)
        assert not {"crps", "ence", "ause"} & set(own)
    assert answer["verdicts"] == bare["verdicts"]
    lock = (run / "spec.lock.yaml").read_text(encoding="utf-8")
    assert "crps" not in lock
    before = (run / "metrics.json").read_bytes()
    assert cli("report", run).returncode == 0
    assert (run / "metrics.json").read_bytes() == before
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "CRPS" not in page
    assert "RMSE" in page


def test_mistakes_are_reported_at_their_place(cli: Cli, spec: Path) -> None:
    spec.write_text(SPEC + "metrics: [rms, mae, mae]\n", encoding="utf-8")
    done = cli("validate", spec)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "s.yaml:15:11  metrics.0.use: unknown metric 'rms', did you mean" in first
    assert "s.yaml:15:21  metrics.2: metric 'mae' occurs twice" in second


def test_a_broken_metric_is_left_out_and_named(
    cli: Cli, make_plugin: MakePlugin, spec: Path
) -> None:
    atlas = with_path(cli, make_plugin("own-metrics", "share_within", "1 / 0", ENTRY))
    done = atlas("validate", spec)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: metric share_within of own-metrics 1.0 cannot be imported")
    assert line.endswith("it is left out")


def test_the_metrics_that_verdicts_read_say_so() -> None:
    """Every figure that a verdict names is one that a run always reports."""
    always = set()
    for one in Registry().every("metric"):
        options = one.component.config()
        made = one.component.build(options)
        if ALWAYS in one.component.provides_of(options):
            always |= {own.name for own in (made if isinstance(made, list) else [made])}
    named = {"mae", "median_ae", "mean_error", "share_too_high", "r2", "rank_correlation"}
    named |= {"mae_over_mad", "mae_baseline", "mae_over_baseline", "picp", "mpiw", "spearman"}
    named |= {"infinite_share", "zms", "within_1_sigma", "median_z", "beyond_5_sigma", "auroc"}
    named |= {"share_flagged_test", "share_flagged_ood_test", "roc_auc", "balanced_accuracy"}
    named |= {"class_1_share", "accuracy", "brier", "wrong_auroc", "ece", "p_certain_wrong"}
    assert named <= always
    assert "crps" not in always


def test_a_figure_of_a_level_has_the_words_of_its_metric() -> None:
    described = installed_metrics(Registry()).described()
    words = figures(described)
    assert next(iter(words)) == described[0]["name"] == "mae"
    assert shown(words, "picp_0.9") == words["picp"]
    assert shown(words, "mae") == words["mae"]
    assert shown(words, "mae_0.9") is None
    assert shown(words, "no_such") is None
