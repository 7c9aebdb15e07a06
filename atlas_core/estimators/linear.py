"""Schemas of linear models, the scaler and a pipeline of them. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from atlas_core.errors import ContractError
from atlas_core.estimators.fields import Fields, options_of

CLASSES: Mapping[str, Any] = {
    one.__name__: one for one in (Ridge, LogisticRegression, StandardScaler, Pipeline)
}


def describe(estimator: Any) -> dict[str, Any]:
    """Return what it predicts from.

    Raises:
        ContractError: it has several outputs, or other steps than a scaler and a model.
    """
    if isinstance(estimator, Pipeline):
        names, steps = zip(*estimator.steps, strict=True)
        if [type(one) for one in steps] != [StandardScaler, LogisticRegression]:
            raise ContractError(
                "a Pipeline is saved of StandardScaler and LogisticRegression alone"
            )
        return {"names": " ".join(names), "scaler": steps[0], "model": steps[1]}
    state: dict[str, Any] = {"options": options_of(estimator)}
    if isinstance(estimator, StandardScaler):
        if not (estimator.with_mean and estimator.with_std):
            raise ContractError("a StandardScaler is saved with mean and std alone")
        return {**state, "mean": estimator.mean_, "std": estimator.scale_, "var": estimator.var_}
    weights = np.atleast_2d(estimator.coef_)
    if len(weights) != 1:
        raise ContractError(f"a {type(estimator).__name__} of several outputs is not saved")
    state["weights"] = np.asarray(weights, dtype=np.float64)
    state["offset"] = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1)
    if isinstance(estimator, LogisticRegression):
        state["classes"] = estimator.classes_
    return state


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the estimator.

    Raises:
        DataError: a part is not what it must be.
    """
    cls = CLASSES[name]
    if cls is Pipeline:
        fields = Fields(name, state, {"names", "scaler", "model"})
        scaler = fields.part("scaler", StandardScaler)
        model = fields.part("model", LogisticRegression)
        fields.require(scaler.n_features_in_ == model.n_features_in_, "its steps do not fit")
        fields.require(
            state["names"] == "standardscaler logisticregression", "its steps are others"
        )
        return Pipeline([("standardscaler", scaler), ("logisticregression", model)])
    if cls is StandardScaler:
        return _scaler(state)
    extra = {"classes"} if cls is LogisticRegression else set()
    fields = Fields(name, state, {"options", "weights", "offset", *extra})
    model = cls(**fields.options(cls))
    weights = fields.array("weights", np.float64, (1, None))
    offset = fields.array("offset", np.float64, (1,))
    model.n_features_in_ = weights.shape[1]
    fields.require(weights.shape[1] >= 1, "it has no columns")
    if cls is Ridge:
        model.coef_, model.intercept_ = weights[0], offset[0]
        model.n_iter_ = None
        return model
    model.coef_, model.intercept_ = weights, offset
    model.classes_ = fields.classes("classes")
    fields.require(len(model.classes_) == 2, "it has one class")
    model.n_iter_ = np.zeros(1, dtype=np.int32)
    return model


def _scaler(state: Mapping[str, Any]) -> StandardScaler:
    fields = Fields("StandardScaler", state, {"options", "mean", "std", "var"})
    scaler = StandardScaler(**fields.options(StandardScaler))
    fields.require(scaler.with_mean and scaler.with_std, "its options are not read")
    scaler.mean_ = fields.array("mean", np.float64, (None,))
    columns = len(scaler.mean_)
    fields.require(columns >= 1, "it has no columns")
    scaler.scale_ = fields.array("std", np.float64, (columns,))
    scaler.var_ = fields.array("var", np.float64, (columns,))
    scaler.n_features_in_ = columns
    scaler.n_samples_seen_ = 0
    return scaler
