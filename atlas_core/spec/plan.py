"""Resolve a spec into a plan: every component loaded lightly, every option checked. Light."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from atlas_core.component import Config
from atlas_core.errors import (
    MORE_MEMORY,
    AtlasError,
    DataError,
    PluginError,
    SpecError,
    named,
    said,
    short_of_memory,
)
from atlas_core.interfaces import CAPABILITIES
from atlas_core.metrics.registry import ALWAYS, Built, Metrics, default_options
from atlas_core.resolver import Resolved, Resolver
from atlas_core.spec.model import ActiveLearning, Arm, PseudoShift, Spec, Trust, Use
from atlas_core.spec.offers import offers
from atlas_core.spec.yaml import Document, Path, override, parse

AnyModel = TypeVar("AnyModel", bound=BaseModel)
ARM_KINDS = ("featurizer", "model", "uq", "calibrator", "ood", "trust", "acquisition")
LISTED = ("featurizer", "trust")
"""Kinds of which an arm may name several."""


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
    def name(self) -> str:
        """Return the component's name."""
        return self.resolved.component.name

    @property
    def requires(self) -> frozenset[str]:
        """Return what it needs with these options, and what those beside it need."""
        own = self.resolved.component.requires_of(self.config)
        return own.union(*(other.requires for other in self.beside))

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
        }

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
        filled["dataset"] = _filled(self.dataset)
        filled["split"] = _filled(self.split)
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
        arms = [*self.arms.values(), *self.smaller.values()]
        named = [*self.shifts, *(chosen for arm in arms for chosen in arm.values())]
        own = [one for one in self.metrics if one.name in self.reported]
        return [self.dataset, self.split, *(c for one in named for c in one.together), *own]


def _filled(chosen: Chosen) -> dict[str, Any] | list[dict[str, Any]]:
    """Return a component as a spec names it; of several featurizers, the list."""
    filled = [
        {"use": one.name, "options": one.config.model_dump(mode="json")} for one in chosen.together
    ]
    return filled if chosen.beside else filled[0]


def _strictly(model: type[AnyModel], value: Any) -> AnyModel:
    """Validate plain data as JSON would be: no text or boolean passes for a number."""
    return model.model_validate_json(json.dumps(value), strict=True)


@dataclass
class _Problems:
    """Collect one line a mistake, in the order of the file."""

    document: Document
    lines: list[str] = field(default_factory=list)
    plugin_lines: list[str] = field(default_factory=list)
    _told: set[object] = field(default_factory=set)

    def first(self, what: object) -> bool:
        """Tell whether this is told for the first time."""
        known = what in self._told
        self._told.add(what)
        return not known

    def add(self, path: Path, text: str) -> None:
        self.lines.append(f"{self.document.where(path)}: {text}")

    def add_plugin(self, path: Path, text: str) -> None:
        self.plugin_lines.append(f"{self.document.where(path)}: {text}")

    def add_validation(self, path: Path, model: type[BaseModel], error: ValidationError) -> None:
        for item in error.errors():
            steps = self._real_steps(path, item["loc"], last=item["type"] == "missing")
            self.add((*path, *steps), _explain(item, model, item["loc"]))

    def _real_steps(self, path: Path, location: Sequence[str | int], *, last: bool) -> Path:
        """Return the steps that exist in the file; pydantic adds tags of unions between them."""
        value = self.value_at(path)
        steps: Path = ()
        for number, step in enumerate(location):
            inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if inside or (isinstance(value, Mapping) and step in value):
                value = value[step]
                steps = (*steps, step)
            elif last and number == len(location) - 1:
                steps = (*steps, step)
        return steps

    def value_at(self, path: Path) -> Any:
        """Return what stands at a path of the file, None where nothing does."""
        value = self.document.value
        for step in path:
            if isinstance(value, list):
                value = value[step] if isinstance(step, int) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
        return value

    def places(self, path: Path, count: int) -> list[Path]:
        """Return where each of ``count`` components stands; one need not stand in a list."""
        value = self.value_at(path)
        return [(*path, i) for i in range(count)] if isinstance(value, list) else [path] * count

    def stop(self) -> None:
        if self.lines:
            raise SpecError(sorted(self.lines + self.plugin_lines, key=_in_file_order))
        if self.plugin_lines:
            raise PluginError("\n".join(sorted(self.plugin_lines, key=_in_file_order)))


