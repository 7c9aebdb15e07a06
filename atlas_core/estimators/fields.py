"""Read plain data that a stranger may have written: each part is checked as it is read. Light."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.errors import DataError

MOST_COLUMNS = 2**20
"""Columns that an estimator may claim: some of its parts are as long, before it is asked."""

_PLAIN = (type(None), bool, int, float, str)


class Fields:
    """Read the named parts of a state.

    Args:
        name: class of the estimator, for messages.
        state: its parts by name.
        wanted: names that must all be there, and no others.

    Raises:
        DataError: a name is missing or unknown.
    """

    def __init__(self, name: str, state: Any, wanted: Collection[str]) -> None:
        self._name = name
        if not isinstance(state, Mapping) or set(state) != set(wanted):
            raise self.refused("its parts are not those of this version")
        self._state = state

    def refused(self, why: str) -> DataError:
        """Return the error of a part that is not what it must be."""
        return DataError(f"a {self._name} in it cannot be used: {why}; fit anew, do not trust it")

    def require(self, good: Any, why: str) -> None:
        """Stop unless ``good`` holds everywhere.

        Raises:
            DataError: it does not.
        """
        if not np.all(good):
            raise self.refused(why)

    def array(
        self, name: str, dtype: Any, shape: tuple[int | None, ...], *, finite: bool = True
    ) -> npt.NDArray[Any]:
        """Return an array of exactly this type and shape; None stands for any length.

        Raises:
            DataError: it is something else, or holds a number that is not finite.
        """
        value, wanted = self._state[name], np.dtype(dtype)
        if type(value) is not np.ndarray or value.dtype != wanted:
            raise self.refused(f"{name} is no array of {wanted}")
        matches = len(value.shape) == len(shape) and all(
            want is None or have == want for have, want in zip(value.shape, shape, strict=True)
        )
        if not matches:
            said = ", ".join("any" if want is None else str(want) for want in shape)
            raise self.refused(f"{name} has shape {value.shape}, not ({said})")
        if finite and wanted.kind == "f" and not np.isfinite(value).all():
            raise self.refused(f"{name} is not finite everywhere")
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``.

        Raises:
            DataError: it is something else.
        """
        value = self._state[name]
        if type(value) is not int or not low <= value <= high:
            raise self.refused(f"{name} is no whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float = -math.inf) -> float:
        """Return a finite number above ``low``.

        Raises:
            DataError: it is something else.
        """
        value = self._state[name]
        if type(value) is not float or not math.isfinite(value) or value <= low:
            raise self.refused(f"{name} is no finite number above {low}")
        return value

    def part(self, name: str, *classes: type) -> Any:
        """Return an estimator that was built before, of exactly one of these classes.

        Raises:
            DataError: it is something else.
        """
        value = self._state[name]
        if type(value) not in classes:
            raise self.refused(f"{name} is a {type(value).__name__}")
        return value

    def classes(self, name: str) -> npt.NDArray[Any]:
        """Return (c,) the labels of one or two classes, ascending.

        Raises:
            DataError: they are something else.
        """
        value = self._state[name]
        sound = (
            type(value) is np.ndarray
            and value.dtype.kind in "biuf"
            and value.ndim == 1
            and 1 <= len(value) <= 2
            and bool(np.isfinite(value).all())
            and bool((value[1:] > value[:-1]).all())
        )
        if not sound:
            raise self.refused(f"{name} are no labels of one or two classes")
        labels: npt.NDArray[Any] = value
        return labels

    def columns(self, name: str = "columns") -> int:
        """Return the number of columns that the estimator was fitted to.

        Raises:
            DataError: it is none that a table may have.
        """
        return self.whole(name, 1, MOST_COLUMNS)

    def options(self, cls: Any, name: str = "options") -> dict[str, Any]:
        """Return options of a class after scikit-learn's own checks of them.

        Threads are those that this machine has, and nothing is printed: no answer depends on them.

        Raises:
            DataError: an option is unknown or no plain value, or scikit-learn refuses it.
        """
        value = self._state[name]
        known = set(cls().get_params(deep=False))
        if not isinstance(value, dict) or not all(
            key in known and type(content) in _PLAIN for key, content in value.items()
        ):
            raise self.refused(f"{name} are not those of its class")
        found = dict(value)
        if found.get("verbose"):
            found["verbose"] = 0
        if type(jobs := found.get("n_jobs")) is int:
            found["n_jobs"] = min(max(jobs, 1), os.cpu_count() or 1)
        try:
            cls(**found)._validate_params()  # public through fit alone, which would train
        except (ValueError, TypeError, OverflowError) as err:
            raise self.refused(" ".join(str(err).split())) from err
        return found


def options_of(estimator: Any) -> dict[str, Any]:
    """Return the options of an estimator that are plain values; others only steer the fit."""
    found = estimator.get_params(deep=False).items()
    return {name: value for name, value in found if type(value) in _PLAIN}
