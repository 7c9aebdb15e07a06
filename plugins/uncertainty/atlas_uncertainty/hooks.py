"""Uncertainty methods and their options. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, OfKind, Use, hookimpl

MOST_PASSES = 10_000


class CommitteeConfig(Config):
    """Models of different kinds, each on its own features, whose errors are less correlated.

    Models of the same kind on the same features make similar errors and agree on them.
    """

    members: tuple[Annotated[Use, OfKind("model")], ...] = Field(
        (
            Use(use="ridge"),
            Use(use="knn"),
            Use(use="extra_trees", options={"trees": 100}),
            Use(use="gradient_boosting", options={"trees": 200}),
        ),
        min_length=1,
        max_length=100,
        description="Models in addition to the arm's own, with their options; the same one may be"
        " listed twice.",
    )
    columns: Literal["random", "labels", "all"] = Field(
        "random",
        description="Features of each: a random subset (Ho 1998), those whose labels differ only"
        " in the last word (with `magpie`: one statistic), in turn, or all.",
    )
    share: float = Field(0.5, gt=0, le=1, description="Fraction of the features with `random`.")
    mean: Literal["model", "committee"] = Field(
        "model", description="Predict the arm's own model, or the mean of the committee."
    )


class DistanceScaledConfig(Config):
    """A variance that grows with the mean distance to the nearest training rows.

    Trains the model once on all rows, and once per fold and per cluster.
    """

    representation: Literal["vectors", "embedding"] = Field(
        "vectors",
        description="Distances between feature vectors, or in the embedding of the trained model.",
    )
    neighbors: int = Field(5, ge=1, le=1000, description="Number of nearest training rows.")
    folds: int = Field(
        5, ge=2, le=100, description="Number of random folds that are left out in turn."
    )
    clusters: int = Field(
        5,
        ge=0,
        le=100,
        description="Number of k-means clusters that are left out as well, 0 for none: random"
        " rows are too close to the others to show how errors grow with distance.",
    )
    reference_rows: int = Field(
        20_000,
        ge=10,
        description="Maximum number of training rows to which distances are computed.",
    )


class EnsembleConfig(Config):
    """Train any model k times."""

    k: int = Field(5, ge=2, le=1000, description="Number of models to train.")
    resample: Literal["seeds", "bootstrap"] = Field(
        "seeds",
        description="`seeds`: all rows, different seeds. `bootstrap`: resampled rows as well,"
        " required for a deterministic model such as `ridge`.",
    )


class InfinitesimalJackknifeConfig(Config):
    """No options; requires many more members than there are training rows.

    With fewer, the correction for their number is nearly all of what it corrects, and many
    variances end at the floor. Use `tree_variance` there.
    """


class LastLayerGPConfig(Config):
    """An exact Gaussian process in place of the model's last layer.

    The embedding is that of the trained model and is not learned with the kernel, unlike the
    paper's. It has seen the same rows, so both stds are too small by a factor: use a calibrator.
    """

    mean: Literal["model", "gp"] = Field(
        "model", description="Predict the model's own mean, or that of the Gaussian process."
    )
    kernel: Literal["matern", "rbf"] = Field(
        "matern", description="`matern` (smoothness 5/2) or the infinitely smooth `rbf`."
    )
    components: int = Field(
        10, ge=1, le=1000, description="Maximum number of principal components of the embedding."
    )
    rows: int = Field(
        1000,
        ge=10,
        le=20_000,
        description="Maximum number of training rows, drawn with the seed: time grows with their"
        " cube.",
    )


class LastLayerLaplaceConfig(Config):
    """Laplace approximation of the last layer alone: for a linear one it is exact.

    The layer is a new one, from what `embed` returns to the target. The model has learned its
    embedding from the same rows, so both stds are too small by a factor: use a calibrator.
    """

    mean: Literal["model", "line"] = Field(
        "model", description="Predict the model's own mean, or that of the linear layer."
    )


class MCDropoutConfig(Config):
    """Predict many times with dropout active."""

    passes: int = Field(
        30, ge=2, le=MOST_PASSES, description="Stochastic forward passes per prediction."
    )


class TreeVarianceConfig(Config):
    """No options: the ensemble is the model's own."""


class ModelQuantilesConfig(Config):
    """Read conditional quantiles, such as those of `quantile_forest`."""

    draws: int = Field(
        99,
        ge=9,
        le=9999,
        description="Quantiles per row, at the levels (i - 1/2) / draws, used as samples.",
    )


class ModelVarianceConfig(Config):
    """No options: the model predicts its variance."""


class DeterministicConfig(Config):
    """No options."""


class ResidualModelConfig(Config):
    """Predict the absolute error of a row from its features, with the arm's own model.

    Reported as aleatoric: learned from errors within the data, it reflects where targets are hard
    to predict, not how far a row is from the training data.
    """

    folds: int = Field(
        5,
        ge=2,
        le=100,
        description="Number of folds that are left out in turn; trains folds + 2 models.",
    )
    floor: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Lower bound on sigma, as a fraction of the sigma of the median error.",
    )


