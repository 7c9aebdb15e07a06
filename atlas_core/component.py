"""What a plugin declares: a component's name, options, requirements and implementation. Light."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_serializer, model_validator
from pydantic.fields import FieldInfo

from atlas_core.errors import PluginError
from atlas_core.foresight import FoldFacts

__all__ = ["Component", "Config", "Field", "OfKind", "Use"]

Steps = tuple[str | int, ...]


class Config(BaseModel):
    """Options of a component: frozen, and unknown keys are refused.

    Give every field a default, a bound and a description: the description is the docs.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=False
    )


AnyModel = TypeVar("AnyModel", bound=BaseModel)


def strictly(model: type[AnyModel], value: Any) -> AnyModel:
    """Validate plain data as JSON would be: no text or boolean passes for a number."""
    return model.model_validate_json(json.dumps(value), strict=True)


class Builds(Protocol):
    """A component with its checked options."""

    @property
    def component(self) -> Component:
        """Return what the plugin declared."""
        ...

    @property
    def config(self) -> Config:
        """Return the options."""
        ...

    def build(self) -> Any:
        """Import the implementation and make it."""
        ...


class Use(Config):
    """Name a component and its options: in a spec, or as an option of another component.

    An option that takes a component is ``Annotated[Use, OfKind("model")]``, a tuple of them takes
    several. The host resolves and checks what it names; ``build`` then makes it.
    """

    use: str = Field(description="The component's name, as `atlas plugins` lists it.")
    options: dict[str, Any] = Field(default_factory=dict, description="Its options.")
    _bound: Builds | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    def __eq__(self, other: object) -> bool:
        """Return whether the same is named, be its defaults written out or not."""
        if not isinstance(other, Use) or self.use != other.use:
            return False
        return self.options == other.options or self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # equal ones may differ in what is written out

    @model_serializer
    def _filled(self) -> dict[str, Any]:
        known = None if self._bound is None else self._bound.config.model_dump(mode="json")
        return {"use": self.use, "options": self.options if known is None else known}

    def bind(self, found: Builds) -> Use:
        """Return it with what builds it; it is then written with every option filled."""
        made = self.model_copy()
        made._bound = found
        return made

    @property
    def bound(self) -> Builds:
        """Return the component that it names.

        Raises:
            PluginError: nobody has resolved it.
        """
        if self._bound is None:
            raise PluginError(f"component {self.use!r}, an option of another one, is not resolved")
        return self._bound

    def build(self) -> Any:
        """Make the component: of a model, a new unfitted one at each call."""
        return self.bound.build()


@dataclass(frozen=True)
class OfKind:
    """Say of which kind the component is that an option takes."""

    kind: str

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> dict[str, Any]:
        return {"component": self.kind}


def uses(options: BaseModel) -> Iterator[tuple[Steps, str, Use]]:
    """Yield where each component stands that options (or a spec) name, its kind, and its name."""
    for name, about in type(options).model_fields.items():
        yield from _inside(getattr(options, name, None), kind_in(about), (name,))


def _inside(value: Any, kind: str, at: Steps) -> Iterator[tuple[Steps, str, Use]]:
    if isinstance(value, Use):
        yield at, kind, value
    elif isinstance(value, BaseModel):
        yield from (((*at, *steps), own, use) for steps, own, use in uses(value))
    elif isinstance(value, Mapping | list | tuple):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for step, one in pairs:
            yield from _inside(one, kind, (*at, step))


def kind_in(about: FieldInfo) -> str:
    """Return the kind of the components that a field takes, "" where it takes none."""
    marks = [*about.metadata, *_marks(about.annotation)]
    return next((mark.kind for mark in marks if isinstance(mark, OfKind)), "")


def _marks(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _marks(part)


def bound(value: Any, found: Mapping[Steps, Builds], at: Steps = ()) -> Any:
    """Return options whose components are bound to what was found at their places."""
    if not any(place[: len(at)] == at for place in found):
        return value
    if isinstance(value, Use):
        return value.bind(found[at])
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return value.model_copy(
            update={name: bound(one, found, (*at, name)) for name, one in fields.items()}
        )
    if isinstance(value, Mapping):
        return {step: bound(one, found, (*at, step)) for step, one in value.items()}
    return type(value)(bound(one, found, (*at, step)) for step, one in enumerate(value))


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
        texts: files of its package that hold words for people and make no number, as patterns such
            as ``narrative/*.yaml``: a change of one computes nothing again.
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
    texts: tuple[str, ...] = ()
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
