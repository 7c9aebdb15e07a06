"""Training materials that are read with a fit are held against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from atlas_core.engine.reference import Reference
from atlas_core.errors import DataError
from atlas_core.standardizer import Standardizer

SOUND = Reference(
    ids=np.array(["a", "b"]),
    formulas=np.array(["O", "NaCl"]),
    canonical=np.array(["O", "ClNa"]),
    elements=np.isin(np.arange(118), [7, 10, 16]),
    target=np.array([1.0, 2.0]),
    space="features",
    points=np.zeros((2, 4), dtype=np.float32),
    standard=Standardizer(np.zeros(4), np.ones(4)),
)


def test_sound_training_materials_pass() -> None:
    SOUND.check()
    replace(SOUND, space="fractions", standard=None).check()


@pytest.mark.parametrize(
    "change",
    [
        {"elements": np.zeros(117, dtype=bool)},
        {"elements": np.zeros(118, dtype=np.int8)},
        {"canonical": np.array(["O"])},
        {"ids": np.array([1, 2])},
        {"target": np.ones(1)},
        {"target": np.array([1.0, np.inf])},
        {"target": [1.0, 2.0]},
        {"space": "elsewhere"},
        {"space": "fractions"},
        {"points": None},
        {"points": np.zeros((3, 4), dtype=np.float32)},
        {"points": np.zeros((2, 4))},
        {"standard": Standardizer(np.zeros(5), np.ones(4))},
        {"standard": None},
        {"standard": Standardizer(np.zeros(4), np.full(4, np.nan))},
        {"formulas": np.array(["NaCl"])},
        {"formulas": np.array([1, 2])},
        {"formulas": ["O", "NaCl"]},
    ],
    ids=str,
)
def test_training_materials_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        replace(SOUND, **change).check()
