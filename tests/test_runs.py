"""Whole runs on real data, small: bytes repeat, killed runs go on, labels stay hidden."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from support import ROOT, Cli, Finished, MakePlugin

from atlas_core.engine.folder import slug
from atlas_core.store import read_json

SPEC = """\
atlas: 1
name: small
seed: 3
sample: 300
levels: [0.5, 0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [O]}}
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 20}}
    uq: tree_variance
    calibrator: split_conformal
    ood: mahalanobis
  point:
    {featurizer: element_fractions, model: ridge, uq: deterministic, calibrator: split_conformal}
"""
DRAWN = SPEC.replace("arms:", "reports: [html]\narms:")
SPEC = SPEC.replace("arms:", "reports: []\narms:")  # drawing is what takes longest


TABLE = "{path: no.csv, formula: f, target: t}"


def run(cli: Cli, *args: str, text: str = SPEC, code: int = 0, fresh: bool = False) -> Path:
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = cli("run", "s.yaml", "--json", *args, fresh=fresh)
    assert done.returncode == code, done.stderr
    return cli.cwd / json.loads(done.stdout)["run"]


def columns(folder: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(folder / "predictions.parquet")
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def test_a_run_leaves_what_the_docs_say(finished: Finished) -> None:
    folder = finished(DRAWN)
    names = {path.name for path in folder.iterdir()}
    assert {
        "spec.yaml",
        "spec.lock.yaml",
        "manifest.json",
        "predictions.parquet",
        "metrics.json",
        "records.json",
        "report.html",
        "figures",
        "events.jsonl",
        "checkpoints",
    } <= names
    manifest = read_json(folder / "manifest.json")
    assert manifest["status"] == "complete"
    assert manifest["dataset"]["rows"] == 300
    assert manifest["arms"]["forest"]["model"]["distribution"] == "atlas-materials-sklearn"
    assert manifest["peak_memory_mb"] > 10
    assert not list(folder.rglob("*.pkl")) + list(folder.rglob("*.pickle"))


def test_metrics_are_those_of_the_stored_predictions(finished: Finished) -> None:
    folder = finished(SPEC)
    table, metrics = columns(folder), read_json(folder / "metrics.json")
    for arm in ("forest", "point"):
        rows = (table["arm"] == arm) & (table["part"] == "ood_test")
        error = np.abs(table["mean"] - table["target"])[rows]
        stored = metrics["arms"][arm]["parts"]["ood_test"]["metrics"]
        assert stored["mae"]["value"] == pytest.approx(error.mean())
        inside = (table["lower_0.9"] <= table["target"]) & (table["target"] <= table["upper_0.9"])
        assert stored["picp_0.9"]["value"] == pytest.approx(inside[rows].mean())


def test_the_held_out_class_is_exactly_the_shifted_part(finished: Finished) -> None:
    table = columns(finished(SPEC))
    has_oxygen = np.array(["O" in _elements(formula) for formula in table["formula"]])
    assert has_oxygen.any()
    np.testing.assert_array_equal(has_oxygen, table["part"] == "ood_test")


def _elements(formula: str) -> set[str]:
    from atlas_core.api import SYMBOLS, parse_formula

    return {SYMBOLS[z] for z in parse_formula(formula)}


def test_the_same_spec_in_another_process_gives_the_same_bytes(cli: Cli) -> None:
    first, second = (
        run(cli, "--out", out, "--cache-dir", f"c-{out}", fresh=fresh)
        for out, fresh in (("one", False), ("two", True))
    )
    assert first.name == second.name
    for name in ("predictions.parquet", "metrics.json", "records.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


THREADED = """\
  cgcnn:
    featurizer: crystal_graph
    model: {use: cgcnn, options: {epochs: 2, width: 16}}
    uq: {use: mc_dropout, options: {passes: 5}}
    calibrator: split_conformal
    ood: {use: mahalanobis, options: {representation: embedding}}
  together:
    featurizer: crystal_graph
    model: {use: cgcnn, options: {epochs: 2, width: 16}}
    uq: {use: ensemble, options: {k: 2}}
  process: {featurizer: magpie, model: gaussian_process, uq: model_variance}
  boosting: {featurizer: magpie, model: gradient_boosting, uq: deterministic}
