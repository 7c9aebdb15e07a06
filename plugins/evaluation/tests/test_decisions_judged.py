"""Decisions against a border: what is said of them, and when it is not; scipy's intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from atlas_core.api import Decisions, Wording
from atlas_core.metrics.registry import installed_metrics
from atlas_evaluation.judge.decisions import decision_findings
from atlas_evaluation.judge.finding import About, Finding
from atlas_evaluation.judge.verdict import verdicts_of_run
from atlas_evaluation.scoring.decided import score_decisions
from atlas_registry.loading import Registry

ABOUT = About("a", wording=Wording("stable", "unstable", "the hull", "the 9 phases of flla"))
METRICS = installed_metrics(Registry())


def decisions(
    probability: npt.ArrayLike,
    true: npt.ArrayLike,
    *,
    label: str = "verify",
    part: str = "test",
    fold: npt.ArrayLike = "f",
    ids: npt.ArrayLike | None = None,
    base: float = 0.5,
) -> Decisions:
    """Return decisions of a part, and 100 that they were learned from, of the given share."""
    p, below = np.asarray(probability, dtype=float), np.asarray(true, dtype=bool)
    n = len(p)
    known = np.arange(100) < 100 * base
    names = np.arange(n).astype(str) if ids is None else np.asarray(ids)
    both = np.append(known, below)
    return Decisions(
        arm=np.full(100 + n, "a"),
        fold=np.append(np.full(100, "f"), np.broadcast_to(fold, n)),
        ids=np.append([f"c{k}" for k in range(100)], names),
        formula=np.full(100 + n, "LiF"),
        parts=np.append(np.full(100, "calibration"), np.full(n, part)),
        target=np.where(both, -1.0, 1.0),
        mean=np.zeros(100 + n),
        border=np.zeros(100 + n),
        words=np.full(100 + n, "Li + F"),
        probability=np.append(np.full(100, base), p),
        probability_near=np.ones(100 + n),
        margin=np.full(100 + n, 0.05),
        label=np.full(100 + n, label),
    )


def scored(rows: Decisions) -> dict[str, Any]:
    return score_decisions(rows, seed=0, metrics=METRICS)["a"]


def found(rows: Decisions, classes: dict[str, str] | None = None) -> dict[str, Finding]:
    said = decision_findings(scored(rows), ABOUT, classes or {})
    return {one.code: one for one in said}


def outcomes(*groups: tuple[float, int, int]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return P and what came true of groups of (P, materials, stable ones)."""
    p = np.concatenate([np.full(n, value) for value, n, _ in groups])
    true = np.concatenate([np.arange(n) < hits for _, n, hits in groups])
    return p, true


def wilson(hits: int, n: int) -> tuple[float, float]:
    ends = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)


SHARP = outcomes((0.95, 200, 190), (0.05, 200, 10))
FLAT = outcomes((0.94, 400, 376))


def test_calls_that_beat_one_call_for_all_are_said_to_and_others_are_not() -> None:
    said = found(decisions(*SHARP))
    figures = said["calls_better"].figures
    assert figures["right"]["value"] == pytest.approx(380 / 400)
    assert figures["constant"] == {"yes": False, "right": 0.5}
    assert {"calls_no_better", "calls_worse"}.isdisjoint(said)
    flat = found(decisions(*FLAT, base=0.92))
    assert flat["calls_no_better"].figures["constant"] == {"yes": True, "right": 0.94}
    assert {"calls_better", "calls_worse"}.isdisjoint(flat)


def test_calls_worse_than_one_for_all_are_said_to_be() -> None:
    # 30 of 40 materials that it calls unstable are stable: right for 356 + 10 of 400 against 386
    said = found(decisions(*outcomes((0.97, 360, 356), (0.3, 40, 30)), base=0.95))
    figures = said["calls_worse"].figures
    assert figures["right"]["value"] == pytest.approx(366 / 400)
    assert figures["gain"]["value"] == pytest.approx(-20 / 400)
    assert "calls_no_better" not in said


def test_a_probability_that_is_the_base_rate_is_praised_for_nothing() -> None:
    """A sparse reference, which nearly all lie below: every call is right, and none is news."""
    said = found(decisions(*FLAT, base=0.94, label="trust"))
    assert said["p_no_more_than_base"].grade == "caution"
    assert said["trusted_calls_as_constant"].figures["constant"] == {"yes": True, "right": 0.94}
    assert "trust" not in {one.grade for one in said.values()}
    assert {"p_informative", "p_calibrated", "trusted_calls_reached"}.isdisjoint(said)
    assert "confident_as_all" in said


