"""Support-vector machines of libsvm. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.svm._base import BaseLibSVM, BaseSVC

from atlas_core.api import ContractError
from atlas_estimators.parts import array, made, plain, require, whole

KERNELS = ("linear", "poly", "rbf", "sigmoid")


def describe(machine: BaseLibSVM) -> tuple[type, dict[str, Any]]:
    """Return the attributes of a machine.

    Raises:
        ContractError: its kernel is a function or a table, or its vectors are sparse.
    """
    state = plain(machine)
    if machine.kernel not in KERNELS or state.get("_sparse"):
        raise ContractError(f"a support-vector machine is saved with a kernel of {KERNELS} alone")
    return type(machine), state


def rebuild(cls: type, state: Mapping[str, Any]) -> BaseLibSVM:
    """Return the machine, after a look at all that libsvm walks over.

    Raises:
        DataError: a part is not what it must be.
    """
    machine = made(cls, state)
    if "support_vectors_" not in state:  # libsvm is not asked without them
        return machine
    require(state["kernel"] in KERNELS and state["_sparse"] is False, "its options are not read")
    whole(state, "degree", 0, 2**31 - 1)  # it goes to libsvm even where its kernel has none
    rows, columns = array(state, "support_vectors_", np.float64, (None, None)).shape
    require(columns >= 1 and columns == state["n_features_in_"], "its vectors have other columns")
    counts = array(state, "_n_support", np.int32, (None,))
    n = len(counts)
    classifies = isinstance(machine, BaseSVC)
    require(n == 2 or (classifies and n > 2), "it has one class")
    require(not classifies or n == len(machine.classes_), "its classes are others")
    # libsvm walks over the vectors by these: of regression the first alone is read
    own = counts.astype(np.int64) if classifies else counts[:1].astype(np.int64)
    require(counts >= 0, "a class has fewer than no vectors")
    require(own.sum() == rows, "its counts do not fit its vectors")
    pairs = n * (n - 1) // 2
    array(state, "support_", np.int32, (rows,))
    array(state, "_dual_coef_", np.float64, (n - 1, rows))
    array(state, "_intercept_", np.float64, (pairs,))
    likely = len(array(state, "_probA", np.float64, (None,)))
    require(likely in (0, pairs), "its probabilities do not fit its classes")
    array(state, "_probB", np.float64, (likely,))
    return machine
