"""Your own folder of CIF files with id_prop.csv (the CGCNN convention)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Decimal, Field, OnBad, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import DatasetSource


class CifFolderConfig(Config):
    """A folder with ``id_prop.csv`` (id,target; no header) and ``<id>.cif`` for each id."""

    path: str = Field(min_length=1, description="The folder, relative to the spec.")
    target: str = Field("target", min_length=1, description="What the property is called.")
    unit: str = Field("", description="Unit of the target, for the report.")
    task: Literal["regression", "binary"] = Field(
        "regression", description="`binary` takes true/false, yes/no and 1/0."
    )
    on_error: OnBad = Field(
        "stop",
        description="What becomes of rows that cannot be read: `stop` with all of them named, or"
        " `drop` them and say how many and why.",
    )
    missing: OnBad = Field(
        "stop", description="What becomes of rows without a target: `stop` or `drop`, likewise."
    )
    separator: str | None = Field(
        None,
        pattern=r'^[^"\r\n]$',
        description="What stands between id and target, one sign such as `;` or a"
        " tab; default: a comma, semicolon, tab or bar, found out.",
    )
    decimal: Decimal | None = Field(
        None,
        description="Decimal sign of the targets; default: a full stop, or a comma where no comma"
        " parts the columns and the targets have one.",
    )
    encoding: str | None = Field(
        None, description="Encoding of `id_prop.csv`, such as `latin-1`; default: UTF-8."
    )
    bounds: tuple[float | None, float | None] | None = Field(
        None,
        description="`[low, high]` between which every value of the target must lie, `null` for an"
        " open end: `[0, null]` for a band gap. Intervals are cut there.",
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


def contract_options(folder: Path) -> dict[str, object]:
    """Write three one-atom crystals into ``folder``."""
    root = folder / "crystals"
    root.mkdir(exist_ok=True)
    cells = {"al": ("Al", 4.05), "cu": ("Cu", 3.61), "fe": ("Fe", 2.87)}
    for name, (symbol, a) in cells.items():
        lengths = "".join(f"_cell_length_{axis} {a}\n" for axis in "abc")
        angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
        sites = "loop_\n_atom_site_label\n_atom_site_type_symbol\n"
        sites += "".join(f"_atom_site_fract_{axis}\n" for axis in "xyz")
        symmetry = "_symmetry_Int_Tables_number 1\nloop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
        (root / f"{name}.cif").write_text(
            f"data_{name}\n{lengths}{angles}{symmetry}{sites}{symbol}1 {symbol} 0 0 0\n",
            encoding="utf-8",
        )
    listing = "".join(f"{name},{a}\n" for name, (_, a) in cells.items())
    (root / "id_prop.csv").write_text(listing, encoding="utf-8")
    return {"path": "crystals"}
