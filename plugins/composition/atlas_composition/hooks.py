"""Featurizers of formulas and their options. Light."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import field_validator

from atlas_core.api import ATOMIC_NUMBER, Component, Config, Field, hookimpl


class ElementFractionsConfig(Config):
    """Fractions of the whole composition, for all elements or for some."""

    elements: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Symbols of the columns to keep, in this order; null keeps all 118.",
    )

    @field_validator("elements")
    @classmethod
    def _known(cls, symbols: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for symbol in symbols or ():
            if symbol not in ATOMIC_NUMBER:
                close = get_close_matches(symbol.capitalize(), ATOMIC_NUMBER, n=3)
                hint = f"; did you mean {', '.join(close)}?" if close else ""
                raise ValueError(f"unknown element symbol {symbol!r}{hint}")
        if symbols is not None and len(set(symbols)) != len(symbols):
            raise ValueError("an element is given twice")
        return symbols


class IonPropertiesConfig(Config):
    """As in matminer's IonProperty, on the reduced formula; no options."""


class MagpieConfig(Config):
    """The Magpie preset as defined by matminer; no options."""


class StoichiometryConfig(Config):
    """The p-norms for p = 0, 2, 3, 5, 7 and 10, matminer's default; no options."""


class ValenceOrbitalsConfig(Config):
    """Mean number and share of the valence electrons in each orbital; no options."""


def _element_fractions_provides(config: ElementFractionsConfig) -> set[str]:
    """Fractions of chosen elements only are vectors, but no whole formula."""
    return {"features:vectors"} | ({"features:fractions"} if config.elements is None else set())


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer the featurizer components."""
    return [
        Component(
            "element_fractions",
            ElementFractionsConfig,
            "atlas_composition.element_fractions:ElementFractions",
            requires={"inputs:composition"},
            provides=_element_fractions_provides,
        ),
        Component(
            "ion_properties",
            IonPropertiesConfig,
            "atlas_composition.ion_properties:IonProperties",
            requires={"inputs:composition"},
            provides={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        ),
        Component(
            "magpie",
            MagpieConfig,
            "atlas_composition.magpie:Magpie",
            requires={"inputs:composition"},
            provides={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        ),
        Component(
            "stoichiometry",
            StoichiometryConfig,
            "atlas_composition.stoichiometry:Stoichiometry",
            requires={"inputs:composition"},
            provides={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        ),
        Component(
            "valence_orbitals",
            ValenceOrbitalsConfig,
            "atlas_composition.valence_orbitals:ValenceOrbitals",
            requires={"inputs:composition"},
            provides={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        ),
    ]
