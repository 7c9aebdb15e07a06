"""Reports of a run: chosen by the spec, sealed with it, written from memory."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import Cli, MakePlugin, worked_plugin

from atlas_core.store import read_json

SPEC = """\
atlas: 1
name: told
seed: 3
dataset: flla
sample: 120
levels: [0.9]
split: {use: leave_elements_out, options: {elements: [O]}}
arms:
  point: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""
EVERY = "reports=[html, {use: csv}, markdown]"
BAD = '''
    """A report that goes wrong."""
    from pathlib import PurePosixPath
    from atlas_core.api import Component, Config, Export, hookimpl

    class BadConfig(Config):
        """Options of ``bad``."""

    class Bad:
        places = ("bad.txt",)

        def __init__(self, config):
            pass

        def report(self, run, sections):
            return [Export(PurePosixPath("bad.txt"), b"")]

    @hookimpl
    def atlas_report():
        return [Component("bad", BadConfig, Bad)]
    '''


def reported(cli: Cli, *args: str) -> Path:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = cli("run", "s.yaml", "--json", *args)
    assert done.returncode == 0, done.stderr
    return cli.cwd / json.loads(done.stdout)["run"]


def test_a_run_writes_and_reports_its_audit(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = cli("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    found = read_json(folder / "audit.json")
    assert found["folds"][0]["held_out"] == "materials with O"
    assert "features of point" in found["folds"][0]["figures"]["views"]
    assert found["sentence"].replace("<", "&lt;") in (folder / "report.html").read_text("utf-8")
    assert f"split audit: {found['sentence']}" in done.stderr


def test_a_spec_names_its_reports_and_another_choice_computes_nothing_again(cli: Cli) -> None:
    none = reported(cli, "--set", "reports=[]")
    assert not {"report.html", "figures", "tables", "report.md"} & set(map(str, none.iterdir()))
    assert read_json(none / "manifest.json")["reports"] == []
    before = (none / "predictions.parquet").stat().st_mtime_ns
    every = reported(cli, "--set", EVERY)
    assert every == none  # the same numbers are the same run
    assert (none / "predictions.parquet").stat().st_mtime_ns == before
    names = {path.name for path in none.iterdir()}
    assert {"report.html", "figures", "tables", "report.md"} <= names
    assert cli("verify", none).returncode == 0
    sealed = read_json(none / "manifest.json")["files"]
    assert {"report.html", "report.md", "tables/metrics.csv"} <= set(sealed)


def test_stdout_ends_with_what_a_reader_opens(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    for reports, last in (("[markdown, html]", "report.md"), ("[csv]", "tables"), ("[]", None)):
        done = cli("run", "s.yaml", "--set", f"reports={reports}")
        path = Path(done.stdout.splitlines()[-1])
        assert path.name == last or (last is None and path.parent.name == "runs")


def test_a_report_is_added_to_a_finished_run_and_sealed(cli: Cli) -> None:
    folder = reported(cli)
    page = (folder / "report.html").read_bytes()
    done = cli("report", folder, "--add", "csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "report.html"), str(folder / "tables")]
    assert (folder / "report.html").read_bytes() == page
    (folder / "tables/metrics.csv").write_text("edited")
    assert cli("verify", folder).returncode != 0
    assert cli("report", folder).returncode == 0  # both, as the run now has both
    assert cli("verify", folder).returncode == 0
    unknown = cli("report", folder, "--add", "cvs")
    assert unknown.returncode == 2
    assert "did you mean 'csv'" in unknown.stderr


def test_tables_hold_the_numbers_of_the_run(cli: Cli) -> None:
    folder = reported(cli, "--set", EVERY)
    metrics = read_json(folder / "metrics.json")["arms"]["point"]["parts"]
    with (folder / "tables/metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (mae,) = (row for row in rows if (row["part"], row["metric"]) == ("ood_test", "mae"))
    assert float(mae["value"]) == metrics["ood_test"]["metrics"]["mae"]["value"]
    assert (mae["unit"], int(mae["n"])) == ("eV/atom", metrics["ood_test"]["n"])
    with (folder / "tables/predictions.csv").open(newline="") as file:
        predictions = list(csv.DictReader(file))
    assert len(predictions) == sum(part["n"] for part in metrics.values())
    assert {row["std"] for row in predictions} == {""}  # `deterministic` states none
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "### point: " in page
    assert "| MAE (eV/atom) |" in page


def test_the_process_that_wrote_a_run_reads_nothing_of_it_back(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    code = (
        "import sys\n"
        "from collections import Counter\n"
        "from pathlib import Path\n"
        "read = Counter()\n"
        "def hook(event, given):\n"
        "    if event == 'open' and isinstance(given[0], str) and '/told-' in given[0]:\n"
        "        if 'r' in str(given[1]) and Path(given[0]).exists():\n"
        "            read[Path(given[0]).name] += 1\n"
        "sys.addaudithook(hook)\n"
        "from atlas_core.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "names = ('predictions.parquet', 'metrics.json', 'records.json', 'manifest.json')\n"
        "print([read[name] for name in names])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "s.yaml", "--out", str(cli.cwd / "runs")],
        capture_output=True,
        text=True,
        check=True,
        cwd=cli.cwd,
    )
    # once, for the checksum of the seal, which the manifest itself is not part of
    assert done.stdout.splitlines()[-1] == "[1, 1, 1, 0]"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (BAD.replace("return [Export", "1 / 0 #"), "report bad (bad 1.0): ZeroDivisionError"),
        (
            BAD.replace('Path("bad.txt")', 'Path("other.txt")'),
            "outside its places",
        ),
        (BAD.replace('("bad.txt",)', '("metrics.json",)'), "is written by the run itself"),
        (BAD.replace('("bad.txt",)', '("figures",)'), "figures is written by report html"),
        (BAD.replace('("bad.txt",)', '("../bad.txt",)'), "is no plain name"),
    ],
)
def test_a_broken_report_is_one_line_that_names_it(
    cli: Cli, make_plugin: MakePlugin, code: str, words: str
) -> None:
    folder = make_plugin("bad", "bad_module", code, {"atlas.report": {"bad": "bad_module"}})
    atlas = Cli(cli.cwd, cli.cache, [str(folder)])
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = atlas("run", "s.yaml", "--set", "reports=[html, bad]")
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert words in line


def test_a_report_stands_once_in_a_spec(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC + "reports: [csv, csv]\n", encoding="utf-8")
    done = cli("validate", "s.yaml")
    assert done.returncode == 2
    assert "s.yaml:10:16  reports.1: report 'csv' occurs twice" in done.stderr


def test_the_plugin_that_opens_the_page_of_the_kind_works(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = Cli(cli.cwd, cli.cache, [str(make_plugin("lines", *worked_plugin("report")))])
    run = reported(atlas, "--set", "reports=[{use: lines, options: {digits: 2}}]")
    mae = read_json(run / "metrics.json")["arms"]["point"]["parts"]["test"]["metrics"]["mae"]
    assert f"point, test: mae {mae['value']:.2g}" in (run / "lines.txt").read_text().split("\n")
