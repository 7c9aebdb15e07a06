"""Commands that plugins bring: listed without an import, and each of them alone at fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support import ROOT, Cli, MakePlugin, worked_plugin

from atlas_core import installed
from atlas_core.cli.main import main
from atlas_core.errors import PluginError
from atlas_core.kinds.command import BUILT_IN

GOOD = '''
    """Say hello to somebody."""
    import click
    from atlas_core.api import CommandHost, Component, Config, SpecError, hookimpl

    @click.command("hello")
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
    @click.pass_obj
    def hello(host: CommandHost, name: str, as_json: bool) -> None:
        """Greet NAME."""
        if name == "nobody":
            raise SpecError("nobody cannot be greeted; name somebody")
        if name == "everybody":
            raise ValueError("too many")
        host.note(f"{len(host.resolver.names('command'))} commands")
        host.answer({"name": name}, f"hello {name}", as_json=as_json)

    @hookimpl
    def atlas_command():
        return [Component("hello", Config, lambda config: hello)]
    '''
ENTRY = {"atlas.command": {"hello": "toy_command"}}


def having(cli: Cli, *folders: Path) -> Cli:
    return Cli(cli.cwd, cli.cache, [str(folder) for folder in folders])


@pytest.fixture
def atlas(cli: Cli, make_plugin: MakePlugin) -> Cli:
    return having(cli, make_plugin("toy-commands", "toy_command", GOOD, ENTRY))


def test_a_command_is_listed_with_the_built_in_ones_and_runs(atlas: Cli) -> None:
    listed = atlas("--help").stdout
    assert "Commands of plugins:" in listed
    assert "hello" in listed.partition("Commands of plugins:")[2]
    assert "Say hello to somebody." in listed
    done = atlas("hello", "Ada")
    assert (done.returncode, done.stdout) == (0, "hello Ada\n")
    assert "commands" in done.stderr
    assert json.loads(atlas("hello", "Ada", "--json").stdout) == {"name": "Ada"}
    assert "Greet NAME." in atlas("hello", "--help").stdout


def test_a_command_is_a_component_that_is_listed_and_checked(atlas: Cli) -> None:
    (row,) = [
        row
        for row in json.loads(atlas("plugins", "--kind", "command", "--json").stdout)
        if row["name"] == "hello"
    ]
    assert row["distribution"] == "toy-commands"
    assert row["summary"] == "Say hello to somebody."
    done = atlas("check", "hello")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("hello", "Ada", "--loud"), 2, "no such option '--loud'; see `atlas hello --help`"),
        (("hello",), 2, "missing argument 'NAME'; see `atlas hello --help`"),
        (("hello", "nobody"), 2, "nobody cannot be greeted; name somebody"),
        (("hello", "everybody"), 70, "ValueError: too many; this is a defect of ATLAS or of a"),
        (("helo", "Ada"), 2, "no such command 'helo'; see `atlas --help`"),
    ],
)
def test_an_error_of_a_command_is_one_line(
    atlas: Cli, words: tuple[str, ...], code: int, line: str
) -> None:
    done = atlas(*words)
    assert done.returncode == code
    (reported,) = done.stderr.splitlines()
    assert reported.startswith(f"error: {line}")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("x = 1", "has no @hookimpl function atlas_command()"),
        (GOOD.replace("config: hello", "config: 3"), "build returned a int, no command"),
        (GOOD.replace("config: hello", "config: 1 / 0"), "build failed: ZeroDivisionError"),
    ],
)
def test_a_broken_command_is_one_line_and_harms_no_other(
    cli: Cli, make_plugin: MakePlugin, code: str, message: str
) -> None:
    broken = make_plugin("broken-commands", "toy_command", code, ENTRY)
    other = GOOD.replace("hello", "other")
    sound = make_plugin("sound", "sound_one", other, {"atlas.command": {"other": "sound_one"}})
    atlas = having(cli, broken, sound)
    done = atlas("hello", "Ada")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: command hello of broken-commands 1.0")
    assert message in line
    assert atlas("other", "Ada").stdout == "other Ada\n"
    assert atlas("--help").returncode == 0


def test_a_broken_command_is_nothing_to_the_schema_of_specs(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = having(cli, make_plugin("broken-commands", "toy_command", "1 / 0", ENTRY))
    done = atlas("schema")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_for_another_core_is_shown_as_broken_and_never_imported(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    made = make_plugin("old", "toy_command", "1 / 0", ENTRY, requires="atlas-materials>=9")
    atlas = having(cli, made)
    assert "BROKEN: made for atlas-materials>=9" in atlas("--help").stdout
    done = atlas("hello", "Ada")
    assert done.returncode == 3
    assert "ZeroDivisionError" not in done.stderr


def test_the_name_of_a_built_in_command_cannot_be_taken(cli: Cli, make_plugin: MakePlugin) -> None:
    code = GOOD.replace("hello", "validate")
    made = make_plugin("thief", "toy_command", code, {"atlas.command": {"validate": "toy_command"}})
    atlas = having(cli, made)
    assert "Check SPEC" in atlas("validate", "--help").stdout
    assert "Commands of plugins" not in atlas("--help").stdout.partition("validate")[0]
    (row,) = [
        row
        for row in json.loads(atlas("plugins", "--kind", "command", "--json").stdout)
        if row["name"] == "validate"
    ]
    assert row["problem"] == "`atlas validate` is a command of ATLAS itself: it needs another name"


def test_only_the_command_that_is_called_is_imported(cli: Cli, make_plugin: MakePlugin) -> None:
    mark = "open('imported', 'w').close()\n"
    made = make_plugin("marks", "toy_command", mark, ENTRY)
    atlas = having(cli, made)
    for words in (("--help",), ("plugins",), ("datasets", "list"), ("helo",)):
        atlas(*words)
        assert not (atlas.cwd / "imported").exists(), words
    atlas("hello")
    assert (atlas.cwd / "imported").exists()


def test_a_known_command_that_is_not_installed_names_its_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every, left_out = list(installed.distributions()), "atlas-materials-screening"
    without = [one for one in every if one.name != left_out]
    assert len(without) == len(every) - 1
    monkeypatch.setattr(installed, "distributions", lambda: iter(without))
    monkeypatch.setattr(installed, "_declaring", installed._declaring.__wrapped__)  # not kept
    with pytest.raises(PluginError, match=f"pip install {left_out}"):
        main.get_command(click.Context(main), "screen")


def test_a_shell_completes_commands_of_plugins_and_their_options(atlas: Cli) -> None:
    for words, wanted in (("atlas hel", "hello"), ("atlas hello --js", "--json")):
        asked = {
            "_ATLAS_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        done = atlas(env=asked, fresh=True)
        assert f"plain,{wanted}" in done.stdout, done


def test_a_plugins_command_is_the_same_after_atlas_has_run_it() -> None:
    from atlas_report.hooks import atlas_command

    (compare,) = (one for one in atlas_command() if one.name == "compare")

    def helped() -> str:
        return CliRunner().invoke(compare.build(compare.config()), ["--help"]).output

    with pytest.raises(SystemExit):
        main(["compare", "-h"])
    assert "-h, " not in helped()


def test_the_list_of_built_in_commands_is_complete() -> None:
    assert set(main.commands) == BUILT_IN


def test_the_plugin_in_the_docstring_of_the_kind_works(cli: Cli, make_plugin: MakePlugin) -> None:
    atlas = having(cli, make_plugin("worked", *worked_plugin("command")))
    assert "Count the arms of a finished run." in atlas("--help").stdout
    run = cli.cwd / "run"
    run.mkdir()
    manifest = {"arms": {"ridge": {}, "forest": {}}}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert atlas("count_arms", run).stdout == "2 arms: forest, ridge\n"


def test_help_imports_nothing_heavy_even_where_plugins_bring_commands(
    make_plugin: MakePlugin,
) -> None:
    folder = make_plugin("toy-commands", "toy_command", GOOD, ENTRY)
    code = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\nfrom atlas_core.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([n for n in ('numpy', 'pydantic', 'pluggy', 'toy_command') if n in sys.modules])"
    )
    words = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Say hello to somebody." in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
