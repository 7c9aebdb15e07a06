"""Fits of earlier runs are reused: nothing is trained twice, and no byte tells the difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import Cli, MakePlugin

from atlas_core.printing import size
from atlas_core.store import read_json

COUNTED = '''
    """A model that notes each of its fits."""
    import warnings
    from pathlib import Path
    import numpy as np
    from atlas_core.api import Component, Config, Field, hookimpl

    class Options(Config):
        """One option."""
        shift: float = Field(0.0, description="Added to every prediction.")

    class Counted:
        def __init__(self, config):
            self.shift = config.shift
        def fit(self, features, target, context):
            with Path("fits.txt").open("a") as file:
                file.write(f"{context.seed}\\n")
            warnings.warn("a word about the fit")
            context.record("notes", {"ids": context.ids[:3].tolist(), "mean": target.mean()})
            self.weights = context.rng().normal(size=features.values.shape[1])
            self.offset = self.shift + target.mean()
        def predict(self, features):
            warnings.warn("a word about a prediction")
            return self.embed(features).sum(axis=1) + self.offset
        def embed(self, features):
            return features.values * self.weights

    @hookimpl
    def atlas_model():
        needs, gives = {"features:vectors"}, {"model:embedding"}
        return [Component("counted", Options, Counted, requires=needs, provides=gives)]
    '''

SPEC = """\
atlas: 1
name: reuse
seed: 3
sample: 300
levels: [0.5, 0.9]
reports: []
dataset: flla
split: {use: leave_elements_out, options: {elements: [O]}}
arms:
  one:
    featurizer: element_fractions
    model: counted
    uq: deterministic
    calibrator: split_conformal
    ood: knn_distance
