"""Tables of users: every format, and a line that names what is wrong."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from atlas_core.api import DataContext, DataError, Dataset
from atlas_datasets import hooks
from atlas_datasets.hooks import TableConfig
from atlas_datasets.table import Table
from atlas_reading import structure_of

pymatgen = pytest.importorskip("pymatgen.core")
pa = pytest.importorskip("pyarrow")

CSV = "name,formula,gap,group\na,NaN,1.5,7\nb,Ca3(PO4)2,2,8\nc,Fe0.62C0.38,0,9\n"
NACL = pymatgen.Structure.from_spacegroup(
    "Fm-3m", pymatgen.Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)


def load(folder: Path, file: str, content: str | bytes, **options: Any) -> Dataset:
    data = content.encode() if isinstance(content, str) else content
    (folder / file).write_bytes(data)
    options = {"path": file, "target": "gap", "formula": "formula"} | options
    if "structure" in options:
        options["formula"] = None
    config = TableConfig(**options)
    return Table(config).load(DataContext(None, folder, folder))


def message(folder: Path, file: str, content: str | bytes, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, file, content, **options)
    text = str(caught.value)
    assert text.startswith(str(folder / file))
    assert "\n" not in text
    return text.removeprefix(str(folder / file))


def test_csv_keeps_order_ids_targets_and_metadata(tmp_path: Path) -> None:
    data = load(tmp_path, "t.csv", CSV, id="name", unit="eV", columns=("group",))
    assert data.materials.ids.tolist() == ["a", "b", "c"]
    assert data.target.tolist() == [1.5, 2.0, 0.0]
    assert data.columns["group"].tolist() == [7, 8, 9]
    assert data.columns["group"].dtype == np.int64
    assert data.materials.formulas()[:2] == ["NNa", "Ca3O8P2"]  # NaN is sodium nitride
    assert (data.unit, data.provenance, data.name) == ("eV", "user", "t")


def test_json_layouts_and_parquet_give_what_csv_gives(tmp_path: Path) -> None:
    import pyarrow.parquet

    expected = load(tmp_path, "t.csv", CSV, id="name", columns=("group",))
    names = ["name", "formula", "gap", "group"]
    rows = [["a", "NaN", 1.5, 7], ["b", "Ca3(PO4)2", 2, 8], ["c", "Fe0.62C0.38", 0, 9]]
    columns = {n: [row[i] for row in rows] for i, n in enumerate(names)}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    files = {
        "records.json": json.dumps([dict(zip(names, row, strict=True)) for row in rows]),
        "columns.json": json.dumps(columns),
        "pandas.json": json.dumps(
            {n: {str(i): v for i, v in enumerate(values)} for n, values in columns.items()}
        ),
        "schema.json": json.dumps(  # of pandas: orient="table"
            {"schema": {}, "data": [dict(zip(names, row, strict=True)) for row in rows]}
        ),
        "split.json": json.dumps({"index": [0, 1, 2], "columns": names, "data": rows}),
        "t.parquet": (tmp_path / "x.parquet").read_bytes(),
        "t.csv.gz": gzip.compress(CSV.encode(), mtime=0),
        "t.csv.bz2": bz2.compress(CSV.encode()),
        "bom.csv": b"\xef\xbb\xbf" + CSV.encode(),
        "comment.csv": "# made by hand\n" + CSV,
    }
    for file, content in files.items():
        found = load(tmp_path, file, content, id="name", columns=("group",))
        assert found.fingerprint == expected.fingerprint, file
        assert found.columns["group"].tolist() == [7, 8, 9], file
        # the formula of the first row is what others write where one is missing
        assert [(one.place, "missing" in one.kind) for one in found.reading.flagged] == [
            ("row 1", True)
        ], file


def test_codes_with_an_underscore_are_no_numbers_in_metadata(tmp_path: Path) -> None:
    text = CSV.replace(",7", ",1_2").replace(",8", ",12")
    data = load(tmp_path, "t.csv", text, columns=("group",))
    assert data.columns["group"].tolist() == ["1_2", "12", "9"]


def test_rows_without_id_column_are_numbered(tmp_path: Path) -> None:
    assert load(tmp_path, "t.csv", CSV).materials.ids.tolist() == ["1", "2", "3"]


def test_structures_are_recognized_by_their_content(tmp_path: Path) -> None:
    from pymatgen.io.vasp.inputs import Poscar

    texts = [
        NACL.to(fmt="cif"),
        Poscar(NACL).get_str(significant_figures=12),
        json.dumps(NACL.as_dict()),
        repr(json.loads(json.dumps(NACL.as_dict()))),
        json.loads(json.dumps(NACL.as_dict())),
    ]
    content = json.dumps([{"gap": i, "crystal": text} for i, text in enumerate(texts)])
    data = load(tmp_path, "t.json", content, structure="crystal")
    assert data.materials.counts.tolist() == [8] * 5
    for row in range(5):
        found = structure_of(data.materials, row)
        assert found.lattice.abc == pytest.approx((5.64,) * 3)
        assert found.composition == NACL.composition
        assert found.get_space_group_info()[1] == 225


def test_csv_cells_may_hold_lines(tmp_path: Path) -> None:
    cif = NACL.to(fmt="cif").replace('"', '""')
    data = load(tmp_path, "t.csv", f'gap,crystal\n1,"{cif}"\n2,"{cif}"\n', structure="crystal")
    assert data.materials.counts.tolist() == [8, 8]


def sites(**changes: Any) -> Any:
    columns: dict[str, Any] = {
        "mbid": ["x", "y"],
        "numbers": [[11, 17], [6]],
        "frac_coords": [[0, 0, 0, 0.5, 0.5, 0.5], [0.25, 0, 0]],
        "lattice": [[4, 0, 0, 0, 4, 0, 0, 0, 4], [3, 0, 0, 0, 3, 0, 0, 0, 3]],
        "gap": [1.0, 2.0],
    }
    return pa.table(columns | changes)


def parquet(folder: Path, table: Any) -> bytes:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, folder / "made.parquet")
    return (folder / "made.parquet").read_bytes()


def test_parquet_with_lists_of_numbers_is_read_as_crystals(tmp_path: Path) -> None:
    content = parquet(tmp_path, sites())
    data = load(tmp_path, "t.parquet", content, id="mbid", structure="numbers")
    assert data.materials.numbers.tolist() == [11, 17, 6]
    assert data.materials.offsets.tolist() == [0, 2, 3]
    assert data.materials.frac is not None
    assert data.materials.frac[1].tolist() == [0.5, 0.5, 0.5]
    assert structure_of(data.materials, 1).lattice.a == 3


def test_parquet_with_a_short_coordinate_list_names_row_and_id(tmp_path: Path) -> None:
    content = parquet(tmp_path, sites(frac_coords=[[0, 0, 0], [0.25, 0, 0]]))
    text = message(tmp_path, "t.parquet", content, id="mbid", structure="numbers")
    assert text.startswith(
        ": row 1, id x: column 'frac_coords' does not contain 3 numbers per site"
    )
    content = parquet(tmp_path, sites(numbers=[[11, 0], [6]]))
    text = message(tmp_path, "t.parquet", content, id="mbid", structure="numbers")
    assert text.startswith(": row 1, id x: atomic number outside 1..118")


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("", {}, ": the file is empty"),
        ("name,formula,gap\n", {}, ": the table is empty"),
        (CSV, {"target": "gapp"}, ": no column 'gapp'; did you mean 'gap'?"),
        (CSV.replace("\nb", "\na"), {"id": "name"}, ": row 2, id a: duplicate id, also in row 1"),
        (CSV.replace("\nb", "\n"), {"id": "name"}, ": row 2: the id is empty"),
        (CSV.replace(",2,", ",nan,"), {"id": "name"}, ": row 2, id b: target 'gap' is nan"),
        (CSV.replace(",2,", ",inf,"), {"id": "name"}, ": row 2, id b: target 'gap' is inf"),
        (CSV.replace(",2,", ",,"), {"id": "name"}, ": row 2, id b: target 'gap' is empty"),
        (CSV.replace(",2,", ",two,"), {}, ": row 2, id 2: target 'gap' is 'two', not a number"),
        (CSV.replace(",2,", ",5_000,"), {}, ": row 2, id 2: target 'gap' is '5_000', not a number"),
        (CSV.replace(",2,", ",\u0665,"), {}, ": row 2, id 2: target 'gap' is '\u0665', not a"),
        (CSV.replace("PO4", "XxO4"), {"id": "name"}, "unknown element 'Xx'"),
        (CSV.replace("NaN", ""), {"id": "name"}, ": row 1, id a: no formula"),
        (CSV.replace(",8", ",8,extra"), {}, ": row 2: expected 4 columns, found 5"),
        (CSV.replace("name", "gap"), {}, ": column 'gap' occurs twice in the header"),
        (CSV.replace("Gap", "gap"), {"target": "Gap "}, "; did you mean 'gap'?"),
        (CSV.replace(",2,", ',"2,5",'), {}, "target 'gap' is '2,5', not a number; is decimal:"),
    ],
)
def test_a_bad_table_gets_one_line_that_names_file_row_and_id(
    tmp_path: Path, content: str, options: dict[str, Any], expected: str
) -> None:
    assert expected in message(tmp_path, "t.csv", content, **options)


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("t.json", b"[{", ": cannot be read ("),
        ("t.json", b"[]", ": the table is empty"),
        ("t.json", b"3", ": cannot be read (records, columns"),
        ("t.json", b'{"gap": {"0": 1}, "formula": {"1": "H2"}}', ": cannot be read (records"),
        ("t.parquet", b"PAR1 no more", ": cannot be read ("),
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:30], ": damaged or truncated ("),
        ("t.csv", b"formula,gap\nNa\xffCl,1\n", "encoding: latin-1"),
        ("t.csv", "formula,gap\nNaCl,1\n".encode("utf-16"), "encoding: utf-16"),
        ("t.csv", b"x" * 200_000 + b",gap\n1,2\n", ": no column 'formula' (it has xxx"),
        ("t.xls", b"PK", ": unknown format; expected .csv, .tsv, .txt, .json"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, file: str, content: bytes, expected: str) -> None:
    assert expected in message(tmp_path, file, content)


def test_json_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert message(tmp_path, "t.json", deep) == ": cannot be read (nested too deeply)"


def test_a_folder_in_place_of_the_file_is_called_one(tmp_path: Path) -> None:
    source = Table(TableConfig(path=".", target="gap", formula="formula"))
    with pytest.raises(DataError) as caught:
        source.load(DataContext(None, tmp_path, tmp_path))
    assert str(caught.value) == f"{tmp_path}: a folder; name the file in it"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~nosuchuser/x.csv", "path '~nosuchuser/x.csv': no such user; write the folder out"),
        ("x" * 5000, f"path '{'x' * 77}...': cannot be used (File name too long)"),
        ("/" + "x" * 5000, f"path '/{'x' * 76}...': cannot be used (File name too long)"),
    ],
)
def test_a_path_that_no_file_can_have_is_one_line(tmp_path: Path, path: str, expected: str) -> None:
    source = Table(TableConfig(path=path, target="gap", formula="formula"))
    with pytest.raises(DataError) as caught:
        source.load(DataContext(None, tmp_path, tmp_path))
    assert str(caught.value) == expected


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    source = Table(TableConfig(path="none.csv", target="gap", formula="formula"))
    with pytest.raises(DataError, match=r"none\.csv: no such file$"):
        source.load(DataContext(None, tmp_path, tmp_path))


HOSTILE = {"@module": "this", "@class": "Zen", "@version": "1"}


def hostile(site: bool) -> dict[str, Any]:
    """Return NaCl with a dict that pymatgen's reader would import the module ``this`` for."""
    crystal: dict[str, Any] = json.loads(json.dumps(NACL.as_dict()))
    if site:
        for atom in crystal["sites"]:
            atom["properties"] = {"magmom": HOSTILE}
    else:
        crystal["properties"] = {"note": HOSTILE}
    return crystal


