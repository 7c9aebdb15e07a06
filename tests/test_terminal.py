"""Text fits a terminal, is colored and linked there, and stays as it is in a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from run_folders import make_run
from support import Cli, Finished
from test_progress import read_to_the_end

from atlas_core.cli.main import main
from atlas_core.cli.terminal import fitted, linked, open_page
from atlas_core.store import read_json, write_json

OF_80 = 78
"""Characters that click fills of a terminal of 80."""
SPEC = """\
atlas: 1
name: t
seed: 1
sample: 120
dataset: flla
split: {use: leave_elements_out, options: {elements: [O], test: 0.2}}
arms:
  constant: {featurizer: element_fractions, model: dummy, uq: deterministic}
"""


def on_terminal(cli: Cli, width: int, *words: str | Path, **variables: str) -> str:
    """Return all that a command writes on a terminal of some width."""
    ours, theirs = os.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    env |= {"TERM": "xterm", "COLUMNS": str(width), "ATLAS_CACHE": str(cli.cache), **variables}
    command = [sys.executable, "-m", "atlas_core.cli", *map(str, words)]
    with subprocess.Popen(command, cwd=cli.cwd, stdout=theirs, stderr=theirs, env=env):
        os.close(theirs)
        return read_to_the_end(ours).replace("\r\n", "\n")


def plain(text: str) -> str:
    """Return a text without what colors and links it."""
    return re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\\\|\x1b\[[0-9;]*m", "", text)


def test_lines_are_broken_between_words_and_paths_never() -> None:
    path = "/a/path/that-is-longer/than-a-line"
    text = f"one two three four five\n  - six seven eight nine ten\n{path}"
    assert fitted(text, 20).split("\n") == [
        "one two three four",
        "  five",
        "  - six seven eight",
        "    nine ten",
        path,
    ]
    assert fitted(text, None) == text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("words", [("plugins",), ("datasets", "list"), ("--help",)])
def test_a_table_fits_the_terminal_and_holds_every_word_of_a_pipe(
    cli: Cli, words: tuple[str, ...], width: int
) -> None:
    lines = plain(on_terminal(cli, width, *words)).splitlines()
    assert max(map(len, lines)) <= width
    shown = " ".join(" ".join(lines).split())
    if words != ("--help",):
        kind = ["--kind", "dataset"] if words[0] == "datasets" else []
        rows = json.loads(cli("plugins", *kind, "--json").stdout)
        names = {row["name"] for row in rows}
        assert names <= set(shown.split())
        assert ("DISTRIBUTION" in shown) == (width == 120)


def every_command(command: click.Command, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command: of those of ATLAS, of plugins, and of all below them."""
    yield above
    if isinstance(command, click.Group):
        context = click.Context(command)
        rows = [] if above else main.installed()
        for name in [*command.list_commands(context), *(row.name for row in rows)]:
            below = command.get_command(context, name)
            assert below is not None
            yield from every_command(below, *above, name)


def test_the_help_of_every_command_fits_80_columns_and_cuts_no_line(cli: Cli) -> None:
    found = list(every_command(main))
    assert {(), ("plugins",), ("cache", "clear"), ("datasets", "export")} <= set(found)
    assert len(found) > 18
    for words in found:
        said = CliRunner().invoke(main, [*words, "--help"], terminal_width=OF_80)
        assert said.exit_code == 0, words
        first, *lines = said.output.splitlines()
        assert first.startswith("Usage: ")  # of which an argument may end with dots
        assert max(map(len, lines)) <= 80, words
        assert not [line for line in lines if line.endswith("...")], words
        if words == ("check",):
            # in a process of its own: click keeps the options of the first help that it printed
            alone = cli(*words, "--help").stdout.splitlines()
            assert on_terminal(cli, 80, *words, "--help").splitlines() == alone


def test_every_command_has_its_whole_line_of_help_at_80_columns() -> None:
    said = CliRunner().invoke(main, ["--help"], terminal_width=OF_80).output
    commands = said.partition("Commands:\n")[2]
    lines = [line for line in commands.splitlines() if line.startswith("  ")]
    assert len(lines) >= len(main.commands) + 10
    for line in lines:
        assert re.fullmatch(r"  [a-z_]+ +\S.*[.]", line), line
        assert "..." not in line


