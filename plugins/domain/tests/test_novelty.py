"""Novelty: facts, p-values and their sum, by hand."""

import numpy as np
import pytest
from pydantic import ValidationError

from atlas_core.api import (
    SYMBOLS,
    DataError,
    FitContext,
    Inputs,
    Materials,
    Reason,
    Reasons,
    Vectors,
)
from atlas_core.testing.samples import far_materials, toy_compounds, toy_vectors
from atlas_domain._rules import OutOfRange, UnseenElements, UnseenPairs
from atlas_domain._surprisal import CountedSurprisal, Surprisal
from atlas_domain.hooks import atlas_ood
from atlas_domain.novelty import Novelty
from atlas_domain.options import NoveltyConfig

COMPOUNDS = toy_compounds()
NONE = Inputs.of(COMPOUNDS.take([]), toy_vectors(COMPOUNDS.take([])))


def rows(materials):
    return Inputs.of(materials, toy_vectors(materials))


def formulas(*texts):
    return Inputs.of(Materials.from_formulas([f"m{i}" for i in range(len(texts))], texts))


TRAIN, CALIBRATION, NEAR, FAR = (
    rows(COMPOUNDS.take(range(140))),
    rows(COMPOUNDS.take(range(140, 200))),
    rows(COMPOUNDS.take(range(200, 240))),
    rows(far_materials()),
)


def novelty(**options):
    return Novelty(NoveltyConfig(**options))


def test_surprise_is_the_conformal_p_value_between_and_an_exponential_beyond():
    surprisal = Surprisal.of(np.array([3.0, 1.0, 4.0, 2.0]))
    # p = (1 + how many are as large) / 5: 1 at the smallest, 2/5 at the largest
    np.testing.assert_allclose(
        surprisal(np.array([0.0, 1.0, 2.0, 3.0, 4.0])),
        -np.log([1.0, 1.0, 4 / 5, 3 / 5, 2 / 5]),
    )
    np.testing.assert_allclose(surprisal(np.array([2.5])), -np.log([4 / 5, 3 / 5]).mean())
    # the mean excess of 2, 3 and 4 over 1 is 2
    np.testing.assert_allclose(surprisal(np.array([4.0, 6.0, 10.0])), -np.log(2 / 5) + [0, 1, 3])


def test_surprise_keeps_ranking_beyond_the_largest_reference_score():
    reference = np.random.default_rng(0).exponential(size=500)
    far = np.array([10.0, 20.0, 400.0])
    assert (np.diff(Surprisal.of(reference)(far)) > 1.0).all()
    # for exponential scores the tail is the true one: -log p = score
    np.testing.assert_allclose(Surprisal.of(reference)(far), far, rtol=0.35)


def test_surprise_of_alike_reference_scores_is_a_step():
    surprisal = Surprisal.of(np.full(9, 2.0))
    np.testing.assert_allclose(surprisal(np.array([1.0, 2.0, 3.0])), [0.0, 0.0, -np.log(2 / 10)])


def test_a_fact_counts_by_how_rare_it_is_in_domain():
    surprisal = CountedSurprisal.of(np.array([0.0] * 18 + [1.0, 2.0]))
    np.testing.assert_allclose(
        surprisal(np.array([0.0, 1.0, 2.0, 9.0])), -np.log([1.0, 3 / 21, 2 / 21, 1 / 21])
    )


def reported(reasons: Reasons) -> list[str]:
    """Return the text of each row."""
    return ["; ".join(one.text for one in own) for own in reasons]


def test_unseen_elements_are_shares_and_are_named():
    rule = UnseenElements.of(formulas("MgO", "Al2O3"))
    new = formulas("MgAl2O4", "MgF2", "LiAlF4")
    np.testing.assert_allclose(rule(new), [0, 2 / 3, 5 / 6])
    found = [Reason.unseen_elements(names) for names in (["F"], ["Li", "F"])]
    assert rule.describe(new) == ((), (found[0],), (found[1],))


def test_unseen_pairs_are_counted_and_named():
    train = formulas("MgO", "NaCl", "NaO2")
    new = formulas("Mg", "MgO", "NaClO", "MgCl2", "NaMgCl3", "LiF", "LiO")
    known = UnseenPairs.of(train, known=True)
    assert known(new).tolist() == [0, 0, 1, 1, 2, 0, 0]  # LiF is new by its elements
    assert reported(known.describe(new)) == [
        "",
        "",
        "has O with Cl, never seen together",
        "has Mg with Cl, never seen together",
        "has Na with Mg and Mg with Cl, never seen together",
        "",
        "",
    ]
    share = UnseenPairs.of(train, known=False).share(new)
    np.testing.assert_allclose(share, [0, 0, 1 / 3, 1, 2 / 3, 1, 1])


def test_out_of_range_names_the_farthest_property():
    def vectors(table):
        materials = COMPOUNDS.take(range(len(table)))
        labels = np.array(["max Electronegativity", "mean Number", "range Number"])
        return Inputs.of(materials, Vectors(np.array(table), labels))

    train = vectors([[3.44, 10.0, np.nan], [1.44, 30.0, np.nan], [2.44, 20.0, np.nan]])
    rule = OutOfRange.of(train)
    new = vectors([[3.0, 20.0, 1.0], [3.98, 20.0, 1.0], [3.98, -70.0, 1.0], [np.nan, 31.0, 1.0]])
    spread = np.sqrt(2 / 3)  # of 1.44, 2.44, 3.44, and a tenth of that of 10, 20, 30
    np.testing.assert_allclose(rule(new), [0, 0.54 / spread, 8 / spread, 0.1 / spread])
    assert reported(rule.describe(new)) == [
        "",
        "max Electronegativity 3.98 above 3.44",
        "mean Number -70 below 10 (1 more out of range)",
        "mean Number 31 above 30",
    ]


