"""Label axes with plain numbers and percentages; matplotlib on demand."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain_log(axis: Any, low: float, high: float) -> None:
    """Label a log axis with plain numbers: decades, or 1-2-5 where fewer than two lie on it."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    stride = max(1, (last - first) // 6)
    decades = [10.0**e for e in range(first, last + 1, stride)]
    few = np.log10(high / low) < 1.7 or sum(low <= one <= high for one in decades) < 2
    ticks = [s * one for one in decades for s in ((1, 2, 5) if few else (1,))]
    axis.set_major_locator(FixedLocator([t for t in ticks if low <= t <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


def percent_ticks(axis: Any) -> None:
    """Label an axis of shares in percent."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def percent_log(axis: Any, low: float, high: float) -> None:
    """Label a log axis of shares in percent."""
    plain_log(axis, low, high)
    percent_ticks(axis)
