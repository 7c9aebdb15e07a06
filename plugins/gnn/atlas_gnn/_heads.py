"""What the last layer of a network says: a mean, a Gaussian, or evidence for one.

Outputs are in standard deviations of the target. A head of one column is (b,), others are (b, c).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from atlas_gnn._options import TrainingConfig

COLUMNS = {"mean": 1, "mean_variance": 2, "evidential": 4}
"""Outputs of each head."""

_LEAST_VARIANCE = 1e-4
"""A std of 1 % of the target's: a network that fits its rows exactly would claim less and less."""
_LEAST_EVIDENCE = 1e-3
"""Keeps nu and alpha - 1 away from 0, where both stds are infinite."""


def joined(columns: Tensor) -> Tensor:
    """Return (b,) of one column, or (b, c) as it is."""
    return columns[:, 0] if columns.shape[1] == 1 else columns


def mean_of(output: Tensor) -> Tensor:
    """Return (b,) the mean that any head predicts."""
    return output if output.ndim == 1 else output[:, 0]


def variance_of(output: Tensor) -> Tensor:
    """Return (b,) the variance of a ``mean_variance`` head."""
    return functional.softplus(output[:, 1]) + _LEAST_VARIANCE


def evidence_of(output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (b,) nu, alpha > 1 and beta of an ``evidential`` head."""
    nu, alpha, beta = functional.softplus(output[:, 1:]).unbind(1)
    return nu + _LEAST_EVIDENCE, alpha + 1 + _LEAST_EVIDENCE, beta + _LEAST_VARIANCE


def stds_of(output: Tensor, options: TrainingConfig) -> tuple[Tensor, Tensor]:
    """Return (b,) epistemic and (b,) aleatoric std; a ``mean_variance`` head knows no epistemic.

    Those of an ``evidential`` head are eq. 5 of Amini 2020.
    """
    if options.head == "mean_variance":
        variance = variance_of(output)
        return torch.zeros_like(variance), variance.sqrt()
    nu, alpha, beta = evidence_of(output)
    noise = beta / (alpha - 1)
    return (noise / nu).sqrt(), noise.sqrt()


def loss_of(output: Tensor, target: Tensor, options: TrainingConfig, *, judged: bool) -> Tensor:
    """Return the mean loss of a regression.

    Args:
        output: what the head returned.
        target: (b,) in standard deviations.
        options: the head, and the constants of its loss.
        judged: for choosing an epoch: without the weights and penalties that help training.
    """
    if options.head == "mean":
        return functional.huber_loss(output, target, delta=options.huber_delta)
    if options.head == "mean_variance":
        variance = variance_of(output)
        nll = 0.5 * (variance.log() + (target - mean_of(output)).square() / variance)
        # eq. 5 of Seitzer 2022: rows with a large variance keep their say in the mean
        return (nll if judged else nll * variance.detach() ** options.beta).mean()
    nu, alpha, beta = evidence_of(output)
    error = target - mean_of(output)
    scale = 2 * beta * (1 + nu)
    # eq. 8 and 9 of Amini 2020: a Student t of 2 alpha degrees, and evidence where it is wrong
    nll = (
        0.5 * torch.log(math.pi / nu)
        - alpha * scale.log()
        + (alpha + 0.5) * torch.log(nu * error.square() + scale)
        + torch.lgamma(alpha)
        - torch.lgamma(alpha + 0.5)
    )
    penalty = 0.0 if judged else options.evidence_penalty
    return (nll + penalty * error.abs() * (2 * nu + alpha)).mean()
