"""What cannot be, whatever a model says: impossible values, and formulas without a charge balance.

Light. The charge test asks ``smact`` (Davies et al. 2019, 10.21105/joss.01361), which is optional.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8, Str
from atlas_core.kinds.dataset import Task

ABSENT = (
    "charge balance was not checked: pip install 'atlas-materials-screening[charges]' brings smact"
)


@dataclass(frozen=True)
class Limit:
    """State what a quantity cannot be.

    Attributes:
        name: a pattern that the target's name matches.
        low: nothing lies below; None: no such end.
        high: nothing lies above.
        what: it in words.
        unless: a pattern of names, such as logarithms, to which it does not apply.
        units: a pattern of the units that the numbers are in; "" where they hold in any.
    """

    name: str
    what: str
    low: float | None = None
    high: float | None = None
    unless: str = "log"
    units: str = ""


LIMITS = (
    Limit(r"gap", "a band gap is not negative", low=0.0),
    Limit(r"modulus|(^|_)[kg]_vrh|hardness", "this modulus is not negative", low=0.0),
    Limit(r"refractive|(^|_)n$", "a refractive index is not below 1", low=1.0),
    Limit(r"dielectric|(^|_)eps", "a static dielectric constant is not below 1", low=1.0),
    Limit(r"yield|strength", "a strength is not negative", low=0.0),
    Limit(r"density|volume", "it is not negative", low=0.0),
    Limit(
        r"(^|_)tc$|temperature|melting",
        "a temperature in K is not negative",
        low=0.0,
        units=r"k|kelvin",
    ),
    Limit(r"hull", "an energy above the hull is not negative", low=0.0, unless="decomp|log"),
    Limit(
        r"(formation_energy|e_form)",
        "no compound is bound or unbound that strongly, per atom",
        low=-7.0,
        high=6.0,
        unless="total",
        units=r"ev/atom",
    ),
)
"""The first that fits counts."""


def limit_of(target: str, unit: str, task: Task) -> Limit | None:
    """Return what a target cannot be, by its name; None where nothing is known."""
    if task == "binary":
        return Limit("", "a probability lies in [0, 1]", low=0.0, high=1.0)
    name = re.sub(r"[^a-z0-9]+", "_", target.lower())
    unit = unit.lower().strip()
    if unit.startswith("log") or re.search(r"change|deriv|difference|shift|delta", name):
        return None
    for limit in LIMITS:
        if re.search(limit.name, name) and not re.search(limit.unless, name):
            known = not limit.units or re.fullmatch(limit.units, unit)
            return limit if known else None
    return None


def impossible(values: F8, limit: Limit | None) -> Str:
    """Return (n,) what is wrong with predicted values, "" where nothing is."""
    if limit is None:
        return np.full(len(values), "", dtype=np.str_)
    bad = np.zeros(len(values), dtype=np.bool_)
    if limit.low is not None:
        bad |= values < limit.low
    if limit.high is not None:
        bad |= values > limit.high
    return np.where(bad, limit.what, "").astype(np.str_)


def charge_test() -> Callable[[str], str] | None:
    """Return a function from a formula to what is wrong with its charges; None without smact.

    A formula passes where some combination of known oxidation states is neutral and its more
    electronegative elements are the negative ones (Pauling), or where all its elements are metals.
    """
    try:
        from smact.screening import smact_validity
    except ImportError:
        return None

    def ask(formula: str) -> str:
        try:
            sound = smact_validity(formula, use_pauling_test=True, include_alloys=True)
        except Exception as err:  # of elements that it has no data on it raises anything
            first = " ".join(str(err).split()) or type(err).__name__
            return f"smact cannot check its charges ({first})"
        return "" if sound else "no charge balance with Pauling's order (smact)"

    return ask
