"""Which elements are left out, on hand-made counts."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_core.api import (
    ATOMIC_NUMBER,
    SYMBOLS,
    DataError,
    FitContext,
    Materials,
    Split,
    SplitRequest,
)
from atlas_splits import hooks, representative_elements
from atlas_splits._elements import BLOCKS, blocks
from atlas_splits.representative_elements import choose, training_groups


def counts(**rows: int) -> np.ndarray:
    table = np.zeros(119, dtype=np.int64)
    for symbol, n in rows.items():
        table[ATOMIC_NUMBER[symbol]] = n
    return table


MANY = counts(
    O=500, F=120, H=90, S=200, N=100, Cl=90, Cs=60, Li=200, Na=150, Fe=200, Ti=150, Co=100,
    La=80, Ce=60, U=50, Al=150, Ga=80, Sn=60,
)  # fmt: skip


def symbols(chosen: list[int]) -> list[str]:
    return [SYMBOLS[z] for z in chosen]


def test_the_most_frequent_non_metal_and_the_ends_come_first():
    for seed in range(20):
        chosen = symbols(choose(MANY, 1000, count=8, minimum=40, seed=seed))
        # O is the most frequent non-metal, F the most and Cs the least electronegative; H, the
        # smallest, would take the non-metals' last place
        assert chosen[:3] == ["O", "F", "Cs"]


def test_eight_elements_have_the_stated_blocks():
    for seed in range(20):
        chosen = choose(MANY, 1000, count=8, minimum=40, seed=seed)
        assert len(set(chosen)) == 8
        assert np.bincount(blocks()[chosen], minlength=5).tolist() == [3, 2, 1, 1, 1]


def test_more_elements_keep_the_shares_and_bring_the_smallest_in():
    chosen = choose(MANY, 1000, count=16, minimum=40, seed=0)
    assert symbols(chosen)[:4] == ["O", "F", "Cs", "H"]
    # 6 non-metals, 4 transition metals of which there are 3, 2 of each other family, and one
    # more from the family that is nearest to its share
    assert np.bincount(blocks()[chosen], minlength=5)[:2].tolist() == [6, 3]
    assert len(chosen) == 16


def test_an_element_is_skipped_where_too_few_rows_would_remain():
    rows = MANY.copy()
    rows[ATOMIC_NUMBER["O"]] = 701
    assert "O" not in symbols(choose(rows, 1000, count=18, minimum=40, seed=0))
    rows[ATOMIC_NUMBER["O"]] = 700
    assert symbols(choose(rows, 1000, count=1, minimum=40, seed=0)) == ["O"]


def test_elements_below_the_minimum_are_never_chosen_and_all_others_are_used_up():
    chosen = symbols(choose(MANY, 1000, count=100, minimum=100, seed=0))
    frequent = [SYMBOLS[z] for z in np.flatnonzero(MANY >= 100)]
    assert sorted(chosen) == sorted(frequent)


def test_another_seed_draws_others_and_the_same_seed_the_same():
    drawn = {tuple(choose(MANY, 1000, count=8, minimum=40, seed=seed)) for seed in range(10)}
    assert len(drawn) > 1
    assert choose(MANY, 1000, count=8, minimum=40, seed=3) == choose(
        MANY, 1000, count=8, minimum=40, seed=3
    )


def test_the_draw_prefers_frequent_elements_by_the_root_of_their_rows():
    rows = counts(O=400, F=300, Cs=50, Fe=400, Co=100)  # 2 to 1 after the root
    fourth = [choose(rows, 1000, count=4, minimum=40, seed=seed)[3] for seed in range(600)]
    share = np.mean([SYMBOLS[z] == "Fe" for z in fourth])
    assert share == pytest.approx(2 / 3, abs=3 * np.sqrt(2 / 9 / 600))


def test_no_element_that_can_be_left_out_says_what_to_change():
    with pytest.raises(DataError, match=r"no element is in 40 rows.*lower minimum"):
        choose(counts(O=30, F=10), 40, count=8, minimum=40, seed=0)


def test_each_fold_holds_out_all_materials_with_its_element():
    formulas = ["LiF", "NaF", "Li2O", "FeO", "NaCl", "FeF2"] * 4
    materials = Materials.from_formulas([f"m{i}" for i in range(24)], formulas)
    config = hooks.RepresentativeElementsConfig(count=3, minimum=4)
    folds = representative_elements.RepresentativeElements(config).split(
        SplitRequest(materials, {}, FitContext(5))
    )
    # F is the most frequent, Na the least electronegative, Fe the one transition metal
    assert [fold.name for fold in folds] == ["without F", "without Na", "without Fe"]
    assert folds[0].ood_test.tolist() == [i for i in range(24) if i % 6 in {0, 1, 5}]
    assert folds[1].ood_test.tolist() == [i for i in range(24) if i % 6 in {1, 4}]
    assert [fold.held_out for fold in folds[:1]] == ["materials with F"]


def numbers(text: str) -> list[int]:
    return [ATOMIC_NUMBER[symbol] for symbol in text.split()]


def test_companies_are_of_different_families_and_leave_a_crowded_element_alone():
    share = counts(O=500, F=120, H=90, Cs=60, Fe=200, Ni=90, Er=80) / 1000
    dealt = training_groups(numbers("O F Cs H Fe Ni Er"), share, together=3)
    # two hands: F and H are dealt first, then Fe and Ni, then Er, then Cs
    assert [symbols(one) for one in dealt] == [["O"], ["F", "Fe", "Er"], ["H", "Ni", "Cs"]]


def test_without_company_each_element_is_alone_in_the_order_that_they_were_chosen():
    chosen = numbers("O F Cs H")
    assert training_groups(chosen, counts(O=1) / 10, together=1) == [[z] for z in chosen]


def threes(formulas: list[str]) -> dict[str, Split]:
    """Return the folds by name, three elements together."""
    materials = Materials.from_formulas([f"m{i}" for i in range(len(formulas))], formulas)
    config = hooks.RepresentativeElementsConfig(count=4, minimum=4, together=3)
    found = representative_elements.RepresentativeElements(config).split(
        SplitRequest(materials, {}, FitContext(5))
    )
    return {fold.name: fold for fold in found}


def test_elements_together_share_a_training_part_that_is_without_all_of_them():
    formulas = ["LiF", "NaS", "Li2O", "FeO", "KCl", "FeS", "K2O", "LiO", "K2O3", "LiCl"] * 8
    folds = threes(formulas)
    # O is in half of the rows and K in three of ten: each stands alone; F and Fe share
    assert list(folds) == ["without O", "without K", "without F", "without Fe"]
    oxygen, _, fluorine, iron = folds.values()
    assert np.array_equal(fluorine.train, iron.train)
    assert not np.array_equal(oxygen.train, iron.train)
    learned = {formulas[row] for row in iron.train}
    assert learned <= {"NaS", "Li2O", "KCl", "K2O", "LiO", "K2O3", "LiCl"}
    assert {formulas[row] for row in iron.ood_test} == {"FeO", "FeS"}
    assert {formulas[row] for row in fluorine.ood_test} == {"LiF"}


def test_a_material_with_two_elements_of_a_company_is_in_none_of_their_classes():
    formulas = ["FeF2", "FeO", "LiF", "Li2O", "K2O", "KCl", "K2O3", "LiO", "LiCl", "KO"] * 8
    folds = threes(formulas)
    fluorine, iron = folds["without F"], folds["without Fe"]
    assert np.array_equal(fluorine.train, iron.train)
    assert {formulas[row] for row in iron.ood_test} == {"FeO"}
    assert {formulas[row] for row in fluorine.ood_test} == {"LiF"}


@pytest.mark.parametrize(
    ("symbol", "family"),
    [
        ("O", "non-metal"), ("Si", "non-metal"), ("Xe", "non-metal"), ("H", "non-metal"),
        ("Fe", "transition metal"), ("Zn", "transition metal"), ("Hf", "transition metal"),
        ("La", "f-block"), ("Lu", "f-block"), ("U", "f-block"), ("Li", "s-block"),
        ("Ba", "s-block"), ("Al", "p-metal"), ("Bi", "p-metal"), ("Tl", "p-metal"),
    ],
)  # fmt: skip
def test_blocks_of_well_known_elements(symbol, family):
    assert BLOCKS[blocks()[ATOMIC_NUMBER[symbol]]] == family