"""


def test_workers_change_no_bytes(cli: Cli) -> None:
    text = (SPEC + THREADED).replace("sample: 300", "sample: 100")
    one = run(cli, "--out", "one", "--cache-dir", "c-one", text=text)
    two = run(cli, "--out", "two", "--cache-dir", "c-two", "--workers", "2", text=text)
    assert one.name == two.name
    for name in ("predictions.parquet", "metrics.json", "records.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_the_same_spec_again_shows_the_stored_result_until_forced(
    cli: Cli, finished: Finished
) -> None:
    folder = finished(SPEC)
    written = (folder / "manifest.json").stat().st_mtime_ns
    again = json.loads(cli("run", "s.yaml", "--json").stdout)
    assert again["reused"] is True
    assert (folder / "manifest.json").stat().st_mtime_ns == written
    forced = json.loads(cli("run", "s.yaml", "--json", "--force").stdout)
    assert forced["reused"] is False
    assert (folder / "manifest.json").stat().st_mtime_ns > written


def test_what_changes_numbers_changes_the_folder_and_nothing_else_does(
    cli: Cli, finished: Finished
) -> None:
    base = finished(SPEC)
    assert run(cli, "--set", "seed=4").name != base.name
    assert run(cli, "--set", "arms.forest.model.options.trees=21").name != base.name
    assert run(cli, "--workers", "2", "--device", "cpu").name == base.name
    commented = run(cli, text=SPEC.replace("name: small", "name: small  # a comment"))
    assert commented.name == base.name


def test_stdout_ends_with_the_path_of_the_report(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(DRAWN, encoding="utf-8")
    done = cli("run", "s.yaml")
    last = done.stdout.splitlines()[-1]
    assert (cli.cwd / last).name == "report.html"
    assert (cli.cwd / last).exists()


def test_progress_is_plain_lines_on_stderr_and_none_where_quiet_is_asked(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    lines = cli("run", "s.yaml", "--force").stderr.splitlines()
    assert lines[0] == "features: magpie of 300 materials"
    assert [line for line in lines if line.startswith("done ")] == [
        "done 1 of 2: arm forest, without O",
        "done 2 of 2: arm point, without O",
    ]
    assert cli("run", "s.yaml", "--force", "--quiet").stderr == ""


def test_a_killed_run_goes_on_to_the_same_bytes(cli: Cli, finished: Finished) -> None:
    whole = finished(SPEC)
    killed = run(cli, "--out", "killed")
    cells = killed / "checkpoints"
    # as a kill between the two arms leaves it: the first cell is kept, nothing is complete
    for path in [p for p in killed.iterdir() if p.is_file() and p.name != ".lock"]:
        path.unlink()
    (cells / "point" / slug(_fold(whole)) / "result.npz").unlink()
    before = (cells / "forest" / slug(_fold(whole)) / "result.npz").stat().st_mtime_ns
    again = run(cli, "--out", "killed", "--resume")
    assert (cells / "forest" / slug(_fold(whole)) / "result.npz").stat().st_mtime_ns == before
    for name in ("predictions.parquet", "metrics.json", "records.json"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def _fold(folder: Path) -> str:
    return str(read_json(folder / "manifest.json")["split"]["folds"][0]["name"])


def test_resume_refuses_to_start_a_new_run(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = cli("run", "s.yaml", "--resume", "--set", "seed=99")
    assert done.returncode == 2
    assert "--resume: nothing to go on with" in done.stderr


def test_ctrl_c_says_how_to_go_on_and_the_run_goes_on(cli: Cli) -> None:
    text = SPEC.replace("trees: 20", "trees: 800")
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "ATLAS_CACHE": str(cli.cache), "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "atlas_core.cli", "run", "s.yaml"],
        cwd=cli.cwd,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job inherits a Ctrl-C that is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread
    )
    events = cli.cwd / "runs"
    while process.poll() is None and not list(events.glob("*/events.jsonl")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    # on a busy machine a stage may have been told before
    last = errors.strip().splitlines()[-1]
    assert last == "error: interrupted; the same command goes on where it stopped"
    assert "Traceback" not in errors
    assert run(cli, text=text).exists()


def test_two_runs_of_one_spec_at_once_are_refused(cli: Cli, finished: Finished) -> None:
    folder = finished(SPEC)
    with FileLock(folder / ".lock"):
        done = cli("run", "s.yaml")
    assert done.returncode == 1
    assert "another process is running this spec" in done.stderr


SPY = '''
    """A model that looks for labels that it must not see."""
    from pathlib import Path
    import numpy as np
    from atlas_core.api import Component, Config, hookimpl

    class Options(Config):
        """No options."""

    class Spy:
        def fit(self, features, target, context):
            with Path("seen.txt").open("a") as file:
                file.writelines(f"{value!r}\\n" for value in target.tolist())
            self.mean = float(target.mean())
        def predict(self, features):
            import gc
            for thing in gc.get_objects():
                if type(thing).__name__ == "Job":
                    np.save("known.npy", thing.data.known)
                    np.save("train.npy", thing.split.train)
                    np.save("calibration.npy", thing.split.calibration)
            return np.full(len(features), self.mean)

    @hookimpl
    def atlas_model():
        return [Component("spy", Options, lambda config: Spy(), requires={"features:vectors"})]
    '''


def test_a_plugin_never_holds_a_label_of_test_or_shifted_rows(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    site = make_plugin("spy", "spy_model", SPY, {"atlas.model": {"spy": "spy_model"}})
    text = SPEC.replace("{use: random_forest, options: {trees: 20}}", "spy")
    text = text.replace("uq: tree_variance", "uq: deterministic")
    folder = run(Cli(cli.cwd, cli.cache, [str(site)]), text=text)
    known = np.load(cli.cwd / "known.npy")
    allowed = np.union1d(np.load(cli.cwd / "train.npy"), np.load(cli.cwd / "calibration.npy"))
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(known)), allowed)
    table = columns(folder)
    hidden = table["target"][(table["arm"] == "forest") & (table["part"] != "calibration")]
    seen = {float(line) for line in (cli.cwd / "seen.txt").read_text().split()}
    assert seen == set(known[np.load(cli.cwd / "train.npy")].tolist())
    assert len(hidden) > 50


def test_a_component_that_fails_is_named_with_arm_fold_and_distribution(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = SPY.replace("self.mean = float(target.mean())", "raise ValueError('no luck')")
    site = make_plugin("spy", "spy_model", code, {"atlas.model": {"spy": "spy_model"}})
    text = DRAWN.replace("{use: random_forest, options: {trees: 20}}", "spy")
    (cli.cwd / "s.yaml").write_text(
        text.replace("uq: tree_variance", "uq: deterministic"), encoding="utf-8"
    )
    done = Cli(cli.cwd, cli.cache, [str(site)])("run", "s.yaml", "--quiet")
    assert done.returncode == 1
    line, kept = [one for one in done.stderr.splitlines() if one.startswith("error: ")]
    assert line.startswith("error: arm forest, ")
    assert line.endswith("model spy (spy 1.0): ValueError: no luck")
    assert "1 of 2 jobs failed" in kept
    assert "shows arm point" in kept


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"sample: 300": "sample: 9999"}, 4, "sample 9999: "),
        ({"elements: [O]": "elements: [Xe]"}, 4, "Xe"),
        ({"dataset: flla": f"dataset: {{use: table, options: {TABLE}}}"}, 4, "no.csv"),
    ],
)
def test_data_that_cannot_be_used_is_one_line(
    cli: Cli, change: Mapping[str, str], code: int, message: str
) -> None:
    text = SPEC
    for old, new in change.items():
        text = text.replace(old, new)
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = cli("run", "s.yaml", "--quiet")
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert message in line
    assert "Traceback" not in done.stderr


def test_an_output_folder_that_cannot_be_written_is_named(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    (cli.cwd / "blocked").write_text("a file, not a folder")
    done = cli("run", "s.yaml", "--out", "blocked")
    assert done.returncode == 4
    assert "cannot be written: a file is where a folder is needed; free the disk" in done.stderr


def test_report_and_compare_work_on_stored_runs(cli: Cli, finished: Finished) -> None:
    first = finished(DRAWN)
    second = run(cli, "--set", "arms.forest.model.options.trees=40")
    metrics = (first / "metrics.json").read_bytes()
    (first / "report.html").unlink()
    done = cli("report", first)
    assert done.returncode == 0, done.stderr
    assert (first / "report.html").exists()
    assert (first / "metrics.json").read_bytes() == metrics
    done = cli("compare", first, second)
    assert done.returncode == 0, done.stderr
    assert "forest" in done.stdout
    assert cli("compare", first, cli.cwd).returncode == 2


def test_an_active_learning_run_records_its_rounds_and_resumes_to_the_same_bytes(cli: Cli) -> None:
    small = [
        "--set",
        "reports=[]",
        "--set",
        "sample=400",
        "--set",
        "active_learning={initial: 40, batch: 20, rounds: 3, goal: minimize}",
    ]
    for arm in ("random", "greedy", "ucb", "max_uncertainty"):
        small += ["--set", f"arms.{arm}.model.options.trees=10"]
    spec = ROOT / "specs/active_learning_formation.yaml"
    done = cli("run", spec, "--json", "--out", "one", *small)
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    table = pq.read_table(folder / "active_learning.parquet").to_pydict()
    assert table["labeled"] == [40.0, 60.0, 80.0, 100.0] * 4
    first = {arm: table["best"][table["arm"].index(arm)] for arm in ("random", "greedy", "ucb")}
    assert len(set(first.values())) == 1  # every arm starts from the same labels
    assert all(0 <= share <= 1 for share in table["top1_found"])
    best = np.array(table["best"]).reshape(4, 4)
    assert (np.diff(best, axis=1) <= 0).all()  # minimize: the best found only falls
    other = cli.cwd / "two" / folder.name
    other.mkdir(parents=True)
    loop = next(folder.glob("checkpoints/greedy/*/loop.npz"))
    target = other / loop.relative_to(folder)
    target.parent.mkdir(parents=True)
    target.write_bytes(loop.read_bytes())
    done = cli("run", spec, "--json", "--out", "two", *small)
    assert done.returncode == 0, done.stderr
    for name in ("predictions.parquet", "active_learning.parquet", "metrics.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


HULL_LOOP = [
    "question=Which of these are on the hull?",
    "reports=[]",
    "sample=400",
    "dataset={use: flla, options: {target: e_above_hull}}",
    "reference={use: limit, options: {yes: on the hull, no: above the hull}}",
    "active_learning={initial: 40, batch: 20, rounds: 3, goal: stable, cost: 1}",
    "arms={random: &a {featurizer: element_fractions, model: {use: random_forest, options: {trees:"
    " 10}}, uq: tree_variance, acquisition: random}, likely: {<<: *a, acquisition: most_likely}}",
]


def test_a_loop_that_seeks_the_stable_is_killed_and_resumes_to_the_same_bytes(cli: Cli) -> None:
    spec = ROOT / "specs/active_learning_formation.yaml"
    small = [word for one in HULL_LOOP for word in ("--set", one)]
    done = cli("run", spec, "--json", "--out", "one", *small)
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    table = pq.read_table(folder / "active_learning.parquet").to_pydict()
    assert table["arm"] == ["random"] * 4 + ["likely"] * 4
    assert "top1_found" not in table
    picked, expected = (np.array(table[f"finds_{name}"]) for name in ("picked", "expected"))
    assert ((picked * 20) % 1 == 0)[[0, 1, 2, 4, 5, 6]].all()  # of twenty
    assert np.isnan(picked[[3, 7]]).all()  # the last round chooses nothing
    assert np.isnan(expected[:4]).all()  # nobody asks for a probability there
    assert ((expected[4:7] > 0) & (expected[4:7] < 1)).all()
    costs = np.array(table["cost_picked"])  # of the mean material 1
    assert costs[4:7].mean() < 0.8  # cheap ones first
    assert 0.8 < costs[:3].mean() < 1.3
    # what was found is what was found at first, and what was picked
    every = np.array(table["finds_share"])[0] * 300  # candidates: 400 less test and calibration
    found = np.array(table["finds_found"]) * every
    np.testing.assert_allclose(np.diff(found[:4]), picked[:3] * 20, atol=1e-9)
    np.testing.assert_allclose(np.diff(found[4:]), picked[4:7] * 20, atol=1e-9)
    names = ("predictions.parquet", "active_learning.parquet", "metrics.json")
    whole = {name: (folder / name).read_bytes() for name in names}
    for gone in (["likely"], ["random", "likely"], []):  # killed in the last round, or at the end
        (folder / "manifest.json").unlink()
        for arm in gone:
            (result,) = folder.glob(f"checkpoints/{arm}/*/result.npz")
            result.unlink()
        done = cli("run", spec, "--json", "--out", "one", *small)
        assert done.returncode == 0, done.stderr
        assert "anew" not in done.stderr  # nothing was thrown away
        assert "round 0" not in done.stderr
        for name in names:
            assert (folder / name).read_bytes() == whole[name]


TABLE_SPEC = """\
atlas: 1
name: grouped
seed: 1
levels: [0.9]
reports: []
dataset: {use: table, options: {path: d.csv, formula: f, target: t, columns: [g]}}
split: {use: leave_group_out, options: {column: g, values: [B]}}
arms:
  a: {featurizer: element_fractions, model: ridge, uq: deterministic}
