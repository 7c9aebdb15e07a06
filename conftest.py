"""Fixtures of all tests."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support import SHARED, Cli, Finished, MakePlugin
from warm import leave_out_records

collect_ignore = ["examples/atlas-extras"]
"""It is not installed with the others: what it adds would stand in the metrics of every run."""


@pytest.fixture(scope="session", autouse=True)
def _data_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own key out of the tests, and theirs out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("share")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_records() -> None:
    leave_out_records()


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One feature cache for the whole test session of a worker."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cli(tmp_path: Path, shared_cache: Path) -> Cli:
    """Run ``atlas`` in a folder of the test."""
    return Cli(tmp_path, shared_cache)


@pytest.fixture(scope="session")
def _kept_runs() -> dict[tuple[str, ...], Path]:
    """Finished runs of this session, by spec and options."""
    return {}


@pytest.fixture
def finished(
    cli: Cli, _kept_runs: dict[tuple[str, ...], Path], tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """Give a copy of the finished run of a spec, which runs once in a session."""

    def give(text: str, *args: str) -> Path:
        key = (text, *args)
        if key not in _kept_runs:
            there = Cli(tmp_path_factory.mktemp("finished"), cli.cache)
            (there.cwd / "s.yaml").write_text(text, encoding="utf-8")
            done = there("run", "s.yaml", "--json", *args)
            if done.returncode:
                pytest.fail(done.stderr)
            _kept_runs[key] = there.cwd / json.loads(done.stdout)["run"]
        (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
        return shutil.copytree(_kept_runs[key], cli.cwd / "runs" / _kept_runs[key].name)

    return give


@pytest.fixture
def make_plugin(tmp_path: Path) -> MakePlugin:
    """Make an installed-looking distribution: a module and its metadata, in a folder of its own."""

    def make(
        distribution: str,
        module: str,
        code: str,
        entry_points: Mapping[str, Mapping[str, str]],
        *,
        requires: str | None = "atlas-materials>=0.1,<0.2",
        version: str = "1.0",
    ) -> Path:
        folder = tmp_path / "site" / distribution
        folder.mkdir(parents=True)
        (folder / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        if requires:
            lines.append(f"Requires-Dist: {requires}")
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        groups = [
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in names.items())
            for group, names in entry_points.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def data_dir() -> Path:
    """The folder with real Matbench files, or a skip that says so."""
    folder = SHARED / "matbench_v0.1"
    if not folder.is_dir():
        pytest.skip("no local Matbench files (../shared/data/matbench_v0.1 is absent)")
    return folder
