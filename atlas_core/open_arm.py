"""Open a fitted arm of a finished run, ready to be asked. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas_core.component import uses
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.folder import RunFolder
from atlas_core.engine.kept import PREDICTOR
from atlas_core.engine.reference import Reference
from atlas_core.errors import DataError, SpecError
from atlas_core.finished import read_run
from atlas_core.kinds.dataset import read_bounds
from atlas_core.observe import FinishedRun
from atlas_core.resolver import Resolver
from atlas_core.seal import require_intact
from atlas_core.spec.load import load_arm_plan
from atlas_core.spec.plan import Chosen


@dataclass(frozen=True, eq=False)
class OpenArm:
    """Hold an arm that was read from a run folder, ready to be asked.

    Attributes:
        arm: its name.
        fold: whose fit it is.
        manifest: of the run.
        metrics: of this arm, from ``metrics.json``.
        record: how its labels fared in the run; {} without a trust region.
        components: {kind: component}.
        fitted: what was fitted.
        level: the level of the intervals that are told.
        levels: of the run.
        dataset: the name of the run's data set.
        options: of the run's data set.
    """

    arm: str
    fold: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    record: Mapping[str, Any]
    components: Mapping[str, Chosen]
    fitted: FittedArm
    level: float
    levels: tuple[float, ...]
    dataset: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Any:
        """Return ``regression`` or ``binary``."""
        return self.manifest["dataset"]["task"]

    @property
    def reference(self) -> Reference:
        """Return the training materials of the fit."""
        if self.fitted.reference is None:
            raise DataError("the fit holds no training materials; fit anew")
        return self.fitted.reference

    @property
    def promise(self) -> tuple[float, float] | None:
        """Return budget and confidence of its trust region; None without one."""
        trust = self.fitted.trust
        return None if trust is None else (trust.promise.budget, trust.promise.confidence)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return what is possible for the target, as the run's data set states it.

        Raises:
            DataError: the manifest states something else.
        """
        written = self.manifest["dataset"].get("bounds")
        try:
            return read_bounds(written)
        except (TypeError, ValueError) as err:
            raise DataError(
                f"manifest.json: bounds {written!r} are no [low, high]; run the spec again"
            ) from err


def open_arm(
    run: Path,
    resolver: Resolver,
    *,
    arm: str | None = None,
    fold: str | None = None,
    trust: bool = False,
    key_file: Path | None = None,
) -> OpenArm:
    """Read a fitted arm from a run folder.

    Args:
        run: folder of a finished run.
        resolver: of its components.
        arm: its name; None: the only one.
        fold: whose fit; None: the only one.
        trust: open it although it was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.

    Raises:
        SpecError: the run kept no fit, or it is not clear which one is meant.
        DataError: a file is missing, damaged or names what it may not name; or the fit is from
            elsewhere and not trusted.
    """
    folder = RunFolder(run)
    finished = read_run(run)
    manifest = finished.manifest
    name, kept_fold = _kept(folder, manifest, arm, fold)
    # of the other arms, a plugin may be missing here
    spec, components = load_arm_plan(run / "spec.lock.yaml", resolver, name)
    kept_in = folder.fitted(name, kept_fold)
    require_intact(run, manifest, only=(kept_in.relative_to(run).as_posix(),))
    levels = spec.levels
    data = next(use for _, kind, use in uses(spec) if kind == "dataset")
    own = Arm(name, kept_fold, components, levels)
    return OpenArm(
        arm=name,
        fold=kept_fold,
        manifest=manifest,
        metrics=finished.metrics["arms"].get(name) or {},
        record=_record(finished, name, kept_fold),
        components=components,
        fitted=FittedArm.load(kept_in, own, trust=trust, key_file=key_file),
        level=0.9 if 0.9 in levels else max(levels),
        levels=levels,
        dataset=data.use,
        options=data.options,
    )


def _kept(
    folder: RunFolder, manifest: Mapping[str, Any], arm: str | None, fold: str | None
) -> tuple[str, str]:
    """Return whose fit is meant: arm and fold."""
    kept = [
        (name, str(one["name"]))
        for name in manifest["arm_order"]
        for one in manifest["split"]["folds"]
        if (folder.fitted(name, str(one["name"])) / PREDICTOR).is_file()
    ]
    if not kept:
        raise SpecError(
            f"{folder.path}: it keeps no fitted arm; run its spec again with --save-fitted (what is"
            " in the cache is not computed anew)"
        )
    name = _one("arm", arm, list(dict.fromkeys(name for name, _ in kept)), folder.path)
    of_arm = [one for own, one in kept if own == name]
    return name, _one("fold", fold, of_arm, folder.path)


def _record(run: FinishedRun, arm: str, fold: str) -> dict[str, Any]:
    from atlas_core.exam import record_of

    return {} if run.trust is None else record_of(run.trust, arm, fold)


def _one(what: str, given: str | None, there: list[str], run: Path) -> str:
    if given is None and len(there) == 1:
        return there[0]
    if given in there and given is not None:
        return given
    said = f"no {what} {given!r} is kept" if given is not None else f"which {what}?"
    raise SpecError(f"{run}: {said}; name one with --{what}: {', '.join(there)}")
