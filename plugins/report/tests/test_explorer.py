"""All test materials on the page: the right row for every arm, and never more than it can hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_folders import make_run

from atlas_core.finished import read_run
from atlas_pages.page import SCRIPT
from atlas_report import explorer as module
from atlas_report.explorer import explorer
from atlas_report.source import Source, source_of


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("run") / "run"
    return source_of(read_run(make_run(folder, ids={45: "mp-</script><b>"})))


def held(source: Source) -> tuple[Any, dict[str, Any]]:
    found = explorer(source)
    return found, json.loads(str(found.data))


def test_every_arm_has_its_own_prediction_of_a_material(source: Source) -> None:
    # the second arm lists its rows the other way about, and lacks the last
    names = list(source.rows)
    other = source.rows[names[1]]
    rows = {**source.rows, names[1]: other.take(np.arange(len(other))[::-1][1:])}
    found, data = held(replace(source, rows=rows))
    columns = data["columns"]
    assert found.left_out == 0
    first = rows[names[0]]
    seen = first.take(np.isin(first.parts, ("test", "ood_test")))
    assert columns["id"] == seen.ids.tolist()
    place = {own: row for row, own in enumerate(columns["id"])}
    for arm, name in enumerate(names):
        own = rows[name].take(np.isin(rows[name].parts, ("test", "ood_test")))
        for i in range(0, len(own), 7):
            at = place[str(own.ids[i])]
            assert columns["mean"][arm][at] == pytest.approx(own.mean[i], rel=1e-4)
            assert columns["true"][at] == pytest.approx(own.target[i], rel=1e-4)
            assert columns["ends"][arm][0][at] == pytest.approx(own.lower[0.9][i], rel=1e-4)
            assert columns["flag"][arm][at] == int(own.outside[i])
            assert columns["part"][at] == int(own.parts[i] == "ood_test")
    assert columns["mean"][1].count(None) == (other.parts[-1] != "calibration")


def test_families_are_named_and_nothing_ends_the_script_early(source: Source) -> None:
    found, data = held(source)
    assert "<" not in str(found.data)
    assert "mp-</script><b>" in data["columns"]["id"]
    families = {data["families"][one] for one in data["columns"]["family"]}
    assert {"oxide", "fluoride", "chalcogenide"} <= families


def test_of_too_many_rows_those_that_err_most_are_listed(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, data = held(source)
    monkeypatch.setattr(module, "MOST", len(str(whole.data)) // 2)
    found, less = held(source)
    assert found.rows + found.left_out == whole.rows
    assert 0 < found.rows < whole.rows
    assert len(str(found.data)) <= 1.1 * len(str(whole.data)) / 2

    def errors(own: dict[str, Any]) -> dict[str, float]:
        columns = own["columns"]
        return {
            name: max(abs(arm[i] - columns["true"][i]) for arm in columns["mean"])
            for i, name in enumerate(columns["id"])
        }

    every, listed = errors(data), errors(less)
    assert min(listed.values()) >= max(v for name, v in every.items() if name not in listed)


def test_a_target_is_shown_with_the_digits_that_tell_materials_apart(source: Source) -> None:
    assert held(source)[1]["places"] == 3
    wide = {
        name: replace(rows, target=1000 * rows.target, mean=1000 * rows.mean)
        for name, rows in source.rows.items()
    }
    assert held(replace(source, rows=wide))[1]["places"] == 0


def test_the_script_has_no_text_that_ends_it() -> None:
    assert "</script" not in SCRIPT
    assert "<!--" not in SCRIPT
