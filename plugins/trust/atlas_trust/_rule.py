"""Label a list of candidates by a rule. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_core.api import Assessment, Bool, Str, labels_of, longest_prefix
from atlas_trust.rule import Rule

DEFER = 2.0
"""Defer above so many times the in-domain mean error: such a value does not even rank."""


def trusted(assessment: Assessment, rule: Rule, allowed: float) -> Bool:
    """Return (n,) which candidates may be used.

    The set rule is applied to novel and to in-domain rows separately: otherwise the many safe
    in-domain ones would offset risky novel ones, and the reliability reported for a new class
    would not hold for its rows in the list.
    """
    risk = assessment.risk
    if rule != "set":
        return np.asarray(risk <= allowed + 1e-12)
    if assessment.novel is None:
        return longest_prefix(risk, allowed)
    chosen = np.zeros(len(risk), np.bool_)
    for group in (assessment.novel, ~assessment.novel):
        chosen[group] = longest_prefix(risk[group], allowed)
    return chosen


def label(
    assessment: Assessment,
    rule: Rule,
    *,
    allowed: float,
    in_domain_error: float,
    veto: Bool | None = None,
) -> Str:
    """Return (n,) labels: trusted by the rule, deferred where the expected error is large.

    Args:
        assessment: of the list of candidates.
        rule: how the trusted are chosen.
        allowed: one minus the target reliability.
        in_domain_error: mean absolute error in-domain, in the target's unit.
        veto: (n,) which may not be trusted, whatever the rule says.
    """
    far = assessment.expected_error > DEFER * in_domain_error
    chosen = trusted(assessment, rule, allowed)
    return labels_of(chosen if veto is None else chosen & ~veto, far)
