"""Time two ways of doing the same thing in turn, and keep what came out as bars.

A bar is a ratio of one run on one machine: never a time. Each topic of this folder is a module with
``bars() -> list[Bar]``; ``python benchmarks/fast [TOPIC ...]`` runs them (see ``__main__.py``).
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from atlas_core.engine.machine import hardware, packages

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks/results"


@dataclass(frozen=True)
class Bar:
    """One line of the table: what was measured and what it had to be.

    Attributes:
        bar: what is compared, in words.
        against: what it is compared with.
        measured: the ratio, share, seconds or bytes; None where it could not be measured.
        needed: the bound.
        unit: ``x`` (times as fast), ``share``, ``s``, ``GB``.
        more_is_better: whether ``measured`` must be at least, or at most, ``needed``.
        note: what a reader must know, or why it was not measured.
        detail: the figures behind it (times of each round, sizes, largest difference).
    """

    bar: str
    against: str
    measured: float | None
    needed: float
    unit: str = "x"
    more_is_better: bool = True
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Say whether the bar is met; None where nothing was measured."""
        if self.measured is None:
            return None
        if self.more_is_better:
            return self.measured >= self.needed
        return self.measured <= self.needed


def alternating(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 5,
    repeats: Mapping[str, int] | None = None,
) -> dict[str, list[float]]:
    """Return {name: seconds of one call in each round}; the ways take turns within a round.

    Args:
        ways: what to call, by name. Each is called once before the first round.
        rounds: how often the turn goes round.
        repeats: how often a fast way is called a round, to be longer than the clock's grain.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call()
    for _ in range(rounds):
        for name, call in ways.items():
            count = (repeats or {}).get(name, 1)
            gc.collect()
            start = time.perf_counter()
            for _ in range(count):
                call()
            seconds[name].append((time.perf_counter() - start) / count)
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]], slow: str, fast: str) -> float:
    """Return the median over rounds of how many times as long ``slow`` took as ``fast``."""
    return median(s / f for s, f in zip(seconds[slow], seconds[fast], strict=True))


def save(topic: str, content: Mapping[str, Any], *, distributions: Sequence[str] = ()) -> Path:
    """Write benchmarks/results/<topic>.json with versions and hardware beside the content."""
    path = RESULTS / f"{topic}.json"
    whole = {**content, "hardware": hardware("cpu"), "packages": packages(distributions)}
    path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def save_bars(topic: str, found: Sequence[Bar]) -> Path:
    """Write the bars of a topic into benchmarks/results/fast.<topic>.json."""
    return save(f"fast.{topic}", {"bars": [{**asdict(b), "holds": b.holds} for b in found]})


def shared(*parts: str) -> Path | None:
    """Return a file of the shared real data, or None where it is not on this machine."""
    folder = Path(os.environ.get("ATLAS_SHARED", ROOT.parent / "shared")) / "data"
    path = folder.joinpath(*parts)
    return path if path.exists() else None
