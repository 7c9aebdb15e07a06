"""The one registry of metrics, which scorer, tables, glossary and comparison read. Light.

The core knows no metric by name: they are components of the kind ``metric``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError

from atlas_core.component import Config
from atlas_core.errors import PluginError
from atlas_core.kinds.metric import Better, Metric, Unit
from atlas_core.resolver import Resolver

ALWAYS = "verdict"
"""Capability of a metric that verdicts read: a run reports it whatever its spec names."""


@dataclass(frozen=True)
class Built:
    """What a component of the kind ``metric`` built.

    Attributes:
        distribution: that offers it.
        made: a metric, or several that belong together.
        always: whether verdicts read it.
        reported: whether a run reports it.
    """

    distribution: str
    made: Metric | Sequence[Metric]
    always: bool
    reported: bool = True

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return them in order."""
        return (self.made,) if isinstance(self.made, Metric) else tuple(self.made)


@dataclass(frozen=True)
class Shown:
    """Say how a figure is shown, in words that a run folder keeps.

    Attributes:
        name: of the metric.
        label: short name in a table.
        unit: in the ``target``'s unit, a ``share``, or ``plain``.
        better: ``lower``, ``higher``, near ``one``, near its ``level``, or ``neither``.
        meaning: one sentence for a reader without machine learning.
        of_levels: whether each coverage level has a figure of its own.
        of_detectors: whether it is of a detector.
        table: whether the table of metrics has it.
    """

    name: str
    label: str
    unit: Unit
    better: Better
    meaning: str
    of_levels: bool = False
    of_detectors: bool = False
    table: bool = True


@dataclass(frozen=True)
class Metrics:
    """Metrics in the order of tables and sums.

    Attributes:
        families: those of each distribution. One matrix product sums the terms of a family: a
            figure is the same to the last digit whatever other families are installed, and
            whatever a spec leaves out.
        reported: names of those that a run reports.
    """

    families: tuple[tuple[Metric, ...], ...]
    reported: frozenset[str]

    @classmethod
    def of(cls, built: Sequence[Built]) -> Metrics:
        """Return metrics by distribution, those that verdicts read first."""
        families: dict[str, list[Metric]] = {}
        for one in sorted(built, key=lambda one: not one.always):
            families.setdefault(one.distribution, [])
        for one in built:
            families[one.distribution] += one.metrics
        reported = {metric.name for one in built if one.reported for metric in one.metrics}
        return cls(tuple(map(tuple, families.values())), frozenset(reported))

    def __iter__(self) -> Iterator[Metric]:
        """Iterate over those that are reported."""
        for family in self.families:
            yield from (one for one in family if self.reports(one))

    def __getitem__(self, name: str) -> Metric:
        """Return a metric by its name."""
        return next(one for family in self.families for one in family if one.name == name)

    def reports(self, one: Metric) -> bool:
        """Return whether a run reports a metric."""
        return one.name in self.reported

    def only(self, *, task: str, of_detectors: bool) -> Metrics:
        """Return those of a task, and of detectors or of predictions."""
        kept = (
            tuple(m for m in f if m.task in ("", task) and m.of_detectors == of_detectors)
            for f in self.families
        )
        return replace(self, families=tuple(f for f in kept if f))

    def described(self) -> list[dict[str, Any]]:
        """Return how each reported one is shown, in order: plain data for a manifest."""
        return [
            asdict(
                Shown(
                    m.name,
                    m.label,
                    m.unit,
                    m.better,
                    m.meaning,
                    m.of_levels,
                    m.of_detectors,
                    m.shown,
                )
            )
            for m in self
        ]


def figures(described: Sequence[Mapping[str, Any]] | None) -> dict[str, Shown]:
    """Return how the metrics of a run are shown, by name and in order.

    Args:
        described: ``figures`` of ``manifest.json``.
    """
    return {one["name"]: Shown(**one) for one in described or ()}


def shown(figures: Mapping[str, Shown], name: str) -> Shown | None:
    """Return how a figure such as ``mae`` or ``picp_0.9`` is shown; None for one without words.

    Args:
        figures: how the metrics of the run are shown.
        name: of a figure in ``metrics.json``.
    """
    base = figures.get(name.rpartition("_")[0])
    return figures.get(name) or (base if base is not None and base.of_levels else None)


def installed_metrics(resolver: Resolver) -> Metrics:
    """Return all that are installed, with their default options.

    Args:
        resolver: finds them.

    Raises:
        PluginError: one is broken; names it.
    """
    return recorded_metrics(None, resolver)


def recorded_metrics(reported: Sequence[Mapping[str, Any]] | None, resolver: Resolver) -> Metrics:
    """Return the metrics that a run reported.

    Args:
        reported: ``use`` and ``options`` of each, as in ``manifest.json``; None: all installed.
        resolver: finds them.

    Raises:
        PluginError: one is not installed here; names it.
    """
    named = {one["use"]: one for one in reported or ()}
    built = []
    for one in resolver.every("metric"):
        component = one.component
        own = named.pop(component.name, None)
        options = default_options(component.config)
        if own is not None:
            options = component.config.model_validate(own["options"])
        if options is not None:
            always = ALWAYS in component.provides_of(options)
            shown = own is not None or reported is None
            built.append(Built(one.distribution, component.build(options), always, shown))
    if named:
        lost = next(iter(named.values()))
        raise PluginError(
            f"metric {lost['use']} of {lost['distribution']} {lost['version']}, which the run"
            " reported, is not installed here: install it"
        )
    return Metrics.of(built)


def default_options(config: type[Config]) -> Config | None:
    """Return the default options; None where one has no default, so that a spec must name it."""
    try:
        return config()
    except ValidationError:
        return None
