"""What a plugin declares: a component's name, options, requirements and implementation. Light."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

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
Check = Callable[[Any, FoldFacts], Sequence[str]]
Options = Callable[[Path], Mapping[str, Any]]
Candidates = Callable[[Path, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Component:
    """Describe one method of a kind.

    Attributes:
        name: as in the entry point and in a spec: lower case, words joined by ``_``.
        config: the options, a ``Config``.
        implementation: a class or function that makes the implementation from the options, or
            ``"module:object"``, which is imported only when it is made. The first line of that
            module's docstring is what ``atlas plugins`` shows; where the class or function itself
            is given, it is that of the module that the entry point names.
        requires: capabilities that other components of the arm must provide
            (``atlas_core.interfaces.CAPABILITIES``), or a function of the options.
        provides: capabilities it offers, or a function of the options.
        citation: DOI or URL of the paper; "" where there is none to cite.
        beside: other components of the kind that a report shows beside this one, for
            comparison; only a kind that allows several at once (``trust``) reads it.
        check: returns what would fail after a training, one sentence each: the rows that there
            are, how many are needed, and which option to change. It is asked with the options and
            ``FoldFacts`` before anything is trained, and by ``atlas validate``; where something
            works but says little it may warn. A function, or ``"module:function"``, which must be
            light to import.
        contract_options: options that the contract is checked with where the defaults do not do,
            by name; or a function of an empty folder, into which it may write small files, or
            ``"module:function"``. It raises ``PluginError`` where an optional package is missing.
        candidates: opens a file or folder of materials without a target, such as those that
            ``atlas screen`` is asked about; only data sets have one. It is called with the path
            and the options of a run's own data set, {} where that is another one, and returns
            ``Candidates``; or, where the path is not of a form that it reads, which forms it does
            read, such as ``a folder of CIF files``. It raises DataError for a damaged file. A
            function, or ``"module:function"``.
        trusted: classes of libraries that a saved fit of it may hold, with their modules, such as
            ``sklearn.svm._classes.SVR``; classes of its own package need no mention. For each
            library a codec must be installed (``Codec``; the one for scikit-learn is in
            ``atlas-materials-estimators``). A fit from a stranger is made of these and of nothing
            else, so trust none that does more than hold data.
        expected_failures: {check name: reason} of contract checks that must fail. Strict.
    """

    name: str
    config: type[Config]
    implementation: str | Callable[[Any], Any]
    requires: Capabilities | Callable[[Any], Capabilities] = frozenset()
    provides: Capabilities | Callable[[Any], Capabilities] = frozenset()
    citation: str = ""
    beside: tuple[str, ...] = ()
    check: str | Check | None = None
    contract_options: str | Options | Mapping[str, Any] = field(default_factory=dict)
    candidates: str | Candidates | None = None
    trusted: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """Return the name of the module that holds the implementation."""
        if isinstance(self.implementation, str):
            return self.implementation.partition(":")[0]
        return self.implementation.__module__

    def build(self, config: Config) -> Any:
        """Import the implementation and make it from the options."""
        return _loaded(self.implementation)(config)

    def requires_of(self, config: Config) -> frozenset[str]:
        """Return what the component requires with these options."""
        return frozenset(self.requires(config) if callable(self.requires) else self.requires)

    def provides_of(self, config: Config) -> frozenset[str]:
        """Return what the component provides with these options."""
        return frozenset(self.provides(config) if callable(self.provides) else self.provides)

    def problems(self, config: Config, facts: FoldFacts) -> list[str]:
        """Return what ``check`` says of these options and this fold."""
        return [] if self.check is None else list(_loaded(self.check)(config, facts))

    def open_candidates(self, path: Path, options: Mapping[str, Any]) -> Any:
        """Return the candidates at ``path``, or in words which forms are read: see ``candidates``.

        Args:
            path: of the file or folder.
            options: of the run's own data set, or {}.

        Raises:
            TypeError: the component reads no candidates.
        """
        if self.candidates is None:
            raise TypeError(f"{self.name} reads no candidates")
        return _loaded(self.candidates)(path, options)

    def options_for_contract(self, folder: Path) -> dict[str, Any]:
        """Return the options that the contract is checked with.

        Args:
            folder: an empty folder for small files.
        """
        given = self.contract_options
        return dict(given if isinstance(given, Mapping) else _loaded(given)(folder))


def _loaded(place: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return what "module:object" names."""
    if not isinstance(place, str):
        return place
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
