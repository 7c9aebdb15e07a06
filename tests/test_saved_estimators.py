"""A file from a stranger leads no compiled code out of its memory: what is wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_estimators import ESTIMATORS, RNG, TABLE, TARGET, answers
from sklearn.ensemble import (
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity, KNeighborsRegressor, NearestNeighbors
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVR

from atlas_core.errors import ContractError, DataError
from atlas_core.estimators import HOMES
from atlas_core.saving import FORMAT as SAVED
from atlas_core.saving import load, pack, readable, restored, unpack
from atlas_core.store import write_arrays


class Tampered:
    """Hold a saved estimator whose parts can be changed as a stranger would."""

    def __init__(self, estimator: Any) -> None:
        self.structure, self.arrays = pack(estimator)

    def state(self, estimator: str = "") -> list[list[Any]]:
        """Return the (name, content) pairs of the first estimator, or of the first of a class."""
        parts = self.structure["parts"]
        part = next(p for p in parts if estimator in p.get("estimator", "-"))
        return parts[part["state"]["part"]]["dict"]

    def set(self, name: str, value: Any) -> None:
        """Give an array or a number of the first state that has it another value."""
        for part in self.structure["parts"]:
            for pair in part.get("dict", ()):
                if pair[0] == name:
                    if isinstance(value, np.ndarray):
                        self.arrays[self.structure["parts"][pair[1]["part"]]["array"]] = value
                    else:
                        pair[1] = value
                    return
        raise AssertionError(name)

    def get(self, name: str) -> Any:
        """Return a copy of an array."""
        for pair in (pair for part in self.structure["parts"] for pair in part.get("dict", ())):
            if pair[0] == name:
                return self.arrays[self.structure["parts"][pair[1]["part"]]["array"]].copy()
        raise AssertionError(name)

    def load(self) -> Any:
        """Return what reading it gives."""
        with readable("a file"):
            return unpack(self.structure, self.arrays, ())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_answers_to_the_bit_after_loading(name: str) -> None:
    again = restored(ESTIMATORS[name], ())
    table = RNG.normal(size=(50, 4))
    before, after = answers(ESTIMATORS[name], table), answers(again, table)
    assert before.keys() == after.keys()
    for method, values in before.items():
        assert after[method].tobytes() == values.tobytes(), method


def test_rows_that_a_forest_drew_are_known_after_loading() -> None:
    for name in ("forest", "extra trees", "extra trees of labels"):
        again = restored(ESTIMATORS[name], ())
        assert np.array_equal(again.estimators_samples_, ESTIMATORS[name].estimators_samples_)


def test_what_was_loaded_is_saved_as_the_same_arrays() -> None:
    for estimator in ESTIMATORS.values():
        first, second = pack(estimator), pack(restored(estimator, ()))
        assert all(np.array_equal(first[1][one], second[1][one]) for one in first[1])


def test_every_schema_has_an_estimator_here() -> None:
    held = {
        part["estimator"]
        for one in ESTIMATORS.values()
        for part in pack(one)[0]["parts"]
        if "estimator" in part
    }
    assert held | {"Sum", "Product"} == set(HOMES)


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingRegressor(n_estimators=2).fit(TABLE, TARGET),
        KernelDensity().fit(TABLE),
        NearestNeighbors().fit(TABLE),
        FunctionTransformer(np.exp),
        RandomForestRegressor(),
        LogisticRegression(),
        GaussianProcessRegressor(RBF([1.0] * 4), optimizer=None).fit(TABLE, TARGET),
        SVR(kernel="linear").fit(TABLE, TARGET),
        RandomForestRegressor(2).fit(TABLE, TABLE),
        KNeighborsRegressor(metric="manhattan").fit(TABLE, TARGET),
        IsolationForest(n_estimators=2, max_features=0.5).fit(TABLE),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_estimator_without_a_schema_is_not_written(estimator: Any) -> None:
    with pytest.raises(ContractError, match=r"list\[0\].* cannot be saved: ") as caught:
        pack([estimator])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "GradientBoostingRegressor",
        "KernelDensity",
        "NearestNeighbors",
        "KDTree",
        "Tree",
        "TreePredictor",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "os.system",
        "",
        7,
        None,
    ],
)
def test_an_estimator_without_a_schema_is_not_read(name: Any) -> None:
    # boosting whose trees number more than its outputs adds values beyond its table
    state = {"n_features_in_": 4, "estimators_": {"tuple": []}}
    parts = [
        {"estimator": name, "state": {"part": 1}},
        {"dict": [[key, value] for key, value in state.items()]},
    ]
    with pytest.raises(DataError, match="no schema"):
        unpack({"root": {"part": 0}, "parts": parts}, {}, ())


def test_an_estimator_as_a_file_of_another_library_is_not_read() -> None:
    with pytest.raises(DataError), readable("a file"):
        unpack({"root": {"part": 0}, "parts": [{"sklearn": "a0"}]}, {"a0": np.zeros(9, "u1")}, ())


@pytest.mark.parametrize("columns", [10**9, 10**18, 2**80, 0, -5, True, 4.0, None, "4"])
@pytest.mark.parametrize("name", ["forest", "isolation", "boosting"])
def test_a_claim_of_columns_that_no_table_has_is_refused(name: str, columns: Any) -> None:
    evil = Tampered(ESTIMATORS[name])
    evil.set("columns", columns)
    with pytest.raises(DataError, match="columns"):
        evil.load()


def test_a_forest_for_more_columns_than_its_table_asks_no_neighbouring_memory() -> None:
    evil = Tampered(ESTIMATORS["forest"])
    evil.set("columns", 10**6)
    feature = evil.get("feature")
    feature[evil.get("left_child") != -1] = 10**6 - 1
    evil.set("feature", feature)
    forest = evil.load()
    with pytest.raises(ValueError, match="4 features"):
        forest.predict(TABLE)
    for tree in (one.tree_ for one in forest.estimators_):  # as a plugin asks it
        for ask in (tree.predict, tree.apply, tree.decision_path):
            with pytest.raises(DataError, match="1000000 columns"):
                ask(TABLE.astype(np.float32))


def changed(name: str, row: int, value: Any) -> Callable[[Tampered], None]:
    def change(evil: Tampered) -> None:
        values = evil.get(name)
        values.reshape(-1)[row] = value
        evil.set(name, values)

    change.__name__ = f"{name}[{row}]={value}"
    return change


def cut(name: str, rows: int) -> Callable[[Tampered], None]:
    def change(evil: Tampered) -> None:
        evil.set(name, evil.get(name)[..., :rows].copy())

    change.__name__ = f"{name}[..., :{rows}]"
    return change


def typed(name: str, dtype: str) -> Callable[[Tampered], None]:
    def change(evil: Tampered) -> None:
        evil.set(name, evil.get(name).astype(dtype))

    change.__name__ = f"{name} as {dtype}"
    return change


def put(name: str, value: Any) -> Callable[[Tampered], None]:
    def change(evil: Tampered) -> None:
        evil.set(name, value)

    change.__name__ = f"{name}={str(value)[:20]}"
    return change


def shared_child(evil: Tampered) -> None:
    left, right = evil.get("left_child"), evil.get("right_child")
    right[0] = left[0]
    evil.set("right_child", right)


def dropped(evil: Tampered) -> None:
    del evil.state()[-1]


def added(evil: Tampered) -> None:
    evil.state().append(["__class__", "os.system"])


NODES = [
    changed("left_child", 0, 10**6),
    changed("left_child", 0, -2),
    changed("left_child", 0, 0),
    changed("left_child", 0, 2**62),
    changed("left_child", 0, -(2**63)),
    changed("right_child", 0, -1),
    changed("right_child", 0, 0),
    shared_child,
    changed("feature", 0, 4),
    changed("feature", 0, -3),
    changed("threshold", 0, np.nan),
    changed("values", 0, np.inf),
    changed("sizes", 0, 0),
    changed("sizes", 0, -1),
    changed("sizes", 0, 2**62),
    changed("seeds", 0, -1),
    changed("n_node_samples", 0, -1),
    cut("seeds", 2),
    cut("sizes", 2),
    cut("values", 0),
    cut("feature", 3),
    typed("left_child", "int32"),
    typed("threshold", "float32"),
    typed("feature", ">i8"),
    typed("values", "complex128"),
    put("sizes", np.zeros(0, np.int64)),
    put("values", "text"),
    put("n_estimators", 10**9),
    put("options", None),
    dropped,
    added,
]
EVIL = {
    "forest": [
        *NODES,
        put("rows", 10**12),
        put("rows", -5),
        put("max_samples", 10**9),
        put("bootstrap", "yes"),
        put("criterion", "../../x"),
    ],
    "forest of labels": [*NODES, cut("classes", 1), put("classes", np.array([1.0, 0.0]))],
    "isolation": [*NODES, put("rows", 10**30), put("rows", 0), put("offset", "x")],
    "boosting": [
        changed("left", 0, 2**31),
        changed("right", 0, 0),
        changed("feature_idx", 0, 4),
        changed("feature_idx", 0, -1),
        changed("feature_idx", 0, 2**62),
        changed("is_leaf", 0, 2),
        changed("sizes", 0, 2**62),
        changed("num_threshold", 0, np.nan),
        cut("value", 5),
        typed("left", "int64"),
        put("baseline", "1"),
        put("baseline", {"float": "nan"}),
        put("loss", "poisson"),
        dropped,
        added,
    ],
    "boosted labels": [put("classes", np.arange(3)), cut("classes", 1)],
    "svr": [
        cut("weights", 1),
        cut("vectors", 0),
        cut("support", 1),
        cut("offset", 0),
        cut("counts", 1),
        changed("counts", 0, 1),
        changed("counts", 0, -1),
        changed("vectors", 0, np.nan),
        typed("support", "int64"),
        typed("weights", "float32"),
        put("kernel", "precomputed"),
        put("kernel", "linear"),
        put("degree", 2**40),
        put("gamma", 1),
        dropped,
        added,
    ],
    "svc": [
        changed("counts", 0, 0),
        changed("counts", 1, 2**31 - 1),
        cut("classes", 1),
        put("probability", 1),
        put("break_ties", 3.5),
    ],
    "calibrated": [put("slope", "1"), put("machine", 3), cut("weights", 1)],
    "neighbors": [
        cut("target", 1),
        put("target", np.zeros(0)),
        put("rows", np.zeros((0, 4))),
        changed("rows", 0, np.inf),
        put("n_neighbors", 10**9),
        put("n_neighbors", 0),
        put("leaf_size", 0),
        put("metric", "manhattan"),
        put("weights", "other"),
        put("p", 3),
    ],
    "process": [
        cut("weights", 3),
        cut("factor", 3),
        cut("rows", 0),
        changed("factor", 0, np.nan),
        put("length_scale", {"float": "inf"}),
        put("length_scale", -1.0),
        put("kernel", 1),
        put("alpha", "x"),
    ],
    "ridge": [cut("weights", 0), put("weights", np.zeros((2, 4))), put("alpha", None)],
    "logistic": [cut("offset", 0), put("classes", np.arange(5))],
    "pipeline": [cut("std", 1), cut("weights", 2), put("names", "a b"), put("model", None)],
}


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, changes in EVIL.items() for change in changes],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_part_that_does_not_fit_is_refused(name: str, change: Callable[[Tampered], None]) -> None:
    evil = Tampered(ESTIMATORS[name])
    change(evil)
    with pytest.raises(DataError) as caught:
        evil.load()
    assert "\n" not in str(caught.value)


def test_a_depth_is_counted_not_read() -> None:
    again = restored(ESTIMATORS["forest"], ())
    for before, after in zip(ESTIMATORS["forest"].estimators_, again.estimators_, strict=True):
        assert after.tree_.max_depth == before.tree_.max_depth
        paths = after.tree_.decision_path(TABLE.astype(np.float32))
        assert (paths != before.tree_.decision_path(TABLE.astype(np.float32))).nnz == 0


def test_any_number_of_threads_becomes_one_that_the_machine_has() -> None:
    for jobs in (10**9, 2**70, 0, -(10**9)):
        evil = Tampered(ESTIMATORS["forest"])
        evil.set("n_jobs", jobs)
        before = ESTIMATORS["forest"].predict(TABLE)
        # scikit-learn sums trees in the order in which threads end
        assert np.allclose(evil.load().predict(TABLE), before, rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"root": ' * 50_000,
        b"\xff\xfe",
        b"",
        b"NaN",
        b'{"root": 1e400}',
        b"9" * 5000,
    ],
    ids=["brackets", "braces", "no text", "empty", "nan", "infinite", "long number"],
)
def test_a_structure_of_nonsense_is_one_line(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "fit.npz"
    write_arrays(path, {"structure": np.frombuffer(text, np.uint8)}, {"format": SAVED})
    with pytest.raises(DataError, match=r"fit\.npz") as caught:
        load(path, ())
    assert "\n" not in str(caught.value)


def test_a_structure_that_is_deeper_than_the_stack_is_one_line(tmp_path: Path) -> None:
    parts = [{"list": [{"part": i + 1}]} for i in range(50_000)] + [{"list": []}]
    import json

    text = json.dumps({"root": {"part": 0}, "parts": parts}).encode()
    path = tmp_path / "fit.npz"
    write_arrays(path, {"structure": np.frombuffer(text, np.uint8)}, {"format": SAVED})
    with pytest.raises(DataError, match="RecursionError"):
        load(path, ())
