"""Every data set comes back from its exported file: the same materials, the same targets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from atlas_core.api import DataContext, DataError, Dataset, Materials
from atlas_core.spec.load import resolve_one
from atlas_datasets.bulk_file import write_bulk
from atlas_registry.loading import Registry


def load(name: str, folder: Path, options: Mapping[str, Any]) -> Dataset:
    settings = [f"{key}={json.dumps(value)}" for key, value in options.items()]
    source = resolve_one("dataset", name, settings, Registry()).build()
    data = source.load(DataContext(None, folder / "cache", folder))
    assert isinstance(data, Dataset)
    return data


def formulas(texts: list[str], **changes: Any) -> Dataset:
    data = Dataset(
        materials=Materials.from_formulas([f"m{i}" for i in range(len(texts))], texts),
        target=np.linspace(0.1, 0.7, len(texts)),
        target_name="gap",
        unit="eV",
        task="regression",
        name="made",
        license="CC0",
        citation=("A paper", "Another"),
        sha256="00",
        provenance="user",
    )
    return replace(data, **changes)


def atlas(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atlas_core.cli", *args, "--cache-dir", str(folder / "cache")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_unknown_data_set_names_the_closest(tmp_path: Path) -> None:
    done = atlas(tmp_path, "datasets", "show", "fla")
    assert done.stderr.startswith(
        "error: command line: unknown dataset 'fla', did you mean 'flla'?"
    )


def test_crystals_come_back_to_the_last_bit(tmp_path: Path) -> None:
    data = load("flla", tmp_path, {})
    back = load("table", tmp_path, write_bulk(tmp_path / "flla.parquet", data))
    for name, values in data.materials.to_arrays().items():
        np.testing.assert_array_equal(back.materials.to_arrays()[name], values)
    np.testing.assert_array_equal(back.target, data.target)
    assert (back.unit, back.license, back.citation) == (data.unit, data.license, data.citation)


def test_the_file_says_what_it_holds_and_is_the_same_each_time(tmp_path: Path) -> None:
    data = load("flla", tmp_path, {})
    write_bulk(tmp_path / "a.parquet", data)
    write_bulk(tmp_path / "b.parquet", data)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    about = json.loads(schema.metadata[b"atlas"])
    assert about["target"] == "formation_energy_per_atom"
    assert about["unit"] == "eV/atom"
    assert about["provenance"] == "embedded"
    assert about["sha256"] == data.sha256
    assert about["citation"] == list(data.citation)
    assert str(schema.field("numbers").type.value_type) == "uint8"
    assert str(schema.field("frac_coords").type.value_type) == "double"


def test_coordinates_that_are_single_precision_are_kept_so_and_exact(tmp_path: Path) -> None:
    data = load("flla", tmp_path, {}).take(np.arange(20))
    materials = data.materials
    assert materials.frac is not None
    frac = materials.frac.astype(np.float32).astype(np.float64)
    rounded = replace(data, materials=replace(materials, frac=frac))
    back = load("table", tmp_path, write_bulk(tmp_path / "a.parquet", rounded))
    assert back.materials.frac is not None
    np.testing.assert_array_equal(back.materials.frac, frac)
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    assert str(schema.field("frac_coords").type.value_type) == "float"
    assert str(schema.field("lattice").type.value_type) == "double"


def test_formulas_come_back_with_their_amounts(tmp_path: Path) -> None:
    odd = ["NaCl", "Fe0.1C0.2O0.30000000000000004", "H3000000O", "Nb0.00001Ti0.3333333333333333"]
    data = formulas(odd)
    options = write_bulk(tmp_path / "made.parquet", data)
    assert options["formula"] == "formula"
    back = load("table", tmp_path, options)
    for name in ("ids", "offsets", "numbers", "amounts"):
        np.testing.assert_array_equal(
            back.materials.to_arrays()[name], data.materials.to_arrays()[name]
        )
    np.testing.assert_array_equal(back.target, data.target)


def test_a_binary_target_and_columns_with_names_of_the_format_are_kept(tmp_path: Path) -> None:
    data = formulas(
        ["NaCl", "Fe2O3"],
        task="binary",
        target=np.array([0.0, 1.0]),
        columns={"formula": np.array(["x", "y"]), "year": np.array([1999, 2001])},
    )
    options = write_bulk(tmp_path / "made.parquet", data)
    back = load("table", tmp_path, options | {"columns": ["formula_2", "year"]})
    assert back.task == "binary"
    assert back.target.tolist() == [0.0, 1.0]
    assert back.columns["formula_2"].tolist() == ["x", "y"]
    assert back.columns["year"].tolist() == [1999, 2001]


def test_a_target_with_a_name_of_the_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="target 'lattice' has the name of a column of the format"):
        write_bulk(tmp_path / "x.parquet", formulas(["NaCl"], target_name="lattice"))
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_how_to_read_and_overwrites_only_with_force(tmp_path: Path) -> None:
    args = ("datasets", "export", "flla", "--set", "target=e_above_hull", "--out", "f.parquet")
    done = atlas(tmp_path, *args, "--json")
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    assert reported["rows"] == 3938
    back = load("table", tmp_path, reported["dataset"]["options"])
    assert back.target_name == "e_above_hull"
    again = atlas(tmp_path, *args)
    assert again.returncode == 2
    assert again.stderr == (
        "error: --out f.parquet: the file is there already; --force overwrites it\n"
    )
    forced = atlas(tmp_path, *args, "--force")
    assert forced.returncode == 0
    assert "use: table" in forced.stdout
    assert "MB; a spec in this folder reads it with" in forced.stdout.splitlines()[0]
    assert 'path: "f.parquet"' in forced.stdout
    elsewhere = atlas(tmp_path, *args[:-1], str(tmp_path / "g.parquet"))
    assert "MB; a spec reads it with" in elsewhere.stdout.splitlines()[0]
    assert f'path: "{tmp_path}/g.parquet"' in elsewhere.stdout


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("flla", "--out", "f.csv"), "--out f.csv: expected a name that ends in .parquet"),
        (("fila", "--out", "f.parquet"), "did you mean 'flla'"),
        (("flla", "--out", "no/f.parquet/"), "cannot be written: a file is where a folder"),
    ],
)
def test_a_wrong_command_is_one_line(tmp_path: Path, args: tuple[str, ...], expected: str) -> None:
    (tmp_path / "no").write_text("a file")
    done = atlas(tmp_path, "datasets", "export", *args)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert expected in done.stderr
