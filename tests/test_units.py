"""What a target's unit may decide: nothing."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import DataError, FitContext, TargetScale, Vectors
from atlas_core.testing import find_component, with_components
from atlas_core.testing.samples import toy_dataset

TREES = ("random_forest", "extra_trees", "quantile_forest", "gradient_boosting")


def _tied(n: int, seed: int) -> tuple[Vectors, np.ndarray]:
    """Return rows whose columns come in pairs that cut them alike, and decimal targets."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 12, (n, 4)).astype(np.float64)
    both = np.hstack([x, -(x**3)])
    target = np.round(x[:, 0] * 0.7 - np.sqrt(x[:, 1]) + rng.normal(0, 0.2, n), 2)
    return Vectors(both, np.array([f"c{i}" for i in range(8)])), target


@pytest.mark.parametrize("factor", [1e-12, 1e-9, 1e-5, 3.7, 1e9])
@pytest.mark.parametrize("name", TREES)
def test_trees_predict_the_same_in_another_unit_where_columns_tie(name: str, factor: float) -> None:
    rows, target = _tied(160, 0)
    component = find_component(name, "model")[0]
    config = component.config(trees=20)

    def predict(unit: float) -> np.ndarray:
        model = component.build(config)
        model.fit(rows.take(np.arange(120)), target[:120] * unit, FitContext(seed=0))
        return np.asarray(model.predict(rows.take(np.arange(120, 160))) / unit)

    wanted = predict(1.0)
    assert np.std(wanted) > 0.5  # it learned something
    np.testing.assert_allclose(predict(factor), wanted, rtol=1e-9, atol=1e-12)


def test_a_committee_disagrees_alike_in_another_unit() -> None:
    rows, target = _tied(160, 1)
    component, forest = find_component("committee", "uq")[0], find_component("ridge", "model")[0]

    def stds(unit: float) -> np.ndarray:
        method = component.build(with_components(component.config()))
        fitted, _ = method.fit(
            lambda: forest.build(forest.config()), rows, target * unit, FitContext(seed=0)
        )
        return np.asarray(fitted.predict(rows).epistemic / unit)

    for factor in (1e-12, 1e-5, 1e12):
        np.testing.assert_allclose(stds(factor), stds(1.0), rtol=1e-9)


def test_a_deep_tree_of_all_rows_returns_the_targets_it_was_given() -> None:
    _, target = _tied(60, 2)
    distinct = Vectors(np.arange(60.0)[:, None], np.array(["c"]))
    component = find_component("extra_trees", "model")[0]
    model = component.build(component.config(trees=5, bootstrap=False))
    model.fit(distinct, target * 1e-9, FitContext(seed=0))
    # the grid costs at most half of 2^-30 of the usual deviation
    np.testing.assert_allclose(model.predict(distinct), target * 1e-9, rtol=0, atol=3e-18)


def test_the_scale_is_not_moved_by_one_extreme_value() -> None:
    target = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    scale = TargetScale.of(np.append(target, 1e12))
    # median 3.5; deviations 2.5, 1.5, 0.5, 0.5, 1.5, 1e12: median 1.5
    assert (scale.center, scale.unit) == (3.5, 1.5)
    assert TargetScale.of(np.full(3, 7.0)) == TargetScale(7.0, 1.0)


def test_values_come_back_to_within_half_a_step_of_the_grid() -> None:
    target = np.random.default_rng(0).normal(5.0, 2.0, 1000)
    scale = TargetScale.of(target)
    found = scale.back(scale.standard(target))
    assert np.abs(found - target).max() <= scale.unit * 2.0**-31 * 1.0001


@pytest.mark.parametrize("factor", [1e300, 1e155, 1e-160, 1e-305])
def test_targets_whose_squares_overflow_or_vanish_are_refused_by_their_range(
    factor: float,
) -> None:
    from dataclasses import replace

    dataset = toy_dataset()
    with pytest.raises(DataError) as error:
        replace(dataset, target=dataset.target * factor)
    high = float(dataset.target.max() * factor)
    assert f"{high:g}" in str(error.value)
    assert "'toy'" in str(error.value)


def test_targets_of_zero_alone_are_no_matter_of_range() -> None:
    from dataclasses import replace

    dataset = toy_dataset()
    assert not replace(dataset, target=np.zeros(len(dataset))).target.any()
