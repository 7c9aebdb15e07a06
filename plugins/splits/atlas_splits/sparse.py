"""Hold out materials in sparse regions of composition, structure or target space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from atlas_core.api import F8, I8, DataError, Split, SplitRequest, derive_seed
from atlas_splits._parts import hold_out
from atlas_splits._representation import describe
from atlas_splits.hooks import SparseConfig

CROWD = 10
"""The distance to this neighbor measures density: a pair of rare twins is rare."""


class Sparse:
    """Put the loneliest rows, with their neighbors, into ``ood_test``."""

    def __init__(self, config: SparseConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold ``sparse``, or ``sparse_0``, ... from the loneliest point on.

        Raises:
            DataError: too few rows, a 0/1 target, or no target where density of it is asked for.
        """
        config, n = self.config, len(request.materials)
        space = self._space(request)
        if n <= CROWD + config.points:
            raise DataError(
                f"sparse: {n} rows are too few for {config.points} points; lower points"
            )
        with threadpool_limits(limits=1):  # threads add up in no fixed order: ties could differ
            model = NearestNeighbors(n_neighbors=max(CROWD, config.neighbors) + 1).fit(space)
            distance, near = model.kneighbors(space)
            seed = derive_seed(request.context.seed, "sparse") % 2**32
            points = self._points(space, distance[:, CROWD], seed)
        groups = [
            np.unique(np.append(near[point, : config.neighbors + 1], point)) for point in points
        ]
        where = "target" if config.space == "target" else config.representation
        if config.pooled:
            groups = [np.unique(np.concatenate(groups))]
        folds = []
        for i, rows in enumerate(groups):
            held = np.zeros(n, dtype=np.bool_)
            held[rows] = True
            folds.append(
                hold_out(
                    "sparse" if config.pooled else f"sparse_{i}",
                    held,
                    config=config,
                    materials=request.materials,
                    seed=request.context.seed,
                    held_out=f"materials in sparse regions of the {where}",
                )
            )
        return folds

    def _space(self, request: SplitRequest) -> F8:
        if self.config.space == "materials":
            return describe(request.materials, self.config.representation)
        if request.target is None:
            raise DataError("sparse: space target needs the targets")
        if request.context.task == "binary":
            raise DataError("sparse: a 0/1 target has no sparse region; use a regression target")
        return request.target[:, None]

    def _points(self, space: F8, lonely: F8, seed: int) -> I8:
        """Return the loneliest row of each region that the sparsest rows fall into."""
        wanted = max(round(self.config.candidates * len(space)), self.config.points)
        rows = np.sort(np.lexsort((np.arange(len(space)), -lonely))[:wanted])
        distinct = len(np.unique(space[rows].round(9), axis=0))
        regions = min(self.config.points, distinct)
        labels = KMeans(regions, n_init=1, random_state=seed).fit_predict(space[rows])
        best = [
            int(rows[labels == k][np.argmax(lonely[rows[labels == k]])])
            for k in range(regions)
            if (labels == k).any()
        ]
        order = np.lexsort((best, -lonely[best]))
        return np.asarray(best, dtype=np.int64)[order]
