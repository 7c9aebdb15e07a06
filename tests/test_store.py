"""Files are whole or absent, hashes see content only, and a damaged cache entry is dropped."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atlas_core.api import DataContext, DataError, Graphs, Vectors, derive_seed
from atlas_core.arrays import fingerprint
from atlas_core.engine.features import FeatureCache
from atlas_core.spec.load import resolve_one
from atlas_core.spec.plan import BoundComponent
from atlas_core.store import (
    MAGIC,
    FolderWriter,
    canonical_hash,
    read_arrays,
    read_folder,
    write_arrays,
    write_bytes,
    write_folder,
)
from atlas_registry.loading import Registry


def test_arrays_come_back_with_their_note_and_bytes_repeat(tmp_path: Path) -> None:
    arrays = {"x": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "bc"])}
    write_arrays(tmp_path / "one.npz", arrays, {"k": 1})
    write_arrays(tmp_path / "two.npz", arrays, {"k": 1})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    back, note = read_arrays(tmp_path / "one.npz")
    assert note == {"k": 1}
    assert back["names"].tolist() == ["a", "bc"]
    np.testing.assert_array_equal(back["x"], arrays["x"])


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "one.npz"
    write_arrays(path, {"x": np.arange(100.0)})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-50] ^= 1
    path.write_bytes({"cut": content[:-20], "flip": content, "empty": b""}[damage])
    with pytest.raises(DataError, match=r"one\.npz: damaged"):
        read_arrays(path)


def test_every_flipped_bit_and_every_cut_is_found_wherever_it_falls(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    write_arrays(path, {"x": np.arange(3.0)}, {"warnings": [], "n": 1})
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"one\.npz"):
            read_arrays(path)
        path.write_bytes(content[:place])
        with pytest.raises(DataError, match=r"one\.npz"):
            read_arrays(path)


def forged(path: Path, head: bytes, data: bytes) -> Path:
    """Write a file whose checksum is right, whatever it claims."""
    whole = MAGIC + len(head).to_bytes(8, "little") + head + data
    path.write_bytes(whole + hashlib.sha256(whole).digest())
    return path


def npz(name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", compression) as archive:
        archive.writestr(f"{name}.npy", content)
    return body.getvalue()


def shared(times: int) -> bytes:
    """Return an npz whose directory lists one array many times: each would be read anew."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("x.npy", npy("(1000,)", data=bytes(8000)))
        archive.filelist += archive.filelist * (times - 1)
    return body.getvalue()


def npy(shape: str, kind: str = "<f8", data: bytes = b"") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


