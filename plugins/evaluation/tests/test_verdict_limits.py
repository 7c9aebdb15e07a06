"""What a verdict must not claim: of intervals that say nothing, few materials, one answer for all.

Each claim has a case in which it must not be made, on tables drawn so that it is false.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from from_columns import evaluate
from scipy import stats

from atlas_evaluation.judge.answers import ENOUGH_OF_CLASS, answers_of
from atlas_evaluation.judge.bars import Bars, bars_of
from atlas_evaluation.judge.figures import FEW_ROWS, Figure, doubt, slack
from atlas_evaluation.judge.finding import About, Verdict
from atlas_evaluation.judge.verdict import verdict
from atlas_statistics import digits

Arm = dict[str, Any]


def scored(
    target: np.ndarray,
    mean: np.ndarray,
    *,
    std: np.ndarray | None = None,
    half: np.ndarray | float | None = 1.645,
    held_out: int = 0,
    level: float = 0.9,
    task: str = "regression",
    bounds: tuple[float, float] | None = None,
    ids: np.ndarray | None = None,
    **more: np.ndarray,
) -> Arm:
    """Return the metrics of an arm; the last ``held_out`` rows are of the held-out class."""
    n = len(target)
    part = np.where(np.arange(n) < n - held_out, "test", "ood_test")
    table = {
        "id": np.arange(n).astype(str) if ids is None else ids.astype(str),
        "arm": np.full(n, "a"),
        "part": part,
        "fold": np.full(n, "f"),
        "target": target,
        "mean": mean,
        **more,
    }
    if std is not None:
        table["std"] = std
    if half is not None:
        table |= {f"lower_{level!r}": mean - half, f"upper_{level!r}": mean + half}
        if bounds is not None:
            for end in ("lower", "upper"):
                table[f"{end}_{level!r}"] = np.clip(table[f"{end}_{level!r}"], *bounds)
    found = evaluate(table, task=task, levels=[level], seed=0, bounds=bounds)
    arm: Arm = found["arms"]["a"]
    return arm


def said(arm: Arm, *, task: str = "regression", bounded: bool = False) -> Verdict:
    held = "materials with F" if "ood_test" in arm["parts"] else ""
    return verdict(arm, About("a", task, "gap", "eV", held, bounded=bounded))


def normal(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return targets of spread 5, predictions that err by 1, and a sigma that varies."""
    rng = np.random.default_rng(seed)
    target = 5 * rng.normal(size=n)
    return target, target + rng.normal(size=n), np.exp(0.3 * rng.normal(size=n))


# --- intervals that say nothing ---------------------------------------------------------------


def with_empty(inside: float, outside: float, n: int = 400, held: int = 200) -> Arm:
    """Return an arm with these shares of infinite intervals in-domain and held out."""
    target, mean, std = normal(n + held)
    place = np.concatenate([np.arange(n) / n < inside, np.arange(held) / held < outside])
    return scored(target, mean, std=std, half=np.where(place, np.inf, 1.645), held_out=held)


@pytest.mark.parametrize(
    ("inside", "outside", "why"),
    [
        (0.0, 0.0, ""),
        (0.0, 0.73, "held_out_intervals_uninformative"),
        (0.0, 1.0, "held_out_intervals_uninformative"),
        (0.48, 0.0, "most_intervals_uninformative"),  # its interval holds one half
        (0.2, 0.0, "some_intervals_uninformative"),
        (0.0, 0.2, "held_out_intervals_uninformative"),
    ],
)
def test_infinite_intervals_of_either_part_are_no_trust(
    inside: float, outside: float, why: str
) -> None:
    found = said(with_empty(inside, outside))
    assert found.grade == ("caution" if why else "trust")
    empty = [one.code for one in found.headline if one.code.endswith("intervals_uninformative")]
    assert empty == ([why] if why else [])


@pytest.mark.parametrize(
    ("covered", "empty", "state"),
    [
        (0.9, 0.0, "attained"),
        (0.97, 0.73, "nothing"),
        (0.97, 0.48, "nothing"),
        (0.97, 0.3, "attained"),
        (0.73, 0.73, "too_low"),  # none of the others holds
    ],
)
def test_what_is_mostly_infinite_never_attains_its_nominal_coverage(
    covered: float, empty: float, state: str
) -> None:
    figures = {
        "picp_0.9": Figure(covered, covered, covered),
        "infinite_share_0.9": Figure(empty, empty, empty),
    }
    bars = bars_of(figures, 400, "0.9", binary=False)
    assert bars is not None
    assert bars.state == state


