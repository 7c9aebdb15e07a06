"""Observers look on: they are called, may add files and sections, and cannot change a result."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support import Cli, MakePlugin

from atlas_core.observe import RunInfo
from atlas_registry import loading
from atlas_registry.listing import installed

OBSERVER = '''
    """Write down what is seen."""
    from pathlib import Path, PurePosixPath
    from atlas_core.api import Export, ReportSection, hookimpl

    @hookimpl
    def atlas_run_started(run):
        Path("started.txt").write_text(f"{run.run_id} {run.spec['seed']}")

    @hookimpl
    def atlas_stage_finished(stage):
        with Path("stages.txt").open("a") as file:
            file.write(f"{stage.stage}/{stage.arm}/{stage.fold}\\n")

    @hookimpl
    def atlas_report_sections(run):
        return [ReportSection("A third party says", (f"<b>{len(run.predictions)}</b> rows",))]

    @hookimpl
    def atlas_run_exports(run):
        return [Export(PurePosixPath("mine/rows.txt"), str(len(run.predictions)).encode())]
    '''
WRITES = """import os
        for number in range(3, 256):
            try:
                os.write(number, b"garbage\\n")
            except OSError:
                pass
        return [Export"""
SPEC = """\
atlas: 1
name: watched
seed: 5
sample: 60
levels: [0.9]
dataset: flla
split: random
arms:
  a: {featurizer: element_fractions, model: dummy, uq: deterministic}
"""


def watched(cli: Cli, make_plugin: MakePlugin, code: str) -> Cli:
    folder = make_plugin(
        "watcher", "watcher_module", code, {"atlas.observer": {"w": "watcher_module"}}
    )
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    return Cli(cli.cwd, cli.cache, [str(folder)])


def test_every_observing_hook_is_called_and_results_stay_the_same(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = watched(cli, make_plugin, OBSERVER)
    done = atlas("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    assert (cli.cwd / "started.txt").read_text() == f"{folder.name} 5"
    stages = (cli.cwd / "stages.txt").read_text().splitlines()
    assert {"load//", "split//", "score//"} <= set(stages)
    assert any(stage.startswith("fit/a/") for stage in stages)
    rows = int((folder / "exports/mine/rows.txt").read_text())
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "A third party says" in report
    assert f"&lt;b&gt;{rows}&lt;/b&gt; rows" in report
    alone = cli("run", "s.yaml", "--json", "--out", "alone")
    other = cli.cwd / json.loads(alone.stdout)["run"]
    for name in ("predictions.parquet", "metrics.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


def warned(atlas: Cli, *args: str) -> str:
    """Run with a broken observer: the run is done, and one warning names it."""
    done = atlas("run", "s.yaml", *args)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("report.html")
    said = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    # of so few materials the arm itself may have a caution
    (line,) = [line for line in said if "observer w of watcher 1.0" in line]
    return line


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (OBSERVER.replace("return [Export", "1 / 0 #"), "atlas_run_exports: ZeroDivisionError"),
        (OBSERVER.replace("return [Export", "exit(3) #"), "atlas_run_exports: SystemExit: 3"),
        (
            OBSERVER.replace("    with Path", "    raise KeyboardInterrupt\n        with Path"),
            "stage",
        ),
        (OBSERVER.replace("mine/rows.txt", "../../rows.txt"), "without '..'"),
        (OBSERVER.replace("return [ReportSection(", "return [(0, "), "ReportSection"),
        (OBSERVER.replace(".encode())", ")"), "bytes"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("import os\nos._exit(0)", "ends Python"),
        (OBSERVER.replace("return [Export", "import os; os._exit(0) #"), "ends Python"),
        (OBSERVER.replace("mine/rows.txt", "a\\0b"), "some systems read that name otherwise"),
        (OBSERVER.replace("mine/rows.txt", "con.txt"), "some systems read that name otherwise"),
        (OBSERVER.replace("mine/rows.txt", "a" * 300), "no file can have that name"),
        (
            OBSERVER.replace(
                "return [Export",
                "x = [Export(PurePosixPath('mine'), b'')]\n        return x + [Export",
            ),
            "a file is where a folder is needed",
        ),
        (
            OBSERVER.replace(
                "return [Export",
                "raise __import__('atlas_core.errors').errors.SpecError(['x', 'y']) #",
            ),
            "atlas_run_exports: x y",
        ),
        (OBSERVER.replace("return [Export", "__import__('os').chdir('/') #"), "directory"),
        (OBSERVER.replace("return [Export", WRITES), "pipe"),
        ("from atlas_core.api import hookimpl\n@hookimpl\ndef atlas_runs(x): ...", "atlas_runs"),
    ],
)
def test_a_broken_observer_is_a_warning_that_names_it_and_the_run_goes_on(
    cli: Cli, make_plugin: MakePlugin, code: str, words: str
) -> None:
    atlas = watched(cli, make_plugin, code)
    assert words in warned(atlas)
    # what it exports lies in the run folder, or nowhere
    assert {path.parent.name for path in Path(cli.cwd).rglob("rows.txt")} <= {"mine"}


def test_a_broken_observer_keeps_no_report_from_being_drawn_and_is_named_in_quiet_runs(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = watched(cli, make_plugin, "1 / 0")
    warned(atlas, "--quiet")
    (folder,) = (cli.cwd / "runs").iterdir()
    (folder / "report.html").unlink()
    done = atlas("report", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").exists()
    assert "observer w of watcher 1.0" in done.stderr


@pytest.mark.parametrize(
    "does",
    [
        "print('noise', flush=True)",
        "import os; os.write(1, b'noise')",
        "import os; os.fork()",
        "import sys; sys.stdout = None",
        "import sys; sys.stderr.close(); sys.stdout.close()",
        "import os; os.chdir('sub')",
    ],
)
def test_what_an_observer_does_to_its_process_is_not_done_to_the_run(
    cli: Cli, make_plugin: MakePlugin, does: str
) -> None:
    code = OBSERVER.replace("with Path", f"{does}\n        with Path")
    (cli.cwd / "sub").mkdir()
    done = watched(cli, make_plugin, code)("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    assert (folder / "report.html").exists()


def test_no_process_of_an_observer_is_left_and_none_is_started_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "installed", installed)  # with that of Matbench's records
    before = {one.pid for one in psutil.Process().children()}
    observers = loading.Registry().observers()
    assert {one.pid for one in psutil.Process().children()} == before
    with closing(observers):
        spec = {"dataset": {"use": "matbench"}}
        observers.call("atlas_run_started", run=RunInfo("r", spec))
        assert len({one.pid for one in psutil.Process().children()} - before) == 1
    assert {one.pid for one in psutil.Process().children()} == before


def test_an_observer_of_some_data_sets_is_started_for_no_other_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "installed", installed)  # with that of Matbench's records
    (row,) = (one for one in installed([], observers=True) if one.name == "matbench_record")
    assert row.datasets == ("matbench",)
    before = {one.pid for one in psutil.Process().children()}
    with closing(loading.Registry().observers()) as observers:
        observers.call("atlas_run_started", run=RunInfo("r", {"dataset": {"use": "flla"}}))
        assert {one.pid for one in psutil.Process().children()} == before


@pytest.mark.parametrize(("names", "seen"), [('("matbench", "table")', False), ('("flla",)', True)])
def test_an_observer_that_names_data_sets_looks_on_their_runs_alone(
    cli: Cli, make_plugin: MakePlugin, names: str, seen: bool
) -> None:
    code = OBSERVER.replace("    @hookimpl", f"    DATASETS = {names}\n\n    @hookimpl", 1)
    assert watched(cli, make_plugin, code)("run", "s.yaml").returncode == 0
    assert (cli.cwd / "started.txt").exists() == seen
