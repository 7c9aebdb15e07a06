"""Hold out the rows with the highest or lowest targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import DataError, Split, SplitRequest
from atlas_splits._parts import hold_out, size_of
from atlas_splits.hooks import TargetTailConfig


class TargetTail:
    """Put the rows with extreme targets into ``ood_test``."""

    def __init__(self, config: TargetTailConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold, ``high tail`` or ``low tail``.

        Equal targets stay together: the class is every row at or beyond the last extreme value.

        Raises:
            DataError: targets are missing or 0/1, all rows are in the tail, or too few remain.
        """
        target, tail = request.target, self.config.tail
        if target is None:
            raise DataError("target_tail: it needs the targets")
        if request.context.task == "binary":
            raise DataError("target_tail: a 0/1 target has no tail; use a regression target")
        size = size_of(self.config.fraction, len(target))
        if tail == "high":
            edge = np.sort(target)[-size]
            held, sign = target >= edge, ">="
        else:
            edge = np.sort(target)[size - 1]
            held, sign = target <= edge, "<="
        return [
            hold_out(
                f"{tail} tail",
                held,
                config=self.config,
                materials=request.materials,
                seed=request.context.seed,
                held_out=f"materials with target {sign} {edge:.4g}",
            )
        ]