def test_coverage_is_reported_for_the_informative_intervals() -> None:
    bars = Bars("0.9", Figure(0.9, 0.86, 0.93), Figure(0.4, 0.35, 0.45), 400, binary=False)
    # 360 of 400 hold, 160 of them by being infinite: 200 of 240
    wanted = stats.binomtest(200, 240).proportion_ci(method="wilson")
    assert bars.reported is not None
    assert bars.reported.value == pytest.approx(200 / 240)
    assert (bars.reported.low, bars.reported.high) == pytest.approx(tuple(wanted), abs=1e-6)
    assert (
        Bars("0.9", bars.covered, Figure(0.0, 0.0, 0.01), 400, binary=False).reported
        == bars.covered
    )


def test_an_interval_over_the_whole_stated_range_counts_as_infinite() -> None:
    rng = np.random.default_rng(0)
    target = rng.uniform(0, 10, 600)
    mean = np.clip(target + rng.normal(size=600), 0, 10)
    wide = np.where(np.arange(600) < 400, 1.645, 10.0)  # of the last 200, most are cut to [0, 10]
    std = np.exp(0.3 * rng.normal(size=600))
    arm = scored(target, mean, std=std, half=wide, held_out=200, bounds=(0.0, 10.0))
    figures = arm["parts"]["ood_test"]["metrics"]
    assert figures["infinite_share_0.9"]["value"] == 1.0
    assert "mpiw_0.9" not in figures
    assert figures["interval_score_0.9"]["value"] == pytest.approx(10.0)  # it is finite
    assert arm["parts"]["test"]["metrics"]["infinite_share_0.9"]["value"] == 0.0
    found = said(arm, bounded=True)
    assert found.grade == "caution"
    assert "held_out_intervals_uninformative" in found.codes
    free = scored(target, mean, half=wide, held_out=200)
    assert free["parts"]["ood_test"]["metrics"]["infinite_share_0.9"]["value"] == 0.0


@pytest.mark.parametrize(
    ("level", "room", "doubtful"),
    [(0.5, 0.05, 0.1), (0.9, 0.05, 0.1), (0.95, 0.025, 0.05), (0.99, 0.005, 0.01)],
)
def test_the_slack_of_a_nominal_share_shrinks_with_its_misses(
    level: float, room: float, doubtful: float
) -> None:
    assert (slack(level), doubt(level)) == pytest.approx((room, doubtful))


@pytest.mark.parametrize(
    ("level", "covered", "n", "state", "below"),
    [
        ("0.99", 0.95, 5_000, "too_low", True),
        ("0.95", 0.91, 5_000, "too_low", True),
        ("0.9", 0.86, 20_000, "attained", True),
        ("0.9", 0.9, 20_000, "attained", False),
        ("0.99", 0.99, 5_000, "attained", False),
        ("0.99", 0.99, 100, "unclear", False),
    ],
)
def test_coverage_significantly_below_nominal_is_reported(
    level: str, covered: float, n: int, state: str, *, below: bool
) -> None:
    bars = bars_of({f"picp_{level}": Figure(covered, covered, covered)}, n, level, binary=False)
    assert bars is not None
    assert (bars.state, bars.below) == (state, below)


@pytest.mark.parametrize(("sets", "too_wide"), [(0.0, False), (0.4, True)])
def test_label_sets_of_one_class_are_never_larger_than_need_be(
    sets: float, *, too_wide: bool
) -> None:
    figures = {
        "picp_0.9": Figure(0.99, 0.98, 1.0),
        "mpiw_0.9": Figure(sets, sets * 0.9, sets * 1.1),
    }
    bars = bars_of(figures, 500, "0.9", binary=True)
    assert bars is not None
    assert bars.too_wide == too_wide


def coverage_of(share: float, held: int) -> Arm:
    """Return a good arm whose intervals hold the truth for this share of the held-out class."""
    target, mean, std = normal(400 + held)
    covered = np.arange(held) < round(share * held)
    half = np.concatenate([np.full(400, 1.645), np.where(covered, 10.0, 1e-9)])
    return scored(target, mean, std=std, half=half, held_out=held)


@pytest.mark.parametrize(
    ("share", "held", "grade"),
    [(0.88, 40, "caution"), (0.9, 400, "trust"), (0.5, 400, "do_not_trust")],
)
def test_unclear_coverage_of_the_held_out_class_is_no_trust(
    share: float, held: int, grade: str
) -> None:
    found = said(coverage_of(share, held))
    assert found.grade == grade
    assert ("held_out_coverage_unclear" in found.codes) == (grade == "caution")


# --- few held-out materials -------------------------------------------------------------------


