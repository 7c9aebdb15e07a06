"""Load each component that a spec names, and check its options and what it requires. Light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from atlas_core.component import Config
from atlas_core.errors import (
    PluginError,
)
from atlas_core.interfaces import CAPABILITIES
from atlas_core.metrics.registry import default_options
from atlas_core.resolver import Resolver
from atlas_core.spec.model import Arm, Spec, Use
from atlas_core.spec.offers import offers
from atlas_core.spec.plan import ARM_KINDS, LISTED, Chosen, Plan
from atlas_core.spec.problems import Problems, closest, join, strictly
from atlas_core.spec.yaml import Path


def resolve_all(
    spec: Spec, resolver: Resolver, problems: Problems, *, whole: bool = True
) -> Plan | None:
    """Resolve every component; ``whole`` is False for what is left of a wrong spec."""
    dataset = resolve("dataset", spec.dataset, ("dataset",), resolver, problems)
    split = resolve("split", spec.split, ("split",), resolver, problems)
    arms: dict[str, dict[str, Chosen]] = {}
    for name in spec.arms:
        arms[name] = resolve_arm(spec, name, resolver, problems, whole=whole)
    shifts, smaller = _pseudo_shift(spec, resolver, problems, whole=whole)
    reports = reports_of(spec.reports, resolver, problems)
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


def reports_of(
    uses: Sequence[Use | None], resolver: Resolver, problems: Problems
) -> tuple[Chosen, ...]:
    """Resolve what is written of a run, each once."""
    places = problems.places(("reports",), len(uses))
    found: list[Chosen] = []
    for use, place in zip(uses, places, strict=True):
        chosen = resolve("report", use, place, resolver, problems)
        if chosen is None:
            continue
        if any(chosen.name == other.name for other in found):
            problems.add(place, f"report {chosen.name!r} stands twice")
        found.append(chosen)
    return tuple(found)


def _metrics(
    spec: Spec, resolver: Resolver, problems: Problems
) -> tuple[tuple[Chosen, ...], frozenset[str]]:
    """Resolve what a run computes, and name what of it the run reports."""
    uses = spec.metrics or ()
    named: dict[str, Chosen] = {}
    for use, place in zip(uses, problems.places(("metrics",), len(uses)), strict=True):
        one = resolve("metric", use, place, resolver, problems)
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


def resolve_arm(
    spec: Spec, name: str, resolver: Resolver, problems: Problems, *, whole: bool
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
            chosen = resolve(kind, use, path, resolver, problems)
            if chosen is not None:
                found[kind] = chosen
    return {kind: found[kind] for kind in ARM_KINDS if kind in found}


def _trust(
    spec: Spec, arm: str, resolver: Resolver, problems: Problems, *, whole: bool
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
        resolve("trust", use, place, resolver, problems)
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
            other = resolve("trust", Use(use=name), path, resolver, problems)
            if other is not None:
                chosen.append(other)
    return replace(chosen[0], beside=tuple(chosen[1:]))


def _pseudo_shift(
    spec: Spec, resolver: Resolver, problems: Problems, *, whole: bool
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
            chosen = resolve("split", use, place, resolver, problems)
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
            chosen = resolve(kind, one, key, resolver, problems)
            if chosen is not None:
                smaller.setdefault(name, {})[kind] = chosen
    return tuple(shifts), smaller


def _side_by_side(arm: Arm, path: Path, resolver: Resolver, problems: Problems) -> Chosen | None:
    """Resolve the featurizers of an arm; what cannot stand beside others is told at its line."""
    uses: tuple[Use | None, ...] = arm.featurizer
    places = problems.places(path, len(uses))
    found = [
        (resolve("featurizer", use, place, resolver, problems), place)
        for use, place in zip(uses, places, strict=True)
    ]
    chosen = [(one, place) for one, place in found if one is not None]
    before = len(problems.lines)
    if len(uses) > 1:
        for number, (one, place) in enumerate(chosen):
            if "features:vectors" not in one.provides:
                problems.add(
                    place,
                    f"featurizer {one.name!r} gives {join(one.provides)}; only features:vectors"
                    " can stand side by side: name it alone, in an arm of its own",
                )
            if any(one == other for other, _ in chosen[:number]):
                problems.add(place, f"featurizer {one.name!r} stands twice with the same options")
    if not chosen or len(chosen) < len(uses) or len(problems.lines) > before:
        return None
    return replace(chosen[0][0], beside=tuple(one for one, _ in chosen[1:]))


def resolve(
    kind: str, use: Use | None, path: Path, resolver: Resolver, problems: Problems
) -> Chosen | None:
    """Return a component with its checked options; None where it cannot be had."""
    if use is None:
        return None
    names = resolver.names(kind)
    if use.use not in names:
        owner = resolver.known(kind, use.use)
        hint = f"; {owner} offers it: install that" if owner else ""
        text = f"unknown {kind}{closest(use.use, names)}{hint}; installed: {join(set(names))}"
        problems.add((*path, "use"), text)
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
        if callable(component.requires) or callable(component.provides):
            return None  # what it would need and give hangs on its options
        # never built, as there are problems: it stands for what any options of it need and give
        return Chosen(kind, resolved, model.model_construct())
    for what, capabilities in (
        ("needs", resolved.component.requires_of(config)),
        ("gives", resolved.component.provides_of(config)),
    ):
        if unknown := sorted(set(capabilities) - set(CAPABILITIES)):
            text = f"{kind} {use.use} {what} {join(unknown)}, which this core does not know"
            problems.add_plugin((*path, "use"), text)
    return Chosen(kind, resolved, config)


def check_capabilities(plan: Plan, problems: Problems) -> None:
    """Check that what each component requires is provided around it."""
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


def _check_rehearsal(plan: Plan, arm: str, problems: Problems) -> None:
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
    chosen: Chosen, path: Path, around: Sequence[Chosen], own: set[str], problems: Problems
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
            gives = join(owner.provides)
            detail = f"which {owner.kind} {owner.name!r} does not give (it gives {gives})"
            first = next(one for one in owner.together if need not in one.provides)
            detail += f"; {offers(need, first.resolved, first.config)}"
        problems.add(
            path,
            f"{chosen.kind} {chosen.name!r} needs {need} ({CAPABILITIES[need]}), {detail}",
        )
