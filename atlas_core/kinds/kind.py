"""What the host knows of a kind of component: each kind's module states it as ``KIND``. Light."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Literal

from atlas_core.kinds import KINDS

Place = Literal["run", "arm", ""]


@dataclass(frozen=True)
class Kind:
    """Describe a kind of component.

    Attributes:
        name: its entry-point group is ``atlas.<name>``, its hook ``atlas_<name>``, its interface
            ``atlas_core/kinds/<name>.py``, its contract ``atlas_core/testing/checks/<name>.py``.
        makes: what ``Component.build`` returns.
        place: where a spec names its components: once for the run, in each arm, or nowhere ("").
        key: the key of a spec that names them; "" where it is the kind's name.
        description: of that key.
        required: whether a spec must name one.
        many: whether a spec may name several.
        default: names that stand where a spec says nothing; it may then say [], too.
        joined: the capability without which a component cannot stand in a list, where those of a
            list are one together; "" where they are compared by name.
        block: the block of a spec that its components need, and that needs them.
        provides: families of capabilities (what stands before the ":") that it is asked for.
        host: capabilities that the host itself provides to it.
        retrained: whether trainings that are nested in the training part have a use for it.
    """

    name: str
    makes: type | UnionType
    place: Place = ""
    key: str = ""
    description: str = ""
    required: bool = False
    many: bool = False
    default: tuple[str, ...] = ()
    joined: str = ""
    block: str = ""
    provides: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    retrained: bool = True

    @property
    def field(self) -> str:
        """Return the key of a spec that names its components."""
        return self.key or self.name


@cache
def kind_of(name: str) -> Kind:
    """Return the description of a kind."""
    found: Kind = importlib.import_module(f"atlas_core.kinds.{name}").KIND
    return found


def kinds(place: Place | None = None) -> list[Kind]:
    """Return the kinds in their order; those that a spec names at a place, or all."""
    found = [kind_of(name) for name in KINDS]
    return [kind for kind in found if place is None or kind.place == place]
