"""The first screen says what the split tests; a section further down holds the figures."""

from __future__ import annotations

import re
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


def section(text: str, name: str) -> str:
    start = text.index(f'<section id="{name}"')
    return text[start : text.index("</section>", start)]


def test_the_first_screen_says_interpolation_and_the_section_holds_the_figures(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    make_run(folder, arms=("forest",))
    without = write_report(folder).read_text(encoding="utf-8")
    assert "What this tests" not in without
    assert "Figures of" not in section(without, "audit")
    text = page(folder, 4)
    sentence = "This is interpolation: on all 4 held-out classes"
    assert sentence in section(text, "answer")
    own = section(text, "audit")
    assert sentence in own
    assert "<small>class &lt;0&gt;</small>" in own
    assert "<details open>" in own


def test_many_folds_are_folded_away(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, arms=("forest",))
    audit_section = section(page(folder, 15), "audit")
    assert "<details>" in audit_section
    assert audit_section.count('scope="row"') == 15
    sizes = re.findall(r"<td[^>]*>40</td>", audit_section)
    assert len(sizes) == 15  # 600 rows in 15 classes, counted whole
