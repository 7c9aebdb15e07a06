"""The code that makes a stage's numbers is held: none of it changes unnoticed."""

from __future__ import annotations

import copy
import importlib.util
import json
from types import ModuleType

import pytest
from support import ROOT

from atlas_core.kinds import KINDS
from atlas_core.stages import ALWAYS, STAGES, identity, stages_of


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stages_tool", ROOT / "tools/stages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()


def test_no_code_that_makes_numbers_changed_without_a_version_or_a_word() -> None:
    accepted = json.loads(tool.ACCEPTED.read_text(encoding="utf-8"))
    assert tool.unaccepted(accepted, tool.now()) == []


def test_every_stage_begins_somewhere_and_every_kind_that_makes_numbers_has_one() -> None:
    assert set(tool.ROOTS) == set(STAGES)
    asked = [kind for stage in STAGES.values() for kind in stage.kinds]
    assert len(asked) == len(set(asked))
    assert set(asked) <= set(KINDS)


@pytest.mark.parametrize(
    ("module", "stage"),
    [
        ("metrics.registry", "score"),
        ("kinds.calibrator", "calibrate"),
        ("rows", "load"),
        ("saving", "fit"),
        ("elements", "shared"),
    ],
)
def test_a_changed_module_is_named_with_the_stage_to_raise(module: str, stage: str) -> None:
    found = tool.now()
    changed = copy.deepcopy(found)
    changed["modules"][f"atlas_core.{module}"] = "another"
    (line,) = tool.unaccepted(found, changed)
    assert line == (
        f"atlas_core.{module} changed: raise VERSION of stage {stage} in atlas_core/stages.py or,"
        " if no number changes, run tools/stages.py to accept"
    )


def test_a_new_a_deleted_module_and_a_raised_version_are_reported() -> None:
    found = tool.now()
    changed = copy.deepcopy(found)
    del changed["modules"]["atlas_core.elements"]
    changed["stages"]["fit"] += 1
    lines = tool.unaccepted(changed, found)
    now = found["stages"]["fit"]
    assert lines[0] == f"stage fit: VERSION {now + 1} is {now} now: run tools/stages.py to accept"
    assert lines[1].startswith("atlas_core.elements is new: raise VERSION of stage shared ")
    assert tool.unaccepted(found, changed)[1].startswith("atlas_core.elements is gone: ")


CODE = '''
"""A module."""
LIMIT = 3  # rows
"""Rows that are enough."""

def enough(rows: list[str]) -> bool:
    """Tell whether there are enough."""
    return len(rows) >= LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "Another text."),
        ("Rows that are enough.", "Rows."),
        ("Tell whether there", "Say whether there"),
        ("# rows", "# of materials"),
        ("return len(rows) >= LIMIT", "return (\n        len(rows)   >= LIMIT\n    )"),
        ('    """Tell whether there are enough."""\n', ""),
    ],
)
def test_docstrings_comments_and_formatting_are_no_code(old: str, new: str) -> None:
    assert tool.digest(CODE.replace(old, new)) == tool.digest(CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("= 3", "= 4"), (">=", ">"), ("len(rows)", "len(set(rows))")]
)
def test_whatever_else_changes_is_code(old: str, new: str) -> None:
    assert tool.digest(CODE.replace(old, new)) != tool.digest(CODE)


def test_a_report_and_the_command_line_make_no_numbers() -> None:
    modules = tool.stages_by_module()
    assert not [m for m in modules if m.startswith("atlas_core.cli")]


def test_a_run_counts_the_stages_that_it_has() -> None:
    assert stages_of([]) == tuple(name for name in STAGES if name in ALWAYS)
    asked = {*stages_of(["dataset", "split", "featurizer", "model", "uq"])} - set(ALWAYS)
    assert asked == {"load", "split", "featurize", "fit"}


def test_a_stage_counts_its_version_and_the_libraries_of_the_core() -> None:
    found = identity("score", "shared")
    assert found["stages"] == {name: STAGES[name].VERSION for name in ("score", "shared")}
    assert set(found["libraries"]) == {"numpy"}