@pytest.mark.parametrize("site", [True, False])
@pytest.mark.parametrize("form", [json.dumps, repr, dict])
def test_a_dict_in_a_file_imports_no_module_and_still_loads(
    tmp_path: Path, site: bool, form: Any
) -> None:
    (tmp_path / "t.json").write_text(json.dumps([{"gap": 1, "crystal": form(hostile(site))}]))
    code = (
        "import sys; from pathlib import Path; from atlas_core.api import DataContext;"
        "from atlas_datasets.hooks import TableConfig; from atlas_datasets.table import Table;"
        "folder = Path(sys.argv[1]);"
        "config = TableConfig(path='t.json', target='gap', structure='crystal');"
        "data = Table(config).load(DataContext(None, folder, folder));"
        "assert data.materials.counts.tolist() == [8];"
        "assert 'this' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_the_hostile_dict_would_have_imported_a_module() -> None:
    code = (
        "import sys, json; from pymatgen.core import Structure;"
        "Structure.from_dict(json.loads(sys.argv[1])); assert 'this' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, json.dumps(hostile(True))], check=True)


def test_a_dict_that_is_no_crystal_names_row_and_what_is_wrong(tmp_path: Path) -> None:
    bad: dict[str, tuple[Any, str]] = {
        "empty": ({}, "no pymatgen dict of a crystal: it lacks lattice and sites"),
        "element": (
            {
                "lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 0, 3]]},
                "sites": [{"species": [{"element": "Xx", "occu": 1}], "abc": [0, 0, 0]}],
            },
            "unknown element 'Xx'",
        ),
        "flat": (
            {
                "lattice": {"matrix": [[3, 0, 0], [0, 3, 0], [0, 3, 0]]},
                "sites": [{"species": [{"element": "Fe", "occu": 1}], "abc": [0, 0, 0]}],
            },
            "the cell has no volume",
        ),
    }
    for name, (crystal, expected) in bad.items():
        content = json.dumps([{"n": name, "gap": 1, "crystal": crystal}])
        text = message(tmp_path, "t.json", content, id="n", structure="crystal")
        assert text.startswith(f": row 1, id {name}: {expected}")
    deep = "{'a': " * 5000 + "1" + "}" * 5000
    content = json.dumps([{"n": "deep", "gap": 1, "crystal": deep}])
    text = message(tmp_path, "t.json", content, id="n", structure="crystal")
    assert text.startswith(": row 1, id deep: the structure ")


def test_a_disordered_site_is_refused_with_row_and_id(tmp_path: Path) -> None:
    alloy = pymatgen.Structure(pymatgen.Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    content = json.dumps([{"n": "q", "gap": 1, "crystal": json.loads(json.dumps(alloy.as_dict()))}])
    text = message(tmp_path, "t.json", content, id="n", structure="crystal")
    assert text.startswith(": row 1, id q: site occupancy is disordered; order the structure")


def test_a_poscar_without_element_names_is_refused(tmp_path: Path) -> None:
    poscar = "cell\n1.0\n3 0 0\n0 3 0\n0 0 3\n1\ndirect\n0 0 0\n"
    content = json.dumps([{"gap": 1, "crystal": poscar}])
    text = message(tmp_path, "t.json", content, structure="crystal")
    assert text.startswith(": row 1, id 1: the structure cannot be read as POSCAR")


def test_binary_targets_may_be_words(tmp_path: Path) -> None:
    words = ["true", "False", "0", "1", "yes", "NO"]
    rows = "".join(f"H{i + 1},{word}\n" for i, word in enumerate(words))
    data = load(tmp_path, "t.csv", "formula,gap\n" + rows, task="binary")
    assert data.target.tolist() == [1, 0, 0, 1, 1, 0]


def test_options_decide_what_the_table_gives() -> None:
    formula = TableConfig(path="t.csv", target="y", formula="f")
    crystal = TableConfig(path="t.csv", target="y", structure="s", task="binary")
    assert hooks._table_provides(formula) == {"inputs:composition", "task:regression"}
    assert hooks._table_provides(crystal) == {
        "inputs:composition",
        "inputs:structure",
        "task:binary",
    }
    with pytest.raises(ValidationError, match="either the formula or the structure"):
        TableConfig(path="t.csv", target="y")


def failed(folder: Path, file: str, content: str | bytes, **options: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(folder, file, content, **options)
    return [line.removeprefix(f"{folder / file}: ") for line in str(caught.value).splitlines()]


MESSY = (
    "name,formula,gap,group\na,NaCl,1.5,7\nb,Xx2O3,2,8\nc,KCl,,9\nd,,3,9\ne,LiF,n/a,9\nf,MgO,two,9\n"
    "g,CaO,4\nh,BaO,5,9,9\n,SrO,6,9\na,ZnO,7,9\nk,CuSO4.5H2O,1,1\nl,LiCl,8,2\n"
)


def test_all_bad_rows_are_reported_at_once(tmp_path: Path) -> None:
    lines = failed(tmp_path, "t.csv", MESSY, id="name")
    assert [line.split(",")[0].split(":")[0] for line in lines[:-1]] == [
        f"row {n}" for n in range(2, 12)
    ]
    assert lines[-1].startswith("10 of 12 rows cannot be used")
    assert "on_error: drop and missing: drop" in lines[-1]
    many = "formula,gap\n" + "Xx,1\n" * 30
    lines = failed(tmp_path, "t.csv", many)
    assert len(lines) == 21
    assert "30 of 30 rows" in lines[-1]
    assert "10 more than shown" in lines[-1]


def test_bad_rows_may_be_dropped_and_are_counted_by_reason(tmp_path: Path) -> None:
    data = load(tmp_path, "t.csv", MESSY, id="name", on_error="drop", missing="drop")
    assert data.materials.ids.tolist() == ["a", "l"]
    assert data.target.tolist() == [1.5, 8.0]
    assert data.reading.rows == 12
    assert sum(data.reading.reasons().values()) == 10
    assert data.reading.reasons()["without a target"] == 2
    assert [row.place for row in data.reading.dropped] == [f"row {n}" for n in range(2, 12)]
    clean = load(tmp_path, "u.csv", "name,formula,gap,group\na,NaCl,1.5,7\nl,LiCl,8,2\n", id="name")
    assert clean.fingerprint == data.fingerprint


def test_each_policy_covers_its_own_kind_of_row(tmp_path: Path) -> None:
    empty = "formula,gap,K\nNaCl,1,\nKCl,,5\nLiF,2,7\n"
    assert load(tmp_path, "t.csv", empty, missing="drop").target.tolist() == [1.0, 2.0]
    (line,) = failed(tmp_path, "t.csv", empty, on_error="drop")
    assert line.startswith("row 2, id 2: target 'gap' is empty")
    assert line.endswith("missing: drop")
    bad = "formula,gap\nXx,1\nKCl,2\n"
    assert load(tmp_path, "t.csv", bad, on_error="drop").target.tolist() == [2.0]
    (line,) = failed(tmp_path, "t.csv", bad, missing="drop")
    assert line.endswith("on_error: drop")
    (line,) = failed(tmp_path, "t.csv", "formula,gap\nXx,1\n", on_error="drop")
    assert "no row is left" in line


def test_dropped_rows_keep_the_numbers_of_the_others(tmp_path: Path) -> None:
    text = "formula,gap\n" + "NaCl,1\n" * 4 + "Xx,1\n" + "KCl,2\n" * 7
    data = load(tmp_path, "t.csv", text, on_error="drop")
    assert data.materials.ids.tolist() == ["1", "2", "3", "4", *map(str, range(6, 13))]


@pytest.mark.parametrize(
    ("file", "text", "noted"),
    [
        ("t.csv", "formula;gap\nNaCl;1,5\nKCl;-2,25e1\n", 2),
        ("t.csv", "formula;gap\nNaCl;1.5\nKCl;-22.5\n", 1),
        ("t.csv", "formula\tgap\nNaCl\t1,5\nKCl\t-22,5\n", 2),
        ("t.csv", "formula|gap\nNaCl|1.5\nKCl|-22.5\n", 1),
        ("t.tsv", "formula\tgap\nNaCl\t1.5\nKCl\t-22.5\n", 0),
        ("t.txt", "formula,gap\nNaCl,1.5\nKCl,-22.5\n", 0),
        ("t.jsonl", '{"formula": "NaCl", "gap": 1.5}\n\n{"formula": "KCl", "gap": -22.5}\n', 0),
        (
            "t.json",
            '{"x": {"formula": "NaCl", "gap": 1.5}, "y": {"formula": "KCl", "gap": -22.5}}',
            0,
        ),
    ],
)
def test_the_ways_in_which_tables_are_written(
    tmp_path: Path, file: str, text: str, noted: int
) -> None:
    data = load(tmp_path, file, text)
    assert data.target.tolist() == [1.5, -22.5]
    assert data.materials.formulas() == ["ClNa", "ClK"]
    assert len(data.reading.notes) == noted
    expected = ["x", "y"] if file == "t.json" else ["1", "2"]
    assert data.materials.ids.tolist() == expected


def test_stated_options_need_no_guess(tmp_path: Path) -> None:
    text = 'formula,gap\nNaCl,"1,500"\nKCl,"2,250"\n'
    assert load(tmp_path, "t.csv", text, decimal=",").target.tolist() == [1.5, 2.25]
    assert not load(tmp_path, "t.csv", text, decimal=",").reading.notes
    latin = "formula,gap,name\nNaCl,1,Müller\n".encode("latin-1")
    data = load(tmp_path, "t.csv", latin, encoding="latin-1", columns=("name",))
    assert data.columns["name"].tolist() == ["Müller"]
    wide = "formula,gap\nNaCl,1\n".encode("utf-16")
    assert load(tmp_path, "t.csv", wide, encoding="utf-16").target.tolist() == [1.0]


def test_commas_that_may_part_thousands_are_refused(tmp_path: Path) -> None:
    text = message(tmp_path, "t.csv", "formula;gap\nNaCl;1,500\nKCl;2,250\n")
    assert "1.5 or 1500" in text
    assert "decimal" in text


def test_the_users_own_formula_is_kept_along_with_the_key(tmp_path: Path) -> None:
    text = "formula,gap\n CuSO4·5H2O ,1\nFe₂O₃,2\nFe0.65Ni0.35,3\nNa0Cl,4\n"
    data = load(tmp_path, "t.csv", text)
    assert data.shown_formulas() == ["CuSO4·5H2O", "Fe₂O₃", "Fe0.65Ni0.35", "Na0Cl"]
    assert data.materials.formulas() == ["CuH10O9S", "Fe2O3", "Fe13Ni7", "Cl"]
    assert data.take([1, 0]).shown_formulas() == ["Fe₂O₃", "CuSO4·5H2O"]
    assert [(flag.place, flag.id) for flag in data.reading.flagged] == [("row 4", "4")]


def test_what_python_prints_of_a_structure_is_called_so(tmp_path: Path) -> None:
    content = json.dumps([{"gap": 1, "crystal": str(NACL)}, {"gap": 1, "crystal": repr(NACL)}])
    lines = failed(tmp_path, "t.json", content, structure="crystal")
    assert all("what Python prints" in line for line in lines[:2])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"columns": ["formula", 1, "gap"], "data": [["NaCl", 1, 2]]}', "list of texts"),
        ('{"columns": [["formula"], "gap"], "data": [["NaCl", 1]]}', "list of texts"),
        ('{"columns": "formula", "data": []}', "list of texts"),
        ('{"columns": ["formula", "gap"], "data": 3}', "list of rows"),
        ('{"columns": ["formula", "gap"], "data": {"a": 1}}', "list of rows"),
        ('{"columns": ["formula", "gap"], "data": [3]}', "row 1: a list of cells was expected"),
        (
            '{"columns": ["formula", "gap"], "data": [["NaCl"]]}',
            "row 1: expected 2 columns, found 1",
        ),
        ('{"formula": 3, "gap": 4}', "records, columns"),
        ("[3, 4]", "a list of records was expected"),
        ('[{"formula": "NaCl", "gap": 1}, 3]', "row 2: a record"),
        ('{"formula": ["NaCl"], "gap": [{"a": 1}]}', "not a number"),
        ('{"formula": ["NaCl"], "gap": [[1]]}', "not a number"),
        ('{"formula": "NaCl", "gap": 1}\n{"formula": "KCl", "gap": 1}', "must end in .jsonl"),
    ],
)
def test_a_json_table_of_another_form_is_refused_in_one_line(
    tmp_path: Path, content: str, expected: str
) -> None:
    assert expected in message(tmp_path, "t.json", content)


def test_a_damaged_text_column_in_parquet_is_named(tmp_path: Path) -> None:
    text = pa.array([b"NaCl", b"K\xffCl"], pa.binary()).cast(pa.string(), safe=False)
    content = parquet(tmp_path, pa.table({"formula": text, "gap": [1.0, 2.0]}))
    assert "column 'formula' is damaged" in message(tmp_path, "t.parquet", content)


def test_parquet_rows_of_bulk_crystals_may_be_dropped(tmp_path: Path) -> None:
    table = sites(
        mbid=["x", "y"],
        numbers=[[11, 17], None],
        gap=[1.0, 2.0],
    )
    content = parquet(tmp_path, table)
    options = {"id": "mbid", "structure": "numbers"}
    lines = failed(tmp_path, "t.parquet", content, **options)
    assert lines[0].startswith("row 2, id y: column 'numbers' is empty")
    data = load(tmp_path, "t.parquet", content, on_error="drop", **options)
    assert data.materials.numbers.tolist() == [11, 17]
    assert data.reading.reasons() == {"whose material cannot be read": 1}


def test_xlsx_is_read_from_the_first_or_the_named_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["formula", "gap"])
    book.active.append(["NaCl", 1.5])
    book.active.append([None, None])
    book.active.append(["KCl", -22.5])
    other = book.create_sheet("other")
    other.append(["formula", "gap"])
    other.append(["LiF", 3])
    book.save(tmp_path / "x.xlsx")
    content = (tmp_path / "x.xlsx").read_bytes()
    assert load(tmp_path, "t.xlsx", content).target.tolist() == [1.5, -22.5]
    assert load(tmp_path, "t.xlsx", content, sheet="other").materials.formulas() == ["FLi"]
    assert "no sheet 'third' (it has Sheet, other)" in message(
        tmp_path, "t.xlsx", content, sheet="third"
    )
    assert "cannot be read" in message(tmp_path, "t.xlsx", b"PK no more")


