"""One border for all materials, such as 0 eV/atom above the hull that a data set tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import F8, Border, DataContext, Materials, Wording
from atlas_stability.decision import LearnedDecisions

if TYPE_CHECKING:
    from atlas_stability.hooks import LimitConfig


@dataclass(frozen=True)
class Limit(LearnedDecisions):
    """Hold targets against a number; there is nothing to read."""

    config: LimitConfig
    fingerprint = ""
    unit = ""

    def load(self, context: DataContext) -> Limit:
        """Return itself."""
        return self

    def wording(self, known: Materials) -> Wording:
        """Return what the sides are called, and which number it is."""
        config = self.config
        return Wording(
            yes=config.yes, no=config.no, border="the limit",
            against=f"a limit of {config.value:g}",
        )  # fmt: skip

    def border(self, asked: Materials, known: Materials, target: F8) -> Border:
        """Return the number, n times."""
        n = len(asked)
        return Border(np.full(n, self.config.value), [f"{self.config.value:g}"] * n)
