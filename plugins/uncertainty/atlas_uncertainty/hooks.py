"""Uncertainty methods and their options. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, OfKind, Use, hookimpl

MOST_PASSES = 10_000


class CommitteeConfig(Config):
    """Models of different kinds, each on its own columns: they err in different ways.

    Models of one kind on the same columns share their mistakes and agree on them.
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
        description="Models in addition to the arm's own, with their options; a model may stand"
        " there twice.",
    )
    columns: Literal["random", "labels", "all"] = Field(
        "random",
        description="Columns of each: a part drawn at random (Ho 1998), those whose labels differ"
        " in the last word only (of `magpie`: one statistic), taken in turns, or all.",
    )
    share: float = Field(0.5, gt=0, le=1, description="Part of the columns with `random`.")
    mean: Literal["model", "committee"] = Field(
        "model", description="Predict the model's own mean, or that of the committee."
    )


class DistanceScaledConfig(Config):
    """A variance that grows with the mean distance to the nearest training rows.

    It trains the model once on all rows, and once for each fold and each cluster.
    """

    representation: Literal["vectors", "embedding"] = Field(
        "vectors", description="Distances between feature vectors, or within the model."
    )
    neighbours: int = Field(5, ge=1, le=1000, description="Nearest training rows that count.")
    folds: int = Field(5, ge=2, le=100, description="Parts of the rows left out at random.")
    clusters: int = Field(
        5,
        ge=0,
        le=100,
        description="Clusters of rows (k-means) left out as well, 0 for none: rows at random lie "
        "too near the others to show how errors grow with distance.",
    )
    reference_rows: int = Field(
        20_000, ge=10, description="Training rows that distances are taken to, at most."
    )


class EnsembleConfig(Config):
    """Train any model k times."""

    k: int = Field(5, ge=2, le=1000, description="Number of models to train.")
    resample: Literal["seeds", "bootstrap"] = Field(
        "seeds",
        description="`seeds`: all rows, another seed each. `bootstrap`: rows drawn anew as well; "
        "needed for a model without randomness, such as `ridge`.",
    )


class InfinitesimalJackknifeConfig(Config):
    """No options; it needs many more members than there are training rows.

    With fewer, the correction for their number is nearly all of what it corrects, and many
    variances end at the floor. Use `tree_variance` there.
    """


class LastLayerGPConfig(Config):
    """An exact Gaussian process where the model's last layer stood.

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
        10, ge=1, le=1000, description="Principal components of the embedding, at most."
    )
    rows: int = Field(
        1000,
        ge=10,
        le=20_000,
        description="Training rows, at most, drawn from the seed: time grows with their cube.",
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
    """Predict many times with dropout left on."""

    passes: int = Field(
        30, ge=2, le=MOST_PASSES, description="Stochastic forward passes a prediction."
    )


class TreeVarianceConfig(Config):
    """No options: the committee is the model's own."""


class ModelQuantilesConfig(Config):
    """Read conditional quantiles, such as those of `quantile_forest`."""

    draws: int = Field(
        99,
        ge=9,
        le=9999,
        description="Quantiles a row, at the levels (i - 1/2) / draws: they are its samples.",
    )


class ModelVarianceConfig(Config):
    """No options: the model says it all."""


class DeterministicConfig(Config):
    """No options."""


class ResidualModelConfig(Config):
    """Predict the mean absolute error of a row from its features, with the arm's own model.

    It is called aleatoric: learned from errors within the data, it knows where targets are hard to
    predict, and nothing of how far away a row lies.
    """

    folds: int = Field(
        5, ge=2, le=100, description="Parts of the rows left out: it trains folds + 2 models."
    )
    floor: float = Field(
        0.1, gt=0, le=1, description="Least sigma, as a share of that of the median error."
    )


class SnapshotsConfig(Config):
    """No options: the model says how many it keeps (`snapshots: 5`, say)."""


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
