"""A final fit knows every row, is calibrated by cross-fitting, and leaves the evaluation alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Cli

import atlas_core as atlas
from atlas_core.engine.final import FINAL, joined
from atlas_core.errors import SpecError
from atlas_core.finished import read_run
from atlas_core.kinds.prediction import Prediction
from atlas_registry.loading import Registry
from atlas_screening.open_arm import open_arm

ARM: dict[str, Any] = {
    "featurizer": "element_fractions",
    "model": {"use": "random_forest", "options": {"trees": 20, "min_samples_leaf": 1}},
    "uq": "tree_variance",
    "calibrator": {"use": "split_conformal", "options": {"score": "absolute"}},
    "ood": "mahalanobis",
}
SPEC: dict[str, Any] = {
    "name": "final",
    "seed": 3,
    "sample": 300,
    "levels": [0.5, 0.9],
    "reports": [],
    "dataset": {"use": "flla", "options": {"target": "formation_energy_per_atom"}},
    "split": {
        "use": "leave_elements_out",
        "options": {"elements": ["F"], "calibration": 0.2, "test": 0.2},
    },
    "arms": {"forest": ARM},
}


def run(home: Path, **changes: Any) -> atlas.Run:
    return atlas.run(
        {**SPEC, **changes}, out=home / "runs", cache_dir=home / "cache", progress=False
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("final")


@pytest.fixture(scope="module")
def finished(home: Path) -> atlas.Run:
    return run(home, final=True)


def test_a_final_fit_has_seen_a_row_of_every_part(finished: atlas.Run) -> None:
    reference = open_arm(read_run(finished.path), Registry(), trust=True).reference
    known = dict(zip(reference.ids.tolist(), reference.target.tolist(), strict=True))
    said = finished.predictions
    for part in ("test", "ood_test"):
        rows = said.part(part)
        assert len(rows)
        assert [known[one] for one in rows.ids.tolist()] == rows.target.tolist()
    assert len(known) == SPEC["sample"]


def test_it_predicts_the_rows_it_saw_better_than_the_evaluation_did(finished: atlas.Run) -> None:
    rows = finished.predictions.part("ood_test")
    asked = finished.arm("forest").predict(rows.formula.tolist())
    evaluated = np.abs(rows.mean - rows.target).mean()
    assert np.abs(asked.value - rows.target).mean() < 0.5 * evaluated
    assert asked.known.all()


def test_its_intervals_come_from_rows_that_each_fit_had_not_seen(finished: atlas.Run) -> None:
    """The errors on its own training rows, which a forest knows by heart, would give a third."""
    opened = open_arm(read_run(finished.path), Registry(), trust=True)
    reference = opened.reference
    asked = finished.arm("forest").predict(reference.formulas.tolist())
    width = (asked.upper - asked.lower) / 2
    own = np.quantile(np.abs(asked.value - reference.target), 0.9)
    unseen = finished.predictions.part("test")
    evaluated = np.quantile(np.abs(unseen.mean - unseen.target), 0.9)
    assert np.ptp(width) < 1e-9  # split conformal with absolute errors: one width
    assert width[0] > 2 * own
    assert 0.5 * evaluated < width[0] < 2 * evaluated


def test_it_says_wherever_it_is_used_that_its_errors_are_those_of_the_evaluation(
    finished: atlas.Run,
) -> None:
    opened = open_arm(read_run(finished.path), Registry(), trust=True)
    (said,) = [one for one in opened.fitted.remarks if "all 300 rows" in one]
    assert "errors are those of the evaluation, measured on fits with fewer rows" in said
    assert opened.final
    assert said in repr(finished.arm("forest"))
    assert finished.manifest["final"] == {"fold": FINAL, "rows": 300, "cross_fits": 5}


def test_a_screen_says_once_that_its_errors_are_those_of_the_evaluation(
    finished: atlas.Run, cli: Cli
) -> None:
    (cli.cwd / "c.csv").write_text("formula\nNaF\n", encoding="utf-8")
    done = cli("screen", finished.path, "c.csv", "--trust-fit")
    assert done.returncode == 0, done.stderr
    both = done.stdout + done.stderr
    assert both.count("errors are those of the evaluation, measured on fits with fewer rows") == 1


def test_a_fold_is_still_had_by_its_name(finished: atlas.Run) -> None:
    opened = open_arm(read_run(finished.path), Registry(), fold="without F", trust=True)
    assert not opened.final
    assert len(opened.reference.ids) < 300


def test_the_evaluation_is_the_same_to_the_byte(home: Path, finished: atlas.Run) -> None:
    plain = run(home / "plain")
    for name in ("predictions.parquet", "metrics.json", "verdict.json", "records.json"):
        assert (plain.path / name).read_bytes() == (finished.path / name).read_bytes(), name
    assert plain.path.name == finished.path.name  # one question, one folder
    assert "final" not in plain.manifest
    later = plain.final(cache_dir=home / "plain/cache", progress=False)
    assert later.path == plain.path
    assert _kept(later) == _kept(finished)


def test_a_killed_run_leaves_the_same_bytes(home: Path, finished: atlas.Run) -> None:
    again = home / "again"

    def stop(text: str) -> None:
        if "cross-fit 3" in text:
            raise KeyboardInterrupt

    options = {"out": again / "runs", "cache_dir": again / "cache"}
    with pytest.raises(KeyboardInterrupt):
        atlas.run({**SPEC, "final": True}, progress=stop, **options)
    resumed = atlas.run({**SPEC, "final": True}, progress=False, **options)
    assert _kept(resumed) == _kept(finished)
    assert resumed.path.name == finished.path.name


def _kept(one: atlas.Run) -> dict[str, str]:
    files = json.loads((one.path / "manifest.json").read_text())["files"]
    return {name: files[name] for name in files if name.startswith("fitted/forest/all-rows")}


def test_active_learning_has_no_final_fit(home: Path) -> None:
    loop = {"acquisition": "greedy", "initial": 20, "batch": 5, "rounds": 2}
    with pytest.raises(SpecError, match="active learning has no final fit"):
        run(home, final=True, active_learning=loop)


def test_a_trust_region_of_a_final_fit_learns_from_cross_fits(home: Path) -> None:
    trust = {
        "error_tolerance_quantile": 0.9,
        "target_reliability": 0.8,
        "nested": {"splits": [{"use": "leave_elements_out", "options": {"elements": ["O", "S"]}}]},
    }
    arms = {"forest": {**ARM, "trust": "learned_region"}}
    found = run(home, name="trusted", sample=700, final=True, trust=trust, arms=arms)
    asked = found.arm("forest").predict(["NaCl", "TiO2", "LiF"])
    assert asked.label is not None
    assert set(asked.label.tolist()) <= {"trust", "verify", "defer"}
    opened = open_arm(read_run(found.path), Registry(), trust=True)
    evaluated = open_arm(read_run(found.path), Registry(), fold="without F", trust=True)
    assert opened.reliability is not None
    assert evaluated.reliability is not None
    # by heart the forest errs by a third of this
    assert opened.reliability[0] > 0.5 * evaluated.reliability[0]


def test_joined_predictions_leave_out_what_only_some_give() -> None:
    one = Prediction(np.zeros(2), np.ones(2), samples=np.zeros((3, 2)))
    two = Prediction(np.ones(1), samples=np.ones((3, 1)))
    both = joined([one, two])
    assert both.mean.tolist() == [0, 0, 1]
    assert both.epistemic is None
    assert both.samples is not None
    assert both.samples.shape == (3, 3)