def test_xlsx_without_openpyxl_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "atlas-materials-reading[xlsx]" in message(tmp_path, "t.xlsx", b"PK")


def overlapping(x: float) -> dict[str, Any]:
    """Return NaCl with a second Na at ``x`` along an edge of 5.64 Å."""
    site = {"species": [{"element": "Na", "occu": 1}], "abc": [x, 0, 0]}
    crystal: dict[str, Any] = json.loads(json.dumps(NACL.as_dict()))
    crystal["sites"].append(site)
    return crystal


@pytest.mark.parametrize("x", [0.0, 1.0, 0.999, 0.03])
def test_atoms_on_top_of_each_other_are_refused_in_every_form(tmp_path: Path, x: float) -> None:
    import pyarrow.parquet

    crystal = overlapping(x)
    content = json.dumps([{"gap": 1, "crystal": NACL.as_dict()}, {"gap": 1, "crystal": crystal}])
    assert message(tmp_path, "t.json", content, structure="crystal").startswith(": row 2, id 2:")
    sites = [site["abc"] for site in crystal["sites"]]
    columns: dict[str, Any] = {
        "gap": [1.0],
        "numbers": [[11, *[17] * (len(sites) - 2), 11]],
        "frac_coords": [np.ravel(sites).tolist()],
        "lattice": [np.ravel(crystal["lattice"]["matrix"]).tolist()],
    }
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    source = Table(TableConfig(path="t.parquet", target="gap", structure="numbers"))
    with pytest.raises(DataError, match="row 1, id 1: "):
        source.load(DataContext(None, tmp_path, tmp_path))


