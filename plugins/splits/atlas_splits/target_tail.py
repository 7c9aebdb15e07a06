"""Hold out the rows with the highest or lowest targets."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig


class TargetTailConfig(InDomainConfig):
    """The extreme rows are held out: can the model extrapolate in the property itself?"""

    tail: Literal["high", "low"] = Field("high", description="Which end of the target to hold out.")
    fraction: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Fraction of rows held out; rows equal to the last one go with it.",
    )


def build(config: TargetTailConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._target_tail import TargetTail

    return TargetTail(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``target_tail``."""
    return [Component("target_tail", TargetTailConfig, build, needs={"target", "task:regression"})]
