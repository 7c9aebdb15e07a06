"""What was trained is not lost when a later step, or another arm, fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Cli, MakePlugin

from atlas_core.data.tables import read_table
from atlas_core.store import read_json

PLUGIN = '''
    """A model that notes its fits, and judges that fail while a file stands beside the spec."""
    from pathlib import Path
    import numpy as np
    from atlas_core.api import Component, Config, DataError, OODScore, hookimpl

    class Options(Config):
        """None."""

    class Counted:
        def __init__(self, config):
            pass
        def fit(self, features, target, context):
            with Path("fits.txt").open("a") as file:
                file.write(f"{context.seed}\\n")
            self.weights = context.rng().normal(size=features.values.shape[1])
            self.offset = float(target.mean())
        def predict(self, features):
            return (features.values * self.weights).sum(axis=1) + self.offset

    def fail(step):
        if Path(f"{step}.fails").exists():
            raise DataError(f"{step} failed")

    class Moody:
        def __init__(self, config):
            pass
        def calibrate(self, request):
            fail("calibrate")
            return Plain(request.levels)

    class Plain:
        def __init__(self, levels):
            self.levels = levels
        def __call__(self, prediction, inputs):
            fail("intervals")
            width = np.ones((len(self.levels), 1))
            lower, upper = prediction.mean - width, prediction.mean + width
            return prediction.replace(levels=np.array(self.levels), lower=lower, upper=upper)

    class Detects:
        def __init__(self, config):
            pass
        def fit(self, train, calibration, context):
            fail("detect")
            return Zero()

    class Zero:
        def score(self, rows):
            fail("score")
            return OODScore(np.zeros(len(rows)), 1.0)

    @hookimpl
    def atlas_model():
        return [Component("counted", Options, Counted, requires={"features:vectors"})]

    @hookimpl
    def atlas_calibrator():
        return [Component("moody", Options, Moody)]

    @hookimpl
    def atlas_ood():
        return [Component("moody", Options, Detects)]
    '''

SPEC = """\
atlas: 1
name: kept
seed: 3
sample: 200
levels: [0.5, 0.9]
reports: []
dataset: flla
split: random
arms:
  one:
    featurizer: element_fractions
    model: counted
    uq: deterministic
    calibrator: moody
    ood: moody
"""

TWO = (
    SPEC.replace("reports: []\n", "")
    + """\
  two:
    featurizer: element_fractions
    model: ridge
    uq: deterministic
    calibrator: split_conformal
"""
)


@pytest.fixture
def atlas(tmp_path: Path, make_plugin: MakePlugin) -> Cli:
    """The command with a model that counts its fits, and a cache of its own."""
    kinds = {"model": "counted", "calibrator": "moody", "ood": "moody"}
    entries = {f"atlas.{kind}": {name: "moody_plugin"} for kind, name in kinds.items()}
    site = make_plugin("moody_plugin", "moody_plugin", PLUGIN, entries)
    return Cli(tmp_path, tmp_path / "cache", [str(site)])


def fits(atlas: Cli) -> int:
    path = atlas.cwd / "fits.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("step", ["calibrate", "detect", "intervals", "score"])
def test_a_step_that_fails_after_the_fit_does_not_lose_it(atlas: Cli, step: str) -> None:
    (atlas.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    wanted = run(atlas, "fresh", "--cache-dir", str(atlas.cwd / "other"))
    assert fits(atlas) == 1
    mood = atlas.cwd / f"{step}.fails"
    mood.touch()
    failed = atlas("run", "s.yaml")
    assert failed.returncode == 4
    assert f"{step} failed" in failed.stderr.splitlines()[-1]
    assert "arm one" in failed.stderr.splitlines()[-1]
    assert fits(atlas) == 2
    mood.unlink()
    assert run(atlas, "later") == wanted
    assert fits(atlas) == 2  # nothing was trained again, and no byte differs


def run(atlas: Cli, out: str, *args: str) -> bytes:
    done = atlas("run", "s.yaml", "--json", "--out", out, *args)
    assert done.returncode == 0, done.stderr
    return (atlas.cwd / json.loads(done.stdout)["run"] / "predictions.parquet").read_bytes()


def test_an_arm_that_fails_leaves_the_report_to_the_one_that_finished(atlas: Cli) -> None:
    (atlas.cwd / "s.yaml").write_text(TWO, encoding="utf-8")
    (atlas.cwd / "detect.fails").touch()
    failed = atlas("run", "s.yaml")
    assert failed.returncode == 4
    reported = failed.stderr.splitlines()[-2:]
    assert "arm one" in reported[0]
    assert "detect failed" in reported[0]
    assert "1 of 2 jobs failed; the other is kept" in reported[1]
    (folder,) = (atlas.cwd / "runs").iterdir()
    assert "report.html" in reported[1]
    assert (folder / "report.html").is_file()
    manifest = read_json(folder / "manifest.json")
    assert manifest["status"] == "incomplete"
    assert list(manifest["failed"]) == ["one, random"]
    table = read_table(folder / "predictions.parquet")
    assert set(table["arm"].tolist()) == {"two"}
    drawn = atlas("report", folder)
    assert drawn.returncode == 0, drawn.stderr
    assert read_json(folder / "manifest.json")["status"] == "incomplete"
    (atlas.cwd / "detect.fails").unlink()
    assert fits(atlas) == 1
    done = atlas("run", "s.yaml")
    assert done.returncode == 0, done.stderr
    assert fits(atlas) == 1
    assert set(read_table(folder / "predictions.parquet")["arm"].tolist()) == {"one", "two"}
    manifest = read_json(folder / "manifest.json")
    assert manifest["status"] == "complete"
    assert "failed" not in manifest


def test_a_forced_run_that_fails_names_no_report_and_the_earlier_one_comes_back(atlas: Cli) -> None:
    (atlas.cwd / "s.yaml").write_text(TWO, encoding="utf-8")
    before = run(atlas, "runs")
    (folder,) = (atlas.cwd / "runs").iterdir()
    (atlas.cwd / "detect.fails").touch()
    failed = atlas("run", "s.yaml", "--force")
    assert failed.returncode == 4
    assert "1 of 2 jobs failed" in failed.stderr
    assert "report.html" not in failed.stderr
    assert (folder / "predictions.parquet").read_bytes() == before
    assert read_json(folder / "manifest.json")["status"] == "complete"


def test_with_workers_the_other_jobs_go_on_too(atlas: Cli) -> None:
    (atlas.cwd / "s.yaml").write_text(TWO, encoding="utf-8")
    (atlas.cwd / "calibrate.fails").touch()
    failed = atlas("run", "s.yaml", "--workers", "2", "--set", "reports=[]")
    assert failed.returncode == 4
    assert "calibrate failed" in failed.stderr
    (folder,) = (atlas.cwd / "runs").iterdir()
    table = read_table(folder / "predictions.parquet")
    assert set(table["arm"].tolist()) == {"two"}
