"""Schemas of Gaussian processes and their kernels. Heavy: scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    Matern,
    Product,
    Sum,
    WhiteKernel,
)

from atlas_core.errors import ContractError
from atlas_core.estimators.fields import Fields, options_of

CLASSES: Mapping[str, Any] = {
    one.__name__: one
    for one in (GaussianProcessRegressor, ConstantKernel, RBF, Matern, WhiteKernel, Sum, Product)
}
_NUMBERS = {
    "ConstantKernel": ("constant_value",),
    "RBF": ("length_scale",),
    "Matern": ("length_scale", "nu"),
    "WhiteKernel": ("noise_level",),
}
"""What a kernel without parts computes from; its bounds only steer the fit."""
_PAIRS = (Sum, Product)
_KERNELS = tuple(cls for cls in CLASSES.values() if cls is not GaussianProcessRegressor)
_NUS = (0.5, 1.5, 2.5)
_DEEPEST = 8


def describe(value: Any) -> dict[str, Any]:
    """Return what a process or a kernel predicts from.

    Raises:
        ContractError: a kernel has a length per column, or the process several outputs.
    """
    name = type(value).__name__
    if isinstance(value, _PAIRS):
        return {"k1": value.k1, "k2": value.k2}
    if name in _NUMBERS:
        numbers = {one: getattr(value, one) for one in _NUMBERS[name]}
        if any(np.ndim(one) for one in numbers.values()) or numbers.get("nu", 0.5) not in _NUS:
            raise ContractError(f"a {name} with a length per column is not saved")
        return {one: float(number) for one, number in numbers.items()}
    if value.alpha_.ndim != 1:
        raise ContractError("a GaussianProcessRegressor of several outputs is not saved")
    return {
        "options": options_of(value),
        "kernel": value.kernel_,
        "rows": value.X_train_,
        "target": value.y_train_,
        "weights": value.alpha_,
        "factor": value.L_,
        "mean": np.asarray(value._y_train_mean, dtype=np.float64).reshape(1),
        "unit": np.asarray(value._y_train_std, dtype=np.float64).reshape(1),
    }


def rebuild(name: str, state: Mapping[str, Any]) -> Any:
    """Return the process or the kernel.

    Raises:
        DataError: a part is not what it must be.
    """
    if name in _NUMBERS:
        fields = Fields(name, state, _NUMBERS[name])
        numbers = {one: fields.number(one, low=0.0) for one in _NUMBERS[name]}
        fields.require(numbers.get("nu", 0.5) in _NUS, "its nu is not read")
        return CLASSES[name](**numbers)
    if name != "GaussianProcessRegressor":
        fields = Fields(name, state, {"k1", "k2"})
        pair = CLASSES[name](fields.part("k1", *_KERNELS), fields.part("k2", *_KERNELS))
        fields.require(_depth(pair) <= _DEEPEST, "its kernel is too deep")
        return pair
    return _process(state)


def _depth(kernel: Any) -> int:
    if not isinstance(kernel, _PAIRS):
        return 0
    return 1 + max(_depth(kernel.k1), _depth(kernel.k2))


def _process(state: Mapping[str, Any]) -> GaussianProcessRegressor:
    wanted = {"options", "kernel", "rows", "target", "weights", "factor", "mean", "unit"}
    fields = Fields("GaussianProcessRegressor", state, wanted)
    kernel = fields.part("kernel", *_KERNELS)
    process = GaussianProcessRegressor(kernel, **fields.options(GaussianProcessRegressor))
    rows = fields.array("rows", np.float64, (None, None))
    n, columns = rows.shape
    fields.require(n >= 1 and columns >= 1, "it has no training rows")
    process.kernel_ = kernel
    process.n_features_in_ = columns
    process.X_train_ = rows
    process.y_train_ = fields.array("target", np.float64, (n,))
    process.alpha_ = fields.array("weights", np.float64, (n,))
    process.L_ = fields.array("factor", np.float64, (n, n))
    process._y_train_mean = fields.array("mean", np.float64, (1,))
    process._y_train_std = fields.array("unit", np.float64, (1,))
    return process
