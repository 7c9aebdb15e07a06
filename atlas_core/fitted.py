"""A fitted arm in its run folder: predictor, judges and training materials. Light.

Two files: ``predictor.npz``, which a later run may take from the cache, and ``judges.npz``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from atlas_core import origin, saving
from atlas_core.arrays import F8, I8, Str
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.calibrator import Calibration
from atlas_core.kinds.featurizer import Vectors
from atlas_core.kinds.ood import Detector
from atlas_core.kinds.trust import Promise, TrustRegion
from atlas_core.kinds.uq import Predictor
from atlas_core.materials import Materials
from atlas_core.runner.machine import packages
from atlas_core.spec.plan import Chosen

if TYPE_CHECKING:
    from atlas_core.runner.answers import Answers
    from atlas_core.runner.cell import Cell, Fitted

PREDICTOR, JUDGES = "predictor.npz", "judges.npz"
TRAINED = ("model", "uq")
"""Kinds that make a predictor; all others only ask it."""
MOST = 256 * 2**20
"""Bytes of a predictor up to which a run keeps it unasked: some seconds, and a quarter on disk."""

Space = Literal["features", "embedding", "fractions"]


@dataclass(frozen=True, eq=False)
class Reference:
    """Hold the training materials of a fit, to be named beside a candidate.

    Attributes:
        ids: (t,).
        offsets: (t + 1,) of the compositions.
        numbers: of their elements.
        amounts: of their elements.
        target: (t,) true values in the target's unit.
        space: in which rows are near each other: the arm's ``features``, each column over its
            std; the model's ``embedding``; or element ``fractions``.
        points: (t, d) in that space; None for fractions.
        centre: (d,) what stands for a missing feature; None for fractions.
        scale: (d,) what a column is divided by; None for fractions.
        formulas: (t,) as their source writes them; None: as chemists do.
    """

    ids: Str
    offsets: I8
    numbers: npt.NDArray[np.int16]
    amounts: F8
    target: F8
    space: Space
    points: npt.NDArray[np.float32] | None = None
    centre: F8 | None = None
    scale: F8 | None = None
    formulas: Str | None = None

    def shown_formulas(self) -> list[str]:
        """Return t formulas to be shown."""
        if self.formulas is None:
            return self.materials.written()
        return [str(text) for text in self.formulas]

    @property
    def materials(self) -> Materials:
        """Return the compositions."""
        return Materials(self.ids, self.offsets, self.numbers, self.amounts)

    def place(self, materials: Materials, values: F8 | None) -> npt.NDArray[np.float32]:
        """Return (n, d) where materials lie; ``values`` are their features or embedding."""
        if self.centre is None or self.scale is None or values is None:
            return materials.element_fractions().astype(np.float32)
        return _scaled(values, self.centre, self.scale)

    def nearest(self, points: npt.NDArray[np.float32], count: int) -> tuple[I8, F8]:
        """Return (n, count) rows of the nearest training materials, and their distances.

        Equally near ones come in the order of their rows.
        """
        own = self.place(self.materials, None) if self.points is None else self.points
        count = min(count, len(own))
        rows = np.zeros((len(points), count), dtype=np.int64)
        apart = np.zeros((len(points), count))
        length = np.einsum("ij,ij->i", own, own, dtype=np.float64)
        for i in range(0, len(points), 256):
            some = points[i : i + 256]
            squared = length - 2.0 * (some @ own.T).astype(np.float64)
            few = min(4 * count + 8, len(own))
            near = np.sort(np.argpartition(squared, few - 1, axis=1)[:, :few], axis=1)
            # the product above rounds: the few are measured again, one by one
            exact = np.linalg.norm(own[near].astype(np.float64) - some[:, None, :], axis=2)
            order = np.argsort(exact, axis=1, kind="stable")[:, :count]
            rows[i : i + 256] = np.take_along_axis(near, order, axis=1)
            apart[i : i + 256] = np.take_along_axis(exact, order, axis=1)
        return rows, apart

    def check(self) -> None:
        """Stop unless the parts fit each other: they were read from a file.

        Raises:
            DataError: one does not.
        """
        t = len(self.materials)  # checks itself when it is made
        wanted: dict[str, tuple[Any, type, tuple[int, ...]]] = {
            "target": (self.target, np.float64, (t,))
        }
        if self.space not in get_args(Space) or (self.space == "fractions") != (
            self.points is None
        ):
            raise DataError("its training materials lie in no known space")
        if self.formulas is not None and (
            not isinstance(self.formulas, np.ndarray)
            or self.formulas.dtype.kind != "U"
            or self.formulas.shape != (t,)
        ):
            raise DataError("the formulas of its training materials cannot be used")
        if self.points is not None:
            d = self.points.shape[1]
            wanted["points"] = (self.points, np.float32, (t, d))
            wanted["centre"] = (self.centre, np.float64, (d,))
            wanted["scale"] = (self.scale, np.float64, (d,))
        for name, (value, kind, shape) in wanted.items():
            sound = isinstance(value, np.ndarray) and value.dtype == kind and value.shape == shape
            if not sound or not np.isfinite(value).all():
                raise DataError(f"the {name} of its training materials cannot be used")


def _scaled(values: F8, centre: F8, scale: F8) -> npt.NDArray[np.float32]:
    filled = np.where(np.isnan(values), centre, values)
    return np.asarray((filled - centre) / scale, dtype=np.float32)


@dataclass(frozen=True)
class Keep:
    """Say where a cell writes what it fitted.

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
class SavedArm:
    """Hold what was read from a run folder.

    Attributes:
        predictor: answers about features.
        calibration: of the arm, or None.
        detector: of the arm, or None.
        regions: trust regions by name, or None.
        reference: the training materials.
        remarks: one line for each thing that is another here than where the arm was fitted.
    """

    predictor: Predictor
    calibration: Calibration | None
    detector: Detector | None
    regions: Mapping[str, TrustRegion] | None
    promise: tuple[float, float] | None
    reference: Reference
    remarks: tuple[str, ...]


