"""Materials without a target are read from every form of file, and no row is lost."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_crystals import cif

from atlas_core.api import Candidates, DataError
from atlas_core.testing.samples import toy_dataset, toy_materials
from atlas_datasets.bulk_file import write_bulk
from atlas_reading import structure_of
from atlas_registry.loading import Registry
from atlas_screening.candidates import open_candidates


def opened(path: Path, options: Mapping[str, Any] | None = None) -> Candidates:
    return open_candidates(path, Registry(), dataset="table", options=options)


def written(folder: Path, text: str, name: str = "c.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_found_by_the_names_of_the_run_s_own_data(tmp_path: Path) -> None:
    text = "sample,What,gap\ns1,TiO2,1\ns2,MgO,2\n"
    rows = [{"sample": "s1", "what": "TiO2"}, {"sample": "s2", "what": "MgO"}]
    pq.write_table(
        pa.table({"sample": ["s1", "s2"], "what": ["TiO2", "MgO"]}), tmp_path / "c.parquet"
    )
    paths = [
        written(tmp_path, text),
        written(tmp_path, json.dumps(rows), "c.json"),
        tmp_path / "c.parquet",
    ]
    for path in paths:
        found = opened(path, {"formula": "What ", "id": "sample", "path": "x.csv"})
        (batch,) = found.batches(9)
        assert (batch.ids, batch.formulas) == (["s1", "s2"], ["TiO2", "MgO"]), path
        assert not found.notes
    other = opened(written(tmp_path, "sample,formula\ns1,TiO2\n"))
    assert "no column of ids" in other.notes[0]
    assert not opened(written(tmp_path, "formula\nTiO2\n")).notes


def test_a_list_with_a_stray_quote_or_a_key_twice_is_refused(tmp_path: Path) -> None:
    for quote in ("", '"'):
        text = (
            f'formula,gap,note\nGaAs,1,ok\nNaCl,5,"see 3\nZnO,3,ok\nCdS,2,{quote}see 4\nMgO,7,ok\n'
        )
        with pytest.raises(DataError, match="line 3"):
            batches(written(tmp_path, text))
    with pytest.raises(DataError, match="occurs twice"):
        opened(written(tmp_path, '{"a": "NaCl", "a": "KCl"}', "c.json"))


def batches(path: Path, size: int = 3, **extra: Any) -> list[Any]:
    return list(opened(path).batches(size, **extra))


@pytest.mark.parametrize(
    ("name", "text", "ids", "formulas"),
    [
        ("a.csv", "id,formula\nx,TiO2\ny,MgO\n", ["x", "y"], ["TiO2", "MgO"]),
        ("b.csv", "Formula,material_id\nTiO2,x\nMgO,y\n", ["x", "y"], ["TiO2", "MgO"]),
        ("c.txt", "TiO2\n\nMgO\n", ["line 1", "line 3"], ["TiO2", "MgO"]),
        ("d.csv", "stuff,n\nTiO2,1\nMgO,2\n", ["line 2", "line 3"], ["TiO2", "MgO"]),
        ("e.tsv", "id\tcomposition\nx\tTiO2\nx\tMgO\n", ["x", "x"], ["TiO2", "MgO"]),
        ("f.csv", "\ufeffformula\nTiO2\nMgO\n", ["line 2", "line 3"], ["TiO2", "MgO"]),
    ],
)
def test_formulas_are_read_from_text(
    tmp_path: Path, name: str, text: str, ids: list[str], formulas: list[str]
) -> None:
    found = opened(written(tmp_path, text, name))
    (batch,) = found.batches(9)
    assert (batch.ids, batch.formulas, found.total) == (ids, formulas, 2)
    assert batch.materials.formulas() == ["O2Ti", "MgO"]


def test_packed_text_and_wanted_rows(tmp_path: Path) -> None:
    path = tmp_path / "c.csv.gz"
    path.write_bytes(gzip.compress(b"formula\nTiO2\nbad?\nMgO\nCaO\n"))
    (batch,) = batches(path, only={1, 3})
    assert (batch.rows.tolist(), batch.formulas) == ([3], ["CaO"])
    assert batch.unreadable[0].place == "line 3"


def test_crystals_are_read_from_cif_json_and_parquet_alike(tmp_path: Path) -> None:
    materials = toy_materials().take(range(4))
    structures = [structure_of(materials, i) for i in range(4)]
    folder = tmp_path / "cifs"
    folder.mkdir()
    for i, structure in enumerate(structures):
        structure.to(filename=str(folder / f"m{i}.cif"), fmt="cif")
    (folder / "m9.cif").write_text("no crystal")
    table = {f"m{i}": structure.as_dict() for i, structure in enumerate(structures)} | {"m9": {}}
    (tmp_path / "d.json").write_text(json.dumps(table))
    (tmp_path / "l.json").write_text(json.dumps([*table.values()]))
    write_bulk(tmp_path / "b.parquet", toy_dataset())
    for path in (folder, tmp_path / "d.json", tmp_path / "l.json"):
        found = batches(path, 99)[0]
        assert found.formulas == materials.written(), path
        assert len(found.unreadable) == 1
        np.testing.assert_allclose(
            np.abs(np.linalg.det(found.materials.lattice)),
            np.abs(np.linalg.det(materials.lattice)),
            rtol=1e-4,
        )
    (bulk,) = batches(tmp_path / "b.parquet", 99)
    np.testing.assert_array_equal(bulk.materials.lattice, toy_dataset().materials.lattice)
    assert bulk.ids == toy_dataset().materials.ids.tolist()
    pq.write_table(pa.table({"formula": ["TiO2", None]}), tmp_path / "f.parquet")
    (some,) = batches(tmp_path / "f.parquet")
    assert (some.formulas, some.unreadable[0].place) == (["TiO2"], "row 2")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "", "the file is empty"),
        ("a.csv", "formula\n", "no candidate in it"),
        ("a.xyz", "x", "unknown form; expected .csv, .*, or a folder of .cif files"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "3", "expected a list"),
        ("a.parquet", "x", "not a Parquet file"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        opened(written(tmp_path, text, name))


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            opened(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id;formula\nx;TiO2\ny;Xx\nz;MgO\n"),
        ("a.csv", "id|formula\nx|TiO2\ny|Xx\nz|MgO\n"),
        ("a.tsv", "formula\tid\nTiO2\tx\nXx\ty\nMgO\tz\n"),
        ("a.csv.bz2", "id,formula\nx,TiO2\ny,Xx\nz,MgO\n"),
        ("a.jsonl", '{"id": "x", "formula": "TiO2"}\n{"id": "y"\n{"id": "z", "formula": "MgO"}\n'),
        ("a.json", '[{"id": "x", "formula": "TiO2"}, 3, {"id": "z", "formula": "MgO"}]'),
        ("a.json", '{"x": "TiO2", "y": "Xx", "z": "MgO"}'),
        ("a.json", '{"x": {"formula": "TiO2"}, "y": {"formula": "Xx"}, "z": {"formula": "MgO"}}'),
        ("a.json", '{"id": ["x", "y", "z"], "formula": ["TiO2", "Xx", "MgO"]}'),
        (
            "a.json",
            '{"columns": ["id", "formula"], "data": [["x", "TiO2"], ["y", "Xx"], ["z", "MgO"]]}',
        ),
    ],
)
def test_candidates_are_read_in_every_form_that_tables_have(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_bytes(bz2.compress(content.encode()) if ".bz2" in name else content.encode())
    (batch,) = opened(path).batches(9)
    assert (batch.ids, batch.formulas) == (["x", "z"], ["TiO2", "MgO"])
    assert len(batch.unreadable) == 1


def test_candidates_of_a_sheet_and_of_a_column_of_crystals(tmp_path: Path) -> None:
    core = pytest.importorskip("pymatgen.core")
    salt = core.Structure.from_spacegroup(
        "Fm-3m", core.Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    cif = salt.to(fmt="cif").replace('"', '""')
    path = tmp_path / "c.csv"
    path.write_text(f'id,structure\na,"{cif}"\nb,nothing\nc,"{salt}"\n')
    found = opened(path)
    (batch,) = found.batches(9)
    assert found.structures
    assert (batch.ids, batch.formulas) == (["a"], ["NaCl"])
    assert batch.materials.counts.tolist() == [8]
    assert "what Python prints" in batch.unreadable[1].why
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["formula", "id"], ["TiO2", "x"], ["MgO", 7]):
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    (batch,) = opened(tmp_path / "c.xlsx").batches(9)
    assert (batch.ids, batch.formulas) == (["x", "7"], ["TiO2", "MgO"])


def test_screening_takes_each_data_block_with_an_id(tmp_path: Path) -> None:
    broken = cif([("Va1", "Va", 0, 0, 0)]).replace("data_x", "data_bad")
    (tmp_path / "two.CIF").write_text(cif() + broken)
    (tmp_path / "one.cif").write_text(cif())
    (tmp_path / "vacuum.cif").write_text(cif(cell=(5.64, 5.64, 30, 90, 90, 90)))
    (tmp_path / "nm.cif").write_text(cif(cell=(0.564, 0.564, 0.564, 90, 90, 90)))
    (batch,) = opened(tmp_path).batches(10)
    assert batch.ids == ["one", "two:x", "vacuum"]
    assert [bool(text) for text in batch.flags] == [False, False, True]
    assert sorted(one.place for one in batch.unreadable) == ["nm.cif", "two.CIF:bad"]
    assert batch.count == 5


def test_rows_of_the_bulk_format_that_cannot_be_are_left_out_by_name(tmp_path: Path) -> None:
    cell = [3.0, 0, 0, 0, 3.0, 0, 0, 0, 3.0]
    columns = {
        "id": ["good", "empty", "short", "unknown", "flat", "dense", "vacuum"],
        "numbers": [[11, 17], None, [11], [119], [11], [11], [11]],
        "frac_coords": [[0, 0, 0, 0.5, 0.5, 0.5], [], [0, 0], *[[0, 0, 0]] * 4],
        "lattice": [cell, cell, cell, cell, [0.0] * 9, [c / 3 for c in cell], [*cell[:8], 30.0]],
    }
    frac = [[float(x) for x in row] for row in columns["frac_coords"]]
    pq.write_table(pa.table(columns | {"frac_coords": frac}), tmp_path / "b.parquet")
    found = batches(tmp_path / "b.parquet", 2)
    assert [batch.ids for batch in found] == [["good"], [], [], ["vacuum"]]
    assert [bool(flag) for batch in found for flag in batch.flags] == [False, True]
    bad = [row for batch in found for row in batch.unreadable]
    assert [(row.place, row.id) for row in bad] == [
        (f"row {i + 2}", name) for i, name in enumerate(columns["id"][1:6])
    ]
    some = batches(tmp_path / "b.parquet", 2, only={0, 6})
    assert [batch.rows.tolist() for batch in some] == [[0], [6]]
