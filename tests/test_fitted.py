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
    offsets=np.array([0, 1, 3]),
    numbers=np.array([8, 11, 17], dtype=np.int16),
    amounts=np.ones(3),
    target=np.array([1.0, 2.0]),
    formulas=np.array(["O", "NaCl"]),
    space="features",
    points=np.zeros((2, 4), dtype=np.float32),
    standard=Standardizer(np.zeros(4), np.ones(4)),
)


def test_sound_training_materials_pass() -> None:
    SOUND.check()
    replace(SOUND, space="fractions", points=None, standard=None).check()


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": np.array([0, 1, 2**62])},
        {"offsets": np.array([0, -1, 3])},
        {"offsets": np.array([0, 3])},
        {"numbers": np.array([8, 11, 119], dtype=np.int16)},
        {"numbers": np.array([8, 11, -1], dtype=np.int16)},
        {"amounts": np.array([1.0, np.nan, 1.0])},
        {"amounts": np.ones(2)},
        {"ids": np.array(["a", "a"])},
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