@pytest.mark.parametrize("held", [1, 3, FEW_ROWS - 1, FEW_ROWS])
def test_nothing_is_said_of_a_held_out_class_of_fewer_than_thirty(held: int) -> None:
    target, mean, std = normal(200 + held)
    mean[200:] = target[200:] + 8.0  # eight times the in-domain error, all in one direction
    score = np.random.default_rng(1).random(200 + held)
    arm = scored(target, mean, std=std, held_out=held, ood_score=score, outside=score > 0.95)
    found = said(arm)
    claims = {"errors_too_high", "flagged", "separated_not", "separated_unclear"}
    reported = held >= FEW_ROWS
    assert (found.grade == "do_not_trust") == reported
    assert bool(claims & set(found.codes)) == reported
    assert ("errors_too_high" in found.codes) == reported
    assert ("held_out_few" in found.codes) == (not reported)
    assert any("held_out" in one.figures for one in found.evidence) == reported


def test_materials_are_counted_not_rows() -> None:
    target, mean, std = (np.repeat(one, 4) for one in normal(80))
    arm = scored(target, mean, std=std, ids=np.repeat(np.arange(80), 4))
    assert (arm["parts"]["test"]["n"], arm["parts"]["test"]["n_materials"]) == (320, 80)
    found = said(arm)
    assert found.headline[0].figures["in_domain"]["n"] == 80
    assert found.grade == "caution"  # fewer than 100 materials show no more than a rough guide


def test_a_few_in_domain_rows_have_no_order_of_sigma() -> None:
    target, mean, _ = normal(FEW_ROWS)
    std = np.abs(target - mean)  # the error itself
    for n, reported in ((3, False), (FEW_ROWS - 1, False), (FEW_ROWS, True)):
        found = said(scored(target[:n], mean[:n], std=std[:n]))
        assert ("sigma_order_right" in found.codes) == reported


def test_errors_that_are_rounding_are_none() -> None:
    target, _, std = normal(400)
    mean = target.copy()
    mean[300:] += 1e-9  # of a spread of 5
    found = said(scored(target, mean, std=std, held_out=100, half=0.1, baseline=np.zeros(400)))
    assert found.grade == "trust"
    assert "errors_too_high" not in found.codes
    mean[300:] += 1e-3
    arm = scored(target, mean, std=std, held_out=100, half=0.1, baseline=np.zeros(400))
    assert said(arm).grade == "do_not_trust"


def test_a_held_out_class_without_errors_has_no_ratio() -> None:
    target, mean, _ = normal(400)
    mean[300:] = target[300:]
    (errors,) = said(scored(target, mean, held_out=100, half=None)).of("errors")
    assert errors.figures["held_out"]["value"] == 0
    assert "times" not in errors.figures


# --- weak predictions -------------------------------------------------------------------------


def test_predictions_without_any_order_are_not_advised_for_ranking() -> None:
    rng = np.random.default_rng(1)
    target = 5 * rng.normal(size=500)
    for mean, ranks in (
        (0.35 * target + rng.normal(size=500), True),
        (rng.normal(size=500), False),
    ):
        arm = scored(target, mean, std=np.exp(0.3 * rng.normal(size=500)), half=7.0)
        figures = arm["parts"]["test"]["metrics"]
        assert figures["rank_correlation"]["value"] == pytest.approx(
            stats.spearmanr(mean, target).statistic
        )
        assert ("use_to_rank" in said(arm).codes) == ranks


@pytest.mark.parametrize(("low", "advised"), [(0.29, False), (0.3, True)])
def test_the_advice_to_rank_rests_on_the_interval(low: float, *, advised: bool) -> None:
    target, mean, std = normal(300)
    arm = scored(target, 0.5 * mean, std=std)
    arm["parts"]["test"]["metrics"]["rank_correlation"] = {"value": 0.6, "low": low, "high": 0.8}
    found = said(arm)
    assert found.codes[0] == "rough_guide"
    assert ("use_to_rank" in found.codes) == advised
    assert ("not_shown_to_rank" in found.codes) == (not advised)


def test_an_r2_surely_below_zero_is_no_rough_guide() -> None:
    rng = np.random.default_rng(1)  # 60 % of the targets are 0, the median; always 0 errs as little
    target = np.where(rng.random(500) < 0.6, 0.0, rng.exponential(1, 500))
    mean = 0.05 * np.abs(rng.normal(size=500))
    std = np.abs(rng.normal(size=500)) + 0.1
    arm = scored(target, mean, std=std, half=1.2, baseline=np.full(500, target.mean()))
    figures = arm["parts"]["test"]["metrics"]
    assert figures["r2"]["high"] < 0
    assert figures["mae_over_baseline"]["high"] < 0.9  # of the error of the mean
    assert (said(arm).grade, said(arm).codes[0]) == ("do_not_trust", "no_variance_explained")
    figures["r2"] |= {"value": 0.1, "high": 0.2}
    assert said(arm).grade == "caution"


# --- yes or no --------------------------------------------------------------------------------


