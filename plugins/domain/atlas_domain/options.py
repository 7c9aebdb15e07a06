"""The options of every detector. Light: pydantic only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import field_validator

from atlas_core.api import Config, Field

Quantile = Annotated[
    float,
    Field(
        gt=0.0,
        lt=1.0,
        description="Share of calibration materials below the threshold; those above are flagged.",
    ),
]
Compared = Annotated[
    Literal["fractions", "root_fractions", "features", "embedding"],
    Field(
        description="Representation: atomic `fractions` of the 118 elements, their square roots"
        " (`root_fractions`, i.e. Hellinger distances), the arm's `features`"
        " (vectors, standardized), or the `embedding` of its trained model.",
    ),
]
Averaged = Annotated[
    int, Field(ge=1, description="Number of nearest training materials that are averaged.")
]
Part = Literal[
    "sigma",
    "leaf",
    "leaf_local",
    "lof",
    "knn",
    "mahalanobis",
    "mahalanobis_fractions",
    "knn_fractions",
]
Rule = Literal["element", "pair", "range"]
PyODName = Literal[
    "ABOD", "CBLOF", "GMM", "HBOS", "IForest", "INNE", "KNN", "LOF", "MCD", "OCSVM", "PCA"
]
"""Detectors that score each row independently: PyOD's ECOD and COPOD do not; see ``ecod``."""


class DensityRatioConfig(Config):
    """Reference distribution, representation, and threshold."""

    background: Literal["shuffled", "uniform"] = Field(
        "uniform",
        description="Reference that the classifier separates from the training materials."
        " `shuffled`: each feature drawn independently from the training rows, so"
        " that only the dependence between features is lost. `uniform`: rows drawn"
        " uniformly from a box 10 % wider than the training data.",
    )
    trees: int = Field(200, ge=10, description="Number of trees of the classifier.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


class DisagreementConfig(Config):
    """Threshold for flagging a material."""

    quantile: Quantile = 0.95


class ECODConfig(Config):
    """Tails, representation, and threshold."""

    tails: Literal["ecod", "copod"] = Field(
        "ecod",
        description="Contribution of a feature: `ecod`: the less probable of its two tails;"
        " `copod`: the tail in the direction of its skewness, or the mean of both if"
        " that is larger.",
    )
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="The arm's feature vectors, or the embedding of its trained model. Not"
        " fractions: most are 0 throughout, so that any nonzero value is in the"
        " tail.",
    )
    quantile: Quantile = 0.95


class ElementDistanceConfig(Config):
    """Number of neighbors, scale of the elements, and threshold."""

    scale: Literal["pettifor", "atomic_number"] = Field(
        "pettifor",
        description="Scale on which elements are compared: the modified Pettifor scale of Glawe"
        " et al. 2016, on which similar elements are close, or the atomic number.",
    )
    neighbors: Averaged = 5
    quantile: Quantile = 0.95


class IsolationForestConfig(Config):
    """Number of trees, representation, and threshold."""

    trees: int = Field(200, ge=10, description="Number of trees.")
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="The arm's feature vectors, or the embedding of its trained model. Not"
        " fractions: a feature that is 0 throughout training is never split on, so"
        " that a material with an unseen element would look ordinary.",
    )
    quantile: Quantile = 0.95


class KernelDensityConfig(Config):
    """Bandwidth, representation, and threshold."""

    bandwidth: float | None = Field(
        None,
        gt=0.0,
        description="Width of the Gaussian kernels in units of the representation; null: the"
        " mean distance of training materials to their nearest 30 %, as in the"
        " paper.",
    )
    representation: Compared = "root_fractions"
    quantile: Quantile = 0.95


class KNNDistanceConfig(Config):
    """Number of neighbors, representation, and threshold."""

    neighbors: Averaged = 5
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


class LeafDetectorConfig(Config):
    """Number of neighbors, and threshold."""

    nearest: int = Field(
        5,
        ge=1,
        description="Number of training materials with the largest proximities, which"
        " are averaged.",
    )
    local: bool = Field(
        False,
        description="Compare with the proximity of those training materials to their own"
        " neighbors, as in the local outlier factor.",
    )
    quantile: Quantile = 0.95


