"""Any matminer featurizer by class name and preset (Ward et al. 2018)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, Self

from pydantic import model_validator

from atlas_core.api import Component, Config, Featurizer, Field, SpecError, hookimpl

Scalar = str | bool | int | float | None


class MatminerConfig(Config):
    """A public class of ``matminer.featurizers.composition`` or ``.structure``."""

    featurizer: str = Field(
        "ValenceOrbital",
        pattern=r"^[A-Za-z][A-Za-z0-9]*$",
        description="Class name, such as `ElementProperty` or `DensityFeatures`.",
    )
    input: Literal["composition", "structure"] = Field(
        "composition", description="What the class reads, and so the module it is taken from."
    )
    preset: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Name for the class's `from_preset`, such as `magpie`; null calls the class.",
    )
    options: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="Further arguments by name: plain values or lists."
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        """Hold names against matminer itself, which only a spec that names some imports."""
        if self.model_fields_set and find_spec("matminer") is not None:
            from atlas_crystal._matminer import make

            try:
                make(self)
            except SpecError as err:
                raise ValueError(str(err)) from err
        return self


def needs(config: MatminerConfig) -> set[str]:
    """Return what the chosen class reads."""
    return {f"inputs:{config.input}"}


def build(config: MatminerConfig) -> Featurizer:
    """Return the featurizer.

    Raises:
        SpecError: unknown class, preset or option, or a class that must be fitted first.
    """
    from atlas_crystal._matminer import Matminer

    return Matminer(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``matminer``."""
    return [
        Component(
            "matminer",
            MatminerConfig,
            build,
            needs=needs,
            gives={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        )
    ]
