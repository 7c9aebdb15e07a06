"""One border for all materials, such as 0 eV/atom above the hull that a data set tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import F8, Border, BorderRows, DataContext, Decision, Materials, Wording
from atlas_stability.decision import learned

if TYPE_CHECKING:
    from atlas_stability.hooks import LimitConfig


@dataclass(frozen=True)
class Limit:
    """Hold targets against a number; there is nothing to read."""

    config: LimitConfig
    fingerprint = ""
    unit = ""

    @property
    def margin(self) -> float:
        """Return how far above the number still is near, in the target's unit."""
        return self.config.margin

    @property
    def target_reliability(self) -> float:
        """Return the share of trusted decisions that should be right."""
        return self.config.target_reliability

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

    def learn(self, rows: BorderRows, margin: float) -> Decision:
        """Return the probability of at most ``margin`` above the number; see ``decision``."""
        return learned(rows, margin)
