"""A spec whose every component is loaded lightly: what a run is made of. Light."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Self

from ruamel.yaml import YAML

from atlas_core.component import Component, Config, Steps
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
from atlas_core.kinds.kind import kind_of
from atlas_core.metrics.registry import ALWAYS, Built, Metrics
from atlas_core.resolver import Resolved
from atlas_core.spec.model import Spec


@dataclass(frozen=True)
class BoundComponent:
    """A component that a spec names, with its checked options: it is made and asked.

    Attributes:
        resolved: what is installed, without an option.
        config: its options.
        needs: what it needs itself with these.
        gives: what it gives itself with these.
        beside: of a list, those after this one: featurizers whose columns stand to the right, or
            trust methods for comparison.
        inside: {place in its options: the component that is named there}.
    """

    resolved: Resolved
    config: Config
    needs: frozenset[str]
    gives: frozenset[str]
    beside: tuple[BoundComponent, ...] = ()
    inside: Mapping[Steps, BoundComponent] = field(default_factory=dict)

    @classmethod
    def of(cls, resolved: Resolved, config: Config) -> Self:
        """Bind options to a component."""
        component = resolved.component
        return cls(resolved, config, component.requires_of(config), component.provides_of(config))

    @property
    def component(self) -> Component:
        """Return what the plugin declared."""
        return self.resolved.component

    @cached_property
    def kind(self) -> str:
        """Return its kind."""
        return self.resolved.kind

    @cached_property
    def name(self) -> str:
        """Return the component's name."""
        return self.resolved.name

    @property
    def label(self) -> str:
        """Return kind, name, distribution and version, for a message."""
        return self.resolved.label

    @cached_property
    def together(self) -> tuple[BoundComponent, ...]:
        """Return this component and those beside it, each on its own."""
        return (replace(self, beside=()), *self.beside) if self.beside else (self,)

    @cached_property
    def nested(self) -> tuple[BoundComponent, ...]:
        """Return the components that its options name, and those that theirs do."""
        return tuple(part for one in self.inside.values() for part in one.every)

    @cached_property
    def every(self) -> tuple[BoundComponent, ...]:
        """Return this component, those beside it and all that their options name."""
        return tuple(part for one in self.together for part in (one, *one.nested))

    @cached_property
    def parts(self) -> tuple[Resolved, ...]:
        """Return what is installed of ``every``; this component is the first."""
        return tuple(one.resolved for one in self.every)

    @cached_property
    def requires(self) -> frozenset[str]:
        """Return what it, those beside it and those that options name need with these options."""
        return frozenset().union(*(one.needs for one in self.every))

    @cached_property
    def provides(self) -> frozenset[str]:
        """Return what it gives with these options; of several side by side, what each gives."""
        return self.gives.intersection(*(other.provides for other in self.beside))

    @property
    def always(self) -> bool:
        """Return whether verdicts read it, with these options: a run reports such a metric."""
        return ALWAYS in self.provides

    def build(self) -> Any:
        """Import the implementation and make it.

        Raises:
            PluginError: the implementation cannot be imported or made; names the component.
        """
        try:
            return self.component.build(self.config)
        except AtlasError:
            raise
        except (Exception, SystemExit) as err:
            text = said(err)
            if short_of_memory(err):
                reported = f"{self.label} cannot be imported: out of memory ({text}); {MORE_MEMORY}"
                raise DataError(reported) from err
            if isinstance(err, ImportError):
                raise PluginError(f"{self.label} cannot be imported: {text}") from err
            raise PluginError(f"{self.label} cannot be made: {named(err)}") from err

    def problems(self, facts: FoldFacts) -> list[str]:
        """Return what would fail after a training: what the component's ``check`` says."""
        return self.component.problems(self.config, facts)

    @cached_property
    def key(self) -> str:
        """Return the hash of all that decides its numbers."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Return all that decides its numbers, as plain data for a key."""
        nested = [one.identity for one in self.nested]
        return {
            "kind": self.kind,
            **self.named(),
            "source": self.resolved.source,
            "libraries": dict(self.resolved.libraries),
            "beside": [other.identity for other in self.beside],
            **({"nested": nested} if nested else {}),
        }

    def named(self) -> dict[str, Any]:
        """Return name and options, as a spec names them."""
        return {"use": self.name, "options": self.config.model_dump(mode="json")}

    def describe(self) -> dict[str, Any]:
        """Return name, options and origin, and those of what stands beside it and in its options.

        It is plain data for the manifest.
        """
        others = {"beside": self.beside, "nested": self.nested}
        return {
            **self.named(),
            "distribution": self.resolved.distribution,
            "version": self.resolved.version,
            "source": self.resolved.source,
            "changed": sorted(self.config.model_dump(mode="json", exclude_defaults=True)),
            "citation": self.component.citation,
            "summary": self.resolved.summary,
            **{key: [one.describe() for one in some] for key, some in others.items() if some},
        }


Arms = Mapping[str, Mapping[str, BoundComponent]]
"""{arm: {kind: component}}; kinds that an arm leaves out are absent."""


@dataclass(frozen=True)
class Asked:
    """Who is asked before an arm is trained.

    Attributes:
        requires: what its featurizer requires.
        arm: its components that say ahead what would fail.
        nested: those of its nested fits that do; None where it has none.
    """

    requires: frozenset[str]
    arm: tuple[BoundComponent, ...]
    nested: tuple[BoundComponent, ...] | None


