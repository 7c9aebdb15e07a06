"""Feed what no honest user writes to every reader: only one-line errors may come back.

Inputs are drawn by hypothesis: a good text, cut, doubled, swapped and spiked with the words and
numbers that break parsers. What is accepted is no failure here; what it was read as is held to
figures in the tests of the readers.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from support import ROOT

from atlas_core.errors import AtlasError
from atlas_core.kinds.dataset import DataContext
from atlas_core.materials import Materials
from atlas_core.spec.load import load_plan, resolve_one
from atlas_reading.crystals import read_crystals
from atlas_registry.loading import Registry
from faults.campaign import Campaign, Tally

Attempt = Callable[[Path, bytes], None]
SPIKES = [
    *("", " ", "\n", "\r", "\t", "\x00", "\ufeff", "\u00a0", "'", '"', ";", ",", "|", "#"),
    *("?", ".", "<", "\\"),
    *("nan", "inf", "-inf", "1e400", "-1", "0", "1e-320", "9" * 40, "0x10", "1_000", "1,5", "True"),
    *("null", "None", "[]", "{}", "[[", "}}", "&a", "*a", "<<: *a", "!!python/object:os.system x"),
    *("../../x", "/etc/passwd", "~root", "C:\\x", "=1+1", "@x", "data_", "loop_", "_cell_length_a"),
    *("NaCl", "Fe2O3", "Xx", "Va", "NH4", "D2O", "CuSO4·5H2O", "CuSO4.5H2O", "((", "Na" * 500),
    *("\u2082", "\u0660", "caf\xe9", "\U0001f600", "\ud7ff", "F m -3 m", "P 1", "x,y,z", "1/0"),
]


@st.composite
def spoiled(draw: st.DrawFn, good: str) -> bytes:
    """Draw a text near a good one, as bytes."""
    text = good
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 7, 40, 400])))
        kind = draw(st.sampled_from(["spike", "cut", "double", "drop", "any", "line"]))
        if kind == "spike":
            text = text[:start] + draw(st.sampled_from(SPIKES)) + text[end:]
        elif kind == "cut":
            text = text[:start]
        elif kind == "double":
            text = text[:end] + text[start:end] + text[end:]
        elif kind == "drop":
            text = text[:start] + text[end:]
        elif kind == "any":
            text = text[:start] + draw(st.text(max_size=12)) + text[end:]
        else:
            lines = text.split("\n")
            one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[one], lines[other] = lines[other], lines[one]
            text = "\n".join(lines)
    content = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0 and content:  # now and then no text at all
        place = draw(st.integers(0, len(content) - 1))
        content = content[:place] + draw(st.binary(max_size=4)) + content[place + 1 :]
    return content


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(SPIKES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoiled_json(draw: st.DrawFn, good: str) -> bytes:
    """Draw JSON whose structure differs from a good one in a place or two, or spoiled text."""
    if draw(st.booleans()):
        return draw(spoiled(good))
    found = json.loads(good)
    for _ in range(draw(st.integers(1, 2))):
        at, key = found, None
        holder: Any = None
        for _ in range(draw(st.integers(1, 6))):
            if isinstance(at, dict) and at:
                holder, key = at, draw(st.sampled_from(sorted(at)))
            elif isinstance(at, list) and at:
                holder, key = at, draw(st.integers(0, len(at) - 1))
            else:
                break
            at = holder[key]
        if holder is not None and key is not None:
            if draw(st.integers(0, 3)) == 0:
                del holder[key]
            else:
                holder[key] = draw(JSON_VALUES)
    return json.dumps(found).encode()


def tried(
    strategy: st.SearchStrategy[bytes], attempt: Attempt, folder: Path, times: int, number: int
) -> Tally:
    """Try ``times`` inputs and return how many ended well or in one of our own errors."""
    failures: list[str] = []
    count = 0

    @seed(number)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def once(content: bytes) -> None:
        nonlocal count
        count += 1
        place = folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                attempt(place, content)
            except AtlasError as err:
                if not str(err).strip():
                    failures.append(f"an empty message for {content[:200]!r}")
            except Exception as err:  # what must not come
                failures.append(f"{type(err).__name__}: {str(err)[:120]} for {content[:300]!r}")

    once()
    return Tally(count, count - len(failures), tuple(failures))


def campaign(name: str, fault: str, full: int, good: str, attempt: Attempt, **how: Any) -> Campaign:
    """Return a campaign over inputs near ``good``."""
    draw = spoiled_json if how.get("as_json") else spoiled

    def run(folder: Path, times: int, rng: np.random.Generator) -> Tally:
        return tried(draw(good), attempt, folder, times, int(rng.integers(2**31)))

    return Campaign(name, fault, "input", "read, or refused in words", run, full, quick=25)


@functools.cache
def registry() -> Registry:
    """Return what is installed."""
    return Registry()


def load(place: Path, kind: str, *assignments: str) -> None:
    """Load a data set whose files lie in ``place``."""
    chosen = resolve_one("dataset", kind, list(assignments), registry())
    context = DataContext(place, place / "cache", place, offline=True)
    chosen.build().load(context)


def spec(place: Path, content: bytes) -> None:
    """Resolve a spec."""
    (place / "spec.yaml").write_bytes(content)
    load_plan(place / "spec.yaml", registry())


def cif(place: Path, content: bytes) -> None:
    """Read the crystals of a CIF file."""
    read_crystals(content, form="cif")


def formula(place: Path, content: bytes) -> None:
    """Parse a formula."""
    Materials.from_formulas(["1"], [content.decode("utf-8", "replace")]).formulas()


def table(ending: str, *options: str) -> Attempt:
    """Return an attempt at a table of formulas in a file with this ending."""

    def attempt(place: Path, content: bytes) -> None:
        (place / f"t{ending}").write_bytes(content)
        load(place, "table", f"path=t{ending}", "formula=formula", "target=gap", *options)

    return attempt


def id_prop(place: Path, content: bytes) -> None:
    """Load a folder of CIF files by its list."""
    for name in ("a", "b"):
        (place / f"{name}.cif").write_text(CIF, encoding="utf-8")
    (place / "id_prop.csv").write_bytes(content)
    load(place, "cif_folder", "path=.")


def matbench(task: str, ending: str = "gz") -> Attempt:
    """Return an attempt at the file of a Matbench task."""

    def attempt(place: Path, content: bytes) -> None:
        packed = bz2.compress(content, 1) if ending == "bz2" else gzip.compress(content, 1)
        (place / f"matbench_{task}.json.{ending}").write_bytes(packed)
        load(place, "matbench", f"task={task}")

    return attempt


CIF = """\
data_NaCl
_symmetry_space_group_name_H-M 'F m -3 m'
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_cell_volume 179.4
_cell_formula_units_Z 4
_chemical_formula_sum 'Na1 Cl1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1.0
Cl1 Cl 0.5 0.5 0.5 1.0
"""
CSV = "formula,gap\n" + "".join(f"Na{i}Cl{i + 1},{i * 0.5}\n" for i in range(1, 21))
RECORDS = json.dumps([{"formula": f"Na{i}Cl{i + 1}", "gap": i * 0.5} for i in range(1, 21)])
SPLIT = json.dumps(
    {"columns": ["formula", "gap"], "data": [[f"Na{i}Cl{i + 1}", i * 0.5] for i in range(1, 21)]}
)
LINES = "".join(f'{{"formula": "Na{i}Cl{i + 1}", "gap": {i * 0.5}}}\n' for i in range(1, 21))
SPEC = (ROOT / "specs/screening.yaml").read_text(encoding="utf-8")
STEELS = json.dumps(
    {
        "index": list(range(312)),
        "columns": ["composition", "yield strength"],
        "data": [[f"Fe{600 + i}Ni{i + 1}C0.5", 1000.0 + i] for i in range(312)],
    }
)
STEELS_BY_COLUMN = json.dumps(
    {
        name: {str(row): value for row, value in enumerate(values)}
        for name, values in {
            "mbid": [f"mb-steels-{row:03d}" for row in range(1, 313)],
            "composition": [f"Fe{600 + i}Ni{i + 1}C0.5" for i in range(312)],
            "yield strength": [1000.0 + i for i in range(312)],
            "spg_num": [225] * 312,
        }.items()
    }
)
CELL = {"matrix": [[3.0, 0, 0], [0, 3.0, 0], [0, 0, 20.0]]}
SITE = {"species": [{"element": "C", "occu": 1}], "abc": [0.0, 0.0, 0.5]}
JDFT2D = json.dumps(
    {
        "index": list(range(636)),
        "columns": ["structure", "exfoliation_en"],
        "data": [[{"lattice": CELL, "sites": [SITE]}, 10.0 + i] for i in range(636)],
    }
)


def parquet() -> str:
    """Return a small Parquet file as text of its bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = io.BytesIO()
    columns = {"formula": [f"Na{i}Cl{i + 1}" for i in range(1, 21)], "gap": np.arange(20) * 0.5}
    pq.write_table(pa.table(columns), body)
    return body.getvalue().decode("latin-1")


