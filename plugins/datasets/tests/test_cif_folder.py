"""Folders of CIF files: order kept, and a line that names the file that is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas_core.api import DataContext, DataError, Dataset
from atlas_datasets.cif_folder import CifFolder
from atlas_datasets.hooks import CifFolderConfig
from atlas_reading import structure_of

core = pytest.importorskip("pymatgen.core")


def crystal(element: str, a: float) -> Any:
    return core.Structure.from_spacegroup("Fm-3m", core.Lattice.cubic(a), [element], [[0, 0, 0]])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    crystal("Cu", 3.61).to(filename=str(root / "cu.cif"))
    crystal("Al", 4.05).to(filename=str(root / "al.cif"))
    (root / "id_prop.csv").write_text("cu,1.5\nal, -2e-3\n")
    return root


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "metals")


def load(folder: Path, **options: Any) -> Dataset:
    source = CifFolder(CifFolderConfig(path="metals", **options))
    return source.load(DataContext(None, folder, folder.parent))


def message(folder: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, **options)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "")


def test_rows_follow_id_prop_and_equal_pymatgen(folder: Path) -> None:
    data = load(folder, target="energy", unit="eV")
    assert data.materials.ids.tolist() == ["cu", "al"]
    assert data.target.tolist() == [1.5, -0.002]
    assert (data.name, data.target_name, data.unit) == ("metals", "energy", "eV")
    expected = core.Structure.from_file(folder / "al.cif")
    found = structure_of(data.materials, 1)
    assert np.array_equal(found.frac_coords, expected.frac_coords)
    assert np.array_equal(found.lattice.matrix, expected.lattice.matrix)


def test_the_hash_covers_the_cif_files(folder: Path) -> None:
    before = load(folder).sha256
    crystal("Al", 4.06).to(filename=str(folder / "al.cif"))
    assert load(folder).sha256 != before


def test_a_listed_id_without_cif_is_named(folder: Path) -> None:
    (folder / "al.cif").unlink()
    assert message(folder).startswith("/id_prop.csv: row 2, id al: al.cif is missing")


def test_a_cif_that_does_not_parse_is_named(folder: Path) -> None:
    (folder / "al.cif").write_text("data_al\n_cell_length_a 4.05\n")
    assert message(folder).startswith("/id_prop.csv: row 2, id al: al.cif: no crystal in this CIF")
    (folder / "al.cif").write_text("hello")
    assert message(folder).startswith("/id_prop.csv: row 2, id al: al.cif: line 1: 'hello'")


def test_a_cif_with_an_unknown_element_is_named(folder: Path) -> None:
    text = (folder / "al.cif").read_text()
    (folder / "al.cif").write_text(text.replace("Al", "Xx"))
    text = message(folder)
    assert text.startswith("/id_prop.csv: row 2, id al: al.cif: ")
    assert "'Xx" in text


def test_a_disordered_cif_is_named(folder: Path) -> None:
    alloy = core.Structure(core.Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    alloy.to(filename=str(folder / "al.cif"))
    text = message(folder)
    assert text.startswith("/id_prop.csv: row 2, id al: al.cif: ")
    assert "order" in text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "/id_prop.csv: the file is empty"),
        ("cu,1\ncu,2\n", "/id_prop.csv: row 2, id cu: duplicate id, also in row 1"),
        ("id,target\ncu,1\n", "/id_prop.csv: the first row, id,target, looks like a header"),
        ("cu\n", "/id_prop.csv: row 1: expected 2 columns, found 1"),
        ("cu,-inf\n", "/id_prop.csv: row 1, id cu: target 'target' is -inf"),
        ("c" * 200_000 + ",1\n", f"{'c' * 60}...: {'c' * 60}....cif is missing"),
        ("cu,5_000\n", "/id_prop.csv: row 1, id cu: target 'target' is '5_000', not a number"),
        ("cu,\n", "/id_prop.csv: row 1, id cu: target 'target' is empty"),
        (f"{'x' * 300},1\n", f": {'x' * 60}....cif is missing"),
        ("c\0u,1\n", "/id_prop.csv: row 1, id c\\x00u: c\x00u.cif is missing"),
        ("cu,nan\n", "/id_prop.csv: row 1, id cu: target 'target' is nan"),
        ("../cu,1\n", "/id_prop.csv: row 1, id ../cu: an id must be a file name without folders"),
    ],
)
def test_a_bad_listing_gets_one_line(folder: Path, content: str, expected: str) -> None:
    (folder / "id_prop.csv").write_text(content)
    assert expected in message(folder)


def test_missing_listing_and_missing_folder_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "id_prop.csv").unlink()
    assert message(folder).startswith("/id_prop.csv: missing;")
    source = CifFolder(CifFolderConfig(path="metals/cu.cif"))
    with pytest.raises(DataError, match=r"metals/cu\.cif: a file; give the folder"):
        source.load(DataContext(None, tmp_path, tmp_path))
    source = CifFolder(CifFolderConfig(path="nowhere"))
    with pytest.raises(DataError, match="nowhere: no such folder"):
        source.load(DataContext(None, tmp_path, tmp_path))


def test_a_header_an_id_with_suffix_and_an_unlisted_file_are_reported(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        crystal("Cu", 3.61).to(filename=str(tmp_path / f"{name}.cif"))
    listing = tmp_path / "id_prop.csv"
    source = CifFolder(CifFolderConfig(path=str(tmp_path)))
    context = DataContext(None, tmp_path, tmp_path)
    listing.write_text("id,target\na,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="the first row, id,target, looks like a header"):
        source.load(context)
    listing.write_text("a.cif,1\nb.cif,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"is missing; write ids without \.cif"):
        source.load(context)
    listing.write_text("a,1\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="2 CIF files are in no row .* left out: b, c"):
        assert len(source.load(context)) == 1


def test_all_bad_rows_of_a_folder_are_reported_at_once_or_dropped(folder: Path) -> None:
    (folder / "bad.cif").write_text("data_bad\n")
    (folder / "id_prop.csv").write_text("cu,1\nbad,2\nnone,3\nal,\nal,n/a\nal,two\nal,5\nx,1,2\n")
    with pytest.raises(DataError) as caught:
        load(folder)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1].split(",")[0] for line in lines[:-1]] == [
        f"row {n}" for n in range(2, 9)
    ]
    assert "bad.cif" in lines[0]
    assert "none.cif is missing" in lines[1]
    assert "7 of 8 rows" in lines[-1]
    data = load(folder, on_error="drop", missing="drop")
    assert data.materials.ids.tolist() == ["cu", "al"]
    assert data.target.tolist() == [1.0, 5.0]
    assert data.reading.rows == 8
    assert len(data.reading.dropped) == 6


def test_any_case_of_the_ending_and_other_separators_are_read(folder: Path) -> None:
    (folder / "al.cif").rename(folder / "al.CIF")
    (folder / "id_prop.csv").write_text("cu;1,5\nal;-2,25\n")
    data = load(folder)
    assert data.target.tolist() == [1.5, -2.25]
    assert len(data.reading.notes) == 2
    (folder / "al.cif").write_bytes((folder / "al.CIF").read_bytes())
    if len(list(folder.glob("al.*"))) == 2:  # where the file system tells the cases apart
        assert "al.CIF and al.cif have this id" in message(folder)
