"""matminer's featurizers by name, and what is said when a name or a row is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure

from atlas_core.api import DataError, Materials
from atlas_crystal import hooks
from atlas_crystal.hooks import MatminerConfig
from atlas_crystal.matminer import Matminer

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
    ours = Matminer(config).featurize(formulas("Fe2O3", "LiCoO2"))
    assert ours.labels.tolist() == theirs.feature_labels()
    expected = [theirs.featurize(Composition(text)) for text in ("Fe2O3", "LiCoO2")]
    np.testing.assert_allclose(ours.values, np.asarray(expected, dtype=float), rtol=1e-12)


def test_a_structure_featurizer_gives_matminers_numbers():
    config = MatminerConfig(
        featurizer="DensityFeatures", input="structure", options={"desired_features": ["vpa"]}
    )
    ours = Matminer(config).featurize(Materials.from_structures(["a", "b"], [SALT, METAL]))
    np.testing.assert_allclose(ours.values[:, 0], [3.2**3 / 2, 3.0**3 / 2])


def test_a_composition_featurizer_reads_crystals_as_their_formula():
    featurizer = Matminer(MatminerConfig(featurizer="Stoichiometry"))
    crystal = featurizer.featurize(Materials.from_structures(["a"], [SALT])).values
    np.testing.assert_array_equal(crystal, featurizer.featurize(formulas("NaCl")).values)


def test_the_input_option_decides_what_is_needed():
    assert hooks._matminer_requires(MatminerConfig()) == {"inputs:composition"}
    config = MatminerConfig(featurizer="DensityFeatures", input="structure")
    assert hooks._matminer_requires(config) == {"inputs:structure"}


def test_a_row_that_fails_is_nan_and_listed_with_its_reason():
    xenon = Structure(Lattice.cubic(6), ["Xe"], [[0, 0, 0]])  # matminer knows no radius of it
    config = MatminerConfig(featurizer="DensityFeatures", input="structure")
    crystals = Materials.from_structures(["salt", "gas", "metal"], [SALT, xenon, METAL])
    vectors = Matminer(config).featurize(crystals)
    assert np.isnan(vectors.values[1]).all()
    assert np.isfinite(vectors.values[[0, 2]]).all()
    ((failed, reason),) = vectors.failures
    assert failed == "gas"
    assert reason.startswith("TypeError: unsupported operand")


def test_a_featurizer_that_fails_for_every_row_is_an_error_with_the_first_reason():
    featurizer = Matminer(MatminerConfig(featurizer="OxidationStates", preset="deml"))
    with pytest.raises(DataError, match="failed for all 2 materials; id m0: ValueError: Oxidation"):
        featurizer.featurize(formulas("NaCl", "Fe2O3"))


def test_columns_of_text_are_left_out_with_one_warning_and_the_numbers_stay():
    module = pytest.importorskip("matminer.featurizers.composition")
    with pytest.warns(UserWarning, match="matminer") as caught:
        ours = Matminer(MatminerConfig(featurizer="AtomicOrbitals")).featurize(
            formulas("NaCl", "FeO")
        )
    assert [str(one.message) for one in caught if "matminer:" in str(one.message)] == [
        "matminer: AtomicOrbitals: no numbers in and left out: 'HOMO_character' ('p'),"
        " 'HOMO_element' ('Cl'), 'LUMO_character' ('s'), 'LUMO_element' ('Na')"
    ]
    assert ours.labels.tolist() == ["HOMO_energy", "LUMO_energy", "gap_AO"]
    assert ours.failures == ()
    theirs = module.AtomicOrbitals()
    for row, text in enumerate(["NaCl", "FeO"]):
        values = dict(
            zip(theirs.feature_labels(), theirs.featurize(Composition(text)), strict=True)
        )
        assert ours.values[row].tolist() == [values[label] for label in ours.labels]


class Made:
    """A featurizer that answers with what it is given for each formula."""

    def __init__(self, labels, rows):
        self.labels, self.rows = labels, rows

    def feature_labels(self):
        return self.labels

    def featurize(self, composition):
        return self.rows[composition.reduced_formula]


def made(labels, rows):
    featurizer = Matminer(MatminerConfig())
    featurizer.inner = Made(labels, rows)
    return featurizer


def test_a_column_with_text_in_one_row_is_left_out_of_all_rows():
    rows = {"NaCl": [1.0, 2.0], "FeO": [3.0, "none"], "LiF": [None, 4.0]}
    with pytest.warns(UserWarning, match=r"left out: 'b' \('none'\)$"):
        ours = made(["a", "b"], rows).featurize(formulas("NaCl", "FeO", "LiF"))
    assert ours.labels.tolist() == ["a"]
    np.testing.assert_array_equal(ours.values[:, 0], [1.0, 3.0, np.nan])
    assert ours.failures == ()


def test_a_featurizer_without_any_number_is_an_error():
    featurizer = made(["a", "b"], {"NaCl": ["x", [1, 2]]})
    with pytest.raises(DataError, match=r"no numbers in any column: 'a' \('x'\), 'b' \('\[1, 2\]'"):
        featurizer.featurize(formulas("NaCl"))


def test_an_infinite_number_fails_its_row_alone():
    ours = made(["a"], {"NaCl": [1.0], "FeO": [np.inf]}).featurize(formulas("NaCl", "FeO"))
    np.testing.assert_array_equal(ours.values[:, 0], [1.0, np.nan])
    assert ours.failures == (("m1", "column 'a' is infinite"),)


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
    with pytest.raises(ValueError, match=message):  # with the spec, before any data are read
        MatminerConfig(**options)


def test_an_import_path_is_no_class_name():
    with pytest.raises(ValueError, match="pattern"):
        MatminerConfig(featurizer="os.system")


def test_a_site_preset_that_needs_no_fit_works():
    config = MatminerConfig(
        featurizer="SiteStatsFingerprint", input="structure", preset="OPSiteFingerprint"
    )
    assert (
        Matminer(config).featurize(Materials.from_structures(["a"], [METAL])).values.shape[0] == 1
    )


def test_formulas_are_refused_where_structures_are_needed():
    config = MatminerConfig(featurizer="DensityFeatures", input="structure")
    with pytest.raises(DataError, match="DensityFeatures needs crystal structures"):
        Matminer(config).featurize(formulas("NaCl"))