def test_a_verdict_has_the_word_and_color_of_its_grade_and_the_report_is_a_link(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    said = on_terminal(cli, 80, "run", "s.yaml")
    run = json.loads(cli("run", "s.yaml", "--json").stdout)
    grade = run["verdicts"]["constant"]["grade"]
    assert grade == "do_not_trust"  # a constant is no better than one
    assert "\x1b[31mconstant: do not trust.\x1b[0m" in said
    address = (cli.cwd / run["report"]).absolute().as_uri()
    assert said.endswith(f"\x1b]8;;{address}\x1b\\{run['report']}\x1b]8;;\x1b\\\n")
    dull = on_terminal(cli, 80, "run", "s.yaml", NO_COLOR="1")
    assert "constant: do not trust." in dull
    assert not re.search(r"\x1b\[3[0-9]m", dull)
    dumb = on_terminal(cli, 80, "run", "s.yaml", TERM="dumb")
    assert "\x1b" not in dumb
    assert dumb.endswith(f"\n{run['report']}\n")
    done = cli("run", "s.yaml")
    assert "\x1b" not in done.stdout + done.stderr
    headline = run["verdicts"]["constant"]["headline"]
    assert f"constant: do not trust. {headline}\n" in done.stdout
    assert done.stdout.endswith(f"\n{run['report']}\n")


def test_grades_in_a_list_of_runs_have_the_color_that_a_verdict_has(
    cli: Cli, tmp_path: Path
) -> None:
    colors = {"trust": 32, "caution": 33, "do_not_trust": 31, "unknown": 0}
    runs = []
    for grade in colors:
        runs.append(make_run(tmp_path / f"of_{grade}", arms=("only",)))
        verdict = read_json(runs[-1] / "verdict.json")
        verdict["only"]["grade"] = grade
        write_json(runs[-1] / "verdict.json", verdict)
    said = on_terminal(cli, 80, "compare", *runs)
    for grade, color in colors.items():
        opening = f"  only  {grade.replace('_', ' ')}"
        shown = f"\x1b[{color}m{opening}\x1b[39m  MAE " if color else f"\n{opening}  MAE "
        assert shown in said.replace("\x1b[0m", "\x1b[39m"), grade
    for dull in (
        on_terminal(cli, 80, "compare", *runs, NO_COLOR="1"),
        cli("compare", *runs).stdout,
    ):
        assert "  only  do not trust  MAE " in dull
        assert "\x1b" not in dull


def test_json_is_the_same_on_a_terminal(cli: Cli) -> None:
    words = ("plugins", "--kind", "trust", "--json")
    assert on_terminal(cli, 40, *words) == cli(*words).stdout


def test_long_stages_are_named_while_they_run(cli: Cli, finished: Finished) -> None:
    run = finished(SPEC)
    said = on_terminal(cli, 80, "report", run)
    assert "score: " in said
    assert "report: html" in said
    log = cli("report", run).stderr.splitlines()
    assert [line.partition(":")[0] for line in log] == ["score", "report"]
    assert cli("report", run, "--quiet").stderr == ""


def test_a_path_is_a_link_only_where_there_is_a_file_and_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "a b.html"
    page.touch()
    text = f"words\n{tmp_path / 'none.html'}\n{page}"
    assert linked(text) == text
    monkeypatch.setattr("atlas_core.cli.terminal.width", lambda: 80)
    monkeypatch.setenv("TERM", "xterm")
    first, second, last = linked(text).split("\n")
    assert (first, second) == tuple(text.split("\n")[:2])
    assert last == f"\x1b]8;;{page.as_uri()}\x1b\\{page}\x1b]8;;\x1b\\"
    monkeypatch.setenv("TERM", "linux")
    assert linked(text) == text


def test_open_shows_the_report_or_says_why_not(
    cli: Cli, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    page = Path("/a b/report.html")
    assert open_page(page) == ""
    assert opened == ["file:///a%20b/report.html"]
    monkeypatch.setattr(webbrowser, "open", lambda _address: False)
    assert open_page(page) == "--open: no browser is found here; open file:///a%20b/report.html"
    run = finished(SPEC)
    done = cli("report", run, "--open", "--quiet", env={"PATH": "", "BROWSER": "", "DISPLAY": ""})
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line == (
        f"warning: --open: no browser is found here; open {(run / 'report.html').as_uri()}"
    )
    assert done.stdout.endswith("report.html\n")
