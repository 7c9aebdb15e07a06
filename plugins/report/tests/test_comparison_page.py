"""The page of a comparison: sentences against hand values, one file that acts only as it says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from from_columns import METRICS, predictions
from parsed_page import Page
from run_folders import make_run
from support import Cli

from atlas_core.errors import SpecError
from atlas_core.finished import read_run
from atlas_core.observe import FinishedRun
from atlas_core.store import read_json, write_json
from atlas_report.comparison import compare
from atlas_report.comparison_page import PAIRED, Runs, letter, write_page
from atlas_report.comparison_sentences import Said, said, unpaired
from atlas_report.run_differences import varied
from atlas_report.runs_list import format_runs, listed_run, time

N = 60
NAMES = ("A", "C")
EVIL = "<img src=x onerror=alert(1)>"


def run(errors: np.ndarray, *, folds: int = 1, width: float = 0.3, ids: int = 0) -> FinishedRun:
    """Return a run of one arm whose 60 test rows have these signed errors, and baseline 2."""
    target = np.zeros(N)
    columns = {
        "id": np.array([f"m{k + ids}" for k in range(N)]),
        "arm": np.full(N, "x"),
        "fold": np.array([str(k % folds) for k in range(N)]),
        "part": np.full(N, "test"),
        "target": target,
        "mean": target + errors,
        "baseline": np.full(N, 2.0),
        "lower_0.9": target + errors - width,
        "upper_0.9": target + errors + width,
    }
    about = {"task": "regression", "target": "gap", "unit": "eV", "sha256": "0"}
    sizes = {"train": 30, "test": 30}
    split = {"folds": [{"name": str(k), "sizes": sizes} for k in range(folds)]}
    manifest = {"dataset": about, "split": split}
    return FinishedRun(Path("run"), manifest, {"levels": [0.9]}, predictions(columns))


def between(a: FinishedRun, b: FinishedRun) -> tuple[Said, ...]:
    return said(compare(a, b, seed=0, metrics=METRICS, names=NAMES), NAMES)


def plain(texts: tuple[str, ...]) -> list[str]:
    return [text.replace("\u202f", " ").replace("\u2212", "-") for text in texts]


def test_a_known_difference_is_said_with_its_interval_and_the_trivial_baseline() -> None:
    (one,) = between(run(np.full(N, 0.5)), run(np.full(N, 0.2)))
    assert (one.arm, one.part, one.held_out, one.tone) == ("x", "in-domain", False, "good")
    assert plain(one.sentences) == [
        "C has a lower MAE than A: 0.200 against 0.500 eV, a difference of 0.300 eV (95 % interval"
        " 0.300 to 0.300). Shared: all 60 rows.",
        "Always predicting the training median: MAE 2.00 eV on these rows.",
        "C predicts 0.300 eV lower than A on average (0.300 to 0.300): mean signed error +0.200"
        " against +0.500.",
        # half a width of 0.3 holds an error of 0.2 and not one of 0.5
        "C's 90 % intervals hold more true values than A's: 100 % against 0 % (difference 100.0 to"
        " 100.0 points).",
    ]
    (other,) = between(run(np.full(N, 0.2)), run(np.full(N, 0.5)))
    assert other.tone == "poor"
    assert other.sentences[0].startswith("C has a higher MAE than A")


def test_a_difference_that_may_be_chance_is_not_said_to_be_one() -> None:
    noise = np.random.default_rng(0).standard_normal(N)
    (one,) = between(run(np.abs(noise)), run(np.abs(noise[::-1])))
    assert one.tone == "ref"
    assert one.sentences[0].startswith("Neither is shown to have the lower MAE")
    assert "includes 0" in one.sentences[0]
    # the same errors in another order: the means are equal, and so is the mean signed error
    for claim in ("has a lower", "has a higher", "on average", "hold more", "hold fewer"):
        assert not any(claim in text for text in one.sentences), claim


def test_errors_of_the_other_sign_are_told_apart_though_no_size_differs() -> None:
    (one,) = between(run(np.full(N, 0.2)), run(np.full(N, -0.2)))
    assert one.tone == "ref"
    first, _, bias = plain(one.sentences)
    assert first.startswith("C and A make the same errors: MAE 0.200 eV")
    assert bias == (
        "C predicts 0.400 eV lower than A on average (0.400 to 0.400): mean signed error -0.200"
        " against +0.200."
    )


def test_folds_that_disagree_say_that_the_order_may_be_another() -> None:
    apart = np.where(np.arange(N) % 2, 0.35, 0.05)  # fold 0 differs by 0.45, fold 1 by 0.15
    (one,) = between(run(np.full(N, 0.5), folds=2), run(apart, folds=2))
    (text,) = [text for text in plain(one.sentences) if text.startswith("Over 2 folds")]
    # mean -0.3, s = 0.3 / sqrt 2, raised by 1/2 + 30/30, t(1, 0.975) = 12.7062: half 3.3012
    assert "C minus A is -0.3 eV (-3.6 to 3.0)" in text
    assert text.endswith("which includes 0: with other training data the order may be another.")
    (one,) = between(run(np.full(N, 0.5), folds=2), run(np.full(N, 0.2), folds=2))
    assert not any("another" in text for text in one.sentences)


def test_of_a_few_rows_nothing_is_said_and_of_none_only_why() -> None:
    def first(many: int, error: float, ids: int = 0) -> FinishedRun:
        made = run(np.full(N, error), ids=ids)
        rows = made.predictions.take(np.arange(many))
        return FinishedRun(made.folder, made.manifest, made.metrics, rows)

    (one,) = between(first(9, 0.5), first(9, 0.2))
    assert one.sentences == ("Shared: all 9 rows: too few to say which run errs less.",)
    a, b = run(np.full(N, 0.5)), run(np.full(N, 0.2), ids=20)
    assert between(a, b) == ()
    lines = unpaired(compare(a, b, seed=0, metrics=METRICS, names=NAMES), NAMES)
    assert lines == (
        "No row is paired, so no difference is stated.",
        "Not paired, fold 0: it holds other materials in C: they share 40 of 60 in-domain rows of"
        " A and 60 of C.",
    )


def test_what_differs_among_three_runs_has_a_value_for_each() -> None:
    made = run(np.full(N, 0.5))
    three = [
        FinishedRun(made.folder, {**made.manifest, "seed": seed}, made.metrics, made.predictions)
        for seed in (7, 7, 8)
    ]
    assert [(one.what, one.values) for one in varied(three)] == [("seed", ("7", "7", "8"))]
    assert varied(three[:2]) == ()


def test_letters_go_on_after_z() -> None:
    assert [letter(k) for k in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (8.64, "8.6 s"), (90, "90 s"), (150, "2.5 min"), (9000, "2.5 h")],
)
def test_a_time_is_in_the_unit_that_a_reader_wants(seconds: float | None, text: str) -> None:
    assert time(seconds) == text


def changed(folder: Path, **more: object) -> Path:
    write_json(folder / "manifest.json", {**read_json(folder / "manifest.json"), **more})
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return two runs that differ in their seeds, and one of classes with a tag in what it asks."""
    home = tmp_path_factory.mktemp("runs")
    one = changed(make_run(home / "one run", ids={45: EVIL}), seed=7)
    other = changed(make_run(home / "other", ids={45: EVIL}), seed=8)
    classes = changed(make_run(home / "classes", task="binary"), question=f"Metal? {EVIL}")
    (one / "report.html").write_text("a report")
    return [one, other, classes]


