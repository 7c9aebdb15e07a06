"""Change a saved fit at random, as a stranger would who knows its form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

WHOLE = (
    -1,
    0,
    1,
    2,
    7,
    127,
    255,
    2**31 - 1,
    2**31,
    2**32,
    10**9,
    10**12,
    2**62,
    -(2**31),
    -(2**63),
)
REAL = (0.0, -0.0, -1.0, 1.0, 0.5, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e9, 1e-9)
TYPES = (
    "i1",
    "i4",
    "i8",
    "u1",
    "u4",
    "u8",
    "f2",
    "f4",
    "f8",
    "c16",
    "?",
    "U3",
    "S4",
    ">f8",
    ">i8",
    "M8[s]",
)
TEXTS = (
    "",
    "x",
    "../../../etc/passwd",
    "os:system",
    "builtins:object",
    "__class__",
    "a" * 10_000,
    "nan",
    "\x00",
    "\u202e<script>",
    "RandomForestRegressor",
    "Pipeline",
    "KDTree",
    "regression",
)


class Hurt:
    """Change a fit, by a seeded generator.

    Args:
        structure: as ``atlas_core.saving.pack`` gives it.
        arrays: likewise.
        names: of classes and arrays, to put in each other's place.
        rng: chooses what is changed.

    Attributes:
        structure, arrays: changed.
        said: what was done.
    """

    def __init__(
        self,
        structure: dict[str, Any],
        arrays: dict[str, npt.NDArray[Any]],
        names: list[str],
        rng: np.random.Generator,
    ) -> None:
        self.structure = copy.deepcopy(structure)
        self.arrays = {name: values.copy() for name, values in arrays.items()}
        self.rng, self.names, self.said = rng, names, []
        for _ in range(1 + int(rng.integers(3) == 0) + int(rng.integers(9) == 0)):
            ways = [
                self.value,
                self.value,
                self.type,
                self.shape,
                self.swap,
                self.number,
                self.number,
                self.number,
                self.text,
                self.tree,
                self.part,
            ]
            way = ways[int(rng.integers(len(ways)))]
            self.said.append(way.__name__)
            with suppress(RecursionError):  # a copy of what was made too deep before
                way()

    def pick(self, among: Any) -> Any:
        return among[int(self.rng.integers(len(among)))]

    def array(self) -> str | None:
        return self.pick(sorted(self.arrays)) if self.arrays else None

    def value(self) -> None:
        """Set one number, some or all of an array to one that leads out of it."""
        if (name := self.array()) is None or not self.arrays[name].size:
            return
        array = self.arrays[name]
        flat = array.reshape(-1)
        n = len(flat)
        where: Any = self.pick(
            [[0], [n - 1], [int(self.rng.integers(n))], slice(None), slice(0, n // 2)]
        )
        new: Any
        if array.dtype.kind in "iu":
            new = self.pick([*WHOLE, n, n - 1, n // 2, int(self.rng.integers(-n, 2 * n + 1))])
            bounds = np.iinfo(array.dtype)
            new = min(max(new, bounds.min), bounds.max)
        elif array.dtype.kind in "fc":
            new = self.pick(REAL)
        elif array.dtype.kind == "b":
            new = bool(self.rng.integers(2))
        else:
            new = self.pick(TEXTS)[:5]
        with np.errstate(all="ignore"), suppress(ValueError):  # a date that is none
            flat[where] = new
        self.arrays[name] = flat.reshape(array.shape)
        self.said[-1] += f" {name}={new!r}"

    def type(self) -> None:
        """Give an array another type."""
        if (name := self.array()) is None:
            return
        kind = self.pick(TYPES)
        try:
            with np.errstate(all="ignore"):
                self.arrays[name] = self.arrays[name].astype(kind)
        except (ValueError, TypeError, RuntimeError):  # of kinds that have no common value
            self.arrays[name] = np.zeros(self.arrays[name].shape, dtype=kind)
        self.said[-1] += f" {name} {kind}"

    def shape(self) -> None:
        """Give an array another shape."""
        if (name := self.array()) is None:
            return
        array = self.arrays[name]
        axis = int(self.rng.integers(max(array.ndim, 1)))
        ways: dict[str, Callable[[], Any]] = {
            "empty": lambda: array[:0] if array.ndim else np.zeros(0, array.dtype),
            "one": lambda: array.reshape(-1)[:1],
            "scalar": lambda: (
                array.reshape(-1)[0].reshape(()) if array.size else np.zeros((), array.dtype)
            ),
            "flat": lambda: array.reshape(-1),
            "row": lambda: array.reshape(1, -1),
            "column": lambda: array.reshape(-1, 1),
            "deeper": lambda: array[None],
            "turned": lambda: array.T,
            "shorter": lambda: (
                np.take(array, range(array.shape[axis] - 1), axis) if array.ndim else array
            ),
            "twice": lambda: np.concatenate([array, array], axis) if array.ndim else array,
            "many": lambda: np.resize(array, 5000),
            "fortran": lambda: np.asfortranarray(array),
        }
        how = self.pick(sorted(ways))
        try:
            self.arrays[name] = np.array(ways[how](), order="K")
        except (ValueError, IndexError):
            self.arrays[name] = np.zeros(0, array.dtype)
        self.said[-1] += f" {name} {how}"

    def swap(self) -> None:
        """Let two arrays, or one array twice, stand in each other's place."""
        one, other = self.array(), self.array()
        if one is None or other is None:
            return
        self.arrays[one], self.arrays[other] = (
            self.arrays[other],
            self.arrays[self.pick([one, other])],
        )
        self.said[-1] += f" {one} {other}"

    def places(self) -> list[tuple[Any, Any]]:
        """Return every place of the structure: a container and a key."""
        found: list[tuple[Any, Any]] = []
        waiting: list[Any] = [self.structure]
        while waiting:
            part = waiting.pop()
            keys: Any = part if isinstance(part, dict) else range(len(part))
            for key in keys:
                found.append((part, key))
                if isinstance(part[key], dict | list):
                    waiting.append(part[key])
        return found

    def number(self) -> None:
        """Change a number or None."""
        places = [(p, k) for p, k in self.places() if not isinstance(p[k], str | dict | list)]
        if not places:
            return
        part, key = self.pick(places)
        part[key] = self.pick(
            [
                *WHOLE,
                2**80,
                True,
                False,
                None,
                1.5,
                -1.0,
                1e308,
                "x",
                {"float": "nan"},
                {"float": "inf"},
            ]
        )
        self.said[-1] += f" {key}={part[key]!r}"

    def text(self) -> None:
        """Change a text: a name of a class, of an array, of an attribute's value, ..."""
        places = [(p, k) for p, k in self.places() if isinstance(p[k], str)]
        if not places:
            return
        part, key = self.pick(places)
        part[key] = self.pick([*TEXTS, *self.names, *self.names, 3, None])
        self.said[-1] += f" {key}={str(part[key])[:40]!r}"

    def tree(self) -> None:
        """Drop, double, nest or exchange a piece of the structure."""
        if not (places := self.places()):
            return
        part, key = self.pick(places)
        other, name = self.pick(places)
        how = self.pick(["drop", "double", "nest", "exchange", "copy", "deep"])
        self.said[-1] += f" {how} {key}"
        if how == "drop":
            del part[key]
        elif how == "double" and isinstance(part, list):
            part.insert(key, copy.deepcopy(part[key]))
        elif how == "double":
            part[f"{key}_"] = part[key]
        elif how == "nest":
            part[key] = self.pick([[part[key]], {"tuple": [part[key]]}, {"part": part[key]}])
        elif how == "exchange":
            part[key], other[name] = copy.deepcopy(other[name]), copy.deepcopy(part[key])
        elif how == "copy":
            part[key] = copy.deepcopy(other[name])
        else:
            for _ in range(600):
                part[key] = {"tuple": [part[key]]}

    def part(self) -> None:
        """Let a reference lead to another part."""
        places = [(p, k) for p, k in self.places() if k == "part"]
        if not places:
            return
        part, key = self.pick(places)
        parts = self.structure.get("parts")
        n = len(parts) if isinstance(parts, dict | list) else 1
        part[key] = self.pick([int(self.rng.integers(max(n, 1))), n, -1, "0", None, 2**70])
        self.said[-1] += f" {part[key]!r}"
