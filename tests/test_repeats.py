"""Repeats of a spec: trainings on the same data and folds, each with seeds of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import atlas_core as atlas
from atlas_core.data.predictions import Predictions
from atlas_core.data.repeats import read_repeats
from atlas_core.data.tables import read_table, write_table
from atlas_core.engine.failures import Failure, sorted_out
from atlas_core.engine.job import JobResult, in_words, seed_of_repeat
from atlas_core.engine.options import RunOptions
from atlas_core.errors import DataError, SpecError
from atlas_core.finished import check_evaluation, read_run
from atlas_core.seal import look, read_manifest
from atlas_records.rebuild import rebuild
from atlas_registry.loading import Registry

ARM: dict[str, Any] = {
    "featurizer": "element_fractions",
    "model": {"use": "random_forest", "options": {"trees": 20}},
    "uq": "tree_variance",
    "calibrator": "split_conformal",
    "ood": "mahalanobis",
}
SPEC: dict[str, Any] = {
    "name": "repeats",
    "seed": 3,
    "sample": 300,
    "levels": [0.5, 0.9],
    "reports": [],
    "dataset": {"use": "flla", "options": {"target": "formation_energy_per_atom"}},
    "split": {
        "use": "leave_elements_out",
        "options": {"elements": ["O"], "calibration": 0.2, "test": 0.2},
    },
    "arms": {"forest": ARM, "point": {**ARM, "uq": "deterministic", "calibrator": None}},
}
TRAINED = ("fit",)


def run(home: Path, cache: str = "cache", **changes: Any) -> atlas.Run:
    return atlas.run({**SPEC, **changes}, out=home / "runs", cache_dir=home / cache, progress=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repeats")


@pytest.fixture(scope="module")
def once(home: Path) -> atlas.Run:
    return run(home)


@pytest.fixture(scope="module")
def thrice(home: Path, once: atlas.Run) -> atlas.Run:
    return run(home, repeats=3)


def test_the_first_training_is_to_the_byte_that_of_a_run_without_repeats(
    once: atlas.Run, thrice: atlas.Run
) -> None:
    name = "predictions.parquet"
    assert (once.path / name).read_bytes() == (thrice.path / name).read_bytes()
    assert not (once.path / "repeats.parquet").exists()
    assert once.path != thrice.path


def test_metrics_have_mean_and_deviation_over_trainings(once: atlas.Run, thrice: atlas.Run) -> None:
    trained = (thrice.predictions, *thrice.repeats)
    for arm in ("forest", "point"):
        row = thrice.metrics.loc[arm, "ood_test"]
        own = (trained[0].arm == arm) & (trained[0].parts == "ood_test")
        errors = [float(np.abs(one.mean - one.target)[own].mean()) for one in trained]
        assert row["mae"] == pytest.approx(errors[0])
        assert row["mae_mean_of_trainings"] == pytest.approx(np.mean(errors))
        assert row["mae_std_of_trainings"] == pytest.approx(np.std(errors, ddof=1))
    assert not [name for name in once.metrics if "trainings" in name]


def test_one_repeat_is_what_a_spec_without_the_key_means(home: Path, once: atlas.Run) -> None:
    again = run(home, repeats=1)
    assert again.path == once.path
    assert again.reused


def test_a_repeat_is_the_run_of_its_derived_seed_on_the_same_folds(
    home: Path, thrice: atlas.Run
) -> None:
    """What is fitted draws from the repeat's own seed; rows, parts and targets stay."""
    first = thrice.predictions
    assert len(thrice.repeats) == 2
    for one in thrice.repeats:
        for name in ("ids", "arm", "fold", "parts", "target", "ood_score"):
            np.testing.assert_array_equal(getattr(one, name), getattr(first, name))
        assert (one.mean != first.mean).mean() > 0.9
    assert (thrice.repeats[0].mean != thrice.repeats[1].mean).mean() > 0.9


def test_nothing_is_trained_again_for_another_number_of_repeats(
    home: Path, thrice: atlas.Run
) -> None:
    def trained(one: atlas.Run) -> int:
        return sum(stage["stage"] in TRAINED for stage in one.manifest["stages"])

    assert trained(thrice) == 4  # two arms, the second and third training of each
    twice = run(home, repeats=2)
    assert trained(twice) == 0
    np.testing.assert_array_equal(twice.repeats[0].mean, thrice.repeats[0].mean)


