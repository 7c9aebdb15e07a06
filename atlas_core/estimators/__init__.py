"""Estimators of scikit-learn as plain arrays and back, one schema per class. Light.

scikit-learn follows the indices of a compiled part without a look: a file that was made to harm
could lead it out of its memory. So no estimator is read as it was written. A schema says which
arrays and numbers a class needs to predict; they are checked (types, shapes, indices, finite
values) and the estimator is built from them anew. A class without a schema is neither written nor
read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from atlas_core.errors import ContractError, DataError

HOMES: Mapping[str, str] = {
    "RandomForestRegressor": "forests",
    "RandomForestClassifier": "forests",
    "ExtraTreesRegressor": "forests",
    "ExtraTreesClassifier": "forests",
    "IsolationForest": "forests",
    "HistGradientBoostingRegressor": "boosting",
    "HistGradientBoostingClassifier": "boosting",
    "SVR": "vectors",
    "SVC": "vectors",
    "CalibratedClassifierCV": "vectors",
    "KNeighborsRegressor": "vectors",
    "GaussianProcessRegressor": "processes",
    "ConstantKernel": "processes",
    "RBF": "processes",
    "Matern": "processes",
    "WhiteKernel": "processes",
    "Sum": "processes",
    "Product": "processes",
    "Ridge": "linear",
    "LogisticRegression": "linear",
    "StandardScaler": "linear",
    "Pipeline": "linear",
}
"""Module of the schema of each class: those that can be saved."""


def is_estimator(value: Any) -> bool:
    """Tell whether a value belongs to scikit-learn."""
    return type(value).__module__.split(".", maxsplit=1)[0] == "sklearn"


def describe(value: Any) -> tuple[str, dict[str, Any]]:
    """Return the class of a fitted estimator, and what it needs to predict.

    Raises:
        ContractError: its class has no schema, or it was fitted in a way that the schema lacks.
    """
    name = type(value).__name__
    schema = _schema(name)
    if schema is None or type(value) is not schema.CLASSES[name]:
        raise ContractError(
            f"there is no schema for a {type(value).__module__}.{type(value).__qualname__}; give"
            " its owner to_state() and from_state() of plain arrays, or use one of"
            f" {', '.join(HOMES)}"
        )
    try:
        return name, schema.describe(value)
    except AttributeError as err:  # a plugin may keep an estimator that it never fitted
        raise ContractError(f"a {name} that was not fitted is not saved ({err})") from err


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the estimator that ``describe`` described, after every part was checked.

    Raises:
        DataError: there is no schema for it, or a part is not what the schema says.
    """
    schema = _schema(name)
    if schema is None:
        raise DataError(f"it names {name}: there is no schema for it; do not trust it")
    return schema.rebuild(name, state)


def _schema(name: str) -> Any:
    if not isinstance(name, str) or name not in HOMES:
        return None
    try:
        return import_module(f"atlas_core.estimators.{HOMES[name]}")
    except ImportError as err:
        raise DataError("holds an estimator of scikit-learn: pip install scikit-learn") from err
