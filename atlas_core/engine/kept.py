"""The two files of a fitted arm: ``predictor.npz``, and ``posthoc.npz``. Light.

The second holds what was fitted to its predictions: calibration, detector, trust regions. The first
a later run may take from the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core import origin, saving
from atlas_core.engine.machine import packages
from atlas_core.engine.reference import Reference
from atlas_core.engine.trained import is_fit
from atlas_core.errors import DataError
from atlas_core.kinds.calibrator import Calibration
from atlas_core.kinds.ood import Detector
from atlas_core.kinds.trust import ReliabilityTarget, TrustRegion
from atlas_core.kinds.uq import UQFit
from atlas_core.resolver import Resolved

PREDICTOR, POST_HOC = "predictor.npz", "posthoc.npz"
MOST = 256 * 2**20
"""Bytes of a predictor up to which a run keeps it unasked: some seconds, and a quarter on disk."""


@dataclass(frozen=True)
class Keep:
    """Say where a job writes what it fitted.

    Attributes:
        folder: of this arm and fold.
        wanted: whether it was asked for; else it is written only where that costs little, and
            nothing is trained again for it.
        key_file: of the user, whose mark the fit gets; None: it gets none.
    """

    folder: Path
    wanted: bool
    key_file: Path | None = None


@dataclass(frozen=True, eq=False)
class PostHoc:
    """Post-hoc estimators of a predictor, and what its predictions are compared with.

    Attributes:
        calibration: of the arm, or None.
        detector: of the arm, or None.
        regions: trust regions by name, or None.
        reliability: error tolerance and target reliability of the regions, or None.
        reference: the training materials.
    """

    calibration: Calibration | None
    detector: Detector | None
    regions: dict[str, TrustRegion] | None
    reliability: tuple[float, float] | None
    reference: Reference

    def check(self, folder: Path) -> None:
        """Stop unless all of it can be used: it was read from a file.

        Raises:
            DataError: a part of it cannot.
        """
        for name, (wanted, may_lack) in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, wanted) and not (value is None and may_lack):
                raise _another(folder, name, value)
        if any(not isinstance(region, TrustRegion) for region in (self.regions or {}).values()):
            raise DataError(f"{folder}: one of its trust regions is none; fit anew")
        if self.reliability is not None:
            ReliabilityTarget(*self.reliability)  # checks itself
        self.reference.check()


_KINDS: Mapping[str, tuple[Any, bool]] = {
    "calibration": (Calibration, True),
    "detector": (Detector, True),
    "regions": (dict, True),
    "reliability": (tuple, True),
    "reference": (Reference, False),
}
"""What a part must be, and whether an arm may lack it."""


def write_post_hoc(keep: Keep, post_hoc: PostHoc, note: Mapping[str, Any]) -> str:
    """Write them beside the predictor, and mark both; return "", or why there is no mark.

    Raises:
        ContractError: a part cannot be saved; names it.
        DataError: the folder cannot be written to.
    """
    saving.save(keep.folder / POST_HOC, {name: getattr(post_hoc, name) for name in _KINDS}, note)
    if keep.key_file is None:
        return ""
    return origin.mark(keep.folder, (PREDICTOR, POST_HOC), keep.key_file)


def read_fit(
    folder: Path,
    parts: Sequence[Resolved],
    *,
    trust: bool = False,
    key_file: Path | None = None,
) -> tuple[UQFit, PostHoc, tuple[str, ...]]:
    """Read both files; they may name what ``parts`` declare, and nothing else.

    Args:
        folder: of the fit.
        parts: the components of the arm.
        trust: open it although it was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.

    Returns:
        Predictor and model, post-hoc estimators, and one line for each thing that is another here
        than where the arm was fitted.

    Raises:
        DataError: a file is missing, damaged or names what it may not name; or the fit is from
            elsewhere and not trusted.
    """
    foreign = origin.doubt(folder, (PREDICTOR, POST_HOC), key_file)
    if foreign and not trust:
        raise DataError(f"{folder}: {foreign}. {origin.WHAT_IT_MEANS}")
    allowed = allowed_by(parts)
    made, _ = saving.load(folder / PREDICTOR, allowed)
    found, note = saving.load(folder / POST_HOC, allowed)
    with saving.readable(folder):
        if not is_fit(made):
            raise _another(folder, "predictor", made)
        post_hoc = PostHoc(**{name: found.get(name) for name in _KINDS})
        post_hoc.check(folder)
        remarks = map(saving.one_line, _differences(note, parts))
        return made, post_hoc, (*((foreign,) if foreign else ()), *remarks)


def allowed_by(parts: Iterable[Resolved]) -> saving.Allowed:
    """Return what a fit by these components may name."""
    return saving.Allowed.by(one.component for one in parts)


def _another(folder: Path, name: str, value: object) -> DataError:
    return DataError(f"{folder}: its {name} is a {type(value).__qualname__}; fit anew")


def about(parts: Iterable[Resolved]) -> dict[str, Any]:
    """Return the versions and sources that made a fit, for its note."""
    every = list(parts)
    return {
        "packages": packages(one.distribution for one in every),
        "sources": {f"{one.kind} {one.name}": one.source for one in every},
    }


def _differences(note: Mapping[str, Any], parts: Iterable[Resolved]) -> Iterator[str]:
    """Yield a line for versions that are not those of the fit, and one for edited plugins."""
    here = about(parts)
    then, now = note.get("packages") or {}, here["packages"]
    other = [
        f"{name} {then[name]} (here {now.get(name, 'none')})"
        for name in then
        if then[name] != now.get(name)
    ]
    if other:
        yield f"fitted with {', '.join(other)}: answers may differ"
    sources = note.get("sources") or {}
    edited = [n for n, source in here["sources"].items() if sources.get(n, source) != source]
    if edited:
        yield f"edited since the fit: {', '.join(sorted(edited))}; answers may differ"
