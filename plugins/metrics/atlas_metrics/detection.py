"""Does a score separate the held-out class from the test part? Light: numpy only."""

from __future__ import annotations

from atlas_core.api import F8, Draw, MetricRows, metric, ratio

SCORE = ("score", "held_out")
FLAG = ("flagged", "held_out")
FOUND = 0.95
"""Share of held-out materials that must be found in ``fpr95``."""


def held_out(rows: MetricRows) -> F8:
    """1 for a held-out row."""
    return rows.held_out


def in_domain(rows: MetricRows) -> F8:
    """1 for a row of the test part."""
    return 1 - rows.held_out


def flagged_held_out(rows: MetricRows) -> F8:
    """1 for a held-out row that is flagged."""
    return rows.flagged * rows.held_out


def flagged_in_domain(rows: MetricRows) -> F8:
    """1 for a row of the test part that is flagged."""
    return rows.flagged * (1 - rows.held_out)


@metric(
    "OOD AUROC", unit="plain", better="higher", columns=SCORE, ranked=True, classes=held_out,
    definition="P(score of a held-out row > of a test row), ties half",
    note="Below 0.5 the class looks *more* usual than the test part.",
    source="Hanley & McNeil, Radiology 143, 29 (1982)",
)  # fmt: skip
def auroc(draw: Draw) -> F8:
    """Chance that a held-out material scores higher than an in-domain one; 0.5 is guessing."""
    return draw.auroc(draw.rows.score, draw.rows.held_out)


@metric(
    "OOD average precision", unit="plain", better="higher", columns=SCORE, ranked=True,
    classes=held_out, shown=False, definition="average precision, held-out as the positive class",
    note="A random order gives the share of held-out rows: compare only at one share.",
    source="Davis & Goadrich, ICML (2006), on why not to interpolate",
)  # fmt: skip
def aupr(draw: Draw) -> F8:
    """Precision of the highest scores, over all thresholds, for held-out materials."""
    return draw.average_precision(draw.rows.score, draw.rows.held_out)


@metric(
    "OOD FPR at 95 %", unit="share", better="lower", columns=SCORE, ranked=True, classes=held_out,
    definition="share of test rows flagged where 95 % of the held-out are found",
    note="The false alarms a careful user pays.", source="Hendrycks et al., ICLR (2019), section 4",
)  # fmt: skip
def fpr95(draw: Draw) -> F8:
    """In-domain materials flagged when the threshold catches 95 % of the held-out ones."""
    return draw.false_positives(draw.rows.score, draw.rows.held_out, found=FOUND)


@metric(
    "flagged, in-domain", unit="share", better="neither", columns=FLAG,
    terms=(flagged_in_domain, in_domain), among=in_domain,
    definition="share of test rows above the detector's own threshold",
)  # fmt: skip
def share_flagged_test(draw: Draw) -> F8:
    """Share of in-domain materials flagged as outside."""
    return ratio(draw.total(flagged_in_domain), draw.total(in_domain))


@metric(
    "flagged, held out", unit="share", better="neither", columns=FLAG,
    terms=(flagged_held_out, held_out), among=held_out,
    definition="share of held-out rows above the detector's own threshold",
)  # fmt: skip
def share_flagged_ood_test(draw: Draw) -> F8:
    """Share of held-out materials flagged as outside."""
    return ratio(draw.total(flagged_held_out), draw.total(held_out))
