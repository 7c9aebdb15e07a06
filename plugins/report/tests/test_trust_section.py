"""The report's section on trust, on a made-up run whose trust methods are simple rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from run_folders import make_exam, make_run, write_report

from atlas_core.errors import DataError
from atlas_core.store import read_json
from atlas_evaluation.judge.verdict import verdicts_of_run
from atlas_evaluation.narrative import headline
from atlas_pages.svg import drawing
from atlas_report.trust_figures import MANY_LABELS, Point, reached_reliability


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sizes = {"calibration": 60, "test": 90, "ood_test": 240}
    return make_exam(make_run(tmp_path / "run", sizes=sizes))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that one, with its report."""
    sizes = {"calibration": 60, "test": 90, "ood_test": 240}
    made = make_exam(make_run(tmp_path_factory.mktemp("drawn") / "run", sizes=sizes))
    write_report(made)
    return made


def section(folder: Path) -> str:
    if not (folder / "report.html").exists():
        write_report(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<section id="trust">.*?</section>', text, flags=re.DOTALL)
    return str(found)


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u202f", " ").split())


def test_the_section_says_in_words_what_may_be_used(drawn: Path) -> None:
    (one,) = read_json(drawn / "exam.json")["forest"]["classes"]
    own = one["methods"]["careful"]["class"]
    text = plain(section(drawn))
    share = f"{100 * own['share']:.0f}"
    assert f"an unseen kind, it labels as trusted {own['trusted']} ({share} %)" in text
    assert "100 % of these are within" in text
    assert "(target reliability 90 %, 95 % interval" in text
    assert "over materials" in text
    assert (
        "Target reliability: 90 % of the predictions labeled trust lie within the error tolerance"
        in text
    )
    assert "The error tolerance is what 80 % of the errors on calibration materials" in text
    assert "the target reliability is set in the spec." in text
    for word, meaning in (("trust", "use the prediction"), ("verify", "compute or measure")):
        assert f"{word} {meaning}" in text
    assert "careful: Looks twice &lt;b&gt;. bold: Trusts all." in text


def test_a_class_is_a_line_with_all_methods(drawn: Path) -> None:
    (one,) = read_json(drawn / "exam.json")["forest"]["classes"]
    text = section(drawn)
    (row,) = re.findall(r"<tr><th scope=\"row\">.*?</tr>", text, flags=re.DOTALL)
    cells = [plain(cell) for cell in re.findall(r"<td.*?</td>", row, flags=re.DOTALL)]
    assert plain(row).startswith("materials with F 240 materials")
    assert cells[0].endswith("in-domain")
    assert cells[3] == "reached"
    assert cells[6].startswith("100 %")
    assert "within: missed" in cells[6]
    assert cells[7] == "0 % abstained"
    assert cells[8].startswith(f"{100 * one['oracle_share']:.0f} %")
    assert 'class="verdict tone-good"' in row


def test_the_figures_are_drawn_and_stand_as_files(drawn: Path) -> None:
    text = section(drawn)
    for title in (
        "Share trusted, and its reliability",
        "Labels of each class",
        "Error forecast against true error",
    ):
        assert f'<h3 class="title">{title}</h3>' in text
    files = list((drawn / "figures").glob("forest-*.svg"))
    assert len([path for path in files if "error-forecast" in path.name]) == 1
    for path in files:
        ElementTree.parse(path)  # noqa: S314 - our own file


def test_the_verdict_is_that_of_the_exam(drawn: Path) -> None:
    text = (drawn / "report.html").read_text(encoding="utf-8")
    manifest, metrics, exams = (
        read_json(drawn / f"{name}.json") for name in ("manifest", "metrics", "exam")
    )
    found = verdicts_of_run(metrics, exams, dataset=manifest["dataset"], split=manifest["split"])
    assert found["forest"].codes[0] == "labels_reached_on_all"
    assert headline(found["forest"]) in text
    assert "labeled trust, held out" in text
    assert "labels_reliability" not in found["cgcnn"].codes


def test_a_run_without_trust_has_no_such_section(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",))
    assert 'id="trust"' not in write_report(folder).read_text(encoding="utf-8")


def test_several_arms_and_folds_each_have_their_lines(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path / "run", sizes={"calibration": 90, "test": 90, "ood_test": 90}, folds=3
    )
    text = section(make_exam(folder, ("forest", "cgcnn")))
    assert text.count('class="answer"') == 2
    assert len(re.findall(r"<tr><th scope=\"row\">", text)) == 6
    own = [
        one["methods"]["careful"]["class"]
        for one in read_json(folder / "exam.json")["forest"]["classes"]
    ]
    trusted = sum(one["trusted"] for one in own)
    hits = sum(one["within"] for one in own)
    rows = sum(one["rows"] for one in own)
    # no class is picked out: the answer is of all of them together
    share = f"{100 * trusted / rows:.0f}"
    shown = plain(text)
    assert f"Of {rows} predictions on 3 held-out" in shown
    assert (
        f"it labels as trusted {trusted} ({share} %); {100 * hits / trusted:.0f} % of these"
        in shown
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            "trust: {error_tolerance: 0.2, target_reliability: null}",
            "The error tolerance is set in the spec; the target reliability is",
        ),
        (
            "trust: {error_tolerance: 0.2, price: {label: 1.0, mistake: 10.0}}",
            "the target reliability follows from its price: a label costs 1, a mistake 10.",
        ),
        ("trust: [", "of the true value."),
    ],
)
def test_the_source_of_the_target_reliability_is_reported(
    tmp_path: Path, spec: str, words: str
) -> None:
    folder = make_exam(make_run(tmp_path / "run", arms=("forest",)), spec=spec)
    assert words in plain(section(folder))


