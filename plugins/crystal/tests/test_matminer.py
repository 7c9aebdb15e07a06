"""matminer's featurizers by name, and what is said when a name or a row is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure

from atlas_core.api import DataError, Materials, SpecError
from atlas_crystal.matminer import MatminerConfig, build, needs

SALT = Structure(Lattice.cubic(3.2), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
METAL = Structure(Lattice.cubic(3.0), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def formulas(*texts):
    return Materials.from_formulas([f"m{i}" for i in range(len(texts))], texts)


def test_a_composition_featurizer_with_a_preset_gives_matminers_numbers():
    module = pytest.importorskip("matminer.featurizers.composition")
    theirs = module.ElementProperty.from_preset("deml", impute_nan=False)
    config = MatminerConfig(
        featurizer="ElementProperty", preset="deml", options={"impute_nan": False}
    )
    ours = build(config).featurize(formulas("Fe2O3", "LiCoO2"))
    assert ours.labels.tolist() == theirs.feature_labels()
    expected = [theirs.featurize(Composition(text)) for text in ("Fe2O3", "LiCoO2")]
    np.testing.assert_allclose(ours.values, np.asarray(expected, dtype=float), rtol=1e-12)


def test_a_structure_featurizer_gives_matminers_numbers():
    config = MatminerConfig(
        featurizer="DensityFeatures", input="structure", options={"desired_features": ["vpa"]}
    )
    ours = build(config).featurize(Materials.from_structures(["a", "b"], [SALT, METAL]))
    np.testing.assert_allclose(ours.values[:, 0], [3.2**3 / 2, 3.0**3 / 2])


def test_a_composition_featurizer_reads_crystals_as_their_formula():
    featurizer = build(MatminerConfig(featurizer="Stoichiometry"))
    crystal = featurizer.featurize(Materials.from_structures(["a"], [SALT])).values
    np.testing.assert_array_equal(crystal, featurizer.featurize(formulas("NaCl")).values)


def test_the_input_option_decides_what_is_needed():
    assert needs(MatminerConfig()) == {"inputs:composition"}
    assert needs(MatminerConfig(input="structure")) == {"inputs:structure"}


def test_a_row_that_fails_is_nan_and_listed_with_its_reason():
    xenon = Structure(Lattice.cubic(6), ["Xe"], [[0, 0, 0]])  # matminer knows no radius of it
    config = MatminerConfig(featurizer="DensityFeatures", input="structure")
    crystals = Materials.from_structures(["salt", "gas", "metal"], [SALT, xenon, METAL])
    vectors = build(config).featurize(crystals)
    assert np.isnan(vectors.values[1]).all()
    assert np.isfinite(vectors.values[[0, 2]]).all()
    ((failed, reason),) = vectors.failures
    assert failed == "gas"
    assert reason.startswith("TypeError: unsupported operand")


def test_a_featurizer_that_fails_for_every_row_is_an_error_with_the_first_reason():
    featurizer = build(MatminerConfig(featurizer="OxidationStates", preset="deml"))
    with pytest.raises(DataError, match="failed for all 2 materials; id m0: ValueError: Oxidation"):
        featurizer.featurize(formulas("NaCl", "Fe2O3"))


def test_a_column_of_text_is_named():
    with pytest.raises(DataError, match="column 'HOMO_character' is no number: 'p'"):
        build(MatminerConfig(featurizer="AtomicOrbitals")).featurize(formulas("NaCl"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"featurizer": "ElementPropertys"},
            "no featurizer 'ElementPropertys' for input composition; did you mean ElementProperty",
        ),
        ({"featurizer": "DensityFeatures"}, "set input: structure"),
        ({"featurizer": "Stoichiometry", "preset": "magpie"}, "has no presets"),
        (
            {"featurizer": "ElementProperty", "preset": "magpi"},
            "no preset 'magpi'; did you mean magpie\\? there are: deml, magpie",
        ),
        ({"featurizer": "OxidationStates", "preset": "dem"}, "no preset 'dem'; did you mean deml"),
        ({"featurizer": "ElementProperty"}, "cannot be made: .*missing.*; presets: magpie, deml"),
        (
            {"featurizer": "Stoichiometry", "options": {"plist": [2]}},
            "no option 'plist'; did you mean p_list",
        ),
        ({"featurizer": "CoulombMatrix", "input": "structure"}, "must be fitted"),
        (
            {
                "featurizer": "SiteStatsFingerprint",
                "input": "structure",
                "preset": "SOAP_formation_energy",
            },
            "must be fitted|cannot be made",
        ),
        ({"featurizer": "BaseFeaturizer"}, "no featurizer 'BaseFeaturizer'"),
        ({"featurizer": "Composition"}, "no featurizer 'Composition'"),
    ],
)
def test_a_wrong_name_is_refused_with_the_closest(options, message):
    with pytest.raises(SpecError, match=message):
        build(MatminerConfig(**options))


def test_an_import_path_is_no_class_name():
    with pytest.raises(ValueError, match="pattern"):
        MatminerConfig(featurizer="os.system")


def test_a_site_preset_that_needs_no_fit_works():
    config = MatminerConfig(
        featurizer="SiteStatsFingerprint", input="structure", preset="OPSiteFingerprint"
    )
    assert build(config).featurize(Materials.from_structures(["a"], [METAL])).values.shape[0] == 1


def test_formulas_are_refused_where_structures_are_needed():
    config = MatminerConfig(featurizer="DensityFeatures", input="structure")
    with pytest.raises(DataError, match="DensityFeatures needs crystal structures"):
        build(config).featurize(formulas("NaCl"))
