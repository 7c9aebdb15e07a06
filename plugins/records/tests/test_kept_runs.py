"""A finished run is protected: what was changed is named, and refused, and mended."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from run_folders import make_run, write_report
from support import Home

from atlas_core.cli.main import main
from atlas_core.data.tables import read_table, write_table
from atlas_core.engine.folder import RunFolder
from atlas_core.errors import AtlasError, DataError
from atlas_core.seal import look, read_manifest, seal
from atlas_core.store import read_json, write_json
from atlas_records.archive import verify_archive

SPEC = """\
atlas: 1
name: kept
seed: 3
sample: 150
levels: [0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  ridge:
    featurizer: element_fractions
    model: ridge
    uq: deterministic
    calibrator: split_conformal
"""
TABLE = """\
atlas: 1
name: own
seed: 3
levels: [0.9]
dataset: {use: table, options: {path: data/own.csv, target: y, formula: formula}}
split: random
arms:
  ridge:
    {featurizer: element_fractions, model: ridge, uq: deterministic, calibrator: split_conformal}
"""


class Kept(Home):
    """A home whose spec is ``kept.yaml``."""

    def atlas(self, *arguments: str | Path) -> tuple[int, str]:
        """Return exit code and output of a command."""
        environment = {"ATLAS_CACHE": str(self.path / "cache")}
        done = CliRunner(env=environment).invoke(main, [str(one) for one in arguments])
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def again(self) -> tuple[int, str]:
        """Ask for the run once more."""
        return self.atlas("run", self.path / "kept.yaml", "--out", self.path / "runs")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    path = tmp_path_factory.mktemp("kept")
    (path / "kept.yaml").write_text(SPEC)
    home = Kept(path, path)
    code, text = home.atlas("run", path / "kept.yaml", "--out", path / "runs", "--save-fitted")
    assert code == 0, text
    (run,) = (path / "runs").iterdir()
    return Kept(path, run)


@pytest.fixture
def home(clean: Kept, tmp_path: Path) -> Kept:
    return clean.copied(tmp_path / "home")


def hit(path: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_verify_lists_what_was_changed_what_is_missing_and_what_was_added(home: Kept) -> None:
    assert home.atlas("verify", home.run)[0] == 0
    hit(home.run / "metrics.json")
    (home.run / "audit.json").unlink()
    (home.run / "notes.txt").write_text("mine")
    code, text = home.atlas("verify", home.run, "--json")
    reported = json.loads(text)
    assert code == 4
    assert (reported["changed"], reported["missing"]) == (["metrics.json"], ["audit.json"])
    assert reported["added"] == ["notes.txt"]


def test_a_note_next_to_a_run_is_no_fault_and_stays_outside_when_the_run_is_repaired(
    home: Kept,
) -> None:
    (home.run / "notes.txt").write_text("mine")
    assert home.atlas("verify", home.run)[0] == 0
    hit(home.run / "predictions.parquet")
    assert home.again()[0] == 0
    (home.run / "notes.txt").write_text("mine, again")
    assert home.atlas("verify", home.run)[0] == 0


@pytest.mark.parametrize("name", ["predictions.parquet", "metrics.json", "manifest.json"])
def test_a_changed_run_is_read_by_no_command(home: Kept, name: str) -> None:
    hit(home.run / name)
    (home.path / "c.csv").write_text("formula\nNaCl\n")
    for words in (
        ["report", home.run],
        ["compare", home.run, home.run],
        ["screen", home.run, home.path / "c.csv"],
        ["export", home.run, "--out", home.path / "x.zip"],
    ):
        code, text = home.atlas(*words)
        assert code == 4, (words, text)
        assert name in text
        assert text.count("error:") == 1


def test_the_same_command_mends_a_changed_run_and_says_so(home: Kept) -> None:
    before = (home.run / "predictions.parquet").read_bytes()
    hit(home.run / "predictions.parquet")
    code, text = home.again()
    assert code == 0
    assert "predictions.parquet: changed" in text
    assert (home.run / "predictions.parquet").read_bytes() == before
    texts = [t for r in read_json(home.run / "records.json") for t in r["content"].get("texts", ())]
    assert any("predictions.parquet: changed" in text for text in texts)
    code, text = home.again()
    assert "stored result" in text


def test_a_killed_run_goes_on_with_its_finished_jobs_and_their_marked_fits(home: Kept) -> None:
    (fit,) = home.run.glob("fitted/*/*")
    assert {file.name for file in fit.iterdir()} == {"predictor.npz", "posthoc.npz", "origin.json"}
    (home.run / "manifest.json").unlink()
    shutil.rmtree(home.path / "cache" / "fits")
    before = (home.run / "predictions.parquet").read_bytes()
    code, text = home.again()
    assert (code, "dropped" in text) == (0, False)
    assert (home.run / "predictions.parquet").read_bytes() == before
    assert not (home.path / "cache" / "fits").exists()  # nothing was trained
    (home.run / "manifest.json").unlink()
    hit(fit / "posthoc.npz")
    code, text = home.again()
    assert (code, "posthoc.npz" in text, "dropped" in text) == (0, True, True)


def test_a_result_that_a_killed_run_put_aside_is_not_lost(home: Kept) -> None:
    folder = RunFolder(home.run)
    (home.run / ".lock").unlink()
    result = {path.name: path.read_bytes() for path in home.run.iterdir() if path.is_file()}
    shutil.copytree(home.run, home.path / "aside")
    shutil.rmtree(home.run)
    shutil.copytree(home.path / "aside", home.run / ".previous")
    (home.run / "spec.yaml").write_text("of the killed run")
    with pytest.raises(KeyboardInterrupt), folder.replaced():
        raise KeyboardInterrupt
    found = {path.name: path.read_bytes() for path in home.run.iterdir() if path.is_file()}
    assert found == result
    shutil.copytree(home.path / "aside", home.run / ".previous")
    (home.run / "manifest.json").unlink()
    assert home.again()[0] == 0
    assert not (home.run / ".previous").exists()


def test_a_report_that_is_drawn_again_leaves_the_run_intact(home: Kept) -> None:
    hit(home.run / "report.html")
    assert home.atlas("verify", home.run)[0] == 4
    assert home.atlas("report", home.run)[0] == 0
    assert home.atlas("verify", home.run)[0] == 0


def test_a_damaged_fit_is_not_asked(home: Kept) -> None:
    (fitted,) = (home.run / "fitted").glob("*/*/predictor.npz")
    hit(fitted)
    (home.path / "c.csv").write_text("formula\nNaCl\n")
    code, text = home.atlas("screen", home.run, home.path / "c.csv")
    assert (code, "predictor.npz" in text) == (4, True)
    assert home.atlas("report", home.run)[0] == 0  # which does not read it


def test_the_manifest_names_every_installed_distribution(clean: Kept) -> None:
    about = read_manifest(clean.run)["environment"]
    for name in ("numpy", "click", "pyarrow", "pytest"):
        assert about["distributions"][name] == importlib.metadata.version(name)
    assert {"python", "system", "machine", "processor", "blas"} <= set(about)


def test_every_flipped_bit_of_predictions_is_reported_and_most_of_those_in_pages(
    home: Kept,
) -> None:
    path = home.run / "predictions.parquet"
    content, before = path.read_bytes(), pq.read_table(path)
    silent = {True: 0, False: 0}
    places = range(0, len(content), max(1, len(content) // 300))
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert look(home.run, read_manifest(home.run)).changed == (path.name,)
        for checked in silent:
            try:
                with pq.ParquetFile(path, page_checksum_verification=checked) as file:
                    silent[checked] += not file.read().equals(before)
            except (OSError, ValueError, pa.ArrowException):
                continue
    assert silent[True] < silent[False] / 2


def test_an_archive_repeats_its_bytes_and_verifies_elsewhere(home: Kept) -> None:
    one, two = home.path / "one.zip", home.path / "two.zip"
    (home.run / "notes.txt").write_text("mine")
    assert home.atlas("export", home.run, "--out", one)[0] == 0
    (home.run / "notes.txt").unlink()
    assert home.atlas("export", home.run, "--out", two)[0] == 0
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        archive.extractall(home.path / "there")
    assert not any("checkpoints" in name or "notes" in name for name in names)
    shutil.rmtree(home.path / "runs")
    assert home.atlas("verify", one)[0] == 0
    assert home.atlas("verify", home.path / "there" / home.run.name)[0] == 0
    assert home.atlas("export", home.path / "there" / home.run.name, "--out", one)[0] == 2
    assert home.atlas("report", home.path / "there" / home.run.name)[0] == 0


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write an archive again with other members."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def test_an_archive_with_another_member_is_reported(home: Kept) -> None:
    good = home.path / "good.zip"
    home.atlas("export", home.run, "--out", good)
    top = home.run.name

    def change(members: dict[str, bytes]) -> None:
        members[f"{top}/metrics.json"] += b" "
        members.pop(f"{top}/audit.json")
        members[f"{top}/extra"] = b""

    _, found = verify_archive(rewritten(good, home.path / "bad.zip", change))
    assert (found.changed, found.missing) == (("metrics.json",), ("audit.json",))
    assert found.added == ("extra",)


@pytest.mark.parametrize(
    "name", ["../{top}/x", "/etc/x", "{top}/../../x", "{top}/a\\b", "other/x", "x", "{top}//x"]
)
def test_an_archive_with_a_path_that_leads_out_is_refused(home: Kept, name: str) -> None:
    good = home.path / "good.zip"
    home.atlas("export", home.run, "--out", good)
    name = name.format(top=home.run.name)
    bad = rewritten(good, home.path / "bad.zip", lambda members: members.update({name: b"x"}))
    with pytest.raises(DataError):
        verify_archive(bad)


@pytest.mark.parametrize(
    "name",
    [
        "METRICS.json",
        "metrics.json/x",
        "Metrics.JSON/x",
        "C:x",
        "con",
        "figures/NUL.svg",
        "metrics.json.",
        "x\u0065\u0301|x\u00e9",
        "stra\u00dfe|strasse",
        "a\x1b[2J",
    ],
)
def test_an_archive_with_names_that_unpack_to_one_place_is_refused(home: Kept, name: str) -> None:
    good = home.path / "good.zip"
    home.atlas("export", home.run, "--out", good)
    more = {f"{home.run.name}/{one}": b"x" for one in name.split("|")}
    bad = rewritten(good, home.path / "bad.zip", lambda members: members.update(more))
    with pytest.raises(DataError, match="unpack"):
        verify_archive(bad)


def test_an_archive_with_a_link_or_a_bomb_is_refused(home: Kept) -> None:
    good = home.path / "good.zip"
    home.atlas("export", home.run, "--out", good)
    link = zipfile.ZipInfo(f"{home.run.name}/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    shutil.copy(good, home.path / "link.zip")
    with zipfile.ZipFile(home.path / "link.zip", "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="no plain file"):
        verify_archive(home.path / "link.zip")
    # the directory's size of the first member (offset 24 of its entry): far more than is there
    content = bytearray(good.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(4, "little")
    (home.path / "bomb.zip").write_bytes(content)
    with pytest.raises(DataError, match=f"{2**32 - 2} bytes"):
        verify_archive(home.path / "bomb.zip")
    (home.path / "no.zip").write_bytes(b"PK nothing")
    assert home.atlas("verify", home.path / "no.zip")[0] == 4


def test_a_run_that_is_rebuilt_gives_the_same_numbers_or_says_which_differ(home: Kept) -> None:
    code, text = home.atlas("verify", home.run, "--rebuild", "--json")
    reported = json.loads(text[text.index("{") :])
    assert (code, reported["rebuilt"]["differ"]) == (0, [])
    table = read_table(home.run / "predictions.parquet")
    table["mean"] = table["mean"].copy()
    table["mean"][3] += 0.5
    write_table(home.run / "predictions.parquet", table)
    verdicts = read_json(home.run / "verdict.json")
    (arm,) = verdicts
    grade = verdicts[arm]["grade"]
    verdicts[arm]["grade"] = "labels_reliable"
    write_json(home.run / "verdict.json", verdicts)
    manifest = read_manifest(home.run)
    manifest["environment"]["distributions"]["numpy"] = "1.0"
    write_json(home.run / "manifest.json", seal(home.run, manifest))
    assert home.atlas("verify", home.run)[0] == 0  # sealed anew: only a rebuild can tell
    code, text = home.atlas("verify", home.run, "--rebuild", "--json")
    reported = json.loads(text[text.index("{") :])["rebuilt"]
    n = len(table["mean"])
    assert code == 4
    assert reported["differ"] == [
        f"predictions.parquet: column mean: 1 of {n} rows differ, by at most 0.5",
        f"verdict.json: {arm}.grade: labels_reliable there, {grade} here",
    ]
    here = importlib.metadata.version("numpy")
    assert reported["because"] == [f"versions: numpy 1.0 there, {here} here"]


def own_data(folder: Path) -> Kept:
    (folder / "data").mkdir(parents=True)
    rng = np.random.default_rng(1)
    pairs = [
        f"{a}{b}{n}" for a in ("Li", "Na", "K", "Mg", "Ca") for b in "OSN" for n in range(1, 8)
    ]
    rows = [f"{formula},{rng.normal():.6f}" for formula in pairs]
    (folder / "data" / "own.csv").write_text("formula,y\n" + "\n".join(rows) + "\n")
    (folder / "own.yaml").write_text(TABLE)
    home = Kept(folder, folder)
    code, text = home.atlas("run", folder / "own.yaml", "--out", folder / "runs")
    assert code == 0, text
    (run,) = (folder / "runs").iterdir()
    return Kept(folder, run)


def test_a_lock_runs_as_it_is_and_finds_its_own_data_only(tmp_path: Path) -> None:
    home = own_data(tmp_path / "one")
    lock, data = home.run / "spec.lock.yaml", home.path / "data" / "own.csv"
    words = ["run", lock, "--out", home.path / "runs"]
    code, text = home.atlas(*words)
    assert code == 0, text
    assert "stored result" in text  # where the data lie changes no hash
    (tmp_path / "moved").mkdir()
    data.rename(tmp_path / "moved" / "own.csv")
    code, text = home.atlas(*words)
    assert (code, "--data-dir" in text, str(data) in text) == (4, True, True)
    code, text = home.atlas(*words, "--data-dir", tmp_path / "moved")
    assert (code, "stored result" in text) == (0, True)
    data.write_text((tmp_path / "moved" / "own.csv").read_text() + "LiF,1.0\n")
    code, text = home.atlas(*words)
    assert (code, "sha256" in text, text.count("error:")) == (4, True, 1)
    code, text = home.atlas(*words, "--data-dir", tmp_path / "moved")
    assert (code, "stored result" in text) == (0, True)  # the right one of two is taken


def test_a_folder_whose_name_is_not_utf8_is_a_folder(tmp_path: Path) -> None:
    home = own_data(tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape"))
    for words in (
        ["run", home.run / "spec.lock.yaml", "--out", home.path / "runs"],
        ["report", home.run],
        ["verify", home.run],
        ["compare", home.run, home.run],
    ):
        code, text = home.atlas(*words)
        assert code == 0, (words, text)
    assert look(home.run, read_manifest(home.run)).intact


def _set(folder: Path, name: str, path: tuple[str | int, ...], value: object) -> None:
    content = read_json(folder / name)
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("manifest.json", ("packages",), ["numpy"]),
        ("manifest.json", ("hardware",), {"memory_gb": "much"}),
        ("manifest.json", ("stages",), [1]),
        ("manifest.json", ("seconds",), {}),
        ("manifest.json", ("dataset", "citation"), 5),
        ("manifest.json", ("arms", "forest", "model"), {"options": 3, "changed": 4}),
        ("manifest.json", ("arms", "forest", "model"), {"beside": [7]}),
        ("metrics.json", ("arms", "forest", "elements"), {"Fe": 1}),
        ("metrics.json", ("arms", "forest", "elements"), [["Fe"]]),
        ("metrics.json", ("arms", "forest", "parts", "test", "metrics", "mae", "low"), 1e400),
        ("records.json", (0, "content"), {"ids": 3}),
    ],
)
def test_a_report_of_what_no_run_wrote_is_refused_in_one_line(
    tmp_path: Path, name: str, path: tuple[str | int, ...], value: object
) -> None:
    folder = make_run(tmp_path / "run", sizes={"calibration": 20, "test": 30, "ood_test": 20})
    _set(folder, name, path, value)
    text = str(folder)
    try:  # some of it is harmless to a report
        write_report(folder)
    except AtlasError as err:
        text = str(err)
    assert (text.count("\n"), str(folder) in text) == (0, True)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_predictions_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    folder = make_run(tmp_path / "run", sizes={"calibration": 20, "test": 30, "ood_test": 20})
    table = read_table(folder / "predictions.parquet")
    table["mean"] = table["mean"].copy()
    table["mean"][2] = value
    write_table(folder / "predictions.parquet", table)
    home = Kept(tmp_path, folder)
    code, text = home.atlas("compare", folder, folder)
    assert (code, "'mean'" in text) == (4, True)
