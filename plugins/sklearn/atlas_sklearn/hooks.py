"""Models by scikit-learn and their options. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl


class ExtraTreesConfig(Config):
    """A forest that grows faster than `random_forest`: one cut drawn at random for each column."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(1, ge=1, description="Fewest training rows in a leaf.")
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")
    bootstrap: bool = Field(
        True,
        description="Each tree learns from rows drawn with replacement. The paper's trees learn "
        "from all rows, and then agree at every training row: their spread there is 0.",
    )


class GaussianProcessConfig(Config):
    """Gaussian-process regression; time grows with the cube of the training rows."""

    kernel: Literal["matern", "rbf"] = Field(
        "matern", description="`matern` (smoothness 5/2) or the infinitely smooth `rbf`."
    )
    noise: float = Field(0.1, gt=0, description="First guess of the noise variance (target var 1).")
    restarts: int = Field(
        0, ge=0, le=100, description="More starts of the fit of the kernel, from random values."
    )
    max_rows: int = Field(4000, ge=2, description="Most training rows; with more it is an error.")


class GradientBoostingConfig(Config):
    """Boosted trees on histograms of the columns."""

    trees: int = Field(300, ge=1, le=100_000, description="Number of boosting rounds.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of each tree that is added.")
    max_leaves: int = Field(31, ge=2, description="Most leaves of a tree.")
    min_samples_leaf: int = Field(20, ge=1, description="Fewest training rows in a leaf.")
    l2: float = Field(0.0, ge=0, description="L2 penalty on the values of leaves.")
    max_features: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the columns tried at a cut; below 1 it uses the seed.",
    )


class KNNConfig(Config):
    """Neighbours by Euclidean distance of standardised columns."""

    k: int = Field(5, ge=1, description="Number of neighbours; all rows where there are fewer.")
    weights: Literal["uniform", "distance"] = Field(
        "distance", description="Neighbours count alike, or by the inverse of their distance."
    )


class DummyConfig(Config):
    """No options: it looks at no feature."""


class QuantileForestConfig(Config):
    """A forest that keeps the training targets of its leaves, not their mean alone."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(
        5,
        ge=1,
        description="Fewest training rows in a leaf: with 1 there is nothing to spread in most.",
    )
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")
    cuts: Literal["best", "random"] = Field(
        "best", description="As in `random_forest` (`best`) or in `extra_trees` (`random`)."
    )
    bootstrap: bool = Field(
        True,
        description="Grow each tree on rows drawn with replacement. Its leaves hold all training "
        "rows either way.",
    )


class RandomForestConfig(Config):
    """A forest of decision trees; the trees are the members of a committee."""

    trees: int = Field(300, ge=2, le=100_000, description="Number of trees.")
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = Field(
        1 / 3, description="Columns tried at a cut: a share of all, or `sqrt` of their number."
    )
    min_samples_leaf: int = Field(1, ge=1, description="Fewest training rows in a leaf.")
    max_depth: int | None = Field(None, ge=1, description="Most cuts on a path; null: no bound.")


class RidgeConfig(Config):
    """A linear model of standardised columns with an L2 penalty."""

    alpha: float = Field(1.0, gt=0, description="Strength of the L2 penalty.")


class SVMConfig(Config):
    """Support vectors on standardised columns and a standardised target."""

    C: float = Field(10.0, gt=0, description="Price of an error against a smooth function.")
    epsilon: float = Field(
        0.05, ge=0, description="Errors below this are free, in std of the target; regression only."
    )
    gamma: float | None = Field(
        None, gt=0, description="1 / squared length of the kernel; null: 1 / number of columns."
    )


def _extra_trees_provides(config: ExtraTreesConfig) -> set[str]:
    provides = {"model:members", "model:leaves"}
    return provides | {"model:inbag"} if config.bootstrap else provides


def _gaussian_process_check(config: GaussianProcessConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too many training rows."""
    n = len(facts.train)
    if n <= config.max_rows:
        return []
    return [
        f"{n} training rows, but max_rows is {config.max_rows}; raise it (time grows with the cube)"
        " or train on fewer with `sample`"
    ]


