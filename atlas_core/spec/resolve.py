"""Load each component that a spec names, and check its options and what it requires. Light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from atlas_core.component import Config, Use, bound, kind_in, strictly, uses
from atlas_core.errors import PluginError
from atlas_core.interfaces import CAPABILITIES
from atlas_core.kinds.kind import Kind, kind_of, kinds
from atlas_core.metrics.registry import default_options
from atlas_core.resolver import Resolver
from atlas_core.spec.model import Spec
from atlas_core.spec.offers import offers
from atlas_core.spec.plan import BoundComponent, Plan
from atlas_core.spec.problems import Problems, closest, join
from atlas_core.spec.yaml import Path

DEEPEST = 5
"""Components inside each other's options; more have no end."""


def resolve_all(spec: Spec, resolver: Resolver, problems: Problems, *, whole: bool) -> Plan | None:
    """Resolve every component; ``whole`` is False for what is left of a wrong spec."""
    run = {kind.name: resolve_named(kind, spec, (), resolver, problems) for kind in kinds("run")}
    arms = {name: resolve_arm(spec, name, resolver, problems, whole=whole) for name in spec.arms}
    if whole:
        _check_blocks(spec, problems)
        if spec.final and spec.active_learning is not None:
            problems.add(("final",), "active learning has no final fit; leave this out")
        loop = spec.active_learning
        if loop is not None and loop.goal == "stable" and getattr(spec, "reference", None) is None:
            problems.add(
                ("active_learning", "goal"),
                "stable is a matter of what else there is: name a `reference`, or seek low or high"
                " targets",
            )
        if spec.repeats > 1 and spec.active_learning is not None:
            problems.add(
                ("repeats",),
                "active learning runs its loop once; leave this out, and run the spec with other"
                " values of `seed`",
            )
    nested_splits = _inside(spec.trust, ("trust",), resolver, problems)
    surrogate = {
        name: _inside(arm.surrogate, ("arms", name, "surrogate"), resolver, problems)
        for name, arm in spec.arms.items()
    }
    metrics, reported = _metrics(spec, run["metric"], resolver, problems)
    if not (run["dataset"] and run["split"] and run["evaluator"]):
        return None
    return Plan(
        spec=spec.model_copy(update={"arms": {}}),
        dataset=run["dataset"][0],
        split=run["split"][0],
        arms=arms,
        spec_dir=FilePath(),
        text="",
        evaluator=run["evaluator"][0],
        nested_splits=nested_splits,
        surrogate={name: {one.kind: one for one in own} for name, own in surrogate.items() if own},
        reports=run["report"],
        metrics=metrics,
        reported=reported,
        reference=run["reference"][0] if run["reference"] else None,
    )


def resolve_named(
    kind: Kind, part: Config, path: Path, resolver: Resolver, problems: Problems
) -> tuple[BoundComponent, ...]:
    """Resolve what a part of a spec names of a kind; what cannot stand in its list is reported.

    Args:
        kind: its key is looked up.
        part: the spec or an arm.
        path: of the part.
        resolver: finds the components.
        problems: collects mistakes.

    Returns:
        Those that can be had, in their order; of a list in an arm all of them, or none.
    """
    named: Any = getattr(part, kind.field, None)
    uses_ = named if isinstance(named, tuple) else () if named is None else (named,)
    places = [problems.place((*path, kind.field, i)) for i in range(len(uses_))]
    found = [
        (one, place)
        for use, place in zip(uses_, places, strict=True)
        if (one := resolve(kind.name, use, place, resolver, problems)) is not None
    ]
    wrong = len(found) < len(uses_)
    for number, (one, place) in enumerate(found):
        before = [other for other, _ in found[:number]]
        if kind.joined and len(uses_) > 1 and kind.joined not in one.provides:
            problems.add(
                place,
                f"{kind.name} {one.name!r} gives {join(one.provides)}; only {kind.joined} can"
                " stand side by side: name it alone, in an arm of its own",
            )
            wrong = True
        if kind.joined and one in before:
            problems.add(place, f"{kind.name} {one.name!r} occurs twice with the same options")
            wrong = True
        elif not kind.joined and any(one.name == other.name for other in before):
            problems.add(place, f"{kind.name} {one.name!r} occurs twice")
    return () if wrong and kind.place == "arm" else tuple(one for one, _ in found)


def _inside(
    block: Config | None, path: Path, resolver: Resolver, problems: Problems
) -> tuple[BoundComponent, ...]:
    """Resolve whatever a block of a spec names."""
    named = () if block is None else uses(block)
    found = (resolve(kind, use, (*path, *at), resolver, problems) for at, kind, use in named)
    return tuple(one for one in found if one is not None)


