"""An audit that no run wrote is refused in one line that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_core.audit_notes import audited_folds
from atlas_core.errors import DataError


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
        audited_folds(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_figures_are_found_by_fold_and_none_without_an_audit(tmp_path: Path) -> None:
    assert audited_folds(tmp_path) == {}
    text = '{"folds": [{"fold": "0", "figures": {"elements": ["Fe"]}}]}'
    (tmp_path / "audit.json").write_text(text, encoding="utf-8")
    assert audited_folds(tmp_path) == {"0": {"elements": ["Fe"]}}
