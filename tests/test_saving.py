"""Fitted objects are saved without pickle, and a file from a stranger runs no code."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_estimators import named
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor

from atlas_core import saving
from atlas_core.component import Component, Config, Field
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.trust import ReliabilityTarget
from atlas_core.saving import Allowed, load, one_line, pack, restored, save, unpack
from atlas_core.store import read_arrays, write_arrays
from atlas_core.testing.toy_model import ToyModel

HERE = Allowed(frozenset({__name__.split(".", maxsplit=1)[0]}))
RNG = np.random.default_rng(0)
TABLE, TARGET = RNG.normal(size=(60, 4)), RNG.normal(size=60)


class Options(Config):
    """Options of a component."""

    depth: int = Field(3, description="d")
    names: tuple[str, ...] = Field(("a", "b"), description="n")
    share: float | None = Field(None, description="s")


@dataclass(frozen=True)
class Point:
    """A frozen dataclass."""

    x: Any
    y: Any = None


@dataclass(frozen=True, slots=True)
class Narrow:
    """A dataclass without a dict."""

    x: Any


class Chain:
    """A plain class that may hold itself."""

    def __init__(self) -> None:
        raise AssertionError("no constructor runs when a file is read")

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("no __setstate__ runs when a file is read")

    def answer(self) -> int:
        return 1


@dataclass
class Net:
    """Stands for a network: it knows how to be saved."""

    weights: Any
    make: Any = field(default=lambda: 1)

    def to_state(self) -> dict[str, Any]:
        return {"weights": self.weights}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Net:
        return cls(state["weights"])


def chain() -> Chain:
    return object.__new__(Chain)


def text_of(structure: dict[str, Any], arrays: dict[str, Any] | None = None) -> dict[str, Any]:
    text = np.frombuffer(json.dumps(structure).encode(), dtype=np.uint8)
    return {"structure": text, **(arrays or {})}


def stranger(folder: Path, structure: dict[str, Any], arrays: dict[str, Any] | None = None) -> Path:
    path = folder / "stranger.npz"
    write_arrays(path, text_of(structure, arrays), {"format": saving.FORMAT}, compress=True)
    return path


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        2**80,
        -0.0,
        float("inf"),
        "\u00e9\x00",
        b"\x00\xff",
        (1, (2.5, None)),
        [1, [2]],
        {"a": 1, ("b", 2): [3]},
        frozenset({"x", "y"}),
        {1, 2},
        np.float32(1.5),
        np.str_("x"),
        Point(1, (2, "z")),
        Narrow([1.0]),
        Options(depth=5, share=0.1),
        ReliabilityTarget(0.1, 0.9),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_values_come_back(value: Any) -> None:
    again = restored(value, HERE)
    assert type(again) is type(value)
    assert again == value
    assert repr(again) == repr(value)


def test_a_nan_comes_back() -> None:
    assert np.isnan(restored(float("nan"), HERE))


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(TABLE),
        np.zeros((0, 3), np.float32),
        np.array(["a", "bcd"]),
        np.array(5, np.int16),
        np.array([(1, 2.0)], dtype=[("a", "i2"), ("b", "f8")]),
    ],
    ids=["fortran", "empty", "text", "no dimension", "structured"],
)
def test_arrays_come_back_to_the_bit(array: Any) -> None:
    again = restored(array, HERE)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.flags.f_contiguous == array.flags.f_contiguous
    assert again.tobytes() == array.tobytes()


def test_what_is_shared_is_written_once_and_shared_again() -> None:
    structure, arrays = pack([Point(TABLE), {"t": TABLE}, TABLE])
    assert len(arrays) == 1
    point, table, array = unpack(structure, arrays, HERE)
    assert point.x is table["t"] is array


def test_an_object_may_hold_itself() -> None:
    one = chain()
    one.next, one.all = one, [one]
    again = restored(one, HERE)
    assert again.next is again
    assert again.all == [again]


def test_a_class_with_states_is_asked_for_them() -> None:
    assert restored(Net(TABLE), HERE).weights.tobytes() == TABLE.tobytes()


@pytest.mark.parametrize("value", [lambda: 1, len, TABLE.sum, io, int, Net, open])
def test_code_is_refused_and_the_line_names_the_attribute(value: Any) -> None:
    with pytest.raises(ContractError, match=r"Point\.x\[0\] cannot be saved"):
        pack(Point([value]))


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(ContractError, match="array of Python objects"):
        pack(np.array([None, 1], dtype=object))


def test_the_same_object_gives_the_same_bytes(tmp_path: Path) -> None:
    forest = RandomForestRegressor(3, random_state=0).fit(TABLE, TARGET)
    for name in ("a", "b"):
        save(tmp_path / name, {"forest": forest, "set": {"x", "y", "z"}}, {"n": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_estimators_answer_alike_in_another_process(tmp_path: Path) -> None:
    forest = RandomForestRegressor(5, random_state=0).fit(TABLE, TARGET)
    boosted = HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(TABLE, TARGET)
    near = KNeighborsRegressor(2, algorithm="kd_tree").fit(TABLE, TARGET)
    save(tmp_path / "fit", [forest, boosted, near], {})
    trusted = named(pack([forest, boosted, near])[0])
    code = f"""
