"""Label a list of candidates by a rule. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Assessment, Bool, Str, labels_of, longest_prefix
from atlas_trust.rule import Rule

DEFER = 2.0
"""Defer above so many times the in-domain mean error: such a value does not even rank."""


def trusted(risk: Assessment, rule: Rule, allowed: float) -> Bool:
    """Return (n,) which candidates may be used."""
    if rule == "set":
        return longest_prefix(risk.risk, allowed)
    return np.asarray(risk.risk <= allowed)


def label(assessment: Assessment, rule: Rule, *, allowed: float, home_error: float) -> Str:
    """Return (n,) labels: trusted by the rule, deferred where the expected error is large.

    Args:
        assessment: of the list of candidates.
        rule: how the trusted are chosen.
        allowed: one minus the confidence.
        home_error: mean absolute error in-domain, in the target's unit.
    """
    far = assessment.expected_error > DEFER * home_error
    return labels_of(trusted(assessment, rule, allowed), far)
