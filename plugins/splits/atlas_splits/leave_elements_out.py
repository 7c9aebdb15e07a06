"""Hold out every material that contains one of the given elements."""

from __future__ import annotations

from difflib import get_close_matches

from pydantic import field_validator

from atlas_core.api import ATOMIC_NUMBER, Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig


class LeaveElementsOutConfig(InDomainConfig):
    """Materials with any of the elements are held out; the others are cut at random."""

    elements: tuple[str, ...] = Field(
        ("F",), min_length=1, description="Symbols; a material with any of them is held out."
    )

    each: bool = Field(
        False, description="Hold out each element in a fold of its own, not all of them at once."
    )

    @field_validator("elements")
    @classmethod
    def _known(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            if symbol not in ATOMIC_NUMBER:
                close = get_close_matches(symbol.capitalize(), ATOMIC_NUMBER, n=3)
                hint = f"; did you mean {', '.join(close)}?" if close else ""
                raise ValueError(f"unknown element symbol {symbol!r}{hint}")
        if len(set(symbols)) != len(symbols):
            raise ValueError("an element is given twice")
        return symbols


def build(config: LeaveElementsOutConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._leave_elements_out import LeaveElementsOut

    return LeaveElementsOut(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``leave_elements_out``."""
    return [
        Component(
            "leave_elements_out",
            LeaveElementsOutConfig,
            build,
            needs={"inputs:composition"},
            citation="10.1039/C8ME00012C",
        )
    ]
