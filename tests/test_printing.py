"""Text that strangers wrote is shown on a line, and no terminal obeys it."""

from __future__ import annotations

import json

import pytest
from support import Cli, MakePlugin
from test_plugin_errors import GOOD
from test_progress import SPEC

from atlas_core.printing import on_one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\u001b[31m"),
        ("a\rb\x07\x7f\x9b", "a\\rb\\u0007\\u007f\\u009b"),
        ("\u202egpj.exe\u2028", "\\u202egpj.exe\\u2028"),
        ("α-Fe₂O₃ Mößbauer 東京\xa0\U0001f600", "α-Fe₂O₃ Mößbauer 東京\xa0\U0001f600"),
        ("\udcff", "\udcff"),  # a byte of a path, which is printed as it is
        ("C:\\n", "C:\\n"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped_and_nothing_else(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert on_one_line(text) == shown


def test_only_text_that_may_have_lines_keeps_them() -> None:
    assert printable("a\n\tb\x1b") == "a\n\tb\\u001b"
    assert on_one_line("a\n\tb") == "a\\n\\tb"


def test_names_in_a_run_folder_are_a_line_each_and_forge_none(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    run = cli.cwd / json.loads(cli("run", "s.yaml", "--json").stdout)["run"]
    (run / "x\nchanged: metrics.json\x1b[2J").write_text("")
    done = cli("verify", run)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "added: x\\nchanged: metrics.json\\u001b[2J"
    assert len(done.stdout.splitlines()) == 2
    out = cli("export", run).stdout.splitlines()
    assert out[1:] == ["left out: x\\nchanged: metrics.json\\u001b[2J"]


def test_the_docstring_and_the_prints_of_a_plugin_are_no_part_of_an_answer(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = GOOD.replace("A model that", "A \x1b]0;t\x07model that").replace(
        "lambda config: None", "lambda config: print('noise')"
    )
    site = make_plugin("loud", "toy_model", code, {"atlas.model": {"toy": "toy_model"}})
    atlas = Cli(cli.cwd, cli.cache, [str(site)])
    reported = atlas("plugins", "--kind", "model").stdout
    assert "A \\u001b]0;t\\u0007model that" in reported
    done = atlas("check", "toy", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["name"] == "toy"
    assert "noise" in done.stderr
