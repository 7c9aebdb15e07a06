"""Mahalanobis distance to the nearest class less that to all (Ren et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from atlas_core.api import Component, Config, Field, FoldFacts, anion_family, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._representation import NEEDS, Scaling
from atlas_domain._spread import at_hand, class_means, flat, no_covariance, two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class RelativeMahalanobisConfig(Config):
    """What is compared, in which classes, and what counts as outside."""

    classes: Literal["clusters", "family"] = Field(
        "clusters",
        description="`clusters`: found by k-means among the training materials; `family`: the anion"
        " families of the materials.",
    )
    clusters: int = Field(10, ge=2, description="How many, for classes `clusters`.")
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="What is compared: the arm's feature vectors (standardised), or the embedding"
        " of its trained model. Not fractions: what no training row has cancels in the difference.",
    )
    quantile: Quantile = 0.95


def needs(config: RelativeMahalanobisConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: RelativeMahalanobisConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._relative_mahalanobis import RelativeMahalanobis

    return RelativeMahalanobis(
        config.classes, config.clusters, config.representation, config.quantile
    )


def check(config: RelativeMahalanobisConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread of all and within the classes."""
    train = facts.train
    told = two_rows(facts) or no_covariance(train, config.representation)
    if told or not at_hand(train, config.representation):
        return told
    values = Scaling.of(train, config.representation).apply(train)
    if config.classes == "clusters":
        kinds = len(np.unique(values, axis=0))
        return (
            []
            if kinds > config.clusters
            else [
                f"{len(train)} training rows of {kinds} kinds for {config.clusters} clusters, so"
                " none of these has a spread; lower `clusters`, or use knn_distance"
            ]
        )
    family = np.unique(anion_family(train.materials), return_inverse=True)[1]
    within = values - class_means(values, family)[family]
    return [why] if (why := flat(within)) else []


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``relative_mahalanobis``."""
    return [
        Component(
            "relative_mahalanobis",
            RelativeMahalanobisConfig,
            build,
            needs=needs,
            citation="10.48550/arXiv.2106.09022",
            expected_failures={
                "far_scores_above_near": "what is far from every class is far from their"
                " common mean too, and that cancels",
            },
            check=check,
        )
    ]
