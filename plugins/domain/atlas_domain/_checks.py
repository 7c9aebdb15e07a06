"""What a detector lacks, said before a training rather than after it. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_chemistry import families_of
from atlas_core.api import FoldFacts
from atlas_domain._representation import Represented, Scaling
from atlas_domain._spread import (
    at_hand,
    class_means,
    flat,
    no_bandwidth,
    no_covariance,
    no_spread,
)
from atlas_domain.options import (
    KernelDensityConfig,
    MahalanobisConfig,
    NoveltyConfig,
    RelativeMahalanobisConfig,
)

FOLDS = 5
"""Without calibration rows, `novelty` scores training rows by what was fitted to other folds."""


def two_rows(config: object, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with, or nothing."""
    n = len(facts.train)
    return [] if n >= 2 else [f"{n} training rows, needs at least 2; use more data"]


def spread(config: Represented, facts: FoldFacts) -> list[str]:
    """Return why the training rows have no spread to measure a distance by, or nothing."""
    return two_rows(config, facts) or no_spread(facts.train, config.representation)


def bandwidth(config: KernelDensityConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread to estimate the bandwidth from."""
    if config.bandwidth:
        return two_rows(config, facts)
    return spread(config, facts) or no_bandwidth(facts.train, config.representation)


def covariance(config: MahalanobisConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a covariance that can be inverted."""
    return two_rows(config, facts) or no_covariance(
        facts.train,
        config.representation,
        shrunk=config.shrinkage is not None,
        per_size=config.center == "size",
    )


def class_covariance(config: RelativeMahalanobisConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread of all and within the classes."""
    train = facts.train
    problems = two_rows(config, facts) or no_covariance(train, config.representation)
    if problems or not at_hand(train, config.representation):
        return problems
    values = Scaling.of(train, config.representation).apply(train)
    if config.classes == "clusters":
        kinds = len(np.unique(values, axis=0))
        if kinds > config.clusters:
            return []
        return [
            f"{len(train)} training rows of {kinds} kinds for {config.clusters} clusters, so"
            " none of these has a spread; lower `clusters`, or use knn_distance"
        ]
    family = np.unique(families_of(train.fractions), return_inverse=True)[1]
    within = values - class_means(values, family)[family]
    return [why] if (why := flat(within)) else []


def every_part(config: NoveltyConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread where a part measures distances by it."""
    n = len(facts.train)
    if not len(facts.calibration) and n < 2 * FOLDS:
        return [
            f"{n} training rows and no calibration rows, needs at least {2 * FOLDS} training rows;"
            " raise the split's `calibration` fraction or use more data"
        ]
    problems = two_rows(config, facts)
    if "mahalanobis" in config.parts:
        problems = problems or no_covariance(facts.train, config.representation)
    if "mahalanobis_fractions" in config.parts:
        problems = problems or no_covariance(facts.train, "fractions")
    return problems
