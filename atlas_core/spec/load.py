"""Read a spec into a plan: every component loaded lightly, every option checked. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from atlas_core.errors import (
    SpecError,
)
from atlas_core.resolver import Resolver
from atlas_core.spec.model import ActiveLearning, Arm, PseudoShift, Spec, Trust, Use
from atlas_core.spec.plan import ARM_KINDS, LISTED, Chosen, Plan
from atlas_core.spec.problems import Problems, join, strictly
from atlas_core.spec.resolve import (
    check_capabilities,
    reports_of,
    resolve,
    resolve_all,
    resolve_arm,
)
from atlas_core.spec.yaml import Document, override, parse


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
    problems = Problems(document)
    if not isinstance(document.value, dict):
        raise SpecError(f"{document.where(())}: expected a mapping such as 'atlas: 1'")
    try:
        spec = strictly(Spec, document.value)
    except ValidationError as err:
        problems.add_validation((), Spec, err)
        spec = _what_is_right(document.value)
        rest = resolve_all(spec, resolver, problems, whole=False)
        if rest is not None:
            check_capabilities(rest, problems)
        problems.stop()
        raise SpecError(f"{document.source}: {err}") from err  # not reached: there were problems
    plan = resolve_all(spec, resolver, problems)
    if plan is not None:
        check_capabilities(plan, problems)
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
    problems = Problems(document)
    try:
        spec = strictly(Spec, document.value)
    except ValidationError as err:
        problems.add_validation((), Spec, err)
        problems.stop()
        raise SpecError(f"{path}: {err}") from err  # not reached: there were problems
    if arm not in spec.arms:
        raise SpecError(f"{path}: no arm {arm!r}; it has {join(spec.arms)}")
    components = resolve_arm(spec, arm, resolver, problems, whole=False)
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
    problems = Problems(document)
    use = Use.model_validate(document.value)
    chosen = resolve(kind, use, (), resolver, problems)
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
    problems = Problems(Document("report", {"reports": [use.model_dump() for use in uses]}))
    found = reports_of(uses, resolver, problems)
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
