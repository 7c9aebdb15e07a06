"""The page "Write a plugin" is the example, and the example is what CI installs and runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import ROOT, Cli

PAGE = (ROOT / "docs/write-a-plugin.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples/atlas-quantile-spread"
BLOCKS = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```\n', PAGE, flags=re.DOTALL))


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "quantile_spread.py", "tests/test_quantile_spread.py", "spec.yaml"]
)
def test_the_code_on_the_page_is_the_code_of_the_example(name: str) -> None:
    assert BLOCKS[name] == (EXAMPLE / name).read_text(encoding="utf-8")


def test_the_metric_and_the_command_on_the_page_are_those_of_the_example() -> None:
    section = PAGE.partition("## A metric, a figure and a command")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", section, flags=re.DOTALL)
    folder = ROOT / "examples/atlas-extras"
    example = "".join((folder / n).read_text() for n in ("atlas_extras.py", "pyproject.toml"))
    assert len(blocks) == 3
    assert all(block in example for block in blocks)


def test_a_reader_who_types_the_page_in_passes_the_contract(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "typed in"
    for name, content in BLOCKS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    done = cli("check", "--path", folder)
    assert done.returncode == 0, done.stdout
    count = re.search(r"`(\d+ checks: [^`]+)`", PAGE)
    assert count is not None
    assert done.stdout.splitlines()[-1] == count[1]
    assert f"\n{count[1]}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_broken_rule_fails_the_check(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(BLOCKS["pyproject.toml"], encoding="utf-8")
    module = BLOCKS["quantile_spread.py"].replace("(high - low) / 2", "(low * 0)")
    (tmp_path / "quantile_spread.py").write_text(module, encoding="utf-8")
    done = cli("check", "--path", tmp_path)
    assert done.returncode == 1
    assert re.search(r"sigma_grows_off_the_data +FAILED", done.stdout)


def test_a_spec_that_names_the_installed_example_runs(cli: Cli) -> None:
    rows = json.loads(cli("plugins", "--kind", "uq", "--json").stdout)
    assert "atlas-quantile-spread" in {row["distribution"] for row in rows}
    small = ("--set", "sample=300", "--set", "arms.quantiles.model.options.trees=20")
    small += ("--set", "arms.standard_deviation.model.options.trees=20")
    done = cli("run", EXAMPLE / "spec.yaml", "--json", *small)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["verdicts"]) == {"quantiles", "standard_deviation"}


def test_nothing_in_atlas_names_the_example() -> None:
    for folder in ("atlas_core", "registry", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            if "tests" in path.parts:
                continue
            assert "quantile_spread" not in path.read_text(encoding="utf-8"), path


def test_check_refuses_a_plugin_that_states_no_core_or_another(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "quantile_spread.py").write_text(BLOCKS["quantile_spread.py"], encoding="utf-8")
    right = BLOCKS["pyproject.toml"]
    for wrong, message in (
        (
            right.replace('"atlas-materials>=0.1,<0.2", ', ""),
            "does not state which atlas-materials",
        ),
        (
            right.replace(">=0.1,<0.2", ">=0.9"),
            "made for atlas-materials>=0.9, this is atlas-materials",
        ),
    ):
        (tmp_path / "pyproject.toml").write_text(wrong, encoding="utf-8")
        done = cli("check", "--path", tmp_path)
        assert done.returncode == 3
        assert message in done.stderr