def _check_blocks(spec: Spec, problems: Problems) -> None:
    """Check that somebody needs each block that stands in the spec."""
    for kind in kinds("arm"):
        block = getattr(spec, kind.block, None) if kind.block else None
        if block is None or kind.name in type(block).model_fields:
            continue
        if not any(getattr(arm, kind.field, None) for arm in spec.arms.values()):
            problems.add(
                (kind.block,),
                f"no arm names a {kind.name} method; add {kind.field!r} to an arm, or leave this"
                " block out",
            )
    for name, arm in spec.arms.items():
        if arm.surrogate is not None and getattr(arm, "trust", None) is None:
            problems.add(
                ("arms", name, "surrogate"),
                "only a trust method trains nested fits; add 'trust' to this arm, or leave this"
                " out",
            )


def _metrics(
    spec: Spec, chosen: Sequence[BoundComponent], resolver: Resolver, problems: Problems
) -> tuple[tuple[BoundComponent, ...], frozenset[str]]:
    """Add what else a run computes to the metrics that are named, and name what it reports."""
    named = {one.name: one for one in chosen}
    found: dict[str, BoundComponent] = {}
    for resolved in resolver.every("metric"):
        name, options = resolved.component.name, default_options(resolved.component.config)
        if name in named or options is not None:
            found[name] = named.get(name) or BoundComponent.of(resolved, options or Config())
    if not any(one.always for one in found.values()):
        problems.add_plugin(
            ("metrics",),
            "no installed metric provides verdict (what verdicts read): install a distribution of"
            " metrics",
        )
    every = getattr(spec, "metrics", None) is None
    reported = {n for n, one in found.items() if every or n in named or one.always}
    needed = {found[name].resolved.distribution for name in reported}
    kept = tuple(one for one in found.values() if one.resolved.distribution in needed)
    return kept, frozenset(reported)


def resolve_arm(
    spec: Spec, name: str, resolver: Resolver, problems: Problems, *, whole: bool
) -> dict[str, BoundComponent]:
    """Resolve the components of one arm, in the order of kinds."""
    arm = spec.arms[name]
    found: dict[str, BoundComponent] = {}
    for kind in kinds("arm"):
        part: Config = arm
        path: Path = ("arms", name)
        if kind.block:
            part, path = _with_block(kind, spec, name, problems, whole=whole)
        chosen = list(resolve_named(kind, part, path, resolver, problems))
        for wanted in dict.fromkeys(n for one in chosen for n in one.resolved.component.beside):
            if all(wanted != one.name for one in chosen):
                use, at = Use(use=wanted), ("arms", name, kind.field)
                other = resolve(kind.name, use, at, resolver, problems)
                chosen += [] if other is None else [other]
        if chosen:
            first, *rest = chosen
            found[kind.name] = replace(first, beside=tuple(rest)) if rest else first
    return found


def _with_block(
    kind: Kind, spec: Spec, name: str, problems: Problems, *, whole: bool
) -> tuple[Config, Path]:
    """Return what names the components of an arm: the arm, or the block where it has a default."""
    block: Config | None = getattr(spec, kind.block, None)
    arm, path = spec.arms[name], ("arms", name)
    if getattr(arm, kind.field, None) is not None:
        if block is None and whole:
            problems.add((*path, kind.field), f"{kind.name} needs the block {kind.block!r}")
    elif block is not None and kind.name in type(block).model_fields:
        if getattr(block, kind.name, None) is None and whole:
            words = kind.block.replace("_", " ")
            problems.add(path, f"{words} needs an {kind.name}, here or in {kind.block!r}")
        return block, (kind.block,)
    return arm, path


def resolve(
    kind: str, use: Use | None, path: Path, resolver: Resolver, problems: Problems
) -> BoundComponent | None:
    """Return a component with its checked options; None where it cannot be had."""
    if use is None:
        return None
    path = problems.place(path)
    names = resolver.names(kind)
    if use.use not in names:
        owner = resolver.known(kind, use.use)
        hint = f"; {owner} offers it: install that" if owner else ""
        text = f"unknown {kind}{closest(use.use, names)}{hint}; installed: {join(set(names))}"
        problems.add((*path, "use") if path else (), text)
        return None
    try:
        resolved = resolver.resolve(kind, use.use)
    except PluginError as err:
        problems.add_plugin((*path, "use"), str(err))
        return None
    model = resolved.component.config
    try:
        config = strictly(model, use.options)
    except ValidationError as err:
        problems.add_validation((*path, "options"), model, err)
        component = resolved.component
        nested = any(map(kind_in, model.model_fields.values()))
        if callable(component.requires) or callable(component.provides) or nested:
            return None  # what it would need and give hangs on its options
        # never built, as there are problems: it stands for what any options of it need and give
        return BoundComponent.of(resolved, model.model_construct())
    chosen = BoundComponent.of(resolved, config)
    for what, capabilities in (("needs", chosen.needs), ("gives", chosen.gives)):
        if unknown := sorted(capabilities - set(CAPABILITIES)):
            text = f"{kind} {use.use} {what} {join(unknown)}, which this core does not know"
            problems.add_plugin((*path, "use"), text)
    return _with_nested(chosen, path, resolver, problems)


