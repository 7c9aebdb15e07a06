"""The report opens with what the split tests; a run without an audit has no such section."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from run_folders import make_run, write_report

from atlas_core.kinds.split import Split
from atlas_core.store import write_json
from atlas_core.testing.samples import toy_compounds, toy_target
from atlas_evaluation.audit import audit
from atlas_evaluation.narrative import audit_json


def folds(count: int) -> list[Split]:
    rows = np.random.default_rng(0).permutation(600)
    return [
        Split(
            f"class {k}",
            train=rows[rows % count != k][100:],
            test=rows[rows % count != k][:100],
            ood_test=rows[rows % count == k],
            held_out=f"class <{k}>",
        )
        for k in range(count)
    ]


def page(folder: Path, count: int) -> str:
    materials = toy_compounds(600)
    found = audit(folds(count), materials, toy_target(materials), seed=0)
    write_json(folder / "audit.json", audit_json(found))
    return write_report(folder).read_text(encoding="utf-8")


def test_the_audit_is_the_first_section_and_says_interpolation(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, arms=("forest",))
    assert 'id="audit"' not in write_report(folder).read_text(encoding="utf-8")
    text = page(folder, 4)
    main = text[text.index("<main>") :]
    assert main.index('id="audit"') < main.index('id="verdict"')
    assert "This is interpolation: on all 4 held-out classes" in main
    assert 'title="class &lt;0&gt;"' in main
    assert "<details open>" in main[: main.index('id="verdict"')]


def test_many_folds_are_folded_away(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, arms=("forest",))
    main = page(folder, 15)
    audit_section = main[main.index('id="audit"') : main.index('id="verdict"')]
    assert "<details>" in audit_section
    assert audit_section.count('scope="row"') == 15
    assert audit_section.count("<td>40</td>") == 15  # 600 rows in 15 classes, counted whole
