"""The page of metrics defines every number that a run writes."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT

from atlas_chemistry import FAMILIES
from atlas_core import score_predictions

PAGE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_every_metric_is_defined_on_the_page(task: str) -> None:
    target, mean = (RNG.random(60) < 0.5).astype(float), RNG.random(60)
    found = score_predictions(
        target, mean, std=RNG.random(60), intervals={0.9: (mean - 1, mean + 1)}, task=task
    )["metrics"]
    assert [name for name in found if f"`{name}`" not in PAGE] == []


def test_every_family_is_defined_on_the_page() -> None:
    assert [name for name in FAMILIES if f"`{name}`" not in PAGE] == []
