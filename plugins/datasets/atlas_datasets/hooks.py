"""Data sets and their options. Light."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from atlas_core.api import Component, Config, DataError, Field, Meaning, hookimpl
from atlas_reading import Decimal, OnBad


class RowsConfig(Config):
    """Where the rows are, what is predicted, and how the text is formatted."""

    path: str = Field(min_length=1)
    target: str = Field(min_length=1, description="Column of the property to predict.")
    unit: str = Field("", description="Unit of the target, for the report.")
    task: Literal["regression", "binary"] = Field(
        "regression", description="`binary` takes true/false, yes/no and 1/0."
    )
    bounds: tuple[float | None, float | None] | None = Field(
        None,
        description="`[low, high]` between which every value of the target must lie, `null` for"
        " an open end: `[0, null]` for a band gap. Intervals are clipped to it.",
    )
    quantity: str = Field(
        "",
        description="The target in words, as reports name it: `formation energy per atom`; default:"
        " its column.",
    )
    class_names: tuple[str, str] | None = Field(
        None,
        description="What 0 and 1 of a binary target are, false first: `[not a metal, metal]`.",
    )
    caveat: str = Field(
        "",
        description="What the target is not, for the report: `computed at 0 K, not measured`.",
    )
    url: str = Field(
        "",
        description="Web page of a material, to which reports link its id: http(s), with `{id}`"
        " where the id stands.",
    )
    on_error: OnBad = Field(
        "stop",
        description="What to do with unreadable rows: `stop` and list all of them, or `drop`"
        " them and report how many and why.",
    )
    missing: OnBad = Field(
        "stop", description="What to do with rows that have no target: `stop` or `drop`, as above."
    )
    separator: str | None = Field(
        None,
        pattern=r'^[^"\r\n]$',
        description="Column separator, one character such as `;` or a tab; default: detected"
        " among comma, semicolon, tab and bar.",
    )
    decimal: Decimal | None = Field(
        None,
        description="Decimal separator; default: a period, or a comma where the targets contain"
        " one and it does not separate columns.",
    )
    encoding: str | None = Field(
        None, description="Encoding of text, such as `latin-1` or `utf-16`; default: UTF-8."
    )
    license: str = Field("not stated", description="License of the data.")
    citation: tuple[str, ...] = Field((), description="Papers to cite.")

    @property
    def meaning(self) -> Meaning:
        """Return what these options state of the target."""
        return Meaning(self.quantity, self.class_names, self.caveat, self.url)

    @model_validator(mode="after")
    def _meant(self) -> Self:
        try:
            stated = self.meaning
        except DataError as err:
            raise ValueError(str(err)) from err
        if stated.class_names is not None and self.task != "binary":
            raise ValueError("class_names need task: binary")
        return self


class CifFolderConfig(RowsConfig):
    """A folder with ``id_prop.csv`` (id,target; no header) and ``<id>.cif`` for each id."""

    path: str = Field(min_length=1, description="The folder, relative to the spec.")
    target: str = Field("target", min_length=1, description="Name of the property.")


class DielectricConstantConfig(Config):
    """Refractive index, band gap and dielectric constant of 1056 crystals by DFPT."""

    target: Literal["n", "band_gap", "poly_total"] = Field(
        "n",
        description="Refractive index n, band_gap (eV) or poly_total (mean dielectric constant).",
    )


class ElasticTensorConfig(Config):
    """Bulk and shear moduli (Voigt-Reuss-Hill) of 1181 crystals by DFT."""

    target: Literal["K_VRH", "G_VRH", "log10_K_VRH", "log10_G_VRH"] = Field(
        "K_VRH", description="Bulk (K) or shear (G) modulus in GPa, or its decimal logarithm."
    )


class FllaConfig(Config):
    """FLLA: 3938 ordered crystals of the Materials Project, chosen by Faber et al. (2015)."""

    target: Literal["formation_energy_per_atom", "e_above_hull"] = Field(
        "formation_energy_per_atom", description="Property to predict, in eV/atom."
    )


class PiezoelectricTensorConfig(Config):
    """Largest piezoelectric modulus of 941 crystals by DFPT."""

    target: Literal["eij_max"] = Field(
        "eij_max",
        description="eij_max: the largest piezoelectric modulus over directions, in C/m^2.",
    )


class TableConfig(RowsConfig):
    """A table with one material per row; name its formula or its structure column."""

    path: str = Field(
        min_length=1,
        description="File .csv, .tsv, .txt, .json, .jsonl, .parquet or .xlsx (text also"
        " gzipped), relative to the spec.",
    )
    unit: str = Field(
        "",
        description="Unit of the target, for the report. An exported file (`atlas datasets"
        " export`) states its own unit, license and papers.",
    )
    formula: str | None = Field(None, description="Column of formulas, such as `Ca3(PO4)2`.")
    structure: str | None = Field(
        None,
        description="Column of crystals: CIF, POSCAR or pymatgen dict; or, in Parquet, the column"
        " of atomic numbers, together with `frac_coords` and `lattice`.",
    )
    id: str | None = Field(
        None,
        description="Column of unique ids; default: the row number as text, from 1, not counting"
        " the header (or the keys of a JSON file of {id: row}).",
    )
    columns: tuple[str, ...] = Field((), description="Columns to keep as metadata.")
    sheet: str | None = Field(None, description="Sheet of an .xlsx file; default: the first.")

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.formula is None) == (self.structure is None):
            raise ValueError("name either the formula or the structure column")
        return self


def _cif_folder_provides(config: CifFolderConfig) -> frozenset[str]:
    """Return what the folder offers with these options."""
    return frozenset({"inputs:composition", "inputs:structure", f"task:{config.task}"})


def _cif_folder_contract(folder: Path) -> dict[str, object]:
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


def _table_provides(config: TableConfig) -> frozenset[str]:
    """Return what the table offers with these options."""
    found = {"inputs:composition", f"task:{config.task}"}
    if config.structure is not None:
        found.add("inputs:structure")
    return frozenset(found)


def _table_contract(folder: Path) -> dict[str, object]:
    """Write a small table into ``folder``."""
    rows = "".join(f"Na{i}Cl{i + 1},{i * 0.5},g{i % 3}\n" for i in range(1, 21))
    (folder / "table.csv").write_text("formula,gap,group\n" + rows, encoding="utf-8")
    return {"path": "table.csv", "formula": "formula", "target": "gap", "columns": ["group"]}


@hookimpl
def atlas_dataset() -> list[Component]:
    """Offer the dataset components."""
    return [
        Component(
            "cif_folder",
            CifFolderConfig,
            "atlas_datasets.cif_folder:CifFolder",
            provides=_cif_folder_provides,
            citation="10.1103/PhysRevLett.120.145301",
            contract_options=_cif_folder_contract,
            candidates="atlas_datasets.candidates:of_folder",
        ),
        Component(
            "dielectric_constant",
            DielectricConstantConfig,
            "atlas_datasets.dielectric_constant:dielectric_constant",
            provides={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1038/sdata.2016.134",
        ),
        Component(
            "elastic_tensor",
            ElasticTensorConfig,
            "atlas_datasets.elastic_tensor:elastic_tensor",
            provides={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1038/sdata.2015.9",
        ),
        Component(
            "flla",
            FllaConfig,
            "atlas_datasets.flla:flla",
            provides={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1002/qua.24917",
        ),
        Component(
            "piezoelectric_tensor",
            PiezoelectricTensorConfig,
            "atlas_datasets.piezoelectric_tensor:piezoelectric_tensor",
            provides={"inputs:composition", "inputs:structure", "task:regression"},
            citation="10.1038/sdata.2015.53",
        ),
        Component(
            "table",
            TableConfig,
            "atlas_datasets.table:Table",
            provides=_table_provides,
            contract_options=_table_contract,
            candidates="atlas_datasets.candidates:of_table",
        ),
    ]


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the command that lists, shows and exports data sets."""
    return [Component("datasets", Config, "atlas_datasets.command:command")]
