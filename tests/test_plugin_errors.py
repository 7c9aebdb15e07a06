"""Broken plugins: one line that names them, and never a crash of another command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Cli, MakePlugin

GOOD = '''
    """A model that is always there."""
    from atlas_core.api import Component, Config, hookimpl

    class Options(Config):
        """No options."""

    @hookimpl
    def atlas_model():
        return [Component("toy", Options, lambda config: None, needs={"features:vectors"})]
    '''
SPEC = """\
atlas: 1
name: t
seed: 1
dataset: flla
split: random
arms:
  a: {featurizer: magpie, model: toy, uq: point}
"""
ENTRY = {"atlas.model": {"toy": "toy_model"}}


def spec_in(folder: Path) -> Path:
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    return folder / "s.yaml"


def with_path(cli: Cli, *folders: Path) -> Cli:
    return Cli(cli.cwd, cli.cache, [str(folder) for folder in folders])


def test_a_plugin_of_a_third_party_is_listed_and_valid(cli: Cli, make_plugin: MakePlugin) -> None:
    atlas = with_path(cli, make_plugin("third-party", "toy_model", GOOD, ENTRY))
    rows = json.loads(atlas("plugins", "--kind", "model", "--json").stdout)
    (row,) = [row for row in rows if row["name"] == "toy"]
    assert row["distribution"] == "third-party"
    assert row["summary"] == "A model that is always there."
    done = atlas("validate", spec_in(cli.cwd))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('raise RuntimeError("boom")', "cannot be imported: RuntimeError: boom"),
        ("import not_there", "cannot be imported: ModuleNotFoundError: No module named"),
        ("x = 1", "has no @hookimpl function atlas_model()"),
        (GOOD.replace("return [", "[").replace("})]", "})]"), "must return a list of Component"),
        (GOOD.replace('"toy"', '"other"'), "offers other, not toy"),
        (GOOD.replace("def atlas_model():", "def atlas_model(extra):"), "atlas_model"),
        (GOOD.replace("atlas_model", "atlas_modle"), "atlas_modle"),
        (GOOD.replace('"features:vectors"', '"model:magic"'), "model:magic"),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_it(
    cli: Cli, make_plugin: MakePlugin, code: str, message: str
) -> None:
    atlas = with_path(cli, make_plugin("broken-plugin", "toy_model", code, ENTRY))
    done = atlas("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "s.yaml:7:27  arms.a.model.use" in line
    assert message in line
    assert "Traceback" not in done.stderr


def test_a_broken_plugin_is_a_row_in_verify_and_harms_no_other_command(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = with_path(cli, make_plugin("broken-plugin", "toy_model", "1 / 0", ENTRY))
    listed = atlas("plugins", "--kind", "model", "--verify", "--json")
    assert listed.returncode == 3
    rows = {row["name"]: row["problem"] for row in json.loads(listed.stdout)}
    assert "ZeroDivisionError" in rows["toy"]
    assert rows["ridge"] == ""
    assert atlas("plugins").returncode == 0


def test_two_distributions_with_one_name_are_both_named(cli: Cli, make_plugin: MakePlugin) -> None:
    first = make_plugin("first-one", "toy_model", GOOD, ENTRY)
    second = make_plugin("second-one", "toy_model", GOOD, ENTRY, version="2.0")
    done = with_path(cli, first, second)("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    assert "offered by first-one 1.0 and second-one 2.0" in done.stderr


def test_a_plugin_for_another_core_is_refused_before_it_is_imported(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    folder = make_plugin(
        "from-the-future", "toy_model", "1 / 0", ENTRY, requires="atlas-core>=9,<10"
    )
    done = with_path(cli, folder)("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    assert "made for atlas-core<10,>=9, this is atlas-core 0.1.0" in done.stderr
    assert "ZeroDivisionError" not in done.stderr


def test_a_plugin_that_states_no_core_is_refused(cli: Cli, make_plugin: MakePlugin) -> None:
    folder = make_plugin("careless", "toy_model", GOOD, ENTRY, requires=None)
    done = with_path(cli, folder)("validate", spec_in(cli.cwd))
    assert "does not state which atlas-core it needs" in done.stderr
