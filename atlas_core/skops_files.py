"""What skops leaves to its caller: the same bytes each time, and a look into compiled trees.

Light. scikit-learn follows the indices of a compiled tree without a look: a file that was made to
harm could lead it out of its memory. So they are checked before anything is predicted.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from atlas_core.errors import DataError

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def skops_io() -> Any:
    """Return ``skops.io``, imported without its list of every estimator.

    To make that list it imports the whole of scikit-learn, and torch where it is installed: two
    seconds. Who may be read is decided here, one name at a time (``is_estimator``).

    Raises:
        ImportError: skops is not installed.
    """
    import sklearn.utils

    every = sklearn.utils.all_estimators
    sklearn.utils.all_estimators = lambda *_args, **_options: []
    try:
        return import_module("skops.io")
    finally:
        sklearn.utils.all_estimators = every


def is_estimator(name: str) -> bool:
    """Tell whether a name such as ``sklearn.svm._classes.SVR`` is that of an estimator."""
    from sklearn.base import BaseEstimator

    module, _, cls = name.rpartition(".")
    steps = module.split(".")
    if steps[0] != "sklearn" or {"externals", "tests", "conftest"} & set(steps) or "__" in name:
        return False
    try:
        found = getattr(import_module(module), cls, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator)


def without_chance(content: bytes) -> bytes:
    """Return a skops file with members numbered in order and without the time of writing."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = members.pop("schema.json").decode()
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers.setdefault(match[2], str(len(numbers)))}{match[3]}"

    schema = re.sub(r'("__id__": )(\d+)()', number, schema)
    schema = re.sub(r'("file": ")(\d+)(\.)', number, schema)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("schema.json", _LONG_AGO), schema)
        renamed = {re.sub(r"^(\d+)", lambda m: numbers[m[1]], name): name for name in members}
        for name in sorted(renamed, key=lambda text: (len(text), text)):
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), members[renamed[name]])
    return body.getvalue()


def check_compiled(value: Any) -> None:
    """Refuse an estimator whose compiled parts point outside themselves.

    Raises:
        DataError: an index leads out of a tree, or back up in it.
    """
    for part in _parts(value):
        name = type(part).__name__
        if name == "Tree":
            _check_tree(part)
        elif name == "TreePredictor":
            _check_boosted(part)
        elif name in {"KDTree", "BallTree"}:
            _check_index(part)
        if type(getattr(part, "tree_", None)).__name__ == "Tree":
            _require(part.tree_.n_features == part.n_features_in_, "a tree")
        for trees in getattr(part, "_predictors", ()):
            for tree in trees:
                _require(tree.nodes["feature_idx"] < part.n_features_in_, "a boosted tree")


def _parts(value: Any) -> Iterator[Any]:
    seen: dict[int, Any] = {}  # with the parts: an id is an object's own only while it lives
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if part is None or isinstance(part, str | int | float | bytes) or id(part) in seen:
            continue
        seen[id(part)] = part
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            if part.dtype.hasobject:
                waiting.extend(part.ravel().tolist())
        elif hasattr(part, "__dict__"):
            waiting.extend(vars(part).values())


def _require(good: Any, what: str) -> None:
    if not np.all(good):
        raise DataError(f"{what} in it points outside itself; do not trust the file")


def _check_tree(tree: Any) -> None:
    state = tree.__getstate__()
    nodes = state["nodes"]
    count, number = len(nodes), np.arange(len(nodes))
    _require(state["node_count"] == count and len(state["values"]) == count and count, "a tree")
    inner = nodes["left_child"] != -1
    for side in ("left_child", "right_child"):
        child = nodes[side][inner]
        # a child stands behind its parent: no index leaves the tree, no path goes round
        _require((child > number[inner]) & (child < count), "a tree")
    feature = nodes["feature"][inner]
    _require((feature >= 0) & (feature < tree.n_features), "a tree")


def _check_boosted(tree: Any) -> None:
    nodes = tree.nodes
    count, number = len(nodes), np.arange(len(nodes))
    inner = nodes["is_leaf"] == 0
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        _require((child > number[inner]) & (child < count), "a boosted tree")
    _require(nodes["feature_idx"][inner] >= 0, "a boosted tree")
    _require(count > 0, "a boosted tree")
    _require(nodes["is_categorical"][inner] == 0, "a boosted tree with categories")


def _check_index(tree: Any) -> None:
    state = tree.__getstate__()
    data, index, nodes, bounds = (np.asarray(part) for part in state[:4])
    n, d = data.shape
    _require(np.array_equal(np.sort(index), np.arange(n)), "an index of neighbours")
    start, end = nodes["idx_start"], nodes["idx_end"]
    _require((start >= 0) & (start <= end) & (end <= n), "an index of neighbours")
    parent = np.flatnonzero(nodes["is_leaf"] == 0)
    _require(len(nodes) and (2 * parent + 2 < len(nodes)).all(), "an index of neighbours")
    _require(len(nodes) == state[6], "an index of neighbours")
    _require(bounds.ndim == 3 and bounds.shape[1:] == (len(nodes), d), "an index of neighbours")
