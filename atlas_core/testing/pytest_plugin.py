"""Collect the contract of every component that a distribution declares. Light: pytest only.

pytest loads this by itself wherever ATLAS is installed. Where it collects a ``pyproject.toml`` with
entry points of ATLAS (``pytest`` in a plugin's folder does, or ``pytest pyproject.toml``), each
check of each component declared there is a test, such as
``pyproject.toml::uq.my_method::same_seed_same_bytes``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from atlas_core.testing.kit import CheckResult


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a ``pyproject.toml`` that declares components of ATLAS."""
    if file_path.name == "pyproject.toml" and _declared(file_path):
        found: pytest.Collector = DeclaredComponents.from_parent(parent, path=file_path)
        return found
    return None


def _declared(path: Path) -> list[tuple[str, str]]:
    """Return kind and name of each component in the entry points of a project."""
    from atlas_core.kinds import KINDS

    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["entry-points"]
    except (KeyError, ValueError):
        return []
    return [(kind, name) for kind in KINDS for name in groups.get(f"atlas.{kind}", {})]


class DeclaredComponents(pytest.File):
    """Collect the components of one project."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield a collector for each component."""
        for kind, name in _declared(self.path):
            yield ComponentContract.from_parent(self, name=f"{kind}.{name}", component=(kind, name))


class ComponentContract(pytest.Collector):
    """Collect the checks of one component."""

    def __init__(self, *, component: tuple[str, str], **rest: Any) -> None:
        super().__init__(**rest)
        self._component = component

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each check of the kind."""
        from atlas_core.testing.kit import contract_cases

        for name, case in contract_cases(*self._component).items():
            yield ContractTest.from_parent(self, name=name, case=case)


class ContractTest(pytest.Item):
    """Run one check of one component."""

    def __init__(self, *, case: Callable[[], CheckResult], **rest: Any) -> None:
        super().__init__(**rest)
        self._case = case

    def runtest(self) -> None:
        """Run the check; a broken promise fails the test, what does not apply skips it."""
        result = self._case()
        if result.outcome == "not applicable":
            pytest.skip(result.message)
        if result.outcome == "expected failure":
            pytest.xfail(result.message)
        if result.broken:
            pytest.fail(result.message, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the project, the component and the check."""
        return self.path, None, f"{self.parent.name if self.parent else ''}: {self.name}"