def drawn(n: int, ones: int, *, seed: int = 0, skill: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and honest probabilities of a feature that moves by ``skill`` with class 1."""
    rng = np.random.default_rng(seed)
    target = (np.arange(n) < ones).astype(float)
    share = ones / n
    feature = rng.normal(size=n) + skill * target
    odds = np.log(share / (1 - share)) + skill * feature - skill**2 / 2
    return target, 1 / (1 + np.exp(-odds))


def binary(target: np.ndarray, mean: np.ndarray, **more: Any) -> Arm:
    return scored(target, mean, std=np.sqrt(mean * (1 - mean)), half=None, task="binary", **more)


def test_one_answer_for_all_is_no_trust_however_often_it_is_right() -> None:
    target, mean = drawn(1000, 40)
    always = binary(target, np.minimum(mean, 0.49))
    figures = {name: Figure.of(entry) for name, entry in always["parts"]["test"]["metrics"].items()}
    answers = answers_of(figures, 1000)
    assert answers.right.value == 0.96
    assert answers.larger == (0, pytest.approx(0.96))
    assert answers.quality == "good"
    assert not answers.beat_one_answer
    found = said(always, task="binary")
    assert found.grade == "caution"
    assert found.codes[0] == "rank_only"
    assert found.headline[0].figures["in_domain"]["constant"] == {
        "class": 0,
        "right": pytest.approx(0.96),
    }
    assert "answers_no_better" in found.codes
    useful = said(binary(*drawn(1000, 400, skill=2.5)), task="binary")
    assert useful.grade == "trust"


@pytest.mark.parametrize(
    ("balanced", "right", "beats"),
    [
        ((0.5, 0.5, 0.5), 0.966, False),
        ((0.52, 0.499, 0.54), 0.967, False),
        ((0.72, 0.65, 0.79), 0.94, True),
        (None, 0.97, False),  # of 1,000, 0.957 to 0.979 holds 0.966
        (None, 0.99, True),
    ],
)
def test_answers_beat_one_for_all_only_with_the_whole_interval(
    balanced: tuple[float, float, float] | None, right: float, *, beats: bool
) -> None:
    figures = {
        "accuracy": Figure(right, right, right),
        "class_1_share": Figure(0.034, 0.02, 0.05),
        **({} if balanced is None else {"balanced_accuracy": Figure(*balanced)}),
    }
    assert answers_of(figures, 1000).beat_one_answer == beats


@pytest.mark.parametrize("ones", [1, 2, 3, ENOUGH_OF_CLASS - 1])
def test_too_few_of_a_class_are_neither_trusted_nor_worse_than_chance(ones: int) -> None:
    rng = np.random.default_rng(ones)
    target = (np.arange(200) < ones).astype(float)
    for order in (rng.beta(1, 12, 200), np.where(target == 1, 0.4, 0.1), 0.3 - 0.2 * target):
        for labels in (target, 1 - target):
            found = said(binary(labels, order), task="binary")
            assert found.grade == "unknown"
            assert "classes_separated" not in found.codes
            assert "class_rare" in found.codes
    enough = said(binary(*drawn(200, ENOUGH_OF_CLASS)), task="binary")
    assert enough.grade != "unknown"


def test_a_roc_auc_without_an_interval_shows_nothing() -> None:
    arm = binary(*drawn(400, 150, skill=2.5))
    assert said(arm, task="binary").grade == "trust"
    arm["parts"]["test"]["metrics"]["roc_auc"] = {"value": 0.2}
    assert said(arm, task="binary").grade == "unknown"


@pytest.mark.parametrize(("wrong", "reported"), [(1, False), (5, False), (9, False), (10, True)])
def test_sigma_at_a_few_wrong_answers_is_noise(wrong: int, *, reported: bool) -> None:
    rng = np.random.default_rng(0)
    target = (rng.random(200) < 0.5).astype(float)
    mean = np.where(target == 1, 0.9, 0.1)
    mean[:wrong] = 1 - mean[:wrong]
    std = np.where(np.arange(200) < wrong, 1.0, rng.uniform(0, 0.5, 200))  # larger, every time
    found = said(scored(target, mean, std=std, half=None, task="binary"), task="binary")
    assert ("sigma_at_wrong_larger" in found.codes) == reported
    few = [one.figures for one in found.of("wrong_answers_few")]
    assert few == ([] if reported else [{"part": "in_domain", "count": wrong, "kind": "wrong"}])


# --- numbers in words -------------------------------------------------------------------------


def test_all_of_a_count_is_written_in_the_words_for_that_count() -> None:
    reported = [digits.all_of(n, "class", "classes") for n in (1, 2, 3)]
    assert reported == ["1 class", "both classes", "all 3 classes"]
    assert [digits.percentage(share) for share in (0.194, 1.0, 1.503)] == ["19", "100", "150"]
