"""What the page of a screen says of candidates that compete with each other. Light."""

from __future__ import annotations

from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.materials import Materials
from atlas_pages import formatting
from atlas_pages.formatting import slug
from atlas_screening.decision_words import names_of
from atlas_screening.held import Held
from atlas_screening.joint import DRAWS, Competition, System
from atlas_screening.result import Screened
from atlas_statistics import digits

NOISE = 0.03
"""Two standard errors, rounded up, of the difference of two shares of ``DRAWS`` worlds."""
NONE: dict[str, Any] = {"rivals": (), "correlated": False, "sentences": ()}


def competition_view(result: Screened, held: Held) -> dict[str, Any]:
    """Return the section of candidates that compete; no rivals where none do."""
    competition = result.competition
    if competition is None:
        return NONE
    return {
        "rivals": [_system(one, held) for one in competition.rivals],
        "correlated": competition.correlated is not None and competition.correlated.shown,
        "sentences": _sentences(competition, held),
    }


def _system(system: System, held: Held) -> dict[str, Any]:
    """Return the rows of a table: what each candidate is in the company of the others."""
    made = [formatting.formula(one) for one in _written(system, held)]
    return {
        "name": system.name,
        "slug": slug(system.name),
        "rows": [
            {
                "formula": made[k],
                "alone": digits.probability(float(system.alone[k])),
                "independent": digits.probability(float(system.independent[k])),
                "together": ""
                if system.together is None
                else digits.probability(float(system.together[k])),
            }
            for k in range(len(made))
        ],
    }


def _written(system: System, held: Held) -> list[str]:
    names = held.canonical[system.candidates].tolist()
    return Materials.from_formulas([str(k) for k in range(len(names))], names).written()


def _sentences(competition: Competition, held: Held) -> list[str]:
    """Say how far errors go together, and what ignoring it would cost; of none of it, nothing."""
    names, rivals, found = names_of(held.against), competition.rivals, competition.correlated
    if not rivals:
        return []
    said = [
        f"{names.probability} in the lists holds a candidate against the phases of the reference."
        " Candidates of one chemical system compete with each other, too: here each is held"
        f" against the others in {formatting.fixed(DRAWS, 0)} worlds drawn from all predictions."
    ]
    if found is None or not found.shown:
        return said
    value, low, high = (formatting.fixed(one, 2) for one in _ends(found.interval))
    said.append(
        "Errors of one chemical system go together: in the run their correlation is"
        f" {value} ({low} to {high}; {formatting.fixed(found.systems, 0)} systems of two"
        " compositions or more)."
    )
    change = np.array(
        [float(_best(one.together, one) - one.independent[one.best]) for one in rivals]
    )
    k = int(np.abs(change).argmax())
    one = rivals[k]
    together, independent = _best(one.together, one), float(one.independent[one.best])
    if abs(together - independent) <= NOISE:
        said.append(
            "Taking them as independent would change the probability of the best of none of these"
            f" systems by more than {NOISE:g}, which is the noise of the draws."
        )
    else:
        said.append(
            "Taking them as independent would change the probability of the best of a system most"
            f" in {one.name}: {digits.probability(independent)} in place of"
            f" {digits.probability(together)}."
        )
    return said


def _best(values: F8 | None, one: System) -> float:
    return float(one.independent[one.best] if values is None else values[one.best])


def _ends(interval: Any) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
