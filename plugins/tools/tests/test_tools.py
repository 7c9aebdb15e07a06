"""The commands that need no run: what is their own, and that nobody else takes their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import ROOT, Cli, MakePlugin


def test_check_of_a_folder_takes_names_and_says_what_it_offers(cli: Cli) -> None:
    folder = ROOT / "examples/atlas-quantile-spread"
    done = cli("check", "--path", folder, "feature_noise")
    assert done.returncode == 2
    assert "quantile_spread" in done.stderr


@pytest.mark.parametrize("code", ["1 / 0", "raise SystemExit(0)", "import not_there"])
def test_check_of_a_folder_whose_module_breaks_is_one_line_that_names_it(
    cli: Cli, tmp_path: Path, code: str
) -> None:
    text = (ROOT / "examples/atlas-quantile-spread/pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    (tmp_path / "quantile_spread.py").write_text(code, encoding="utf-8")
    done = cli("check", "--path", tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "uq quantile_spread" in line


@pytest.mark.parametrize("name", ["cache", "check", "schema"])
def test_a_broken_plugin_cannot_take_a_command_away(
    cli: Cli, make_plugin: MakePlugin, name: str
) -> None:
    entry = {"atlas.command": {name: "a_thief"}}
    thief = make_plugin("a-thief", "a_thief", "raise SystemExit(9)", entry)
    atlas = Cli(cli.cwd, cli.cache, [str(thief)])
    assert atlas(name, "--help").stdout.startswith(f"Usage: atlas {name} ")
    rows = json.loads(atlas("plugins", "--kind", "command", "--json").stdout)
    problems = {row["distribution"]: row["problem"] for row in rows if row["name"] == name}
    assert problems == {
        "a-thief": f"`atlas {name}` is a command of atlas-materials-tools: it needs another name",
        "atlas-materials-tools": "",
    }
    done = atlas("check", "ridge", "--json")
    assert done.returncode == 0, done.stderr


def test_the_schema_is_written_to_a_file(cli: Cli) -> None:
    done = cli("schema", "--out", "spec.schema.json")
    assert (done.returncode, done.stdout) == (0, "")
    found = json.loads((cli.cwd / "spec.schema.json").read_text("utf-8"))
    assert found["title"] == "ATLAS spec"
    assert "model.ridge" in found["$defs"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"project = 1", "project: "),
        (b"[project]\ndependencies = 1", "project.dependencies: "),
        (b"[project]\ndependencies = [1]", "project.dependencies.0: "),
        (b"[project]\nentry-points = 1", "project.entry-points: "),
        (b"\xff", "is no TOML: "),
    ],
)
def test_a_project_file_that_is_none_is_one_line(
    cli: Cli, tmp_path: Path, content: bytes, named: str
) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    done = cli("check", "--path", tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert f"{tmp_path / 'pyproject.toml'}: {named}" in line
