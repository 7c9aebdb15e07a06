"""Thompson sampling: each pick is the best row of another draw (Thompson 1933)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_acquisition._signal import sigma, signed
from atlas_core.api import F8, AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import ThompsonConfig


@dataclass(frozen=True)
class Thompson:
    """Choose each row by the draw that comes next."""

    config: ThompsonConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose ``batch`` rows, each the best that is left in another draw.

        Draws are the prediction's own where it has them (joint over the pool), in a seeded order,
        again from the start when there are fewer than picks; else independent Gaussian numbers.
        The utility is the share of the pool that is less wanted: picks in their order, then
        the rest by the last draw.
        """
        n = len(request.ids)
        by_id = np.argsort(request.ids, kind="stable")  # chance and ties hang on ids
        rng = np.random.default_rng(request.context.seed)
        samples = request.prediction.samples
        left = np.ones(n, dtype=np.bool_)
        picks: list[int] = []
        if samples is not None:
            turn = rng.permutation(len(samples))
        else:
            mean = signed(request.prediction.mean, request.goal)[by_id]
            std = sigma(request, "thompson")[by_id]
        draw: F8 = np.zeros(n)
        for pick in range(request.batch):
            if samples is not None:
                draw = signed(samples[turn[pick % len(turn)]], request.goal)[by_id]
            else:
                draw = mean + std * rng.standard_normal(n)
            best = int(np.argmax(np.where(left, draw, -np.inf)))
            left[best] = False
            picks.append(best)
        rest = np.flatnonzero(left)
        rest = rest[np.argsort(-draw[rest], kind="stable")]
        utility = np.empty(n)
        utility[by_id[np.concatenate([np.array(picks, dtype=np.int64), rest])]] = (
            np.arange(n)[::-1] / n
        )
        return select_top(request, utility)
