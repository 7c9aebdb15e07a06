"""A spec whose every component is loaded lightly: what a run is made of. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from atlas_core.component import Config, uses
from atlas_core.errors import (
    MORE_MEMORY,
    AtlasError,
    DataError,
    PluginError,
    named,
    said,
    short_of_memory,
)
from atlas_core.metrics.registry import ALWAYS, Built, Metrics
from atlas_core.resolver import Resolved
from atlas_core.spec.model import Spec


@dataclass(frozen=True)
class Chosen:
    """Hold one component that a spec names, with its checked options.

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
    beside: tuple[Chosen, ...] = ()

    @property
    def together(self) -> tuple[Chosen, ...]:
        """Return this component and those beside it, each on its own."""
        return (replace(self, beside=()), *self.beside)

    @property
    def nested(self) -> tuple[Chosen, ...]:
        """Return the components that its options name, and those that theirs do."""
        own = [use.bound for _, _, use in uses(self.config)]
        return tuple(part for one in own if isinstance(one, Chosen) for part in one.every)

    @property
    def every(self) -> tuple[Chosen, ...]:
        """Return this component, those beside it and all that their options name."""
        return tuple(part for one in self.together for part in (one, *one.nested))

    @property
    def name(self) -> str:
        """Return the component's name."""
        return self.resolved.component.name

    @property
    def needs(self) -> frozenset[str]:
        """Return what it needs itself with these options."""
        return self.resolved.component.requires_of(self.config)

    @property
    def requires(self) -> frozenset[str]:
        """Return what it, those beside it and those that options name need with these options."""
        return frozenset().union(*(one.needs for one in self.every))

    @property
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
                told = f"{self.label} cannot be imported: out of memory ({text}); {MORE_MEMORY}"
                raise DataError(told) from err
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
            **self._nested("nested", Chosen.identity),
        }

    def _nested(
        self, key: str, told: Callable[[Chosen], dict[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return what is told of the components that its options name; nothing where none is."""
        return {key: [told(one) for one in self.nested]} if self.nested else {}

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
            **self._nested("nested", Chosen.describe),
            "use": self.name,
            "distribution": self.resolved.distribution,
            "version": self.resolved.version,
            "source": self.resolved.source,
            "options": self.config.model_dump(mode="json"),
            "changed": sorted(self.config.model_dump(mode="json", exclude_defaults=True)),
            "citation": self.resolved.component.citation,
            "summary": self.summary,
        }


@dataclass(frozen=True)
class Plan:
    """Hold a spec whose every component is resolved.

    Attributes:
        spec: the spec's own fields.
        dataset: the data set.
        split: the split.
        arms: {arm: {kind: component}}; kinds that an arm leaves out are absent.
        shifts: splits of the training rows that the trust methods learn from.
        smaller: {arm: {kind: component}} trained for these in place of the arm's own.
        evaluator: what audits the split, scores predictions and judges arms.
        reports: what is written of the finished run; no number depends on them.
        spec_dir: where the spec lies; relative paths in options start there.
        text: the spec as it was read, for the run folder.
        metrics: those of every distribution that the run has a metric of.
        reported: names of those that it reports.
    """

    spec: Spec
    dataset: Chosen
    split: Chosen
    arms: Mapping[str, Mapping[str, Chosen]]
    spec_dir: FilePath
    text: str
    evaluator: Chosen
    shifts: tuple[Chosen, ...] = ()
    smaller: Mapping[str, Mapping[str, Chosen]] = field(default_factory=dict)
    reports: tuple[Chosen, ...] = ()
    metrics: tuple[Chosen, ...] = ()
    reported: frozenset[str] = frozenset()

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
            filled["trust"]["pseudo_shift"]["splits"] = [_filled(one) for one in self.shifts]
        for arm, smaller in self.smaller.items():
            named = {kind: _filled(chosen) for kind, chosen in smaller.items()}
            filled["arms"][arm]["pseudo_shift"] = named
        loop = filled.pop("active_learning")
        if loop is not None:
            loop.pop("acquisition")  # every arm names its own by now
            filled["active_learning"] = loop
        return filled

    def components(self) -> list[Chosen]:
        """Return every component that makes numbers."""
        named = [self.dataset, self.split, *self.shifts]
        for arm in (*self.arms.values(), *self.smaller.values()):
            named += arm.values()
        named += [one for one in self.metrics if one.name in self.reported]
        return [part for one in (*named, self.evaluator) for part in one.every]


def _filled(chosen: Chosen) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a component as a spec names it; of several featurizers, the list."""
    filled = [
        {"use": one.name, "options": one.config.model_dump(mode="json")} for one in chosen.together
    ]
    return filled if chosen.beside else filled[0]
