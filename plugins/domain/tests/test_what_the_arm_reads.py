"""Detectors see of a crystal what the arm sees of it, not only its composition."""

import numpy as np
import pytest

from atlas_core.api import FitContext, Inputs, Materials, Vectors
from atlas_domain._representation import looked_at
from atlas_domain._spread import no_spread
from atlas_domain.mahalanobis import Mahalanobis
from atlas_domain.novelty import Novelty
from atlas_domain.options import MahalanobisConfig, NoveltyConfig

PAIRS = [(a, b) for a in (3, 11, 19, 37, 55, 29, 47) for b in (9, 17, 35, 53, 8, 16, 34)]
LAST = PAIRS.index((11, 17))


def mahalanobis(**options):
    return Mahalanobis(MahalanobisConfig(**options))


def salts(edges):
    """Return a rock salt of each pair of elements, on (n,) edges in Å of its primitive cube."""
    n = len(PAIRS)
    return Materials(
        ids=np.array([f"m{i}" for i in range(n)]),
        offsets=2 * np.arange(n + 1),
        numbers=np.array(PAIRS).reshape(-1),
        amounts=np.ones(2 * n),
        frac=np.tile([[0.0, 0, 0], [0.5, 0.5, 0.5]], (n, 1)),
        lattice=np.eye(3) * np.asarray(edges)[:, None, None],
    )


EDGES = 3.2 + 0.02 * np.array([a % 11 + b % 7 for a, b in PAIRS])
REAL = salts(EDGES)
SQUEEZED = salts(EDGES / 1.6).take([LAST])
TWIN = REAL.take([LAST])


def shown(materials, *, form="vectors", structures=True):
    volume = np.abs(np.linalg.det(materials.lattice)) / 2
    values = np.stack([volume, 1 / volume, np.sin(materials.numbers[::2])], axis=1)
    vectors = Vectors(values, ("volume", "density", "cation"))
    return Inputs.of(
        materials,
        vectors if form == "vectors" else None,
        std=np.ones(len(materials)),
        structures=structures,
    )


@pytest.mark.parametrize("form", ["vectors", "graphs"])
def test_a_squeezed_cell_is_outside_although_its_composition_is_familiar(form):
    detector = mahalanobis().fit(
        shown(REAL, form=form), shown(REAL.take([]), form=form), FitContext(0)
    )
    familiar = detector.score(shown(TWIN, form=form))
    squeezed = detector.score(shown(SQUEEZED, form=form))
    assert not familiar.outside[0]
    assert squeezed.outside[0]
    assert squeezed.score[0] > 2 * familiar.score[0]


def test_an_arm_of_compositions_is_scored_as_by_fractions():
    blind = mahalanobis().fit(shown(REAL, structures=False), shown(REAL.take([])), FitContext(0))
    plain = mahalanobis(representation="fractions").fit(
        shown(REAL), shown(REAL.take([])), FitContext(0)
    )
    for rows in (REAL, SQUEEZED):
        found = blind.score(shown(rows, structures=False)).score
        assert np.array_equal(found, plain.score(shown(rows)).score)


def test_a_new_element_is_outside_for_arms_of_structures_too():
    detector = mahalanobis().fit(shown(REAL), shown(REAL.take([])), FitContext(0))
    strange = Materials(**{**TWIN.to_arrays(), "numbers": np.array([92, 17])})
    assert detector.score(shown(strange)).outside[0]


def test_what_is_looked_at_depends_on_what_the_arm_reads():
    assert looked_at(shown(REAL)) == ("fractions", "features")
    assert looked_at(shown(REAL, form="graphs")) == ("fractions", "volume")
    assert looked_at(shown(REAL, structures=False)) == ("fractions",)
    alike = salts(np.full(len(PAIRS), 3.4))
    assert looked_at(shown(alike, form="graphs")) == ("fractions",)


def test_novelty_by_default_looks_at_the_features_of_the_arm():
    config = NoveltyConfig(parts=("lof", "knn_fractions"))
    assert config.representation == NoveltyConfig().representation == "features"
    detector = Novelty(config).fit(shown(REAL), shown(REAL.take([])), FitContext(0))
    familiar, squeezed = (detector.score(shown(rows)) for rows in (TWIN, SQUEEZED))
    assert squeezed.score[0] > familiar.score[0]
    assert squeezed.outside[0]
    assert not familiar.outside[0]


def carbons(edges):
    """Return diamonds-to-be: carbon on n cells of (n,) edges in Å."""
    n = len(edges)
    return Materials(
        ids=np.array([f"c{i:02d}" for i in range(n)]),
        offsets=2 * np.arange(n + 1),
        numbers=np.full(2 * n, 6),
        amounts=np.ones(2 * n),
        frac=np.tile([[0.0, 0, 0], [0.5, 0.5, 0.5]], (n, 1)),
        lattice=np.eye(3) * np.asarray(edges)[:, None, None],
    )


def test_rows_of_one_composition_are_distinguished_by_their_cells_or_refused_before_training():
    varied, alike = carbons(2.5 + 0.05 * np.arange(20)), carbons(np.full(20, 3.0))
    assert no_spread(shown(varied, form="graphs"), "arm") == []
    assert no_spread(shown(varied, structures=False), "arm") != []
    assert no_spread(shown(REAL, structures=False), "arm") == []
    # what is not at hand yet may differ; what is at hand does not
    assert no_spread(shown(alike, form="graphs"), "arm") == []
    assert "all are C" in no_spread(shown(alike), "arm")[0]
    detector = mahalanobis().fit(
        shown(varied, form="graphs"), shown(varied.take([])), FitContext(0)
    )
    far = detector.score(shown(carbons(np.array([9.0])), form="graphs"))
    assert far.outside[0]


@pytest.mark.parametrize("quantile", [0.8, 0.95])
@pytest.mark.parametrize("form", ["vectors", "graphs"])
def test_two_distances_flag_no_more_familiar_rows_than_one(form, quantile):
    n, flagged = 1500, []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        pairs = np.stack([rng.integers(11, 40, n), rng.integers(41, 80, n)], axis=1)
        every = Materials(
            ids=np.array([f"r{i}" for i in range(n)]),
            offsets=2 * np.arange(n + 1),
            numbers=pairs.reshape(-1),
            amounts=np.ones(2 * n),
            frac=np.tile([[0.0, 0, 0], [0.5, 0.5, 0.5]], (n, 1)),
            lattice=np.eye(3) * rng.uniform(3.0, 4.0, n)[:, None, None],
        )
        parts = np.split(rng.permutation(n), [500, 700])
        train, calibration, fresh = (shown(every, form=form).take(rows) for rows in parts)
        detector = mahalanobis(quantile=quantile).fit(train, calibration, FitContext(0))
        own = detector.score(calibration).outside
        assert own.sum() == pytest.approx(200 * (1 - quantile), abs=1.01)
        flagged.append(detector.score(fresh).outside.mean())
    # 200 calibration rows know the threshold to 3 points (at 0.8), six draws of them to 1.2
    assert np.mean(flagged) == pytest.approx(1 - quantile, abs=0.03)
