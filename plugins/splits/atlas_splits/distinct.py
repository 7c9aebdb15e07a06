"""Random split in which no formula, nor one close to it, stands on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from atlas_core.api import I8, DataError, Materials, Split, SplitRequest, derive_seed
from atlas_splits._parts import assign, formula_groups, size_of
from atlas_splits.hooks import DistinctConfig

CHAINED = 0.5
"""Share of the rows in one group from which a distance has joined what is not near."""


class Distinct:
    """Cut all rows at random, near formulas together."""

    def __init__(self, config: DistinctConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold named ``distinct``.

        Raises:
            DataError: the distance joins most rows into one group, or too few groups for the parts.
        """
        config, n = self.config, len(request.materials)
        groups = near_formulas(request.materials, config.distance)
        largest = int(np.bincount(groups).max())
        if largest > CHAINED * n:
            raise DataError(
                f"distinct: distance {config.distance} joins {largest} of {n} rows into one group;"
                " take a smaller distance"
            )
        sizes = [size_of(config.test, n), size_of(config.calibration, n)]
        seed = derive_seed(request.context.seed, "distinct")
        test, calibration, train = assign(np.arange(n), sizes, seed, groups)
        if not len(train) or (config.calibration > 0 and not len(calibration)):
            raise DataError(
                f"distinct: {int(groups.max()) + 1} groups of near formulas are too few for all"
                " parts; take a smaller distance or more data"
            )
        return [Split("distinct", train=train, calibration=calibration, test=test)]


def near_formulas(materials: Materials, distance: float) -> I8:
    """Return (n,) group numbers: equal where a chain of near formulas joins two materials."""
    formula = formula_groups(materials)
    if distance == 0:
        return formula
    _, first = np.unique(formula, return_index=True)
    table = materials.take(np.sort(first)).element_fractions()
    order = formula[np.sort(first)]
    with threadpool_limits(limits=1):  # sums in one order: a pair at the very edge stays put
        model = NearestNeighbors(radius=distance, algorithm="brute").fit(table)
        graph = model.radius_neighbors_graph(table, mode="connectivity")
    _, label = connected_components(graph, directed=False)
    group = np.empty(len(order), dtype=np.int64)
    group[order] = label
    return group[formula]
