"""Rebuild the embedded data sets from the source distribution matminer 0.3.2.

Run ``python rebuild.py`` in an environment with pip, setuptools, wheel, numpy, pymatgen and spglib:
it fetches the source distribution through pip, checks its sha256, writes ``atlas_datasets/data``
and prints the sha256 of each file, to be pinned as ``SHA256`` in the component's module.
``--sdist FILE`` uses a copy that is already there; ``--out DIR`` writes elsewhere.
The same source gives the same bytes: members are stored uncompressed, with a fixed date.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

SDIST = "matminer==0.3.2"
SDIST_SHA256 = "e7262c6fa1c5458e3b75c4ba3aff2ae7878b40307bbe01001844e95e9f586a9d"
SYMPREC = 0.1  # Å; as the Materials Project and Matbench do
SCALE = 1e8
OUT = Path(__file__).parent / "atlas_datasets" / "data"

Row = dict[str, str]


def _from_poscar(row: Row) -> Structure:
    return Structure.from_str(row["poscar"], fmt="poscar")


def _from_dict(row: Row) -> Structure:
    return Structure.from_dict(ast.literal_eval(row["structure"]))


@dataclass(frozen=True)
class Source:
    """Name a CSV of the source distribution, its numbers and how it writes crystals."""

    name: str
    csv: str
    properties: tuple[str, ...]
    structure: Callable[[Row], Structure]


SOURCES = (
    Source(
        "flla",
        "flla_2015.csv",
        ("formation_energy_per_atom", "e_above_hull"),
        _from_dict,
    ),
    Source(
        "elastic_tensor",
        "elastic_tensor.csv",
        ("K_VRH", "G_VRH", "elastic_anisotropy", "poisson_ratio"),
        _from_poscar,
    ),
    Source(
        "dielectric_constant",
        "dielectric_constant.csv",
        ("n", "band_gap", "poly_total", "poly_electronic"),
        _from_poscar,
    ),
    Source("piezoelectric_tensor", "piezoelectric_tensor.csv", ("eij_max",), _from_poscar),
)


def fetch(folder: Path) -> Path:
    """Download the source distribution with pip into ``folder``."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-binary", ":all:", "--dest", str(folder), SDIST]
    subprocess.run(command, check=True)
    (found,) = folder.glob("matminer-0.3.2*")
    return found


def read_sdist(path: Path) -> dict[str, bytes]:
    """Return the CSV files and the license by name, after the sha256 has been checked."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SDIST_SHA256:
        raise SystemExit(f"{path}: sha256 is {found}, expected {SDIST_SHA256}")
    wanted = {f"matminer-0.3.2/matminer/datasets/{source.csv}" for source in SOURCES}
    wanted.add("matminer-0.3.2/LICENSE")
    out = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if member.name in wanted and (file := archive.extractfile(member)) is not None:
                out[Path(member.name).name] = file.read()
    return out


def rows(content: bytes) -> Iterator[Row]:
    """Yield the rows of a CSV whose first line is a comment."""
    csv.field_size_limit(10**9)
    text = io.StringIO(content.decode("utf-8"), newline="")
    first = text.readline()
    if not first.startswith("#"):
        raise SystemExit("the CSV was expected to begin with a comment line")
    lines = csv.reader(text)
    header = next(lines)
    for line in lines:
        # two of the files have an unnamed first column that counts the rows
        yield dict(zip(header, line[-len(header) :], strict=True))


def whole(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return coordinates as whole numbers of 1e-8 (int32 where they fit)."""
    flat = np.rint(np.concatenate(values) * SCALE).astype(np.int64)
    return flat.astype(np.int32) if np.abs(flat).max() < 2**31 else flat


def table(source: Source, content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of one data set, in the order of the CSV."""
    ids, numbers, frac, lattice, groups = [], [], [], [], []
    properties: dict[str, list[float]] = {name: [] for name in source.properties}
    for row in rows(content):
        structure = source.structure(row)
        if not structure.is_ordered:
            raise SystemExit(f"{source.csv}: {row['material_id']} is disordered")
        ids.append(row["material_id"])
        numbers.append(np.array([site.specie.Z for site in structure], dtype=np.uint8))
        frac.append(np.asarray(structure.frac_coords))
        lattice.append(np.asarray(structure.lattice.matrix)[None])
        stated = row.get("space_group") or ""
        groups.append(
            int(float(stated))
            if stated
            else SpacegroupAnalyzer(structure, symprec=SYMPREC).get_space_group_number()
        )
        for name, values in properties.items():
            values.append(float(row[name]))
    if len(set(ids)) != len(ids):
        raise SystemExit(f"{source.csv}: a material_id occurs twice")
    arrays = {
        "ids": np.array(ids, dtype=np.bytes_),
        "counts": np.array([len(z) for z in numbers], dtype=np.uint16),
        "numbers": np.concatenate(numbers),
        "frac": whole(frac),
        "lattice": whole(lattice),
        "space_group": np.array(groups, dtype=np.uint8),
    }
    return arrays | {f"property_{name}": np.array(v) for name, v in properties.items()}


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """Return an ``.npz`` whose bytes depend on the arrays alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, values, version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(info, member.getvalue())
    return out.getvalue()


def main() -> None:
    """Write all files and print their sha256."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdist", type=Path, help="a copy of the source distribution")
    parser.add_argument("--out", type=Path, default=OUT, help="where the files go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        content = read_sdist(options.sdist or fetch(Path(folder)))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "LICENSE-matminer.txt").write_bytes(content["LICENSE"])
    for source in SOURCES:
        packed = pack(table(source, content[source.csv]))
        (options.out / f"{source.name}.npz").write_bytes(packed)
        print(f"{hashlib.sha256(packed).hexdigest()}  {source.name}.npz  {len(packed)} bytes")


if __name__ == "__main__":
    main()
