"""The options of the training loop, for every network that uses it. Light: pydantic only."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Config, Field


class TrainingConfig(Config):
    """Options of the training loop; a network's config inherits them."""

    epochs: int = Field(60, ge=1, description="Passes over the training rows.")
    least_steps: int = Field(
        0,
        ge=0,
        description="Minimum number of optimizer steps: a small data set is passed over more"
        " often than `epochs`.",
    )
    batch_size: int = Field(128, ge=2, description="Minimum batch size, in crystals.")
    learning_rate: float = Field(1e-2, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(1e-2, ge=0, description="Decoupled weight decay of AdamW.")
    huber_delta: float = Field(
        0.2,
        gt=0,
        description="Transition of the Huber loss to linear, in standard deviations of the target.",
    )
    head: Literal["mean", "mean_variance", "evidential"] = Field(
        "mean",
        description="What is learned in addition to the mean: nothing (Huber loss), the noise of"
        " each row (`mean_variance`, Seitzer 2022), or evidence for it"
        " (`evidential`, Amini 2020; its epistemic part is disputed, arXiv"
        " 2205.10060).",
    )
    beta: float = Field(
        0.5,
        ge=0,
        le=1,
        description="For the `mean_variance` loss: weight rows by variance ** beta; 0 is the"
        " plain likelihood, which underfits hard rows; 1 learns the mean as a"
        " squared-error loss does.",
    )
    evidence_penalty: float = Field(
        0.01,
        ge=0,
        description="For the `evidential` loss: weight of the penalty, evidence times error.",
    )
    clip_norm: float = Field(
        0.5, gt=0, description="Gradient clipping: maximum norm of the whole gradient."
    )
    outlier_sigma: float | None = Field(
        None,
        gt=0,
        description="Leave out of training rows whose target is farther than this many standard"
        " deviations from the mean, and list them; null keeps all.",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Fraction of the training rows used for validation, to select the best"
        " epoch, rounded down to whole rows: if that leaves none (a tenth of fewer"
        " than ten), the last epoch is kept.",
    )
    snapshots: int = Field(
        1,
        ge=1,
        le=1000,
        description="Sets of weights to keep and average: those at the end of training, and one"
        " after each of several shorter cycles that continue from there (Huang"
        " 2017).",
    )
    snapshot_epochs: int = Field(
        10, ge=1, description="Passes over all training rows between two snapshots."
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Threads for training and prediction. They change the last digits, because"
        " the order of sums changes; therefore they are part of the spec, not of the"
        " machine.",
    )
    bfloat16: bool = Field(
        False,
        description="Train with products in bfloat16, sums and weights in float32; meant for a"
        " GPU.",
    )
    patience: int = Field(
        20,
        ge=1,
        description="Early stopping: stop after this many epochs without a better"
        " validation error.",
    )


def provides(config: TrainingConfig) -> set[str]:
    """Return what a network offers with these options."""
    found = {"model:dropout", "model:embedding", "model:threads"}
    if config.head != "mean":
        found.add("model:variance")
    if config.snapshots > 1:
        found.add("model:snapshots")
    return found


def tasks(config: TrainingConfig) -> set[str]:
    """Return the tasks that a network is bound to with these options."""
    return set() if config.head == "mean" else {"task:regression"}
