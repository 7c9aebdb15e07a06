"""Error of the prediction. Light: numpy only."""

from __future__ import annotations

import numpy as np

from atlas_core.api import F8, Draw, MetricRows, metric, ratio

POINT = ("target", "mean")
BASELINE = (*POINT, "baseline")


def size(rows: MetricRows) -> F8:
    """|e|."""
    return rows.error


def square(rows: MetricRows) -> F8:
    """e²."""
    return rows.error**2


def target(rows: MetricRows) -> F8:
    """Target less its mean, which keeps the variance exact for large targets."""
    return rows.target - rows.target.mean()


def target_square(rows: MetricRows) -> F8:
    """Square of :func:`target`."""
    return target(rows) ** 2


def signed(rows: MetricRows) -> F8:
    """Prediction less target."""
    return rows.mean - rows.target


def above(rows: MetricRows) -> F8:
    """1 where m > y, a half where they are equal."""
    return (np.sign(signed(rows)) + 1) / 2


def constant(rows: MetricRows) -> F8:
    """|y − median of the training targets|."""
    return np.abs(rows.target - rows.baseline)


def _varies(draw: Draw) -> F8:
    """Return (b,) variances of the target; 0 where it is constant but for rounding."""
    squares = draw[target_square]
    variance = squares - draw[target] ** 2
    return np.where(variance <= 1e-14 * np.abs(squares), 0.0, variance)


@metric(
    "MAE", unit="target", better="lower", columns=POINT, terms=(size,), mean=True,
    task="regression", definition="mean of |e|", note="The number of the leaderboard.",
)  # fmt: skip
def mae(draw: Draw) -> F8:
    """Mean absolute error: how far off a prediction is on average."""
    return draw[size]


@metric(
    "RMSE", unit="target", better="lower", columns=POINT, terms=(square,), task="regression",
    definition="√(mean of e²)",
    note="Above 1.25 × MAE (a Gaussian's ratio), a few large errors carry it.",
)  # fmt: skip
def rmse(draw: Draw) -> F8:
    """Root of the mean squared error: as MAE, but large errors count more."""
    return np.sqrt(draw[square])


@metric(
    "median error", unit="target", better="lower", columns=POINT, ranked=True, task="regression",
    definition="median of |e|",
)  # fmt: skip
def median_ae(draw: Draw) -> F8:
    """Absolute error of the typical material: half err by less. Far below MAE: few carry it."""
    return draw.median(draw.rows.error)


@metric(
    "R²", unit="plain", better="higher", columns=POINT, terms=(square, target, target_square),
    task="regression", definition="1 − Σe² / Σ(y − ȳ)²",
    note="Below 0 is worse than the mean; it falls where a part has little spread.",
)  # fmt: skip
def r2(draw: Draw) -> F8:
    """Share of the target's variance that is predicted; 0 is no better than the mean."""
    return 1 - ratio(draw[square], _varies(draw))


@metric(
    "MAE / MAD", unit="plain", better="lower", columns=POINT, terms=(size, target, target_square),
    task="regression", definition="MAE / mean of |y − ȳ|",
    note="On a held-out class no model was given that mean: read `mae_baseline` there. It compares"
    " targets of different units.",
    source="Dunn et al., npj Comput. Mater. 6, 138 (2020)",
)  # fmt: skip
def mae_over_mad(draw: Draw) -> F8:
    """MAE over that of predicting the mean true value of these same materials for all.

    1: no better than that mean.
    """
    y = draw.rows.target
    center = draw[target] + y.mean()
    deviation = np.abs(y[None, :] - center[:, None])
    mad = np.einsum("bn,bn->b", draw.weights, deviation) / draw.weights.sum(axis=1)
    return ratio(draw[size], np.where(_varies(draw) == 0, 0.0, mad))


@metric(
    "mean signed error", unit="target", better="neither", columns=POINT, terms=(signed,), mean=True,
    task="regression", definition="mean of m − y",
    note="Near ± MAE, a constant would take most of the error away.",
)  # fmt: skip
def mean_error(draw: Draw) -> F8:
    """Mean of predicted minus true: above 0 predictions are too high.

    The nearer to MAE, the more the errors go in one direction.
    """
    return draw[signed]


@metric(
    "predicted too high", unit="share", better="neither", columns=POINT, terms=(above,), mean=True,
    task="regression", definition="share of rows with m > y, exact ones half",
    note="With `mean_error`: does the typical row err that way, or do a few large errors?",
)  # fmt: skip
def share_too_high(draw: Draw) -> F8:
    """Share of materials predicted above the true value."""
    return draw[above]


@metric(
    "MAE of a constant", unit="target", better="neither", columns=BASELINE, terms=(constant,),
    mean=True, task="regression", shown=False,
    definition="MAE of the median of the training targets",
    note="No constant has a smaller error on the training set.",
)  # fmt: skip
def mae_baseline(draw: Draw) -> F8:
    """Error of predicting the median of the training targets for all: no learning."""
    return draw[constant]


@metric(
    "MAE / MAE of a constant", unit="plain", better="lower", columns=BASELINE,
    terms=(size, constant), task="regression", shown=False, definition="MAE / `mae_baseline`",
    note="The verdict trusts an arm where its `high` is below 0.4, and calls it no better than a"
    " constant where its `low` is above 0.9.",
)  # fmt: skip
def mae_over_baseline(draw: Draw) -> F8:
    """MAE over that of the median of the training targets; 1 is no better than that constant."""
    return ratio(draw[size], draw[constant])


@metric(
    "largest error", unit="target", better="lower", columns=POINT, ranked=True, task="regression",
    interval=False, shown=False, definition="largest |e|",
    note="A single row: inspect it before quoting it.",
)  # fmt: skip
def max_error(draw: Draw) -> F8:
    """The single worst prediction."""
    # A resample holds no error larger than the largest of the data, so its percentiles end there
    # (Bickel & Freedman, Ann. Stat. 9, 1196 (1981), section 6): it has no interval.
    return draw.largest(draw.rows.error)


@metric(
    "rank correlation of predictions", unit="plain", better="higher", columns=POINT, ranked=True,
    task="regression", shown=False, definition="rank correlation of m and y",
    note="The verdict advises to rank by weak predictions where its `low` is 0.3 or more.",
)  # fmt: skip
def rank_correlation(draw: Draw) -> F8:
    """How well predictions rank materials by their true values; 0 is a random order."""
    return draw.spearman(draw.rows.mean, draw.rows.target)