def xlsx() -> str:
    """Return a small workbook as text of its bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in [("formula", "gap"), *((f"Na{i}Cl{i + 1}", i * 0.5) for i in range(1, 21))]:
        book.active.append(row)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue().decode("latin-1")


def binary(name: str, fault: str, full: int, make: Callable[[], str], ending: str) -> Campaign:
    """Return a campaign over a binary file with bytes changed, cut or doubled."""
    attempt = table(ending)

    def run(folder: Path, times: int, rng: np.random.Generator) -> Tally:
        def unpacked(place: Path, content: bytes) -> None:
            attempt(place, content.decode("utf-8", "replace").encode("latin-1", "replace"))

        return tried(spoiled(make()), unpacked, folder, times, int(rng.integers(2**31)))

    return Campaign(name, fault, "input", "read, or refused in words", run, full, quick=25)


CAMPAIGNS: list[Campaign] = [
    campaign("fuzz_spec", "a spec is spoiled", 1200, SPEC, spec),
    campaign("fuzz_cif", "a CIF file is spoiled", 3000, CIF, cif),
    campaign("fuzz_formula", "a formula is spoiled", 2500, "Ca3(PO4)2·5H2O", formula),
    campaign("fuzz_csv", "a CSV table is spoiled", 1000, CSV, table(".csv")),
    campaign(
        "fuzz_records",
        "a JSON table of records is spoiled",
        500,
        RECORDS,
        table(".json"),
        as_json=True,
    ),
    campaign(
        "fuzz_split", "a JSON table of rows is spoiled", 500, SPLIT, table(".json"), as_json=True
    ),
    campaign("fuzz_lines", "a table of JSON lines is spoiled", 300, LINES, table(".jsonl")),
    binary("fuzz_parquet", "a Parquet table is spoiled", 400, parquet, ".parquet"),
    binary("fuzz_xlsx", "a workbook is spoiled", 200, xlsx, ".xlsx"),
    campaign("fuzz_id_prop", "an id_prop.csv is spoiled", 200, "a,1.5\nb,2.5\n", id_prop),
    campaign(
        "fuzz_matbench_formulas",
        "a Matbench file of formulas is spoiled",
        150,
        STEELS,
        matbench("steels"),
        as_json=True,
    ),
    campaign(
        "fuzz_matbench_columns",
        "a Matbench file of formulas by column is spoiled",
        100,
        STEELS_BY_COLUMN,
        matbench("steels", "bz2"),
        as_json=True,
    ),
    campaign(
        "fuzz_matbench_crystals",
        "a Matbench file of crystals is spoiled",
        50,
        JDFT2D,
        matbench("jdft2d"),
        as_json=True,
    ),
]
