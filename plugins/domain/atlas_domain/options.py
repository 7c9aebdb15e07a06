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
        description="What is compared: atomic `fractions` of the 118 elements, their roots"
        " (`root_fractions`: distances are then Hellinger's), the arm's `features` (vectors,"
        " standardised), or the `embedding` of its trained model.",
    ),
]
Averaged = Annotated[int, Field(ge=1, description="Nearest training materials that are averaged.")]
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
"""Detectors that score each row by itself: ECOD and COPOD of PyOD do not; see ``ecod``."""


class DensityRatioConfig(Config):
    """What they are contrasted with, of what, and what counts as outside."""

    background: Literal["shuffled", "uniform"] = Field(
        "uniform",
        description="What training materials are told from. `shuffled`: rows whose columns are"
        " drawn from the training rows one by one, so that only the dependence between columns is"
        " lost. `uniform`: rows drawn evenly from a box a tenth wider than the training data.",
    )
    trees: int = Field(200, ge=10, description="Trees of the classifier.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


class DisagreementConfig(Config):
    """What counts as outside."""

    quantile: Quantile = 0.95


class ECODConfig(Config):
    """Which tails count, of what, and what counts as outside."""

    tails: Literal["ecod", "copod"] = Field(
        "ecod",
        description="What a column adds: `ecod`: the more improbable of its two tails; `copod`: the"
        " tail that its skewness points to, or the mean of both where that is more.",
    )
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="Whose columns: the arm's feature vectors, or the embedding of its trained"
        " model. Not fractions: most are 0 throughout, and presence of anything is a tail.",
    )
    quantile: Quantile = 0.95


class ElementDistanceConfig(Config):
    """How many neighbours count, on which line of elements, and what counts as outside."""

    scale: Literal["pettifor", "atomic_number"] = Field(
        "pettifor",
        description="The line that atoms are moved along: the modified Pettifor scale of Glawe et"
        " al. 2016, on which similar elements are near, or the atomic number.",
    )
    neighbours: Averaged = 5
    quantile: Quantile = 0.95


class IsolationForestConfig(Config):
    """How many trees, of what, and what counts as outside."""

    trees: int = Field(200, ge=10, description="Trees in the forest.")
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="What is cut: the arm's feature vectors, or the embedding of its trained"
        " model. Not fractions: a column that is 0 throughout training is never cut, so an"
        " element that was never seen would make a material look ordinary.",
    )
    quantile: Quantile = 0.95


class KernelDensityConfig(Config):
    """How smooth the density is, of what, and what counts as outside."""

    bandwidth: float | None = Field(
        None,
        gt=0.0,
        description="Width of the Gaussian kernels in the units of the representation; none: the"
        " mean distance of training materials to their nearest 30 %, as in the paper.",
    )
    representation: Compared = "root_fractions"
    quantile: Quantile = 0.95


class KNNDistanceConfig(Config):
    """How many neighbours count, of what, and what counts as outside."""

    neighbours: Averaged = 5
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


class LeafDetectorConfig(Config):
    """How many neighbours count, and what counts as outside."""

    nearest: int = Field(
        5, ge=1, description="Training materials with the largest proximities, which are averaged."
    )
    local: bool = Field(
        False,
        description="Compare with how alone those training materials are themselves, as the local"
        " outlier factor does.",
    )
    quantile: Quantile = 0.95


class LOFConfig(Config):
    """How many neighbours count, of what, and what counts as outside."""

    neighbours: int = Field(20, ge=2, description="Nearest training materials that count.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


class MahalanobisConfig(Config):
    """What is measured, and what counts as outside."""

    representation: Literal["arm", "fractions", "root_fractions", "features", "embedding"] = Field(
        "arm",
        description="What is compared: what the `arm` looks at (atomic fractions and, where its"
        " featurizer reads structures, also its features, or the volume per atom where these are"
        " graphs: the larger distance counts, each in units of its own threshold); atomic"
        " `fractions` of the 118 elements, their roots (`root_fractions`: distances are then"
        " Hellinger's), the arm's `features` (vectors, standardised), or the `embedding` of its"
        " trained model.",
    )
    shrinkage: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="Share of the identity in the covariance; none: that of Ledoit and Wolf, found"
        " from the rows.",
    )
    centre: Literal["all", "size"] = Field(
        "all",
        description="Whose mean and covariance: those of `all` training rows, or of those of the"
        " same `size`, the number of elements (few elements make extreme statistics, so that in"
        " features every binary looks far).",
    )
    quantile: Quantile = 0.95


class NoveltyConfig(Config):
    """Which facts and which detectors count, and what counts as outside."""

    parts: tuple[Part, ...] = Field(
        ("sigma", "leaf", "leaf_local", "lof", "knn_fractions"),
        min_length=1,
        description="Detectors that are combined: `sigma` of the arm's predictions; `leaf`, company"
        " in the leaves of its trees, and `leaf_local`, the same beside that of the nearest"
        " training materials; `lof`, `knn` and `mahalanobis` in the representation below;"
        " `mahalanobis_fractions` and `knn_fractions` in atomic fractions. For a network: `sigma`,"
        " `lof`, `mahalanobis` with representation `embedding`.",
    )
    rules: tuple[Rule, ...] = Field(
        ("element", "pair", "range"),
        description="Facts that count and are told: an `element` never seen in training (such a"
        " material is flagged), a `pair` of elements never seen together, a feature outside its"
        " training `range`. Without `element` and without the part `mahalanobis_fractions` nothing"
        " is known of new elements as such.",
    )
    representation: Compared = "features"
    neighbours: int = Field(20, ge=2, description="Nearest training materials for `lof`.")
    quantile: Quantile = 0.95

    @field_validator("parts", "rules")
    @classmethod
    def _distinct(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(named)) < len(named):
            raise ValueError("each may be named once only: it would count twice")
        return named


class RangeDetectorConfig(Config):
    """What is measured, and what counts as outside."""

    measure: Literal["degree", "share"] = Field(
        "degree",
        description="`degree`: the largest excess over the range, in training standard deviations;"
        " `share`: the share of features out of range.",
    )
    quantile: Quantile = 0.95


class PCAResidualConfig(Config):
    """How much the axes express, of what, and what counts as outside."""

    variance: float = Field(
        0.99, gt=0.0, lt=1.0, description="Share of the training variance that the axes keep."
    )
    representation: Compared = "fractions"
    quantile: Quantile = 0.95


class PyODConfig(Config):
    """Which detector, of what, and what counts as outside."""

    detector: PyODName = Field(
        "HBOS",
        description="A detector of PyOD, with PyOD's defaults. `ecod` offers ECOD and COPOD.",
    )
    representation: Compared = "features"
    quantile: Quantile = 0.95


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


class UnseenElementConfig(Config):
    """This detector has no options."""


class UnseenPairConfig(Config):
    """What counts as outside."""

    quantile: Quantile = 0.95
