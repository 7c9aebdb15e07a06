"""Small checks that the frozen data types share. Light: numpy only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
Str = npt.NDArray[np.str_]
Bool = npt.NDArray[np.bool_]


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return ``values`` as a read-only array of ``dtype``; the caller's array stays writeable.

    A read-only memory map of that type is kept as it is: it knows the file that it shows.
    """
    if isinstance(values, np.memmap) and values.mode == "r" and values.dtype == dtype:
        return values
    array = np.ascontiguousarray(values, dtype=dtype)
    if array is values or array.base is not None:
        array = array.view()
    array.flags.writeable = False
    return array


def fingerprint(parts: Mapping[str, npt.NDArray[Any] | None]) -> str:
    """Return the sha256 of named arrays: names, types, shapes and bytes, in sorted order."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        array = parts[name]
        if array is None:
            digest.update(f"{name}:none;".encode())
            continue
        if array.dtype.kind == "U":  # the width of a numpy text type is no part of its content
            encoded = "\x00".join(array.tolist()).encode()
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


def offsets_of(lengths: npt.ArrayLike) -> I8:
    """Return (n + 1,) offsets for n segment lengths."""
    counts = np.asarray(lengths, dtype=np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
