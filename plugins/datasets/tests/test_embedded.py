"""The embedded data sets against published figures, their source and damage."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atlas_core.api import Component, DataContext, DataError, Dataset
from atlas_core.testing import find_component
from atlas_reading import structure_of

# figures of the data README: rows, mean, std (n - 1), mean absolute deviation
PUBLISHED = {
    "flla": (3938, -1.2580, 1.0673, 0.8973),
    "elastic_tensor": (1181, 136.26, 72.89, 60.05),
    "dielectric_constant": (1056, 2.4349, 1.1488, 0.7009),
    "piezoelectric_tensor": (941, 0.7629, 2.3063, 0.8233),
}
CSV = {"flla": "flla_2015"}


def component(name: str) -> Component:
    return find_component(name, "dataset")[0]


def load(name: str, **options: object) -> Dataset:
    found = component(name)
    context = DataContext(None, Path("unused"), Path(), offline=True)
    return found.build(found.config(**options)).load(context)


def source(name: str) -> Path:
    starts = [Path(p) for p in (os.environ.get("ATLAS_DATA"),) if p]
    starts += [folder.parent / "shared/data" for folder in Path(__file__).resolve().parents[2:4]]
    for start in starts:
        for folder in (start, start / "matminer_2018", start.parent / "matminer_2018"):
            if (file := folder / f"{CSV.get(name, name)}.csv.gz").is_file():
                return file
    pytest.skip("the CSV files of matminer 0.3.2 are not beside the repository")


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows_and_target_statistics_are_the_published_ones(name: str) -> None:
    data = load(name)
    rows, mean, std, deviation = PUBLISHED[name]
    assert len(data) == rows
    assert data.target.mean() == pytest.approx(mean, rel=1e-4)
    assert data.target.std(ddof=1) == pytest.approx(std, rel=1e-4)
    assert np.abs(data.target - data.target.mean()).mean() == pytest.approx(deviation, rel=1e-4)
    assert data.provenance == "embedded"
    assert data.materials.has_structure
    assert any("doi:" in text for text in data.citation)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_row_has_the_targets_and_sites_of_the_source(name: str) -> None:
    pandas = pytest.importorskip("pandas")
    core = pytest.importorskip("pymatgen.core")
    table = pandas.read_csv(source(name), comment="#", float_precision="round_trip")
    data = load(name)
    assert data.materials.ids.tolist() == table["material_id"].tolist()
    assert np.array_equal(data.target, table[data.target_name])
    if "space_group" in table:
        assert np.array_equal(data.columns["space_group"], table["space_group"])
    rows = np.random.default_rng(0).choice(len(table), 25, replace=False)
    for row in rows:
        if name == "flla":
            expected = core.Structure.from_dict(ast.literal_eval(table["structure"][row]))
        else:
            expected = core.Structure.from_str(table["poscar"][row], fmt="poscar")
        found = structure_of(data.materials, int(row))
        assert [s.specie.Z for s in found] == [s.specie.Z for s in expected]
        assert np.abs(found.frac_coords - expected.frac_coords).max() < 1e-12
        assert np.abs(found.lattice.matrix - expected.lattice.matrix).max() < 1e-12


def test_space_groups_and_crystal_systems_agree_with_spglib() -> None:
    symmetry = pytest.importorskip("pymatgen.symmetry.analyzer")
    data = load("flla")
    for row in range(0, len(data), 500):
        found = symmetry.SpacegroupAnalyzer(structure_of(data.materials, row), symprec=0.1)
        assert data.columns["space_group"][row] == found.get_space_group_number()
        assert data.columns["crystal_system"][row] == found.get_crystal_system()


def test_the_logarithm_of_a_modulus_is_decimal() -> None:
    plain, log = load("elastic_tensor"), load("elastic_tensor", target="log10_K_VRH")
    assert np.allclose(10**log.target, plain.target)
    assert (plain.unit, log.unit) == ("GPa", "log10(GPa)")


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_column_is_a_computed_property_that_would_give_the_target_away(name: str) -> None:
    # the refractive index is the root of a stored dielectric constant
    columns = load(name).columns
    assert sorted(columns) == ["crystal_system", "formula", "nsites", "space_group"]


def test_every_target_option_loads() -> None:
    for name in PUBLISHED:
        found = component(name)
        for target in found.config.model_json_schema()["properties"]["target"].get(
            "enum", [found.config().target]
        ):
            data = load(name, target=target)
            assert data.target_name == target
            assert len(np.unique(data.target)) > 100


def test_a_changed_file_is_refused() -> None:
    found = component("flla")
    loader = replace(found.build(found.config()), sha256="0" * 64)
    with pytest.raises(DataError, match=r"flla: .*flla\.npz is damaged or changed \(sha256 919f"):
        loader.load(DataContext(None, Path("unused"), Path()))


def test_embedded_files_are_small_and_come_with_license_and_citations() -> None:
    folder = Path(__file__).parents[1] / "atlas_datasets" / "data"
    for name in PUBLISHED:
        assert (folder / f"{name}.npz").stat().st_size <= 2_000_000
        assert f"`{name}.npz`" in (folder / "CITATIONS.md").read_text()
    assert "Lawrence Berkeley" in (folder / "LICENSE-matminer.txt").read_text()


def test_loading_imports_no_heavy_package() -> None:
    code = (
        "import sys; from pathlib import Path; from atlas_core.api import DataContext;"
        "import atlas_datasets.flla, atlas_datasets.table, atlas_datasets.cif_folder;"
        "import atlas_datasets.hooks as m;"
        "atlas_datasets.flla.flla(m.FllaConfig()).load(DataContext(None, Path('x'), Path('.')));"
        "bad = {'pandas', 'pyarrow', 'pymatgen', 'torch', 'sklearn', 'scipy'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_packing_the_same_arrays_gives_the_pinned_bytes() -> None:
    import hashlib
    import importlib.util

    pytest.importorskip("pymatgen.symmetry.analyzer")
    spec = importlib.util.spec_from_file_location(
        "rebuild", Path(__file__).parents[1] / "rebuild.py"
    )
    assert spec is not None
    assert spec.loader is not None
    rebuild = importlib.util.module_from_spec(spec)
    sys.modules["rebuild"] = rebuild
    spec.loader.exec_module(rebuild)
    del sys.modules["rebuild"]
    for name in PUBLISHED:
        file = Path(__file__).parents[1] / "atlas_datasets" / "data" / f"{name}.npz"
        with np.load(file, allow_pickle=False) as archive:
            packed = rebuild.pack({key: archive[key] for key in archive.files})
        found = component(name)
        assert hashlib.sha256(packed).hexdigest() == found.build(found.config()).sha256
