"""A spec whose every component is loaded lightly: what a run is made of. Light."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from atlas_core.component import Component, Config, uses
from atlas_core.errors import (
    MORE_MEMORY,
    AtlasError,
    DataError,
    PluginError,
    named,
    said,
    short_of_memory,
)
from atlas_core.foresight import FoldFacts
from atlas_core.metrics.registry import ALWAYS, Built, Metrics
from atlas_core.resolver import Resolved
from atlas_core.spec.model import ActiveLearning, Data, Spec, Trust


@dataclass(frozen=True)
class BoundComponent:
    """One component that a spec names, with its checked options.

    Attributes:
        kind: its kind.
        resolved: the component and where it comes from.
        config: its options.
        beside: of a list, those after this one: featurizers whose columns stand to the right, or
            trust methods for comparison.
    """

    kind: str
    resolved: Resolved
    config: Config
    beside: tuple[BoundComponent, ...] = ()

    @cached_property
    def together(self) -> tuple[BoundComponent, ...]:
        """Return this component and those beside it, each on its own."""
        return (replace(self, beside=()), *self.beside) if self.beside else (self,)

    @property
    def component(self) -> Component:
        """Return what the plugin declared."""
        return self.resolved.component

    @cached_property
    def nested(self) -> tuple[BoundComponent, ...]:
        """Return the components that its options name, and those that theirs do."""
        own = [use.bound for _, _, use in uses(self.config)]
        return tuple(part for one in own if isinstance(one, BoundComponent) for part in one.every)

    @cached_property
    def every(self) -> tuple[BoundComponent, ...]:
        """Return this component, those beside it and all that their options name."""
        return tuple(part for one in self.together for part in (one, *one.nested))

    @property
    def name(self) -> str:
        """Return the component's name."""
        return self.resolved.component.name

    @cached_property
    def needs(self) -> frozenset[str]:
        """Return what it needs itself with these options."""
        return self.resolved.component.requires_of(self.config)

    @cached_property
    def requires(self) -> frozenset[str]:
        """Return what it, those beside it and those that options name need with these options."""
        return frozenset().union(*(one.needs for one in self.every))

    @cached_property
    def provides(self) -> frozenset[str]:
        """Return what it gives with these options; of several side by side, what each gives."""
        own = self.resolved.component.provides_of(self.config)
        return own.intersection(*(other.provides for other in self.beside))

    @property
    def summary(self) -> str:
        """Return what it is in one line, as ``atlas plugins`` does, or ""."""
        return self.resolved.summary

    @property
    def always(self) -> bool:
        """Return whether verdicts read it, with these options: a run reports such a metric."""
        return ALWAYS in self.provides

    @property
    def label(self) -> str:
        """Return kind, name, distribution and version, for a message."""
        return f"{self.kind} {self.name} ({self.resolved.distribution} {self.resolved.version})"

    @property
    def package(self) -> str:
        """Return the top-level package that the component comes from."""
        return self.resolved.component.config.__module__.split(".", maxsplit=1)[0]

    def build(self) -> Any:
        """Import the implementation and make it.

        Raises:
            PluginError: the implementation cannot be imported or made; names the component.
        """
        try:
            return self.resolved.component.build(self.config)
        except AtlasError:
            raise
        except (Exception, SystemExit) as err:
            text = said(err)
            if short_of_memory(err):
                problem = f"{self.label} cannot be imported: out of memory ({text}); {MORE_MEMORY}"
                raise DataError(problem) from err
            if isinstance(err, ImportError):
                raise PluginError(f"{self.label} cannot be imported: {text}") from err
            raise PluginError(f"{self.label} cannot be made: {named(err)}") from err

    @property
    def code(self) -> dict[str, Any]:
        """Return what its code counts by: its distribution's files, and the libraries of these."""
        return {"source": self.resolved.source, "libraries": dict(self.resolved.libraries)}

    def identity(self) -> dict[str, Any]:
        """Return all that decides its numbers, as plain data for a key."""
        return {
            "kind": self.kind,
            "use": self.name,
            "options": self.config.model_dump(mode="json"),
            **self.code,
            "beside": [other.identity() for other in self.beside],
            **self._nested("nested", BoundComponent.identity),
        }

    def _nested(
        self, key: str, describe: Callable[[BoundComponent], dict[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the description of each component that its options name; nothing where none is."""
        return {key: [describe(one) for one in self.nested]} if self.nested else {}

    def problems(self, facts: FoldFacts) -> list[str]:
        """Return what would fail after a training: what the component's ``check`` says."""
        return self.resolved.component.problems(self.config, facts)

    def named(self) -> dict[str, Any]:
        """Return name, options and origin as plain data."""
        return {
            "use": self.name,
            "options": self.config.model_dump(mode="json"),
            "distribution": self.resolved.distribution,
            "version": self.resolved.version,
        }

    def describe(self) -> dict[str, Any]:
        """Return plain data for the manifest."""
        beside = [other.describe() for other in self.beside]
        return {
            **({"beside": beside} if beside else {}),
            **self._nested("nested", BoundComponent.describe),
            "use": self.name,
            "distribution": self.resolved.distribution,
            "version": self.resolved.version,
            "source": self.resolved.source,
            "options": self.config.model_dump(mode="json"),
            "changed": sorted(self.config.model_dump(mode="json", exclude_defaults=True)),
            "citation": self.resolved.component.citation,
            "summary": self.summary,
        }


@dataclass(frozen=True, eq=False)
class Bound:
    """A component with its options bound: it is made and asked, and its options are its own.

    Attributes:
        kind: its kind.
        name: of the component.
        label: kind, name, distribution and version, for a message.
        package: the top-level package that it comes from.
        resolved: what was declared, without an option, and where it comes from.
        requires: what it needs, with those beside it and in its options.
        provides: what it gives.
        key: hash of all that decides its numbers.
        build: imports the implementation and makes it; errors as of ``BoundComponent.build``.
        problems: says what would fail after a training; None where nothing is looked at.
        beside: of a list, all of it, each on its own; () of a single component.
        nested: the components that its options name, and those that theirs do.
    """

    kind: str
    name: str
    label: str
    package: str
    resolved: Resolved
    requires: frozenset[str]
    provides: frozenset[str]
    key: str
    build: Callable[[], Any]
    problems: Callable[[FoldFacts], list[str]] | None
    beside: tuple[Bound, ...] = ()
    nested: tuple[Bound, ...] = ()

    @classmethod
    def of(cls, chosen: BoundComponent) -> Bound:
        """Bind a component."""
        alone = not chosen.beside
        return cls(
            kind=chosen.kind,
            name=chosen.name,
            label=chosen.label,
            package=chosen.package,
            resolved=chosen.resolved,
            requires=chosen.requires,
            provides=chosen.provides,
            key=hashlib.sha256(json.dumps(chosen.identity(), sort_keys=True).encode()).hexdigest(),
            build=chosen.build,
            problems=None if chosen.resolved.component.check is None else chosen.problems,
            beside=() if alone else tuple(map(cls.of, chosen.together)),
            nested=tuple(map(cls.of, chosen.nested)),
        )

    @property
    def together(self) -> tuple[Bound, ...]:
        """Return this component and those beside it, each on its own."""
        return self.beside or (self,)

    @property
    def every(self) -> tuple[Bound, ...]:
        """Return this component, those beside it and all that their options name."""
        return tuple(part for one in self.together for part in (one, *one.nested))


Arms = Mapping[str, Mapping[str, Bound]]
"""{arm: {kind: component}}."""


@dataclass(frozen=True, eq=False)
class Study:
    """What an engine runs: settings of a spec, and its components with their options bound.

    Attributes:
        name: of the run.
        seed: root of every random number.
        levels: coverage levels of the intervals.
        dataset: the data set.
        split: the split.
        evaluator: audits, scores and judges.
        arms: kinds that an arm leaves out are absent.
        nested_splits: splits of the training rows that the trust methods learn from.
        surrogate: what is trained for these in place of an arm's own.
        trust: error tolerance and target reliability; None where no arm has a trust method.
        loop: of active learning, or None.
        final: whether each arm is fitted once more on all rows.
        distinct: which row of a formula is kept; None: every row.
        sample: how many rows are drawn; None: all.
        data: which data the spec pins, or None.
        spec_dir: where the spec lies; relative paths in options start there.
    """

    name: str
    seed: int
    levels: tuple[float, ...]
    dataset: Bound
    split: Bound
    evaluator: Bound
    arms: Arms
    nested_splits: tuple[Bound, ...]
    surrogate: Arms
    trust: Trust | None
    loop: ActiveLearning | None
    final: bool
    distinct: str | None
    sample: int | None
    data: Data | None
    spec_dir: FilePath


@dataclass(frozen=True)
class Plan:
    """A spec whose every component is resolved.

    Attributes:
        spec: the spec's own fields.
        dataset: the data set.
        split: the split.
        arms: {arm: {kind: component}}; kinds that an arm leaves out are absent.
        nested_splits: splits of the training rows that the trust methods learn from.
        surrogate: {arm: {kind: component}} trained for these in place of the arm's own.
        evaluator: what audits the split, scores predictions and judges arms.
        reports: what is written of the finished run; no number depends on them.
        spec_dir: where the spec lies; relative paths in options start there.
        text: the spec as it was read, for the run folder.
        metrics: those of every distribution that the run has a metric of.
        reported: names of those that it reports.
    """

    spec: Spec
    dataset: BoundComponent
    split: BoundComponent
    arms: Mapping[str, Mapping[str, BoundComponent]]
    spec_dir: FilePath
    text: str
    evaluator: BoundComponent
    nested_splits: tuple[BoundComponent, ...] = ()
    surrogate: Mapping[str, Mapping[str, BoundComponent]] = field(default_factory=dict)
    reports: tuple[BoundComponent, ...] = ()
    metrics: tuple[BoundComponent, ...] = ()
    reported: frozenset[str] = frozenset()

    @cached_property
    def study(self) -> Study:
        """Return what the engine runs."""
        spec = self.spec

        def bound(arms: Mapping[str, Mapping[str, BoundComponent]]) -> Arms:
            return {arm: {k: Bound.of(one) for k, one in own.items()} for arm, own in arms.items()}

        return Study(
            name=spec.name,
            seed=spec.seed,
            levels=spec.levels,
            dataset=Bound.of(self.dataset),
            split=Bound.of(self.split),
            evaluator=Bound.of(self.evaluator),
            arms=bound(self.arms),
            nested_splits=tuple(map(Bound.of, self.nested_splits)),
            surrogate=bound(self.surrogate),
            trust=spec.trust,
            loop=spec.active_learning,
            final=spec.final,
            distinct=spec.deduplicate,
            sample=spec.sample,
            data=spec.data,
            spec_dir=self.spec_dir,
        )

    def scored_by(self) -> Metrics:
        """Build the metrics.

        Raises:
            PluginError: one cannot be made; names it.
        """
        return Metrics.of(
            [
                Built(one.resolved.distribution, one.build(), one.always, one.name in self.reported)
                for one in self.metrics
            ]
        )

    def describe(self) -> dict[str, Any]:
        """Return the spec with every default filled, as plain data that reads back as a spec."""
        filled = self.spec.model_dump(mode="json")
        filled.pop("data")  # says where, and no number depends on that
        filled.pop("arms")  # stands behind what all arms share
        if not filled["final"]:
            filled.pop("final")
        filled["dataset"] = _filled(self.dataset)
        filled["split"] = _filled(self.split)
        filled["evaluator"] = _filled(self.evaluator)
        filled["reports"] = [_filled(report) for report in self.reports]
        filled["metrics"] = [
            _filled(one) if type(one.config).model_fields else one.name
            for one in self.metrics
            if one.name in self.reported
        ]
        filled["arms"] = {
            arm: {kind: _filled(chosen) for kind, chosen in components.items()}
            for arm, components in self.arms.items()
        }
        if filled["trust"] is None:
            filled.pop("trust")
        else:
            filled["trust"]["nested"]["splits"] = [_filled(one) for one in self.nested_splits]
        for arm, surrogate in self.surrogate.items():
            named = {kind: _filled(chosen) for kind, chosen in surrogate.items()}
            filled["arms"][arm]["surrogate"] = named
        loop = filled.pop("active_learning")
        if loop is not None:
            loop.pop("acquisition")  # every arm names its own by now
            filled["active_learning"] = loop
        return filled

    def about(self, arms: Iterable[str]) -> dict[str, Any]:
        """Return what the manifest says of the components of arms."""
        return {
            arm: {kind: chosen.describe() for kind, chosen in self.arms[arm].items()}
            for arm in arms
        }

    def labels(self) -> list[str]:
        """Return kind, name, distribution and version of each component and report, once each."""
        every = sorted((*self.components(), *self.reports), key=lambda c: (c.kind, c.name))
        named = (
            f"{one.kind} {one.name}: {one.resolved.distribution} {one.resolved.version}"
            for one in every
        )
        return list(dict.fromkeys(named))

    def components(self) -> list[BoundComponent]:
        """Return every component that makes numbers."""
        named = [self.dataset, self.split, *self.nested_splits]
        for arm in (*self.arms.values(), *self.surrogate.values()):
            named += arm.values()
        named += [one for one in self.metrics if one.name in self.reported]
        return [part for one in (*named, self.evaluator) for part in one.every]


def _filled(chosen: BoundComponent) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a component as a spec names it; of several side by side, the list."""
    filled = [
        {"use": one.name, "options": one.config.model_dump(mode="json")} for one in chosen.together
    ]
    return filled if chosen.beside else filled[0]
