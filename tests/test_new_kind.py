"""A kind is two files of its own and its name in one list: added here to a copy of the core."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

INTERFACE = '''
"""The ``explainer`` kind: why a prediction is what it is, in words."""

from typing import Protocol, runtime_checkable

from atlas_core.kinds.kind import Kind


@runtime_checkable
class Explainer(Protocol):
    def explain(self, mean: float) -> str: ...


KIND = Kind("explainer", Explainer, place="arm", description="Says why.")
'''
CHECKS = '''
"""The contract of the ``explainer`` kind."""

from atlas_core.testing.checks.shared import used
from atlas_core.testing.outcome import require


def given(sample):
    return 1.0


def make(sample, mean):
    return sample.build().explain(mean)


def check_says_something(sample):
    """An explanation has words."""
    require(used(sample).made, "it says nothing")
'''
MODULE = '''
"""Say how large a prediction is."""

from atlas_core.api import Component, Config, Field, hookimpl


class SizeConfig(Config):
    """How it is written."""

    digits: int = Field(2, ge=1, description="Digits of a number.")


class Size:
    def __init__(self, config):
        self.digits = config.digits

    def explain(self, mean):
        return f"it is {mean:.{self.digits}f}"


@hookimpl
def atlas_explainer():
    return [Component("size", SizeConfig, Size)]
'''
SPEC = """\
atlas: 1
name: t
seed: 1
dataset: flla
split: random
arms:
  a:
    featurizer: magpie
    model: ridge
    uq: deterministic
    explainer: {use: size, options: {digit: 3}}
"""
FILES = {"kinds/explainer.py": INTERFACE, "testing/checks/explainer.py": CHECKS}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with a copy of the core, and an installed plugin of the new kind."""
    shutil.copytree(ROOT / "atlas_core", tmp_path / "atlas_core")
    (tmp_path / "sizes.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "sizes-1.0.dist-info"
    info.mkdir()
    about = "Metadata-Version: 2.1\nName: sizes\nVersion: 1.0\nRequires-Dist: atlas-materials\n"
    (info / "METADATA").write_text(about, encoding="utf-8")
    (info / "entry_points.txt").write_text("[atlas.explainer]\nsize = sizes\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def atlas(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "atlas_core.cli", *words],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site), "ATLAS_CACHE": str(site / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


def differing(compared: filecmp.dircmp[str]) -> list[str]:
    own = [*compared.diff_files, *compared.left_only, *compared.right_only]
    return [*own, *(name for sub in compared.subdirs.values() for name in differing(sub))]


def test_a_new_kind_is_two_files_of_its_own_and_a_line_in_one_other(site: Path) -> None:
    listed = site / "atlas_core/kinds/__init__.py"
    before = listed.read_text(encoding="utf-8")
    listed.write_text(before.replace('    "ood",\n', '    "ood",\n    "explainer",\n'), "utf-8")
    for name, content in FILES.items():
        (site / "atlas_core" / name).write_text(content, encoding="utf-8")
    kinds = filecmp.dircmp(ROOT / "atlas_core", site / "atlas_core", ignore=["__pycache__"])
    assert sorted(differing(kinds)) == ["__init__.py", "explainer.py", "explainer.py"]

    shown = atlas(site, "plugins", "--kind", "explainer")
    assert "Say how large a prediction is." in shown.stdout, shown.stderr
    checked = atlas(site, "check", "size", "--kind", "explainer")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "says_something" in checked.stdout
    wrong = atlas(site, "validate", "s.yaml")
    place = (
        "s.yaml:11:38  arms.a.explainer.options.digit: unknown key 'digit', did you mean 'digits'"
    )
    assert place in wrong.stderr
    assert "$defs/explainer.size" in atlas(site, "schema").stdout

    listed.write_text(before, encoding="utf-8")
    for name in FILES:
        (site / "atlas_core" / name).unlink()
    assert "unknown key 'explainer'" in atlas(site, "validate", "s.yaml").stderr