def page(path: Path, folders: list[Path], left_out: tuple[str, ...] = ()) -> str:
    runs = Runs(keep=True)
    for folder in folders:
        runs.add(read_run(folder))
    write_page(path, runs, left_out, metrics=METRICS)
    return path.read_text(encoding="utf-8")


def test_the_first_line_of_two_runs_is_what_differs(folders: list[Path], tmp_path: Path) -> None:
    html = page(tmp_path / "p.html", folders[:2])
    assert "<h1>Seed 7 (A) against 8 (B), all else equal</h1>" in html
    assert html.count("B against A") == 1
    # the same rows twice: nothing is said to differ
    assert html.count("make the same errors") == 4
    assert not re.search("has a (lower|higher)", html)
    # two arms, two parts, two runs
    assert html.count('<td class="track"') == 8


def test_runs_of_several_questions_are_a_list_first(folders: list[Path], tmp_path: Path) -> None:
    html = page(tmp_path / "p.html", folders, ("x: no finished run here",))
    assert "<h1>3 runs of 2 targets or data sets</h1>" in html
    assert html.index('id="runs"') < html.index("B against A")
    assert "<li>x: no finished run here</li>" in html
    assert "C against" not in html
    assert html.count('<span class="grade tone-') == 6


def test_more_runs_of_a_question_than_are_set_side_by_side_stand_in_the_list(
    folders: list[Path], tmp_path: Path
) -> None:
    html = page(tmp_path / "p.html", folders[:1] * (PAIRED + 2))
    assert "2 more runs on these data stand in the list below only." in html
    assert html.count('<span class="grade tone-') == 2 * (PAIRED + 2)


