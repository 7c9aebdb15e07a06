"""The contract of the trust methods, and their mathematics against independent computations."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from atlas_core.api import (
    Assessment,
    DataError,
    Evidence,
    FitContext,
    Inputs,
    Materials,
    OODScore,
    Prediction,
    Reason,
    ReliabilityTarget,
    longest_prefix,
    nearest,
)
from atlas_core.testing import find_component
from atlas_core.testing.samples import toy_target, toy_vectors
from atlas_trust import hooks
from atlas_trust._rule import label
from atlas_trust.hooks import LearnedRegionConfig
from atlas_trust.learned_region import (
    ErrorMap,
    LearnedRegionMethod,
    RiskMap,
    RiskPanel,
    Rows,
    _class_parts,
)
from atlas_trust.refuse_unseen import RefuseUnseen
from atlas_trust.sigma_threshold import SIGMA_ALONE, SigmaThreshold

RELIABILITY = ReliabilityTarget(error_tolerance=0.2, target_reliability=0.9)
LEVELS = (0.5, 0.9)
METALS = ["Mg", "Ca", "Sr", "Ba", "Mn", "Fe", "Co", "Ni", "Zn", "Ti", "Zr", "Nb"]


# --- the set rule -------------------------------------------------------------------------------


def test_the_set_rule_takes_the_longest_list_of_low_mean_risk():
    # sorted 0, .05, .1, .25, .9 the running means are 0, .025, .05, .1 and .26
    risk = np.array([0.25, 0.9, 0.0, 0.1, 0.05])
    np.testing.assert_array_equal(longest_prefix(risk, 0.1), [True, False, True, True, True])
    np.testing.assert_array_equal(longest_prefix(risk, 0.04), [False, False, True, False, True])


def test_equal_risks_join_together_or_not_at_all():
    # 0, .2, .2: the mean of two is .1, that of all three .133
    np.testing.assert_array_equal(longest_prefix(np.array([0.2, 0.0, 0.2]), 0.1), [0, 1, 0])
    np.testing.assert_array_equal(longest_prefix(np.array([0.2, 0.0, 0.2]), 0.14), [1, 1, 1])


def test_the_set_rule_of_nothing_and_of_the_hopeless():
    assert longest_prefix(np.zeros(0), 0.1).shape == (0,)
    assert not longest_prefix(np.array([0.5, 0.7]), 0.1).any()


def test_the_point_rule_asks_each_candidate_by_itself():
    risk = np.array([0.0, 0.05, 0.1, 0.25, 0.9])
    found = Assessment(risk, np.array([0.1, 0.1, 0.1, 0.1, 0.5]))
    names = {"allowed": 0.1, "in_domain_error": 0.2}
    assert label(found, "point", **names).tolist() == ["trust"] * 3 + ["verify", "defer"]
    assert label(found, "set", **names).tolist() == ["trust"] * 4 + ["defer"]


# --- a toy arm: errors of a new class are five times larger, and sigma does not know ------------


def formulas(anions, n, seed):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        a, b = rng.choice(METALS, 2, replace=False)
        x, y, z = rng.integers(1, 4, 3)
        found.append(f"{a}{x}{b}{y}{rng.choice(anions)}{z + 2}")
    return Materials.from_formulas([f"m-{i}" for i in range(n)], found)


def toy(materials, factor, seed):
    """Return (inputs, prediction, target): sigma is right where ``factor`` is 1."""
    rng = np.random.default_rng(seed)
    n = len(materials)
    sigma = rng.uniform(0.02, 0.25, n)
    target = toy_target(materials)
    mean = target + factor * sigma * rng.normal(size=n)
    return Inputs.of(materials, toy_vectors(materials), std=sigma), Prediction(mean, sigma), target


def evidence(name, train, materials, *, ood_test, factor=1.0, seed):
    inputs, prediction, target = toy(materials, np.where(ood_test, factor, 1.0), seed)
    known = Inputs.of(train, toy_vectors(train))
    return Evidence(name, known, toy_target(train), inputs, prediction, target, None, ood_test)


def in_domain(n=300):
    train = formulas(["O", "S", "N"], 500, 0)
    rows = formulas(["O", "S", "N"], n, 1)
    return evidence("in-domain", train, rows, ood_test=np.zeros(n, np.bool_), seed=2)


def nested():
    found = []
    for seed, (out, kept) in enumerate({"O": ["S", "N"], "S": ["O", "N"], "N": ["O", "S"]}.items()):
        new, old = formulas([out], 120, 20 + seed), formulas(kept, 120, 30 + seed)
        both = Materials.from_formulas(
            [f"r-{i}" for i in range(240)], [*new.formulas(), *old.formulas()]
        )
        train = formulas(kept, 400, 40 + seed)
        ood_test = np.arange(240) < 120
        name = f"without {out}"
        found.append(evidence(name, train, both, ood_test=ood_test, factor=5.0, seed=50 + seed))
    return found


def fitted(method, *, learn_from=None, reliability=RELIABILITY):
    return method.fit(
        in_domain(),
        nested() if learn_from is None else learn_from,
        reliability=reliability,
        levels=LEVELS,
        context=FitContext(0),
    )


@pytest.fixture(scope="module")
def learned():
    return fitted(LearnedRegionMethod(LearnedRegionConfig()))


def share_trusted(region, materials, factor):
    inputs, prediction, target = toy(materials, factor, 9)
    labels = region.label(region.assess(inputs, prediction, None))
    trusted = labels == "trust"
    within = np.abs(target - prediction.mean)[trusted] <= RELIABILITY.error_tolerance
    return trusted.mean(), within.mean() if trusted.any() else 1.0


def test_sigma_threshold_is_isotonic_regression_of_both_outcomes():
    rows = in_domain()
    region = fitted(SigmaThreshold(hooks.SigmaThresholdConfig()))
    inputs, prediction, _ = toy(formulas(["O"], 80, 3), 1.0, 4)
    found = region.assess(inputs, prediction, None)
    over = (rows.error > RELIABILITY.error_tolerance).astype(float)
    for values, said in ((over, found.risk), (rows.error, found.expected_error)):
        curve = IsotonicRegression(out_of_bounds="clip").fit(rows.prediction.epistemic, values)
        np.testing.assert_allclose(said, curve.predict(prediction.epistemic), atol=1e-6)


def test_sigma_threshold_does_not_look_at_nested_fits():
    inputs, prediction, _ = toy(formulas(["Se"], 80, 3), 1.0, 4)
    first, second = (
        fitted(SigmaThreshold(hooks.SigmaThresholdConfig()), learn_from=given).assess(
            inputs, prediction, None
        )
        for given in (None, [])
    )
    np.testing.assert_array_equal(first.risk, second.risk)


def test_sigma_threshold_says_of_what_is_new_that_its_label_ignores_it():
    """It trusts a confident prediction on an unseen element: the baseline, and the reason says so.

    Labels and risk are the same whatever is flagged.
    """
    materials = Materials.from_formulas(["a", "b", "c"], ["CaTiO3", "CaTiF4", "BaTiO3"])
    prediction = Prediction(np.zeros(3), np.full(3, 0.02))
    inputs = Inputs.of(materials, toy_vectors(materials))
    region = fitted(SigmaThreshold(hooks.SigmaThresholdConfig()))
    flags = OODScore(np.array([0.0, 0.0, 2.0]), 1.0)
    found, plain = (region.assess(inputs, prediction, ood) for ood in (flags, None))
    assert region.label(found).tolist() == ["trust"] * 3
    np.testing.assert_array_equal(found.risk, plain.risk)
    unseen = Reason.unseen_elements(["F"])
    assert found.reasons == ((), (unseen, SIGMA_ALONE), (SIGMA_ALONE,))
    assert plain.reasons == ((), (unseen, SIGMA_ALONE), ())
    assert "sigma alone" in SIGMA_ALONE.text


def test_refuse_unseen_vetoes_new_elements_alone():
    materials = Materials.from_formulas(["a", "b", "c"], ["CaTiO3", "CaTiF4", "HoYbSe3"])
    prediction = Prediction(np.zeros(3), np.full(3, 0.02))
    inputs = Inputs.of(materials, toy_vectors(materials))
    region = fitted(RefuseUnseen(hooks.RefuseUnseenConfig()))
    found = region.assess(inputs, prediction, None)
    plain = fitted(SigmaThreshold(hooks.SigmaThresholdConfig())).assess(inputs, prediction, None)
    assert found.risk.tolist() == [plain.risk[0], 1.0, 1.0]
    new = [Reason.unseen_elements(names) for names in (["F"], ["Se", "Ho", "Yb"])]
    assert found.reasons == ((), (new[0],), (new[1],))
    assert new[1].text == "contains Se, Ho and Yb, never seen in training"
    assert region.label(found)[0] == "trust"
    assert "trust" not in region.label(found)[1:]


def test_refuse_unseen_trusts_no_new_element_whatever_the_confidence():
    region = fitted(
        RefuseUnseen(hooks.RefuseUnseenConfig()), reliability=ReliabilityTarget(0.2, 1e-6)
    )
    materials = formulas(["F"], 20, 3)
    inputs, prediction, _ = toy(materials, 1.0, 4)
    assert "trust" not in region.label(region.assess(inputs, prediction, None))


def test_learned_region_refuses_a_new_class_to_which_sigma_is_blind(learned):
    sigma = fitted(SigmaThreshold(hooks.SigmaThresholdConfig()))
    new, known = formulas(["F", "Se", "B"], 300, 5), formulas(["O", "S", "N"], 300, 6)
    blind, wrong = share_trusted(sigma, new, 5.0)
    assert blind > 0.4  # what everybody does trusts nearly half of it
    assert (
        wrong < RELIABILITY.target_reliability - 0.2
    )  # and is wrong far more often than it promised
    share, held = share_trusted(learned, new, 5.0)
    assert share < 0.35
    assert held >= RELIABILITY.target_reliability - 0.05
    in_domain_record, right = share_trusted(learned, known, 1.0)
    assert in_domain_record > 0.3
    assert right >= RELIABILITY.target_reliability - 0.05


def test_learned_region_expects_larger_errors_of_a_new_class(learned):
    said = []
    for anions, factor in ((["O", "S", "N"], 1.0), (["F", "Se", "B"], 5.0)):
        inputs, prediction, target = toy(formulas(anions, 300, 5), factor, 9)
        expected = learned.assess(inputs, prediction, None).expected_error.mean()
        true = np.abs(target - prediction.mean).mean()
        said.append(expected)
        assert 0.5 < expected / true < 2.0
    assert said[1] > 2.5 * said[0]


def test_learned_region_widens_intervals_of_new_classes_until_they_hold(learned):
    inputs, prediction, target = toy(formulas(["F", "Se", "B"], 400, 5), 5.0, 9)
    found = learned.assess(inputs, prediction, None)
    held = ((target >= found.lower) & (target <= found.upper)).mean(axis=1)
    assert held[LEVELS.index(0.9)] >= 0.85  # low levels are not what the widths are shaped by
    in_domain_inputs, in_domain_prediction, _ = toy(formulas(["O", "S", "N"], 400, 6), 1.0, 9)
    in_domain_record = learned.assess(in_domain_inputs, in_domain_prediction, None)
    assert (found.upper - found.lower)[1].mean() > 2.0 * (
        in_domain_record.upper - in_domain_record.lower
    )[1].mean()


@pytest.mark.parametrize(
    ("name", "n", "message"),
    [("learned_region", 99, "at least 100"), ("sigma_threshold", 29, "at least 30")],
)
def test_too_few_calibration_rows_are_refused(name, n, message):
    component, _ = find_component(name)
    method = component.build(component.config())
    with pytest.raises(DataError, match=message):
        method.fit(
            in_domain(n), nested(), reliability=RELIABILITY, levels=LEVELS, context=FitContext(0)
        )


def listed(*, novel: int, familiar: int) -> Assessment:
    """Return a list with a few novel rows of risk 0.3 among familiar ones of risk 0.05."""
    risk = np.repeat([0.3, 0.05], [novel, familiar])
    flags = np.repeat([True, False], [novel, familiar])
    return Assessment(risk, np.zeros(len(risk)), novel=flags)


def test_familiar_rows_of_a_list_do_not_pay_for_novel_ones():
    found = listed(novel=10, familiar=90)
    # together their mean risk is 0.075, and a promise of 0.1 would trust all hundred
    assert longest_prefix(found.risk, 0.1).all()
    labels = label(found, "set", allowed=0.1, in_domain_error=1.0)
    assert labels.tolist() == ["verify"] * 10 + ["trust"] * 90
    alone = label(replace(found, novel=None), "set", allowed=0.1, in_domain_error=1.0)
    assert alone.tolist() == ["trust"] * 100


def test_the_point_rule_trusts_what_is_exactly_at_the_target_reliability():
    found = Assessment(np.array([0.1, 0.1001]), np.zeros(2))
    assert label(found, "point", allowed=1.0 - 0.9, in_domain_error=1.0).tolist() == [
        "trust",
        "verify",
    ]


def test_a_vetoed_row_is_deferred_where_its_error_is_large():
    found = Assessment(np.array([1.0, 1.0]), np.array([0.1, 5.0]))
    labels = label(found, "set", allowed=1.0, in_domain_error=1.0, veto=np.array([True, True]))
    assert labels.tolist() == ["verify", "defer"]


def test_neighbors_at_one_distance_do_not_depend_on_other_rows():
    rng = np.random.default_rng(0)
    reference = np.repeat(rng.normal(size=(40, 3)), 4, axis=0)  # polymorphs: four of each
    values = reference[::7] + 0.25
    together = nearest(reference, values, 5, decimals=9)
    for row in range(len(values)):
        distance, places = nearest(reference, values[row : row + 1], 5, decimals=9)
        assert places[0].tolist() == together[1][row].tolist()
        apart = np.sqrt(((reference - values[row]) ** 2).sum(axis=1))
        np.testing.assert_allclose(distance[0], np.sort(apart)[:5], atol=1e-9)


def test_a_fit_that_knows_other_signals_is_refused(learned):
    known = learned.signals
    other = {("sigma then" if k == "sigma" else k): v for k, v in known.median.items()}
    inputs, prediction, _ = toy(formulas(["O"], 20, 3), 1.0, 4)
    with pytest.raises(DataError, match="run its spec again"):
        replace(known, median=other).matrix(inputs, prediction, None)


def test_a_panel_is_the_largest_of_maps_that_each_lack_other_companies():
    rng = np.random.default_rng(0)
    training_group = np.repeat([-1, 0, 0, 1, 2, 3], 100)
    group = np.repeat([-1, 0, 1, 2, 3, 4], 100)
    signals = rng.normal(size=(600, 2))
    # the classes of company 0 alone are safe at any signal
    error = np.where(training_group == 0, 0.0, np.abs(signals[:, 0]))
    rows = Rows(signals, error, group, training_group, training_group < 0)
    panel = RiskPanel.of(rows, 0.5, seed=0)
    assert len(panel.maps) == 2
    without = RiskMap.of(rows.at(~np.isin(training_group, [0, 1])), 0.5, seed=0)
    found = panel(signals)
    assert (found >= without(signals) - 1e-12).all()
    assert found.mean() > RiskMap.of(rows, 0.5, seed=0)(signals).mean()


def held_out_rows(seed=0):
    """Return familiar rows and four classes, the last two of one company."""
    rng = np.random.default_rng(seed)
    group = np.repeat([-1, 0, 1, 2, 3], [400, 60, 200, 240, 100])
    training_group = np.where(group == 3, 2, group)
    signals = rng.normal(size=(1000, 2))
    error = np.exp(0.5 * signals[:, 0]) * np.abs(rng.normal(size=1000)) * np.where(group < 0, 1, 2)
    return Rows(signals, error, group, training_group, group < 0)


def test_classes_of_one_company_are_left_out_together():
    rows = held_out_rows()
    parts = _class_parts(rows.training_group, 3)
    assert [sorted(set(rows.group[part])) for part in parts] == [[0], [1], [2, 3]]
    assert not any(part[rows.group < 0].any() for part in parts)


def test_a_row_is_scored_by_a_map_that_never_saw_it():
    rows = held_out_rows()
    method = LearnedRegionMethod(LearnedRegionConfig())
    held = rows.training_group == 2
    grown = replace(rows, error=np.where(held, 7.0 * rows.error, rows.error))
    once, again = method._score(rows, held, 0), method._score(grown, held, 0)
    assert again == pytest.approx(7.0 * once)


def test_widths_rise_with_every_signal_even_where_errors_fall():
    rows = held_out_rows()
    against = replace(rows, signals=np.c_[rows.signals[:, 0], -rows.error])
    width = ErrorMap.of(against, seed=0, quantile=0.9)
    for column in range(2):
        raised = against.signals + np.eye(2)[column]
        assert (width(raised) >= width(against.signals) - 1e-12).all()
    assert np.ptp(width(against.signals)) > 0


def seen_by_a_detector(one):
    """Return evidence whose detector flags the class that was held out, and one other row."""
    score = one.ood_test.astype(float)
    score[-1] = 1.0
    return replace(one, ood=OODScore(score, 0.5))


def test_intervals_of_flagged_rows_alone_are_those_of_a_new_class():
    region = LearnedRegionMethod(LearnedRegionConfig()).fit(
        seen_by_a_detector(in_domain()),
        [seen_by_a_detector(one) for one in nested()],
        reliability=RELIABILITY,
        levels=LEVELS,
        context=FitContext(0),
    )
    inputs, prediction, _ = toy(formulas(["F", "Se"], 60, 5), 5.0, 9)
    flagged = np.arange(60) % 3 == 0
    seen = OODScore(flagged.astype(float), 0.5)
    found = region.assess(inputs, prediction, seen)
    width = region.width(region.signals.matrix(inputs, prediction, seen))
    half = (found.upper - found.lower) / 2
    assert half[:, ~flagged] == pytest.approx(region.near[:, None] * width[~flagged])
    assert half[:, flagged] == pytest.approx(region.far[:, None] * width[flagged])
    assert region.far[LEVELS.index(0.9)] > 2.0 * region.near[LEVELS.index(0.9)]
    middle = (found.lower + found.upper) / 2
    assert middle == pytest.approx(np.broadcast_to(prediction.mean, middle.shape))


def test_learned_region_needs_a_class_to_learn_from():
    with pytest.raises(DataError, match=r"trust\.nested\.splits"):
        fitted(LearnedRegionMethod(LearnedRegionConfig()), learn_from=[])


def test_predictions_without_sigma_are_refused():
    blind = replace(in_domain(), prediction=Prediction(np.zeros(300)))
    with pytest.raises(DataError, match="no sigma"):
        SigmaThreshold(hooks.SigmaThresholdConfig()).fit(
            blind, [], reliability=RELIABILITY, levels=LEVELS, context=FitContext(0)
        )
