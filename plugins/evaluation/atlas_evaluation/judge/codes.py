"""The closed table of what may be found, ``codes.yaml``, and the grades that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from atlas_core.api import Grade

GRADES: Mapping[Grade, str] = {
    "trust": "The predictions may be used, also on the held-out class, where there is one.",
    "labels_reliable": "Its own labels say which predictions may be used, and were right about it.",
    "caution": "The predictions may be used on some materials, or it warns of the others.",
    "do_not_trust": "The predictions are wrong where nothing warns of it, or everywhere.",
    "unknown": "The run cannot tell.",
}
"""What each grade means. Identifiers are stable: scripts may rest on them."""


class Code(NamedTuple):
    """What a code is about, the grade that it leaves (None: none), and what it means."""

    group: str
    grade: Grade | None
    meaning: str


@lru_cache(maxsize=1)
def codes() -> Mapping[str, Code]:
    """Return every code that a finding may have, in the order in which they are documented."""
    from ruamel.yaml import YAML

    table = YAML(typ="safe", pure=True).load(Path(__file__).with_name("codes.yaml"))
    return {
        code: Code(group, grade, meaning)
        for group, own in table.items()
        for code, (grade, meaning) in own.items()
    }