def _in_file_order(line: str) -> tuple[int, ...]:
    """Return line and column from ``file:line:column  ...``; a ``--set`` stands first."""
    numbers = line.split("  ", maxsplit=1)[0].rsplit(":", 2)[1:]
    return tuple(int(n) for n in numbers) if all(n.isdigit() for n in numbers) else ()


def _explain(item: Any, model: type[BaseModel], location: Sequence[str | int]) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        names = _fields_at(model, location[:-1])
        return f"unknown key{_closest(str(location[-1]), names)}; known here: {_join(names)}"
    if kind == "missing":
        return f"this key is missing{'; write atlas: 1' if location == ('atlas',) else ''}"
    shown = repr(value) if isinstance(value, str | int | float | bool | type(None)) else ""
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if kind in {"tuple_type", "list_type", "set_type"}:
        message = f"expected a list, such as [{value}]"
    if kind in {"model_type", "dict_type"}:
        message = "expected a mapping"
        shown = shown or type(value).__name__
    return f"{shown}: {message}" if shown else message


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the field names of the model that ``location`` leads to, through our own nesting."""
    current: type[BaseModel] = model
    steps = [step for step in location if not isinstance(step, int)]  # places in a list
    while steps:
        step = steps.pop(0)
        if current is Spec and step == "arms":
            current = Arm
            steps = steps[1:]
            continue
        field_info = current.model_fields.get(str(step))
        models = [] if field_info is None else _models_in(field_info.annotation)
        if not models:
            return []
        current = models[0]
    return sorted(current.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models inside an annotation such as ``Annotated[Use, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _closest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" {name!r}, did you mean {' or '.join(map(repr, near))}?" if near else f" {name!r}"


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def load_plan(
    path: FilePath, resolver: Resolver, *, overrides: Sequence[str] = (), text: str | None = None
) -> Plan:
    """Read a spec, load the light module of every component it names and check everything.

    Raises:
        SpecError: the spec is wrong; every mistake at once, each with its place.
        PluginError: the spec is right but a plugin is broken.
    """
    if text is None:
        text = _read(path)
    document = parse(text, str(path))
    for assignment in overrides:
        override(document, assignment)
    return plan_of(document, resolver, spec_dir=path.parent.resolve(), text=text)


def plan_of(document: Document, resolver: Resolver, *, spec_dir: FilePath, text: str) -> Plan:
    """Check a spec that was read, and load its components; errors as those of ``load_plan``.

    Args:
        document: the spec.
        resolver: of its components.
        spec_dir: folder that paths in the spec are relative to.
        text: of the spec, to be kept with the run.
    """
    problems = _Problems(document)
    if not isinstance(document.value, dict):
        raise SpecError(f"{document.where(())}: expected a mapping such as 'atlas: 1'")
    try:
        spec = _strictly(Spec, document.value)
    except ValidationError as err:
        problems.add_validation((), Spec, err)
        spec = _what_is_right(document.value)
        rest = _resolve_all(spec, resolver, problems, whole=False)
        if rest is not None:
            _check_capabilities(rest, problems)
        problems.stop()
        raise SpecError(f"{document.source}: {err}") from err  # not reached: there were problems
    plan = _resolve_all(spec, resolver, problems)
    if plan is not None:
        _check_capabilities(plan, problems)
    problems.stop()
    if plan is None:
        raise SpecError(f"{document.source}: not resolved")  # not reached: there were problems
    return replace(plan, spec=spec, spec_dir=spec_dir, text=text)


def load_arm_plan(path: FilePath, resolver: Resolver, arm: str) -> tuple[Spec, dict[str, Chosen]]:
    """Read a spec and resolve the components of one arm; what else it names may be missing.

    Raises:
        SpecError: the spec is wrong or has no such arm.
        PluginError: a plugin of this arm is broken.
    """
    document = parse(_read(path), str(path))
    problems = _Problems(document)
    try:
        spec = _strictly(Spec, document.value)
    except ValidationError as err:
        problems.add_validation((), Spec, err)
        problems.stop()
        raise SpecError(f"{path}: {err}") from err  # not reached: there were problems
    if arm not in spec.arms:
        raise SpecError(f"{path}: no arm {arm!r}; it has {_join(spec.arms)}")
    components = _resolve_arm(spec, arm, resolver, problems, whole=False)
    problems.stop()
    return spec, components


def _read(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or "it is no UTF-8 text"
        raise SpecError(f"{path}: cannot be read: {reason}") from err


def resolve_one(kind: str, name: str, assignments: Sequence[str], resolver: Resolver) -> Chosen:
    """Resolve one component with options given as ``option=value`` texts.

    Raises:
        SpecError: the name or an option is wrong.
        PluginError: the plugin is broken.
    """
    document = Document("command line", {"use": name, "options": {}})
    for assignment in assignments:
        override(document, f"options.{assignment}")
    problems = _Problems(document)
    use = Use.model_validate(document.value)
    chosen = _resolve(kind, use, (), resolver, problems)
    problems.stop()
    if chosen is None:
        raise SpecError(f"{kind} {name}: not resolved")
    return chosen


def resolve_reports(uses: Sequence[Use], resolver: Resolver) -> tuple[Chosen, ...]:
    """Resolve what is to be written of a finished run.

    Raises:
        SpecError: a name or an option is wrong.
        PluginError: a plugin is broken.
    """
    problems = _Problems(Document("report", {"reports": [use.model_dump() for use in uses]}))
    found = _reports(uses, resolver, problems)
    problems.stop()
    return found


def _what_is_right(value: Mapping[str, Any]) -> Spec:
    """Return a spec without its wrong parts, so that their neighbours are still checked."""
    if not isinstance(value, Mapping):
        value = {}

    def use(part: Any) -> Use | None:
        try:
            return Use.model_validate({"use": part} if isinstance(part, str) else part)
        except ValidationError:
            return None

    arms: dict[str, Arm] = {}
    given = value.get("arms")
    for name, content in given.items() if isinstance(given, Mapping) else ():
        parts = content if isinstance(content, Mapping) else {}
        uses: dict[str, Any] = {kind: use(parts.get(kind)) for kind in ARM_KINDS}
        for kind in LISTED:
            named = parts.get(kind)
            listed = named if isinstance(named, list) else [named]
            uses[kind] = tuple(use(one) for one in listed)
        if uses["trust"] == (None,):
            uses["trust"] = None
        uses["pseudo_shift"] = None
        arms[str(name)] = Arm.model_construct(None, **uses)
    loop: ActiveLearning | None = None
    if isinstance(value.get("active_learning"), Mapping):
        acquisition = use(value["active_learning"].get("acquisition"))
        loop = ActiveLearning.model_construct(None, acquisition=acquisition)
    return Spec.model_construct(
        dataset=use(value.get("dataset")),
        split=use(value.get("split")),
        reports=_named_uses(value.get("reports", ()), use),
        arms=arms,
        trust=Trust.model_construct(
            None, pseudo_shift=PseudoShift.model_construct(None, splits=_shifts_of(value, use))
        ),
        metrics=_uses_of(value.get("metrics"), use),
        active_learning=loop,
    )


def _uses_of(given: Any, use: Callable[[Any], Use | None]) -> tuple[Use | None, ...] | None:
    listed = given if isinstance(given, list) else [given]
    return None if given is None else tuple(use(one) for one in listed)


def _shifts_of(
    value: Mapping[str, Any], use: Callable[[Any], Use | None]
) -> tuple[Use | None, ...]:
    """Return the splits of a spec's pseudo-shift; none where they are not written as such."""
    block = value.get("trust")
    shift = block.get("pseudo_shift") if isinstance(block, Mapping) else None
    return _named_uses(shift.get("splits") if isinstance(shift, Mapping) else None, use)