def test_a_slab_in_vacuum_is_read_and_named(tmp_path: Path) -> None:
    slab: dict[str, Any] = json.loads(json.dumps(NACL.as_dict()))
    slab["lattice"]["matrix"] = [[4, 0, 0], [0, 4, 0], [0, 0, 40]]
    content = json.dumps([{"gap": 1, "crystal": NACL.as_dict()}, {"gap": 1, "crystal": slab}])
    data = load(tmp_path, "t.json", content, structure="crystal")
    assert len(data) == 2
    (flag,) = data.reading.flagged
    assert (flag.place, flag.id, "vacuum" in flag.kind) == ("row 2", "2", True)


FIVE = "formula,gap,note\nGaAs,1.4,ok\nNaCl,5.0,{}\nZnO,3.3,{}\nCdS,2.4,{}\nMgO,7,ok\n"


@pytest.mark.parametrize(
    ("notes", "line"),
    [
        (('"see Ref. 3', "ok", "ok"), 3),  # pandas: EOF inside string starting at row 2
        (('"see Ref. 3', "ok", '"see Ref. 4'), 3),
        (('"', "ok", '"'), 3),
        (("ok", '"see Ref. 3', "ok"), 4),
    ],
)
def test_a_stray_quote_hides_no_row(tmp_path: Path, notes: tuple[str, ...], line: int) -> None:
    assert f": line {line}: " in message(tmp_path, "t.csv", FIVE.format(*notes))
    above = FIVE.format(*notes).replace("formula", "# a\n\nformula", 1)
    assert f": line {line + 2}: " in message(tmp_path, "t.csv", above)


