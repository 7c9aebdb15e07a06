"""What a plugin declares: a component's name, options, needs and builder. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from atlas_core.foresight import FoldFacts

__all__ = ["Component", "Config", "Field"]


class Config(BaseModel):
    """Options of a component: frozen, and unknown keys are refused.

    Give every field a default, a bound and a description: the description is the docs.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=False
    )


Capabilities = frozenset[str] | set[str]


@dataclass(frozen=True)
class Component:
    """Describe one method of a kind.

    Attributes:
        name: as in the entry point and in a spec: lower case, words joined by ``_``.
        config: the options, a ``Config``.
        build: makes the implementation from the options; imports it only then.
        needs: capabilities that other components of the arm must give
            (``atlas_core.interfaces.CAPABILITIES``), or a function of the options.
        gives: capabilities it offers, or a function of the options.
        citation: DOI or URL of the paper; "" where there is none to cite.
        beside: other components of the kind that a report shows beside this one, for
            comparison; only a kind that allows several at once (``trust``) reads it.
        check: returns what would fail after a training, one sentence each: the rows that there
            are, how many are needed, and which option to change. It is asked with the options and
            ``FoldFacts`` before anything is trained, and by ``atlas validate``; where something
            works but says little it may warn. Light, as all of the module.
        expected_failures: {check name: reason} of contract checks that must fail. Strict.
    """

    name: str
    config: type[Config]
    build: Callable[[Any], Any]
    needs: Capabilities | Callable[[Any], Capabilities] = frozenset()
    gives: Capabilities | Callable[[Any], Capabilities] = frozenset()
    citation: str = ""
    beside: tuple[str, ...] = ()
    check: Callable[[Any, FoldFacts], Sequence[str]] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def needs_of(self, config: Config) -> frozenset[str]:
        """Return what the component needs with these options."""
        return frozenset(self.needs(config) if callable(self.needs) else self.needs)

    def gives_of(self, config: Config) -> frozenset[str]:
        """Return what the component gives with these options."""
        return frozenset(self.gives(config) if callable(self.gives) else self.gives)
