"""All candidates of a screen held against a reference: decisions, ranks, counts. Light."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.errors import CautionWarning
from atlas_core.kinds.trust import LABELS
from atlas_screening.against import Against, Decided, Said
from atlas_screening.costs import read_costs
from atlas_screening.rows import Tally
from atlas_screening.table import by_worth


class Asks(Protocol):
    """What of the options of a screen is needed here."""

    @property
    def candidates(self) -> Path: ...  # noqa: D102 - an attribute
    @property
    def cost(self) -> str: ...  # noqa: D102 - an attribute


class Says(Protocol):
    """What takes the remarks."""

    @property
    def said(self) -> set[str]: ...  # noqa: D102 - an attribute


@dataclass(frozen=True, eq=False)
class Held:
    """The candidates of a list, held against a reference.

    Attributes:
        against: the reference, and what was learned.
        decided: n decisions.
        canonical: (n,) formulas by which one composition is known again.
        cost: (n,) of each; None where none was named.
        cost_column: its name; "" for none.
    """

    against: Against
    decided: Decided
    canonical: Str
    cost: F8 | None
    cost_column: str

    @property
    def worth(self) -> F8:
        """Return (n,) by what ``stable`` ranks: P, or P per cost."""
        found = self.decided.probability
        return found if self.cost is None else found / self.cost

    @property
    def ranks(self) -> I8:
        """Return (n,) ranks from 1: most probable first, then the lowest above the border."""
        return by_worth(self.worth, self.decided.above)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of the table."""
        found: dict[str, npt.NDArray[Any]] = self.decided.columns()
        if self.cost is not None:
            found |= {"cost": self.cost, "probability_per_cost": self.worth}
        return found

    def facts(self) -> dict[str, Any]:
        """Return what ``screen.json`` says of it."""
        decided, reference = self.decided, self.against.decider.reference
        return {
            "reference": self.against.decider.chosen.name,
            "options": self.against.decider.chosen.config.model_dump(mode="json"),
            "fingerprint": reference.fingerprint,
            "hull": self.against.hull,
            "margin": reference.margin,
            "target_reliability": reference.target_reliability,
            "of_evaluation": self.against.pooled,
            "learned": self.against.record,
            "labels": {one: int((decided.label == one).sum()) for one in LABELS},
            "undecided": int((decided.label == "").sum()),
            "calls": int((decided.probability >= 0.5).sum()),
            "known": int(np.isfinite(decided.known).sum()),
            "cost": self.cost_column,
        }


def hold(against: Against, tally: Tally, options: Asks, takes: Says) -> Held:
    """Hold what an arm says of a list against a reference.

    Raises:
        DataError: a border cannot be drawn, or a cost cannot be used.
    """
    n = tally.screened
    unknown = np.full(n, np.nan)

    def column(name: str) -> F8:
        found = tally.all(name)
        return unknown if found is None else np.asarray(found, dtype=np.float64)

    canonical = np.asarray(tally.all("canonical")).astype(np.str_)
    flagged = tally.all("outside")
    said = Said(
        canonical=canonical,
        places=np.asarray(tally.all("place")).tolist(),
        mean=column("prediction"),
        std=column("std"),
        lower=column("lower"),
        upper=column("upper"),
        expected_error=column("expected_error"),
        score=column("ood_score"),
        outside=np.zeros(n, dtype=np.bool_) if flagged is None else flagged,
    )
    cost = None
    if options.cost:
        cost = read_costs(options.candidates, options.cost, np.asarray(tally.all("row")))
    decided, remarks = against.decide(said)
    for text in remarks:
        takes.said.add(text)
        warnings.warn(text, CautionWarning, stacklevel=2)
    return Held(against, decided, canonical, cost, options.cost)