import numpy as np
from pathlib import Path
from atlas_core.saving import Allowed, load
table = np.random.default_rng(0).normal(size=(60, 4))
parts, note = load(Path({str(tmp_path / "fit")!r}), Allowed(classes=frozenset({sorted(trusted)!r})))
for part in (one.predict(table) for one in parts):
    print(part.tobytes().hex())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    parts = [one.predict(TABLE) for one in (forest, boosted, near)]
    assert done.stdout.split() == [part.tobytes().hex() for part in parts]


def test_what_is_too_large_is_weighed_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "fit"
    assert save(path, [TABLE, Point(TABLE)], {}, most=TABLE.nbytes - 1) == TABLE.nbytes
    assert not path.exists()
    assert save(path, [TABLE, Point(TABLE)], {}, most=TABLE.nbytes) == TABLE.nbytes
    assert path.exists()


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "os:_Environ",
        "subprocess:Popen",
        "builtins:object",
        "atlas_core.engine.folder:RunFolder",
        "atlas_core.store:FolderWriter",
        "atlas_core.testing.toy_model:ToyModel",
        "sklearn.ensemble:RandomForestRegressor",
    ],
)
def test_a_class_of_no_component_is_refused(tmp_path: Path, name: str) -> None:
    path = stranger(tmp_path, {"root": {"part": 0}, "parts": [{"object": name, "state": {}}]})
    with pytest.raises(DataError, match="belongs to no component of this run") as caught:
        load(path, Allowed(HERE.packages | {"atlas_core"}))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["io", "Path", "TABLE", "chain", "NoSuchClass", "Chain.answer"])
def test_only_classes_of_that_module_are_made(tmp_path: Path, name: str) -> None:
    part = {"object": f"{__name__}:{name}", "state": {}}
    with pytest.raises(DataError, match=r"no class of that module|is not there"):
        load(stranger(tmp_path, {"root": {"part": 0}, "parts": [part]}), HERE)


@pytest.mark.parametrize("attribute", ["__class__", "answer", "__dict__"])
def test_no_method_is_replaced(tmp_path: Path, attribute: str) -> None:
    part = {"object": f"{__name__}:Chain", "state": {attribute: 1}}
    with pytest.raises(DataError, match="no attribute for data"):
        load(stranger(tmp_path, {"root": {"part": 0}, "parts": [part]}), HERE)