def test_the_same_bytes_each_time(drawn: Path, folder: Path) -> None:
    assert write_report(folder).read_bytes() == (drawn / "report.html").read_bytes()


@pytest.mark.parametrize("broken", ["[]", '{"forest": 1}', '{"forest": {"method": "m"}}', "{"])
def test_an_exam_that_no_run_wrote_is_one_line(folder: Path, broken: str) -> None:
    (folder / "exam.json").write_text(broken, encoding="utf-8")
    with pytest.raises(DataError, match=r"exam\.json"):
        write_report(folder)


def test_an_exam_without_a_method_it_names_is_refused(folder: Path) -> None:
    exam = read_json(folder / "exam.json")
    exam["forest"]["others"].append("nobody")
    (folder / "exam.json").write_text(json.dumps(exam), encoding="utf-8")
    with pytest.raises(DataError, match="a method is missing"):
        write_report(folder)


def test_marks_of_every_method_are_named_on_an_axis_that_says_where_it_is() -> None:
    one, other = Point("Fe", 0.5, 0.97, (0.9, 0.99)), Point("Fe", 0.02, 0.9, (0.7, 0.97))
    for methods in ({"region": [one]}, {"region": [one], "sigma": [other]}):
        with drawing():
            figure = reached_reliability(methods, target_reliability=0.9, slack=0.05).figure
            (axes,) = figure.axes
            low, high = axes.get_xlim()
            assert sum(low <= tick <= high for tick in axes.get_xticks()) >= 2
        assert [text.get_text() for text in axes.texts] == ["Fe"] * len(methods)
    # of very many marks those of the deciding method only
    crowd = [Point(f"{k}", 0.1 + 0.05 * k, 0.9, (0.8, 1.0)) for k in range(MANY_LABELS)]
    with drawing():
        methods = {"region": [one], "sigma": crowd}
        (axes,) = reached_reliability(methods, target_reliability=0.9, slack=0.05).figure.axes
    assert [text.get_text() for text in axes.texts] == ["Fe"]
