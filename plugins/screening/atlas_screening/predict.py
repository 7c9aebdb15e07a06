"""Predict a few materials with a fitted arm: value and reasons."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import numpy as np

from atlas_core.api import CommandHost, Config, DataError, Materials
from atlas_core.data.meaning import meaning_of
from atlas_core.finished import read_run
from atlas_reading import Crystal, materials_of, one_crystal, read_crystals
from atlas_screening.against import Decided
from atlas_screening.asked import Asked
from atlas_screening.decision_words import basis, decision_in_words, names_of
from atlas_screening.named_reference import Wanted
from atlas_screening.open_arm import OpenArm, open_arm
from atlas_screening.reference_options import reference_options
from atlas_statistics import digits


@click.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("materials", nargs=-1, required=True)
@click.option("--arm", help="The arm to use; required if the run kept several.")
@click.option("--fold", help="The fold whose fit is used; required if the run kept several.")
@click.option(
    "--trust-fit",
    is_flag=True,
    help="Open a fit that was not made by you on this machine; see `atlas screen --help`.",
)
@reference_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def predict(
    host: CommandHost,
    *,
    run_path: Path,
    materials: tuple[str, ...],
    arm: str | None,
    fold: str | None,
    trust_fit: bool,
    reference: str | None,
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Predict MATERIALS, formulas or CIF and POSCAR files, with the fitted arm of RUN."""
    folder = host.run_folder(run_path)
    with redirect_stdout(sys.stderr), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened = open_arm(
            read_run(folder),
            host.resolver,
            arm=arm,
            fold=fold,
            trust=trust_fit,
            key_file=host.key_file,
            wanted=Wanted(reference, data_dir, cache_dir, offline),
        )
        asked = opened.ask(
            read(materials, crystals=opened.fitted.arm.structures),
            ["" if _is_file(text) else text for text in materials],
        )
    for remark in opened.fitted.remarks:
        host.note(remark)
    for text in dict.fromkeys(" ".join(str(one.message).split()) for one in caught):
        host.note(f"warning: {text}")
    rows = answers(materials, asked)
    if opened.against is not None:
        host.note(basis(opened.against))
    host.answer(rows, "\n".join(map(_line(opened), rows)), as_json=as_json)


def read(given: tuple[str, ...], *, crystals: bool) -> Materials:
    """Return the materials; crystals where all are, or the arm reads them, else compositions.

    Raises:
        DataError: some cannot be read, or are no crystals although the arm reads them; names all.
    """
    found: list[Crystal | Materials] = []
    bad = []
    for text in given:
        try:
            found.append(_one(text, crystals=crystals))
        except DataError as err:
            bad.append(f"{text}: {str(err).removeprefix('id 1: ')}")
    if bad:
        raise DataError("\n".join(bad))
    ids = [str(place) for place in range(1, len(found) + 1)]
    whole = [one for one in found if isinstance(one, Crystal)]
    if len(whole) == len(found):
        return materials_of(ids, whole)
    formulas = [
        (materials_of(["1"], [one]) if isinstance(one, Crystal) else one).written()[0]
        for one in found
    ]
    return Materials.from_formulas(ids, formulas)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than any name, or none at all
        return False


def _one(text: str, *, crystals: bool) -> Crystal | Materials:
    if _is_file(text):
        return one_crystal(read_crystals(Path(text)))
    if crystals:
        raise DataError("the arm reads crystals, and there is no such file; give a CIF or POSCAR")
    return Materials.from_formulas(["1"], [text])


def answers(given: tuple[str, ...], asked: Asked) -> list[dict[str, Any]]:
    """Return what was predicted as plain data, one table per material.

    A formula is as it was given; that of a file is as chemists write it. What is unknown is None;
    an end of an interval that is infinite is ``"-inf"`` or ``"inf"``.
    """

    def number(value: float) -> float | str | None:
        if np.isinf(value):
            return "inf" if value > 0 else "-inf"
        return None if np.isnan(value) else float(value)

    return [
        {
            "material": text,
            "formula": str(asked.materials[i]),
            "value": number(asked.value[i]),
            "std": number(asked.std[i]),
            "lower": number(asked.lower[i]),
            "upper": number(asked.upper[i]),
            "level": asked.level,
            "label": None if asked.label is None else str(asked.label[i]),
            "outside": None if asked.outside is None else bool(asked.outside[i]),
            "reasons": str(asked.reasons[i]),
            "in_training": bool(asked.known[i]),
            "nearest": asked.nearest[i],
            **({} if asked.decided is None else _decision(asked.decided, i, number)),
        }
        for i, text in enumerate(given)
    ]


def _decision(decided: Decided, i: int, number: Callable[[float], Any]) -> dict[str, Any]:
    """Return a decision as plain data."""
    row = {name: values[i] for name, values in decided.columns().items()}
    return {
        name: number(value) if isinstance(value, float) else str(value) or None
        for name, value in row.items()
    }


def _line(opened: OpenArm) -> Any:
    data = opened.run.manifest["dataset"]
    unit, meaning = str(data.get("unit", "")), meaning_of(data)
    binary = opened.task == "binary"

    def known(value: float) -> str:
        return meaning.class_name(int(value)) if binary else f"{value:.4g}"

    def line(row: dict[str, Any]) -> str:
        value = f"{row['value']:.4g}{f' {unit}' if unit else ''}"
        if binary:
            value = f"P({meaning.class_name(1)}) {digits.probability(float(row['value']))}"
        file = f" ({row['material']})" if row["material"] != row["formula"] else ""
        parts = [f"{row['formula']}{file}: {value}"]
        if binary and row["lower"] is not None and row["upper"] is not None:
            sets = "either class" if row["lower"] != row["upper"] else known(row["lower"])
            parts.append(f"{100 * row['level']:g} % label set: {sets}")
        elif row["lower"] is not None and row["upper"] is not None:
            ends = [float(row[end]) for end in ("lower", "upper")]
            parts.append(f"{100 * row['level']:g} % interval {ends[0]:.4g} to {ends[1]:.4g}")
        if row["label"] is not None:
            parts.append(row["label"])
        elif row["outside"]:
            parts.append("outside")
        if "probability" in row:
            parts.append(decision_in_words(row, names_of(opened.against), unit))
        if row["reasons"]:
            parts.append(row["reasons"])
        near = [f"{one['formula']} ({known(one['value'])})" for one in row["nearest"]]
        return "; ".join([*parts, f"nearest known: {', '.join(near)}"])

    return line


def command(config: Config) -> click.Command:
    """Return the command ``predict``; it has no options of a component."""
    del config
    return predict
