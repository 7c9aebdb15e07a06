"""What figures, cards and tables show is what was measured: by hand, scipy or scikit-learn."""

from __future__ import annotations

import copy
import csv
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_folders import make_run
from scipy import stats

from atlas_core.data.predictions import Predictions
from atlas_core.finished import read_run
from atlas_core.observe import FinishedRun
from atlas_pages.formatting import percent
from atlas_pages.svg import drawing
from atlas_report import class_figures, figures, learning_figures, ood_figures, trust_figures
from atlas_report.audit import audit_view
from atlas_report.beside import beside
from atlas_report.cards import card
from atlas_report.csv import CsvReport
from atlas_report.hooks import NoOptions
from atlas_report.notebook import notebook_card
from atlas_report.provenance import duration, provenance
from atlas_report.source import Source, source_of
from atlas_report.trust_panels import forecast_points, trusted_points


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    folder = tmp_path_factory.mktemp("run") / "run"
    sizes = {"calibration": 60, "test": 90, "ood_test": 60}
    return read_run(make_run(folder, arms=("forest",), folds=3, sizes=sizes))


@pytest.fixture(scope="module")
def source(run: FinishedRun) -> Source:
    return source_of(run)


def rows(target: Any, mean: Any, **more: Any) -> Predictions:
    n = len(target)
    return Predictions(
        ids=np.array([f"m{k}" for k in range(n)]),
        formula=np.full(n, "NaCl"),
        fold=more.pop("fold", np.full(n, "f")),
        arm=np.full(n, "x"),
        parts=np.full(n, "test"),
        target=np.array(target, dtype=np.float64),
        mean=np.array(mean, dtype=np.float64),
        **more,
    )


def test_the_calibration_curve_is_the_coverage_of_gaussian_intervals() -> None:
    n = 400
    z = stats.norm.ppf((1 + (np.arange(n) + 0.5) / n) / 2)  # sizes of a standard Gaussian
    # a sigma of half the errors; of the stored intervals, three of four hold
    inside = np.arange(n) % 4 > 0
    lower = {0.9: np.where(inside, -1.0, 1.0)}
    own = rows(np.zeros(n), z, std=np.full(n, 0.5), lower=lower, upper={0.9: np.full(n, 2.0)})
    with drawing():
        axes = figures.calibration({"test": own}).figure.axes[0]
    _, curve, mark = axes.lines
    expected = 2 * stats.norm.cdf(0.5 * stats.norm.ppf((1 + curve.get_xdata()[:-1]) / 2)) - 1
    np.testing.assert_allclose(curve.get_ydata()[:-1], expected, atol=1 / n)
    assert (mark.get_xdata().tolist(), mark.get_ydata().tolist()) == ([0.9], [0.75])


def test_dots_of_error_stand_above_their_sigma() -> None:
    sigma, error = np.linspace(1.0, 2.0, 30), np.linspace(3.0, 1.0, 30)
    own = rows(np.zeros(30), error, std=sigma)
    with drawing():
        axes = figures.error_against_sigma({"test": own}, unit="eV").figure.axes[0]
    dots = np.concatenate([patch.get_path().vertices[::2] for patch in axes.patches])
    np.testing.assert_allclose(np.sort(dots, axis=0), np.sort(np.stack([sigma, error], 1), axis=0))
    assert axes.get_xlabel() == "predicted sigma (eV)"


def test_the_curve_of_classes_has_scikit_learns_area() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    target = (np.arange(60) % 3 == 0).astype(float)
    mean = np.clip(0.3 * target + rng.random(60) * 0.7, 0, 1)
    with drawing():
        figure = class_figures.class_roc({"test": rows(target, mean)}, ("no", "yes")).figure
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == f"in-domain, AUROC {metrics.roc_auc_score(target, mean):.3f}"


def test_a_bin_of_probabilities_stands_at_the_share_that_came_true() -> None:
    own = rows([0, 0, 0, 1, 1, 1, 1, 0], [0.04, 0.06, 0.05, 0.05, 0.92, 0.98, 0.95, 0.95])
    with drawing():
        figure = class_figures.reliability({"test": own}, ("no", "yes")).figure
    (dots,) = [one for one in figure.axes[0].collections if len(one.get_offsets()) == 2]
    np.testing.assert_allclose(dots.get_offsets(), [[0.05, 0.25], [0.95, 0.75]])


