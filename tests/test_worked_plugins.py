"""The plugin that opens the page of each kind is whole: as it stands it keeps its contract."""

from __future__ import annotations

import importlib
import sys

import pytest
from support import ROOT, MakePlugin, worked_plugin

from atlas_core.kinds import KINDS
from atlas_core.testing import find_component, format_results, run_contract


@pytest.mark.parametrize("kind", KINDS)
def test_the_worked_plugin_of_a_kind_keeps_its_contract(
    kind: str, make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, code, points = worked_plugin(kind)
    folder = make_plugin(f"worked-{kind}", module, code, points)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.invalidate_caches()
    ((name, _),) = points[f"atlas.{kind}"].items()
    component, _ = find_component(name, kind)
    assert sys.modules[module].__file__ == str(folder / f"{module}.py")
    results = run_contract(component, kind)
    assert not [one for one in results if one.broken], format_results(results)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_kind_opens_with_its_plugin(kind: str) -> None:
    _, code, _ = worked_plugin(kind)
    page = (ROOT / f"docs/kinds/{kind}.md").read_text(encoding="utf-8")
    assert f"```python\n{code}```\n" in page
    assert page.index(code) < page.index("## Its hook")
    assert len(code.splitlines()) <= 75
    assert f"(kinds/{kind}.md)" in (ROOT / "docs/write-a-plugin.md").read_text(encoding="utf-8")
