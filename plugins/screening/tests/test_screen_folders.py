"""Where a screen writes: beside the files of a run, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from support import Home

from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.errors import AtlasError, DataError
from atlas_core.links import TEMPORARY
from atlas_core.seal import look, read_manifest
from atlas_core.spec.load import load_plan
from atlas_core.store import read_json
from atlas_registry.loading import Registry
from atlas_screening.folder import TOP, hold
from atlas_screening.screen import ScreenOptions, screen

SPEC = """\
atlas: 1
name: screened
seed: 3
sample: 150
reports: []
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  ridge:
    {featurizer: element_fractions, model: ridge, uq: deterministic, calibrator: split_conformal}
"""


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Home:
    path = tmp_path_factory.mktemp("screened")
    (path / "s.yaml").write_text(SPEC, encoding="utf-8")
    options = RunOptions(
        out=path / "runs",
        cache_dir=path / "cache",
        key_file=path / "origin.key",
        save_fitted=True,
    )
    run(load_plan(path / "s.yaml", Registry()), options)
    (folder,) = (path / "runs").iterdir()
    return Home(path, folder)


@pytest.fixture
def home(clean: Home, tmp_path: Path) -> Home:
    return clean.copied(tmp_path / "home")


def asked(home: Home, text: str = "LiF\nNaCl\n", **options: Any) -> ScreenOptions:
    listed = home.path / "c.csv"
    listed.write_text(f"formula\n{text}", encoding="utf-8")
    out = home.run / "screens" / "c"
    return ScreenOptions(
        **{"run": home.run, "candidates": listed, "out": out, "key_file": home.key, **options}
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_screen_that_fails_leaves_the_earlier_one_and_nothing_else(home: Home) -> None:
    screen(asked(home), Registry())
    out = home.run / "screens" / "c"
    before = contents(out)
    with pytest.raises(AtlasError, match="none of 1"):
        screen(asked(home, "Xx9\n"), Registry())
    assert contents(out) == before
    screen(asked(home, "KBr\n"), Registry())
    assert set(contents(out)) == set(before)
    assert read_json(out / "screen.json")["screened"] == 1


def test_a_disk_that_fills_under_a_screen_is_named_and_leaves_the_earlier_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    screen(asked(home), Registry())
    out = home.run / "screens" / "c"
    before = contents(out)

    def full(*_args: Any) -> None:
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(parquet.ParquetWriter, "close", full)
    with pytest.raises(DataError, match=r"c/screened\.parquet: cannot be written: File too large"):
        screen(asked(home), Registry())
    assert contents(out) == before


def test_what_a_killed_screen_left_is_deleted_and_what_another_writes_is_not(home: Home) -> None:
    out = home.run / "screens" / "c"
    left, busy = (out / f".screen.{name}{TEMPORARY}" for name in ("left", "busy"))
    for folder in (left, busy):
        folder.mkdir(parents=True)
    held = hold(busy)
    assert held is not None
    screen(asked(home), Registry())
    os.close(held)
    assert (left.exists(), busy.exists()) == (False, True)


@pytest.mark.parametrize("place", ["", "figures", "fitted/ridge"])
def test_a_screen_is_not_written_among_the_files_of_a_run(home: Home, place: str) -> None:
    with pytest.raises(DataError, match="--out"):
        screen(asked(home, out=home.run / place), Registry())
    assert look(home.run, read_manifest(home.run)).intact
    assert look(home.run, read_manifest(home.run)).added == ()


def test_a_screen_does_not_replace_its_candidates(home: Home) -> None:
    listed = home.path / TOP
    listed.write_text("formula\nLiF\n")
    with pytest.raises(DataError, match="candidates"):
        screen(asked(home, candidates=listed, out=home.path), Registry())
    assert listed.read_text() == "formula\nLiF\n"


def test_the_places_of_screens_are_reported(home: Home) -> None:
    result = screen(asked(home), Registry())
    assert result.folder == home.run / "screens" / "c"
    assert json.loads((result.folder / "screen.json").read_text())["screened"] == 2
