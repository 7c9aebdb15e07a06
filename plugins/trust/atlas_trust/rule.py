"""How a list of candidates is labeled, once the risk of each is known. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Field

Rule = Literal["set", "point"]

RuleField = Annotated[
    Rule,
    Field(
        description=(
            "`set`: trust the longest list of candidates, safest first, whose mean risk is at"
            " most 1 - target reliability. `point`: trust each candidate whose own risk is at"
            " most that; stricter."
        )
    ),
]
"""The option ``rule`` of a trust method."""