"""


def salts(metals: str, groups: str) -> list[str]:
    """Return rows ``formula,target,group`` of fifty or fewer salts."""
    names = [metal + anion for metal in metals.split() for anion in ("O", "S", "Cl2", "Br2", "I2")]
    return [f"{name},{i % 7},{groups[i % 2]}" for i, name in enumerate(names)]


def test_a_changed_column_that_a_split_reads_is_another_run(cli: Cli) -> None:
    folders = []
    for groups in ("AB", "BA"):
        rows = salts("Li Na K Rb Cs Be Mg Ca Sr Ba", groups)
        (cli.cwd / "d.csv").write_text("\n".join(["f,t,g", *rows]), encoding="utf-8")
        folders.append(run(cli, text=TABLE_SPEC))
    assert folders[0].name != folders[1].name
    held_out = [set(columns(f)["id"][columns(f)["part"] == "ood_test"]) for f in folders]
    assert held_out[0]
    assert not held_out[0] & held_out[1]


def test_rows_that_a_featurizer_failed_on_are_listed_also_from_the_cache(cli: Cli) -> None:
    rows = ["Og,1,A", *salts("Li Na K Rb Cs", "AB")]
    (cli.cwd / "d.csv").write_text("\n".join(["f,t,g", *rows]), encoding="utf-8")
    text = TABLE_SPEC.replace("element_fractions", "magpie")
    for out in ("one", "two"):
        folder = run(cli, "--out", out, text=text)
        (record,) = [r for r in read_json(folder / "records.json") if "failures" in r["name"]]
        assert record["content"]["count"] == 1
        assert record["content"]["featurizer"] == "magpie"
        assert "Og" in record["content"]["reasons"][0]


def spied(text: str) -> str:
    """Return the spec with the model ``spy`` in its first arm."""
    text = text.replace("{use: random_forest, options: {trees: 20}}", "spy")
    return text.replace("uq: tree_variance", "uq: deterministic")


def test_a_forced_run_that_fails_brings_the_old_result_back(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = SPY.replace("self.mean = float", "Path('stop').exists() and 1 / 0; self.mean = float")
    site = make_plugin("spy", "spy_model", code, {"atlas.model": {"spy": "spy_model"}})
    atlas = Cli(cli.cwd, cli.cache, [str(site)])
    folder = run(atlas, text=spied(SPEC))
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    (cli.cwd / "stop").write_text("")
    done = atlas("run", "s.yaml", "--force")
    assert done.returncode == 1
    assert "model spy (spy 1.0): ZeroDivisionError" in done.stderr
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    assert json.loads(atlas("run", "s.yaml", "--json").stdout)["reused"] is True


@pytest.mark.parametrize("damage", ["", "[]", '{"status": "complete"}', '{"status":'])
def test_a_damaged_manifest_is_no_finished_run(cli: Cli, finished: Finished, damage: str) -> None:
    folder = finished(SPEC)
    (folder / "manifest.json").write_text(damage, encoding="utf-8")
    for arguments in (("report", folder), ("compare", folder, folder)):
        done = cli(*arguments)
        assert done.returncode == 4
        assert "manifest.json" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    again = json.loads(cli("run", "s.yaml", "--json").stdout)
    assert again["reused"] is False
    assert read_json(folder / "manifest.json")["status"] == "complete"


def test_a_missing_report_is_no_stored_result(cli: Cli, finished: Finished) -> None:
    folder = finished(DRAWN)
    (folder / "report.html").unlink()
    assert json.loads(cli("run", "s.yaml", "--json").stdout)["reused"] is False
    assert (folder / "report.html").exists()


def test_names_of_folds_make_short_and_distinct_folders() -> None:
    names = ["A", "a", "x" * 300, "x" * 299, "a/b", "..", "ä", "ok_1.2"]
    slugs = [slug(name) for name in names]
    assert len({text.lower() for text in slugs}) == len(names)
    assert max(map(len, slugs)) < 80
    assert slug("ok_1.2") == "ok_1.2"
    assert not any("/" in text or text in {".", ".."} for text in slugs)


def test_a_function_of_options_in_a_plugin_travels_to_workers(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = SPY.replace('requires={"features:vectors"}', 'requires=lambda c: {"features:vectors"}')
    site = make_plugin("spy", "spy_model", code, {"atlas.model": {"spy": "spy_model"}})
    folder = run(Cli(cli.cwd, cli.cache, [str(site)]), "--workers", "2", text=spied(SPEC))
    assert (folder / "predictions.parquet").exists()


BAD = '''
    """A component that fails."""
    from atlas_core.api import Component, Config, hookimpl

    class Options(Config):
        """No options."""

    class Bad:
        def METHOD:
            return self.nope

    GIVES = {"features:vectors", "inputs:composition", "inputs:structure", "task:regression"}

    @hookimpl
    def atlas_KIND():
        return [Component("bad", Options, lambda config: Bad(), provides=GIVES)]
    '''


@pytest.mark.parametrize(
    ("kind", "method", "place"),
    [
        ("featurizer", "featurize(self, materials)", "arms.forest.featurizer"),
        ("split", "split(self, request)", "split"),
        ("dataset", "load(self, context)", "dataset"),
    ],
)
def test_a_plugin_that_raises_is_named_at_every_stage(
    cli: Cli, make_plugin: MakePlugin, kind: str, method: str, place: str
) -> None:
    code = BAD.replace("METHOD", method).replace("KIND", kind)
    site = make_plugin("bad-one", "bad_module", code, {f"atlas.{kind}": {"bad": "bad_module"}})
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    atlas = Cli(cli.cwd, cli.cache, [str(site)])
    done = atlas("run", "s.yaml", "--quiet", "--set", f"{place}=bad")
    assert done.returncode == 1
    (text,) = done.stderr.splitlines()
    assert f"{kind} bad (bad-one 1.0): AttributeError: " in text


def test_a_run_that_fails_before_anything_is_computed_leaves_no_folder(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC.replace("[O]", "[Xe]"), encoding="utf-8")
    assert cli("run", "s.yaml").returncode == 4
    assert not list((cli.cwd / "runs").iterdir())


def test_compare_takes_the_path_that_run_prints(cli: Cli, finished: Finished) -> None:
    folder = finished(DRAWN)
    done = cli("compare", folder / "report.html", folder)
    assert done.returncode == 0, done.stderr


def test_arms_stand_in_the_order_of_the_spec(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC.replace("  point:", "  another:"), encoding="utf-8")
    lines = cli("run", "s.yaml").stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["forest", "another"]


def test_arms_that_share_a_model_share_it_to_the_last_bit(cli: Cli) -> None:
    forest = SPEC[SPEC.index("  forest:") : SPEC.index("  point:")]
    twin = forest.replace("forest:", "twin:", 1).replace("split_conformal", "variance_scaling")
    table = columns(run(cli, text=SPEC + twin))
    means = [table["mean"][table["arm"] == name] for name in ("forest", "twin")]
    np.testing.assert_array_equal(*means)


def test_runs_that_hold_out_different_elements_are_not_paired(cli: Cli, finished: Finished) -> None:
    one = finished(SPEC)
    other = run(cli, "--set", "split.options.elements=[S]")
    done = cli("compare", one, other, "--json")
    assert done.returncode == 0, done.stderr
    parts = {p["part"]: p for p in json.loads(done.stdout)["arms"][0]["parts"]}
    # materials that both tested were held against other training sets
    assert {part["paired"] for part in parts.values()} == {0}
    assert set(json.loads(done.stdout)["arms"][0]["refused"]) == {"without O", "without S"}


def test_the_baseline_of_a_run_is_the_median_of_its_training_targets(cli: Cli) -> None:
    gaps = {f"MgO{k}": 0.0 if k % 3 else k / 10 for k in range(2, 92)}  # two thirds are 0
    rows = "".join(f"{formula},{gap}\n" for formula, gap in gaps.items())
    (cli.cwd / "gaps.csv").write_text(f"formula,gap\n{rows}", encoding="utf-8")
    text = (
        "atlas: 1\nname: gaps\nseed: 1\nreports: []\n"
        "dataset: {use: table, options: {path: gaps.csv, formula: formula, target: gap}}\n"
        "split: {use: random, options: {calibration: 0.2, test: 0.3}}\n"
        "arms: {constant: {featurizer: element_fractions, model: dummy, uq: deterministic}}\n"
    )
    table = columns(run(cli, text=text))
    trained = [gap for formula, gap in gaps.items() if formula not in set(table["formula"])]
    assert np.median(trained) != np.mean(trained)
    assert (table["baseline"] == np.median(trained)).all()