def _named_uses(named: Any, use: Callable[[Any], Use | None]) -> tuple[Use | None, ...]:
    """Return components that stand in a list, or one that stands alone."""
    return tuple(use(one) for one in (named if isinstance(named, list | tuple) else [named]))


def _resolve_all(
    spec: Spec, resolver: Resolver, problems: _Problems, *, whole: bool = True
) -> Plan | None:
    """Resolve every component; ``whole`` is False for what is left of a wrong spec."""
    dataset = _resolve("dataset", spec.dataset, ("dataset",), resolver, problems)
    split = _resolve("split", spec.split, ("split",), resolver, problems)
    arms: dict[str, dict[str, Chosen]] = {}
    for name in spec.arms:
        arms[name] = _resolve_arm(spec, name, resolver, problems, whole=whole)
    shifts, smaller = _pseudo_shift(spec, resolver, problems, whole=whole)
    reports = _reports(spec.reports, resolver, problems)
    metrics, reported = _metrics(spec, resolver, problems)
    if dataset is None or split is None:
        return None
    return Plan(
        spec=spec,
        dataset=dataset,
        split=split,
        arms=arms,
        spec_dir=FilePath(),
        text="",
        shifts=shifts,
        smaller=smaller,
        reports=reports,
        metrics=metrics,
        reported=reported,
    )


