"""The spec's own fields; the options of components are checked by the components. Light."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from atlas_core.component import Config, Field
from atlas_core.kinds.acquisition import Goal

Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60, strict=True)
]


class Use(Config):
    """Name a component and its options."""

    use: str = Field(description="The component's name, as `atlas plugins` lists it.")
    options: dict[str, Any] = Field(default_factory=dict, description="Its options.")


def _expand(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not found:
        raise ValueError("name at least one")
    return found


UseField = Annotated[Use, BeforeValidator(_expand)]
UseFields = Annotated[tuple[UseField, ...], BeforeValidator(_listed)]


class Arm(Config):
    """One of the answers that a spec compares on the same splits."""

    featurizer: UseFields = Field(
        description=(
            "Materials to vectors or graphs; of several that give vectors, a list: their columns"
            " stand side by side."
        ),
    )
    model: UseField = Field(description="Features to a target.")
    uq: UseField = Field(description="How the model says how sure it is.")
    calibrator: UseField | None = Field(
        None, description="Makes the uncertainty keep its word; none: no intervals."
    )
    ood: UseField | None = Field(
        None, description="Says how far a material lies from the training data; none: no score."
    )
    acquisition: UseField | None = Field(
        None, description="What to label next; needs `active_learning`."
    )


class ActiveLearning(Config):
    """A closed loop: label, learn, choose, again."""

    acquisition: UseField | None = Field(
        None, description="What to label next, for every arm that names none itself."
    )
    initial: int = Field(200, ge=2, description="Labels to start from, drawn from the train part.")
    batch: int = Field(50, ge=1, description="Labels asked for in a round.")
    rounds: int = Field(10, ge=1, description="How many batches are asked for.")
    goal: Goal = Field("minimise", description="Whether low or high targets are wanted.")


def _ascending(levels: tuple[float, ...]) -> tuple[float, ...]:
    if list(levels) != sorted(set(levels)):
        raise ValueError("give distinct levels in ascending order")
    return levels


Level = Annotated[float, Field(gt=0, lt=1)]


class Spec(Config):
    """A question to a data set: which arms answer it, on which split."""

    atlas: Literal[1] = Field(description="Version of this format: 1.")
    name: Name = Field(description="Short name of the run; its folder begins with it.")
    question: str = Field("", description="The question that the spec asks, in one sentence.")
    seed: int = Field(ge=0, lt=2**63, description="Root of every random number in the run.")
    sample: int | None = Field(
        None, ge=2, description="Use only so many rows, drawn at random with the seed."
    )
    levels: Annotated[tuple[Level, ...], AfterValidator(_ascending)] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
        min_length=1,
        description="Coverage levels of the prediction intervals.",
    )
    dataset: UseField = Field(description="Materials with a target.")
    split: UseField = Field(description="Which rows train, calibrate, test and stay outside.")
    arms: dict[Name, Arm] = Field(min_length=1, description="What is compared, by name.")
    active_learning: ActiveLearning | None = Field(
        None, description="Run a closed loop instead of one training."
    )