@pytest.mark.parametrize(
    "notes",
    [
        ('"two lines,\nof a note"', "ok", "ok"),
        ('"1,2,3\n4,5,6"', "ok", "ok"),
        ('5"', '6"', 'the "best"'),
        ('"5"" wafer"', "", ""),
    ],
)
def test_quotes_that_are_meant_are_let_be(tmp_path: Path, notes: tuple[str, ...]) -> None:
    assert len(load(tmp_path, "t.csv", FIVE.format(*notes))) == 5


def test_a_first_cell_of_several_lines_is_no_stray_quote(tmp_path: Path) -> None:
    text = 'note,formula,gap\n"see\nthe paper",GaAs,1\nok,MgO,7\n'
    assert load(tmp_path, "t.csv", text).target.tolist() == [1, 7]
    stray = 'note,formula,gap\n"see,GaAs,1\nok,MgO,7\nlast",NaCl,8\n'
    assert ": line 2: " in message(tmp_path, "t.csv", stray)


@pytest.mark.parametrize("scale", ["1.0", "1.0 1.0 1.0", "1.0 ! of the lattice"])
def test_a_poscar_in_the_first_column_is_no_stray_quote(tmp_path: Path, scale: str) -> None:
    crystal = f"NaCl\n{scale}\n5.64 0 0\n0 5.64 0\n0 0 5.64\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    data = load(tmp_path, "t.csv", f'crystal,gap\n"{crystal}",1\n', structure="crystal")
    assert data.materials.counts.tolist() == [2]


