"""The report of made-up runs: complete, self-contained, escaped, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from parsed_page import Page
from run_folders import judge, make_run, write_report
from scipy import stats

from atlas_core.data.tables import read_table, write_table
from atlas_core.errors import DataError
from atlas_core.finished import read_run
from atlas_core.observe import ReportSection
from atlas_evaluation import narrative
from atlas_evaluation.judge.verdict import verdicts_of_run
from atlas_report import loop, loop_finds
from atlas_report.source import Source

EVIL = "mp-<script>alert(1)</script>"


BESIDE = {"metrics.json", "verdict.json", "predictions.parquet", "figures/"}
"""Files of the run folder that the page links to."""

ADDED = [ReportSection("Added <b>", ("One & two <i>.",))]


def report(folder: Path, **options: object) -> str:
    return write_report(make_run(folder, **options)).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full") / "run"
    make_run(folder, loop=True, ids={45: EVIL})
    write_report(folder, ADDED)
    return folder


@pytest.fixture(scope="module")
def html(full: Path) -> str:
    return (full / "report.html").read_text(encoding="utf-8")


def test_the_page_loads_nothing_from_outside_and_runs_its_own_script_only(html: str) -> None:
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.DOTALL)
    kinds = [attributes for attributes, _ in scripts]
    assert kinds == [' type="application/json" id="rows"', ""]
    digest = base64.b64encode(hashlib.sha256(scripts[1][1].encode()).digest()).decode()
    assert f"; script-src 'sha256-{digest}'\"" in html
    assert len(scripts[1][1]) <= 20_000
    assert "alert" not in scripts[1][1]
    for tag, attributes in Page(html).tags:
        assert tag not in {"iframe", "img", "object", "embed"}
        for name, value in attributes.items():
            if name in {"src", "srcset", "data", "poster", "action"} or name.startswith("on"):
                pytest.fail(f"{tag} has {name}")
            if name in {"href", "xlink:href"}:
                inside = str(value).startswith(("#", "data:,"))
                inside = inside or (tag == "a" and value in BESIDE)
                assert inside or (tag == "a" and str(value).startswith("https://"))
    assert not re.search(r"@import|url\((?!#)", html)


def test_the_sections_stand_in_reading_order(html: str) -> None:
    wanted = [
        "Answer",
        "Active learning",
        "At a glance",
        "Evidence, arm by arm",
        "forest",
        "cgcnn",
        "Comparison of arms",
        "All test materials",
        "What was tested",
        "Added <b>",
    ]
    seen = [h for h in Page(html).headings if h in [*wanted, "Provenance"]]
    assert seen == [*wanted, "Provenance"]


def test_words_of_the_sentences_are_explained_above_them_and_only_figures_of_the_page_below(
    html: str, classes: Path
) -> None:
    pages = [html, (classes / "report.html").read_text(encoding="utf-8")]
    for page in pages:
        note = page[: page.index('class="own"')]
        assert "An arm is a model" in note
        assert "Sigma is the standard deviation" in note
        assert "a detector scores" in note
    listed = [
        set(re.findall(r"<dt>([^<]+)</dt>", page.split('id="meanings"')[1])) for page in pages
    ]
    assert "RMSE" in listed[0] - listed[1]
    assert "F1" in listed[1] - listed[0]


def test_each_arm_shows_every_figure_with_a_caption(html: str) -> None:
    headings = Page(html).headings
    for title in (
        "Calibration",
        "Error against sigma",
        "Distance from training data",
        "Does it detect the held-out class?",
        "Absolute error by element, in-domain",
        "Absolute error by element, held out",
        "The 15 worst predictions",
    ):
        assert headings.count(title) == 2, title
    assert headings.count("Learning curves") == 1
    glance = html[html.index('id="views"') : html.index('id="verdict"')]
    for title in (
        "Predicted against true",
        "Observed against nominal coverage",
        "Error when the doubtful are dropped",
        "Signed error by element",
    ):
        assert headings.count(title) == 1, title  # once for all arms
        assert glance.count(f"<h3>{title}</h3>") == 1
    for name in ("predicted-against-true", "signed-error-by-element-held-out"):
        assert glance.count(f'-{name}"') == 2, name
    assert html.count("<figure") == html.count("<figcaption>")


def test_tags_are_closed_and_ids_are_unique_and_all_references_resolve(html: str) -> None:
    page = Page(html)
    assert not page.mismatched
    assert not page.open
    ids = [str(a["id"]) for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(#|href="#)([\w.-]+)', html))
    assert used <= set(ids)


def test_text_from_data_and_plugins_is_escaped(html: str) -> None:
    assert html.count("<script") == 2  # the page's own; the first test knows them
    assert "Added &lt;b&gt;" in html
    assert "One &amp; two &lt;i&gt;." in html
    assert "name: ood_formation # &lt;b&gt;" in html


def test_an_id_that_is_a_script_is_shown_as_text(tmp_path: Path) -> None:
    # the calibration rows come first; with all others evil, so are the worst
    text = report(
        tmp_path / "run",
        arms=("forest",),
        ids={i: f"{i}<script>alert(1)</script>" for i in range(40, 190)},
    )
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\\u003cscript>alert(1)\\u003c/script>" in text
    assert text.count("<script") == 2


def test_figures_follow_the_color_scheme_of_the_page(html: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert "var(--in)" in drawn
    assert "var(--out)" in drawn
    assert not re.search(r"#fe01[0-9a-f]{2}", drawn)
    assert "prefers-color-scheme: dark" in html
    assert set(re.findall(r"#[0-9a-f]{6}", drawn)) <= {"#000000"}


def test_every_figure_has_a_text_alternative(html: str) -> None:
    figures = [attributes for tag, attributes in Page(html).tags if tag == "svg"]
    assert figures
    for attributes in figures:
        assert attributes["role"] == "img"
        assert len(str(attributes["aria-label"])) > 20


def test_figure_files_are_well_formed_and_need_no_page(full: Path) -> None:
    files = sorted((full / "figures").glob("*.svg"))
    assert len(files) == 2 * (5 + 6) + 1 + 3
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - ours
        assert "var(--" not in text


def test_the_same_folder_gives_the_same_bytes(full: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(full, again)
    write_report(again, ADDED)
    for path in sorted(full.rglob("*")):
        if path.is_file():
            assert (again / path.relative_to(full)).read_bytes() == path.read_bytes(), path


def test_the_verdict_and_its_numbers_are_on_the_cards(html: str) -> None:
    cards = re.findall(r"<article.*?</article>", html, flags=re.DOTALL)
    assert len(cards) == 2
    for card in cards:
        assert "materials with F" in card
        assert "MAE, in-domain" in card
        assert "AUROC" in card


def test_active_learning_says_how_many_labels_an_arm_saves(html: str) -> None:
    table = html[html.index("Labels to reach the final value of") :]
    rows = dict(re.findall(r'<th scope="row">(\w+)</th><td[^>]*>([^<]+)</td>', table))
    # made-up error falls as exp(-rate step): 0.18 x 10 rounds is reached at step 1.8 / rate,
    # that is 1.8 / 0.28 = 6.4, so round 7, and 1.8 / 0.35 = 5.1, so round 6; 0.12 never does
    assert rows["random"] == "700"
    assert rows["greedy"] == "not reached"
    assert rows["ucb"] == "550"
    assert rows["max_uncertainty"] == "500"


ROUNDS = {
    # labels: 10, 20, 30; five of the ten best are half of them
    "random": ((0.1, 0.1, 0.2), (1.0, 1.0, 1.0), (0.5, 0.4, 0.3)),
    "greedy": ((0.1, 0.7, 1.0), (1.0, 1.0, 3.5), (0.5, 0.5, 0.45)),
    "ucb": ((0.1, 0.5, 1.0), (1.0, 3.5, 3.5), (0.5, 0.4, 0.35)),
}


def loop_run(folder: Path, rounds: dict[str, tuple], folds: int = 1, *, doubt: float = 0.01) -> str:
    make_run(folder, arms=tuple(rounds), sizes={"calibration": 40, "test": 90}, records=False)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    for arm, series in rounds.items():
        last = series[2][-1]
        metrics["arms"][arm]["parts"]["test"]["metrics"]["mae"] = {
            "value": last, "low": last - doubt, "high": last + doubt,
        }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    columns: dict[str, list] = {}
    for arm, series in rounds.items():
        for fold in range(folds):
            for step, values in enumerate(zip(*series, strict=True)):
                row = dict(zip(("top1_found", "best", "mae_test"), values, strict=True))
                row |= {
                    "arm": arm,
                    "fold": f"f{fold}",
                    "round": step,
                    "labeled": 10.0 * (1 + step),
                }
                for name, value in row.items():
                    columns.setdefault(name, []).append(value)
    table = {name: np.array(values) for name, values in columns.items()}
    write_table(folder / "active_learning.parquet", table)
    return re.sub(r"\s+", " ", write_report(folder).read_text(encoding="utf-8"))


def test_an_active_learning_report_opens_with_who_found_most_with_the_fewest_labels(
    tmp_path: Path,
) -> None:
    text = loop_run(tmp_path / "run", ROUNDS)
    assert "greedy gave a worse model than random" in text
    # greedy and ucb both find all, with 30 labels: a tie is reported as one
    assert (
        "greedy and ucb find the best 1 % of the candidates with the fewest labels: 20 of 20"
        " after 30 labels; random found 4 of 20 with 30." in text
    )
    assert (
        "The best material that any arm labeled (3.50 eV/atom) was found first by ucb, after 20"
        " labels; random did not find it in 30." in text
    )
    assert "in the end a test MAE of 0.450 against 0.300 eV/atom." in text
    assert "These counts leave out 40 labels that every arm was given besides" in text
    assert "chose more, up to 30, had its uncertainty calibrated on 40 others" in text
    assert "Blue discs: materials like the candidates." in text


@pytest.mark.parametrize(
    ("own", "other", "sure"),
    [(1.0, 0.2, True), (0.5, 0.3, False), (0.45, 0.1, True), (0.35, 0.1, False)],
)
def test_who_found_most_is_reported_where_fishers_test_of_the_counts_is_significant(
    own: float, other: float, sure: bool
) -> None:
    # of the best twenty of 2,000 candidates
    p = stats.fisher_exact([[20 * other, 20 * (1 - other)], [20 * own, 20 * (1 - own)]], "less")[1]
    assert (p < 0.05) == sure
    lines = {
        arm: (np.array([10.0, 30.0]), *[np.array([0.05, share])] * 3)
        for arm, share in (("greedy", own), ("random", other))
    }
    folds = [{"sizes": {"train": 60, "pool": 1940}}]
    source = Source({"dataset": {}, "split": {"folds": folds}}, {}, {}, [], {}, "")
    text = loop._found_top(source, {"top1_found": lines}, "random")
    assert ("by more than chance" in text) == (not sure)
    assert "another" not in text  # which other arms there are was not tested
    assert f"{round(20 * own)} of 20" in text
    assert f"{round(20 * other)} of 20" in text
    choice = loop._choice(source, {"top1_found": lines}, "random")
    assert choice == "To choose what to compute or measure next, " + (
        "use the rule of greedy: more of the best 1 % than by choosing at random."
        if sure
        else "no rule is shown to find more than choosing at random."
    )
    assert loop._choice(source, {"top1_found": lines}, "") == ""  # nothing to hold it against


def test_the_rule_of_a_loop_that_seeks_the_stable_is_one_that_surely_found_more() -> None:
    """Of 200 picks 120 are stable, or 90, where 40 % of all candidates are."""
    both = seeks_stable({"greedy": (60, 60), "ucb": (45, 45), "random": (40, 40)}, 0.4)
    # the lower end of Wilson's interval: 0.531 and 0.382
    assert loop._choice(both, {}, "random").startswith(
        "To choose what to compute or measure next, use the rule of greedy: more candidates that"
        " are"
    )
    none = seeks_stable({"ucb": (45, 45), "random": (40, 40)}, 0.4)
    assert "no rule is shown" in loop._choice(none, {}, "random")


def seeks_stable(hits: dict[str, tuple[int, int]], base: float, expected: float = np.nan) -> Source:
    """Return a loop that seeks the stable: two rounds of a hundred picks of 2,000 candidates."""
    columns: dict[str, list] = {}
    for arm, picked in hits.items():
        found = 30
        for step, more in enumerate((*picked, None)):
            row = {
                "arm": arm, "fold": "f", "round": float(step), "labeled": 60.0 + 100 * step,
                "finds_found": found / (2000 * base), "finds_share": base, "mae_test": 0.1,
                "finds_picked": np.nan if more is None else more / 100, "best": 0.0,
                "finds_expected": np.nan if more is None or arm == "random" else expected,
            }  # fmt: skip
            found += more or 0
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    folds = [{"name": "f", "sizes": {"train": 1500, "pool": 500}}]
    words = {"yes": "stable", "border": "the hull", "against": "the 7 phases of x"}
    manifest = {"dataset": {}, "split": {"folds": folds}, "reference": {"wording": words}}
    active = {name: np.array(values) for name, values in columns.items()}
    return Source(manifest, {"arms": {}}, {}, [], active, {})


def test_a_loop_says_how_many_of_its_picks_are_stable_beside_picking_at_random() -> None:
    picked = {"random": (52, 48), "likely": (70, 75)}
    text = loop_finds.sentences(seeks_stable(picked, 0.5, 0.8), "random")
    low, high = stats.binomtest(145, 200).proportion_ci(method="wilson")
    assert text[0] == (
        "Of the 200 candidates that likely chose, 145 are stable (72\N{NARROW NO-BREAK SPACE}%):"
        f" 1.45 times (95 % interval {low / 0.5:.2f} to {high / 0.5:.2f}) as many as by picking at"
        " random (50\N{NARROW NO-BREAK SPACE}% of all candidates are)."
    )
    assert stats.fisher_exact([[100, 100], [145, 55]], "less")[1] < 0.05
    assert text[1] == (
        "random found 100 with 200 picks: the difference to likely is more than chance explains."
    )
    # 30 at first, and what was picked, of the half of 2,000
    assert (
        "likely has labeled 175 in the end, its first labels included, and random 130." in text[2]
    )
    assert text[3].startswith("likely expected 160 of its 200 picks to be stable, and 145 are;")
    assert text[4].endswith("at or below the hull, against the 7 phases of x.")


@pytest.mark.parametrize(
    ("hits", "words"), [((53, 54), "which may be chance"), ((30, 34), "which is fewer")]
)
def test_picks_that_are_no_more_often_stable_than_chance_are_not_called_so(
    hits: tuple[int, int], words: str
) -> None:
    n = sum(hits)
    low, high = stats.binomtest(n, 200).proportion_ci(method="wilson")
    assert (low < 0.5 < high) == (words == "which may be chance")
    text = loop_finds.sentences(seeks_stable({"random": (50, 50), "a": hits}, 0.5), "random")
    assert text[0].endswith(f"% of all candidates are), {words}.")
    sure = min(stats.fisher_exact([[100, 100], [n, 200 - n]], "less")[1], 1) < 0.05
    assert not sure
    assert "is no more than chance may explain" in text[1]
    assert not [one for one in text if "expected" in one]  # it did not say


def test_a_loop_that_seeks_the_best_says_nothing_of_finds() -> None:
    source = seeks_stable({"random": (50, 50), "a": (60, 60)}, 0.5)
    left = {k: v for k, v in source.active.items() if not k.startswith("finds")}
    assert loop_finds.sentences(replace(source, active=left), "random") == []


def test_no_arm_is_said_to_predict_best_where_the_intervals_overlap(tmp_path: Path) -> None:
    text = loop_run(tmp_path / "run", ROUNDS, doubt=0.1)  # 0.300 and 0.450, each by 0.1
    assert "no arm is clearly better" in text
    assert "gave a worse model" not in text
    assert text.index('id="answer"') < text.index('id="verdict"')
    assert "small differences may be chance" in text


def test_an_answer_says_when_nothing_was_found(tmp_path: Path) -> None:
    still = {"random": ((0.1, 0.1, 0.1), (1.0, 1.0, 1.0), (0.5, 0.4, 0.3))}
    text = loop_run(tmp_path / "run", still, folds=2)
    assert "No arm found any of the best 1 % beyond its first labels." in text
    assert "No arm found a better material than its first labels held." in text
    assert "Figures are means over 2 folds" in text


def test_a_run_without_a_held_out_class_has_no_figure_that_needs_one(tmp_path: Path) -> None:
    text = report(tmp_path / "run", arms=("forest",), sizes={"calibration": 40, "test": 80})
    assert "Does it detect the held-out class?" not in text
    assert "Absolute error by element, held out" not in text
    assert "Predicted against true" in text


def test_a_run_with_only_a_held_out_class_is_drawn(tmp_path: Path) -> None:
    text = report(tmp_path / "run", arms=("forest",), sizes={"calibration": 40, "ood_test": 80})
    assert "Predicted against true" in text
    assert "Does it detect the held-out class?" not in text


def test_an_arm_without_sigma_says_so_instead_of_drawing_it(tmp_path: Path) -> None:
    columns = ("std", "lower_0.9", "upper_0.9")
    text = report(tmp_path / "run", arms=("forest",), blank=columns)
    assert "no sigma is stated" in text
    assert "no intervals are stated" in text
    assert "Error against sigma" not in Page(text).headings
    assert "Calibration" not in Page(text).headings
    assert "±" not in text[text.index('<table class="worst') :].partition("</thead>")[0]


def test_intervals_without_sigma_are_still_compared_with_their_nominal_coverage(
    tmp_path: Path,
) -> None:
    headings = Page(report(tmp_path / "run", arms=("forest",), blank=("std",))).headings
    assert "Calibration" in headings
    assert "Observed against nominal coverage" in headings
    assert "Error when the doubtful are dropped" not in headings


def test_an_arm_without_a_detector_says_so(tmp_path: Path) -> None:
    text = report(tmp_path / "run", arms=("forest",), drop=("ood_score", "outside", "reason"))
    assert "No detector scored this arm" in text
    assert "Distance from training data" not in Page(text).headings
    assert '<th scope="col">flagged</th>' not in text


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes") / "run"
    report(folder, task="binary")
    return folder


def test_a_binary_run_shows_reliability_roc_and_confusion(classes: Path) -> None:
    text = (classes / "report.html").read_text(encoding="utf-8")
    headings = Page(text).headings
    assert headings.count("Reliability of probabilities") == 1
    assert text.count('-reliability-of-probabilities"') == 2
    assert "no intervals are stated" not in text
    assert headings.count("Separation of classes") == 2
    assert "Right and wrong answers" in headings
    assert "Predicted against true" not in headings
    counts = re.search(
        r"in-domain, 90 predictions" + r".*?(?:right|wrong)\">(\d+)<" * 4,
        text,
        flags=re.DOTALL,
    )
    assert counts is not None
    assert sum(map(int, counts.groups())) == 90


def test_five_folds_give_mean_and_spread_over_folds(tmp_path: Path) -> None:
    text = report(
        tmp_path / "run", arms=("forest",), folds=5, sizes={"calibration": 40, "test": 100}
    )
    assert "of 5 folds" in text
    assert "fold_4" in text


def test_detection_of_several_folds_names_the_worst_class(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",), folds=3)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for fold, metal in zip(manifest["split"]["folds"], ("Li", "Na", "K"), strict=True):
        fold["held_out"] = f"materials with {metal}"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    score = metrics["arms"]["forest"]["ood"]["score"]
    worst = min(score["folds"], key=lambda fold: score["folds"][fold])
    score["worst"] = {"fold": worst, "auroc": score["folds"][worst]}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    judge(folder)
    named = f"materials with {('Li', 'Na', 'K')[int(worst[-1])]}"
    text = write_report(folder).read_text(encoding="utf-8")
    assert "held out vs. in-domain, AUROC, mean of 3 folds" in text
    assert f"AUROC, worst: {named}" in text
    assert "Thin lines: single folds; thick: their mean." in text
    assert "as distances from its threshold" in text
    assert "orange squares: the class that is held out, another in each fold." in text
    assert "those of the class that the model of a fold saw none of" in text
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = verdicts_of_run(metrics, {}, dataset=manifest["dataset"], split=manifest["split"])
    headline = narrative.headline(found["forest"])
    assert headline in text
    assert "not on held-out materials" in headline


def test_a_coverage_that_infinite_intervals_make_says_so(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    share = {"value": 1.0, "low": 1.0, "high": 1.0}
    for part in metrics["arms"]["forest"]["parts"].values():
        part["metrics"]["infinite_share_0.9"] = share
    path.write_text(json.dumps(metrics), encoding="utf-8")
    judge(folder)
    forest, cgcnn = re.findall(
        r"<article.*?</article>", write_report(folder).read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert forest.count("<small>100\u202f% uninformative</small>") == 2
    assert "uninformative" not in cgcnn
    assert (
        "For 100 % of in-domain materials and 100 % of materials with F the interval is infinite:"
        " it is uninformative there."
    ) in forest


def compared(html: str) -> list[str]:
    """Return the sentences that compare arms."""
    section = html[html.index('<section id="beside"') :]
    return re.findall(
        r"<li>([^<]* (?:has a mean error|of the \d arms\.|Brier|on these same rows)[^<]*)</li>",
        section,
    )


def test_two_arms_are_compared_with_each_other_alone(html: str) -> None:
    inside, outside = compared(html)
    assert inside.startswith("In-domain: cgcnn has a mean error ")
    assert outside.startswith("Held out: cgcnn has a mean error ")
    assert "Bold: the better value of a row and part" in html


def test_the_best_of_several_arms_is_compared_with_every_other(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    html = report(tmp_path / "run", arms=names)
    table = read_table(tmp_path / "run" / "predictions.parquet")
    error = np.abs(table["mean"] - table["target"])
    said = compared(html)
    for part, where in (("test", "In-domain"), ("ood_test", "Held out")):
        mean = {arm: error[(table["arm"] == arm) & (table["part"] == part)].mean() for arm in names}
        best, *others = sorted(names, key=lambda arm: mean[arm])
        *lead, one, other = [text for text in said if text.startswith(where)]
        rest = (one, other)
        sure = not any("may be chance" in text for text in rest)
        assert lead == (
            [f"{where}: {best} has the lowest mean error of the 3 arms."] if sure else []
        )
        for text, arm in zip(rest, sorted(others), strict=True):
            found = re.match(
                rf"{where}: {arm} has a mean error ([0-9.]+) eV/atom higher than {best}", text
            )
            assert found is not None
            assert float(found[1]) == pytest.approx(mean[arm] - mean[best], rel=0.06)
    assert "on these same rows" in said[-1]
    assert "Bold: the best value of a row and part" in html


def test_arms_that_classify_are_compared_by_their_brier_scores(classes: Path) -> None:
    text = compared((classes / "report.html").read_text(encoding="utf-8"))[0]
    table = read_table(classes / "predictions.parquet")
    inside = table["part"] == "test"
    squared = (table["mean"] - table["target"]) ** 2
    forest, cgcnn = (squared[inside & (table["arm"] == arm)].mean() for arm in ("forest", "cgcnn"))
    found = re.match("In-domain: the Brier score of cgcnn is ([0-9.]+) (lower|higher) than", text)
    assert found is not None
    assert float(found[1]) == pytest.approx(abs(cgcnn - forest), rel=0.06)
    assert (found[2] == "lower") == (cgcnn < forest)


def test_a_data_set_named_as_its_component_is_named_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",))
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name, shown in (("flla", "flla"), ("FLLA", "FLLA (flla)")):
        manifest["dataset"]["name"] = name
        path.write_text(json.dumps(manifest), encoding="utf-8")
        html = write_report(folder).read_text(encoding="utf-8")
        assert f"<div><dt>Data</dt><dd>{shown}</dd></div>" in html


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bool]:
    """The page of one arm without records, and whether drawing it left matplotlib's settings."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    folder = tmp_path_factory.mktemp("alone") / "run"
    text = report(folder, arms=("forest",), records=False)
    return text, dict(mpl.rcParams) == before