def test_novelty_is_the_sum_of_minus_log_p_over_parts_and_facts():
    detector = novelty(parts=("knn_fractions",), rules=("pair",)).fit(
        TRAIN, CALIBRATION, FitContext(0)
    )
    train, calibration, near = (np.sqrt(r.fractions) for r in (TRAIN, CALIBRATION, NEAR))

    def nearest_five(values):
        distance = np.linalg.norm(values[:, None] - train[None], axis=2)
        return np.sort(distance, axis=1)[:, :5].mean(axis=1)

    pairs = UnseenPairs.of(TRAIN, known=True)
    expected = Surprisal.of(nearest_five(calibration))(nearest_five(near)) + CountedSurprisal.of(
        pairs(CALIBRATION)
    )(pairs(NEAR))
    np.testing.assert_allclose(detector.score(NEAR).score, expected, atol=1e-6)


@pytest.mark.parametrize("calibration", [CALIBRATION, NONE], ids=["calibration", "none"])
def test_threshold_leaves_the_asked_share_of_reference_rows_below(calibration):
    options = {"parts": ("lof", "mahalanobis", "knn"), "quantile": 0.8}
    detector = novelty(**options).fit(TRAIN, calibration, FitContext(0))
    assert detector.score(NEAR).outside.mean() <= 0.4
    assert detector.score(FAR).outside.mean() == 1.0


def test_an_unseen_element_is_flagged_however_ordinary_the_rest():
    train = formulas(*[f"Mg{i}Ca{j}O{k}" for i in (1, 2) for j in (1, 2) for k in range(1, 30)])
    calibration = formulas(*[f"Mg{i}CaO{k}" for i in (1, 3, 4, 5) for k in range(2, 30)])
    # a trace of Sr in a training composition
    new = formulas("Mg100Ca100O1500Sr", "MgCaO15")
    for element, outside in ((("element",), [True, False]), ((), [False, False])):
        detector = novelty(parts=("knn_fractions",), rules=element, quantile=0.999).fit(
            train, calibration, FitContext(0)
        )
        assert detector.score(new).outside.tolist() == outside
    found = novelty(parts=("knn_fractions",)).fit(train, calibration, FitContext(0)).score(new)
    assert found.reasons[0][0] == Reason.unseen_elements(["Sr"])


def test_reasons_state_facts_first_and_then_the_most_unusual_part():
    detector = novelty(parts=("lof", "mahalanobis_fractions")).fit(
        TRAIN, CALIBRATION, FitContext(0)
    )
    score = detector.score(FAR)
    row = FAR.formulas.tolist().index("FLi")
    first, *_, last = score.reasons[row]
    assert first == Reason.unseen_elements(["Li", "F"])
    assert last.text == "a more unusual mix of elements than all calibration materials"
    assert last.figures["by"] == "mahalanobis_fractions"
    plain = detector.score(CALIBRATION)
    rules = UnseenPairs.of(TRAIN, known=True)(CALIBRATION) + OutOfRange.of(TRAIN)(CALIBRATION)
    reported = [bool(own) for own in plain.reasons]
    assert reported == (plain.outside | (rules > 0)).tolist()
    first = plain.reasons[int(np.argmax(rules > 0))]
    assert "unseen_pairs" in [one.code for one in first]


def test_without_calibration_rows_training_rows_are_scored_by_other_folds():
    # each of 17 metals occurs once: to the rest, every row is a new element
    metals = [SYMBOLS[z] for z in (3, 4, 11, 12, 13, *range(19, 31))]
    train = formulas(*[f"{metal}O" for metal in metals])
    detector = novelty(parts=("knn_fractions",), rules=("element",)).fit(
        train, formulas(), FitContext(0)
    )
    # so a new element is nothing special, though it is flagged
    np.testing.assert_allclose(detector.surprisals["element"](np.array([0.5])), 0.0)
    with pytest.raises(DataError, match="9 training rows and no calibration rows"):
        novelty(parts=("knn_fractions",)).fit(formulas(*metals[:9]), formulas(), FitContext(0))


def test_needs_follow_the_parts():
    (component,) = (one for one in atlas_ood() if one.name == "novelty")

    def needed(**options):
        return component.requires_of(NoveltyConfig(**options))

    assert needed() == {"epistemic", "model:leaves", "features:vectors"}
    assert needed(parts=("knn_fractions", "mahalanobis_fractions")) == frozenset()
    assert needed(parts=("leaf_local",)) == {"model:leaves"}
    network = ("sigma", "lof", "mahalanobis")
    assert needed(parts=network, representation="embedding") == {"epistemic", "model:embedding"}


def test_options_that_would_count_twice_are_refused():
    with pytest.raises(ValidationError, match="it would count twice"):
        NoveltyConfig(parts=("lof", "lof"))
    with pytest.raises(ValidationError, match="at least 1 item"):
        NoveltyConfig(parts=())


def test_a_part_that_cannot_be_computed_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="sigma needs predictions with an epistemic std; choose"):
        novelty(parts=("sigma",)).fit(TRAIN, CALIBRATION, FitContext(0))
    with pytest.raises(DataError, match="needs a model of trees; use"):
        novelty(parts=("leaf",)).fit(TRAIN, CALIBRATION, FitContext(0))