def _reports(
    uses: Sequence[Use | None], resolver: Resolver, problems: _Problems
) -> tuple[Chosen, ...]:
    """Resolve what is written of a run, each once."""
    places = problems.places(("reports",), len(uses))
    found: list[Chosen] = []
    for use, place in zip(uses, places, strict=True):
        chosen = _resolve("report", use, place, resolver, problems)
        if chosen is None:
            continue
        if any(chosen.name == other.name for other in found):
            problems.add(place, f"report {chosen.name!r} stands twice")
        found.append(chosen)
    return tuple(found)


def _metrics(
    spec: Spec, resolver: Resolver, problems: _Problems
) -> tuple[tuple[Chosen, ...], frozenset[str]]:
    """Resolve what a run computes, and name what of it the run reports."""
    uses = spec.metrics or ()
    named: dict[str, Chosen] = {}
    for use, place in zip(uses, problems.places(("metrics",), len(uses)), strict=True):
        one = _resolve("metric", use, place, resolver, problems)
        if one is not None and one.name in named:
            problems.add(place, f"metric {one.name!r} stands twice")
        elif one is not None:
            named[one.name] = one
    found: dict[str, Chosen] = {}
    for resolved in resolver.every("metric"):
        name, options = resolved.component.name, default_options(resolved.component.config)
        if name in named or options is not None:
            found[name] = named.get(name) or Chosen("metric", resolved, options or Config())
    if not any(one.always for one in found.values()):
        problems.add_plugin(
            ("metrics",),
            "no installed metric provides verdict (what verdicts read): install a distribution of"
            " metrics",
        )
    reported = {n for n, one in found.items() if spec.metrics is None or n in named or one.always}
    needed = {found[name].resolved.distribution for name in reported}
    kept = tuple(one for one in found.values() if one.resolved.distribution in needed)
    return kept, frozenset(reported)


def _resolve_arm(
    spec: Spec, name: str, resolver: Resolver, problems: _Problems, *, whole: bool
) -> dict[str, Chosen]:
    """Resolve the components of one arm, in the order of kinds."""
    arm, loop = spec.arms[name], spec.active_learning
    found: dict[str, Chosen] = {}
    featurizer = _side_by_side(arm, ("arms", name, "featurizer"), resolver, problems)
    if featurizer is not None:
        found["featurizer"] = featurizer
    trust = _trust(spec, name, resolver, problems, whole=whole)
    if trust is not None:
        found["trust"] = trust
    for kind in (kind for kind in ARM_KINDS if kind not in LISTED):
        use: Use | None = getattr(arm, kind, None)
        path: Path = ("arms", name, kind)
        if kind == "acquisition":
            if use is not None and loop is None and whole:
                problems.add(path, "an acquisition needs the block 'active_learning'")
            if use is None and loop is not None:
                use = loop.acquisition
                path = ("active_learning", "acquisition")
                if use is None and whole:
                    problems.add(
                        ("arms", name),
                        "active learning needs an acquisition, here or in 'active_learning'",
                    )
        if use is not None:
            chosen = _resolve(kind, use, path, resolver, problems)
            if chosen is not None:
                found[kind] = chosen
    return {kind: found[kind] for kind in ARM_KINDS if kind in found}