@pytest.mark.parametrize(
    ("head", "data"),
    [
        (b'{"names": ["x"], "note": {}, "size": 1000000000000}', b"\x00" * 40),
        (b'{"names": ["x"], "note": {}, "size": -5}', b"\x00" * 40),
        (b'{"names": ["x"], "note": {}, "size": 1e300}', b"\x00" * 40),
        (b'{"names": ["x"], "note": {}, "size": "x"}', b"\x00" * 40),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(1000000000000,)"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(-1,)"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(2,)", "|O", b"\x00" * 16))),
        (
            b'{"names": ["x"], "note": {}}',
            npz("x", npy("(99999999,)", "|u1"), zipfile.ZIP_DEFLATED),
        ),
        (b'{"names": ["x"], "note": {}}', npz("y", npy("(0,)"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(1000000000000,)", "<U0"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(1000000000000,)", "|S0"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(1000000000000,)", "|V0"))),
        (b'{"names": ["x"], "note": {}}', npz("x", npy("(0, 1000000000000)"))),
        (b'{"names": ["x"], "note": {}}', shared(200)),
        (b'{"names": ["x"], "note": {}}', b"no zip"),
        (b'{"names": ["x"]}', npz("x", npy("(0,)"))),
        (b"[" * 100_000, b""),
        (b"[]", b""),
        (b"\xff", b""),
    ],
)
def test_a_forged_file_with_a_right_checksum_is_refused_in_one_line(
    tmp_path: Path, head: bytes, data: bytes
) -> None:
    with pytest.raises(DataError, match=r"x\.npz") as caught:
        read_arrays(forged(tmp_path / "x.npz", head, data))
    assert "\n" not in str(caught.value)


def test_a_file_that_packs_too_densely_to_be_believed_is_not_packed(tmp_path: Path) -> None:
    arrays = {"x": np.zeros(10 * 2**20)}  # 80 MB that zstd would make some kilobytes of
    write_arrays(tmp_path / "x.npz", arrays, compress=True)
    back, _ = read_arrays(tmp_path / "x.npz")
    np.testing.assert_array_equal(back["x"], arrays["x"])


def test_a_folder_of_arrays_is_mapped_and_pieces_become_one_array(tmp_path: Path) -> None:
    names = np.array(["a", "bcd"])
    with FolderWriter(tmp_path / "entry") as writer:
        for start in (0, 3, 5):
            writer.append("x", np.arange(start, min(start + 3, 8), dtype=np.int16)[:, None])
        writer.append("names", names)
        writer.append("nothing", np.zeros((0, 3)))
        writer.finish({"k": 1})
    arrays, note = read_folder(tmp_path / "entry")
    assert note == {"k": 1}
    assert arrays["x"].tolist() == [[0], [1], [2], [3], [4], [5], [5], [6], [7]]
    assert arrays["x"].dtype == np.int16
    assert isinstance(arrays["x"], np.memmap)
    assert arrays["names"].tolist() == ["a", "bcd"]
    assert arrays["nothing"].shape == (0, 3)
    with pytest.raises(ValueError, match="read-only"):
        arrays["x"][0] = 5


def test_a_folder_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "entry") as writer:
        writer.append("x", np.zeros(3, np.int8))
        with pytest.raises(ValueError, match="float64"):
            writer.append("x", np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_already_is_kept(tmp_path: Path) -> None:
    write_folder(tmp_path / "entry", {"x": np.zeros(3)})
    write_folder(tmp_path / "entry", {"x": np.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


@pytest.mark.parametrize("file", ["x.bin", "note.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone"])
def test_a_damaged_folder_is_named(tmp_path: Path, file: str, damage: str) -> None:
    write_folder(tmp_path / "entry", {"x": np.arange(100.0)})
    path = tmp_path / "entry" / file
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes({"cut": content[:-20], "flip": content}.get(damage, b""))
    if damage == "gone":
        path.unlink()
    with pytest.raises(DataError, match=rf"{file}: (damaged|cannot be read)"):
        read_folder(tmp_path / "entry")


@pytest.mark.parametrize("file", ["x.bin", "note.json"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_plain_file_of_an_entry_is_refused(tmp_path: Path, file: str, kind: str) -> None:
    write_folder(tmp_path / "entry", {"x": np.arange(100.0)})
    path = tmp_path / "entry" / file
    path.rename(tmp_path / "elsewhere")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()
    with pytest.raises(DataError, match=rf"{file}: is (no plain file|a link|a folder)"):
        read_folder(tmp_path / "entry")


def test_an_array_of_objects_is_never_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "x.npz", {"x": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match="object"):
        write_folder(tmp_path / "x", {"x": np.array([{}], dtype=object)})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(DataError, match=r"x\.json: cannot be written: a file is where a folder"):
        write_bytes(blocker / "x.json", b"1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_bytes(path, b"old")
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (full, str((tmp_path / "t").absolute())))
    with pytest.raises(DataError, match="No space left on device; free the disk"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.json"]


def test_canonical_hash_ignores_the_order_of_keys_only() -> None:
    assert canonical_hash({"a": 1, "b": [1, 2]}) == canonical_hash({"b": [1, 2], "a": 1})
    assert canonical_hash({"a": [1, 2]}) != canonical_hash({"a": [2, 1]})


def test_seeds_depend_on_the_path_and_nothing_else() -> None:
    assert derive_seed(7, "fit", "a") == derive_seed(7, "fit", "a")
    branches = {
        derive_seed(7, *path)
        for path in [("fit", "a"), ("fit", "b"), ("fita",), ("fit", 1), ("fit", "1"), ("a", "fit")]
    }
    assert len(branches) == 6
    assert derive_seed(8, "fit", "a") not in branches
    assert all(0 <= seed < 2**63 for seed in branches)


def featurizer(name: str, *options: str) -> BoundComponent:
    return resolve_one("featurizer", name, options, Registry())


def magpie() -> BoundComponent:
    return featurizer("magpie")


def flla(tmp_path: Path) -> object:
    source = resolve_one("dataset", "flla", [], Registry()).build()
    return source.load(DataContext(None, tmp_path, tmp_path)).materials.take(np.arange(20))


def test_features_are_computed_once_and_a_damaged_entry_is_computed_anew(tmp_path: Path) -> None:
    cache, materials = FeatureCache(tmp_path), flla(tmp_path)
    first, stored = cache.features(magpie(), materials)  # type: ignore[arg-type]
    assert not stored
    again, stored = cache.features(magpie(), materials)  # type: ignore[arg-type]
    assert stored
    assert again.fingerprint == first.fingerprint
    ((path, size),) = cache.entries()
    assert size > 20 * 132 * 8
    assert isinstance(again.values, np.memmap)  # type: ignore[union-attr]
    damaged = bytearray((path / "values.bin").read_bytes())
    damaged[100] ^= 1
    (path / "values.bin").unlink()  # it is still mapped
    (path / "values.bin").write_bytes(damaged)
    with pytest.warns(UserWarning, match="dropped and computed anew"):
        mended, stored = cache.features(magpie(), materials)  # type: ignore[arg-type]
    assert not stored
    assert mended.fingerprint == first.fingerprint
    (path / "note.json").unlink()
    os.mkfifo(path / "note.json")
    with pytest.warns(UserWarning, match="dropped and computed anew"):
        assert not cache.features(magpie(), materials)[1]  # type: ignore[arg-type]
    assert cache.clear()[0] == 1
    assert cache.entries() == []


def test_graphs_written_in_blocks_are_those_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    materials = flla(tmp_path)
    chosen = featurizer("crystal_graph")
    whole = FeatureCache(tmp_path / "a").features(chosen, materials)[0]  # type: ignore[arg-type]
    monkeypatch.setattr("atlas_core.engine.features.BLOCK", 7)
    blocks = FeatureCache(tmp_path / "b").features(chosen, materials)[0]  # type: ignore[arg-type]
    assert (
        blocks.fingerprint == whole.fingerprint == chosen.build().featurize(materials).fingerprint
    )


def test_mapped_features_travel_to_another_process_as_file_names(tmp_path: Path) -> None:
    cache, materials = FeatureCache(tmp_path), flla(tmp_path)
    chosen = featurizer("crystal_graph")
    graphs, _ = cache.features(chosen, materials)  # type: ignore[arg-type]
    sent = pickle.dumps(graphs)
    assert len(sent) < 2000 < graphs.src.nbytes  # type: ignore[union-attr]
    back = pickle.loads(sent)  # noqa: S301 - made a line above
    assert back.fingerprint == graphs.fingerprint
    assert isinstance(back.src, np.memmap)
    some = pickle.loads(pickle.dumps(graphs.take([3, 1])))  # noqa: S301
    assert some.fingerprint == graphs.take([3, 1]).fingerprint
    part = replace(graphs, distance=graphs.distance + 0)  # type: ignore[union-attr]
    assert pickle.loads(pickle.dumps(part)).fingerprint == graphs.fingerprint  # noqa: S301


def test_another_option_or_another_material_is_another_entry(tmp_path: Path) -> None:
    cache, materials = FeatureCache(tmp_path), flla(tmp_path)
    keys = {
        cache.key(chosen, some)
        for chosen in (
            magpie(),
            featurizer("crystal_graph"),
            featurizer("crystal_graph", "neighbors=8"),
        )
        for some in (materials, materials.take([0]))  # type: ignore[attr-defined]
    }
    assert len(keys) == 6


def test_graphs_and_vectors_survive_storage(tmp_path: Path) -> None:
    cache, materials = FeatureCache(tmp_path), flla(tmp_path)
    chosen = featurizer("crystal_graph")
    made, _ = cache.features(chosen, materials)  # type: ignore[arg-type]
    back, stored = cache.features(chosen, materials)  # type: ignore[arg-type]
    assert stored
    assert isinstance(back, Graphs)
    assert back.fingerprint == made.fingerprint
    vectors = Vectors(np.array([[np.nan]]), np.array(["a"]), (("id-1", "no radius"),))
    assert Vectors.from_arrays(vectors.to_arrays()).failures == (("id-1", "no radius"),)


def test_a_fingerprint_distinguishes_tables_of_text() -> None:
    pairs = np.array([["a", "b"], ["c", "d"]])
    assert fingerprint({"x": pairs}) != fingerprint({"x": pairs.T})
    assert fingerprint({"x": pairs}) != fingerprint({"x": pairs.ravel()})
    assert fingerprint({"x": pairs}) == fingerprint({"x": pairs.astype("<U9")})
