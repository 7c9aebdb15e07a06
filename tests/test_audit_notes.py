"""An audit that no run wrote is refused in one line that names the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from atlas_core.errors import DataError
from atlas_core.finished import checked_audit
from atlas_core.testing.toy_runs import toy_run


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "null",
        '{"folds": 1}',
        '{"folds": [1]}',
        '{"folds": [{"fold": "0"}]}',
        '{"folds": [{"fold": 3, "figures": {}}]}',
        '{"folds": [{"fold": "0", "figures": {"elements": "Fe"}}]}',
        '{"folds": [{"fold": "0", "figures": {"elements": ["Va"]}}]}',
        '{"folds": [{"fold": "0", "figures": {"elements": [1]}}]}',
        '{"folds": [{"fold": "0", "figures": {"twins": []}}]}',
        '{"folds": [{"fold": "0", "figures": {"twins": {"a": "x"}}}]}',
    ],
)
def test_a_foreign_audit_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"audit\.json") as caught:
        checked_audit(tmp_path / "audit.json")
    assert len(str(caught.value).splitlines()) == 1


def test_figures_are_found_by_fold_and_none_without_an_audit(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    run = toy_run()
    assert replace(run, audit=checked_audit(path)).audited == {}
    text = '{"folds": [{"fold": "0", "figures": {"elements": ["Fe"]}}]}'
    path.write_text(text, encoding="utf-8")
    assert replace(run, audit=checked_audit(path)).audited == {"0": {"elements": ["Fe"]}}
