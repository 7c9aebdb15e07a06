"""Small checks that the frozen data types share. Light: numpy only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
Str = npt.NDArray[np.str_]
Bool = npt.NDArray[np.bool_]

_TOGETHER = 4096
"""Segments that are gathered at a time."""


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return ``values`` as a read-only array of ``dtype``; the caller's array stays writeable.

    A read-only memory map of that type is kept as it is: it knows the file that it shows.
    """
    if isinstance(values, np.memmap) and (values.mode, values.dtype) == ("r", dtype):
        return values if values.flags.c_contiguous else frozen(np.array(values), dtype)
    array = np.ascontiguousarray(values, dtype=dtype)
    if array is values or array.base is not None:
        array = array.view()
    array.flags.writeable = False
    return array


def freeze(owner: object, dtype: npt.DTypeLike, *names: str) -> None:
    """Make attributes of a frozen dataclass read-only arrays; None stays."""
    for name in names:
        if (values := getattr(owner, name)) is not None:
            object.__setattr__(owner, name, frozen(values, dtype))


def fingerprint(parts: Mapping[str, npt.NDArray[Any] | None]) -> str:
    """Return the sha256 of named arrays: names, types, shapes and bytes, in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        array = parts[name]
        if array is None:
            digest.update(f"{name}:none;".encode())
            continue
        if array.dtype.kind == "U":  # the width of a numpy text type is no part of its content
            # half a character, as of a file name, is content as well
            encoded = "\x00".join(array.ravel().tolist()).encode("utf-8", "surrogatepass")
            digest.update(f"{name}:text:{array.shape};".encode())
            digest.update(encoded)
            continue
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)  # no copy
    return digest.hexdigest()


def segments(offsets: I8, indices: I8) -> I8:
    """Return the flat row numbers of the segments ``indices``, in their order.

    Segment i owns rows ``offsets[i]:offsets[i + 1]``; the result is what slicing each of them and
    joining would give, without a Python loop.
    """
    lengths = offsets[indices + 1] - offsets[indices]
    ends = np.cumsum(lengths)
    rows = np.repeat(offsets[indices] - (ends - lengths), lengths)
    rows += np.arange(len(rows), dtype=np.int64)
    return np.asarray(rows, dtype=np.int64)


def gather(
    offsets: I8, indices: I8, arrays: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Return each array's rows of the segments ``indices``, in their order.

    As ``array[segments(offsets, indices)]``, without a number for every row at once: of millions
    of edges these would take more room than what is gathered.
    """
    ends = np.cumsum(offsets[indices + 1] - offsets[indices])
    total = int(ends[-1]) if len(ends) else 0
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    out = {name: np.empty((total, *a.shape[1:]), a.dtype) for name, a in plain.items()}
    low = 0
    for start in range(0, len(indices), _TOGETHER):
        rows = segments(offsets, indices[start : start + _TOGETHER])
        for name, array in plain.items():
            out[name][low : low + len(rows)] = array[rows]
        low += len(rows)
    return out


def offsets_of(lengths: npt.ArrayLike) -> I8:
    """Return (n + 1,) offsets for n segment lengths."""
    counts = np.asarray(lengths, dtype=np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


@dataclass(frozen=True)
class MappedFile:
    """Stand for a memory-mapped array on its way to another process, which maps the file anew."""

    path: str
    kind: str
    shape: tuple[int, ...]

    def open(self) -> npt.NDArray[Any]:
        """Map the file."""
        return np.memmap(self.path, dtype=self.kind, mode="r", shape=self.shape)


def portable(value: Any) -> Any:
    """Return a ``MappedFile`` for an array that is a whole file mapped read-only, else ``value``.

    Pickling would write out what the file holds: a gigabyte for every worker process.
    """
    if not isinstance(value, np.memmap) or value.mode != "r" or value.filename is None:
        return value
    path = Path(value.filename)
    if not value.flags.c_contiguous or not path.exists() or path.stat().st_size != value.nbytes:
        return value
    return MappedFile(str(path.resolve()), value.dtype.str, value.shape)


def opened(value: Any) -> Any:
    """Return the array that ``portable`` stood for."""
    return value.open() if isinstance(value, MappedFile) else value
