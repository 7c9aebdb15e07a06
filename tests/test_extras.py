"""A plugin of one module adds a metric, a figure and a command; no line of ATLAS names it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from support import ROOT, Cli, MakePlugin

from atlas_core.store import read_json

EXAMPLE = ROOT / "examples/atlas-extras"
SPEC = """\
atlas: 1
name: extras
seed: 3
dataset: flla
sample: 150
split: random
arms:
  a: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""


@pytest.fixture
def atlas(cli: Cli, make_plugin: MakePlugin) -> Cli:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    code = (EXAMPLE / "atlas_extras.py").read_text(encoding="utf-8")
    made = make_plugin(project["name"], "atlas_extras", code, project["entry-points"])
    return Cli(cli.cwd, cli.cache, [str(made)])


def test_a_plugin_adds_a_metric_a_figure_and_a_command(atlas: Cli) -> None:
    (atlas.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = atlas("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    run = atlas.cwd / json.loads(done.stdout)["run"]
    found = read_json(run / "metrics.json")["arms"]["a"]["parts"]["test"]["metrics"]["share_within"]
    assert 0.0 <= found["low"] <= found["value"] <= found["high"] <= 1.0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "within 0.1" in page
    assert "How large errors get" in page
    assert "<polyline" in page.partition("How large errors get")[2]
    worst = atlas("worst", run, "--count", "2")
    assert worst.returncode == 0, worst.stderr
    arm, _, names = worst.stdout.strip().partition(": ")
    assert arm == "a"
    assert len(names.split(", ")) == 2
    assert len(json.loads(atlas("worst", run, "--json").stdout)["a"]) == 3


def test_the_contracts_of_the_plugin_hold(atlas: Cli) -> None:
    for name in ("share_within", "worst"):
        done = atlas("check", name)
        assert done.returncode == 0, done.stdout


def test_nothing_in_atlas_names_the_plugin() -> None:
    words = ("share_within", "atlas_extras", "atlas-extras")
    for folder in ("atlas_core", "registry", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            named = [w for w in words if w in text]
            # the docstring of the kind shows this metric as its worked plugin
            assert not named or path == ROOT / Path("atlas_core/kinds/metric.py"), (path, named)
