"""The report opens with what the split tests; a run without an audit has no such section."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from support import Cli

from atlas_core.audit import audit
from atlas_core.kinds.split import Split
from atlas_core.report import write_report
from atlas_core.store import read_json, write_json
from atlas_core.testing.samples import toy_compounds, toy_target

SPEC = """\
atlas: 1
name: audited
seed: 3
dataset: flla
sample: 300
split: {use: leave_elements_out, options: {elements: [O]}}
arms:
  point: {featurizer: element_fractions, model: ridge, uq: point}
"""


def _maker() -> ModuleType:
    path = Path(__file__).with_name("run_folders.py")
    spec = importlib.util.spec_from_file_location("atlas_report_run_folders_of_audits", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def folds(count: int) -> list[Split]:
    rows = np.random.default_rng(0).permutation(600)
    return [
        Split(
            f"class {k}",
            train=rows[rows % count != k][100:],
            test=rows[rows % count != k][:100],
            shifted=rows[rows % count == k],
            held_out=f"class <{k}>",
        )
        for k in range(count)
    ]


def page(folder: Path, count: int) -> str:
    materials = toy_compounds(600)
    found = audit(folds(count), materials, toy_target(materials), seed=0)
    write_json(folder / "audit.json", found.as_dict())
    return write_report(folder).read_text(encoding="utf-8")


def test_the_audit_is_the_first_section_and_says_interpolation(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _maker().make_run(folder)
    assert 'id="audit"' not in write_report(folder).read_text(encoding="utf-8")
    text = page(folder, 4)
    main = text[text.index("<main>") :]
    assert main.index('id="audit"') < main.index('id="verdict"')
    assert "This is interpolation: on all 4 held-out classes" in main
    assert 'title="class &lt;0&gt;"' in main
    assert "<details open>" in main[: main.index('id="verdict"')]


def test_many_folds_are_folded_away(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _maker().make_run(folder)
    main = page(folder, 15)
    audit_section = main[main.index('id="audit"') : main.index('id="verdict"')]
    assert "<details>" in audit_section
    assert audit_section.count('scope="row"') == 15
    assert audit_section.count("<td>40</td>") == 15  # 600 rows in 15 classes, counted whole


def test_a_run_writes_its_audit_and_tells_it(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = cli("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]
    found = read_json(folder / "audit.json")
    assert found["folds"][0]["held_out"] == "materials with O"
    assert "features of point" in found["folds"][0]["figures"]["views"]
    assert found["sentence"].replace("<", "&lt;") in (folder / "report.html").read_text("utf-8")
    assert f"split audit: {found['sentence']}" in done.stderr