def keep_fitted(cell: Cell, fitted: Fitted, keep: Keep) -> None:
    """Write what a cell fitted, or say why not.

    Raises:
        ContractError: it was asked for, and a component's answer cannot be saved.
        DataError: the folder cannot be written to.
    """
    components = cell.settings.components
    predicts = {kind: components[kind] for kind in TRAINED}
    try:
        why = fitted.answers.keep(
            keep.folder / PREDICTOR, about(predicts), most=None if keep.wanted else MOST
        )
        if not why:
            trust = fitted.trust
            judges = {
                "calibration": fitted.calibration,
                "detector": fitted.detector,
                "regions": None if trust is None else dict(trust.regions),
                "promise": None
                if trust is None
                else (trust.promise.budget, trust.promise.confidence),
                "reference": reference(cell, fitted.answers),
            }
            saving.save(keep.folder / JUDGES, judges, about(components))
            if keep.key_file is not None:
                unmarked = origin.mark(keep.folder, (PREDICTOR, JUDGES), keep.key_file)
                if unmarked:
                    cell.tell(f"{cell.where}: {unmarked}")
    except ContractError as err:
        if keep.wanted:
            raise ContractError(f"{cell.where}: {err}") from err
        why = str(err)
    if why:
        shutil.rmtree(keep.folder, ignore_errors=True)
        cell.tell(f"{cell.where}: the fit is not kept for `atlas screen`: {why}")


def reference(cell: Cell, answers: Answers) -> Reference:
    """Return the training materials of a cell."""
    data, train = cell.data, cell.data.split.train
    own = Materials(
        data.materials.ids, data.materials.offsets, data.materials.numbers, data.materials.amounts
    ).take(train)
    values: F8 | None = None
    space: Space = "fractions"
    asked = {kind for kind, chosen in cell.settings.components.items() if _embeds(chosen)}
    if isinstance(data.features, Vectors):
        space, values = "features", data.features.values[train]
    elif asked:  # a detector has asked already: no answer is computed for this alone
        space, values = "embedding", answers.embed(train)
    points = centre = scale = None
    if values is not None:
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, values, 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (values - centre) ** 2, 0.0).sum(axis=0) / count)
        flat = spread <= 1e-9 * np.maximum(np.abs(centre), 1.0)
        scale = np.where(flat, 1.0, spread) if space == "features" else np.ones_like(centre)
        points = _scaled(values, centre, scale)
    return Reference(
        ids=own.ids,
        offsets=own.offsets,
        numbers=own.numbers,
        amounts=own.amounts,
        target=cell.targets(train),
        space=space,
        points=points,
        centre=centre,
        scale=scale,
        formulas=data.formulas[train],
    )


def _embeds(chosen: Chosen) -> bool:
    return "model:embedding" in chosen.requires


def load_arm(
    folder: Path,
    components: Mapping[str, Chosen],
    *,
    trust: bool = False,
    key_file: Path | None = None,
) -> SavedArm:
    """Read what ``keep_fitted`` wrote; classes come from the packages of ``components`` alone.

    Args:
        folder: of the fit.
        components: of the arm.
        trust: open it although it was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.

    Raises:
        DataError: a file is missing, damaged or names what it may not name; or the fit is from
            elsewhere and not trusted.
    """
    foreign = origin.doubt(folder, (PREDICTOR, JUDGES), key_file)
    if foreign and not trust:
        raise DataError(f"{folder}: {foreign}. {origin.WHAT_IT_MEANS}")
    allowed = {one.package for chosen in components.values() for one in chosen.together}
    predictor, _ = saving.load(folder / PREDICTOR, allowed)
    judges, note = saving.load(folder / JUDGES, allowed)
    with saving.readable(folder):
        found = {"predictor": predictor, **judges}
        for name, (wanted, may_lack) in _KINDS.items():
            value = found.get(name)
            if not isinstance(value, wanted) and not (value is None and may_lack):
                raise DataError(f"{folder}: its {name} is a {type(value).__qualname__}; fit anew")
        regions, promise, reference = found["regions"], found["promise"], found["reference"]
        if any(not isinstance(region, TrustRegion) for region in (regions or {}).values()):
            raise DataError(f"{folder}: one of its trust regions is none; fit anew")
        if promise is not None:
            Promise(*promise)  # checks itself
        reference.check()
        return SavedArm(
            predictor=predictor,
            calibration=found["calibration"],
            detector=found["detector"],
            regions=regions,
            promise=promise,
            reference=reference,
            remarks=(
                *((foreign,) if foreign else ()),
                *map(saving.one_line, _differences(note, components)),
            ),
        )


_KINDS: Mapping[str, tuple[Any, bool]] = {
    "predictor": (Predictor, False),
    "calibration": (Calibration, True),
    "detector": (Detector, True),
    "regions": (dict, True),
    "promise": (tuple, True),
    "reference": (Reference, False),
}
"""What a part of a saved arm must be, and whether an arm may lack it."""


def about(components: Mapping[str, Chosen]) -> dict[str, Any]:
    """Return the versions and sources that made a fit, for its note."""
    every = [one for chosen in components.values() for one in chosen.together]
    return {
        "packages": packages(one.resolved.distribution for one in every),
        "sources": {f"{one.kind} {one.name}": one.resolved.source for one in every},
    }


def _differences(note: Mapping[str, Any], components: Mapping[str, Chosen]) -> Iterator[str]:
    """Yield a line for versions that are not those of the fit, and one for edited plugins."""
    here = about(components)
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