def test_a_killed_run_goes_on_to_the_same_bytes(home: Path, thrice: atlas.Run) -> None:
    killed = run(home / "killed", repeats=3)
    for path in [p for p in killed.path.iterdir() if p.is_file() and p.name != ".lock"]:
        path.unlink()
    (kept, lost) = (
        killed.path / "checkpoints" / arm / _fold(killed) / "repeat-3/result.npz"
        for arm in ("forest", "point")
    )
    lost.unlink()
    before = kept.stat().st_mtime_ns
    again = run(home / "killed", repeats=3)
    assert not again.reused
    assert kept.stat().st_mtime_ns == before
    for name in ("predictions.parquet", "repeats.parquet", "metrics.json", "records.json"):
        assert (again.path / name).read_bytes() == (thrice.path / name).read_bytes(), name


def _fold(one: atlas.Run) -> str:
    (folder,) = (one.path / "checkpoints/forest").iterdir()
    return folder.name


def test_workers_change_no_bytes(home: Path, thrice: atlas.Run) -> None:
    two = atlas.run(
        {**SPEC, "repeats": 3},
        out=home / "two",
        cache_dir=home / "cache-two",
        workers=2,
        progress=False,
    )
    for name in ("predictions.parquet", "repeats.parquet", "metrics.json", "records.json"):
        assert (two.path / name).read_bytes() == (thrice.path / name).read_bytes(), name


def test_the_file_of_repeats_is_sealed_and_read_back(thrice: atlas.Run) -> None:
    manifest = json.loads((thrice.path / "manifest.json").read_text())
    assert manifest["repeats"] == 3
    assert "repeats.parquet" in manifest["files"]
    back = read_run(thrice.path)
    assert len(back.repeats) == 2
    for one, other in zip(back.repeats, thrice.repeats, strict=True):
        np.testing.assert_array_equal(one.mean, other.mean)
        np.testing.assert_array_equal(one.upper[0.9], other.upper[0.9])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t | {"repeat": t["repeat"] + 1}, "its rows are not those"),
        (lambda t: {k: v[:-1] for k, v in t.items()}, "its rows are not those"),
        (lambda t: t | {"id": t["id"][::-1].copy()}, "its rows are not those"),
        (lambda t: {k: v for k, v in t.items() if k != "repeat"}, "column 'repeat' is missing"),
        (lambda t: t | {"mean": np.full(len(t["mean"]), np.nan)}, "not finite"),
    ],
)
def test_a_file_of_other_rows_is_refused(
    thrice: atlas.Run, tmp_path: Path, change: Any, said: str
) -> None:
    first = Predictions.from_parquet(thrice.path / "predictions.parquet")
    write_table(tmp_path / "r.parquet", change(read_table(thrice.path / "repeats.parquet")))
    with pytest.raises(DataError, match=said):
        read_repeats(tmp_path / "r.parquet", first)


def test_a_loop_and_repeats_together_are_refused(home: Path) -> None:
    loop = {"acquisition": "random", "initial": 40, "batch": 20, "rounds": 2}
    with pytest.raises(SpecError, match="active learning runs its loop once") as caught:
        run(home, repeats=2, active_learning=loop)
    assert "repeats" in str(caught.value)


@pytest.mark.parametrize("number", [0, -1, 1.5, "many"])
def test_a_number_of_repeats_that_is_none_is_refused(home: Path, number: Any) -> None:
    with pytest.raises(SpecError, match="repeats"):
        run(home, repeats=number)


@pytest.mark.parametrize(
    "spread",
    [
        {"values": [], "mean": 0.1, "std": 0.0},
        {"values": ["0.1", "0.2"], "mean": 0.1, "std": 0.0},
        {"values": [0.1, 0.2], "mean": 0.1},
        [0.1, 0.2],
    ],
)
def test_metrics_with_a_spread_that_no_run_writes_are_refused(
    thrice: atlas.Run, spread: Any
) -> None:
    metrics = json.loads((thrice.path / "metrics.json").read_text())
    check_evaluation(thrice.path, metrics, {}, {})
    metrics["arms"]["forest"]["repeats"]["parts"]["test"]["mae"] = spread
    with pytest.raises(DataError, match=r"metrics\.json"):
        check_evaluation(thrice.path, metrics, {}, {})


