"""The README is short, and its code and its numbers are what runs and what was measured."""

from __future__ import annotations

import json
import re
import webbrowser
from pathlib import Path

import pytest
from support import ROOT, Cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE = ROOT / "docs/img/report.png"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150
    run, method = _blocks("python")
    assert len(run.splitlines()) <= 8
    assert len(method.splitlines()) <= 25
    tables = re.findall(r"(?:^\|.*\n)+", README, flags=re.MULTILINE)
    assert max(len(table.splitlines()) - 2 for table in tables) == 8


def test_the_lines_of_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    exec(compile(_blocks("python")[0], "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "mean_error" in printed
    assert "NaCl" in printed
    assert "never seen in training" in printed  # UF6: fluorides are held out
    assert len(opened) == 1


def test_the_method_passes_its_contract(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "quantile_spread.py").write_text(_blocks("python")[1], encoding="utf-8")
    patterns = (r"\[project\]", r"dependencies = \S+", r"\[project\.entry-points\S+\]")
    found = [re.findall(f"`({one})`", README) for one in (*patterns, r"quantile_spread = \S+")]
    lines = [line for (line,) in found]  # all that the text asks for, and nothing else
    (tmp_path / "pyproject.toml").write_text("\n".join(lines), "utf-8")
    done = cli("check", "--path", tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == _blocks("text")[0].strip()


def test_the_picture_shows_the_numbers_of_the_table() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the picture")
    assert PICTURE.stat().st_size < 200_000
    with image.open(PICTURE) as opened:
        assert opened.size[0] == 1280
        shown = json.loads(opened.text["errors"])
    content = json.loads((ROOT / "benchmarks/results/ood_formation.json").read_text("utf-8"))
    for arm, parts in shown.items():
        for part, error in parts.items():
            assert error == pytest.approx(
                content["arms"][arm]["parts"][part]["mae"]["value"], abs=5e-4
            )
            assert f"| {error:.3f} (" in README


def test_every_link_leads_to_a_file_or_a_heading() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert len(links) > 10
    for link in links:
        name, _, anchor = link.partition("#")
        text = (ROOT / name).read_bytes()
        headings = [
            re.sub(r"[^a-z0-9]+", "-", line.lstrip("# ").lower()).strip("-")
            for line in text.decode("utf-8", "ignore").splitlines()
            if line.startswith("#")
        ]
        assert not anchor or anchor in headings, link
