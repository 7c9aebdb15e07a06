"""The mathematics of acquisition functions, against numbers found another way."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from atlas_acquisition import hooks
from atlas_acquisition._improvement import expected_gain, probability_of_gain
from atlas_acquisition.expected_improvement import ExpectedImprovement
from atlas_acquisition.greedy import Greedy
from atlas_acquisition.max_uncertainty import MaxUncertainty
from atlas_acquisition.most_likely import MostLikely
from atlas_acquisition.random import Random
from atlas_acquisition.thompson import Thompson
from atlas_acquisition.ucb import UCB
from atlas_core.api import AcquisitionRequest, DataError, FitContext, Prediction

IDS = np.array(["d", "a", "c", "b"])
MEAN = np.array([1.0, 3.0, 2.0, 0.0])
SIGMA = np.array([0.5, 0.0, 1.0, 2.0])


def request(**changes):
    made = AcquisitionRequest(IDS, Prediction(MEAN, SIGMA), 2, "maximize", 2.5, FitContext(0))
    return replace(made, **changes)


def test_ucb_adds_kappa_sigma_to_the_mean():
    chosen = UCB(hooks.UCBConfig(kappa=2.0)).select(request())
    assert chosen.utility.tolist() == [2.0, 3.0, 4.0, 4.0]
    assert chosen.ids.tolist() == ["b", "c"]  # both 4: by id


def test_ucb_to_minimize_wants_low_means_and_high_sigma():
    chosen = UCB(hooks.UCBConfig(kappa=2.0)).select(request(goal="minimize"))
    assert chosen.utility.tolist() == [0.0, -3.0, 0.0, 4.0]
    assert chosen.ids.tolist() == ["b", "c"]  # c and d both 0: by id


def test_sigma_is_the_total_of_both_parts():
    both = Prediction(np.zeros(4), np.full(4, 3.0), np.full(4, 4.0))
    assert (
        MaxUncertainty(hooks.MaxUncertaintyConfig())
        .select(request(prediction=both))
        .utility.tolist()
        == [5.0] * 4
    )


def test_greedy_reads_the_mean_alone():
    assert Greedy(hooks.GreedyConfig()).select(request()).ids.tolist() == ["a", "c"]
    assert Greedy(hooks.GreedyConfig()).select(request(goal="minimize")).ids.tolist() == ["b", "d"]


@pytest.mark.parametrize(("gain", "std"), [(0.7, 0.4), (-0.7, 0.4), (-3.0, 1.0), (0.0, 2.0)])
def test_expected_gain_equals_the_integral(gain, std):
    def weighted(g):
        return g * norm.pdf(g, gain, std)

    integral = quad(weighted, 0.0, gain + 12 * std, epsabs=0, epsrel=1e-10, limit=200)[0]
    assert expected_gain(np.array([gain]), np.array([std]))[0] == pytest.approx(integral, rel=1e-8)


def test_expected_gain_at_zero_gain_is_sigma_over_root_two_pi():
    found = expected_gain(np.zeros(1), np.full(1, 3.0))[0]
    assert found == pytest.approx(3.0 / math.sqrt(2.0 * math.pi))


def test_expected_gain_keeps_its_order_far_below_the_best():
    found = expected_gain(np.array([-30.0, -25.0, -20.0, -10.0, -1.01, -0.99]), np.ones(6))
    assert (np.diff(found) > 0).all()
    assert found[0] > 0


def test_expected_gain_without_doubt_is_the_gain_itself():
    assert expected_gain(np.array([0.5, -0.5]), np.zeros(2)).tolist() == [0.5, 0.0]


def test_probability_of_gain_equals_the_normal_tail():
    gain, std = np.array([0.7, -0.7, 0.0]), np.array([0.4, 0.4, 2.0])
    expected = [1.0 - norm.cdf(0.0, g, s) for g, s in zip(gain, std, strict=True)]
    np.testing.assert_allclose(probability_of_gain(gain, std), expected, rtol=1e-12)
    assert probability_of_gain(np.array([0.1, -0.1]), np.zeros(2)).tolist() == [1.0, 0.0]


def test_improvement_counts_from_the_best_in_the_direction_of_the_goal():
    ei = ExpectedImprovement(hooks.ExpectedImprovementConfig(xi=0.25))
    certain = Prediction(MEAN, np.zeros(4))
    up = ei.select(request(prediction=certain))
    down = ei.select(request(prediction=certain, goal="minimize", best=1.5))
    assert up.utility.tolist() == [0.0, 0.25, 0.0, 0.0]
    assert down.utility.tolist() == [0.25, 0.0, 0.0, 1.25]


def test_thompson_takes_each_pick_from_another_draw():
    samples = np.array([[9.0, 0.0, 0.0, 1.0], [8.0, 0.0, 7.0, 0.0]])
    drawn = Prediction(MEAN, SIGMA, samples=samples)
    chosen = Thompson(hooks.ThompsonConfig()).select(request(prediction=drawn))
    # row d is best in both draws; the second pick is the best left in the other draw
    assert chosen.ids[0] == "d"
    assert chosen.ids[1] in {"b", "c"}
    seen = {
        str(
            Thompson(hooks.ThompsonConfig())
            .select(request(prediction=drawn, context=FitContext(s)))
            .ids[1]
        )
        for s in range(20)
    }
    assert seen == {"b", "c"}


def test_thompson_starts_again_when_there_are_fewer_draws_than_picks():
    samples = np.array([[3.0, 2.0, 1.0, 0.0]])
    chosen = Thompson(hooks.ThompsonConfig()).select(
        request(prediction=Prediction(MEAN, samples=samples), batch=4)
    )
    assert chosen.ids.tolist() == ["d", "a", "c", "b"]
    assert chosen.utility.tolist() == [0.75, 0.5, 0.25, 0.0]


def test_thompson_picks_a_row_as_often_as_it_is_best():
    pair = Prediction(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    made = AcquisitionRequest(np.array(["x", "y"]), pair, 1, "maximize", 0.0, 0)
    picks = [
        Thompson(hooks.ThompsonConfig()).select(replace(made, context=FitContext(s))).ids[0] == "y"
        for s in range(2000)
    ]
    # P(y best) = Phi(1 / sqrt 2) = 0.760; four standard errors of 2000 draws are 0.038
    assert np.mean(picks) == pytest.approx(norm.cdf(1 / math.sqrt(2)), abs=0.038)


def test_random_picks_every_row_equally_often():
    picks = [
        str(Random(hooks.RandomConfig()).select(request(context=FitContext(s), batch=1)).ids[0])
        for s in range(2000)
    ]
    counts = np.array([picks.count(i) for i in IDS])
    np.testing.assert_allclose(counts / 2000, 0.25, atol=0.04)


def test_missing_sigma_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="ucb: the predictions carry no std; use a uq method"):
        UCB(hooks.UCBConfig(kappa=1.0)).select(request(prediction=Prediction(MEAN)))


def most_likely(probability, **changes):
    made = request(probability=np.array(probability), batch=4, **changes)
    return MostLikely(hooks.MostLikelyConfig()).select(made)


def test_the_most_probable_come_first_and_ties_go_by_the_expected_value_then_by_id():
    # ids d, a, c, b; means 1, 3, 2, 0
    assert most_likely([0.9, 0.2, 0.2, 0.5]).ids.tolist() == ["d", "b", "a", "c"]
    down = most_likely([0.9, 0.2, 0.2, 0.5], goal="minimize")
    assert down.ids.tolist() == ["d", "b", "c", "a"]
    alike = Prediction(np.zeros(4), SIGMA)
    assert most_likely([0.5] * 4, prediction=alike).ids.tolist() == ["a", "b", "c", "d"]


def test_a_label_that_costs_twice_must_be_twice_as_likely():
    # per cost: 0.45, 0.4, 0.25, 0.5
    chosen = most_likely([0.9, 0.4, 0.5, 0.5], cost=np.array([2.0, 1.0, 2.0, 1.0]))
    assert chosen.ids.tolist() == ["b", "d", "a", "c"]


def test_without_a_probability_the_choice_by_it_says_what_to_name():
    with pytest.raises(DataError, match="most_likely: no probability; name a reference, and goal"):
        MostLikely(hooks.MostLikelyConfig()).select(request())
