"""What others put into run folders, caches and lists is refused or made anew; nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Home

from atlas_core.engine.folder import RunFolder
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.errors import DataError
from atlas_core.links import TEMPORARY
from atlas_core.seal import look, read_manifest, seal
from atlas_core.spec.load import load_plan
from atlas_core.store import read_arrays, write_arrays, write_json
from atlas_records.rebuild import rebuild
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: strange
seed: 3
sample: 150
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  ridge:
    {featurizer: element_fractions, model: ridge, uq: deterministic, calibrator: split_conformal}
"""
LOOP = """\
active_learning: {initial: 20, batch: 5, rounds: 2, goal: minimize}
"""
ANSWER = ("predictions.parquet", "metrics.json")


class Strange(Home):
    """A home whose run is asked for again."""

    def again(self, key: bool = True, **options: Any) -> list[str]:
        """Ask for the run once more; return what was told."""
        reported: list[str] = []
        plan = load_plan(self.path / "strange.yaml", Registry())
        asked = {"cache_dir": self.path / "cache", "key_file": self.key if key else None}
        run(
            plan, RunOptions(out=self.path / "runs", notify=reported.append, **{**asked, **options})
        )
        return reported

    def answer(self) -> list[bytes]:
        return [(self.run / name).read_bytes() for name in ANSWER]


def made(path: Path, spec: str) -> Strange:
    (path / "strange.yaml").write_text(spec, encoding="utf-8")
    Strange(path, path).again(save_fitted=True if "active" not in spec else None)
    (folder,) = (path / "runs").iterdir()
    return Strange(path, folder)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Strange:
    return made(tmp_path_factory.mktemp("strange"), SPEC)


@pytest.fixture(scope="module")
def clean_undrawn(tmp_path_factory: pytest.TempPathFactory) -> Strange:
    """The same without a page."""
    spec = SPEC.replace("dataset:", "reports: []\ndataset:")
    return made(tmp_path_factory.mktemp("undrawn"), spec)


@pytest.fixture(scope="module")
def clean_loop(tmp_path_factory: pytest.TempPathFactory) -> Strange:
    arm = "calibrator: split_conformal, acquisition: random}"
    spec = SPEC.replace("calibrator: split_conformal}", arm) + LOOP
    return made(tmp_path_factory.mktemp("loop"), spec)


@pytest.fixture
def home(clean: Strange, tmp_path: Path) -> Strange:
    return clean.copied(tmp_path / "home")


def result_file(home: Strange) -> Path:
    (path,) = home.run.glob("checkpoints/*/*/result.npz")
    return path


Arrays = dict[str, np.ndarray[Any, Any]]
Change = Callable[[Arrays, dict[str, Any]], Any]


def cut(arrays: Arrays, _note: dict[str, Any]) -> None:
    arrays.update({name: values[:1] for name, values in arrays.items()})


