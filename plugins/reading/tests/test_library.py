"""The library as a whole: what it imports of the core, and how light it is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import atlas_reading
from atlas_core.kinds.dataset import MADE_BY


def test_whatever_the_readers_import_from_the_core_is_part_of_the_hash_of_a_cached_reading() -> (
    None
):
    imported = {
        node.module.partition(".")[2]
        for path in atlas_reading.source_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and "atlas_core" in node.module
    }
    assert "periodic_table" in imported
    # what stands on no file that is kept: errors, and the form of a batch of candidates
    assert imported - set(MADE_BY) == {"errors", "kinds.dataset"}
    names = {path.stem for path in atlas_reading.source_files()}
    assert {"crystals", "tables", "geometry", "cif"} <= names


def test_importing_the_readers_loads_no_heavy_library() -> None:
    heavy = ["pymatgen", "spglib", "scipy", "pyarrow", "openpyxl", "pandas"]
    code = "import sys, json, atlas_reading; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)).intersection(heavy)