class SnapshotsConfig(Config):
    """No options: the model determines how many it keeps (e.g. `snapshots: 5`)."""


def _committee_requires(config: CommitteeConfig) -> set[str]:
    return {"task:regression"} | ({"features:vectors"} if config.columns != "all" else set())


def _distance_scaled_requires(config: DistanceScaledConfig) -> set[str]:
    inside = config.representation == "embedding"
    return {"task:regression", "model:embedding" if inside else "features:vectors"}


def _distance_scaled_check(config: DistanceScaledConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows to leave some out."""
    parts = config.folds + (config.clusters if config.clusters > 1 else 0)
    n, needed = len(facts.train), 2 * parts
    if n >= needed:
        return []
    return [
        f"{n} training rows, needs {needed}: two for each fold and cluster; lower folds or clusters"
    ]


def _residual_model_check(config: ResidualModelConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows to leave some out."""
    n, needed = len(facts.train), 2 * config.folds
    if n >= needed:
        return []
    return [f"{n} training rows, needs two for each of {config.folds} folds; lower folds"]


METHODS = (
    Component(
        "committee",
        CommitteeConfig,
        "atlas_uncertainty.committee:Committee",
        requires=_committee_requires,
        provides={"epistemic", "samples"},
        citation="10.1145/130385.130417",
        contract_options={"members": ["ridge", "knn", "gradient_boosting"]},
    ),
    Component(
        "distance_scaled",
        DistanceScaledConfig,
        "atlas_uncertainty.distance_scaled:DistanceScaled",
        requires=_distance_scaled_requires,
        provides={"epistemic", "aleatoric"},
        citation="10.1039/C9SC02298H",
        check=_distance_scaled_check,
    ),
    Component(
        "ensemble",
        EnsembleConfig,
        "atlas_uncertainty.ensemble:Ensemble",
        provides={"epistemic", "samples"},
        citation="10.48550/arXiv.1612.01474",
    ),
    Component(
        "infinitesimal_jackknife",
        InfinitesimalJackknifeConfig,
        "atlas_uncertainty.infinitesimal_jackknife:InfinitesimalJackknife",
        requires={"model:members", "model:inbag"},
        provides={"epistemic"},
        citation="https://jmlr.org/papers/v15/wager14a.html",
    ),
    Component(
        "last_layer_gp",
        LastLayerGPConfig,
        "atlas_uncertainty.last_layer_gp:LastLayerGP",
        requires={"model:embedding", "task:regression"},
        provides={"epistemic", "aleatoric"},
        citation="10.48550/arXiv.1511.02222",
        trusted=(
            "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
            "sklearn.gaussian_process.kernels.ConstantKernel",
            "sklearn.gaussian_process.kernels.Matern",
            "sklearn.gaussian_process.kernels.Product",
            "sklearn.gaussian_process.kernels.RBF",
            "sklearn.gaussian_process.kernels.Sum",
            "sklearn.gaussian_process.kernels.WhiteKernel",
        ),
    ),
    Component(
        "last_layer_laplace",
        LastLayerLaplaceConfig,
        "atlas_uncertainty.last_layer_laplace:LastLayerLaplace",
        requires={"model:embedding", "task:regression"},
        provides={"epistemic", "aleatoric"},
        citation="10.48550/arXiv.2106.14806",
    ),
    Component(
        "mc_dropout",
        MCDropoutConfig,
        "atlas_uncertainty.mc_dropout:MCDropout",
        requires={"model:dropout"},
        provides={"epistemic", "samples"},
        citation="10.48550/arXiv.1506.02142",
    ),
    Component(
        "tree_variance",
        TreeVarianceConfig,
        "atlas_uncertainty.tree_variance:TreeVariance",
        requires={"model:members"},
        provides={"epistemic", "samples"},
        citation="10.1007/BF00058655",
    ),
    Component(
        "model_quantiles",
        ModelQuantilesConfig,
        "atlas_uncertainty.model_quantiles:ModelQuantiles",
        requires={"model:quantiles", "task:regression"},
        provides={"aleatoric", "samples"},
        citation="https://www.jmlr.org/papers/v7/meinshausen06a.html",
    ),
    Component(
        "model_variance",
        ModelVarianceConfig,
        "atlas_uncertainty.model_variance:ModelVariance",
        requires={"model:variance"},
        provides={"epistemic", "aleatoric"},
    ),
    Component(
        "deterministic", DeterministicConfig, "atlas_uncertainty.deterministic:Deterministic"
    ),
    Component(
        "residual_model",
        ResidualModelConfig,
        "atlas_uncertainty.residual_model:ResidualModel",
        requires={"task:regression"},
        provides={"aleatoric"},
        citation="10.1088/2632-2153/ab7e1a",
        check=_residual_model_check,
    ),
    Component(
        "snapshots",
        SnapshotsConfig,
        "atlas_uncertainty.snapshots:Snapshots",
        requires={"model:snapshots"},
        provides={"epistemic", "samples"},
        citation="10.48550/arXiv.1704.00109",
    ),
)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer the uq components."""
    return list(METHODS)