STRANGE: dict[str, Change] = {
    "no columns": lambda arrays, _: arrays.clear(),
    "shorter": lambda a, _: a.update({"columns/mean": a["columns/mean"][:-1]}),
    "rows of others": lambda a, _: a.update({"columns/id": np.char.add(a["columns/id"], "x")}),
    "rows in another order": lambda a, _: a.update({"columns/id": a["columns/id"][::-1]}),
    "two dimensions": lambda a, _: a.update({"columns/std": a["columns/std"][:, None]}),
    "another type": lambda a, _: a.update({"columns/mean": a["columns/mean"].astype(str)}),
    "not finite": lambda a, _: a.update({"columns/mean": a["columns/mean"] * np.nan}),
    "one row": cut,
    "parts": lambda a, _: a.update({"columns/part": np.full(len(a["columns/part"]), "zz")}),
    "a column more": lambda a, _: a.update({"columns/zz": a["columns/mean"]}),
    "a level less": lambda a, _: a.pop("columns/lower_0.9"),
    "trust": lambda a, _: a.update({"trust/x": np.zeros(3)}),
    "rounds": lambda a, _: a.update({"rounds/x": np.zeros(3)}),
    "a record": lambda _, note: note.update(records=[{"a": 1}]),
    "stages": lambda _, note: note.update(stages=[1]),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_job_result_that_is_not_of_its_run_is_computed_anew(
    clean_undrawn: Strange, tmp_path: Path, strange: str
) -> None:
    home = clean_undrawn.copied(tmp_path / "home")
    before = home.answer()
    arrays, note = read_arrays(result_file(home))
    STRANGE[strange](arrays, note)
    write_arrays(result_file(home), arrays, note)  # its checksum is right
    (home.run / "manifest.json").unlink()
    reported = home.again(key=False)
    assert any("result.npz: is no finished job" in line for line in reported), reported
    assert home.answer() == before


def test_a_job_result_without_the_users_mark_is_computed_anew_and_one_with_it_is_not(
    home: Strange,
) -> None:
    before = home.answer()
    (home.run / "manifest.json").unlink()
    assert any("resumed: 1 of 1" in line for line in home.again())
    (home.run / "manifest.json").unlink()
    arrays, note = read_arrays(result_file(home))
    arrays["columns/mean"] = arrays["columns/mean"] + 0.1  # as a run could have written it
    write_arrays(result_file(home), arrays, note)
    reported = home.again()
    assert any("result.npz: it was not made by you" in line for line in reported), reported
    assert home.answer() == before


def test_rounds_that_no_loop_of_the_user_wrote_are_begun_anew(
    clean_loop: Strange, tmp_path: Path
) -> None:
    home = clean_loop.copied(tmp_path / "home")
    before = home.answer()

    def killed_in_a_loop() -> Path:
        (home.run / "manifest.json").unlink(missing_ok=True)
        result = result_file(home)
        result.unlink()
        return result.with_name("loop.npz")

    killed_in_a_loop()
    assert not any("dropped" in line for line in home.again())
    for key, change in ((True, 0), (False, 10**6)):
        state = killed_in_a_loop()
        arrays, note = read_arrays(state)
        rows = [{**row, "best": -99.0} for row in note["rows"]]
        write_arrays(state, {"labeled": arrays["labeled"] + change}, {**note, "rows": rows})
        assert any("stored rounds dropped" in line for line in home.again(key=key))
        assert home.answer() == before


@pytest.mark.parametrize("file", ["manifest.json", "metrics.json", "report.html", "events.jsonl"])
def test_a_folder_in_place_of_a_file_stops_a_run_before_it_computes(
    home: Strange, file: str
) -> None:
    (home.run / file).unlink()
    (home.run / file).mkdir()
    shutil.rmtree(home.path / "cache" / "fits")
    with pytest.raises(DataError, match=rf"{file}: a folder is where a file is needed"):
        home.again()
    assert not (home.path / "cache" / "fits").exists()


@pytest.mark.parametrize("aside", [".previous", "screens"])
def test_a_file_in_place_of_a_folder_is_named(home: Strange, aside: str) -> None:
    (home.run / aside).write_text("")
    with pytest.raises(DataError, match=rf"{aside}: a file is where a folder is needed"):
        home.again(force=True)


def test_a_folder_in_place_of_a_job_result_or_of_an_answer_is_dropped(home: Strange) -> None:
    before = home.answer()
    for path in (result_file(home), *(home.path / "cache" / "fits").rglob("*.npz")):
        path.unlink()
        path.mkdir()
    (home.run / "manifest.json").unlink()
    reported = home.again()
    assert "a folder is where" in (home.run / "records.json").read_text()
    assert any("result.npz" in line and "dropped" in line for line in reported)
    assert home.answer() == before


@pytest.mark.parametrize("depth", [100, 950, 99_999])
def test_a_manifest_however_deep_is_damaged_and_mended(home: Strange, depth: int) -> None:
    text = '{"files": {}, "seal": "x", "deep": ' + "[" * depth + "]" * depth + "}"
    (home.run / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json"):
        read_manifest(home.run)
    assert any("manifest.json" in line for line in home.again())
    assert look(home.run, read_manifest(home.run)).intact


def test_a_foreign_manifest_is_refused_before_anything_is_run_anew(
    home: Strange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_records.rebuild.run", lambda *_: pytest.fail("it was run"))
    manifest = {**read_manifest(home.run), "dataset": "x"}
    write_json(home.run / "manifest.json", seal(home.run, manifest))
    with pytest.raises(DataError, match=r"manifest\.json"):
        rebuild(home.run, Registry(), RunOptions(out=home.path, cache_dir=home.path / "cache"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_leaves_what_a_screen_is_writing_and_earlier_screens_alone(home: Strange) -> None:
    busy = home.run / "screens" / "c" / f"x{TEMPORARY}"
    busy.parent.mkdir(parents=True)
    (busy.parent / "screen.json").write_text("{}")
    before = contents(busy.parent)
    busy.write_text("half a table")
    mine = home.run / f"x{TEMPORARY}"
    mine.write_text("of a run that was killed")
    with RunFolder(home.run).lock():
        assert (busy.exists(), mine.exists()) == (True, False)
    home.again(force=True)
    assert contents(busy.parent) == {**before, busy.name: b"half a table"}
