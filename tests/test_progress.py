"""Progress where nobody watches: few lines, but never silence for hours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress

from support import Cli

from atlas_core.cli.progress import EVERY, PlainLines

SPEC = """\
atlas: 1
name: t
seed: 1
sample: 60
dataset: flla
split: random
arms:
  a: {featurizer: element_fractions, model: dummy, uq: deterministic}
"""
WIDE = {"COLUMNS": "1000", "TERM": "xterm"}


def test_what_only_counts_on_is_printed_at_a_low_rate() -> None:
    lines: list[str] = []
    now = 0.0
    notify = PlainLines(lines.append, clock=lambda: now)
    for epoch in range(1, 101):
        notify(f"arm cgcnn, without F: epoch {epoch} of 100")
        now += EVERY / 10
    assert lines == [f"arm cgcnn, without F: epoch {epoch} of 100" for epoch in range(1, 101, 10)]


def test_the_start_of_each_stage_and_the_end_of_each_job_are_printed() -> None:
    lines: list[str] = []
    reported = [
        "features: magpie of 300 materials",
        "features: element_fractions of 300 materials",
        "training 2 cells, first: arm forest, fold-1",
        "done 1 of 2: arm forest, fold-1",
        "done 2 of 2: arm forest, fold-2",
        "arm cgcnn, fold-1: epoch 1 of 9",
        "arm cgcnn, fold-2: epoch 1 of 9",
    ]
    notify = PlainLines(lines.append, clock=lambda: 0.0)
    for text in reported:
        notify(text)
    assert lines == reported


def test_a_count_of_rows_is_printed_at_a_low_rate_whatever_its_length() -> None:
    lines: list[str] = []
    notify = PlainLines(lines.append, clock=lambda: 0.0)
    for done in (500, 5_000, 50_000):
        notify(f"rows read: {done:,} of 100,000, {done:,} per second")
    assert lines == ["rows read: 500 of 100,000, 500 per second"]


def test_a_terminal_shows_a_bar_of_what_counts_and_logs_its_first_line_only() -> None:
    code = (
        "from atlas_core.cli.progress import progress\n"
        "with progress(quiet=False) as tell:\n"
        "    for done in (1000, 2000, 4000): tell(f'rows read: {done:,} of 4,000, 9 per second')\n"
    )
    ours, theirs = os.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=os.environ | WIDE):
        os.close(theirs)
        said = read_to_the_end(ours)
    assert "rows read: 4,000 of 4,000, " in said
    assert len(re.findall(r"\[[0-9:]{8}\]", said)) == 1  # the time that a logged line begins with
    assert "━━" in said


def test_a_terminal_shows_what_a_name_holds_and_obeys_none_of_it(
    cli: Cli,
) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    out = "[/x]:smile:\x1b]0;t\x07\u202e"
    command = [sys.executable, "-m", "atlas_core.cli", "run", "s.yaml", "--out", out]
    said = ""
    for _ in range(2):  # the second time a stored result is damaged, which names its path
        ours, theirs = os.openpty()
        with subprocess.Popen(
            command, cwd=cli.cwd, stdout=theirs, stderr=theirs, env=os.environ | WIDE
        ) as process:
            os.close(theirs)
            said = read_to_the_end(ours)
        assert process.returncode == 0, said
        (report,) = (cli.cwd / out).glob("*/report.html")
        report.write_text("edited", encoding="utf-8")
    assert "[/x]:smile:\\u001b]0;t\\u0007\\u202e/t-" in said
    assert "stored result" in said
    assert "━━" in said
    assert "\x07" not in said


def read_to_the_end(terminal: int) -> str:
    read = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as file:  # EIO is its end
        while more := file.read(4096):
            read += more
    return read.decode()