"""

KEPT = ("predictions.parquet", "metrics.json", "records.json")


@pytest.fixture
def atlas(tmp_path: Path, make_plugin: MakePlugin) -> Cli:
    """The command with the model ``counted`` and a cache of its own."""
    site = make_plugin("counted", "counted", COUNTED, {"atlas.model": {"counted": "counted"}})
    return Cli(tmp_path, tmp_path / "cache", [str(site)])


def run(atlas: Cli, *args: str, out: str = "runs", text: str = SPEC) -> dict[str, bytes]:
    """Return the files of a run whose bytes must repeat."""
    (atlas.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = atlas("run", "s.yaml", "--json", "--out", out, *args)
    assert done.returncode == 0, done.stderr
    folder = atlas.cwd / json.loads(done.stdout)["run"]
    return {name: (folder / name).read_bytes() for name in KEPT}


def fits(atlas: Cli) -> int:
    return len((atlas.cwd / "fits.txt").read_text().splitlines())


def entries(atlas: Cli) -> list[Path]:
    return sorted((atlas.cache / "fits").rglob("*.npz"))


def test_what_no_fit_depends_on_trains_nothing_and_changes_no_other_byte(atlas: Cli) -> None:
    cold = run(atlas, out="cold")
    assert fits(atlas) == 1
    changed = run(atlas, "--set", "arms.one.ood.options.neighbors=3")
    for change in ("name=other", "levels=[0.8]", "arms.one.calibrator=", "arms.one.ood="):
        run(atlas, "--set", change)
    assert run(atlas, out="again") == cold
    assert run(atlas, "--workers", "2", out="workers", text=SPEC) == cold
    assert fits(atlas) == 1
    elsewhere = "--cache-dir", str(atlas.cwd / "elsewhere")
    assert run(atlas, "--set", "arms.one.ood.options.neighbors=3", *elsewhere, out="x") == changed
    assert fits(atlas) == 2  # an empty cache: trained anew, to the same bytes
    assert changed["predictions.parquet"] != cold["predictions.parquet"]


@pytest.mark.parametrize(
    "change", ["seed=4", "sample=200", "arms.one.model.options.shift=1", "arms.one.uq=ensemble"]
)
def test_what_a_fit_depends_on_trains_anew(atlas: Cli, change: str) -> None:
    run(atlas)
    run(atlas, "--set", change)
    assert fits(atlas) > 1


def test_records_and_warnings_of_a_reused_fit_are_there(atlas: Cli) -> None:
    run(atlas, out="cold")
    records = json.loads(run(atlas, out="warm")["records.json"])
    assert fits(atlas) == 1
    (note,) = [r for r in records if r["name"].endswith("notes")]
    assert note["arm"] == "one"
    assert len(note["content"]["ids"]) == 3
    (said,) = [r for r in records if r["name"] == "warnings"]
    assert said["content"]["texts"] == [
        "UserWarning: a word about a prediction",
        "UserWarning: a word about the fit",
    ]


def test_a_reused_fit_is_reported_once_with_how_to_train_it_again(atlas: Cli) -> None:
    run(atlas, out="one")
    reported = "found in the cache, not trained again: arm one (1 fit); --force trains anew"
    again = ("run", "s.yaml", "--out", "two")
    assert atlas(*again).stderr.splitlines()[-1] == reported
    assert reported not in atlas(*again).stderr  # the result itself is stored by now
    assert reported not in atlas(*again, "--force").stderr
    assert atlas("run", "s.yaml", "--out", "three", "--quiet").stderr == ""
    folds = ("--set", "split={use: kfold, options: {folds: 2}}", "--set", "seed=4")
    assert "(1 fit)" not in atlas("run", "s.yaml", *folds).stderr
    assert "arm one (2 fits);" in atlas("run", "s.yaml", *folds, "--out", "four").stderr


def test_two_arms_with_one_model_train_it_once(atlas: Cli) -> None:
    arm = SPEC[SPEC.index("  one:") :]
    run(atlas, text=SPEC + arm.replace("one:", "two:").replace("knn_distance", "mahalanobis"))
    assert fits(atlas) == 1


def test_an_answer_that_was_never_asked_is_added_by_the_kept_fit(atlas: Cli) -> None:
    run(atlas)
    before = len(entries(atlas))
    embedding = "--set", "arms.one.ood.options.representation=embedding"
    extended = run(atlas, *embedding)
    assert fits(atlas) == 1
    assert len(entries(atlas)) == before + 4  # train, calibration, test, shifted
    assert run(atlas, *embedding, out="again") == extended
    assert fits(atlas) == 1
    elsewhere = "--cache-dir", str(atlas.cwd / "elsewhere")
    assert run(atlas, *embedding, *elsewhere, out="cold") == extended


def test_force_trains_again(atlas: Cli) -> None:
    cold = run(atlas)
    assert run(atlas, "--force") == cold
    assert fits(atlas) == 2


def test_a_damaged_answer_is_dropped_with_a_warning_and_computed_anew(atlas: Cli) -> None:
    cold = run(atlas, out="cold")
    for path in entries(atlas):
        path.write_bytes(path.read_bytes()[:-3])
    mended = run(atlas, out="mended")
    assert mended["predictions.parquet"] == cold["predictions.parquet"]
    (said,) = [r for r in json.loads(mended["records.json"]) if r["name"] == "warnings"]
    assert any("cache: dropped and computed anew" in text for text in said["content"]["texts"])
    assert run(atlas, out="after") == cold
    assert fits(atlas) == 2


def test_the_cache_command_counts_and_clears_fits(atlas: Cli) -> None:
    run(atlas)
    about = json.loads(atlas("cache", "show", "--json").stdout)
    assert about["fits"] == 1
    assert about["entries"] > 1
    assert about["fit_bytes"] == sum(path.stat().st_size for path in entries(atlas))
    count = about["entries"]
    assert atlas("cache", "clear", "--yes").stdout.startswith(f"deleted {count} entries, ")
    assert json.loads(atlas("cache", "show", "--json").stdout)["entries"] == 0
    assert atlas("cache", "show").stdout.endswith(": 0 entries, 0 B; 0 of them fits, 0 B\n")
    assert atlas("cache", "clear").stdout == "deleted 0 entries, 0 B\n"  # nothing to ask for
    run(atlas, out="anew")
    assert fits(atlas) == 2


def test_a_cache_is_not_cleared_unasked(atlas: Cli) -> None:
    run(atlas)
    held = f"{json.loads(atlas('cache', 'show', '--json').stdout)['entries']} entries, "
    refused = atlas("cache", "clear")
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"error: cache clear: would delete {held}")
    assert line.endswith("so say so with --yes")
    no, yes = (at_a_terminal(atlas, answer) for answer in ("n", "y"))
    assert f"delete {held}" in no.stderr
    assert no.stdout == "nothing was deleted\n"
    assert yes.stdout.startswith(f"deleted {held}")
    assert entries(atlas) == []


def at_a_terminal(atlas: Cli, answer: str) -> subprocess.CompletedProcess[str]:
    """Clear the cache with a terminal as stdin, on which ``answer`` is typed."""
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "atlas_core.cli", "cache", "clear"]
    try:
        return subprocess.run(
            [*command, "--cache-dir", str(atlas.cache)],
            stdin=theirs,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (99, "99 B"),
        (40_000, "40.0 kB"),
        (99_999, "100.0 kB"),
        (100_000, "0.1 MB"),
        (2_340_000, "2.3 MB"),
        (5_000_000_000, "5.0 GB"),
    ],
)
def test_a_size_is_written_in_the_unit_that_leaves_it_digits(count: int, text: str) -> None:
    assert size(count) == text


def test_the_timeline_says_that_a_fit_was_stored(atlas: Cli) -> None:
    run(atlas, out="one")
    run(atlas, out="two")
    for out, stage in (("one", "fit"), ("two", "fit, stored")):
        (manifest,) = (atlas.cwd / out).glob("*/manifest.json")
        names = [s["stage"] for s in read_json(manifest)["stages"] if s["arm"] == "one"]
        assert names == [stage, "calibrate", "detect", "predict"]


NETWORK = SPEC.replace("element_fractions", "crystal_graph").replace(
    "model: counted", "model: {use: cgcnn, options: {epochs: 1, width: 8}}"
)
LOOK = """\
import sys
from atlas_core.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("torch" in sys.modules, end.code, file=sys.stderr)
"""


def test_torch_is_not_imported_where_nothing_is_trained(cli: Cli) -> None:
    text = NETWORK.replace("knn_distance", "unseen_element").replace("sample: 300", "sample: 90")
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    said = []
    for out in ("one", "two"):
        command = ["run", "s.yaml", "--out", out, "--device", "cpu"]
        command += ["--cache-dir", str(cli.cwd / "cache")]
        done = subprocess.run(
            [sys.executable, "-c", LOOK, *command],
            cwd=cli.cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        said.append(done.stderr.splitlines()[-1])
    assert said == ["True 0", "False 0"]
