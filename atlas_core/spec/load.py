"""Read a spec into a plan: every component loaded lightly, every option checked. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from atlas_core.component import Config, Use, kind_in, strictly
from atlas_core.errors import SpecError
from atlas_core.kinds.kind import kind_of
from atlas_core.resolver import Resolver
from atlas_core.spec.model import AnyConfig, Arm, Spec, usual_uses
from atlas_core.spec.plan import BoundComponent, Plan
from atlas_core.spec.problems import Problems, join, models_in
from atlas_core.spec.resolve import (
    check_capabilities,
    resolve,
    resolve_all,
    resolve_arm,
    resolve_named,
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
    problems = Problems(document, resolver.names)
    if not isinstance(document.value, dict):
        raise SpecError(f"{document.where(())}: expected a mapping such as 'atlas: 1'")
    whole = True
    try:
        spec = strictly(Spec, document.value)
    except ValidationError as err:
        problems.add_validation((), Spec, err)
        spec, whole = _what_is_right(Spec, document.value), False
    plan = resolve_all(spec, resolver, problems, whole=whole)
    if plan is not None:
        check_capabilities(spec, plan, problems)
    problems.stop()
    if plan is None or not whole:
        raise SpecError(f"{document.source}: not resolved")  # not reached: there were problems
    return replace(plan, spec_dir=spec_dir, text=text)


def load_arm_plan(
    path: FilePath, resolver: Resolver, arm: str
) -> tuple[Spec, dict[str, BoundComponent]]:
    """Read a spec and resolve the components of one arm; what else it names may be missing.

    Raises:
        SpecError: the spec is wrong or has no such arm.
        PluginError: a plugin of this arm is broken.
    """
    document = parse(_read(path), str(path))
    problems = Problems(document, resolver.names)
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


def resolve_one(
    kind: str, name: str, assignments: Sequence[str], resolver: Resolver
) -> BoundComponent:
    """Resolve one component with options given as ``option=value`` texts.

    Raises:
        SpecError: the name or an option is wrong.
        PluginError: the plugin is broken.
    """
    document = Document("command line", {"use": name, "options": {}})
    for assignment in assignments:
        override(document, f"options.{assignment}")
    return resolve_use(kind, document, resolver)


def recorded_evaluator(manifest: Mapping[str, Any], resolver: Resolver) -> BoundComponent:
    """Return the evaluator of a run, as its manifest has it; the usual one where it has none.

    Raises:
        SpecError: it is not installed here, or its options are wrong.
        PluginError: the plugin is broken.
    """
    (usual,) = usual_uses("evaluator")
    given = manifest.get("evaluator") or usual.model_dump()
    used = {"use": given["use"], "options": given.get("options", {})}
    return resolve_use("evaluator", Document("manifest.json", used), resolver)


def resolve_use(kind: str, document: Document, resolver: Resolver) -> BoundComponent:
    """Resolve the component that a document names, as ``{use: ..., options: ...}``.

    Raises:
        SpecError: the name or an option is wrong.
        PluginError: the plugin is broken.
    """
    problems = Problems(document, resolver.names)
    use = Use.model_validate(document.value)
    chosen = resolve(kind, use, (), resolver, problems)
    problems.stop()
    if chosen is None:
        raise SpecError(f"{kind} {use.use}: not resolved")
    return chosen


def resolve_reports(uses: Sequence[Use], resolver: Resolver) -> tuple[BoundComponent, ...]:
    """Resolve what is to be written of a finished run; of no names, what usually is.

    Raises:
        SpecError: a name or an option is wrong.
        PluginError: a plugin is broken.
    """
    problems = Problems(Document("report", {"reports": [use.model_dump() for use in uses]}))
    part = Spec.model_construct(None, reports=tuple(uses) or usual_uses("report"))
    found = resolve_named(kind_of("report"), part, (), resolver, problems)
    problems.stop()
    return found


def _what_is_right(model: type[AnyConfig], value: Any) -> AnyConfig:
    """Return a part of a spec without what is wrong in it, so that the rest is still checked.

    Of its fields it has the components, and the parts that name some.
    """
    given = value if isinstance(value, Mapping) else {}
    found: dict[str, Any] = {}
    for name, about in model.model_fields.items():
        raw = given.get(name)
        parts = models_in(about.annotation)
        if kind_in(about) and name not in given and not about.is_required():
            continue  # its default stands
        if kind_in(about):
            listed = raw if isinstance(raw, list) else [raw]
            named = tuple(map(_use, listed))
            several = _takes_several(about.annotation)
            found[name] = None if named == (None,) else named if several else named[0]
        elif name == "arms":
            arms = raw if isinstance(raw, Mapping) else {}
            found[name] = {str(arm): _what_is_right(Arm, own) for arm, own in arms.items()}
        elif parts and issubclass(parts[0], Config):
            found[name] = _what_is_right(parts[0], raw) if isinstance(raw, Mapping) else None
    return model.model_construct(None, **found)


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_takes_several, get_args(annotation)))


def _use(part: Any) -> Use | None:
    try:
        return Use.model_validate(part)
    except ValidationError:
        return None
