"""A few cases of each fault campaign; ``make test-faults`` runs them all at full size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faults import campaigns
from faults.campaign import Campaign


@pytest.mark.parametrize("campaign", campaigns(), ids=lambda one: one.name)
def test_faults_are_survived(campaign: Campaign, tmp_path: Path) -> None:
    tally = campaign.run(tmp_path, campaign.quick, np.random.default_rng(11))
    assert tally.tried > 0
    assert tally.survived == tally.tried, "\n".join(tally.failures)
