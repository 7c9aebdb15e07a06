"""Broken metadata of an installed distribution: a row that names the path, no command is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Cli, MakePlugin
from test_plugin_errors import GOOD
from test_progress import SPEC

from atlas_core.seal import read_manifest

ENTRY = {"atlas.acquisition": {"toy": "toy_model"}}
POINTS, METADATA = "entry_points.txt", "METADATA"
STATED = (
    b"Metadata-Version: 2.1\nName: t-p\nVersion: 1.0\nRequires-Dist: atlas-materials>=0.1,<0.2\n"
)
BROKEN = {
    "no module": (POINTS, b"[atlas.acquisition]\ntoy =\n"),
    "no identifier": (POINTS, b"[atlas.acquisition]\ntoy = not a module!!\n"),
    "a path": (POINTS, b"[atlas.acquisition]\ntoy = ../../etc\n"),
    "no equals": (POINTS, b"[atlas.acquisition]\ntoy\n"),
    "points in Latin-1": (POINTS, "[atlas.acquisition]\ntoy = toy_mödel\n".encode("latin-1")),
    "metadata in Latin-1": (METADATA, STATED + "Author: Mößbauer\n".encode("latin-1")),
    "no metadata": (METADATA, b""),
    "no name": (METADATA, STATED.replace(b"Name: t-p\n", b"")),
    "no version": (METADATA, STATED.replace(b"Version: 1.0\n", b"")),
}


def broken(cli: Cli, make_plugin: MakePlugin, file: str, content: bytes) -> tuple[Cli, Path]:
    """Return a command line that sees a plugin with a broken file, and the plugin's metadata."""
    code = GOOD.replace("atlas_model", "atlas_acquisition")
    site = make_plugin("t-p", "toy_model", code, ENTRY)
    (info,) = site.glob("*.dist-info")
    (info / file).write_bytes(content)
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    return Cli(cli.cwd, cli.cache, [str(site)]), info


@pytest.mark.parametrize("which", BROKEN)
def test_a_plugin_with_broken_metadata_is_a_row_and_other_commands_go_on(
    cli: Cli, make_plugin: MakePlugin, which: str
) -> None:
    atlas, info = broken(cli, make_plugin, *BROKEN[which])
    listed = atlas("plugins", "--kind", "acquisition", "--verify", "--json")
    assert listed.returncode == 1, listed.stderr
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert str(info) in rows.pop("toy")["problem"]
    assert {row["problem"] for row in rows.values()} == {""}
    assert "None" not in listed.stdout
    fresh = which in {"no equals", "points in Latin-1"}  # libraries that look for plugins fall too
    assert atlas("validate", "s.yaml", fresh=fresh).returncode == 0


def test_a_plugin_whose_metadata_can_be_read_is_no_problem(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    more = (
        b"# comment\n[console_scripts]\nnothing\n[ atlas.acquisition ]\n\ntoy=toy_model [extra]\n"
    )
    atlas, _ = broken(cli, make_plugin, POINTS, more)
    done = atlas("plugins", "--kind", "acquisition", "--verify", "--json")
    assert done.returncode == 0, done.stdout
    assert "toy" in {row["name"] for row in json.loads(done.stdout)}


def test_a_run_notes_a_distribution_whose_metadata_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    info = tmp_path / "site" / "un_related-3.dist-info"
    info.mkdir(parents=True)
    (info / METADATA).write_bytes(b"Name: un-related\nVersion: 3\nAuthor: M\xf6\xdfbauer\n")
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    atlas = Cli(cli.cwd, cli.cache, [str(info.parent)])
    done = atlas("run", "s.yaml", "--json", fresh=True)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(cli.cwd / json.loads(done.stdout)["run"])
    assert manifest["environment"]["distributions"]["un-related"] == "unreadable"
    assert manifest["environment"]["distributions"]["atlas-materials"] != "unreadable"