def _trust(
    spec: Spec, arm: str, resolver: Resolver, problems: _Problems, *, whole: bool
) -> Chosen | None:
    """Resolve an arm's trust methods, and those that they want to be compared with."""
    uses = spec.arms[arm].trust
    path: Path = ("arms", arm, "trust")
    if uses is None:
        return None
    if spec.trust is None and whole:
        problems.add(path, "a trust method needs the block 'trust' with budget and pseudo_shift")
    places = problems.places(path, len(uses))
    found = [
        _resolve("trust", use, place, resolver, problems)
        for use, place in zip(uses, places, strict=True)
    ]
    chosen = [one for one in found if one is not None]
    if not chosen or len(chosen) < len(uses):
        return None
    for number, (one, place) in enumerate(zip(chosen, places, strict=True)):
        if any(one.name == other.name for other in chosen[:number]):
            problems.add(
                place,
                f"trust method {one.name!r} stands twice and could not be told from itself; give"
                " the second an arm of its own",
            )
    names = {one.name for one in chosen}
    wanted = dict.fromkeys(other for one in chosen for other in one.resolved.component.beside)
    for name in wanted:
        if name not in names:
            other = _resolve("trust", Use(use=name), path, resolver, problems)
            if other is not None:
                chosen.append(other)
    return replace(chosen[0], beside=tuple(chosen[1:]))


def _pseudo_shift(
    spec: Spec, resolver: Resolver, problems: _Problems, *, whole: bool
) -> tuple[tuple[Chosen, ...], dict[str, dict[str, Chosen]]]:
    """Resolve the splits of the pseudo-shift, and what they train."""
    shifts: list[Chosen] = []
    if spec.trust is not None:
        if whole and not any(arm.trust for arm in spec.arms.values()):
            problems.add(
                ("trust",),
                "no arm names a trust method; add 'trust: learned_region' to an arm, or leave this"
                " block out",
            )
        path: Path = ("trust", "pseudo_shift", "splits")
        uses = spec.trust.pseudo_shift.splits
        for use, place in zip(uses, problems.places(path, len(uses)), strict=True):
            chosen = _resolve("split", use, place, resolver, problems)
            if chosen is not None:
                shifts.append(chosen)
    smaller: dict[str, dict[str, Chosen]] = {}
    for name, arm in spec.arms.items():
        if arm.pseudo_shift is None:
            continue
        if whole and arm.trust is None:
            problems.add(
                ("arms", name, "pseudo_shift"),
                "only a trust method rehearses the shift; add 'trust' to this arm, or leave this"
                " out",
            )
        for kind in ("model", "uq"):
            one: Use | None = getattr(arm.pseudo_shift, kind)
            key: Path = ("arms", name, "pseudo_shift", kind)
            chosen = _resolve(kind, one, key, resolver, problems)
            if chosen is not None:
                smaller.setdefault(name, {})[kind] = chosen
    return tuple(shifts), smaller


def _side_by_side(arm: Arm, path: Path, resolver: Resolver, problems: _Problems) -> Chosen | None:
    """Resolve the featurizers of an arm; what cannot stand beside others is told at its line."""
    uses: tuple[Use | None, ...] = arm.featurizer
    places = problems.places(path, len(uses))
    found = [
        (_resolve("featurizer", use, place, resolver, problems), place)
        for use, place in zip(uses, places, strict=True)
    ]
    chosen = [(one, place) for one, place in found if one is not None]
    before = len(problems.lines)
    if len(uses) > 1:
        for number, (one, place) in enumerate(chosen):
            if "features:vectors" not in one.provides:
                problems.add(
                    place,
                    f"featurizer {one.name!r} gives {_join(one.provides)}; only features:vectors"
                    " can stand side by side: name it alone, in an arm of its own",
                )
            if any(one == other for other, _ in chosen[:number]):
                problems.add(place, f"featurizer {one.name!r} stands twice with the same options")
    if not chosen or len(chosen) < len(uses) or len(problems.lines) > before:
        return None
    return replace(chosen[0][0], beside=tuple(one for one, _ in chosen[1:]))