def _quantile_forest_provides(config: QuantileForestConfig) -> set[str]:
    provides = {"model:members", "model:leaves", "model:quantiles"}
    return provides | {"model:inbag"} if config.bootstrap else provides


def _svm_check(config: SVMConfig, facts: FoldFacts) -> list[str]:
    """Return why a class has too few rows for probabilities."""
    few = min(facts.classes.get("train", (2, 2)))
    if few >= 2:
        return []
    return [f"{few} training rows of one class, its probabilities need 2; use more data"]


_TREE = "sklearn.tree._tree.Tree"
_EXTRA_TREES = (
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.ExtraTreesRegressor",
    "sklearn.tree._classes.ExtraTreeClassifier",
    "sklearn.tree._classes.ExtraTreeRegressor",
    _TREE,
)
_RANDOM_FOREST = (
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._forest.RandomForestRegressor",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.DecisionTreeRegressor",
    _TREE,
)

MODELS = (
    Component(
        "extra_trees",
        ExtraTreesConfig,
        "atlas_sklearn.extra_trees:extra_trees",
        requires={"features:vectors"},
        provides=_extra_trees_provides,
        citation="10.1007/s10994-006-6226-1",
        contract_options={"trees": 50},
        trusted=_EXTRA_TREES,
    ),
    Component(
        "gaussian_process",
        GaussianProcessConfig,
        "atlas_sklearn.gaussian_process:GaussianProcess",
        requires={"features:vectors", "task:regression"},
        provides={"model:variance"},
        citation="https://gaussianprocess.org/gpml/",
        check=_gaussian_process_check,
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
        "gradient_boosting",
        GradientBoostingConfig,
        "atlas_sklearn.gradient_boosting:GradientBoosting",
        requires={"features:vectors"},
        citation="10.1214/aos/1013203451",
        trusted=(
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        ),
    ),
    Component(
        "knn",
        KNNConfig,
        "atlas_sklearn.knn:KNN",
        requires={"features:vectors"},
        citation="10.1109/TIT.1967.1053964",
        trusted=("sklearn.neighbors._regression.KNeighborsRegressor",),
    ),
    Component(
        "dummy",
        DummyConfig,
        "atlas_sklearn.dummy:Dummy",
        expected_failures={
            "learns_better_than_the_mean": "it is the mean",
        },
    ),
    Component(
        "quantile_forest",
        QuantileForestConfig,
        "atlas_sklearn.quantile_forest:QuantileForest",
        requires={"features:vectors", "task:regression"},
        provides=_quantile_forest_provides,
        citation="https://www.jmlr.org/papers/v7/meinshausen06a.html",
        contract_options={"trees": 50},
        trusted=_RANDOM_FOREST + _EXTRA_TREES,
    ),
    Component(
        "random_forest",
        RandomForestConfig,
        "atlas_sklearn.random_forest:random_forest",
        requires={"features:vectors"},
        provides={"model:members", "model:leaves", "model:inbag"},
        citation="10.1023/A:1010933404324",
        contract_options={"trees": 50},
        trusted=_RANDOM_FOREST,
    ),
    Component(
        "ridge",
        RidgeConfig,
        "atlas_sklearn.ridge:Ridge",
        requires={"features:vectors"},
        trusted=(
            "sklearn.linear_model._logistic.LogisticRegression",
            "sklearn.linear_model._ridge.Ridge",
        ),
        citation="10.1080/00401706.1970.10488634",
    ),
    Component(
        "svm",
        SVMConfig,
        "atlas_sklearn.svm:SVM",
        requires={"features:vectors"},
        citation="10.1007/BF00994018",
        check=_svm_check,
        trusted=(
            "sklearn.calibration.CalibratedClassifierCV",
            "sklearn.calibration._CalibratedClassifier",
            "sklearn.calibration._SigmoidCalibration",
            "sklearn.svm._classes.SVC",
            "sklearn.svm._classes.SVR",
        ),
    ),
)


@hookimpl
def atlas_model() -> list[Component]:
    """Offer the model components."""
    return list(MODELS)