@dataclass(frozen=True)
class Plan:
    """A spec whose every component is resolved: what an engine runs.

    Attributes:
        spec: the spec's own fields, without its arms.
        dataset: the data set.
        split: the split.
        arms: the components of each arm.
        nested_splits: splits of the training rows that the trust methods learn from.
        surrogate: what is trained for these in place of an arm's own.
        evaluator: what audits the split, scores predictions and judges arms.
        reports: what is written of the finished run; no number depends on them.
        spec_dir: where the spec lies; relative paths in options start there.
        text: the spec as it was read, for the run folder.
        metrics: those of every distribution that the run has a metric of.
        reported: names of those that it reports.
        reference: what predictions are held against; None: they are values only.
    """

    spec: Spec
    dataset: BoundComponent
    split: BoundComponent
    arms: Arms
    spec_dir: FilePath
    text: str
    evaluator: BoundComponent
    nested_splits: tuple[BoundComponent, ...] = ()
    surrogate: Arms = field(default_factory=dict)
    reports: tuple[BoundComponent, ...] = ()
    metrics: tuple[BoundComponent, ...] = ()
    reported: frozenset[str] = frozenset()
    reference: BoundComponent | None = None

    @property
    def shown(self) -> list[BoundComponent]:
        """Return the metrics that it reports."""
        return [one for one in self.metrics if one.name in self.reported]

    @cached_property
    def components(self) -> tuple[BoundComponent, ...]:
        """Return every component that makes numbers."""
        arms = [
            one for arm in (*self.arms.values(), *self.surrogate.values()) for one in arm.values()
        ]
        held = () if self.reference is None else (self.reference,)
        own = (self.dataset, self.split, *self.nested_splits, *arms, *self.shown, self.evaluator)
        own = (*own, *held)
        return tuple(part for one in own for part in one.every)

    @cached_property
    def featurizers(self) -> dict[str, BoundComponent]:
        """Return the featurizer of each arm."""
        return {arm: components["featurizer"] for arm, components in self.arms.items()}

    def refitted(self, arm: str) -> dict[str, BoundComponent]:
        """Return what nested fits of an arm are made of, {} where it has none.

        It is all but what asks for them, and what they have no use for.
        """
        every = {**self.arms[arm], **self.surrogate.get(arm, {})}
        if self.spec.trust is None or "trust" not in every:
            return {}
        return {k: one for k, one in every.items() if kind_of(k).retrained and k != "trust"}

    @property
    def asked(self) -> dict[str, Asked]:
        """Return who is asked before the trainings of each arm."""
        return {
            arm: Asked(
                self.featurizers[arm].requires,
                _looking_ahead(components),
                _looking_ahead(again) if (again := self.refitted(arm)) else None,
            )
            for arm, components in self.arms.items()
        }

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
        # no number depends on where the data are; arms stand behind what all of them share
        filled = self.spec.model_dump(mode="json", exclude={"data", "arms"})
        if not filled["final"]:
            filled.pop("final")
        if filled["repeats"] == 1:
            filled.pop("repeats")
        filled["dataset"] = self.dataset.named()
        filled["split"] = self.split.named()
        filled["evaluator"] = self.evaluator.named()
        if self.reference is None:
            filled.pop("reference")
        else:
            filled["reference"] = self.reference.named()
        filled["reports"] = [report.named() for report in self.reports]
        filled["metrics"] = [
            one.named() if type(one.config).model_fields else one.name for one in self.shown
        ]
        filled["arms"] = {arm: _filled(components) for arm, components in self.arms.items()}
        if filled["trust"] is None:
            filled.pop("trust")
        else:
            filled["trust"]["nested"]["splits"] = [one.named() for one in self.nested_splits]
        for arm, surrogate in self.surrogate.items():
            filled["arms"][arm]["surrogate"] = _filled(surrogate)
        loop = filled.pop("active_learning")
        if loop is not None:
            loop.pop("acquisition")  # every arm names its own by now
            filled["active_learning"] = loop
        return filled

    def locked(self, data: Mapping[str, Any]) -> str:
        """Return the spec with every default, its data and the versions that filled it, as YAML."""
        parts = [one.resolved for one in (*self.components, *self.reports)]
        lines = (
            f"# {one.kind} {one.name}: {one.distribution} {one.version}\n"
            for one in sorted(parts, key=lambda one: (one.kind, one.name))
        )
        body = io.StringIO()
        body.write("# Every default filled; the versions that filled them:\n")
        body.writelines(dict.fromkeys(lines))
        YAML().dump({**self.describe(), "data": data}, body)
        return body.getvalue()


def _looking_ahead(components: Mapping[str, BoundComponent]) -> tuple[BoundComponent, ...]:
    """Return those that say ahead what would fail, beside others and in options, too."""
    every = (one for chosen in components.values() for one in chosen.every)
    return tuple(one for one in every if one.resolved.component.check is not None)


def _filled(components: Mapping[str, BoundComponent]) -> dict[str, Any]:
    """Return the components of an arm as a spec names them; of several side by side, the list."""
    return {
        kind: [one.named() for one in chosen.together] if chosen.beside else chosen.named()
        for kind, chosen in components.items()
    }
