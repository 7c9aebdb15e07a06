"""Element fractions by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_composition.element_fractions import ElementFractions
from atlas_composition.hooks import ElementFractionsConfig
from atlas_core.api import SYMBOLS, Materials
from atlas_core.testing import find_component


def featurize(formulas, config=None):
    ids = [f"m{i}" for i in range(len(formulas))]
    config = ElementFractionsConfig() if config is None else config
    return ElementFractions(config).featurize(Materials.from_formulas(ids, formulas))


def test_all_columns_are_labeled_by_symbol_and_sum_to_one():
    vectors = featurize(["Fe2O3", "Li0.5CoO2"])
    assert vectors.labels.tolist() == list(SYMBOLS[1:])
    np.testing.assert_allclose(vectors.values.sum(axis=1), 1, rtol=1e-15)
    assert vectors.values[0, 25] == pytest.approx(0.4)
    assert vectors.values[1, 2] == pytest.approx(0.5 / 3.5)


def test_chosen_columns_keep_their_order_and_the_whole_as_reference():
    vectors = featurize(["Fe2O3"], ElementFractionsConfig(elements=["O", "Li"]))
    assert vectors.labels.tolist() == ["O", "Li"]
    assert vectors.values.tolist() == [[pytest.approx(0.6), 0]]


def test_an_unknown_symbol_names_close_ones():
    with pytest.raises(ValueError, match="unknown element symbol 'li'; did you mean Li"):
        ElementFractionsConfig(elements=["li"])


def test_only_all_columns_are_whole_formulas():
    component, _ = find_component("element_fractions", "featurizer")
    assert component.provides_of(ElementFractionsConfig()) == {
        "features:vectors",
        "features:fractions",
    }
    some = ElementFractionsConfig(elements=["Fe", "O"])
    assert component.provides_of(some) == {"features:vectors"}