def test_a_damaged_file_of_repeats_is_found_and_the_same_run_mends_it(
    home: Path, thrice: atlas.Run, tmp_path: Path
) -> None:
    shutil.copytree(thrice.path, tmp_path / "runs" / thrice.path.name)
    run_folder = tmp_path / "runs" / thrice.path.name
    path = run_folder / "repeats.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"x" + whole[-8:])
    assert look(run_folder, read_manifest(run_folder)).changed == ("repeats.parquet",)
    with pytest.raises(DataError, match=r"repeats\.parquet"):
        read_run(run_folder)
    again = atlas.run(
        {**SPEC, "repeats": 3}, out=tmp_path / "runs", cache_dir=home / "cache", progress=False
    )
    assert again.path == run_folder
    assert path.read_bytes() == whole


def test_a_rebuild_compares_the_repeats_too(thrice: atlas.Run, tmp_path: Path) -> None:
    folder = tmp_path / thrice.path.name
    shutil.copytree(thrice.path, folder)
    options = RunOptions(out=tmp_path, cache_dir=tmp_path / "cache")
    assert rebuild(folder, Registry(), options).differ == ()
    table = read_table(folder / "repeats.parquet")
    table["mean"] = table["mean"].copy()
    table["mean"][3] += 0.5
    write_table(folder / "repeats.parquet", table)
    (line,) = rebuild(folder, Registry(), options).differ
    assert line.startswith("repeats.parquet: column mean: 1 of ")
    assert line.endswith("rows differ, by at most 0.5")


def test_folds_a_final_fit_and_labels_of_trust_go_with_repeats(home: Path) -> None:
    """Labels are learned once, a final fit is made once, and every fold is repeated."""
    trust = {
        "error_tolerance": 0.3,
        "nested": {
            "splits": {"use": "leave_elements_out", "options": {"elements": ["O"], "test": 0.4}},
            "rows": 100,
            "scored": 20,
        },
    }
    split = {"use": "kfold", "options": {"folds": 2, "calibration": 0.2}}
    arms = {"forest": {**ARM, "trust": "sigma_threshold"}}
    once, twice = (
        run(home, split=split, arms=arms, trust=trust, final=True, repeats=k) for k in (1, 2)
    )
    for name in ("predictions.parquet", "trust.parquet", "exam.json"):
        if (once.path / name).exists():
            assert (once.path / name).read_bytes() == (twice.path / name).read_bytes(), name
    assert (twice.path / "trust.parquet").exists()
    assert sorted(p.name for p in (twice.path / "fitted/forest").iterdir()) == sorted(
        p.name for p in (once.path / "fitted/forest").iterdir()
    )
    (second,) = twice.repeats
    assert set(second.fold.tolist()) == set(once.predictions.fold.tolist())
    assert len(set(second.fold.tolist())) == 2
    assert twice.verdict["forest"].grade == once.verdict["forest"].grade


def test_an_arm_of_which_one_training_failed_is_left_out_whole_and_the_training_is_named(
    once: atlas.Run,
) -> None:
    fine, broken = JobResult(once.predictions), Failure(DataError("no"))
    done = {("a", "f", 1): fine, ("a", "f", 2): broken, ("b", "f", 1): fine, ("b", "f", 2): fine}
    results, failed = sorted_out(done)
    assert list(results) == [("b", "f", 1), ("b", "f", 2)]
    assert [in_words(name) for name in failed] == ["a, f, training 2"]
    assert in_words(("a", "f", 1)) == "a, f"


def test_the_first_repeat_has_the_seed_of_the_spec_and_every_other_one_of_its_own() -> None:
    seeds = [seed_of_repeat(seed, repeat) for seed in (3, 4) for repeat in (1, 2, 3)]
    assert (seeds[0], seeds[3]) == (3, 4)
    assert len(set(seeds)) == 6
