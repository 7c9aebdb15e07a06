"""Labels of decisions: what is trusted keeps its share, and nothing that a detector flags is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from support import Cli

from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.engine.decide import Decider

SPEC = """\
atlas: 1
name: held
seed: 3
sample: 900
deduplicate: lowest
levels: [0.9]
reports: []
dataset: flla
split: {use: leave_elements_out, options: {elements: [O], calibration: 0.3, test: 0.2}}
reference: {use: convex_hull, options: {elements: zero}}
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 20}}
    uq: tree_variance
    calibrator: split_conformal
    ood: mahalanobis
"""


def labels(probability: list[float], outside: list[bool]) -> list[str]:
    decider = Decider(None, SimpleNamespace(target_reliability=0.9))  # type: ignore[arg-type]  # all it reads
    found = decider.labels(np.array(probability), np.array(outside))
    return [str(one) for one in found]


def test_the_surest_calls_are_trusted_as_long_as_nine_in_ten_are_right() -> None:
    # risks .01, .02, .4: the mean of the first two is .015, that of all three .143
    assert labels([0.99, 0.02, 0.6], [False] * 3) == ["trust", "trust", "defer"]
    assert labels([0.7, 0.3], [False] * 2) == ["verify", "verify"]


def test_a_call_on_what_the_detector_flags_is_never_trusted() -> None:
    assert labels([0.99, 0.99], [False, True]) == ["trust", "verify"]
    assert labels([0.995, 0.6], [True, True]) == ["verify", "defer"]


def test_what_the_detector_of_a_run_flags_is_not_trusted(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = cli("run", "s.yaml", "--out", "runs")
    assert done.returncode == 0, done.stderr
    (path,) = (cli.cwd / "runs").glob("held-*/decisions.parquet")
    decided = Decisions.from_parquet(path)
    said = Predictions.from_parquet(path.with_name("predictions.parquet"))
    flagged = dict(zip(zip(said.ids, said.parts, strict=True), said.outside, strict=True))
    outside = np.array([flagged[key] for key in zip(decided.ids, decided.parts, strict=True)])
    sure = decided.risk < 0.1
    assert (sure & outside).sum() > 10
    assert "trust" not in decided.label[outside].tolist()
    assert "trust" in decided.label[sure & ~outside].tolist()
