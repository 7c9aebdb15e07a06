"""A file from a stranger leads no compiled code out of its memory: what is wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_estimators import ALLOWED, ESTIMATORS, RNG, TABLE, TARGET, answers, named
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
)
from sklearn.gaussian_process.kernels import RBF, Sum
from sklearn.neighbors import KernelDensity, NearestNeighbors
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVR
from sklearn.utils import Bunch

from atlas_core.errors import ContractError, DataError
from atlas_core.saving import FORMAT as SAVED
from atlas_core.saving import Allowed, load, pack, readable, restored, unpack
from atlas_core.store import write_arrays


class Tampered:
    """A saved estimator whose parts can be changed as a stranger would."""

    def __init__(self, estimator: Any) -> None:
        self.structure, self.arrays = pack(estimator)

    def states(self) -> list[dict[str, Any]]:
        """Return the attributes of each estimator in it, the outermost first."""
        return [part["state"] for part in self.structure["parts"] if "library" in part]

    def set(self, name: str, value: Any) -> None:
        """Give an array or a number of the first state that has it another value."""
        state = next(state for state in self.states() if name in state)
        if isinstance(value, np.ndarray):
            self.arrays[self.structure["parts"][state[name]["part"]]["array"]] = value
        else:
            state[name] = value

    def get(self, name: str) -> Any:
        """Return a copy of an array."""
        state = next(state for state in self.states() if name in state)
        return self.arrays[self.structure["parts"][state[name]["part"]]["array"]].copy()

    def load(self) -> Any:
        """Return what reading it gives."""
        with readable("a file"):
            return unpack(self.structure, self.arrays, ALLOWED)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_answers_to_the_bit_after_loading(name: str) -> None:
    again = restored(ESTIMATORS[name], ALLOWED)
    table = RNG.normal(size=(50, 4))
    before, after = answers(ESTIMATORS[name], table), answers(again, table)
    assert before.keys() == after.keys()
    for method, values in before.items():
        assert after[method].tobytes() == values.tobytes(), method


def test_rows_that_a_forest_drew_are_known_after_loading() -> None:
    for name in ("forest", "extra trees", "extra trees of labels"):
        again = restored(ESTIMATORS[name], ALLOWED)
        assert np.array_equal(again.estimators_samples_, ESTIMATORS[name].estimators_samples_)


def test_what_was_loaded_is_saved_as_the_same_arrays() -> None:
    for estimator in ESTIMATORS.values():
        first, second = pack(estimator), pack(restored(estimator, ALLOWED))
        assert all(np.array_equal(first[1][one], second[1][one]) for one in first[1])


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingRegressor(n_estimators=2).fit(TABLE, TARGET),
        HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]).fit(
            np.abs(TABLE).round(), TARGET
        ),
        KernelDensity().fit(TABLE),
        KMeans(2, n_init=1).fit(TABLE),
        NearestNeighbors(metric="precomputed").fit(np.abs(TABLE[:4])),
        NearestNeighbors(),
        FunctionTransformer(len),
        SVR(kernel="precomputed").fit(TABLE @ TABLE.T, TARGET),
        Bunch(table=TABLE),
        SVR(kernel=lambda one, other: one @ other.T).fit(TABLE, TARGET),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_estimator_that_cannot_be_made_safely_is_not_written(estimator: Any) -> None:
    with pytest.raises(ContractError, match=r"list\[0\].* cannot be saved: ") as caught:
        pack([estimator])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_class_that_no_component_trusts_is_not_read(estimator: str) -> None:
    structure, arrays = pack(ESTIMATORS[estimator])
    for name in named(structure):
        allowed = Allowed(frozenset({"saved_estimators"}), ALLOWED.classes - {name})
        with pytest.raises(DataError) as caught:
            unpack(structure, arrays, allowed)
        assert f'add it to Component.trusted: "{name}"' in str(caught.value)


@pytest.mark.parametrize(
    "name", ["sklearn.tree._tree:Tree", "sklearn.svm._classes:SVR", "sklearn.pipeline:Pipeline"]
)
def test_a_trusted_class_is_made_by_its_codec_alone(name: str) -> None:
    for kind in ("object", "made", "config"):
        part = {kind: name, "state": {}, "fields": {}}
        with pytest.raises(DataError, match="belongs to no component"):
            unpack({"root": {"part": 0}, "parts": [part]}, {}, ALLOWED)


def test_a_subclass_in_a_plugin_is_checked_like_its_base() -> None:
    structure, arrays = pack(Machine().fit(TABLE, TARGET))
    own = Allowed(frozenset({__name__}))
    again = unpack(structure, arrays, own)
    assert again.predict(TABLE).tobytes() == SVR().fit(TABLE, TARGET).predict(TABLE).tobytes()
    part = next(one for one in structure["parts"] if "library" in one)
    part["object"] = part.pop("library")
    with pytest.raises(DataError, match="is not made from attributes"):
        unpack(structure, arrays, own)


class Machine(SVR):
    """A model of a plugin that derives from scikit-learn."""


@pytest.mark.parametrize(
    "name",
    ["os:system", "sklearn.tree._tree:DepthFirstTreeBuilder", "subprocess:Popen", "", 7, None],
)
def test_another_class_is_not_read(name: Any) -> None:
    # boosting whose trees number more than its outputs adds values beyond its table
    part = {"library": name, "state": {"n_features_in_": 4, "estimators_": {"tuple": []}}}
    with pytest.raises(DataError), readable("a file"):
        unpack({"root": {"part": 0}, "parts": [part]}, {}, ALLOWED)


@pytest.mark.parametrize("name", ["predict", "__class__", "_impl", "_parameter_constraints"])
def test_no_attribute_stands_before_one_of_its_class(name: str) -> None:
    evil = Tampered(ESTIMATORS["svr"])
    evil.states()[0][name] = "c_svc"
    with pytest.raises(DataError, match="no attribute for data"):
        evil.load()


def test_kernels_that_share_kernels_without_end_are_refused() -> None:
    kernel: Any = RBF(1.0)
    for _ in range(40):
        kernel = Sum(kernel, kernel)
    with pytest.raises(DataError, match="share parts without end"):
        restored(kernel, ALLOWED)


def test_an_estimator_as_a_file_of_another_library_is_not_read() -> None:
    with pytest.raises(DataError), readable("a file"):
        unpack({"root": {"part": 0}, "parts": [{"sklearn": "a0"}]}, {"a0": np.zeros(9, "u1")}, ())


@pytest.mark.parametrize("columns", [10**9, 10**18, 2**80, 0, -5, True, 4.0, None, "4"])
@pytest.mark.parametrize(
    ("name", "claim"),
    [("forest", "columns"), ("isolation", "columns"), ("boosting", "n_features_in_")],
)
def test_a_claim_of_columns_that_no_table_has_is_refused(
    name: str, claim: str, columns: Any
) -> None:
    evil = Tampered(ESTIMATORS[name])
    evil.set(claim, columns)
    with pytest.raises(DataError, match=claim):
        evil.load()


def test_a_forest_for_more_columns_than_its_table_asks_no_neighboring_memory() -> None:
    evil = Tampered(ESTIMATORS["forest"])
    evil.set("n_features_in_", 10**6)
    for state in (state for state in evil.states() if "columns" in state):
        state["columns"] = 10**6
    for state in evil.states():
        if type(state.get("n_features_in_")) is int:
            state["n_features_in_"] = 10**6
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


def dropped(name: str) -> Callable[[Tampered], None]:
    def change(evil: Tampered) -> None:
        del next(state for state in evil.states() if name in state)[name]

    change.__name__ = f"without {name}"
    return change


def added(evil: Tampered) -> None:
    for state in evil.states():
        state["__class__"] = "os.system"


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
    changed("n_node_samples", 0, -1),
    cut("values", 0),
    cut("feature", 3),
    cut("classes", 0),
    put("classes", np.array([2**40])),
    put("classes", np.array([0])),
    typed("left_child", "int32"),
    typed("threshold", "float32"),
    typed("feature", ">i8"),
    typed("values", "complex128"),
    put("left_child", np.zeros(0, np.int64)),
    put("values", "text"),
    put("columns", 5),
    put("n_features_in_", 5),
    put("estimators_", {"tuple": []}),
    put("tree_", 3),
    dropped("feature"),
    added,
]
FOREST = [
    *NODES,
    put("_n_samples", 10**12),
    put("_n_samples", -5),
    put("n_outputs_", 10**9),
    dropped("_n_samples"),
]
EVIL = {
    "forest": [*FOREST, put("_n_samples_bootstrap", 10**9)],
    "forest of labels": [*FOREST, put("n_classes_", 10**9)],
    "isolation": [*NODES, put("_max_samples", 10**30), put("_max_samples", 0)],
    "boosting": [
        changed("left", 0, 2**31),
        changed("right", 0, 0),
        changed("feature_idx", 0, -1),
        changed("feature_idx", 0, 2**62),
        changed("is_leaf", 0, 2),
        changed("num_threshold", 0, np.nan),
        changed("value", 0, np.inf),
        cut("value", 1),
        cut("value", 0),
        typed("left", "int64"),
        put("_baseline_prediction", "1"),
        put("_baseline_prediction", np.zeros((1, 3))),
        put("n_trees_per_iteration_", 10**9),
        put("_predictors", {"tuple": [{"tuple": [3]}]}),
        put("loss", "other"),
        dropped("left"),
        added,
    ],
    "boosted labels": [put("n_trees_per_iteration_", 3), put("_baseline_prediction", None)],
    "svr": [
        cut("_dual_coef_", 1),
        cut("support_vectors_", 0),
        cut("support_", 1),
        cut("_intercept_", 0),
        cut("_n_support", 1),
        changed("_n_support", 0, 1),
        changed("_n_support", 0, -1),
        changed("support_vectors_", 0, np.nan),
        typed("support_", "int64"),
        typed("_dual_coef_", "float32"),
        put("_probA", np.zeros(7)),
        put("_probB", np.zeros(7)),
        put("kernel", "precomputed"),
        put("kernel", None),
        put("_sparse", 1),
        put("degree", 2**40),
        put("n_features_in_", 3),
        added,
    ],
    "svc": [
        changed("_n_support", 0, 0),
        changed("_n_support", 1, 2**31 - 1),
        cut("classes_", 1),
    ],
    "svc of three": [cut("_intercept_", 1), cut("_n_support", 2), cut("classes_", 2)],
    "calibrated": [cut("_dual_coef_", 1)],
    "neighbors": [
        cut("_y", 1),
        put("_y", np.zeros(0)),
        put("_fit_X", np.zeros((0, 4))),
        changed("_fit_X", 0, np.inf),
        put("n_neighbors", 10**9),
        put("n_neighbors", 0),
        put("leaf_size", 0),
        put("metric", "precomputed"),
        put("metric", None),
        put("metric_params", 3),
        put("weights", "other"),
        put("p", -3),
    ],
}
"""Changes of what compiled code follows: refused when it is read."""
WRONG = {
    "boosting": [changed("feature_idx", 0, 7)],
    "calibrated": [put("a_", "1"), put("estimator", 3), dropped("calibrators")],
    "isolation": [put("offset_", "x")],
    "svr": [dropped("support_vectors_"), dropped("_n_support"), put("_gamma", "1")],
    "process": [
        cut("alpha_", 3),
        cut("X_train_", 0),
        put("kernel_", 1),
    ],
    "ridge": [cut("coef_", 0), put("coef_", np.zeros((7, 7)))],
    "logistic": [cut("coef_", 2), put("coef_", None)],
    "network": [put("coefs_", None), put("n_layers_", 10**9)],
    "pipeline": [cut("scale_", 2), put("coef_", "x")],
}
"""Changes that only numpy meets: refused when it is read or asked."""


def cases(of: dict[str, list[Callable[[Tampered], None]]]) -> list[Any]:
    every = [(name, change) for name, changes in of.items() for change in changes]
    return [pytest.param(*one, id=f"{one[0]}-{one[1].__name__}") for one in every]


@pytest.mark.parametrize(("name", "change"), cases(EVIL))
def test_a_part_that_does_not_fit_is_refused(name: str, change: Callable[[Tampered], None]) -> None:
    evil = Tampered(ESTIMATORS[name])
    change(evil)
    with pytest.raises(DataError) as caught:
        evil.load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "change"), cases(WRONG))
def test_a_part_that_is_wrong_is_one_line(name: str, change: Callable[[Tampered], None]) -> None:
    evil = Tampered(ESTIMATORS[name])
    change(evil)
    with pytest.raises(DataError) as caught, readable("an estimator"):
        answers(evil.load(), TABLE)
    assert "\n" not in str(caught.value)


def test_a_depth_is_counted_not_read() -> None:
    again = restored(ESTIMATORS["forest"], ALLOWED)
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
        load(path, ALLOWED)
    assert "\n" not in str(caught.value)


def test_a_structure_that_is_deeper_than_the_stack_is_one_line(tmp_path: Path) -> None:
    parts = [{"list": [{"part": i + 1}]} for i in range(50_000)] + [{"list": []}]
    import json

    text = json.dumps({"root": {"part": 0}, "parts": parts}).encode()
    path = tmp_path / "fit.npz"
    write_arrays(path, {"structure": np.frombuffer(text, np.uint8)}, {"format": SAVED})
    with pytest.raises(DataError, match="RecursionError"):
        load(path, ALLOWED)
