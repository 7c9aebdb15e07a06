"""Progress where nobody watches: few lines, but never silence for hours."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from contextlib import suppress
from io import StringIO

import pytest
from rich.console import Console
from support import Cli

from atlas_core.cli.progress import EVERY, PlainLines, progress
from atlas_core.engine.notes import Notes
from atlas_core.progress import HowFar, Step, passing
from atlas_core.python.bar import ROWS, drawn, print_line, shown

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


def test_a_terminal_shows_a_bar_of_what_counts_and_leaves_nothing_of_it() -> None:
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
    assert "100 %" in said
    assert "━━" in said
    assert said.endswith("\x1b[1A\x1b[2K")  # up a line, and it is emptied
    assert not re.search(r"[0-9]:[0-9]{2}:[0-9]{2}|[.]py", said)  # neither times nor source lines


class Watch:
    """A bar on a terminal of some width, whose clock stands still."""

    def __init__(self, width: int, **look: object) -> None:
        self.file = StringIO()
        self.now = 0.0
        self.console = Console(file=self.file, width=width, **{**LOOK, **look})
        self.far = HowFar(clock=lambda: self.now)

    def shown(self, *lines: str | float) -> list[str]:
        """Return the bar after some lines; a number is seconds that pass."""
        for line in lines:
            if isinstance(line, str):
                self.far.hear(line)
            else:
                self.now += line
        self.file.seek(0)
        self.file.truncate()
        self.console.print(drawn(self.far, self.console.width))
        return self.file.getvalue().splitlines()


LOOK = {"force_terminal": True, "color_system": None, "legacy_windows": False}


def step(text: str, arm: str = "", **about: object) -> Step:
    return Step(text, stage="training", arm=arm, fold="without F" if arm else "", **about)


@pytest.mark.parametrize("width", [80, 120])
def test_a_bar_names_stage_job_arm_fold_epoch_percentage_and_remaining_time(width: int) -> None:
    watch = Watch(width)
    first = step("training 2 jobs, first: ...", jobs=(0, 2), waiting=["forest", "cgcnn"])
    begun = step("arm forest, without F: fit", "forest")
    (line, fit) = watch.shown(first, begun, 3.0)
    assert line.startswith(" training, job 1 of 2: forest, without F")
    assert line.endswith(" 0 %   0:03 so far")
    assert fit.strip() == "fit"
    done = step("done 1 of 2: ...", "forest", jobs=(1, 2), waiting=["cgcnn"])
    epochs = [step(f"arm cgcnn, without F: epoch {n} of 100", "cgcnn") for n in (10, 20)]
    line, fit = watch.shown(done, 5.0, epochs[0], 60.0, epochs[1])
    assert line.startswith(" training, job 2 of 2: cgcnn, without F")
    assert line.endswith(" 50 %   1:08 so far")
    assert fit.startswith(" epoch 20 of 100")
    # 10 epochs took 60 s, and 80 are left
    assert fit.endswith(" 20 %     8:00 left")
    assert len(fit) == len(line) == width


def test_jobs_of_an_executor_that_tells_nothing_are_counted_and_none_is_named() -> None:
    first, second = (step("t", "a" * n, jobs=(n, 3), waiting=["a"] * (3 - n)) for n in (0, 1))
    (line,) = Watch(80).shown(first, 5.0, second)
    assert line.startswith(" training, 1 of 3 jobs done ")
    assert line.endswith(" 33 %     0:10 left")


def test_fits_that_go_on_at_a_time_have_a_row_each_until_their_job_is_done() -> None:
    watch = Watch(80)
    begun = step("training", jobs=(0, 3), waiting=["a", "b", "c"])
    epochs = [step(f"arm {arm}, without F: epoch {n} of 9", arm) for arm, n in ("a3", "b6")]
    one, two, line = reversed(watch.shown(begun, *epochs))
    assert line.startswith(" training, 0 of 3 jobs done ")
    assert two.startswith(" a: epoch 3 of 9 ")
    assert " 33 % " in two
    assert one.startswith(" b: epoch 6 of 9 ")
    assert " 66 % " in one
    done = step("done 1 of 3: arm a, without F", "a", jobs=(1, 3), waiting=["b", "c"])
    line, one = watch.shown(done)
    assert line.startswith(" training, job 2 of 3: b, without F ")
    assert one.startswith(" epoch 6 of 9 ")
    other = Step("arm b, without O: fit", stage="training", arm="b", fold="without O")
    rows = watch.shown(other)[1:]
    assert [row.split(" epoch")[0].strip() for row in rows] == [
        "b, without F:",
        "b, without O: fit",
    ]
    line, *rows, last = watch.shown(*(step("fit", f"arm {n}") for n in range(9)))
    assert line.startswith(" training, 1 of 3 jobs done ")
    assert len(rows) == ROWS
    assert last.strip() == f"and {11 - ROWS} more"


def test_the_time_that_is_left_of_all_jobs_is_that_of_earlier_ones_of_the_same_arms() -> None:
    watch = Watch(80)
    arms = ["slow", "fast", "slow", "fast"]
    lines: list[str | float] = [step("training", jobs=(0, 4), waiting=arms)]
    for done, seconds in ((1, 90.0), (2, 10.0)):
        lines.append(seconds)
        lines.append(step("done", arms[done - 1], jobs=(done, 4), waiting=arms[done:]))
        if done == 1:
            assert "left" not in watch.shown(*lines)[0]  # of the fast arm nothing is known
            lines.clear()
    assert watch.shown(*lines)[0].endswith(" 50 %     1:40 left")
    assert watch.shown(30.0)[0].endswith(" 50 %     1:10 left")


def test_a_name_that_is_too_long_is_cut_and_the_figures_are_not() -> None:
    arm = "a_very_long_name_of_an_arm_" * 4
    line, fit = Watch(80).shown(
        step("training", jobs=(0, 1), waiting=[arm]), step("epoch 1 of 2", arm)
    )
    assert len(line) == 80
    assert line.startswith(" training, job 1 of 1: a_very_long_name")
    assert "… " in line
    assert line.endswith("so far")
    assert "50 %" in fit


def test_members_of_an_ensemble_and_rounds_of_a_loop_count_together() -> None:
    far = HowFar(clock=lambda: 0.0)
    for text in ("model 1 of 4: epoch 5 of 10", "model 2 of 4: epoch 10 of 10"):
        far.hear(step(text, "a"))
    assert far.fits[0].share == (0.5 + 1.0) / 4
    for text in ("round 3 of 4, 60 labels", "epoch 9 of 9"):
        far.hear(step(text, "b"))
    assert far.fits[1].share == 2 / 4  # the third is going on
    assert far.fits[1].detail == "round 3 of 4, 60 labels: epoch 9 of 9"


def test_what_does_not_pass_stays_above_the_bar_whole() -> None:
    watch = Watch(60)
    kept = [
        "warning: 3 of 5 materials [bold] were left out: of none is a crystal known",
        "stored result dropped: runs/a: epoch 3 of 9 cannot be read",
        "arm a, b: the fit is not kept for `atlas screen`: 300 MB are 44 of 256 too many",
        "warning: 3 of 5, and no more",
        "resumed: 2 of 4 jobs were done before",
        "split audit: Extrapolation",
    ]
    with shown(watch.console) as tell:
        for text in ("epochs: 1 of 3", *kept, "epochs: 2 of 3"):
            tell(text)
    said = watch.file.getvalue()
    for line in kept:
        assert " ".join(line.split()) in " ".join(said.split())
    assert said.count("split audit") == 1


def test_of_what_a_component_tells_only_counts_pass() -> None:
    said: list[str] = []
    notes = Notes("a", "b", (), said.append)
    texts = {
        "epoch 3 of 100": True,
        "model 2 of 5: epoch 3 of 100, loss 0.1": True,
        "model 2 of 5: its checkpoint is damaged; training starts anew": False,
        "3 of 5 models are the same": False,
        "warning: epoch 3 of 9 diverged": False,
    }
    for text in texts:
        notes.hear(text)
    assert said == [f"arm a, b: {text}" for text in texts]
    assert [passing(text) for text in said] == list(texts.values())


def test_a_warning_has_a_color_unless_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in (True, False):
        if not wanted:
            monkeypatch.setenv("NO_COLOR", "1")
        watch = Watch(60, color_system="standard")
        print_line(watch.console, "warning: mind")
        assert ("\x1b[33mwarning:" in watch.file.getvalue()) == wanted


def test_what_is_only_for_who_looks_on_is_not_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as tell:
        for line in (step("arm a, b: fit", "a", brief=True), step("arm a, b: epoch 1 of 9", "a")):
            tell(line)
    assert capsys.readouterr().err == "arm a, b: epoch 1 of 9\n"


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
    assert "━" in said
    assert "\x07" not in said


def test_a_line_has_what_it_is_about_in_another_process_too() -> None:
    about = {"arm": "a", "fold": "f", "jobs": (1, 2), "waiting": ("b",), "brief": True}
    line = Step("epoch 1 of 9", stage="training", **about)
    copied = pickle.loads(pickle.dumps(line))  # noqa: S301 - our own
    assert copied == line
    assert {name: getattr(copied, name) for name in about} == about


def read_to_the_end(terminal: int) -> str:
    read = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as file:  # EIO is its end
        while more := file.read(4096):
            read += more
    return read.decode()
