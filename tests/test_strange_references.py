"""A reference that breaks its promises is named in one line; its data are looked at beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support import Cli

from atlas_core.api import F8, Border, BorderRows, DataContext, Materials, Predictions, Wording
from atlas_core.engine.decide import Decider
from atlas_core.errors import ContractError
from atlas_core.testing.samples import toy_dataset

SPEC = """\
atlas: 1
name: known
seed: 0
dataset: {use: table, options: {path: own.csv, target: e, formula: formula, unit: eV/atom}}
split: {use: random, options: {calibration: 0.3, test: 0.3}}
reference:
  use: convex_hull
  options:
    own: false
    phases: {use: table, options: {path: known.csv, target: e, formula: formula, unit: eV/atom}}
arms:
  ridge:
    {featurizer: element_fractions, model: ridge, uq: deterministic, calibrator: split_conformal}
"""


class Strange:
    """A reference whose attributes and decision are given."""

    def __init__(self, decision: Any = None, **other: Any) -> None:
        self.fingerprint, self.unit, self.margin, self.target_reliability = "", "", 0.1, 0.9
        self._decision = decision
        vars(self).update(other)

    def build(self) -> Strange:
        return self

    def load(self, _context: DataContext) -> Strange:
        return self

    def wording(self, _known: Materials) -> Wording:
        return Wording()

    def border(self, asked: Materials, _known: Materials, _target: F8) -> Border:
        return Border(np.zeros(len(asked)), ["nothing"] * len(asked))

    def learn(self, _rows: BorderRows, _margin: float) -> Any:
        return self._decision


def decider(reference: Strange) -> Decider:
    part = SimpleNamespace(package="strange", name="strange", label="reference strange")
    chosen: Any = SimpleNamespace(parts=(part,), name="strange", build=reference.build)
    made = Decider.of(chosen, DataContext.__new__(DataContext), toy_dataset())
    assert made is not None
    return made


def test_all_wrong_attributes_of_a_reference_are_named() -> None:
    with pytest.raises(ContractError) as caught:
        decider(Strange(fingerprint=3, unit=None, margin=float("nan"), target_reliability="x"))
    (line,) = str(caught.value).splitlines()
    assert "reference strange: " in line
    for name in ("fingerprint", "unit", "margin", "target_reliability"):
        assert name in line
    with pytest.raises(ContractError, match="target_reliability is no number from 0 to 1: 2"):
        decider(Strange(target_reliability=2))


def test_numbers_of_numpy_are_numbers() -> None:
    made = decider(Strange(margin=np.float32(0.5), target_reliability=np.float64(0.8)))
    about = made.about(toy_dataset().materials)
    assert (type(about["margin"]), about["margin"]) == (float, 0.5)


def test_a_decision_cannot_move_the_border_that_it_is_scored_against() -> None:
    def higher(rows: BorderRows) -> F8:
        rows.border[:] = 9.0
        return np.full(len(rows), 0.5)

    data = toy_dataset()
    n = len(data)
    said = Predictions(
        ids=data.materials.ids,
        formula=np.asarray(data.materials.formulas()),
        arm=np.full(n, "a"),
        fold=np.full(n, "f"),
        parts=np.full(n, "test"),
        target=data.target,
        mean=data.target,
    )
    made = decider(Strange(higher))
    with pytest.raises(ContractError, match="read-only"):
        made.decide(data, made.every(data), said, None)


def test_words_that_are_no_text_are_refused() -> None:
    for words in ([1, 2], [None, None], "ab"):
        with pytest.raises(ContractError, match="words must be texts"):
            Border(np.zeros(2), words)  # type: ignore[arg-type]  # refused
    with pytest.raises(ContractError, match="yes, no must be text"):
        Wording(yes=3, no=None)  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize(
    ("known", "change", "said"),
    [
        ("Li,0\nO,0\nLiO,nan\nLiX,-1\n", {}, ["row 3", "row 4"]),
        ("Li,0\nO,0\nLi2O,-2\n", {"unit: eV/atom}}\narms": "unit: eV}}\narms"}, ["in eV,"]),
        ("Li,0\nO,0\nLi2O,-2\n", {", unit: eV/atom}}\narms": "}}\narms"}, ["has no unit"]),
        ("O,0\nLi2O,-2\n", {}, ["no phase of Li alone"]),
    ],
)
def test_known_phases_are_looked_at_before_anything_is_trained(
    tmp_path: Path, known: str, change: dict[str, str], said: list[str]
) -> None:
    spec = SPEC
    for old, new in change.items():
        assert old in spec
        spec = spec.replace(old, new)
    (tmp_path / "s.yaml").write_text(spec, encoding="utf-8")
    rows = [f"Li{1 + i % 7}O{1 + i // 7},-{1 + i / 100}" for i in range(60)]
    (tmp_path / "own.csv").write_text("\n".join(["formula,e", *rows]), encoding="utf-8")
    (tmp_path / "known.csv").write_text(f"formula,e\n{known}", encoding="utf-8")
    done = Cli(tmp_path, tmp_path / "cache")("validate", "s.yaml")
    assert done.returncode == 4, done.stdout + done.stderr
    for text in said:
        assert text in done.stderr


def test_a_spec_is_valid_whose_known_phases_are_not_at_hand(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "atlas: 1\nname: s\nseed: 0\ndataset: flla\n"
        "split: {use: random, options: {calibration: 0.3, test: 0.3}}\n"
        "reference: {use: convex_hull, options: {phases: {use: matbench, options:"
        " {task: mp_e_form, structures: ignore}}}}\n" + SPEC[SPEC.index("arms:") :],
        encoding="utf-8",
    )
    atlas = Cli(tmp_path, tmp_path / "cache")
    done = atlas("validate", "s.yaml", "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
    assert "the reference was not checked, its data are not at hand" in done.stdout
