"""Is sigma right as a distribution? Light: numpy, scipy's special functions late."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.api import F8, Draw, MetricRows, metric, ratio

SIGMA = ("target", "mean", "std")
LEVELS: F8 = np.arange(1, 100) / 100
"""Central coverage levels 0.01 to 0.99 of the calibration curve."""
BINS = 10
FAR = 5.0
"""Sigmas beyond which a Gaussian puts one row in 1.7 million."""


def std(rows: MetricRows) -> F8:
    """Sigma."""
    return rows.std


def variance(rows: MetricRows) -> F8:
    """Sigma²."""
    return rows.std**2


def crps_rows(rows: MetricRows) -> F8:
    """CRPS of N(m, sigma²); |e| where sigma is 0."""
    from scipy.special import ndtr

    error, s = rows.target - rows.mean, rows.std
    z = np.divide(error, s, out=np.zeros_like(error), where=s > 0)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    gaussian = s * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return np.where(s > 0, gaussian, np.abs(error))


def nll_rows(rows: MetricRows) -> F8 | None:
    """−ln density of N(m, sigma²); None where sigma is 0 for all."""
    s = rows.raised_std
    if not s.all():
        return None
    return 0.5 * np.log(2 * np.pi * s**2) + 0.5 * ((rows.target - rows.mean) / s) ** 2


def z_square(rows: MetricRows) -> F8 | None:
    """z²."""
    return rows.z**2 if rows.raised_std.all() else None


def within(rows: MetricRows) -> npt.NDArray[np.bool_] | None:
    """Whether |z| is at most 1."""
    return rows.z <= 1 if rows.raised_std.all() else None


def beyond(rows: MetricRows) -> npt.NDArray[np.bool_] | None:
    """Whether |z| is above ``FAR``."""
    return rows.z > FAR if rows.raised_std.all() else None


def covered(rows: MetricRows) -> npt.NDArray[np.bool_]:
    """(n, 99) whether the central Gaussian interval of each level holds y.

    It is m ± sigma Phi^-1((1 + level) / 2); with a sigma of 0 it holds an exact hit only.
    """
    from scipy.special import ndtri

    half = np.asarray(ndtri((1 + LEVELS) / 2), dtype=np.float64)
    return np.asarray(rows.error[:, None] <= rows.std[:, None] * half[None, :], dtype=np.bool_)


def area_between(gaps: F8) -> F8:
    """Return (b,) areas between the diagonal and a curve with (b, 99) gaps at ``LEVELS``.

    The curve is straight between levels and has no gap at 0 and 1; where it crosses the diagonal
    both triangles count.
    """
    left, right = np.pad(gaps, ((0, 0), (1, 0))), np.pad(gaps, ((0, 0), (0, 1)))
    height = np.abs(left) + np.abs(right)
    means = np.where(left * right < 0, ratio(left**2 + right**2, height), height)
    return np.asarray(means.sum(axis=1) * 0.01 / 2, dtype=np.float64)


@metric(
    "dispersion", unit="plain", better="neither", columns=SIGMA, terms=(std, variance),
    task="regression", shown=False, definition="standard deviation of σ / its mean",
    source="Levi et al., Sensors 22, 5540 (2022), eq. 9",
)  # fmt: skip
def dispersion(draw: Draw) -> F8:
    """How much sigma differs from row to row; 0: it is the same for all and cannot rank."""
    spread = np.maximum(draw[variance] - draw[std] ** 2, 0) * ratio(draw.n, draw.n - 1)
    return ratio(np.sqrt(spread), draw[std])


@metric(
    "sharpness", unit="target", better="neither", columns=SIGMA, terms=(variance,),
    task="regression", definition="√(mean of σ²)",
    note="Smaller is better only among calibrated methods.",
    source="Tran et al., Mach. Learn.: Sci. Technol. 1, 025006 (2020), section 2.4",
)  # fmt: skip
def sharpness(draw: Draw) -> F8:
    """Root mean square of sigma: how large the stated uncertainty is."""
    return np.sqrt(draw[variance])


@metric(
    "CRPS", unit="target", better="lower", columns=SIGMA, terms=(crps_rows,), mean=True,
    task="regression", definition="mean of σ (z(2Φ(z) − 1) + 2φ(z) − 1/√π)",
    note="Proper and robust: the first number to compare two σ by.",
    source="Gneiting & Raftery, J. Am. Stat. Assoc. 102, 359 (2007), eq. 21",
)  # fmt: skip
def crps(draw: Draw) -> F8:
    """Distance between predicted distribution and truth; equals MAE when sigma is 0."""
    return draw[crps_rows]


@metric(
    "NLL", unit="plain", better="lower", columns=SIGMA, terms=(nll_rows,), mean=True,
    task="regression", definition="mean of ½ ln(2πσ²) + ½ z²",
    note="Proper, but one overconfident row can decide it.",
)  # fmt: skip
def nll(draw: Draw) -> F8:
    """Negative log-likelihood: punishes errors that sigma did not announce."""
    return draw[nll_rows]


@metric(
    "mean z²", unit="plain", better="one", columns=SIGMA, terms=(z_square,), mean=True,
    task="regression", definition="mean of z²",
    note="4: errors are twice what σ says. A single row can decide it: read its `low` and `high`,"
    " and `within_1_sigma`, `median_z` and `beyond_5_sigma`.",
    source="Pernot, APL Mach. Learn. 1, 046121 (2023), eq. 8",
)  # fmt: skip
def zms(draw: Draw) -> F8:
    """Mean squared error over sigma squared; 1 is right, above 1 is overconfident."""
    return draw[z_square]


@metric(
    "within one sigma", unit="share", better="neither", columns=SIGMA, terms=(within,), mean=True,
    task="regression", definition="share of rows with |z| ≤ 1",
    note="0.683 for a Gaussian; above it σ is too large for most rows, below it too small. No"
    " single row can decide it.",
)  # fmt: skip
def within_1_sigma(draw: Draw) -> F8:
    """Share of errors that are smaller than sigma; 68 % where sigma is right and Gaussian."""
    return draw[within]


@metric(
    "beyond five sigma", unit="share", better="neither", columns=SIGMA, terms=(beyond,), mean=True,
    task="regression", shown=False, definition="share of rows with |z| > 5",
    note="A Gaussian puts one row in 1.7 million there, and such rows carry `zms`.",
)  # fmt: skip
def beyond_5_sigma(draw: Draw) -> F8:
    """Share of errors that are larger than five sigma: the tail."""
    return draw[beyond]


@metric(
    "median error over sigma", unit="plain", better="neither", columns=SIGMA, ranked=True,
    task="regression", definition="median of |z|", note="Half of 0.674: σ is twice too large.",
)  # fmt: skip
def median_z(draw: Draw) -> F8:
    """Half of the errors are smaller than this many sigma; 0.67 where sigma is right."""
    return draw.median(draw.rows.z)


@metric(
    "miscalibration area", unit="plain", better="lower", columns=SIGMA, terms=(covered,),
    task="regression",
    definition="area between the diagonal and the share of rows inside the central Gaussian"
    " interval, at levels 0.01 to 0.99",
    note="0.5 is the worst; blind to *which* rows have a large σ: one σ for all can be perfect.",
    source="Tran et al., Mach. Learn.: Sci. Technol. 1, 025006 (2020), section 2.4",
)  # fmt: skip
def miscalibration_area(draw: Draw) -> F8:
    """Area between the calibration curve and the diagonal; 0 is perfect."""
    return area_between(draw[covered] - LEVELS)


@metric(
    "ENCE", unit="plain", better="lower", columns=SIGMA, ranked=True, task="regression",
    definition="ten bins of equal count by σ; mean of |RMV − RMSE| / RMV",
    note="0 is perfect, but chance alone gives a perfect σ 0.08 at 500 rows.",
    source="Levi et al., Sensors 22, 5540 (2022), eq. 8",
)  # fmt: skip
def ence(draw: Draw) -> F8:
    """Mean relative gap between sigma and the RMS error, over ten bins of sigma."""
    rows = draw.rows
    if not rows.raised_std.all() or len(rows) < BINS:
        return np.full(len(draw.n), np.nan)
    sums = draw.bin_sums(rows.std, [rows.error**2, rows.raised_std**2], bins=BINS)
    rmse, rmv = np.sqrt(np.maximum(sums[:, 0], 0)), np.sqrt(np.maximum(sums[:, 1], 0))
    return np.asarray(ratio(np.abs(rmv - rmse), rmv).mean(axis=1), dtype=np.float64)
