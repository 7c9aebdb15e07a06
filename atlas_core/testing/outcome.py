"""How a check says that a promise is broken, or does not apply. Light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.errors import ContractError


class NotApplicable(Exception):  # noqa: N818 - it is an answer, not an error
    """Leave a check: the promise does not concern this component; the message states why."""


def require(condition: object, message: str) -> None:
    """Stop the check with ``message`` unless ``condition`` holds.

    Raises:
        ContractError: the condition does not hold.
    """
    if not bool(condition):
        raise ContractError(message)


def applies(condition: object, reason: str) -> None:
    """Leave the check as not applicable, for ``reason``, unless ``condition`` holds.

    Raises:
        NotApplicable: the condition does not hold.
    """
    if not bool(condition):
        raise NotApplicable(reason)


def require_close(
    actual: npt.ArrayLike,
    expected: npt.ArrayLike,
    message: str,
    *,
    tolerance: float = 1e-5,
    size: npt.ArrayLike | None = None,
) -> None:
    """Stop the check unless two arrays agree to ``tolerance``, relative to the largest value.

    What is no floating-point number must be the same. NaN equals NaN. ``size`` are values whose
    largest is the measure, where ``expected`` is only a row of them: by default ``expected``.

    Raises:
        ContractError: a shape or a value differs; the message tells by how much.
    """
    a, b = np.asarray(actual), np.asarray(expected)
    require(a.shape == b.shape, f"{message}: shape {a.shape}, expected {b.shape}")
    if not a.dtype.kind == b.dtype.kind == "f":
        require(np.array_equal(a, b), f"{message}: they differ")
        return
    require(np.array_equal(np.isnan(a), np.isnan(b)), f"{message}: NaN stands elsewhere")
    finite = np.isfinite(a) & np.isfinite(b)
    rest = ~finite & ~np.isnan(a)
    require(np.array_equal(a[rest], b[rest]), f"{message}: infinities differ")
    if finite.any():
        measure = b if size is None else np.asarray(size, dtype=np.float64)
        scale = max(float(np.abs(measure[np.isfinite(measure)]).max()), 1e-12)
        worst = float(np.abs(a[finite] - b[finite]).max())
        require(worst <= tolerance * scale, f"{message}: they differ by {worst:.3g}")