def test_a_poscar_or_dict_of_many_lines_is_no_stray_quote(tmp_path: Path) -> None:
    from pymatgen.io.vasp.inputs import Poscar

    dumped = json.dumps(NACL.as_dict(), indent=0).replace('"', '""')
    for text in (Poscar(NACL).get_str(), dumped):
        data = load(tmp_path, "t.csv", f'gap,crystal\n1,"{text}"\n', structure="crystal")
        assert data.materials.counts.tolist() == [8]


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        ("t.json", '{"a": {"formula": "C", "gap": 1}, "a": {"formula": "Si", "gap": 2}}', "a"),
        ("t.json", '[{"formula": "C", "gap": 1.4, "gap": 9.9}]', "gap"),
        ("t.jsonl", '{"formula": "C", "gap": 1.4, "gap": 9.9}\n', "gap"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, file: str, text: str, key: str) -> None:
    assert f"the key {key!r} occurs twice" in message(tmp_path, file, text)


def test_atomic_numbers_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    options = {"id": "mbid", "structure": "numbers"}
    table = sites(numbers=pa.array([[11.9, 17.9], [6.0]], pa.list_(pa.float64())))
    content = parquet(tmp_path, table)
    assert failed(tmp_path, "t.parquet", content, **options) == [
        "row 1, id x: an atomic number is not whole; fix it, or leave it out with on_error: drop"
    ]
    whole = sites(numbers=pa.array([[11.0, 17.0], [6.0]], pa.list_(pa.float64())))
    data = load(tmp_path, "t.parquet", parquet(tmp_path, whole), **options)
    assert data.materials.numbers.tolist() == [11, 17, 6]


