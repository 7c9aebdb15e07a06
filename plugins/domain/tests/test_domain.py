"""The mathematics of the detectors, against an independent computation."""

import importlib.metadata
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.covariance import LedoitWolf

from atlas_core.api import DataContext, DataError, FitContext, Inputs, Materials, Reason, Vectors
from atlas_core.testing import find_component
from atlas_core.testing.samples import far_materials, toy_compounds, toy_vectors
from atlas_domain.hooks import atlas_ood
from atlas_domain.options import IsolationForestConfig, MahalanobisConfig

COMPOUNDS = toy_compounds()
COMPONENTS = {component.name: component for component in atlas_ood()}


def fitted(name, train, calibration=None, *, seed=0, **options):
    """Return a fitted detector; there are no calibration rows unless given."""
    component = COMPONENTS[name]
    method = component.build(component.config(**options))
    return method.fit(train, NONE if calibration is None else calibration, FitContext(seed))


def rows(materials, **changes):
    return Inputs.of(materials, **({"features": toy_vectors(materials)} | changes))


TRAIN = rows(COMPOUNDS.take(range(160)))
CALIBRATION = rows(COMPOUNDS.take(range(160, 200)))
NEAR = rows(COMPOUNDS.take(range(200, 240)))
FAR = rows(far_materials())
NONE = rows(COMPOUNDS.take([]))


def ledoit_wolf(x):
    """Shrunk covariance by the formulas of Ledoit & Wolf 2004, section 3, loop by loop."""
    n, p = x.shape
    x = x - x.mean(axis=0)
    sample = x.T @ x / n
    m = np.trace(sample) / p
    d2 = ((sample - m * np.eye(p)) ** 2).sum() / p
    b2 = sum(((np.outer(row, row) - sample) ** 2).sum() / p for row in x) / n**2
    b2 = min(b2, d2)
    return b2 / d2 * m * np.eye(p) + (1 - b2 / d2) * sample


def test_mahalanobis_equals_the_formula_and_scikit_learn():
    found = fitted("mahalanobis", TRAIN, CALIBRATION, representation="fractions").score(NEAR).score
    x, y = (r.fractions for r in (TRAIN, NEAR))
    offset = y - x.mean(axis=0)
    inverse = np.linalg.inv(ledoit_wolf(x))
    by_hand = np.sqrt(np.einsum("ni,ij,nj->n", offset, inverse, offset))
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    np.testing.assert_allclose(found**2, LedoitWolf().fit(x).mahalanobis(y), rtol=1e-6)


def test_mahalanobis_standardizes_features_so_that_units_do_not_matter():
    meters = fitted("mahalanobis", TRAIN, representation="features").score(NEAR).score
    factors = np.logspace(-6, 6, 12)

    def scaled(r):
        return replace(r, features=Vectors(r.features.values * factors, r.features.labels))

    detector = fitted("mahalanobis", scaled(TRAIN), representation="features")
    other = detector.score(scaled(NEAR)).score
    np.testing.assert_allclose(meters, other, rtol=1e-6)


def test_knn_distance_equals_brute_force():
    found = fitted("knn_distance", TRAIN, CALIBRATION).score(NEAR).score
    x, y = (r.fractions for r in (TRAIN, NEAR))
    distance = np.sqrt(((y[:, None, :] - x[None, :, :]) ** 2).sum(axis=2))
    np.testing.assert_allclose(found, np.sort(distance, axis=1)[:, :5].mean(axis=1), atol=1e-7)


def test_knn_threshold_from_training_rows_leaves_each_row_out_of_its_own_neighbors():
    threshold = fitted("knn_distance", TRAIN, quantile=0.5).score(NEAR).threshold
    x = TRAIN.fractions
    distance = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(distance, np.inf)
    without_self = np.sort(distance, axis=1)[:, :5].mean(axis=1)
    expected = np.quantile(without_self, 0.5, method="higher")
    assert threshold == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "representation"),
    [
        ("mahalanobis", "fractions"),
        ("mahalanobis", "features"),
        ("knn_distance", "fractions"),
        ("knn_distance", "features"),
        ("isolation_forest", "features"),
    ],
)
def test_threshold_leaves_the_asked_share_of_calibration_rows_below(name, representation):
    detector = fitted(name, TRAIN, CALIBRATION, representation=representation, quantile=0.8)
    score = detector.score(CALIBRATION)
    assert score.outside.mean() <= 0.2
    assert score.outside.mean() >= 0.1


def test_unseen_element_counts_atoms_and_names_elements():
    train = rows(Materials.from_formulas(["a", "b"], ["MgO", "Al2O3"]))
    new = Materials.from_formulas(["c", "d", "e"], ["MgAl2O4", "MgF2", "LiAlF4"])
    score = fitted("unseen_element", train).score(rows(new))
    np.testing.assert_allclose(score.score, [0.0, 2 / 3, 5 / 6])
    assert score.outside.tolist() == [False, True, True]
    new = [Reason.unseen_elements(names) for names in (["F"], ["Li", "F"])]
    assert score.reasons == ((), (new[0],), (new[1],))
    assert new[1].text == "contains Li and F, never seen in training"


