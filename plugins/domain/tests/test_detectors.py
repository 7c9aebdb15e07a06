"""The mathematics of each detector against the formula or an independent library."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import wasserstein_distance
from sklearn.covariance import LedoitWolf, ShrunkCovariance
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity as SklearnDensity
from sklearn.neighbors import LocalOutlierFactor

from atlas_core.api import DataError, FitContext, FoldFacts, Inputs, Materials, PluginError, Vectors
from atlas_core.testing.samples import toy_compounds, toy_vectors
from atlas_domain import leaf_proximity
from atlas_domain._spread import LEAST, no_bandwidth
from atlas_domain.element_distance import Line
from atlas_domain.hooks import atlas_ood
from atlas_domain.leaf_proximity import LeafProximity
from atlas_domain.options import PyODConfig

COMPOUNDS = toy_compounds()
COMPONENTS = {component.name: component for component in atlas_ood()}


def fitted(name, train, calibration=None, *, seed=0, **options):
    """Return a fitted detector; there are no calibration rows unless given."""
    component = COMPONENTS[name]
    method = component.build(component.config(**options))
    return method.fit(train, NONE if calibration is None else calibration, FitContext(seed))


def rows(materials, **more):
    return Inputs.of(materials, toy_vectors(materials), **more)


def vectors(table):
    table = np.asarray(table, dtype=np.float64)
    labels = np.array([f"x{i}" for i in range(table.shape[1])])
    return Inputs.of(COMPOUNDS.take(range(len(table))), Vectors(table, labels))


def formulas(*texts):
    return Inputs.of(Materials.from_formulas([f"m{i}" for i in range(len(texts))], texts))


TRAIN = rows(COMPOUNDS.take(range(160)))
CALIBRATION = rows(COMPOUNDS.take(range(160, 200)))
NEAR = rows(COMPOUNDS.take(range(200, 240)))
NONE = rows(COMPOUNDS.take([]))


def standardized(*parts):
    first = parts[0].features.values
    return [(p.features.values - first.mean(axis=0)) / first.std(axis=0) for p in parts]


def random_leaves(n, seed):
    return np.random.default_rng(seed).integers(0, 6, (n, 30))


def shares(one, other):
    """Return (n, m) the share of trees in which rows meet, pair by pair."""
    return (one[:, None, :] == other[None, :, :]).mean(axis=2)


def test_lof_equals_scikit_learn():
    train, near = standardized(TRAIN, NEAR)
    reference = LocalOutlierFactor(n_neighbors=20, novelty=True).fit(train)
    detector = fitted("lof", TRAIN, quantile=0.9)
    found = detector.score(NEAR)
    np.testing.assert_allclose(found.score, np.log(-reference.score_samples(near)), atol=1e-8)
    own = np.log(-LocalOutlierFactor(n_neighbors=20).fit(train).negative_outlier_factor_)
    assert found.threshold == pytest.approx(np.quantile(own, 0.9, method="higher"), abs=1e-8)


def test_lof_of_many_copies_is_finite_and_does_not_hang_on_rounding():
    table = np.repeat([[0.0, 0.0], [1.0, 3.0], [5.0, 1.0]], 30, axis=0) + 0.1
    table = np.concatenate([table, np.random.default_rng(0).normal(size=(60, 2))])
    detector = fitted("lof", vectors(table), neighbors=5)
    found = detector.score(vectors(table + 1e-15)).score
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, detector.score(vectors(table)).score, atol=1e-6)


@pytest.mark.parametrize("cells", [leaf_proximity.CELLS, 500], ids=["one block", "many blocks"])
def test_leaf_proximity_equals_counting_pair_by_pair(cells, monkeypatch):
    monkeypatch.setattr(leaf_proximity, "CELLS", cells)
    train, near = random_leaves(90, 0), random_leaves(40, 1)
    near[:3] = 99  # a leaf that no training row is in
    inputs = [
        Inputs.of(COMPOUNDS.take(range(len(leaves))), leaves=leaves) for leaves in (train, near)
    ]
    score = LeafProximity.of(inputs[0], 5)
    found = 1 - np.sort(shares(near, train), axis=1)[:, -5:].mean(axis=1)
    np.testing.assert_allclose(score(inputs[1]), found, atol=1e-12)
    assert score(inputs[1])[:3].tolist() == [1.0, 1.0, 1.0]
    own = shares(train, train)
    np.fill_diagonal(own, 0.0)
    alone = 1 - np.sort(own, axis=1)[:, -5:].mean(axis=1)
    np.testing.assert_allclose(score.without_self(), alone, atol=1e-12)

    local = LeafProximity.of(inputs[0], 5, local=True)(inputs[1])
    for row in range(len(near)):
        met = shares(near[[row]], train)[0]
        order = np.argsort(-met, kind="stable")[:5]
        order = order[met[order] > 0]
        beside = alone[order].mean() if len(order) else alone.mean()
        assert local[row] == pytest.approx(found[row] - beside, abs=1e-12)


def test_leaf_proximity_needs_the_same_trees():
    train = Inputs.of(COMPOUNDS.take(range(50)), leaves=random_leaves(50, 0))
    other = Inputs.of(COMPOUNDS.take(range(9)), leaves=random_leaves(9, 0)[:, :20])
    detector = fitted("leaf_proximity", train)
    with pytest.raises(DataError, match="rows have 20 trees, training rows 30"):
        detector.score(other)


def test_unseen_pair_is_the_share_of_pairs_and_names_them():
    train = formulas("MgO", "MgO2", "NaCl", "NaCl2", "NaO2", "NaO")
    score = fitted("unseen_pair", train, quantile=0.9).score(formulas("MgO3", "NaMgCl3"))
    np.testing.assert_allclose(score.score, [0, 2 / 3])
    assert score.threshold == 0.0  # every pair of the training rows occurs twice
    assert score.reasons[0] == ()
    pairs, far = score.reasons[1]
    assert pairs.figures == {"pairs": [["Na", "Mg"], ["Mg", "Cl"]]}
    assert pairs.text == "has Na with Mg and Mg with Cl, never seen together"
    assert far.code == "farther"


def test_unseen_pair_scores_each_training_row_without_itself():
    train = formulas("MgO", "MgO2", "NaCl")
    score = fitted("unseen_pair", train, quantile=0.5).score(formulas("MgO"))
    assert score.threshold == 0.0
    score = fitted("unseen_pair", train, quantile=0.9).score(formulas("MgO"))
    assert score.threshold == 1.0  # NaCl is the only one with its pair


def test_out_of_range_by_degree_and_by_share():
    train = vectors([[0.0, 10.0], [1.0, 30.0], [2.0, 20.0]])
    new = vectors([[1.0, 20.0], [2.5, 5.0], [3.0, 20.0]])
    spread = np.sqrt(2 / 3)
    degree = fitted("out_of_range", train, measure="degree", quantile=0.9).score(new)
    np.testing.assert_allclose(degree.score, [0, 0.5 / spread, 1 / spread])
    assert degree.outside.tolist() == [False, True, True]
    beyond = degree.reasons[2][0]
    assert (beyond.code, beyond.text) == ("out_of_range", "x0 3 above 2")
    assert beyond.figures == {"feature": "x0", "value": 3.0, "limit": 2.0, "others": 0}
    share = fitted("out_of_range", train, measure="share", quantile=0.9).score(new)
    np.testing.assert_allclose(share.score, [0, 1, 0.5])
    with pytest.raises(DataError, match="needs a featurizer that gives vectors"):
        fitted("out_of_range", replace(train, features=None), measure="share")


def test_relative_mahalanobis_equals_the_formula():
    found = fitted("relative_mahalanobis", TRAIN, classes="family").score(NEAR).score
    x, y = standardized(TRAIN, NEAR)
    oxide = TRAIN.fractions[:, 7] > 0  # the others are sulfides
    means = [x[oxide].mean(axis=0), x[~oxide].mean(axis=0)]
    within = np.where(oxide[:, None], x - means[0], x - means[1])
    inner, outer = (
        np.linalg.inv(LedoitWolf(assume_centered=True).fit(values).covariance_)
        for values in (within, x)
    )
    nearest = np.min([np.einsum("ni,ij,nj->n", y - m, inner, y - m) for m in means], axis=0)
    np.testing.assert_allclose(found, nearest - np.einsum("ni,ij,nj->n", y, outer, y), rtol=1e-6)


def test_mahalanobis_by_size_compares_a_row_with_rows_of_its_size():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(240, 3)) @ rng.normal(size=(3, 3))
    binary = np.arange(240) % 2 == 0
    table[binary] += 20.0
    materials = Materials.from_formulas(
        [f"m{i}" for i in range(240)],
        [f"Mg{i + 1}O" if b else f"Mg{i + 1}CaO" for i, b in enumerate(binary)],
    )
    labels = np.array(["a", "b", "c"])
    inputs = Inputs.of(materials, Vectors(table, labels))
    detector = fitted("mahalanobis", inputs, representation="features", center="size")
    found = detector.score(inputs).score
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    for group in (binary, ~binary):
        assert group.sum() >= LEAST
        expected = LedoitWolf().fit(scaled[group]).mahalanobis(scaled[group])
        np.testing.assert_allclose(found[group] ** 2, expected, rtol=1e-6)
    # a size too rare to have its own mean counts with the next smaller one
    four = Inputs.of(Materials.from_formulas(["q"], ["MgCaSrO"]), Vectors(table[[1]], labels))
    np.testing.assert_allclose(detector.score(four).score, found[[1]], rtol=1e-9)


def test_mahalanobis_with_a_set_shrinkage_equals_scikit_learn():
    x, y = (r.fractions for r in (TRAIN, NEAR))
    found = (
        fitted("mahalanobis", TRAIN, representation="fractions", shrinkage=0.2).score(NEAR).score
    )
    np.testing.assert_allclose(found**2, ShrunkCovariance(shrinkage=0.2).fit(x).mahalanobis(y))


def test_kde_equals_scikit_learn_but_for_the_norm_of_the_kernel():
    x, y = standardized(TRAIN, NEAR)
    found = fitted("kde", TRAIN, bandwidth=0.7, representation="features").score(NEAR).score
    log_density = SklearnDensity(bandwidth=0.7).fit(x).score_samples(y)
    norm = x.shape[1] * np.log(0.7 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(found, -log_density - norm, rtol=1e-9)


def test_kde_keeps_the_order_of_rows_far_out():
    train = vectors(np.random.default_rng(0).normal(size=(100, 2)))
    far = vectors([[100.0, 0.0], [200.0, 0.0], [1e4, 0.0]])
    score = fitted("kde", train, representation="features").score(far).score
    assert (np.diff(score) > 1).all()


def test_kde_leaves_a_training_row_out_of_its_own_density():
    train = vectors([[0.0], [1.0], [3.0]])
    options = {"bandwidth": 1.0, "representation": "features", "quantile": 0.5}
    threshold = fitted("kde", train, **options).score(train).threshold
    z = np.array([0.0, 1.0, 3.0]) / np.std([0.0, 1.0, 3.0])
    kernel = np.exp(-((z[:, None] - z) ** 2) / 2)
    np.fill_diagonal(kernel, 0.0)
    assert threshold == pytest.approx(np.median(-np.log(kernel.sum(axis=1) / 2)))


def test_pca_residual_equals_scikit_learn():
    x, y = standardized(TRAIN, NEAR)
    found = fitted("pca_residual", TRAIN, variance=0.9, representation="features").score(NEAR).score
    pca = PCA(0.9, svd_solver="full").fit(x)
    rest = y - pca.inverse_transform(pca.transform(y))
    np.testing.assert_allclose(found, np.linalg.norm(rest, axis=1), rtol=1e-6)


@pytest.mark.parametrize("background", ["shuffled", "uniform"])
def test_density_ratio_finds_the_hole_between_correlated_columns(background):
    along = np.linspace(-1, 1, 200)
    train = vectors(np.stack([along, along], axis=1))
    options = {"background": background, "trees": 100}
    detector = fitted("density_ratio", train, **options)
    on, off = vectors([[0.5, 0.5], [-0.5, -0.5]]), vectors([[0.9, -0.9], [-0.9, 0.9]])
    assert detector.score(on).score.max() < 0.5 < detector.score(off).score.min()
    again = fitted("density_ratio", train, **options).score(on).score
    assert np.array_equal(again, detector.score(on).score)


def test_disagreement_states_sigma_in_units_of_the_usual_one():
    calibration = rows(COMPOUNDS.take(range(160, 200)), std=np.full(40, 0.2))
    new = rows(COMPOUNDS.take(range(200, 202)), std=np.array([0.1, 0.6]))
    score = fitted("disagreement", TRAIN, calibration, quantile=0.9).score(new)
    assert score.outside.tolist() == [False, True]
    assert score.reasons[0] == ()
    (sigma,) = (one for one in score.reasons[1] if one.code == "large_sigma")
    assert sigma.text == "sigma is 3.0 times the usual one"
    assert sigma.figures == {"times": pytest.approx(3.0)}


def test_element_distance_of_perovskites_is_the_published_one():
    # the documented distances of the authors' package: CaTiO3 to SrTiO3 on both lines
    for scale, expected in (("pettifor", 0.2), ("atomic_number", 3.6)):
        train = formulas("CaTiO3", "CaTiO3")
        detector = fitted("element_distance", train, scale=scale, neighbors=1)
        assert detector.score(formulas("SrTiO3")).score[0] == pytest.approx(expected)


def test_element_distance_equals_scipy_on_a_line():
    line = Line.of("pettifor")
    places = np.zeros(118)
    places[line.order] = np.concatenate([[0.0], np.cumsum(line.gaps)])
    areas = line.areas(NEAR.fractions)
    fractions = NEAR.fractions
    for i, j in ((0, 1), (3, 17), (20, 39)):
        expected = wasserstein_distance(places, places, fractions[i], fractions[j])
        assert np.abs(areas[i] - areas[j]).sum() == pytest.approx(expected)


def test_elements_beyond_the_scale_are_next_to_their_homologs():
    detector = fitted("element_distance", formulas("HfO2", "HfO"), neighbors=1)
    assert detector.score(formulas("RfO2")).score[0] == pytest.approx(0.0)


def test_ecod_equals_the_tails_by_hand():
    train = vectors([[0.0], [1.0], [2.0], [9.0]])  # skewed to the right
    new = vectors([[1.5], [-1.0], [10.0]])
    # among the five: how many are as small, how many as large
    left, right = -np.log(np.array([3, 1, 5]) / 5), -np.log(np.array([3, 5, 1]) / 5)
    found = fitted("ecod", train, tails="ecod").score(new).score
    np.testing.assert_allclose(found, np.maximum(left, right))
    found = fitted("ecod", train, tails="copod").score(new).score
    np.testing.assert_allclose(found, np.maximum(right, (left + right) / 2))


@pytest.mark.parametrize(("tails", "name"), [("ecod", "ECOD"), ("copod", "COPOD")])
def test_ecod_equals_pyod_for_one_row_at_a_time(tails, name):
    models = pytest.importorskip(f"pyod.models.{tails}")
    # skewed so much that one more row, which PyOD counts in, turns no column round
    table = np.random.default_rng(0).exponential(size=(200, 4)) * [1.0, -1.0, 5.0, -3.0]
    train, new = vectors(table[:160]), vectors(table[160:])
    x, y = standardized(train, new)
    other = getattr(models, name)().fit(x)
    expected = [other.decision_function(row[None])[0] for row in y]
    found = fitted("ecod", train, tails=tails).score(new).score
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_pyod_that_is_not_installed_is_one_line_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr("atlas_domain.pyod.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"pip install 'atlas-materials-domain\[pyod\]'"):
        COMPONENTS["pyod"].build(PyODConfig())


def test_pyod_offers_listed_detectors_only():
    with pytest.raises(ValidationError, match="detector"):
        PyODConfig.model_validate({"detector": "AutoEncoder"})


@pytest.mark.skipif(
    find_spec("pyod") is None, reason="PyOD is not installed: atlas-materials-domain[pyod]"
)
def test_pyod_knn_equals_the_distance_to_the_fifth_neighbor():
    x, y = standardized(TRAIN, NEAR)
    detector = fitted("pyod", TRAIN, CALIBRATION, detector="KNN")
    distance = np.sort(np.linalg.norm(y[:, None] - x[None], axis=2), axis=1)[:, 4]
    np.testing.assert_allclose(detector.score(NEAR).score, distance, rtol=1e-6)


DEGENERATE = {
    "one kind": ["C"] * 40,
    "two kinds, as many of each": ["Fe", "C"] * 20,
    "two binaries": ["NaCl", "KCl"] * 20,
    "three kinds": ["Fe", "C", "Si"] * 14,
    "one odd row": ["C"] * 39 + ["Fe"],
    "two rows": ["NaCl", "MgO"],
    "three rows": ["NaCl", "MgO", "TiO2"],
    "sizes without a spread": ["C"] * 30 + ["NaCl"] * 30 + ["MgO", "TiO2"] * 15,
}
METHODS = [
    *[(name, {}) for name in ("ecod", "element_distance", "isolation_forest", "out_of_range")],
    *[
        (name, {"representation": seen})
        for name in ("kde", "knn_distance", "lof", "mahalanobis", "density_ratio", "pca_residual")
        for seen in ("fractions", "features")
    ],
    ("mahalanobis", {}),
    ("mahalanobis", {"center": "size"}),
    ("mahalanobis", {"shrinkage": 0.1}),
    ("relative_mahalanobis", {}),
    ("relative_mahalanobis", {"classes": "family"}),
    ("novelty", {"parts": ["mahalanobis"]}),
    ("novelty", {"parts": ["lof", "knn", "mahalanobis_fractions"]}),
]


@pytest.mark.parametrize("rows_of", sorted(DEGENERATE))
@pytest.mark.parametrize(("name", "options"), METHODS)
def test_what_cannot_be_computed_is_reported_before_training(name, options, rows_of) -> None:
    component = COMPONENTS[name]
    config = component.config(**options)
    some = formulas(*DEGENERATE[rows_of])

    def seen(rows):
        columns = np.array([f"x{z}" for z in range(118)])
        return replace(rows, features=Vectors(rows.fractions, columns))

    train, new = seen(some), seen(formulas("NaCl", "Fe", "C", "SrTiO3", "Xe"))
    kept_aside = [train.take(np.arange(2)), train.take(np.arange(0))]
    for calibration in kept_aside[:1] if name == "novelty" else kept_aside:  # it fits on parts
        facts = FoldFacts("regression", (0.9,), train, calibration)
        reported = component.problems(config, facts)
        if reported:
            if name in ("isolation_forest", "density_ratio"):
                continue  # they would answer, though nothing of use
            with pytest.raises(DataError):
                component.build(config).fit(train, calibration, FitContext(0))
            continue
        found = component.build(config).fit(train, calibration, FitContext(0)).score(new)
        assert np.isfinite(found.score).all()
        assert np.isfinite(found.threshold)


def test_without_a_spread_what_is_far_is_far_by_lof() -> None:
    train = formulas(*DEGENERATE["one kind"])
    found = fitted("lof", train, representation="fractions").score(formulas("C", "Fe"))
    # a copy of the training rows has the density of its neighbors: log 1
    assert found.score[0] == pytest.approx(0.0)
    assert found.score[1] > 10
    assert found.outside.tolist() == [False, True]


def test_a_bandwidth_is_not_estimated_from_copies() -> None:
    train = formulas(*DEGENERATE["two kinds, as many of each"])
    component = COMPONENTS["kde"]
    facts = FoldFacts("regression", (0.9,), train, NONE)
    (reported,) = component.problems(component.config(), facts)
    assert "40 training rows are 2 kinds" in reported
    assert not component.problems(component.config(bandwidth=0.1), facts)


def test_pyod_is_missed_before_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas_domain.pyod.find_spec", lambda name: None)
    component = COMPONENTS["pyod"]
    facts = FoldFacts("regression", (0.9,), TRAIN, CALIBRATION)
    with pytest.raises(PluginError):
        component.problems(component.config(detector="KNN"), facts)


def test_rows_that_differ_by_rounding_are_of_one_kind_for_a_bandwidth() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat([[0.0, 1.0], [1.0, 0.0]], 40, axis=0) + 1e-13 * rng.normal(size=(80, 2))
    train = vectors(values)
    assert no_bandwidth(train, "features")
    with pytest.raises(DataError, match="bandwidth"):
        fitted("kde", train, train, representation="features")
