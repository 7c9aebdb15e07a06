"""The library as a whole: what it imports of the core, and how light it is."""

from __future__ import annotations

import json
import subprocess
import sys

import atlas_reading
from atlas_core.installed import family, libraries
from atlas_registry.sources import packages_of


def test_the_library_is_part_of_the_code_of_every_plugin_that_requires_it() -> None:
    for plugin in ("atlas-materials-datasets", "atlas-materials-matbench"):
        assert family(plugin)[1:] == ("atlas-materials-reading", "atlas-materials-chemistry")
        assert {"pymatgen", "spglib"} <= set(libraries(plugin))
    assert packages_of("atlas-materials-reading") == {"atlas_reading"}
    names = {path.stem for path in atlas_reading.source_files()}
    assert {"crystals", "tables", "geometry", "cif"} <= names


def test_importing_the_readers_loads_no_heavy_library() -> None:
    heavy = ["pymatgen", "spglib", "scipy", "pyarrow", "openpyxl", "pandas"]
    code = "import sys, json, atlas_reading; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stdout)).intersection(heavy)
