"""One fitted estimator of each kind that can be saved, and how to ask it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from atlas_core.saving import Allowed, pack

RNG = np.random.default_rng(0)
TABLE, TARGET = RNG.normal(size=(80, 4)), RNG.normal(size=80)
LABEL = (TARGET > 0).astype(np.int64)
KERNEL = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.1)
ESTIMATORS: dict[str, Any] = {
    "forest": RandomForestRegressor(3, random_state=0).fit(TABLE, TARGET),
    "forest of labels": RandomForestClassifier(3, random_state=0).fit(TABLE, LABEL.astype(float)),
    "extra trees": ExtraTreesRegressor(3, bootstrap=True, random_state=0).fit(TABLE, TARGET),
    "extra trees of labels": ExtraTreesClassifier(3, random_state=0).fit(TABLE, LABEL),
    "isolation": IsolationForest(n_estimators=3, random_state=0).fit(TABLE),
    "boosting": HistGradientBoostingRegressor(max_iter=4, random_state=0).fit(TABLE, TARGET),
    "boosted labels": HistGradientBoostingClassifier(max_iter=4).fit(TABLE, LABEL > 0),
    "quantile": HistGradientBoostingRegressor(
        loss="quantile", quantile=0.9, max_iter=4, monotonic_cst=[1, 0, 0, 0]
    ).fit(TABLE, TARGET),
    "svr": SVR().fit(TABLE, TARGET),
    "svr without vectors": SVR(epsilon=100.0).fit(TABLE, TARGET),
    "svc": SVC().fit(TABLE, LABEL),
    "svc of three": SVC(kernel="poly").fit(TABLE, LABEL + (TARGET > 1)),
    "calibrated": CalibratedClassifierCV(SVC(), ensemble=False).fit(TABLE, LABEL),
    "neighbors": KNeighborsRegressor(3, weights="distance", algorithm="kd_tree").fit(TABLE, TARGET),
    "neighbors of labels": KNeighborsClassifier(3, metric="manhattan").fit(TABLE, LABEL > 0),
    "process": GaussianProcessRegressor(KERNEL, optimizer=None).fit(TABLE, TARGET),
    "matern": GaussianProcessRegressor(Matern(1.0, nu=2.5), optimizer=None).fit(TABLE, TARGET),
    "ridge": Ridge().fit(TABLE, TARGET),
    "logistic": LogisticRegression().fit(TABLE, LABEL > 0),
    "network": MLPRegressor(hidden_layer_sizes=(5,), max_iter=300, random_state=0).fit(
        TABLE, TARGET
    ),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, LABEL > 0),
}


def named(structure: dict[str, Any]) -> frozenset[str]:
    """Return the classes of libraries that a saved object names, with dots."""
    parts = structure["parts"]
    return frozenset(one["library"].replace(":", ".") for one in parts if "library" in one)


ALLOWED = Allowed(classes=frozenset().union(*(named(pack(one)[0]) for one in ESTIMATORS.values())))
"""What a component that trusts all of them allows."""


def answers(estimator: Any, table: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Return what an estimator says of a table, by method."""
    methods = ("predict", "predict_proba", "decision_function", "score_samples", "apply")
    return {name: getattr(estimator, name)(table) for name in methods if hasattr(estimator, name)}