@pytest.mark.parametrize(
    ("layout", "ids"),
    [
        ({"columns": ["formula", "gap"], "index": ["p", "q"], "data": [["C", 1], ["Si", 2]]}, "pq"),
        ({"formula": {"p": "C", "q": "Si"}, "gap": {"p": 1, "q": 2}}, "pq"),
        ({"formula": {"7": "C", "9": "Si"}, "gap": {"7": 1, "9": 2}}, "79"),
        ({"columns": ["formula", "gap"], "index": [0, 1], "data": [["C", 1], ["Si", 2]]}, "12"),
        ({"columns": ["formula", "gap"], "index": [0, 0], "data": [["C", 1], ["Si", 2]]}, "12"),
        ({"columns": ["formula", "gap"], "data": [["C", 1], ["Si", 2]]}, "12"),
    ],
)
def test_labels_of_rows_in_json_are_their_ids(tmp_path: Path, layout: Any, ids: str) -> None:
    data = load(tmp_path, "t.json", json.dumps(layout))
    assert data.materials.ids.tolist() == list(ids)
    assert data.target.tolist() == [1.0, 2.0]


def test_ids_that_are_missing_or_would_be_cut_are_refused(tmp_path: Path) -> None:
    text = "name,formula,gap\nnan,C,1\nNA,Si,2\nNa,Na,0\nNaN,NaN,1\n"
    lines = failed(tmp_path, "t.csv", text, id="name")
    assert [line.partition(":")[0] for line in lines[:2]] == ["row 1, id nan", "row 2, id NA"]
    assert len(lines) == 3
    rows = json.dumps([{"name": "a\0", "formula": "C", "gap": 1}])
    assert "null character" in failed(tmp_path, "t.json", rows, id="name")[0]