def parts_of(scores: dict[str, list[list[float]]], limits: list[float]) -> dict[str, Predictions]:
    """Return parts whose folds have these scores; beyond a fold's limit a row is flagged."""
    found = {}
    for part, folds in scores.items():
        score = np.concatenate(folds)
        fold = np.repeat([str(k) for k in range(len(folds))], [len(own) for own in folds])
        flagged = score > np.array([limits[int(k)] for k in fold])
        n = len(score)
        found[part] = rows(np.zeros(n), np.zeros(n), fold=fold, ood_score=score, outside=flagged)
    return found


def test_scores_of_folds_lie_beyond_the_threshold_where_they_are_flagged() -> None:
    inside = [[1.0, 2.0, 3.0, 6.0], [100.0, 200.0, 300.0, 600.0]]
    parts = parts_of({"test": inside, "ood_test": [[6.5, 7.0], [650.0, 700.0]]}, [5.0, 500.0])
    with drawing():
        axes = ood_figures.score_histograms(parts).figure.axes[0]
    (line,) = axes.lines
    assert line.get_xdata()[0] == 0
    shown = {patch.get_label(): patch.get_data() for patch in axes.patches}
    # the threshold of the first fold lies between 3 and 6: three of four in-domain are below it
    for name, expected in (("in-domain", 0.75), ("held out", 0.0)):
        values, edges, _ = shown[name]
        assert values[edges[1:] <= 0].sum() == pytest.approx(expected), name


