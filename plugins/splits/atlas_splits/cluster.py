"""LOCO: hold out one k-means cluster of materials per fold (Meredig et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from atlas_core.api import SYMBOLS, DataError, Split, SplitRequest, derive_seed
from atlas_splits._parts import hold_out
from atlas_splits._representation import describe
from atlas_splits.hooks import ClusterConfig


class Cluster:
    """Hold out one cluster per fold (LOCO-CV, Meredig et al. 2018)."""

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold a cluster, ``cluster_0`` being the largest.

        Raises:
            DataError: fewer different compositions than clusters, or too few rows remain.
        """
        clusters = self.config.clusters
        fractions = request.materials.element_fractions()
        space = describe(request.materials, self.config.representation)
        distinct = len(np.unique(space.round(9), axis=0))
        if distinct < clusters:
            what = "structures" if self.config.representation == "structure" else "compositions"
            raise DataError(f"cluster: {distinct} different {what} cannot make {clusters} clusters")
        seed = derive_seed(request.context.seed, "cluster") % 2**32
        with threadpool_limits(limits=1):  # threads add up in no fixed order: labels could differ
            model = KMeans(clusters, n_init=self.config.restarts, random_state=seed)
            labels = model.fit_predict(space)
        first = np.asarray([np.flatnonzero(labels == k)[0] for k in range(clusters)])
        order = np.lexsort((first, -np.bincount(labels, minlength=clusters)))
        wanted = min(self.config.held_out or clusters, clusters)
        rng = np.random.default_rng(derive_seed(request.context.seed, "cluster", "held out"))
        drawn = np.sort(rng.choice(clusters, wanted, replace=False))
        folds = []
        for index, label in zip(drawn.tolist(), order[drawn], strict=True):
            held = labels == label
            common = np.argsort(-fractions[held].mean(axis=0), kind="stable")[:3]
            named = ", ".join(SYMBOLS[z + 1] for z in common)
            folds.append(
                hold_out(
                    f"cluster_{index}",
                    held,
                    config=self.config,
                    materials=request.materials,
                    seed=request.context.seed,
                    held_out=f"materials of cluster {index} (richest in {named})",
                )
            )
        return folds