@pytest.mark.parametrize(("name", "state"), [("Point", {"of_old": 1}), ("Narrow", {})])
def test_a_dataclass_that_lacks_an_attribute_is_of_another_version(
    tmp_path: Path, name: str, state: dict[str, Any]
) -> None:
    part = {"object": f"{__name__}:{name}", "state": state}
    with pytest.raises(DataError, match=rf"{name} lacks \w+.*another version; fit anew"):
        load(stranger(tmp_path, {"root": {"part": 0}, "parts": [part]}), HERE)


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return exec, ("raise SystemExit('code ran')",)

    body = io.BytesIO()
    np.savez(body, structure=np.array([Evil()], dtype=object))
    path = tmp_path / "x.npz"
    write_arrays(path, {"structure": np.zeros(1, np.uint8)}, {"format": 1})
    # the same file with other members: magic, length of the head, head, members, sha256 of it all
    stored = path.read_bytes()
    start = stored.index(b"PK")
    forged = stored[:start] + body.getvalue()
    path.write_bytes(forged + hashlib.sha256(forged).digest())
    with pytest.raises(DataError) as caught:
        load(path, HERE)
    assert "code ran" not in str(caught.value)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataError, match="damaged"):
        load(path, HERE)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    save(path, Point(TABLE), {"by": "x"})
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"fit\.npz: damaged"):
        load(path, HERE)
    with pytest.raises(DataError, match=r"none\.npz: cannot be read"):
        load(tmp_path / "none.npz", HERE)


@pytest.mark.parametrize(
    "structure",
    [
        {},
        {"root": {"part": 0}, "parts": []},
        {"root": {"part": 0}, "parts": [{}]},
        {"root": {"part": 0}, "parts": [{"config": "atlas_core.materials:Materials"}]},
        {"root": {"tuple": [{"part": 0}]}, "parts": [{"array": "a9"}]},
        {"root": {"eval": "1"}, "parts": []},
        {"root": [1], "parts": []},
        {"root": {"tuple": [1], "x": 2}, "parts": []},
    ],
)
def test_nonsense_is_one_line(tmp_path: Path, structure: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        load(stranger(tmp_path, structure), HERE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["dict", "set", "frozenset"])
@pytest.mark.parametrize("key", [2**63, -(2**63), {"part": 1}, {"tuple": [1, {"part": 1}]}])
def test_a_key_with_code_or_with_the_hash_of_others_is_refused(
    tmp_path: Path, kind: str, key: Any
) -> None:
    held: dict[str, Any] = {"dict": [[key, 0]]} if kind == "dict" else {"list": [{kind: [key]}]}
    parts = [held, {"object": f"{__name__}:Point", "state": {"x": 1, "y": 2}}]
    with pytest.raises(DataError, match="its key is"):
        load(stranger(tmp_path, {"root": {"part": 0}, "parts": parts}), HERE)


def test_a_key_that_is_too_large_is_not_written() -> None:
    with pytest.raises(ContractError, match="is a key in it"):
        pack({2**63: 1})


def test_a_structure_larger_than_that_of_any_fit_is_neither_written_nor_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some kB of a file unpack to text, and that to 25 times as much in memory."""
    path = tmp_path / "fit.npz"
    many = [(i,) for i in range(2000)]
    save(path, many, {})
    monkeypatch.setattr(saving, "MOST_STRUCTURE", 10_000)
    with pytest.raises(DataError, match=r"fit\.npz: its structure takes \d+ bytes"):
        load(path, HERE)
    with pytest.raises(ContractError, match="list cannot be saved: it has 1 part"):
        save(path, many, {})


def test_python_and_libraries_with_a_codec_are_no_packages_of_a_plugin() -> None:
    made = Component("x", Options, RandomForestRegressor)
    other = Component("y", Options, "functools:partial")
    assert Allowed.by([made, other]).packages == HERE.packages


def test_compressed_arrays_are_the_same_arrays(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.npz", {"t": TABLE}, {"n": 1}, compress=True)
    arrays, note = read_arrays(tmp_path / "x.npz")
    assert arrays["t"].tobytes() == TABLE.tobytes()
    assert note == {"n": 1}


def test_a_toy_of_the_contract_comes_back() -> None:
    model = ToyModel(weights=TABLE)
    assert (
        restored(model, Allowed(frozenset({"atlas_core.testing"}))).weights.tobytes()
        == TABLE.tobytes()
    )


def test_a_text_from_a_file_is_one_line_that_a_terminal_only_shows() -> None:
    assert one_line("a\x1b[31m\r\nb\u202e\x00") == "a?[31m b??"
    assert len(one_line("x" * 10**6)) <= 600