def test_parquet_columns_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    base = [pa.array(["C", "Si"]), pa.array([1.0, 2.0])]
    strange = {
        "zone": pa.array([0, 1], pa.timestamp("us", tz="Mars/Olympus")),
        "date": pa.array([0, 4 * 10**6], pa.int32()).cast(pa.date32()),
        "time": pa.array([0, 4 * 10**17], pa.timestamp("us")),
    }
    for name, column in strange.items():
        table = pa.Table.from_arrays([*base, column], names=["formula", "gap", name])
        content = parquet(tmp_path, table)
        for options in ({"columns": (name,)}, {"id": name}, {"target": name}):
            assert f"column {name!r} of type" in message(tmp_path, "t.parquet", content, **options)
        assert load(tmp_path, "t.parquet", content).target.tolist() == [1.0, 2.0]
    twice = pa.Table.from_arrays([*base, base[1]], names=["formula", "gap", "gap"])
    content = parquet(tmp_path, twice)
    assert "column 'gap' occurs twice" in message(tmp_path, "t.parquet", content)
    spare = pa.Table.from_arrays([*base, *base], names=["formula", "gap", "note", "note"])
    assert len(load(tmp_path, "t.parquet", parquet(tmp_path, spare))) == 2
    data = pa.table({"name": [b"a", b"b"], "formula": [b"C", b"Si"], "gap": [1, 2]})
    found = load(tmp_path, "t.parquet", parquet(tmp_path, data), id="name")
    assert found.materials.ids.tolist() == ["a", "b"]
    assert found.materials.formulas() == ["C", "Si"]


def test_the_decimal_sign_is_that_of_text(tmp_path: Path) -> None:
    rows = [{"formula": "C", "gap": "1,5", "x": "2,5"}, {"formula": "Si", "gap": 2.5, "x": 0.5}]
    data = load(tmp_path, "t.json", json.dumps(rows), decimal=",", columns=("x",))
    assert data.target.tolist() == [1.5, 2.5]
    assert data.columns["x"].tolist() == [2.5, 0.5]


def test_every_missing_column_is_reported_at_once(tmp_path: Path) -> None:
    text = "sample , composition,gap (eV)\na,C,1\n"
    with pytest.raises(DataError) as caught:
        load(tmp_path, "t.csv", text, id="sample", formula="composition")
    lines = str(caught.value).splitlines()
    assert [line.partition("no column ")[2].partition(" (it")[0] for line in lines] == [
        "'gap'; did you mean 'gap (eV)'?",
        "'sample'; did you mean 'sample '?",
        "'composition'; did you mean ' composition'?",
    ]


def test_columns_that_are_not_read_may_share_a_name(tmp_path: Path) -> None:
    assert len(load(tmp_path, "t.csv", "formula,gap,note,note\nC,1,a,b\n")) == 1


def test_the_first_line_of_excel_and_blanks_between_columns(tmp_path: Path) -> None:
    data = load(tmp_path, "t.csv", "sep=;\nformula;gap\nC;1,5\n")
    assert data.target.tolist() == [1.5]
    text = "formula gap\nC 1\n"
    assert "state what separates its columns" in message(tmp_path, "t.txt", text)
    assert load(tmp_path, "t.txt", text, separator=" ").target.tolist() == [1.0]


def test_a_formula_without_a_value_is_called_so_in_xlsx(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["formula", "gap", "x"], ["C", 1, "=1+1"], ["Si", "=1+1", 2], ["Ge", None, 3]):
        book.active.append(row)
    book.create_sheet("more")
    book.save(tmp_path / "x.xlsx")
    content = (tmp_path / "x.xlsx").read_bytes()
    lines = failed(tmp_path, "t.xlsx", content)
    assert "row 2: column 'gap' contains a formula without a stored value" in lines[0]
    assert "is empty" in lines[1]
    data = load(tmp_path, "t.xlsx", content, missing="drop", on_error="drop")
    assert data.target.tolist() == [1.0]
    assert data.reading.reasons() == {"that cannot be read": 1, "without a target": 1}
    assert "the file also has more" in data.reading.notes[0]


def test_a_column_of_text_is_no_target_in_one_line(tmp_path: Path) -> None:
    text = "formula,gap\nC,high\nSi,low\nGe,\n"
    assert "no row has a number in column 'gap'" in message(tmp_path, "t.csv", text)
    assert len(failed(tmp_path, "t.csv", text.replace("low", "1"))) == 3
    assert "'1,5'" in message(tmp_path, "t.csv", 'formula,gap\nC,"1,5"\nSi,"2,5"\n')
