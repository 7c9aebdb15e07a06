"""Atomic fractions of the elements: one column an element."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import field_validator

from atlas_core.api import ATOMIC_NUMBER, Component, Config, Featurizer, Field, hookimpl


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


def _gives(config: ElementFractionsConfig) -> set[str]:
    """Fractions of chosen elements only are vectors, but no whole formula."""
    return {"features:vectors"} | ({"features:fractions"} if config.elements is None else set())


def build(config: ElementFractionsConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_composition._element_fractions import ElementFractions

    return ElementFractions(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``element_fractions``."""
    return [
        Component(
            "element_fractions",
            ElementFractionsConfig,
            build,
            needs={"inputs:composition"},
            gives=_gives,
        )
    ]
