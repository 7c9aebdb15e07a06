"""Which way predictions err, and a detector beside the rule that needs no model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from from_columns import evaluate

from atlas_evaluation.judge.errors import direction
from atlas_evaluation.judge.figures import Figure
from atlas_evaluation.judge.finding import About, Finding, Verdict
from atlas_evaluation.judge.verdict import verdict
from atlas_evaluation.narrative import headline, sentences


def figure(value: float, spread: float = 0.01) -> dict[str, float]:
    return {"value": value, "low": value - spread, "high": value + spread}


def said(mean_error: dict[str, float], mae: float, share: float, n: int = 400) -> list[Finding]:
    return direction(
        Figure.of(mean_error), mae=mae, share_too_high=share, n=n, part="held_out"
    )  # fmt: skip


def test_errors_that_go_one_way_are_found_with_sign_size_and_share() -> None:
    size = pytest.approx({"value": 0.674, "low": 0.624, "high": 0.724})
    for sign, share, code in ((1, 0.92, "errors_too_high"), (-1, 0.08, "errors_too_low")):
        (found,) = said(figure(sign * 0.674, 0.05), 0.710, share)
        assert found.code == code
        assert found.figures == {"part": "held_out", "by": size, "share": pytest.approx(0.92)}


@pytest.mark.parametrize(
    ("mean_error", "mae", "share"),
    [
        (figure(0.02, 0.03), 0.025, 0.9),  # its interval holds 0
        (figure(0.30, 0.05), 0.71, 0.9),  # less than half of the error
        (figure(0.674, 0.05), 0.71, 0.55),  # a few large errors carry it
        ({"value": 0.674}, 0.71, 0.92),  # no interval
    ],
)
def test_errors_without_a_direction_are_not_given_one(
    mean_error: dict[str, float], mae: float, share: float
) -> None:
    assert said(mean_error, mae, share) == []


def test_a_few_rows_have_no_direction() -> None:
    # three of three err in one direction in 25 % of cases without one, 23 of 30 in 0.5 %
    assert said(figure(0.674, 0.05), 0.710, 1.0, n=3) == []
    assert said(figure(0.674, 0.05), 0.710, 1.0, n=29) == []
    assert said(figure(0.674, 0.05), 0.710, 0.8, n=30) != []


def test_one_outlier_of_symmetric_errors_is_no_direction() -> None:
    rng = np.random.default_rng(2)
    error = rng.normal(0, 0.05, 400)
    error[7] = 60.0
    found = evaluate(
        {
            "id": np.arange(400).astype(str),
            "arm": np.full(400, "a"),
            "part": np.full(400, "test"),
            "target": np.zeros(400) + np.arange(400) / 100,
            "mean": error + np.arange(400) / 100,
        },
        task="regression",
        levels=[],
        seed=0,
    )["arms"]["a"]["parts"]["test"]["metrics"]
    assert found["mean_error"]["value"] > 0.5 * found["mae"]["value"]
    share = found["share_too_high"]["value"]
    assert said(found["mean_error"], found["mae"]["value"], share) == []


TRAINED = {"0": ["O", "Mg", "Na", "Cl"]}


def with_elements(
    test: list[str], ood_test: list[str], score: list[float], *, seed: int = 1
) -> dict[str, Any]:
    """Return what evaluate finds in ``ood`` for formulas whose fold was trained on TRAINED."""
    n = len(test) + len(ood_test)
    return evaluate(
        {
            "id": np.arange(n).astype(str),
            "formula": np.array(test + ood_test),
            "arm": np.full(n, "a"),
            "fold": np.full(n, "0"),
            "part": np.array(["test"] * len(test) + ["ood_test"] * len(ood_test)),
            "target": np.arange(n) / 10,
            "mean": np.arange(n) / 10 + 0.1,
            "ood_score": np.array(score),
            "outside": np.array(score) > 0.5,
        },
        task="regression",
        levels=[],
        seed=seed,
        trained=TRAINED,
    )["arms"]["a"]["ood"]


def test_the_rule_of_unseen_elements_is_scored_along_with_the_detector() -> None:
    # 1 of 5 in-domain and 3 of 4 held-out rows have an element that was never trained on
    found = with_elements(
        ["MgO", "NaCl", "Na2O", "CaO", "MgCl2"], ["MgF2", "NaF", "MgO", "CaF2"], [0.0] * 9
    )["rule"]
    assert found["share_flagged_test"]["value"] == pytest.approx(1 / 5)
    assert found["share_flagged_ood_test"]["value"] == pytest.approx(3 / 4)
    # of 20 pairs: flagged against not 3 x 4 are won, ties 3 x 1 + 1 x 4 count half
    assert found["auroc"]["value"] == pytest.approx((12 + 3.5) / 20)


def test_without_training_elements_or_formulas_there_is_no_rule() -> None:
    columns = {
        "id": np.arange(4).astype(str),
        "arm": np.full(4, "a"),
        "fold": np.full(4, "0"),
        "part": np.array(["test", "test", "ood_test", "ood_test"]),
        "target": np.arange(4.0),
        "mean": np.arange(4.0),
        "ood_score": np.arange(4.0),
    }
    bare = evaluate(columns, task="regression", levels=[], seed=1, trained=TRAINED)
    assert list(bare["arms"]["a"]["ood"]) == ["score"]
    named = columns | {"formula": np.full(4, "MgO")}
    bare = evaluate(named, task="regression", levels=[], seed=1)
    assert list(bare["arms"]["a"]["ood"]) == ["score"]


def judged(detector: float, rule: float, sigma: float = 0.6) -> Verdict:
    """Return the verdict on an arm that fails on the held-out class."""

    def part(mae: float) -> dict[str, Any]:
        figures = {"mae": mae, "mae_over_mad": mae}
        return {"n": 300, "metrics": {name: figure(value) for name, value in figures.items()}}

    def found(auroc: float) -> dict[str, Any]:
        shares = {"share_flagged_test": figure(0.04), "share_flagged_ood_test": figure(0.97)}
        return {"auroc": figure(auroc, 0.004), **shares}

    return verdict(
        {
            "parts": {"test": part(0.15), "ood_test": part(0.7)},
            "ood": {"score": found(detector), "sigma": found(sigma), "rule": found(rule)},
        },
        About("forest", target="energy", unit="eV", held_out="materials with F"),
    )


def test_a_detector_that_does_no_better_than_the_rule_is_not_praised() -> None:
    found = judged(0.997, 1.0)
    assert not {"held_out_detected", "separated_well"} & set(found.codes)
    (headline,) = found.of("rule_detects")
    assert headline.figures == {"how": "well", "sigma": "not"}
    (rule,) = found.of("rule_separates")
    assert (rule.figures["rule"], rule.figures["detector"]["value"]) == (1.0, 0.997)
    (sigma,) = found.of("sigma_separates")
    assert sigma.figures["how"] == "not"


def test_a_detector_better_than_the_rule_is_reported_together_with_the_rule() -> None:
    found = judged(0.95, 0.5)
    (headline,) = found.of("held_out_detected")
    assert headline.figures["by"] == ["detector"]
    (separated,) = found.of("separated_well")
    assert (separated.figures["by"], separated.figures["rule"]) == ("detector", 0.5)
    assert not {"rule_detects", "rule_separates"} & set(found.codes)


def test_a_detector_that_finds_more_than_the_rule_is_only_not_shown_to_do_better() -> None:
    found = judged(0.973, 0.97)  # 0.973 +- 0.004 holds 0.97
    (said,) = found.of("rule_detects")
    assert said.figures == {"how": "well", "better": "not_shown", "sigma": "not"}
    assert "finds these, and its detector is not shown to do better" in headline(found)
    text = " ".join(sentences(found))
    assert "its detector is not shown to do better (0.973)" in text
    assert "does no better" not in text
    found = judged(0.965, 0.97)
    assert "finds these as well as its detector does" in headline(found)
    text = " ".join(sentences(found))
    assert "its detector does no better (0.965)" in text
    assert "not shown" not in text


def test_the_error_on_the_held_out_class_stands_beside_that_in_domain() -> None:
    """The first sentence of the demo, and what it must not say of a sigma that sees nothing."""
    assert headline(judged(0.997, 1.0, sigma=0.95)) == (
        "Trust it on materials like its training set (mean error 0.150 eV, 95 % interval 0.140 to"
        " 0.160, n = 300), not on materials with F (0.700): a check for elements that training"
        " lacked finds these as well as its detector does; its own error bars (sigma) rise on them,"
        " too."
    )
    assert "rise" not in headline(judged(0.997, 1.0, sigma=0.6))
    assert "error bars (sigma) do not separate them" in headline(judged(0.997, 1.0, sigma=0.6))


def test_a_rule_that_finds_a_part_is_not_said_to_find_the_class() -> None:
    said = headline(judged(0.905, 0.902))  # the detector well, as far as is shown
    assert "lacked finds these, and its detector" in said
    said = headline(judged(0.899, 0.896))
    assert "separates these in part" in said
    assert "finds these" not in said
