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
        description="Steps of the optimizer, at least: a small data set is passed over more often"
        " than `epochs` says.",
    )
    batch_size: int = Field(128, ge=2, description="Crystals a step, at least.")
    learning_rate: float = Field(1e-2, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(1e-2, ge=0, description="Decoupled weight decay of AdamW.")
    huber_delta: float = Field(
        0.2,
        gt=0,
        description="Where the Huber loss turns linear, in standard deviations of the target.",
    )
    head: Literal["mean", "mean_variance", "evidential"] = Field(
        "mean",
        description="What is learnt besides the mean: nothing (Huber loss), the noise of each row"
        " (`mean_variance`, Seitzer 2022), or evidence for it (`evidential`, Amini 2020), whose"
        " epistemic part is disputed (arXiv 2205.10060).",
    )
    beta: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Of the `mean_variance` loss: weight rows by variance ** beta; 0 is the plain"
        " likelihood, which gives up on hard rows; 1 learns the mean as squared errors do.",
    )
    evidence_penalty: float = Field(
        0.01, ge=0, description="Of the `evidential` loss: price of evidence times error."
    )
    clip_norm: float = Field(0.5, gt=0, description="Bound on the norm of the whole gradient.")
    outlier_sigma: float | None = Field(
        None,
        gt=0,
        description="Leave rows with a target farther than this many standard deviations from the"
        " mean out of training, and list them; null keeps all.",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Share of the training rows that picks the best epoch, rounded down to whole"
        " rows: where that leaves none (a tenth of less than ten), the last epoch is kept.",
    )
    snapshots: int = Field(
        1,
        ge=1,
        le=1000,
        description="Sets of weights to keep and average: those of the training, and one after each"
        " of some shorter ones that go on from there (Huang 2017).",
    )
    snapshot_epochs: int = Field(
        10, ge=1, description="Passes over all training rows between two snapshots."
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Threads of training and prediction. They change the last digits, because sums"
        " are taken in another order: so they are part of the question, not of the machine.",
    )
    bfloat16: bool = Field(
        False,
        description="Compute products in bfloat16 while training, sums and weights in float32;"
        " meant for a GPU.",
    )
    patience: int = Field(
        20, ge=1, description="Stop after this many epochs without a better validation error."
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
