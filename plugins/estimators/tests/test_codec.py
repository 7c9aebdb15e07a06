"""The library is found by name, says nothing of plugins and is light until an estimator comes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points

from atlas_core.installed import family


def test_every_family_that_keeps_estimators_counts_with_it() -> None:
    for plugin in ("sklearn", "uncertainty", "domain", "trust"):
        assert "atlas-materials-estimators" in family(f"atlas-materials-{plugin}")


def test_it_is_found_by_the_name_of_the_library_and_imports_it_late() -> None:
    (point,) = [one for one in entry_points(group="atlas.codec") if one.name == "sklearn"]
    code = f"import sys, json, {point.value}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "pandas"} & set(json.loads(done.stdout))
