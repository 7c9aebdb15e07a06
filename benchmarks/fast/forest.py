"""The random-forest arm against plain scikit-learn on the same matrix, with and without spread."""

from __future__ import annotations

import numpy as np
from measure import Bar, alternating, ratio
from real import real
from sklearn.ensemble import RandomForestRegressor

from atlas_core.api import F8, FitContext, Prediction, Vectors
from atlas_core.engine.machine import cores
from atlas_sklearn._columns import seed32
from atlas_uncertainty.deterministic import Deterministic
from atlas_uncertainty.hooks import DeterministicConfig, TreeVarianceConfig
from atlas_uncertainty.tree_variance import TreeVariance

TREES = 100
ROUNDS = 5
TEST = 4
"""Every fourth row is predicted; the others are learned from."""


def bars() -> list[Bar]:
    """Return the bars of the forest arm: fit and predict, without and with the trees' spread."""
    data, jobs = real("forest", f"trees={TREES}"), cores()
    if not isinstance(data.features, Vectors):
        raise TypeError("the forest arm has no vectors")
    test = np.arange(0, len(data.target), TEST)
    train = np.setdiff1d(np.arange(len(data.target)), test)
    # the same matrix for both: a value that is not tabulated (18 of 519,816) becomes its column's
    # mean over training, as the arm makes it; scikit-learn would treat it otherwise
    mean = np.nanmean(data.features.values[train], axis=0)
    filled = np.where(np.isnan(data.features.values), mean, data.features.values)
    features = Vectors(filled, data.features.labels)
    learned, asked = features.take(train), features.take(test)
    target, context = data.target[train], FitContext(seed=7, n_jobs=jobs)
    seed = seed32(context.child("member", 0).seed)
    options = data.model.config.model_dump()
    grown = {k: options[k] for k in ("max_features", "min_samples_leaf", "max_depth")}

    def plain() -> RandomForestRegressor:
        forest = RandomForestRegressor(TREES, n_jobs=jobs, random_state=seed, **grown)
        return forest.fit(learned.values, target)

    def plain_mean() -> F8:
        return np.asarray(plain().predict(asked.values))

    def plain_spread() -> tuple[F8, F8]:
        """Do what a user of scikit-learn does: ask the forest, then every tree."""
        forest = plain()
        trees = np.stack([tree.predict(asked.values) for tree in forest.estimators_])
        return forest.predict(asked.values), trees.std(axis=0)

    def atlas_mean() -> Prediction:
        predictor, _ = Deterministic(DeterministicConfig()).fit(
            data.model.build, learned, target, context
        )
        return predictor.predict(asked)

    def atlas_spread() -> Prediction:
        method = TreeVariance(TreeVarianceConfig())
        return method.fit(data.model.build, learned, target, context)[0].predict(asked)

    wanted, std = plain_spread()
    ours = atlas_spread()
    if ours.epistemic is None:
        raise ValueError("the forest arm gave no spread")
    apart = max(
        float(np.abs(ours.mean - wanted).max()),
        float(np.abs(atlas_mean().mean - wanted).max()),
        float(np.abs(ours.epistemic - std).max()),
    )
    if apart > 1e-10:
        raise ValueError(f"the forest arm is {apart} eV/atom from scikit-learn")
    seconds = alternating(
        {
            "scikit-learn": plain_mean,
            "scikit-learn, every tree asked": plain_spread,
            "atlas": atlas_mean,
            "atlas with spread": atlas_spread,
        },
        rounds=ROUNDS,
    )
    detail = {
        "seconds": seconds,
        "rows": {"train": len(train), "test": len(test)},
        "columns": learned.values.shape[1],
        "trees": TREES,
        "jobs": jobs,
        "largest_difference": apart,
    }

    def bar(name: str, ours: str, theirs: str) -> Bar:
        return Bar(
            name,
            theirs,
            ratio(seconds, ours, theirs),
            1.05,
            unit="share",
            more_is_better=False,
            detail=detail,
        )

    return [
        bar("random forest: fit and predict", "atlas", "scikit-learn"),
        bar("random forest: fit, predict, spread of trees", "atlas with spread", "scikit-learn"),
    ]