def test_detection_is_drawn_with_scikit_learns_area_and_the_rule_at_its_shares() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    parts = parts_of({"test": [[1.0, 2.0, 3.0, 6.0]], "ood_test": [[2.5, 5.0, 7.0]]}, [5.5])
    rule = {
        "auroc": {"value": 0.7},
        "share_flagged_test": {"value": 0.1},
        "share_flagged_ood_test": {"value": 0.5},
    }
    with drawing():
        axes = ood_figures.ood_roc(parts, rule).figure.axes[0]
    area = metrics.roc_auc_score([0] * 4 + [1] * 3, [1, 2, 3, 6, 2.5, 5, 7])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [f"OOD score, AUROC {area:.3f}", "unseen element, AUROC 0.700"]
    (cross,) = [line for line in axes.lines if line.get_marker() == "X"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (0.1, 0.5)


def test_bars_of_labels_add_up_from_trust_to_defer() -> None:
    with drawing():
        axes = trust_figures.labels({"F": (0.5, 0.2, 0.6)}).figure.axes[0]
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    np.testing.assert_allclose(bars, [(0.0, 0.5), (0.5, 0.3), (0.8, 0.2)])
    assert [bar.get_label() for bar in axes.containers] == ["trust", "verify", "defer"]


def test_a_mark_of_a_class_has_its_share_below_and_its_reliability_beside() -> None:
    few, many = {"share": 0.1, "hit": 1.0, "trusted": 9}, {"share": 0.4, "hit": 0.9, "trusted": 10}
    ends = {"hit_low": 0.8, "hit_high": 0.95}
    classes = [
        {"methods": {"own": {"class": many | ends}, "other": {"class": few}},
         "mae": 2.0, "forecast": 1.5},
        {"methods": {"own": {"class": few}, "other": {"class": few}}, "mae": 1.0},
    ]  # fmt: skip
    exam = {"method": "own", "others": ["other"], "limits": {"enough_trusted": 10}}
    names = ["materials with F", "oxides"]
    point = trust_figures.Point("F", 0.4, 0.9, (0.8, 0.95))
    assert trusted_points({**exam, "classes": classes}, names) == {"own": [point]}
    assert forecast_points({**exam, "classes": classes}, names) == [
        trust_figures.Point("F", 2.0, 1.5, (1.5, 1.5))
    ]


def test_a_learning_curve_runs_over_its_epochs() -> None:
    curve = {"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "validation_mae": [2.0, 1.5, None]}
    with drawing():
        loss, error = learning_figures.learning_curves([curve], unit="eV").figure.axes
    assert loss.lines[0].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    np.testing.assert_array_equal(error.lines[0].get_ydata(), [2.0, 1.5, np.nan])


def test_a_card_has_the_error_of_the_training_median_and_of_a_constant_width(
    source: Source,
) -> None:
    metrics = copy.deepcopy(dict(source.metrics))
    for part in metrics["arms"]["forest"]["parts"].values():
        part["metrics"]["mae_baseline"] = {"value": 0.512}
    shown = card(replace(source, metrics=metrics), "forest").stats
    trivial = {stat.label: stat.trivial for stat in shown}
    own = source.rows["forest"]
    for part, where in (("test", "in-domain"), ("ood_test", "held out")):
        held = own.part(part)
        assert trivial[f"MAE, {where}"] == "training median: 0.51"
        # per fold the 19th smallest of 20 calibration errors: ceil(21 x 0.9)
        calibration = own.part("calibration")
        half = {f: np.sort(calibration.error[calibration.fold == f])[18] for f in set(held.fold)}
        covered = float(np.mean([e <= half[f] for e, f in zip(held.error, held.fold, strict=True)]))
        (text,) = [own for name, own in trivial.items() if f"coverage, {where}" in name]
        assert text.endswith(f"covers {percent(covered)}")


def test_the_sentence_on_folds_has_their_mean_and_deviation(source: Source) -> None:
    held = source.rows["forest"].part("test")
    errors = [held.error[held.fold == fold].mean() for fold in sorted(set(held.fold))]
    (text,) = [one for one in beside(source).folds if one.startswith("forest, in-domain: ")]
    found = re.search(r"([\d.]+) ± ([\d.]+) eV/atom", text)
    assert found is not None
    assert float(found[1]) == pytest.approx(np.mean(errors), abs=6e-4)
    assert float(found[2]) == pytest.approx(np.std(errors), abs=6e-4)


def test_only_what_is_in_the_targets_unit_says_so_in_the_table(run: FinishedRun) -> None:
    files = {f.path.name: f.content for f in CsvReport(NoOptions()).report(run, [])}
    table = csv.DictReader(io.StringIO(files["metrics.csv"].decode("utf-8-sig")))
    units = {row["metric"]: row["unit"] for row in table}
    assert (units["mae"], units["mpiw_0.9"]) == ("eV/atom", "eV/atom")
    assert (units["r2"], units["picp_0.9"], units["spearman"]) == ("", "", "")


def test_a_whisker_in_a_notebook_spans_its_interval(run: FinishedRun) -> None:
    entry = run.metrics["arms"]["forest"]["parts"]["test"]["metrics"]["mae"]
    page = notebook_card(run)
    width = float(re.findall(r'<rect[^>]* width="([\d.]+)"', page)[0])
    left, right = map(float, re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"', page)[0])
    share = (entry["high"] - entry["low"]) / entry["value"]
    assert (right - left) / width == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.26, "4.3 s"), (42.4, "42 s"), (252.4, "4 min 12 s"), (7380.0, "2 h 3 min")],
)
def test_a_time_span_is_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_provenance_has_the_sizes_of_each_fold_and_what_the_target_is_not(source: Source) -> None:
    about = {**source.manifest["dataset"], "caveat": "computed, not measured"}
    view = provenance(replace(source, manifest={**source.manifest, "dataset": about}))
    assert dict(view.facts)["It is not"] == "computed, not measured"
    assert view.sizes == ("train", "calibration", "test", "ood_test")
    # 2,000, 60, 90 and 60 rows in three folds
    assert [sizes for _, _, sizes in view.folds] == [("666", "20", "30", "20")] * 3
    assert {stage: text for stage, _, text in view.stages}["fit"] == "1 min 33 s"


def test_the_figures_of_a_fold_stand_below_their_titles() -> None:
    view = {"auroc": 0.91, "error_ratio": 2.0, "error_ratio_median": 1.5}
    fold_figures = {
        "rows": {"held_out": 40}, "share_held_out": 0.1, "views": {"fractions": view},
        "shared_formula": {"held_out": 0.25}, "target": {"ks": 0.3},
    }  # fmt: skip
    found = audit_view({"sentence": "s", "folds": [{"fold": "f", "figures": fold_figures}]})
    assert found is not None
    titles = [title for title, _ in found.titles]
    cells = dict(zip(titles, found.rows[0].cells, strict=True))
    assert cells == {
        "rows": "40",
        "share": percent(0.1),
        "AUROC, element fractions": "0.91",
        "error ratio, element fractions": "2.0 (median 1.5)",
        "same formula": percent(0.25),
        "target KS": "0.300",
    }
