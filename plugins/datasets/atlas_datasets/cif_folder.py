"""Your own folder of CIF files with id_prop.csv (the CGCNN convention)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import DatasetSource


class CifFolderConfig(Config):
    """A folder with ``id_prop.csv`` (id,target; no header) and ``<id>.cif`` for each id."""

    path: str = Field(min_length=1, description="The folder, relative to the spec.")
    target: str = Field("target", min_length=1, description="What the property is called.")
    unit: str = Field("", description="Unit of the target, for the report.")
    task: Literal["regression", "binary"] = Field(
        "regression", description="`binary` takes true/false, yes/no and 1/0."
    )
    licence: str = Field("not stated", description="Terms under which the data may be used.")
    citation: tuple[str, ...] = Field((), description="Papers to cite.")


def gives(config: CifFolderConfig) -> frozenset[str]:
    """Return what the folder offers with these options."""
    return frozenset({"inputs:composition", "inputs:structure", f"task:{config.task}"})


def build(config: CifFolderConfig) -> DatasetSource:
    """Return the reader of the folder."""
    from atlas_datasets._cif_folder import CifFolder

    return CifFolder(config)


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the folder reader."""
    return [
        Component(
            "cif_folder",
            CifFolderConfig,
            build,
            gives=gives,
            citation="10.1103/PhysRevLett.120.145301",
        )
    ]
