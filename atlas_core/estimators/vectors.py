"""Schemas of support vectors and of nearest neighbors. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.calibration import (
    CalibratedClassifierCV,
    _CalibratedClassifier,
    _SigmoidCalibration,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVC, SVR

from atlas_core.errors import ContractError
from atlas_core.estimators.fields import Fields, options_of

CLASSES: Mapping[str, Any] = {
    one.__name__: one for one in (SVR, SVC, CalibratedClassifierCV, KNeighborsRegressor)
}


def describe(estimator: Any) -> dict[str, Any]:
    """Return what it predicts from.

    Raises:
        ContractError: it was fitted with options that are not read.
    """
    if isinstance(estimator, CalibratedClassifierCV):
        return _describe_calibrated(estimator)
    if isinstance(estimator, KNeighborsRegressor):
        return _describe_neighbors(estimator)
    return _describe_machine(estimator)


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the estimator.

    Raises:
        DataError: a part is not what it must be.
    """
    if name == "CalibratedClassifierCV":
        return _rebuild_calibrated(state)
    if name == "KNeighborsRegressor":
        return _rebuild_neighbors(state)
    return _rebuild_machine(name, state)


def _describe_machine(machine: Any) -> dict[str, Any]:
    if machine.kernel != "rbf" or machine._sparse or machine._probA.size:
        raise ContractError("a support-vector machine is saved with kernel rbf alone")
    state = {
        "options": options_of(machine),
        "gamma": float(machine._gamma),
        "support": machine.support_,
        "vectors": machine.support_vectors_,
        "weights": machine._dual_coef_,
        "offset": machine._intercept_,
        "counts": machine._n_support,
    }
    if isinstance(machine, SVC):
        if len(machine.classes_) != 2:
            raise ContractError("a support-vector machine of more than two classes is not saved")
        state["classes"] = machine.classes_
    return state


def _rebuild_machine(name: str, state: Mapping[str, Any]) -> Any:
    cls = CLASSES[name]
    extra = {"classes"} if cls is SVC else set()
    fields = Fields(
        name,
        state,
        {"options", "gamma", "support", "vectors", "weights", "offset", "counts", *extra},
    )
    machine = cls(**fields.options(cls))
    plain = machine.kernel == "rbf" and (cls is SVR or machine.probability in {"deprecated", False})
    # the degree goes to libsvm even where its kernel has none
    fields.require(plain and machine.degree < 2**31, "its options are not read")
    vectors = fields.array("vectors", np.float64, (None, None))
    rows, columns = vectors.shape
    fields.require(columns >= 1, "its vectors have no columns")
    weights = fields.array("weights", np.float64, (1, rows))
    offset = fields.array("offset", np.float64, (1,))
    support = fields.array("support", np.int32, (rows,))
    counts = fields.array("counts", np.int32, (2,))
    fields.require(counts >= 0, "a class has fewer than no vectors")
    # libsvm walks over the vectors by these: of regression the first alone is read
    told = int(counts[0]) if cls is SVR else int(counts[0]) + int(counts[1])
    fields.require(told == rows, "its counts do not fit its vectors")
    machine.n_features_in_, machine.shape_fit_ = columns, (rows, columns)
    machine._sparse, machine._effective_probability = False, False
    machine._gamma = fields.number("gamma")
    machine.support_, machine.support_vectors_ = support, np.ascontiguousarray(vectors)
    machine._n_support = counts
    machine._dual_coef_ = np.ascontiguousarray(weights)
    machine._intercept_ = offset
    # of two classes the public ones have the other sign
    sign = -1.0 if cls is SVC else 1.0
    machine.dual_coef_, machine.intercept_ = sign * machine._dual_coef_, sign * offset
    machine._probA = machine._probB = np.zeros(0)
    machine.fit_status_ = 0
    machine.class_weight_ = np.ones(2 if cls is SVC else 0)
    if cls is SVC:
        machine.classes_ = fields.classes("classes")
        fields.require(len(machine.classes_) == 2, "it has one class")
    return machine


def _describe_calibrated(calibrated: Any) -> dict[str, Any]:
    inner = calibrated.calibrated_classifiers_
    if len(inner) != 1 or inner[0].method != "sigmoid" or len(inner[0].calibrators) != 1:
        raise ContractError("a CalibratedClassifierCV is saved with ensemble=False and a sigmoid")
    (sigmoid,) = inner[0].calibrators
    return {
        "machine": inner[0].estimator,
        "slope": float(sigmoid.a_),
        "offset": float(sigmoid.b_),
    }


def _rebuild_calibrated(state: Mapping[str, Any]) -> Any:
    fields = Fields("CalibratedClassifierCV", state, {"machine", "slope", "offset"})
    machine = fields.part("machine", SVC)
    sigmoid = _SigmoidCalibration()
    sigmoid.a_, sigmoid.b_ = fields.number("slope"), fields.number("offset")
    calibrated = CalibratedClassifierCV(
        SVC(**machine.get_params(deep=False)), method="sigmoid", ensemble=False
    )
    calibrated.classes_ = machine.classes_
    calibrated.n_features_in_ = machine.n_features_in_
    calibrated.calibrated_classifiers_ = [
        _CalibratedClassifier(machine, [sigmoid], classes=machine.classes_, method="sigmoid")
    ]
    return calibrated


def _describe_neighbors(neighbors: Any) -> dict[str, Any]:
    plain = neighbors.weights in ("uniform", "distance") and neighbors._y.ndim == 1
    if not plain or neighbors.effective_metric_ != "euclidean":
        raise ContractError("a KNeighborsRegressor is saved with Euclidean distances alone")
    return {
        "options": options_of(neighbors),
        "rows": np.asarray(neighbors._fit_X),
        "target": np.asarray(neighbors._y, dtype=np.float64),
    }


def _rebuild_neighbors(state: Mapping[str, Any]) -> Any:
    fields = Fields("KNeighborsRegressor", state, {"options", "rows", "target"})
    rows = fields.array("rows", np.float64, (None, None))
    target = fields.array("target", np.float64, (len(rows),))
    fields.require(rows.shape[1] >= 1 and len(rows) >= 1, "it has no training rows")
    neighbors = KNeighborsRegressor(**fields.options(KNeighborsRegressor))
    plain = (neighbors.metric, neighbors.p) == ("minkowski", 2)
    fields.require(
        plain and neighbors.weights in ("uniform", "distance"), "its options are not read"
    )
    fields.require(neighbors.n_neighbors <= len(rows), "it wants more neighbors than it has rows")
    # the index is a function of the rows: it is made anew, not read
    return neighbors.fit(rows, target)
