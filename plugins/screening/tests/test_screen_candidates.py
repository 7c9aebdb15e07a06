"""Candidates are opened by whichever installed data set reads their file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.api import Batch, Component, Config, DataError, Materials, PluginError
from atlas_core.resolver import Resolved
from atlas_registry.loading import Registry
from atlas_screening.candidates import open_candidates


class Listing:
    """One candidate."""

    path, structures, total, notes = Path("c.two"), False, 1, ()

    def batches(self, size: int, only: object = None) -> list[Batch]:
        made = Materials.from_formulas(["0"], ["NaCl"])
        return [Batch(np.array([0]), ["line 1"], ["a"], ["NaCl"], made, [], [""])]


class Installed(Registry):
    """Find data sets that take files of one ending each, and a broken one."""

    def __init__(self, *endings: str) -> None:
        super().__init__()
        self.endings = endings
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def names(self, kind: str) -> list[str]:
        return ["broken", "plain", *self.endings]

    def resolve(self, kind: str, name: str) -> Resolved:
        if name == "broken":
            raise PluginError("broken: cannot be imported")

        def candidates(path: Path, options: Mapping[str, Any]) -> Listing | str:
            self.asked.append((name, options))
            return Listing() if path.suffix == f".{name}" else f"a .{name} file"

        found = Component(
            name, Config, lambda config: config, candidates=None if name == "plain" else candidates
        )
        return Resolved(kind, found, "d", "1", "", "", {}, self)


def test_the_data_set_that_reads_a_file_is_found_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "c.two").write_text("x")
    installed = Installed("one", "two")
    (batch,) = open_candidates(tmp_path / "c.two", installed).batches(9)
    assert (batch.ids, batch.count) == (["a"], 1)
    assert installed.asked == [("one", {}), ("two", {})]


def test_the_data_set_of_the_run_is_asked_first_with_its_options(tmp_path: Path) -> None:
    (tmp_path / "c.one").write_text("x")
    installed = Installed("one", "two")
    open_candidates(tmp_path / "c.one", installed, dataset="two", options={"id": "name"})
    assert installed.asked == [("two", {"id": "name"}), ("one", {})]


def test_a_form_that_nothing_reads_is_refused_with_those_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.three").write_text("x")
    with pytest.raises(DataError, match=r"unknown form; expected a \.one file, or a \.two file"):
        open_candidates(tmp_path / "c.three", Installed("one", "two"))
    with pytest.raises(DataError, match="no installed data set reads any"):
        open_candidates(tmp_path / "c.three", Installed())
    with pytest.raises(DataError, match="no such file or folder"):
        open_candidates(tmp_path / "none.one", Installed("one"))


def test_a_broken_data_set_of_the_run_itself_is_reported(tmp_path: Path) -> None:
    (tmp_path / "c.two").write_text("x")
    with pytest.raises(PluginError, match="broken: cannot be imported"):
        open_candidates(tmp_path / "c.two", Installed("two"), dataset="broken")


class Faulty(Installed):
    """Find a data set that fails while it opens a file."""

    def resolve(self, kind: str, name: str) -> Resolved:
        def candidates(path: Path, options: Mapping[str, Any]) -> Listing:
            raise PluginError(f"{path.name}: cannot be opened")

        if name != "two":
            return super().resolve(kind, name)
        found = Component(name, Config, lambda config: config, candidates=candidates)
        return Resolved(kind, found, "d", "1", "", "", {}, self)


def test_what_fails_while_it_opens_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "c.two").write_text("x")
    with pytest.raises(PluginError, match=r"c\.two: cannot be opened"):
        open_candidates(tmp_path / "c.two", Faulty("two"))
