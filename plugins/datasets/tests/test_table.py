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
from atlas_datasets.table import TableConfig, build, gives

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
    return build(config).load(DataContext(None, folder, folder))


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


def test_codes_with_an_underscore_are_no_numbers_in_metadata(tmp_path: Path) -> None:
    text = CSV.replace(",7", ",1_2").replace(",8", ",12")
    data = load(tmp_path, "t.csv", text, columns=("group",))
    assert data.columns["group"].tolist() == ["1_2", "12", "9"]


def test_rows_without_id_column_are_numbered(tmp_path: Path) -> None:
    assert load(tmp_path, "t.csv", CSV).materials.ids.tolist() == ["1", "2", "3"]


def test_structures_are_recognised_by_their_content(tmp_path: Path) -> None:
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
        found = data.materials.structure(row)
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
    assert data.materials.structure(1).lattice.a == 3


def test_parquet_with_a_short_coordinate_list_names_row_and_id(tmp_path: Path) -> None:
    content = parquet(tmp_path, sites(frac_coords=[[0, 0, 0], [0.25, 0, 0]]))
    text = message(tmp_path, "t.parquet", content, id="mbid", structure="numbers")
    assert text == ": row 1, id x: column 'frac_coords' does not hold 3 numbers a site"
    content = parquet(tmp_path, sites(numbers=[[11, 0], [6]]))
    text = message(tmp_path, "t.parquet", content, id="mbid", structure="numbers")
    assert text == ": material x: atomic number out of 1..118"


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
        (CSV.replace("NaN", ""), {"id": "name"}, ": row 1, id a: formula '': no element in it"),
        (CSV.replace(",8", ",8,extra"), {}, ": cannot be read (CSV parse error"),
        (CSV.replace("name", "gap"), {}, ": column 'gap' stands twice in the header"),
        (CSV, {"task": "binary"}, ": row 1, id 1: target 'gap' is '1.5'; expected true/false"),
        (CSV, {"structure": "formula"}, ": row 1, id 1: the structure cannot be read as POSCAR"),
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
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:30], ": damaged or cut short ("),
        ("t.csv", b"formula,gap\n\xff\xfe,1\n", ": cannot be read ("),
        ("t.csv", b"x" * 200_000 + b",gap\n1,2\n", ": cannot be read (field larger than field"),
        ("t.xlsx", b"PK", ": unknown format; expected .csv, .json or .parquet"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, file: str, content: bytes, expected: str) -> None:
    assert expected in message(tmp_path, file, content)


def test_json_that_is_nested_too_deeply_is_named(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert message(tmp_path, "t.json", deep) == ": cannot be read (nested too deeply)"


def test_a_folder_in_place_of_the_file_is_called_one(tmp_path: Path) -> None:
    source = build(TableConfig(path=".", target="gap", formula="formula"))
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
    source = build(TableConfig(path=path, target="gap", formula="formula"))
    with pytest.raises(DataError) as caught:
        source.load(DataContext(None, tmp_path, tmp_path))
    assert str(caught.value) == expected


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    source = build(TableConfig(path="none.csv", target="gap", formula="formula"))
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
        "from atlas_datasets.table import TableConfig, build; folder = Path(sys.argv[1]);"
        "config = TableConfig(path='t.json', target='gap', structure='crystal');"
        "data = build(config).load(DataContext(None, folder, folder));"
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
        "empty": ({}, "no pymatgen dict of a crystal (KeyError: 'lattice')"),
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
    assert text.startswith(": row 1, id deep: the structure cannot be read as pymatgen dict (")


def test_a_disordered_site_is_refused_with_row_and_id(tmp_path: Path) -> None:
    alloy = pymatgen.Structure(pymatgen.Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    content = json.dumps([{"n": "q", "gap": 1, "crystal": json.loads(json.dumps(alloy.as_dict()))}])
    text = message(tmp_path, "t.json", content, id="n", structure="crystal")
    assert text == ": row 1, id q: site occupancy is disordered; order the structure first"


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
    assert gives(formula) == {"inputs:composition", "task:regression"}
    assert gives(crystal) == {"inputs:composition", "inputs:structure", "task:binary"}
    with pytest.raises(ValidationError, match="either the formula or the structure"):
        TableConfig(path="t.csv", target="y")


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
    source = build(TableConfig(path="t.parquet", target="gap", structure="numbers"))
    with pytest.raises(DataError, match="row 1, id 1: "):
        source.load(DataContext(None, tmp_path, tmp_path))


def test_a_slab_in_vacuum_is_read_and_named(tmp_path: Path) -> None:
    slab: dict[str, Any] = json.loads(json.dumps(NACL.as_dict()))
    slab["lattice"]["matrix"] = [[4, 0, 0], [0, 4, 0], [0, 0, 40]]
    content = json.dumps([{"gap": 1, "crystal": NACL.as_dict()}, {"gap": 1, "crystal": slab}])
    with pytest.warns(UserWarning, match="1 crystal: .*vacuum.*: 2$"):
        assert len(load(tmp_path, "t.json", content, structure="crystal")) == 2
