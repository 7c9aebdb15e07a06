"""The spec's own fields; the options of components are checked by the components. Light."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    StringConstraints,
    WithJsonSchema,
    create_model,
    model_validator,
)

from atlas_core.component import Config, Field, OfKind, Use
from atlas_core.kinds.acquisition import Goal
from atlas_core.kinds.kind import Kind, Place, kind_of, kinds

AnyConfig = TypeVar("AnyConfig", bound=Config)
Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60, strict=True)
]


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _some(value: tuple[Use, ...]) -> tuple[Use, ...]:
    if not value:
        raise ValueError("name at least one")
    return value


def _one_of(kind: str) -> Any:
    """Return the type of a field that names a component."""
    return Annotated[Use, OfKind(kind)]


def _several_of(kind: str, *, least: int = 1) -> Any:
    """Return the type of a field that names components, or one that stands alone."""
    one = {"component": kind}
    listed = {"type": "array", "items": one, **({"minItems": least} if least else {})}
    return Annotated[
        tuple[_one_of(kind), ...],  # type: ignore[misc]  # made at run time, from KIND
        AfterValidator(_some if least else tuple),
        BeforeValidator(_listed),
        WithJsonSchema({"anyOf": [one, listed]}),
    ]


def _field_of(kind: Kind) -> tuple[Any, Any]:
    """Return type and description of the key that names components of a kind."""
    least = 0 if kind.default else 1
    named = _several_of(kind.name, least=least) if kind.many else _one_of(kind.name)
    if kind.required:
        return named, Field(description=kind.description)
    if kind.default:
        usual = usual_uses(kind.name)
        default = usual if kind.many else usual[0]
        return named, Field(default, description=kind.description)
    return named | None, Field(None, description=kind.description)


def usual_uses(kind: str) -> tuple[Use, ...]:
    """Return what stands where a spec names nothing of a kind."""
    return tuple(Use(use=name) for name in kind_of(kind).default)


def naming(place: Place) -> Callable[[type[AnyConfig]], type[AnyConfig]]:
    """Give a part of a spec a key for each kind that is named there."""

    def wrap(model: type[AnyConfig]) -> type[AnyConfig]:
        fields: dict[str, Any] = {kind.field: _field_of(kind) for kind in kinds(place)}
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__,
            **fields,
        )  # fmt: skip

    return wrap


class Surrogate(Config):
    """Cheaper model for the nested refits."""

    model: Annotated[Use, OfKind("model")] | None = Field(
        None, description="Used in place of `model`; null: `model` itself."
    )
    uq: Annotated[Use, OfKind("uq")] | None = Field(
        None, description="Used in place of `uq`; null: `uq` itself."
    )


@naming("arm")
class Arm(Config):
    """One configuration that a spec compares on the same splits."""

    surrogate: Surrogate | None = Field(
        None,
        description="Trained for `trust.nested` in place of the arm's own model; null: the arm's"
        " own.",
    )


class ActiveLearning(Config):
    """A closed loop: label, train, select, repeat."""

    acquisition: Annotated[Use, OfKind("acquisition")] | None = Field(
        None, description="Acquisition for every arm that does not name its own."
    )
    initial: int = Field(
        200, ge=2, description="Number of initial labels, drawn from the train part."
    )
    batch: int = Field(50, ge=1, description="Labels acquired per round.")
    rounds: int = Field(10, ge=1, description="Number of rounds.")
    goal: Goal | Literal["stable"] = Field(
        "minimize",
        description="What is sought: low targets, high ones, or targets at or below the border of"
        " `reference`, such as crystals on the convex hull.",
    )
    cost: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Power of the number of atoms in the cell with which a label's cost grows, for"
        " an acquisition that weighs it; 0: all cost the same, 3: as plain DFT does.",
    )


class Nested(Config):
    """Nested leave-group-out within the training part, to learn how errors grow under shift."""

    splits: _several_of("split") = Field(  # type: ignore[valid-type]  # as above
        description=(
            "Splits of the training rows; for each of their folds with a held-out class the arm"
            " is refitted without that class."
        ),
    )
    rows: int = Field(
        5000, ge=50, description="Maximum number of training rows per refit, drawn at random."
    )
    scored: int = Field(
        300,
        ge=20,
        description="Maximum number of held-out rows, and of in-domain rows, whose"
        " errors are used.",
    )


class Price(Config):
    """Cost of a label and of a mistake, in one unit; they determine the target reliability."""

    label: float = Field(
        gt=0, description="Cost of one label, such as the hours of a DFT calculation."
    )
    mistake: float = Field(
        gt=0,
        description="Cost of using a prediction whose error exceeds the tolerance, in the same"
        " unit.",
    )

    @model_validator(mode="after")
    def _worth_it(self) -> Price:
        if self.label >= self.mistake:
            raise ValueError(
                "a mistake must cost more than a label; otherwise labeling never pays off"
            )
        return self


class Trust(Config):
    """Error tolerance and target reliability, and what the trust region learns from."""

    error_tolerance: float | None = Field(
        None,
        gt=0,
        description="Error tolerance: the largest acceptable |error|, in the target's unit.",
    )
    error_tolerance_quantile: float | None = Field(
        None,
        gt=0,
        lt=1,
        description=(
            "Instead of `error_tolerance`: this quantile of the |errors| on the calibration rows"
            " of a fold; below 0.7 hardly any out-of-domain prediction can be trusted."
        ),
    )
    target_reliability: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of the trusted predictions that should be within the tolerance;"
        " default 0.9.",
    )
    price: Price | None = Field(
        None,
        description=(
            "Instead of `target_reliability`: trusts where the expected loss is below the cost of a"
            " label."
        ),
    )
    nested: Nested = Field(description="Nested leave-group-out within the training part.")

    @model_validator(mode="after")
    def _one_each(self) -> Trust:
        if (self.error_tolerance is None) == (self.error_tolerance_quantile is None):
            raise ValueError("give either error_tolerance or error_tolerance_quantile")
        if self.target_reliability is not None and self.price is not None:
            raise ValueError("give either target_reliability or price")
        return self

    @property
    def share(self) -> float:
        """Return the target reliability: as stated, or where label and expected loss cost alike."""
        if self.price is not None:
            return 1.0 - self.price.label / self.price.mistake
        return 0.9 if self.target_reliability is None else self.target_reliability


def _ascending(levels: tuple[float, ...]) -> tuple[float, ...]:
    if list(levels) != sorted(set(levels)):
        raise ValueError("give unique levels in ascending order")
    return levels


Level = Annotated[float, Field(gt=0, lt=1)]


class DataFile(Config):
    """A file or folder that a run read."""

    path: str = Field(description="Path as given in the options of the data set.")
    found: str = Field(description="Location at the time of the run.")
    sha256: str = Field("", description="Hash of the file; empty for a folder.")


class Data(Config):
    """The data that a run read, so that its lock file finds the same data again."""

    sha256: str = Field("", description="Hash of the data set, as stated by its source.")
    folder: str = Field("", description="Folder given with `--data-dir`.")
    files: tuple[DataFile, ...] = Field(
        (), description="Files named in the options of the data set."
    )


@naming("run")
class Spec(Config):
    """A question, the data set and split that answer it, and the arms that are compared."""

    atlas: Literal[1] = Field(description="Version of this format: 1.")
    name: Name = Field(description="Short name of the run; its folder begins with it.")
    question: str = Field("", description="The question that the spec asks, in one sentence.")
    seed: int = Field(ge=0, lt=2**63, description="Root seed of every random number in the run.")
    repeats: int = Field(
        1,
        ge=1,
        le=100,
        description=(
            "Number of trainings of each arm: on the same data and folds, each with a seed of its"
            " own for everything that is fitted. The first is that of `repeats: 1`: verdicts,"
            " figures and labels of trust are its own; the others show how much a seed moves them."
        ),
    )
    deduplicate: Literal["lowest", "highest", "mean", "median"] | None = Field(
        None,
        description=(
            "Keep one row per reduced formula: the one with the lowest target (for a formation"
            " energy, the ground state) or the highest, or the first row with the mean or median"
            " target of all (repeated measurements). Applied before `sample`. Null: keep every"
            " row."
        ),
    )
    sample: int | None = Field(
        None, ge=2, description="Use only this many rows, drawn at random with the seed."
    )
    levels: Annotated[tuple[Level, ...], AfterValidator(_ascending)] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
        min_length=1,
        description="Coverage levels of the prediction intervals.",
    )
    arms: dict[Name, Arm] = Field(min_length=1, description="The arms that are compared, by name.")
    trust: Trust | None = Field(
        None,
        description="The error tolerance and target reliability, for arms that name a `trust`.",
    )
    active_learning: ActiveLearning | None = Field(
        None, description="Run a closed loop instead of a single training."
    )
    final: bool = Field(
        False,
        description=(
            "After the evaluation, fit each arm once more on all rows, calibrated by cross-fitting,"
            " and keep that fit for `atlas predict` and `atlas screen`. Its errors are not"
            " measured: those of the evaluation are reported for it."
        ),
    )
    data: Data | None = Field(
        None,
        description=(
            "Which data were read: `atlas run` writes it into `spec.lock.yaml`. They are"
            " searched for next to the spec, in `--data-dir` and at their former location; other"
            " data are refused."
        ),
    )