def test_a_probability_that_says_more_than_the_base_rate_is_said_to() -> None:
    said = found(decisions(*SHARP))
    figures = said["p_informative"].figures
    brier = (190 * 0.05**2 + 10 * 0.95**2 + 190 * 0.05**2 + 10 * 0.95**2) / 400
    assert figures["brier"]["value"] == pytest.approx(brier)
    assert (figures["base"], figures["base_brier"]) == (0.5, 0.25)
    assert figures["gain"]["value"] == pytest.approx(0.25 - brier)
    assert "p_no_more_than_base" not in said
    assert "p_calibrated" in said


def test_a_probability_worse_than_the_base_rate_is_said_to_be() -> None:
    said = found(decisions(*outcomes((0.95, 200, 100), (0.05, 200, 100))))
    assert said["p_worse_than_base"].figures["brier"]["value"] == pytest.approx(
        (0.05**2 + 0.95**2) / 2
    )
    assert "p_informative" not in said


def test_over_and_underconfidence_are_said_where_their_interval_excludes_none() -> None:
    over = found(decisions(*outcomes((0.95, 200, 160), (0.05, 200, 40))))
    by = over["p_overconfident"].figures["by"]  # stated 95 %, right 80 %
    assert by["value"] == pytest.approx(0.15)
    z = stats.norm.ppf(0.975) * np.sqrt(0.8 * 0.2 / 400)
    assert (by["low"], by["high"]) == pytest.approx((0.15 - z, 0.15 + z), abs=0.006)
    assert "p_underconfident" not in over
    assert "p_off" in over
    under = found(decisions(*outcomes((0.7, 200, 190), (0.3, 200, 10))))
    assert under["p_underconfident"].figures["by"]["value"] == pytest.approx(0.25)
    assert "p_overconfident" not in under
    assert {"p_overconfident", "p_underconfident"}.isdisjoint(found(decisions(*SHARP)))


def test_a_probability_too_high_or_too_low_on_average_is_said_to_be() -> None:
    high = found(decisions(*outcomes((0.9, 200, 140), (0.5, 200, 60))))
    assert high["p_too_high"].figures["by"]["value"] == pytest.approx(0.7 - 0.5)
    low = found(decisions(*outcomes((0.5, 200, 140), (0.1, 200, 60))))
    assert low["p_too_low"].figures["by"]["value"] == pytest.approx(0.5 - 0.3)
    assert {"p_too_high", "p_too_low"}.isdisjoint(found(decisions(*SHARP)))


def test_the_confident_calls_are_right_missed_or_too_few() -> None:
    right = found(decisions(*outcomes((0.95, 200, 190), (0.4, 200, 80))))["confident_right"].figures
    assert (right["side"], right["n"], right["right"]["value"]) == ("yes", 200, 0.95)
    assert (right["right"]["low"], right["right"]["high"]) == pytest.approx(wilson(190, 200))
    assert right["share"] == pytest.approx(270 / 400)
    missed = found(decisions(*outcomes((0.95, 200, 150), (0.4, 200, 80))))
    assert "confident_missed" in missed
    assert "confident_right" not in missed
    few = found(decisions(*outcomes((0.95, 8, 8), (0.4, 200, 80))))
    assert "confident_few" in few
    assert "confident_right" not in few
    assert not {
        code for code in found(decisions(*outcomes((0.6, 200, 120)))) if "confident" in code
    }


def test_the_class_whose_confident_calls_are_right_least_often_is_named() -> None:
    p, true = outcomes((0.95, 100, 97), (0.95, 100, 80), (0.3, 100, 20))
    fold = np.repeat(["F", "H", "F"], 100)
    classes = {"F": "materials with F", "H": "materials with H"}
    said = found(decisions(p, true, part="ood_test", fold=fold), classes)
    least = next(one for code, one in said.items() if code.startswith("confident")).figures["least"]
    assert least == {"name": "materials with H", "share": 0.8}
    p, true = outcomes((0.95, 100, 95), (0.95, 100, 94), (0.3, 100, 20))
    alike = found(decisions(p, true, part="ood_test", fold=fold), classes)
    assert "least" not in alike["confident_right"].figures


