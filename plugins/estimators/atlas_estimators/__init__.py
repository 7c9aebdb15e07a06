"""Save fitted estimators of scikit-learn as plain data, and make them again. Light.

An estimator is its attributes. scikit-learn follows the indices of some of them in compiled code
without a look: a file that was made to harm could lead it out of its memory. The modules of this
package check these parts when an estimator is made, and compute anew what is a function of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from atlas_core.api import ContractError, DataError
from atlas_estimators.parts import made, plain

CHECKED = {
    "sklearn.ensemble._forest": "forests",
    "sklearn.ensemble._hist_gradient_boosting": "boosting",
    "sklearn.ensemble._iforest": "forests",
    "sklearn.neighbors._base": "neighbors",
    "sklearn.svm._base": "vectors",
    "sklearn.tree._tree": "trees",
}
"""Modules of scikit-learn whose classes, and subclasses of these, are checked, and by which."""
UNCHECKED = ("sklearn.cluster", "sklearn.decomposition._lda")
"""Modules whose compiled code reads by what an estimator claims, and that nothing here checks."""


def describe(value: Any) -> tuple[type, Mapping[str, Any]]:
    """Return the class of an object of scikit-learn, and what it predicts from.

    Raises:
        ContractError: its class is not saved, or it was fitted in a way that is not.
    """
    checks = _checks(type(value))
    return (type(value), plain(value)) if checks is None else checks.describe(value)


def rebuild(cls: type, state: Mapping[str, Any]) -> Any:
    """Return the object that ``describe`` described.

    Raises:
        DataError: a part of it is not what it must be.
    """
    try:
        checks = _checks(cls)
    except ContractError as err:
        raise DataError(str(err)) from err
    return made(cls, state) if checks is None else checks.rebuild(cls, state)


def _checks(cls: type) -> Any:
    for base in cls.__mro__:
        if base.__module__.startswith(UNCHECKED):
            raise ContractError(
                f"a {cls.__module__}.{cls.__qualname__} is not saved: compiled code believes what"
                " its attributes claim; give its owner to_state() and from_state() of plain arrays"
            )
        for place, module in CHECKED.items():
            if base.__module__ == place or base.__module__.startswith(f"{place}."):
                return import_module(f"atlas_estimators.{module}")
    return None
