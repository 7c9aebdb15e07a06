"""Formulas and links as a page shows them."""

from __future__ import annotations

import pytest

from atlas_pages.formatting import alloy, formula, linked

MARAGING = (
    "Fe0.620C0.000953Mn0.000521Si0.00102Cr0.000110Ni0.192Mo0.0176V0.000112Nb0.0000616Co0.146"
    "Al0.00318Ti0.0185"
)


def test_a_steel_is_read_in_atomic_percent_without_exponents() -> None:
    # the fractions add up to 1.0002: 19.2 at% of nickel, 0.095 of carbon, 0.011 of vanadium
    text = "Fe-19.2Ni-14.6Co-1.8Ti-1.8Mo-0.3Al-0.1Si-0.1C-0.1Mn + V, Cr, Nb (at%)"
    assert alloy(MARAGING) == text
    assert formula(MARAGING) == text
    assert alloy("Ni0.99993809Nb6.191e-05") == "Ni + Nb (at%)"
    assert alloy("Al0.25Co0.25Cr0.25Fe0.25") == "Al-25Co-25Cr-25Fe (at%)"


@pytest.mark.parametrize(
    "text",
    ["BaTiO3", "La0.8Sr0.2Co0.5Fe0.5O3", "In0.5Ga0.5As", "Fe0.65Ni0.18Co0.17", "Ca3(PO4)2",
     "", "0.5", "<b>0.5</b>", "In0.5Ga0.5As0.5P0.5"],
)  # fmt: skip
def test_other_formulas_stay_as_they_are(text: str) -> None:
    assert alloy(text) == text


def test_an_id_links_to_its_page_and_opens_nothing_else() -> None:
    assert linked("mp-1", "") == "mp-1"
    page = "https://x.org/m/{id}"
    assert linked("mp-1", page) == '<a href="https://x.org/m/mp-1" rel="noreferrer">mp-1</a>'
    made = linked('"><script>', page)
    assert made == (
        '<a href="https://x.org/m/%22%3E%3Cscript%3E" rel="noreferrer">&#34;&gt;&lt;script&gt;</a>'
    )
