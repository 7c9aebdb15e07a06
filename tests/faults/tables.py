"""Change tables, lists and formulas at random: all are read, or refused in words of ATLAS."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from atlas_core.api import AtlasError, DataContext, parse_formula
from atlas_core.candidates import open_candidates
from atlas_matbench.matbench import MatbenchConfig
from atlas_matbench.matbench import build as build_matbench
from atlas_matbench.matbench import contract_options as matbench_file
from faults.campaign import Campaign, Tally

_ROWS = [("NaCl", 1.5, "a"), ("Ca3(PO4)2", -2.0, "b"), ("CuSO4·5H2O", 3e-4, "c")]
_TEXT = {
    "t.csv": "formula,y,id\n" + "".join(f"{f},{y},{i}\n" for f, y, i in _ROWS),
    "u.csv": "formula;y;id\n"
    + "".join(f"{f};{str(y).replace('.', ',')};{i}\n" for f, y, i in _ROWS),
    "t.json": json.dumps([{"formula": f, "y": y, "id": i} for f, y, i in _ROWS]),
    "u.json": json.dumps({"columns": ["formula", "y", "id"], "data": [list(r) for r in _ROWS]}),
    "v.json": json.dumps({i: {"formula": f, "y": y, "id": i} for f, y, i in _ROWS}),
    "t.jsonl": "".join(json.dumps({"formula": f, "y": y, "id": i}) + "\n" for f, y, i in _ROWS),
}
_WORDS = [
    *("", ",", ";", "\t", '"', "\n", "\r", "\0", "[", "]", "{", "}", ":", "null", "true", "1e999"),
    *("NaN", "-", "=1", "\ufeff", "é", "\ud7ff", ".5H2O", "·", "0", "[1]", '{"a": 1}', "9" * 400),
]
_SIGNS = [*"NaClCuSO4·*.5H2O()[]{}0123456789eE+-½₂²xδ \u00a0\u200b/", "1e400", "(" * 30]


def _pick(items: list[str], rng: np.random.Generator) -> str:
    return items[int(rng.integers(len(items)))]


def _hurt(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut, double, overwrite or insert at a random place."""
    at, way = int(rng.integers(len(content) + 1)), int(rng.integers(5))
    word = _pick(_WORDS, rng).encode()
    if way == 0:
        return content[:at]
    if way == 1:
        return content[:at] + bytes([int(rng.integers(256))]) + content[at + 1 :]
    if way == 2:
        return content[:at] + content[at // 2 :]
    return content[:at] + word + content[at + (way == 3) * len(word) :]


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = io.BytesIO()
    formulas, y, ids = zip(*_ROWS, strict=True)
    pq.write_table(pa.table({"formula": formulas, "y": y, "id": ids}), body)
    return body.getvalue()


def _tried(faults: int, attempt: Callable[[int], object]) -> Tally:
    failures = []
    for fault in range(faults):
        try:
            attempt(fault)
        except AtlasError:
            continue
        except Exception as err:
            failures.append(f"fault {fault}: {type(err).__name__}: {str(err)[:200]}")
    return Tally(faults, faults - len(failures), tuple(failures))


def hurt_tables(folder: Path, faults: int, rng: np.random.Generator) -> Tally:
    """Read changed tables as data set, as folder listing and as candidates."""
    from atlas_datasets.cif_folder import CifFolderConfig, contract_options
    from atlas_datasets.cif_folder import build as build_folder
    from atlas_datasets.table import TableConfig
    from atlas_datasets.table import build as build_table

    contract_options(folder)
    listing = folder / "crystals" / "id_prop.csv"
    files = {name: text.encode() for name, text in _TEXT.items()}
    files |= {"t.parquet": _parquet(), "id_prop.csv": listing.read_bytes()}
    context = DataContext(None, folder, folder)

    def attempt(fault: int) -> None:
        name = list(files)[fault % len(files)]
        content = files[name]
        for _ in range(int(rng.integers(1, 4))):
            content = _hurt(content, rng)
        drop = {"on_error": "drop", "missing": "drop"} if rng.random() < 0.5 else {}
        if name == "id_prop.csv":
            listing.write_bytes(content)
            build_folder(CifFolderConfig(path="crystals", **drop)).load(context)
            return
        (folder / name).write_bytes(content)
        if rng.random() < 0.5:
            for batch in open_candidates(folder / name).batches(2):
                batch.materials.formulas()
            return
        config = TableConfig(path=name, formula="formula", target="y", **drop)
        data = build_table(config).load(context)
        data.materials.written()

    return _tried(faults, attempt)


def hurt_matbench(folder: Path, faults: int, rng: np.random.Generator) -> Tally:
    """Read changed Matbench files."""
    matbench_file(folder)
    path = folder / "matbench_steels.json.gz"
    good = gzip.decompress(path.read_bytes())
    source = build_matbench(MatbenchConfig(task="steels"))

    def attempt(_fault: int) -> None:
        path.write_bytes(gzip.compress(_hurt(good, rng), 1))
        source.load(DataContext(folder, folder / "cache", folder, offline=True))

    return _tried(faults, attempt)


def hurt_formulas(_folder: Path, faults: int, rng: np.random.Generator) -> Tally:
    """Parse texts of signs that formulas are made of; only ValueErrors may refuse them."""

    def attempt(_fault: int) -> None:
        text = "".join(_pick(_SIGNS, rng) for _ in range(int(rng.integers(1, 14))))
        try:
            amounts = parse_formula(text)
        except ValueError:
            return
        if not all(0 < amount < np.inf for amount in amounts.values()):
            raise AssertionError(f"{text!r}: {amounts}")

    return _tried(faults, attempt)


_BAR = "read, or refused with an error of ATLAS's own"
CAMPAIGNS = [
    Campaign(
        name="hurt_tables",
        fault="bytes and words of tables (CSV, JSON, Parquet, id_prop.csv) that do not belong",
        kind="input",
        bar=_BAR,
        run=hurt_tables,
        full=4000,
        quick=240,
    ),
    Campaign(
        name="hurt_matbench",
        fault="bytes and words of a Matbench file that do not belong there",
        kind="input",
        bar=_BAR,
        run=hurt_matbench,
        full=400,
        quick=12,
    ),
    Campaign(
        name="hurt_formulas",
        fault="formulas of random signs",
        kind="input",
        bar="read with positive amounts, or refused",
        run=hurt_formulas,
        full=20000,
        quick=2000,
    ),
]
