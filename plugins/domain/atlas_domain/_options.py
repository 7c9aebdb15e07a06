"""Options that detectors share. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Field

Quantile = Annotated[
    float,
    Field(
        gt=0.0,
        lt=1.0,
        description="Share of calibration materials below the threshold; those above are flagged.",
    ),
]
Compared = Annotated[
    Literal["fractions", "root_fractions", "features", "embedding"],
    Field(
        description="What is compared: atomic `fractions` of the 118 elements, their roots"
        " (`root_fractions`: distances are then Hellinger's), the arm's `features` (vectors,"
        " standardised), or the `embedding` of its trained model.",
    ),
]
