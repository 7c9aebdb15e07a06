"""Featurizers of crystals and their options. Light."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, Self

from pydantic import model_validator

from atlas_core.api import Component, Config, Field, SpecError, hookimpl

Scalar = str | bool | int | float | None


class CrystalGraphConfig(Config):
    """Every atom gets edges to its ``neighbors`` nearest atoms and their images."""

    radius: float = Field(
        8.0,
        gt=0,
        le=50,
        description="Cutoff radius in Å; a crystal is sparse if an atom has too few neighbors"
        " within it.",
    )
    neighbors: int = Field(12, ge=1, le=100, description="Edges per atom.")
    shells: Literal["cut", "whole"] = Field(
        "cut",
        description=(
            "If several atoms are at the distance of the last neighbor: `cut` the shell to"
            " exactly `neighbors` edges, or keep it `whole` and store the vector of every edge"
            " (`features:directions`). Which atoms of a cut shell are kept depends on the choice"
            " of cell; distances and elements do not reveal it, directions do."
        ),
    )
    sparse: Literal["grow", "refuse"] = Field(
        "grow",
        description=(
            "What to do with a sparse crystal: `grow` the radius until every atom has enough"
            " neighbors, so that atoms beyond `radius` count too; or `refuse` it by its id."
        ),
    )


class DensityFeaturesConfig(Config):
    """Three numbers, as in matminer's DensityFeatures; no options."""


class MatminerConfig(Config):
    """A public class of ``matminer.featurizers.composition`` or ``.structure``."""

    featurizer: str = Field(
        "ValenceOrbital",
        pattern=r"^[A-Za-z][A-Za-z0-9]*$",
        description="Class name, such as `ElementProperty` or `DensityFeatures`.",
    )
    input: Literal["composition", "structure"] = Field(
        "composition", description="Input of the class, which determines the module it comes from."
    )
    preset: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Preset for the class's `from_preset`, such as `magpie`; null: the plain"
        " constructor.",
    )
    options: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="Further keyword arguments: plain values or lists."
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


class NeighborStatisticsConfig(Config):
    """Neighbors are atoms nearly as close as the nearest, as in pymatgen's MinimumDistanceNN."""

    tolerance: float = Field(
        0.1,
        ge=0.001,
        le=1,
        description="A neighbor is nearer than (1 + tolerance) times the distance of the nearest.",
    )


class RadialDistributionConfig(Config):
    """As in matminer's RadialDistributionFunction, divided by the number of sites."""

    cutoff: float = Field(
        20.0, gt=0, le=50, description="Largest distance in Å, a whole number of bins."
    )
    bin_size: float = Field(0.1, ge=0.001, le=10, description="Bin width in Å.")

    @model_validator(mode="after")
    def _whole_bins(self) -> Self:
        if abs(self.cutoff / self.bin_size - round(self.cutoff / self.bin_size)) > 1e-6:
            raise ValueError(
                f"cutoff {self.cutoff:g} is no whole number of bins of {self.bin_size:g}"
            )
        return self


class SineCoulombMatrixConfig(Config):
    """Eigenvalues of the sine Coulomb matrix, largest magnitude first."""

    max_sites: int = Field(
        64,
        ge=1,
        le=2000,
        description=(
            "Number of columns. Crystals with fewer sites are zero-padded; for larger ones, the"
            " eigenvalues of largest magnitude are kept."
        ),
    )


def _crystal_graph_provides(config: CrystalGraphConfig) -> frozenset[str]:
    """Return what the graphs hold with these options."""
    directions = {"features:directions"} if config.shells == "whole" else set()
    return frozenset({"features:graphs"} | directions)


def _matminer_requires(config: MatminerConfig) -> set[str]:
    """Return what the chosen class reads."""
    return {f"inputs:{config.input}"}


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer the featurizer components."""
    return [
        Component(
            "crystal_graph",
            CrystalGraphConfig,
            "atlas_crystal.crystal_graph:CrystalGraph",
            requires={"inputs:structure"},
            provides=_crystal_graph_provides,
            citation="10.1103/PhysRevLett.120.145301",
        ),
        Component(
            "density_features",
            DensityFeaturesConfig,
            "atlas_crystal.density_features:DensityFeatures",
            requires={"inputs:structure"},
            provides={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        ),
        Component(
            "matminer",
            MatminerConfig,
            "atlas_crystal.matminer:Matminer",
            requires=_matminer_requires,
            provides={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        ),
        Component(
            "neighbor_statistics",
            NeighborStatisticsConfig,
            "atlas_crystal.neighbor_statistics:NeighborStatistics",
            requires={"inputs:structure"},
            provides={"features:vectors"},
            citation="10.1016/j.commatsci.2012.10.028",
        ),
        Component(
            "radial_distribution",
            RadialDistributionConfig,
            "atlas_crystal.radial_distribution:RadialDistribution",
            requires={"inputs:structure"},
            provides={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        ),
        Component(
            "sine_coulomb_matrix",
            SineCoulombMatrixConfig,
            "atlas_crystal.sine_coulomb_matrix:SineCoulombMatrix",
            requires={"inputs:structure"},
            provides={"features:vectors"},
            citation="10.1002/qua.24917",
            expected_failures={
                "supercell_does_not_matter": "the matrix has one row per site of the given cell"
            },
        ),
    ]
