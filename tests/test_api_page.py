"""The pages of the plugin interface: every name of it, and code that is the shipped code."""

from __future__ import annotations

import re
import tomllib
from types import ModuleType

import pytest
from support import ROOT, Cli

import atlas_chemistry
import atlas_reading
from atlas_core import api
from atlas_core.interfaces import CAPABILITIES

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")
LAB = (ROOT / "docs/lab.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```\n', LAB, flags=re.DOTALL))
EXAMPLE = ROOT / "examples/atlas-lab"


def names_of(package: ModuleType) -> list[str]:
    return [name for name in vars(package) if name.isidentifier() and name[0] != "_"]


@pytest.mark.parametrize(
    ("offered", "name"),
    [(one, name) for one in (atlas_reading, atlas_chemistry) for name in one.__all__]
    + [(api, name) for name in names_of(api)],
)
def test_every_name_that_a_plugin_imports_stands_on_the_page_with_its_code(
    offered: ModuleType, name: str
) -> None:
    (block,) = re.findall(rf"^### {name}\n\n```python\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE)
    assert name in block
    if isinstance(getattr(offered, name), type):
        assert re.search(rf"^class {name}\b|^@runtime_checkable\nclass {name}\b", block, re.M)
        assert '"""' in block


def test_the_page_states_shapes_capabilities_and_how_to_declare_an_expected_failure() -> None:
    for words in ("(n, d)", "(k, n)", "(l, n)", "(n, 118)", "expected_failures={"):
        assert words in PAGE
    for capability in CAPABILITIES:
        assert f"| `{capability}` |" in PAGE


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_the_worked_components_on_the_page_are_the_shipped_code(name: str) -> None:
    assert BLOCKS[name].strip() == (EXAMPLE / name).read_text(encoding="utf-8").strip()


def test_the_worked_package_has_a_component_of_four_kinds_and_all_stand_on_the_page() -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["entry-points"]) == {
        f"atlas.{kind}" for kind in ("dataset", "model", "ood", "calibrator")
    }
    files = {f"atlas_lab/{path.name}" for path in (EXAMPLE / "atlas_lab").glob("[!_]*.py")}
    assert files <= set(BLOCKS)
    for name in files:
        for line in (EXAMPLE / name).read_text(encoding="utf-8").splitlines():
            if re.match(r"\s*(from|import) atlas", line):
                assert line.startswith("from atlas_core.api import"), line


def test_the_worked_components_keep_their_contracts_without_being_installed(cli: Cli) -> None:
    done = cli("check", "--path", EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("4 components")


def test_the_spec_of_the_worked_components_runs(cli: Cli) -> None:
    done = Cli(cli.cwd, cli.cache)("run", EXAMPLE / "spec.yaml", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("lab: ")
