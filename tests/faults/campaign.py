"""What a campaign of faults is: a function that hurts, and counts how often nothing was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Tally:
    """Count what was tried.

    Attributes:
        tried: faults that were injected.
        survived: of these, how many were survived as the campaign's ``bar`` says.
        failures: one line for each that was not.
    """

    tried: int
    survived: int
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """Name one kind of fault.

    Attributes:
        name: of the test; words joined by underscores.
        fault: what is done, in words.
        kind: ``kill``, ``flip``, ``truncation``, ``saved fit``, ``signal``, ``worker``, ``link``,
            ``disk``, ``plugin`` or ``input``.
        bar: what counts as survived, in words.
        run: called with an empty folder, the number of faults and a seeded generator.
        full: faults at full size.
        quick: faults in CI.
    """

    name: str
    fault: str
    kind: str
    bar: str
    run: Callable[[Path, int, np.random.Generator], Tally]
    full: int
    quick: int
