"""Does sigma find the errors? Light: numpy only.

Only its order counts, so any score of doubt can be scored. In a binary task a wrong answer is an
error of 1 and a right one of 0: sigma of a class follows P(1) and so does |y - P(1)|, whose rank
correlation would be high for any labels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, Draw, MetricRows, metric, ratio

DOUBT = ("target", "mean", "std")
TOP = 0.1
"""Share of the rows that count as large errors."""
KEPT = 0.8
"""Share of the rows, those with the smallest sigma, whose error is ``mae_at_80``."""


def large(rows: MetricRows) -> npt.NDArray[np.bool_]:
    """Whether |e| is among the largest tenth (at least one row; ties included)."""
    count = max(1, round(TOP * len(rows)))
    return np.asarray(rows.error >= np.sort(rows.error)[-count])


def wrong(rows: MetricRows) -> F8:
    """1 for a wrong answer, else 0."""
    return rows.mistake


def _area(draw: Draw) -> F8:
    return draw.aurc(draw.rows.std, draw.rows.mistake)


def _oracle(draw: Draw) -> F8:
    return draw.aurc(draw.rows.mistake, draw.rows.mistake)


def _random(draw: Draw) -> F8:
    return draw.mean(draw.rows.mistake)


def _found(draw: Draw, positive: F8 | None) -> F8:
    return draw.auroc(draw.rows.std, np.ones(len(draw.rows)) if positive is None else positive)


@metric(
    "rank correlation", unit="plain", better="higher", columns=DOUBT, ranked=True,
    task="regression", definition="rank correlation of |e| and σ",
    note="Errors are random, so a *perfect* Gaussian σ stays well below 1: about 0.5 where its"
    " dispersion is 0.58.",
)  # fmt: skip
def spearman(draw: Draw) -> F8:
    """Does a larger sigma go with a larger error? 1 always, 0 not at all."""
    return draw.spearman(draw.rows.error, draw.rows.std)


@metric(
    "AURC", unit="target", better="lower", columns=DOUBT, ranked=True, shown=False,
    definition="mean over k of the MAE of the k rows with the smallest σ",
    note="Lies between `aurc_oracle` and `aurc_random`.",
    source="Geifman & El-Yaniv, NeurIPS 30 (2017)",
)  # fmt: skip
def aurc(draw: Draw) -> F8:
    """Area under the risk-coverage curve: the error of the most certain rows, over all shares."""
    return _area(draw)


@metric(
    "AURC of an oracle", unit="target", better="neither", columns=DOUBT, ranked=True, shown=False,
    definition="`aurc` of rows in the order of their errors",
    source="Geifman et al., ICLR (2019), section 4",
)  # fmt: skip
def aurc_oracle(draw: Draw) -> F8:
    """The lowest AURC that an order of the rows can have."""
    return _oracle(draw)


@metric(
    "AURC of a random order", unit="target", better="neither", columns=DOUBT, ranked=True,
    shown=False, definition="the MAE",
)  # fmt: skip
def aurc_random(draw: Draw) -> F8:
    """The AURC of a random order, at every coverage the mean error."""
    return _random(draw)


@metric(
    "AUSE", unit="plain", better="lower", columns=DOUBT, ranked=True,
    definition="(`aurc` − `aurc_oracle`) / MAE",
    note="Above `ause_random`, that of a random order, σ misleads.",
    source="Ilg et al., ECCV (2018), section 4",
)  # fmt: skip
def ause(draw: Draw) -> F8:
    """Area between the risk-coverage curve and the ideal one, over MAE; 0 is ideal."""
    return ratio(_area(draw) - _oracle(draw), _random(draw))


@metric(
    "AUSE of a random order", unit="plain", better="neither", columns=DOUBT, ranked=True,
    shown=False, definition="(`aurc_random` − `aurc_oracle`) / MAE",
)  # fmt: skip
def ause_random(draw: Draw) -> F8:
    """The AUSE of a random order, the mark that a useful sigma must beat."""
    random = _random(draw)
    return ratio(random - _oracle(draw), random)


@metric(
    "finds large errors", unit="plain", better="higher", columns=DOUBT, ranked=True,
    task="regression", classes=large,
    definition="AUROC of σ as a detector of the largest 10 % of |e|",
    note="0.8: a bad row outranks another in four cases of five; a perfect σ of dispersion 0.58"
    " gives about 0.86.",
)  # fmt: skip
def error_auroc(draw: Draw) -> F8:
    """How well sigma singles out the tenth with the largest errors; 0.5 is chance level."""
    return _found(draw, draw.rows.of(large))


@metric(
    "finds wrong answers", unit="plain", better="higher", columns=DOUBT, ranked=True,
    task="binary", classes=wrong, definition="AUROC of σ as a detector of wrong answers",
    note="A rank correlation of σ with |y − P| would be high for any labels: both follow P.",
)  # fmt: skip
def wrong_auroc(draw: Draw) -> F8:
    """How well sigma singles out wrong answers; 0.5 is chance level."""
    return _found(draw, draw.rows.of(wrong))


@metric(
    "MAE of the most confident 80 %", unit="target", better="lower", columns=DOUBT, ranked=True,
    task="regression", definition="MAE of the 80 % of the rows with the smallest σ",
    note="Compare it with `mae`.",
)  # fmt: skip
def mae_at_80(draw: Draw) -> F8:
    """Mean error that is left when the fifth with the largest sigma is set aside."""
    return draw.kept_mean(draw.rows.std, draw.rows.error, share=KEPT)
