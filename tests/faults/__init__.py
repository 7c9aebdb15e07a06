"""Hurt ATLAS on purpose, many times, and count how often it survives.

``make test-faults`` runs every campaign at full size and writes its counts;
``tests/test_faults.py`` runs a few cases of each in CI. A module here lists its campaigns as
``CAMPAIGNS``.
"""

from __future__ import annotations

import pkgutil
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np

from faults.campaign import Campaign, Tally


def campaigns() -> list[Campaign]:
    """Return every campaign, sorted by kind and name."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [
        one
        for name in names
        if name not in {"__main__", "campaign"}
        for one in import_module(f"faults.{name}").CAMPAIGNS
    ]
    return sorted(found, key=lambda one: (one.kind, one.name))


def at_full_size(name: str) -> tuple[Tally, float]:
    """Run one campaign at full size; return its counts and how many seconds it took."""
    (one,) = (one for one in campaigns() if one.name == name)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally = one.run(Path(folder), one.full, np.random.default_rng(10))
    return tally, time.perf_counter() - start