def test_a_single_arm_needs_no_comparison(alone: tuple[str, bool]) -> None:
    headings = Page(alone[0]).headings
    assert "All numbers" in headings
    assert "Comparison of arms" not in headings


def test_missing_records_leave_out_the_learning_curves_only(alone: tuple[str, bool]) -> None:
    headings = Page(alone[0]).headings
    assert "Learning curves" not in headings
    assert "Predicted against true" in headings


def test_rows_that_failed_are_listed_with_their_reason(html: str) -> None:
    assert "1 material could not be featurized" in html
    assert "mp-1: no radius for element Og" in html


def test_stages_before_the_jobs_are_shown_with_count_and_reasons(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", records=False)
    ids = [f"mp-{i}" for i in range(7)]
    failed = {
        "featurizer": "voronoi",
        "count": 12,
        "ids": ids,
        "reasons": [f"why {i}" for i in ids],
    }
    records = [
        {"arm": arm, "fold": "", "name": "features/failures", "content": failed}
        for arm in ("forest", "cgcnn")
    ]
    warned = {"texts": ["UserWarning: <odd> cell"]}
    records.append({"arm": "", "fold": "", "name": "warnings", "content": warned})
    (folder / "records.json").write_text(json.dumps(records), encoding="utf-8")
    text = write_report(folder).read_text(encoding="utf-8")
    assert text.count("12 materials could not be featurized by voronoi") == 1
    assert "(forest, features/failures; cgcnn, features/failures)" in text
    shown = text[text.index("by voronoi") : text.index("<summary>and 9 more")]
    assert re.findall(r"mp-\d: why mp-\d", shown) == [f"mp-{i}: why mp-{i}" for i in range(3)]
    assert "and 5 more in records.json" in text
    assert "1 warning" in text
    assert "UserWarning: &lt;odd&gt; cell" in text


def test_thousands_of_points_are_sampled_and_the_caption_says_so(tmp_path: Path) -> None:
    text = report(tmp_path / "run", arms=("forest",), sizes={"calibration": 40, "test": 3200})
    assert "3000 of 3200 in-domain points drawn, a random sample." in text
    (rows,) = re.findall(r'id="rows">(.*?)</script>', text, flags=re.DOTALL)
    assert len(text) - len(rows) < 400_000  # what is drawn; the rows are data beside it
    assert len(rows) < 60 * 3240


def test_arms_stand_in_the_order_of_the_spec_not_of_the_alphabet(html: str) -> None:
    assert html.index('id="arm-forest"') < html.index('id="arm-cgcnn"')


def test_a_folder_without_a_finished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json"])
@pytest.mark.parametrize("content", ["[]", "{}", "null", "3", "{"])
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, name: str, content: str) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",), records=False)
    (folder / name).write_text(content, encoding="utf-8")
    for read in (write_report, read_run):
        with pytest.raises(DataError, match=re.escape(name)) as caught:
            read(folder)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("manifest.json", ("dataset",), []),
        ("manifest.json", ("dataset", "task"), "ranking"),
        ("manifest.json", ("split",), None),
        ("manifest.json", ("split", "folds"), [3]),
        ("manifest.json", ("split", "folds", 0, "sizes"), None),
        ("manifest.json", ("arms", "forest"), "x"),
        ("metrics.json", ("levels",), ["a"]),
        ("metrics.json", ("arms",), []),
        ("metrics.json", ("arms", "forest"), {}),
        ("metrics.json", ("arms", "forest", "parts", "test"), None),
        ("metrics.json", ("arms", "forest", "parts", "test", "metrics", "mae"), 3.0),
        ("records.json", (0,), []),
    ],
)
def test_a_foreign_value_is_refused(tmp_path: Path, name: str, path: tuple, value: object) -> None:
    folder = make_run(tmp_path / "run", arms=("forest",))
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(name)):
        write_report(folder)


def test_predictions_of_another_run_or_none_are_refused(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", arms=("forest",), records=False)
    two = make_run(tmp_path / "two", arms=("cgcnn",), records=False)
    shutil.copy(two / "predictions.parquet", one)
    with pytest.raises(DataError, match=r"arms cgcnn, metrics\.json forest: they are of"):
        read_run(one)
    (one / "predictions.parquet").unlink()
    with pytest.raises(DataError, match=r"predictions\.parquet"):
        read_run(one)


def test_drawing_leaves_the_settings_of_matplotlib_alone(alone: tuple[str, bool]) -> None:
    assert alone[1]


def test_the_page_of_a_run_like_the_demo_is_light(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", sizes={"calibration": 184, "test": 369, "ood_test": 251})
    assert write_report(folder).stat().st_size < 530_000


def test_a_caption_stands_once_on_paper(html: str) -> None:
    shared = re.findall(r'<figcaption><span class="again">([^<]*)</span>', html)
    assert len(shared) >= 4
    for text in set(shared):  # and it is there in full above
        assert html.index(f"<figcaption>{text}") < html.index(f'<span class="again">{text}')
