"""Observers look on: they are called, may add files and sections, and cannot change a result."""

from __future__ import annotations

import json
from pathlib import Path

from support import Cli, MakePlugin

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
        return [ReportSection("A third party says", (f"<b>{len(run.predictions['id'])}</b> rows",))]

    @hookimpl
    def atlas_run_exports(run):
        return [Export(PurePosixPath("mine/rows.txt"), str(len(run.predictions["id"])).encode())]
    '''
SPEC = """\
atlas: 1
name: watched
seed: 5
sample: 60
levels: [0.9]
dataset: flla
split: random
arms:
  a: {featurizer: element_fractions, model: mean, uq: point}
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


def test_an_observer_that_fails_is_named_and_stops_the_run(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = OBSERVER.replace("return [Export", "1 / 0 #")
    done = watched(cli, make_plugin, code)("run", "s.yaml")
    assert done.returncode == 3
    assert "an observer failed in atlas_run_exports: ZeroDivisionError" in done.stderr


def test_a_broken_observer_is_named(cli: Cli, make_plugin: MakePlugin) -> None:
    done = watched(cli, make_plugin, "1 / 0")("run", "s.yaml")
    assert done.returncode == 3
    assert "observer w of watcher 1.0 cannot be imported: ZeroDivisionError" in done.stderr


def test_an_export_cannot_leave_the_run_folder(cli: Cli, make_plugin: MakePlugin) -> None:
    code = OBSERVER.replace("mine/rows.txt", "../../rows.txt")
    done = watched(cli, make_plugin, code)("run", "s.yaml")
    assert done.returncode == 3
    assert "must be relative, without '..'" in done.stderr
    assert not list(Path(cli.cwd).rglob("rows.txt"))
