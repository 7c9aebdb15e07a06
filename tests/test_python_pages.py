"""The page and the notebook on ATLAS from Python are executed as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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


class Listening(NotebookClient):
    """Run a notebook and keep what it shows on the way, which is not in it afterwards."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)
        self.updates: list[str] = []

    def process_message(self, msg: dict[str, Any], *rest: Any) -> Any:
        """Keep a bar."""
        if msg["msg_type"] in {"display_data", "update_display_data"}:
            self.updates.append(msg["content"]["data"]["text/plain"])
        return super().process_message(msg, *rest)


CELL = """\
import sys
import time
import warnings
sys.modules["ipywidgets"] = None  # as where it is not installed
warnings.simplefilter("always")
import atlas_core as atlas
from atlas_core.progress import Step
arm = {"featurizer": "element_fractions", "model": "dummy", "uq": "deterministic"}
atlas.run({"dataset": "flla", "split": "random", "sample": 60, "arms": {"only": arm}})
from atlas_core.python.bar import shown
with shown() as tell:
    for n in range(1, 5):
        tell(Step(f"epoch {n} of 4", stage="training"))
        time.sleep(0.4)
    tell("warning: mind [this]")
"""


def test_a_notebook_without_widgets_has_a_plain_bar_and_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_CACHE", str(tmp_path / "cache"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = Listening(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    outputs = notebook.cells[0].outputs
    said = "".join(one.text for one in outputs if one.output_type == "stream").splitlines()
    assert [line.partition(":")[0] for line in said] == ["split audit", "warning"]
    assert said[-1] == "warning: mind [this]"
    bars = [one for one in outputs if one.output_type != "stream"]
    assert [one.data for one in bars] == [{"text/plain": ""}] * 2  # both are gone
    assert any(re.search(r"epoch [2-4] of 4 .*━.* [0-9]+ %  ", text) for text in client.updates)
    assert all(max(map(len, text.splitlines()), default=0) <= 80 for text in client.updates)


def test_every_notebook_is_listed_and_executed() -> None:
    page = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    there = {path.stem for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    assert there == set(NOTEBOOKS) == set(re.findall(r"notebooks/(\w+)\.ipynb", page))