def test_reason_says_how_far_and_which_element_is_new():
    score = fitted("mahalanobis", TRAIN, CALIBRATION, representation="fractions").score(FAR)
    row = FAR.formulas.tolist().index("FLi")
    new, far = score.reasons[row]
    assert new == Reason.unseen_elements(["Li", "F"])
    assert (far.code, far.text) == ("farther", "farther than all calibration materials")
    assert far.figures == {"share": 1.0, "of": "calibration_materials"}


def test_reason_counts_calibration_rows_that_are_nearer():
    detector = fitted("knn_distance", TRAIN, CALIBRATION, quantile=0.9)
    score = detector.score(CALIBRATION)
    row = int(np.argsort(score.score)[-2])  # 38 of 40 are nearer
    far = score.reasons[row][-1]
    assert far.text == "farther than 95.0 % of the calibration materials"
    assert far.figures["share"] == pytest.approx(0.95)
    assert [bool(own) for own in score.reasons] == score.outside.tolist()


def test_missing_features_count_as_the_training_mean():
    values = NEAR.features.values.copy()
    values[0, 3] = np.nan
    filled = values.copy()
    filled[0, 3] = TRAIN.features.values[:, 3].mean()
    labels = NEAR.features.labels
    detector = fitted("mahalanobis", TRAIN, CALIBRATION, representation="features")
    holed = detector.score(replace(NEAR, features=Vectors(values, labels))).score
    whole = detector.score(replace(NEAR, features=Vectors(filled, labels))).score
    np.testing.assert_allclose(holed, whole, rtol=1e-12)


def test_isolation_forest_obeys_its_seed():
    first, again, other = (
        fitted("isolation_forest", TRAIN, seed=s, trees=20).score(NEAR).score
        for s in (2**40 + 1, 2**40 + 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_isolation_forest_equals_the_mean_depth_formula():
    # Liu, Ting & Zhou 2008: two equal-sized clusters of one point each are cut apart at depth 1
    train = rows(Materials.from_formulas(["a", "b"], ["MgO", "CaS"]))
    score = fitted("isolation_forest", train, trees=10).score(train).score
    # c(2) = 2 H(1) - 2 (2 - 1) / 2 = 1 with H(1) = 1, so 2 ** (-1 / 1)
    np.testing.assert_allclose(score, 0.5)


def test_isolation_forest_is_not_offered_fractions():
    with pytest.raises(ValidationError, match="'features' or 'embedding'"):
        IsolationForestConfig.model_validate({"representation": "fractions"})


def test_needs_follow_the_representation():
    component = COMPONENTS["mahalanobis"]

    def required(**options):
        return component.requires_of(MahalanobisConfig(**options))

    assert required() == frozenset()
    assert required(representation="features") == {"features:vectors"}
    assert required(representation="embedding") == {"model:embedding"}


def test_missing_representation_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="needs a featurizer that gives vectors; use"):
        fitted("mahalanobis", rows(COMPOUNDS, features=None), representation="features")
    with pytest.raises(DataError, match="needs a model with an embedding; use"):
        fitted("knn_distance", TRAIN, representation="embedding")


def test_a_detector_refuses_what_it_cannot_measure():
    with pytest.raises(DataError, match="1 training rows; a detector needs at least 2"):
        fitted("mahalanobis", rows(COMPOUNDS.take([0])), representation="fractions")
    twins = Materials.from_formulas(["a", "b"], ["MgO", "Mg2O2"])
    two = Materials.from_formulas(["a", "b"], ["MgO", "CaO"])  # nothing to shrink by: singular
    for few, why in ((twins, "2 training rows .* are alike"), (two, "2 .* cannot be inverted")):
        with pytest.raises(DataError, match=why):
            fitted("mahalanobis", rows(few), representation="fractions")


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [("mahalanobis", {"representation": "fractions"}, 0.95), ("unseen_element", {}, 0.999)],
    ids=["mahalanobis", "unseen_element"],
)
def test_fluorides_are_separated_from_other_materials_of_flla(name, options, least, tmp_path):
    if not importlib.metadata.entry_points(group="atlas.dataset", name="flla"):
        pytest.skip("the data set flla is not installed (plugins/datasets)")
    component, _ = find_component("flla", "dataset")
    context = DataContext(None, tmp_path, tmp_path, offline=True)
    materials = component.build(component.config()).load(context).materials
    fluoride = materials.element_fractions()[:, 8] > 0
    others = np.random.default_rng(0).permutation(np.flatnonzero(~fluoride))
    train, calibration, test = np.split(others, [len(others) * 7 // 10, len(others) * 8 // 10])
    made = [Inputs.of(materials.take(i)) for i in (train, calibration, test, fluoride.nonzero()[0])]
    detector = fitted(name, made[0], made[1], **options)
    near, far = detector.score(made[2]).score, detector.score(made[3]).score
    auroc = (far[:, None] > near).mean() + 0.5 * (far[:, None] == near).mean()
    assert auroc >= least