def test_one_class_whose_trusted_calls_fail_is_named_and_scored_beside_the_others() -> None:
    p, true = outcomes((0.05, 100, 40), (0.05, 100, 4))
    rows = decisions(p, true, part="ood_test", fold=np.repeat(["F", "H"], 100), label="trust")
    own = scored(rows)["parts"]["ood_test"]["classes"]
    assert own["F"]["trust"]["right"] == pytest.approx(0.6)
    assert own["F"]["share"] == pytest.approx(0.4)
    assert own["H"]["brier"] == pytest.approx((96 * 0.05**2 + 4 * 0.95**2) / 100)
    assert own["H"]["base_brier"] == pytest.approx(0.25)
    said = found(rows, {"F": "materials with F", "H": "materials with H"})
    least = said["trusted_calls_missed"].figures["least"]
    assert least == {"name": "materials with F", "share": 0.6}


@pytest.mark.parametrize(
    ("n", "hits", "code"),
    [
        (400, 380, "trusted_calls_reached"),
        (400, 348, "trusted_calls_short"),
        (400, 300, "trusted_calls_missed"),
        (9, 9, "trusted_calls_few"),
    ],
)
def test_trusted_decisions_reach_the_target_miss_it_or_are_too_few(
    n: int, hits: int, code: str
) -> None:
    p, true = outcomes((0.95, n, hits), (0.3, 500, 100))
    rows = decisions(p, true)
    rows.label.flags.writeable = True
    rows.label[100 : 100 + n] = "trust"
    said = found(rows)
    assert [one for one in said if one.startswith("trusted")] == [code]
    figures = said[code].figures
    assert figures["target_reliability"] == 0.9
    assert figures["share"] == pytest.approx(n / (n + 500))
    if n > 9:
        assert (figures["right"]["low"], figures["right"]["high"]) == pytest.approx(wilson(hits, n))


def test_no_trusted_decision_and_a_handful_of_materials_are_no_result() -> None:
    assert "trusted_calls_none" in found(decisions(*SHARP))
    said = found(decisions(*outcomes((0.95, 20, 20)), label="trust"))
    assert list(said) == ["decided_against", "calls_few"]


def test_rows_of_one_material_are_counted_once() -> None:
    p, true = SHARP
    ids = np.arange(400).astype(str)
    twice = scored(decisions(np.tile(p, 2), np.tile(true, 2), ids=np.tile(ids, 2), label="trust"))[
        "parts"
    ]["test"]["labels"]["trust"]
    assert (twice["n"], twice["materials"]) == (800, 400)
    assert (twice["low"], twice["high"]) == pytest.approx(wilson(380, 400))


def test_what_is_decided_takes_the_place_of_what_the_target_is_not() -> None:
    arm = {"parts": {"test": {"n": 400, "metrics": {"mae": {"value": 0.1}}}}, "cautions": []}
    data = {"task": "regression", "target": "e", "caveat": "not stability"}
    reference = {"wording": vars(ABOUT.wording), "target_reliability": 0.8}
    metrics = {"arms": {"a": {**arm, "decisions": scored(decisions(*SHARP, label="trust"))}}}
    with_it = verdicts_of_run(metrics, {}, dataset=data, reference=reference)["a"]
    assert "decided_against" in with_it.codes
    assert "target_is_not" not in with_it.codes
    assert next(with_it.of("trusted_calls_reached")).figures["target_reliability"] == 0.8
    without = verdicts_of_run({"arms": {"a": arm}}, {}, dataset=data)["a"]
    assert "target_is_not" in without.codes
    assert "decided_against" not in without.codes


def arm(rows: Decisions) -> Any:
    """Return the verdict of an arm whose energies are good, with these decisions."""
    shares = {"mae_over_baseline": 0.1, "mae_over_mad": 0.1, "mae": 0.1, "picp_0.9": 0.9}
    metrics = {k: {"value": v, "low": v - 0.01, "high": v + 0.01} for k, v in shares.items()}
    test = {"n": 400, "metrics": metrics}
    own = {"parts": {"test": test}, "cautions": [], "decisions": scored(rows)}
    reference = {"wording": vars(ABOUT.wording), "target_reliability": 0.9}
    data = {"task": "regression", "target": "e"}
    return verdicts_of_run({"arms": {"a": own}}, {}, dataset=data, reference=reference)["a"]


def test_a_headline_limits_decisions_that_are_of_no_use_and_no_others() -> None:
    flat = arm(decisions(*FLAT, base=0.94))
    assert next(flat.of("decisions_limited")).figures == {"in_domain": "base"}
    assert (flat.grade, flat.headline[0].code) == ("caution", "trust_in_domain")
    sharp = arm(decisions(*SHARP, label="trust"))
    assert "decisions_limited" not in sharp.codes
    assert sharp.grade == "trust"
    missed = arm(decisions(*outcomes((0.95, 200, 150), (0.05, 200, 40)), label="trust"))
    assert next(missed.of("decisions_limited")).figures == {"in_domain": "missed"}