def test_the_page_loads_nothing_and_runs_its_one_script(
    folders: list[Path], tmp_path: Path
) -> None:
    html = page(tmp_path / "p.html", folders, (EVIL,))
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    own = f"script-src 'sha256-{digest}'"
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; {own}"
    read = Page(html)
    assert not read.mismatched
    assert not read.open
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 2
    for tag, attributes in read.tags:
        assert tag not in {"img", "iframe", "object", "embed"}
        assert not {"src", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)


def test_a_report_is_linked_relative_to_the_page_where_there_is_one(
    folders: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    for path in (tmp_path / "p.html", tmp_path / "deep" / "p.html"):
        links = [a["href"] for tag, a in Page(page(path, folders)).tags if tag == "a"]
        assert len({*links} - {"#runs"}) == 1
        link = str(links[-1])
        assert "%20" in link
        assert (path.parent / unquote(link)).read_text() == "a report"


def test_the_table_of_metrics_shows_what_the_runs_found(
    folders: list[Path], tmp_path: Path
) -> None:
    html = page(tmp_path / "p.html", folders[:2])
    found = read_json(folders[0] / "metrics.json")["arms"]["forest"]["parts"]["ood_test"]
    error = found["metrics"]["mean_error"]["value"]
    (table,) = re.findall(r'<table[^>]*data-name="metrics">.*?</table>', html, flags=re.DOTALL)
    titles = [re.sub("<[^>]*>", "", one) for one in re.findall("<th .*?</th>", table)]
    rows = [re.findall(r"<td.*?</td>", row) for row in table.split("<tr>")[2:]]
    assert len(rows) == 8
    cell = re.sub("<[^>]*>", " ", rows[1][titles.index("mean signed error")])
    assert float(cell.split()[0].replace("\u2212", "-")) == pytest.approx(error, abs=0.006)


def test_the_page_says_what_the_target_is_not_where_the_data_set_does(
    folders: list[Path], tmp_path: Path
) -> None:
    assert "What is predicted:" not in page(tmp_path / "p.html", folders[:2])
    for place, folder in enumerate(folders[:2]):
        shutil.copytree(folder, tmp_path / f"run-{place}")
        manifest = read_json(folder / "manifest.json")
        manifest["dataset"]["caveat"] = "computed, not measured"
        write_json(tmp_path / f"run-{place}" / "manifest.json", manifest)
    html = page(tmp_path / "q.html", [tmp_path / "run-0", tmp_path / "run-1"])
    assert "What is predicted: computed, not measured." in html


def test_a_page_is_not_written_among_the_files_of_a_run(folders: list[Path]) -> None:
    with pytest.raises(SpecError, match="holds files of a run"):
        page(folders[0] / "p.html", folders[:2])


def test_the_list_says_of_each_run_what_it_asked_and_how_it_did(folders: list[Path]) -> None:
    text = format_runs([listed_run(read_run(folder)) for folder in folders])
    lines = text.splitlines()
    assert lines[0] == "3 runs; give two of them to compare them row by row"
    assert "one run: Does the model know that it does not know fluorides?" in lines
    found = read_json(folders[2] / "metrics.json")["arms"]["forest"]["parts"]
    value = found["test"]["metrics"]["balanced_accuracy"]["value"]
    (line,) = [line for line in lines[-2:] if line.startswith("  forest")]
    assert f"balanced accuracy {value:.3f} in-domain" in line


def test_the_command_lists_runs_and_names_what_is_none(folders: list[Path], tmp_path: Path) -> None:
    cli = Cli(tmp_path, tmp_path / "cache")
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("[]")
    done = cli("compare", *folders, "empty", broken, "--html", "p.html", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [one["run"] for one in answer["runs"]] == ["one run", "other", "classes"]
    lines = done.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["left out", "left out"]
    assert "empty" in lines[0]
    assert "broken" in lines[1]
    assert (tmp_path / "p.html").read_text(encoding="utf-8").count("<li>empty: ") == 1
    done = cli("compare", "empty", broken, "empty")
    assert done.returncode == 2
    done = cli("compare", folders[0], folders[1], "--html", "two.html")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "A and B differ only in seed (7 | 8)"
    assert done.stdout.splitlines()[-1] == "two.html"