def _resolve(
    kind: str, use: Use | None, path: Path, resolver: Resolver, problems: _Problems
) -> Chosen | None:
    if use is None:
        return None
    names = resolver.names(kind)
    if use.use not in names:
        owner = resolver.known(kind, use.use)
        hint = f"; {owner} offers it: install that" if owner else ""
        text = f"unknown {kind}{_closest(use.use, names)}{hint}; installed: {_join(set(names))}"
        problems.add((*path, "use"), text)
        return None
    try:
        resolved = resolver.resolve(kind, use.use)
    except PluginError as err:
        problems.add_plugin((*path, "use"), str(err))
        return None
    model = resolved.component.config
    try:
        config = _strictly(model, use.options)
    except ValidationError as err:
        problems.add_validation((*path, "options"), model, err)
        component = resolved.component
        if callable(component.requires) or callable(component.provides):
            return None  # what it would need and give hangs on its options
        # never built, as there are problems: it stands for what any options of it need and give
        return Chosen(kind, resolved, model.model_construct())
    for what, capabilities in (
        ("needs", resolved.component.requires_of(config)),
        ("gives", resolved.component.provides_of(config)),
    ):
        if unknown := sorted(set(capabilities) - set(CAPABILITIES)):
            text = f"{kind} {use.use} {what} {_join(unknown)}, which this core does not know"
            problems.add_plugin((*path, "use"), text)
    return Chosen(kind, resolved, config)


def _check_capabilities(plan: Plan, problems: _Problems) -> None:
    own = {"target"}  # the host gives targets to a splitter that asks
    _check_needs(plan.split, ("split", "use"), [plan.dataset], own, problems)
    for arm, components in plan.arms.items():
        named = [kind for kind in ARM_KINDS if getattr(plan.spec.arms[arm], kind, None)]
        if any(kind not in components for kind in ("featurizer", "model", "uq", *named)):
            continue  # what a component that is wrong itself would give is not known
        around = [plan.dataset, plan.split, *components.values()]
        _check_rehearsal(plan, arm, problems)
        for kind, chosen in components.items():
            others = [c for c in around if c is not chosen]
            together = chosen.together
            places = problems.places(("arms", arm, kind), len(together))
            own = {"refit"} if kind == "calibrator" else set()  # the host trains for a calibrator
            for one, place in zip(together, places, strict=True):
                _check_needs(one, (*place, "use"), others, own, problems)


def _check_rehearsal(plan: Plan, arm: str, problems: _Problems) -> None:
    """Check what a rehearsal trains: the arm with its smaller model, uncalibrated."""
    components, smaller = plan.arms[arm], plan.smaller.get(arm, {})
    if not smaller:
        return
    again = {**components, **smaller}
    for kind in ("calibrator", "acquisition"):
        again.pop(kind, None)
    own_given = _given([plan.dataset, plan.split, *components.values()])
    for kind, chosen in again.items():
        others = [plan.dataset, plan.split, *(c for c in again.values() if c is not chosen)]
        where: Path = ("arms", arm, "pseudo_shift", *((kind, "use") if kind in smaller else ()))
        for one in chosen.together:
            # what the arm itself lacks is told at the arm
            own = set() if kind in smaller else set(one.requires - own_given)
            _check_needs(one, where, others, own, problems)


def _given(components: Iterable[Chosen]) -> frozenset[str]:
    return frozenset().union(*(one.provides for one in components))


def _check_needs(
    chosen: Chosen, path: Path, around: Sequence[Chosen], own: set[str], problems: _Problems
) -> None:
    for need in sorted(chosen.requires - own - _given(around)):
        if need not in CAPABILITIES:
            continue  # told already: this core does not know it
        if not problems.first((path, need)):
            continue  # what stands beside it needs the same
        family = need.split(":")[0]
        owners = {"inputs": "dataset", "task": "dataset", "features": "featurizer"}
        owner_kind = owners.get(family, "model" if family == "model" else "uq")
        owner = next((c for c in around if c.kind == owner_kind), None)
        if owner is None:
            detail = "and nothing here gives it"
        else:
            gives = _join(owner.provides)
            detail = f"which {owner.kind} {owner.name!r} does not give (it gives {gives})"
            first = next(one for one in owner.together if need not in one.provides)
            detail += f"; {offers(need, first.resolved, first.config)}"
        problems.add(
            path,
            f"{chosen.kind} {chosen.name!r} needs {need} ({CAPABILITIES[need]}), {detail}",
        )
