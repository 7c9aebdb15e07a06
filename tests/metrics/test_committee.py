"""The committee of published models: rows aligned by id, spread as doubt, a stored table."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import numpy as np
import pytest
from support import ROOT

STORED = ROOT / "benchmarks/results/committee.json"


@pytest.fixture(name="bench")
def _bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("committee")


def test_members_are_aligned_by_id_within_a_fold(bench: ModuleType) -> None:
    first = {"fold_0": {"a": 1.0, "b": 2.0}, "fold_1": {"c": 3.0}}
    second = {"fold_1": {"c": True}, "fold_0": {"b": 5.0, "a": 4.0}}
    ids, said = bench.aligned([first, second])
    assert ids.tolist() == ["a", "b", "c"]
    assert said.tolist() == [[1, 2, 3], [4, 5, 1]]
    with pytest.raises(ValueError, match="fold_0: two members"):
        bench.aligned([first, second | {"fold_0": {"b": 5.0}}])


def test_every_answer_is_kept_by_the_spread_of_all(bench: ModuleType) -> None:
    said = np.array([[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.3, 9.0], [0.0] * 5])
    target = np.array([0.1, 0.2, 0.3, 0.4, 5.0])
    found = bench.committee(said, target, task="regression")
    assert list(found) == [*bench.MEMBERS, "committee mean", "committee median"]
    # the spread rises along the rows, so the last one is set aside
    assert found["ALIGNN"]["mae"]["value"] == pytest.approx(6.0 / 5)
    assert found["ALIGNN"]["mae_at_80"]["value"] == pytest.approx(1.0 / 4)
    assert found["ALIGNN"]["spearman"]["value"] == pytest.approx(1)
    assert found["committee mean"]["mae"]["value"] == pytest.approx(
        (0.1 + 0.5 / 3 + 0.7 / 3 + 0.3 + 2) / 5
    )


def test_the_stored_table_is_whole_and_its_errors_are_the_published_ones(bench: ModuleType) -> None:
    content = json.loads(STORED.read_text(encoding="utf-8"))
    published = json.loads((ROOT / "benchmarks/matbench/published.json").read_text())["tasks"]
    assert set(content["tasks"]) | set(content["left_out"]) >= {"mp_e_form", "mp_gap", "phonons"}
    for task, found in content["tasks"].items():
        if published[task]["metric"] != "mae":
            continue
        for name in bench.MEMBERS:
            scores = found["answers"][name]
            # all rows at once; the published figure is the mean over folds of almost equal size
            assert scores["mae"]["value"] == pytest.approx(
                published[task]["models"][name]["mean"], rel=5e-3
            )
            assert scores["aurc_oracle"]["value"] < scores["aurc"]["value"]
    assert bench.table(content).count("\n") == 1 + 5 * sum(
        published[task]["metric"] == "mae" for task in content["tasks"]
    )
