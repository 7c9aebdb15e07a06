"""The page and the notebook on ATLAS from Python are executed as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import ROOT

PAGE = ROOT / "docs/python.md"
NOTEBOOKS = {
    "first_steps": ("<svg", "UO2"),
    "my_own_csv": ("<svg", "Pb, never seen in training", "mean_error"),
    "trust_exam": ("<svg", "refuse_unseen", "tolerance"),
}
"""What the results of each notebook hold, apart from numbers."""


def test_the_page_from_python_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "cache"))
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    asked = names["asked"].to_pandas()  # type: ignore[attr-defined]
    assert asked.outside.tolist() == [False, False, True]
    assert list((tmp_path / "runs/data").glob("*.parquet"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_as_it_stands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "cache"))
    notebook = nbformat.read(ROOT / f"docs/notebooks/{name}.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "execute_result"
    ]
    for text in NOTEBOOKS[name]:
        assert any(text in page for page in shown), text


def test_every_notebook_is_listed_and_executed() -> None:
    page = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    there = {path.stem for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    assert there == set(NOTEBOOKS) == set(re.findall(r"notebooks/(\w+)\.ipynb", page))
