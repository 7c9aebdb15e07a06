"""The wheels of all families are whole: they install and run where there is no repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support import ROOT
from test_specs import settings

from atlas_core.kinds import KINDS

PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
BUILD = """
import sys
from hatchling.builders.wheel import WheelBuilder
for project in sys.argv[2:]:
    list(WheelBuilder(project).build(directory=sys.argv[1], versions=["standard"]))
"""
WHERE = """
import importlib, json, sys
print(json.dumps([importlib.import_module(name).__file__ for name in sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One wheel per distribution of the repository, built without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run([sys.executable, "-c", BUILD, folder, *PROJECTS], check=True, cwd=folder)
    return sorted(folder.glob("*.whl"))


def _packages(wheel: Path) -> set[str]:
    """Return the names that a wheel installs at top level."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    return {top for top in tops if not top.endswith(".dist-info")}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, wheels: list[Path]) -> Path:
    """A new environment with these wheels, over the packages of others that this one has."""
    place = tmp_path_factory.mktemp("fresh")
    others = place / "others"
    others.mkdir()
    sites = (
        Path(path) for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}
    )
    for entry in (entry for site in sites for entry in site.iterdir()):
        ours = "atlas" in entry.name or entry.suffix == ".pth"
        if not ours and not (others / entry.name).exists():
            (others / entry.name).symlink_to(entry)
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin/python",
        "install",
        "--quiet",
    ]
    subprocess.run([*pip, "--no-deps", "--no-index", *wheels], check=True, cwd=place)
    return environment


def _in(environment: Path, *command: str | Path, cwd: Path) -> str:
    """Return what a command of an environment prints, with the repository on no path."""
    kept = {"PATH", "HOME", "TMPDIR", "LANG", "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name in kept},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheels_install_only_atlas_names_at_top_level(wheels: list[Path]) -> None:
    assert len(wheels) == len(PROJECTS)
    families = [f"atlas_{project.name}" for project in PROJECTS[1:]]
    found = [name for wheel in wheels for name in _packages(wheel)]
    assert sorted(found) == sorted(["atlas_core", "atlas_registry", *families])


def test_the_demo_runs_small_from_the_wheels_of_all_families(
    fresh: Path, wheels: list[Path], tmp_path: Path
) -> None:
    names = sorted(name for wheel in wheels for name in _packages(wheel))
    places = json.loads(_in(fresh, "python", "-c", WHERE, *names, cwd=tmp_path))
    assert all(Path(place).is_relative_to(fresh) for place in places), places
    rows = json.loads(_in(fresh, "atlas", "plugins", "--json", cwd=tmp_path))
    files = [tomllib.loads((project / "pyproject.toml").read_text("utf-8")) for project in PROJECTS]
    points = [
        (kind, name)
        for file in files
        for kind in KINDS
        for name in file["project"].get("entry-points", {}).get(f"atlas.{kind}", {})
    ]
    assert sorted((row["kind"], row["name"]) for row in rows) == sorted(points)
    assert not [row for row in rows if row["problem"] or not row["summary"]]
    spec = tmp_path / "s.yaml"
    spec.write_bytes((ROOT / "specs/ood_formation.yaml").read_bytes())
    words = ["run", spec, "--json", "--cache-dir", tmp_path / "cache", "--device", "cpu"]
    about = json.loads(_in(fresh, "atlas", *words, *settings("ood_formation"), cwd=tmp_path))
    page = (tmp_path / about["report"]).read_text(encoding="utf-8")
    assert "<svg" in page
    assert "</html>" in page