def _with_nested(
    chosen: BoundComponent, path: Path, resolver: Resolver, problems: Problems
) -> BoundComponent | None:
    """Return a component whose options' own components are resolved; None where one is wrong."""
    named = [(at, kind, use) for at, kind, use in uses(chosen.config)]
    if not named:
        return chosen
    if path.count("options") >= DEEPEST:
        problems.add(path, f"components inside components, more than {DEEPEST} deep")
        return None
    found: dict[Path, BoundComponent] = {}
    for at, kind, use in named:
        one = resolve(kind, use, (*path, "options", *at), resolver, problems)
        if one is not None:
            found[at] = one
    if len(found) < len(named):
        return None
    return replace(chosen, config=bound(chosen.config, found), inside=found)


def check_capabilities(spec: Spec, plan: Plan, problems: Problems) -> None:
    """Check that what each component requires is provided around it."""
    _check_requires(plan.split, ("split",), [plan.dataset], problems)
    if plan.reference is not None:
        _check_requires(plan.reference, ("reference",), [plan.dataset], problems)
    for arm, components in plan.arms.items():
        named = [kind for kind in kinds("arm") if getattr(spec.arms[arm], kind.field, None)]
        required = [kind for kind in kinds("arm") if kind.required]
        if any(kind.name not in components for kind in (*required, *named)):
            continue  # what a component that is wrong itself would give is not known
        around = [plan.dataset, plan.split, *components.values(), *_sought(spec, plan)]
        _check_nested(plan, arm, problems)
        for kind, chosen in components.items():
            others = [c for c in around if c is not chosen]
            for number, one in enumerate(chosen.together):
                place = problems.place(("arms", arm, kind_of(kind).field, number))
                _check_requires(one, place, others, problems)


def _check_nested(plan: Plan, arm: str, problems: Problems) -> None:
    """Check what a nested fit trains: the arm with its smaller model, uncalibrated."""
    components, surrogate = plan.arms[arm], plan.surrogate.get(arm, {})
    if not surrogate:
        return
    every: Mapping[str, BoundComponent] = {**components, **surrogate}
    again = {kind: chosen for kind, chosen in every.items() if kind_of(kind).retrained}
    own_given = _given([plan.dataset, plan.split, *components.values()])
    for kind, chosen in again.items():
        others = [plan.dataset, plan.split, *(c for c in again.values() if c is not chosen)]
        where: Path = ("arms", arm, "surrogate", *((kind,) if kind in surrogate else ()))
        for one in chosen.together:
            # what the arm itself lacks is reported at the arm
            known = frozenset() if kind in surrogate else one.requires - own_given
            _check_requires(one, where, others, problems, known)


def _sought(spec: Spec, plan: Plan) -> list[BoundComponent]:
    """Return the reference where it says what a loop seeks."""
    loop = spec.active_learning
    seeks = plan.reference is not None and loop is not None and loop.goal == "stable"
    return [plan.reference] if seeks and plan.reference is not None else []


def _given(components: Iterable[BoundComponent]) -> frozenset[str]:
    return frozenset().union(*(one.provides for one in components))


def _check_requires(
    chosen: BoundComponent,
    path: Path,
    around: Sequence[BoundComponent],
    problems: Problems,
    known: frozenset[str] = frozenset(),
) -> None:
    """Tell what a component, or one that its options name, requires and nothing around provides."""
    own = known.union(kind_of(chosen.resolved.kind).host)
    for need in sorted(chosen.needs - own - _given(around)):
        if need not in CAPABILITIES:
            continue  # told already: this core does not know it
        if not problems.first((path, need)):
            continue  # what stands beside it needs the same
        family = need.split(":")[0]
        owner_kind = next(kind.name for kind in kinds() if family in kind.provides)
        owner = next((c for c in around if c.kind == owner_kind), None)
        if owner is None:
            detail = "and nothing here gives it"
        else:
            provides = join(owner.provides)
            detail = f"which {owner.kind} {owner.name!r} does not give (it gives {provides})"
            first = next(one for one in owner.together if need not in one.provides)
            detail += f"; {offers(need, first.resolved, first.config)}"
        problems.add(
            (*path, "use"),
            f"{chosen.kind} {chosen.name!r} needs {need} ({CAPABILITIES[need]}), {detail}",
        )
    for at, inner in chosen.inside.items():
        _check_requires(inner, (*path, "options", *at), around, problems, known)
