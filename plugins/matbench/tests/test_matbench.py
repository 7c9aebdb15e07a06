"""The 13 tasks: ids, hashes and figures as published, and damage named."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib.util
import json
import math
import os
import tempfile
import urllib.error
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.api import DataContext, DataError, Dataset, Materials
from atlas_core.engine.features import FeatureCache
from atlas_matbench import hooks, matbench
from atlas_matbench._tasks import TASKS, URL
from atlas_matbench.hooks import MatbenchConfig
from atlas_matbench.matbench import (
    MatbenchSource,
    content_hash,
    matbench_ids,
)
from atlas_reading import structure_of

COLUMN = "yield strength"


def package_file(package: str, name: str) -> Any:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return json.loads((Path(spec.origin).parent / name).read_text())


def shared_folder() -> Path | None:
    starts = [Path(p) for p in (os.environ.get("ATLAS_DATA"),) if p]
    starts += [folder.parent / "shared/data" for folder in Path(__file__).resolve().parents[2:4]]
    for start in starts:
        for folder in (start, start / "matbench_v0.1"):
            if (folder / "matbench_phonons.json.gz").is_file():
                return folder
    return None


def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip("local copies of Matbench files are not beside the repository")
    return folder


def load(task: str, folder: Path, **options: Any) -> Dataset:
    if folder != shared_folder():
        return cached(task, folder, folder / "cache", **options)
    with tempfile.TemporaryDirectory() as cache:  # data that are shared are never written to
        return cached(task, folder, Path(cache), **options)


def cached(task: str, folder: Path, cache: Path, **options: Any) -> Dataset:
    context = DataContext(folder, cache, folder, offline=True)
    return MatbenchSource(MatbenchConfig(task=task, **options)).load(context)


# -- the pinned table -----------------------------------------------------------------------------


def test_hashes_rows_and_columns_are_those_of_matminer() -> None:
    published = package_file("matminer.datasets", "dataset_metadata.json")
    assert {f"matbench_{task}" for task in TASKS} == {k for k in published if "matbench_" in k}
    for name, task in TASKS.items():
        entry = published[f"matbench_{name}"]
        assert task.sha256 == entry["hash"]
        assert task.rows == entry["num_entries"]
        assert set(entry["columns"]) == {
            task.column,
            "structure" if task.structures else "composition",
        }
        assert entry["url"] == f"{URL}matbench_{name}.json.gz"


def test_units_are_those_of_matbench() -> None:
    published = package_file("matbench", "matbench_v0.1_dataset_metadata.json")
    for name, task in TASKS.items():
        entry = published[f"matbench_{name}"]
        assert task.column == entry["target"]
        assert task.unit == (entry["unit"] or "").replace("unitless", "")
        assert task.binary == (entry["task_type"] == "classification")


def test_ids_are_the_official_ones() -> None:
    splits = package_file("matbench", "matbench_v0.1_validation.json")["splits"]
    for name in TASKS:
        folds = splits[f"matbench_{name}"]
        official = sorted(i for fold in folds.values() for i in fold["test"])
        assert matbench_ids(name) == official


# -- real files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("steels", "rebuilt"),
        ("expt_gap", "rebuilt"),
        ("expt_is_metal", "rebuilt"),
        ("phonons", "official"),
        ("jdft2d", "rebuilt"),
        ("perovskites", "rebuilt"),
    ],
)
def test_local_files_load_with_their_provenance(task: str, expected: str) -> None:
    data = load(task, shared())
    assert data.provenance == expected
    assert len(data) == TASKS[task].rows
    assert data.materials.has_structure == TASKS[task].structures
    assert data.target_name == TASKS[task].column
    assert any("10.1038/s41524-020-00406-3" in text for text in data.citation)


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"dielectric", "glass"}))
def test_pinned_rows_are_genuine_and_so_is_their_spread(task: str) -> None:
    folder = shared()
    if task.startswith("mp_") and os.environ.get("ATLAS_ALL_ROWS") is None:
        pytest.skip("more than 100,000 rows; set ATLAS_ALL_ROWS=1 to read them")
    published = package_file("matbench", "matbench_v0.1_dataset_metadata.json")
    entry = published[f"matbench_{task}"]
    target = load(task, folder, structures="ignore").target
    spread = target.mean() if TASKS[task].binary else np.abs(target - target.mean()).mean()
    assert spread == pytest.approx(entry["frac_true" if TASKS[task].binary else "mad"], rel=1e-8)
    table = json.loads(bz2.decompress((folder / f"matbench_{task}.json.bz2").read_bytes()))
    ids = list(table["mbid"].values())
    genuine = Materials.from_formulas(ids, table["composition"].values())
    column = np.array(list(table[TASKS[task].column].values()), dtype=float)
    assert content_hash(genuine, column) == TASKS[task].content
    # no target comes so close to a border that ten decimals are too few
    assert content_hash(genuine, column + 5.1e-11) == TASKS[task].content
    assert content_hash(genuine, column - 5.1e-11) == TASKS[task].content


@pytest.mark.parametrize("task", ["jdft2d", "phonons"])
def test_the_pinned_hash_follows_from_pymatgens_formulas(task: str) -> None:
    core = pytest.importorskip("pymatgen.core")
    rows = json.loads(gzip.decompress((shared() / f"matbench_{task}.json.gz").read_bytes()))["data"]
    text = ""
    for structure, target in rows:
        symbols = [site["species"][0]["element"] for site in structure["sites"]]
        reduced = core.Composition("".join(symbols)).reduced_composition.items()
        amounts = sorted((element.symbol, round(amount)) for element, amount in reduced)
        common = math.gcd(*(a for _, a in amounts))
        formula = "".join(s + (str(a // common) if a > common else "") for s, a in amounts)
        text += f"{formula} {math.floor(target * 10_000 + 1 / math.pi)}\n"
    assert hashlib.sha256(text.encode()).hexdigest() == TASKS[task].content


def test_rows_in_another_order_are_unverified_and_packed_anew_are_rebuilt(tmp_path: Path) -> None:
    source = gzip.decompress((shared() / "matbench_phonons.json.gz").read_bytes())
    file = tmp_path / "matbench_phonons.json.gz"
    file.write_bytes(gzip.compress(source, compresslevel=1, mtime=0))
    assert load("phonons", tmp_path).provenance == "rebuilt"
    content = json.loads(source)
    spread = np.sort([row[1] for row in content["data"]])
    for change in ("swapped", "reversed", "a target", "a structure"):
        made = json.loads(source)
        rows = made["data"]
        if change == "swapped":
            rows[3], rows[700] = rows[700], rows[3]
        elif change == "reversed":
            rows.reverse()
        elif change == "a target":
            rows[5][1] += 0.01
        else:
            rows[5][0] = rows[6][0]
        file.write_bytes(gzip.compress(json.dumps(made).encode(), compresslevel=1, mtime=0))
        data = load("phonons", tmp_path)
        assert data.provenance == "unverified", change
        if change in ("swapped", "reversed"):
            assert np.array_equal(np.sort(data.target), spread)


def test_a_task_without_pinned_rows_is_official_or_unverified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {name for name, task in TASKS.items() if task.content is None} == {"dielectric", "glass"}
    write(tmp_path)
    data = load("steels", tmp_path)
    monkeypatch.setitem(
        TASKS, "steels", replace(TASKS["steels"], content=content_hash(data.materials, data.target))
    )
    assert load("steels", tmp_path).provenance == "rebuilt"
    monkeypatch.setitem(TASKS, "steels", replace(TASKS["steels"], content=None))
    assert load("steels", tmp_path).provenance == "unverified"


def test_crystals_are_those_that_pymatgen_reads() -> None:
    core = pytest.importorskip("pymatgen.core")
    file = shared() / "matbench_phonons.json.gz"
    rows = json.loads(gzip.decompress(file.read_bytes()))["data"]
    data = load("phonons", shared())
    for row in range(0, len(rows), 60):
        expected = core.Structure.from_dict(rows[row][0])
        found = structure_of(data.materials, row)
        assert np.array_equal(found.lattice.matrix, expected.lattice.matrix)
        assert np.array_equal(found.frac_coords, expected.frac_coords)
        assert [s.specie.Z for s in found] == [s.specie.Z for s in expected]
        assert data.target[row] == rows[row][1]


@pytest.mark.parametrize("task", ["steels", "expt_gap", "expt_is_metal"])
def test_formulas_are_read_as_pymatgen_reads_them(task: str) -> None:
    core = pytest.importorskip("pymatgen.core")
    file = shared() / f"matbench_{task}.json.bz2"
    formulas = list(json.loads(bz2.decompress(file.read_bytes()))["composition"].values())
    fractions = load(task, shared()).materials.element_fractions()
    for row in range(0, len(formulas), max(1, len(formulas) // 300)):
        composition = core.Composition(formulas[row])
        expected = np.zeros(118)
        for element in composition:
            expected[element.Z - 1] = composition.get_atomic_fraction(element)
        assert np.abs(fractions[row] - expected).max() < 1e-12, formulas[row]


def test_a_large_task_loads_whole() -> None:
    assert len(load("log_gvrh", shared())) == 10_987


def test_formulas_only_files_carry_space_groups_and_can_be_refused(tmp_path: Path) -> None:
    (tmp_path / "matbench_jdft2d.json.bz2").write_bytes(
        (shared() / "matbench_jdft2d.json.bz2").read_bytes()
    )
    data = load("jdft2d", tmp_path)
    assert not data.materials.has_structure
    assert data.provenance == "rebuilt"
    assert {"spg_num", "crys_sys"} <= set(data.columns)
    with pytest.raises(DataError, match=r"matbench_jdft2d\.json\.gz is not in"):
        load("jdft2d", tmp_path, structures="required")
    plain = load("jdft2d", shared(), structures="ignore")
    assert not plain.materials.has_structure
    assert plain.materials.formulas() == data.materials.formulas()


# -- made files -----------------------------------------------------------------------------------


def write(folder: Path, **changes: Any) -> Path:
    hooks._matbench_contract(folder)
    file = folder / "matbench_steels.json.gz"
    content = json.loads(gzip.decompress(file.read_bytes())) | changes
    file.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
    return file


def rows(n: int = 312) -> list[list[Any]]:
    return [[f"FeC{i + 1}", 1.0 + i] for i in range(n)]


def message(folder: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load("steels", folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_not_matbenchs_says_that_no_record_will_be_exported(tmp_path: Path) -> None:
    file = write(tmp_path)
    with pytest.warns(UserWarning, match="unverified") as said:
        found = load("steels", tmp_path)
    (text,) = [str(one.message) for one in said]
    assert str(file) in text
    assert TASKS["steels"].sha256[:12] in text
    assert "no Matbench record" in text
    assert found.bounds == (0.0, np.inf)  # a yield strength


def test_other_numbers_are_unverified_and_the_published_hash_is_official(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path)
    assert load("steels", tmp_path).provenance == "unverified"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(TASKS, "steels", replace(TASKS["steels"], sha256=sha256))
    data = load("steels", tmp_path)
    assert (data.provenance, data.sha256) == ("official", sha256)
    assert data.materials.ids[[0, -1]].tolist() == ["mb-steels-001", "mb-steels-312"]


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_bytes(file.read_bytes()[:-200])
    assert message(tmp_path).startswith(f"{file}: damaged or truncated (")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": rows(311)}, "311 rows, but matbench_steels has 312; get the file again"),
        ({"data": rows(313)}, "more than 312 rows, but matbench_steels has 312"),
        ({"columns": ["composition", "y"]}, "no column 'yield strength'; it has composition, y"),
        ({"columns": ["structure", COLUMN]}, "no column 'composition'; it has structure, yield"),
        ({"index": list(range(312))[::-1]}, "rows are not in Matbench's order (index)"),
        ({"data": [*rows(311), ["FeXx", 1.0]]}, "id mb-steels-312: formula 'FeXx': unknown"),
        ({"data": [*rows(311), ["Fe", None]]}, "id mb-steels-312: target None in column 'yield"),
        ({"data": [*rows(311), ["Fe", float("nan")]]}, "id mb-steels-312: target nan in column"),
        ({"data": [*rows(311), ["Fe", float("inf")]]}, "id mb-steels-312: target inf in column"),
        ({"data": 3}, "no Matbench file (an array was expected"),
        ({"data": [*rows(311), {}]}, "no Matbench file (row 312 is no list of 2 values)"),
        ({"data": [*rows(311), ["Fe"]]}, "no Matbench file (row 312 is no list of 2 values)"),
        ({"columns": ["composition", COLUMN, COLUMN]}, f"more than one column {COLUMN!r}"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    file = write(tmp_path, **changes)
    text = message(tmp_path)
    assert text.startswith(f"{file}: ")
    assert expected in text


@pytest.mark.parametrize(
    ("column", "change", "expected"),
    [
        (COLUMN, {"0": 1.0}, f"column {COLUMN!r} has other rows than 'mbid'"),
        (
            COLUMN,  # the same rows in another order: paired by place, every target would be wrong
            {str(row): 1.0 for row in reversed(range(312))},
            f"column {COLUMN!r} has other rows than 'mbid'",
        ),
        (
            "spg_num",
            {str(row): 225 if row else [225] for row in range(312)},
            "row 1 has [225] in column 'spg_num'",
        ),
        (
            "spg_num",
            {str(row): 231 if row == 311 else 1 for row in range(312)},
            "row 312 has 231 in column 'spg_num'",
        ),
        (
            "crys_sys",
            {str(row): "cubic" if row else None for row in range(312)},
            "row 1 has None in column 'crys_sys'",
        ),
    ],
)
def test_a_wrong_column_is_named(
    tmp_path: Path, column: str, change: dict[str, Any], expected: str
) -> None:
    inputs, targets = zip(*rows(312), strict=True)
    table = {
        "mbid": {str(row): name for row, name in enumerate(matbench_ids("steels"))},
        "composition": {str(row): value for row, value in enumerate(inputs)},
        COLUMN: {str(row): value for row, value in enumerate(targets)},
    }
    file = tmp_path / "matbench_steels.json.bz2"
    file.write_bytes(bz2.compress(json.dumps({**table, column: change}).encode()))
    assert message(tmp_path) == f"{file}: {expected}"


def test_text_that_is_no_matbench_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "matbench_steels.json.gz"
    for content in (b"[]", b"{}", b"", b'{"columns": ["composition"'):
        file.write_bytes(gzip.compress(content))
        assert message(tmp_path).startswith(f"{file}: no ")


def test_json_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    deep = (b'{"a": ' * 100_000) + b"1" + b"}" * 100_000
    packed, plain = tmp_path / "matbench_steels.json.gz", tmp_path / "matbench_steels.json.bz2"
    packed.write_bytes(gzip.compress(b'{"x": ' + deep + b"}"))
    assert message(tmp_path).startswith(f"{packed}: no Matbench file (maximum recursion depth")
    packed.unlink()
    plain.write_bytes(bz2.compress(deep))
    assert message(tmp_path).startswith(f"{plain}: no Matbench file (maximum recursion depth")


def test_all_bad_rows_are_reported_at_once(tmp_path: Path) -> None:
    bad = rows()
    bad[2][0], bad[7][1], bad[300][0] = "Xx2", "much", "CuSO4.5H2O"
    file = write(tmp_path, data=bad)
    with pytest.raises(DataError) as caught:
        load("steels", tmp_path)
    lines = [line.removeprefix(f"{file}: ") for line in str(caught.value).splitlines()]
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        "row 3, id mb-steels-003",
        "row 8, id mb-steels-008",
        "row 301, id mb-steels-301",
    ]
    assert lines[-1].startswith("3 of 312 rows")


def test_crystals_that_are_disordered_are_named(tmp_path: Path) -> None:
    site = {"species": [{"element": "Fe", "occu": 0.5}], "abc": [0, 0, 0]}
    cell = {"lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]}, "sites": [site]}
    task = TASKS["jdft2d"]
    content = {"columns": ["structure", task.column], "data": [[cell, 1.0]] * task.rows}
    file = tmp_path / "matbench_jdft2d.json.gz"
    file.write_bytes(gzip.compress(json.dumps(content).encode()))
    with pytest.raises(DataError, match=r"jdft2d\.json\.gz: row 1, id mb-jdft2d-001: .*disordered"):
        load("jdft2d", tmp_path)


def test_crystals_that_cannot_be_are_named_and_odd_ones_flagged(tmp_path: Path) -> None:
    site = {"species": [{"element": "Fe", "occu": 1}], "abc": [0, 0, 0]}
    cell = {"lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 30]]}, "sites": [site]}
    twice = {**cell, "sites": [site, {**site, "abc": [0, 0, 1]}]}
    task = TASKS["jdft2d"]
    rows = [[cell, 1.0]] * (task.rows - 1)
    file = tmp_path / "matbench_jdft2d.json.gz"
    for last in (cell, twice):
        content = {"columns": ["structure", task.column], "data": [*rows, [last, 1.0]]}
        file.write_bytes(gzip.compress(json.dumps(content).encode()))
        if last is cell:
            data = load("jdft2d", tmp_path)
            assert len(data) == task.rows
            (kind,) = {flag.kind for flag in data.reading.flagged}
            assert "vacuum" in kind
            assert [flag.id for flag in data.reading.flagged] == data.materials.ids.tolist()
        else:
            with pytest.raises(DataError, match=r"jdft2d\.json\.gz: row 636, id mb-jdft2d-636: "):
                load("jdft2d", tmp_path)


def test_a_missing_file_offline_says_what_to_do(tmp_path: Path) -> None:
    text = message(tmp_path)
    assert "downloads are off" in text
    assert "--data-dir" in text


def test_a_missing_file_offline_names_each_folder_that_was_looked_into(tmp_path: Path) -> None:
    for given, cache, places in (
        (None, tmp_path / "c", [tmp_path / "c/matbench"]),
        (tmp_path / "d", tmp_path / "c", [tmp_path / "d", tmp_path / "c/matbench"]),
    ):
        context = DataContext(given, cache, tmp_path, offline=True)
        with pytest.raises(DataError) as caught:
            MatbenchSource(MatbenchConfig(task="steels")).load(context)
        where = " nor in ".join(map(str, places))
        assert f"matbench_steels.json.gz is not in {where}, and downloads" in str(caught.value)


def fetch(folder: Path) -> Dataset:
    context = DataContext(None, folder / "cache", folder)
    return MatbenchSource(MatbenchConfig(task="steels")).load(context)


def test_a_download_is_checked_kept_and_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path)
    asked: list[str] = []

    def answer(url: str, timeout: float) -> Any:
        asked.append(url)
        assert timeout > 0
        return file.open("rb")

    monkeypatch.setattr(matbench.urllib.request, "urlopen", answer)
    with pytest.raises(DataError, match=r"steels\.json\.gz: the download from https.* has sha256"):
        fetch(tmp_path)
    assert list((tmp_path / "cache" / "matbench").iterdir()) == []
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setitem(TASKS, "steels", replace(TASKS["steels"], sha256=sha256))
    assert fetch(tmp_path).provenance == "official"
    assert fetch(tmp_path).provenance == "official"
    assert asked == [f"{URL}matbench_steels.json.gz"] * 2


def test_no_connection_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(url: str, timeout: float) -> Any:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(matbench.urllib.request, "urlopen", answer)
    with pytest.raises(DataError, match=r"cannot be reached \(Name or service not known\)") as err:
        fetch(tmp_path)
    assert "\n" not in str(err.value)


# -- the second read ------------------------------------------------------------------------------


def stand_in(folder: Path) -> Path:
    hooks._matbench_contract(folder)
    return folder / "matbench_steels.json.gz"


def entries(folder: Path) -> list[Path]:
    return [path for path, _ in FeatureCache(folder / "cache").entries()]


def test_the_second_read_is_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path)
    first = load("steels", tmp_path)
    assert len(entries(tmp_path)) == 1
    monkeypatch.setattr(matbench.MatbenchSource, "_parse", lambda *_: pytest.fail("parsed again"))
    second = load("steels", tmp_path)
    assert second.fingerprint == first.fingerprint
    assert (second.provenance, second.sha256) == (first.provenance, first.sha256)


def test_crystals_and_their_formulas_come_from_one_entry(tmp_path: Path) -> None:
    source = shared() / "matbench_phonons.json.gz"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    first = load("phonons", tmp_path)
    second = load("phonons", tmp_path)
    assert (second.fingerprint, second.provenance) == (first.fingerprint, "official")
    assert second.materials.has_structure
    formulas = load("phonons", tmp_path, structures="ignore").materials
    assert formulas.formulas() == first.materials.formulas()
    assert not formulas.has_structure
    assert len(entries(tmp_path)) == 1


def test_another_file_is_another_entry_and_clear_deletes_both(tmp_path: Path) -> None:
    file = stand_in(tmp_path)
    first = load("steels", tmp_path)
    table = json.loads(gzip.decompress(file.read_bytes()))
    table["data"][0][1] += 1
    file.write_bytes(gzip.compress(json.dumps(table).encode()))
    second = load("steels", tmp_path)
    assert second.target[0] == first.target[0] + 1
    assert len(entries(tmp_path)) == 2
    assert FeatureCache(tmp_path / "cache").clear()[0] == 2
    assert entries(tmp_path) == []


def test_a_damaged_entry_is_dropped_with_a_warning(tmp_path: Path) -> None:
    stand_in(tmp_path)
    first = load("steels", tmp_path).fingerprint
    file = entries(tmp_path)[0] / "target.bin"
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.unlink()
    file.write_bytes(content)
    with pytest.warns(UserWarning, match=r"dropped and computed anew: .*target\.bin: damaged"):
        assert load("steels", tmp_path).fingerprint == first
    assert load("steels", tmp_path).fingerprint == first


def test_a_cache_that_cannot_be_written_is_reported_and_not_needed(tmp_path: Path) -> None:
    stand_in(tmp_path)
    (tmp_path / "cache").write_text("a file")
    with pytest.warns(UserWarning, match="not kept, the next run reads again"):
        assert len(load("steels", tmp_path)) == 312


def test_options_decide_what_a_task_gives() -> None:
    composition = {"inputs:composition"}
    assert hooks._matbench_provides(MatbenchConfig(task="steels")) == composition | {
        "task:regression"
    }
    assert hooks._matbench_provides(MatbenchConfig(task="glass")) == composition | {"task:binary"}
    crystal = composition | {"inputs:structure", "task:regression"}
    assert hooks._matbench_provides(MatbenchConfig(task="phonons")) == crystal
    plain = MatbenchConfig(task="phonons", structures="ignore")
    assert hooks._matbench_provides(plain) == composition | {"task:regression"}