class LOFConfig(Config):
    """Number of neighbors, representation, and threshold."""

    neighbors: int = Field(20, ge=2, description="Number of nearest training materials.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


class MahalanobisConfig(Config):
    """Representation, and threshold."""

    representation: Literal["arm", "fractions", "root_fractions", "features", "embedding"] = Field(
        "arm",
        description="Representation: what the `arm` uses (atomic fractions and, if its"
        " featurizer reads structures, also its features, or the volume per atom if"
        " these are graphs; the larger distance counts, each in units of its own"
        " threshold); atomic `fractions` of the 118 elements, their square roots"
        " (`root_fractions`, i.e. Hellinger distances), the arm's `features`"
        " (vectors, standardized), or the `embedding` of its trained model.",
    )
    shrinkage: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Shrinkage of the covariance toward the identity; null: the Ledoit-Wolf"
        " estimate.",
    )
    center: Literal["all", "size"] = Field(
        "all",
        description="Mean and covariance of `all` training rows, or of those with the same"
        " `size`, i.e. number of elements (few elements give extreme statistics, so"
        " that every binary looks far in feature space).",
    )
    quantile: Quantile = 0.95


class NoveltyConfig(Config):
    """Rule-based checks, detectors, and threshold."""

    parts: tuple[Part, ...] = Field(
        ("sigma", "leaf", "leaf_local", "lof", "knn_fractions"),
        min_length=1,
        description="Detectors that are combined: `sigma` of the arm's predictions; `leaf`, the"
        " leaf proximity of its trees, and `leaf_local`, the same relative to that"
        " of the nearest training materials; `lof`, `knn` and `mahalanobis` in the"
        " representation below; `mahalanobis_fractions` and `knn_fractions` in"
        " atomic fractions. For a network: `sigma`, `lof`, `mahalanobis` with"
        " representation `embedding`.",
    )
    rules: tuple[Rule, ...] = Field(
        ("element", "pair", "range"),
        description="Rule-based checks that add to the score and are reported as reasons: an"
        " `element` never seen in training (such a material is flagged), a `pair` of"
        " elements never seen together, a feature outside its training `range`."
        " Without `element` and the part `mahalanobis_fractions` the score does not"
        " detect new elements as such.",
    )
    representation: Compared = "features"
    neighbors: int = Field(20, ge=2, description="Number of nearest training materials for `lof`.")
    quantile: Quantile = 0.95

    @field_validator("parts", "rules")
    @classmethod
    def _distinct(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(named)) < len(named):
            raise ValueError("each may be named only once: it would count twice")
        return named


class RangeDetectorConfig(Config):
    """Representation, and threshold."""

    measure: Literal["degree", "share"] = Field(
        "degree",
        description="`degree`: the largest excess over the range, in training standard deviations;"
        " `share`: the share of features out of range.",
    )
    quantile: Quantile = 0.95


class PCAResidualConfig(Config):
    """Explained variance, representation, and threshold."""

    variance: float = Field(
        0.99,
        gt=0.0,
        lt=1.0,
        description="Share of the training variance that the principal axes retain.",
    )
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


class PyODConfig(Config):
    """Detector, representation, and threshold."""

    detector: PyODName = Field(
        "HBOS",
        description="A detector of PyOD, with PyOD's defaults. `ecod` offers ECOD and COPOD.",
    )
    representation: Compared = "features"
    quantile: Quantile = 0.95


class RelativeMahalanobisConfig(Config):
    """Representation, classes, and threshold."""

    classes: Literal["clusters", "family"] = Field(
        "clusters",
        description="`clusters`: found by k-means among the training materials; `family`: the anion"
        " families of the materials.",
    )
    clusters: int = Field(10, ge=2, description="Number of clusters, for classes `clusters`.")
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="The arm's feature vectors (standardized), or the embedding of its trained"
        " model. Not fractions: what no training row has cancels in the difference.",
    )
    quantile: Quantile = 0.95


class UnseenElementConfig(Config):
    """This detector has no options."""


class UnseenPairConfig(Config):
    """Threshold for flagging a material."""

    quantile: Quantile = 0.95
