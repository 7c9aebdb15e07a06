"""The hull of all other known phases as what a formation energy is held against."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_core.api import (
    F8,
    I8,
    Border,
    DataContext,
    DataError,
    Dataset,
    DatasetSource,
    Materials,
    Phases,
    Wording,
)
from atlas_core.printing import counted
from atlas_stability.decision import LearnedDecisions
from atlas_stability.hull import Hulls
from atlas_stability.phases import TRACE, Known, in_traces, phases_of, warn_of_units

if TYPE_CHECKING:
    from atlas_stability.hooks import ConvexHullConfig

UNIT = "eV/atom"
ELEMENT = "an element, which formation energies are counted from"
TRACES = f"an element in traces, less than {TRACE:g} of the atoms, which no hull can tell from none"


class ConvexHull:
    """Read the known phases."""

    def __init__(self, config: ConvexHullConfig) -> None:
        self._config = config

    def load(self, context: DataContext) -> HullReference:
        """Return the reference.

        Raises:
            DataError: the phases cannot be read, or their energies are in another unit.
        """
        config = self._config
        if config.phases is None:
            return HullReference(config, None, "", "")
        source: DatasetSource = config.phases.build()
        read: Dataset = source.load(context)
        where = f"reference {read.name}"
        if read.task != "regression" or read.unit != UNIT:
            found = f"is in {read.unit}" if read.unit else "has no unit"
            found = found if read.task == "regression" else f"is of task {read.task}"
            raise DataError(f"{where}: {read.target_name} {found}, a hull needs {UNIT}")
        known = Known.of(read.materials, read.target)
        if few := int(in_traces(read.materials).sum()):
            warnings.warn(f"{where}: {counted(few, 'phase')} with {TRACES}, left out", stacklevel=2)
        warn_of_units(known, where)
        return HullReference(config, known, read.name, read.fingerprint)


@dataclass(frozen=True, eq=False)
class HullReference(LearnedDecisions):
    """Known phases.

    Attributes:
        config: the options.
        named: phases of the data set that is named; None: there is none.
        name: of that data set.
        fingerprint: of that data set.
    """

    config: ConvexHullConfig
    named: Known | None
    name: str
    fingerprint: str
    unit = UNIT

    def wording(self, known: Materials) -> Wording:
        """Return what is stable, and how many phases compete."""
        config, formulas = self.config, set(known.formulas())
        if self.named is None:
            n, of = len(formulas), "the data set itself"
        elif config.own:
            n, of = (
                len(formulas | set(self.named.formulas)),
                f"{self.name} and the data set itself",
            )
        else:
            n, of = len(self.named), self.name
        return Wording(
            yes="stable",
            no="unstable",
            border="the hull",
            against=f"the {counted(n, 'phase')} of {of}",
            competing="decomposes into",
        )

    def border(self, asked: Materials, known: Materials, target: F8) -> Border:
        """Return the hull at n compositions, of all materials but the one that is asked about.

        A phase of ``phases`` with its composition is left out: it may be the same material. Of the
        known ones its own row is, and other crystals of its composition compete. An element has no
        border, nor has what has an element in traces, which does not compete either.

        Raises:
            DataError: an element has no phase.
        """
        elements = np.diff(phases_of(asked, np.zeros(len(asked))).offsets)
        traces = in_traces(asked)
        several = np.flatnonzero((elements > 1) & ~traces)
        value = np.full(len(asked), np.nan)
        words = [TRACES if few else ELEMENT for few in traces.tolist()]
        if len(several):
            some = asked.take(several)
            competing, own, energy = self._competing(some, known, target)
            found = competing.index.at(
                phases_of(some, np.zeros(len(some))), own=own, own_energy=energy
            )
            value[several] = found.energy
            for row, text in zip(several.tolist(), in_words(found, competing), strict=True):
                words[row] = text
        return Border(value, words)

    def phases(self, asked: Materials, known: Materials, target: F8) -> Phases:
        """Return the lowest phase of each composition; ``lacking`` has no phase of its own.

        Where elements are taken at 0 eV/atom, what no phase at all contains is lacking.
        """
        every, _ = self._every(known, target)
        zero = self.config.elements == "zero"
        there = set(every.materials.numbers.tolist()) if zero else every.index.elements
        missing = frozenset(set(asked.numbers.tolist()) - there)
        return Phases(every.materials, every.energy, missing)

    def together(self, asked: Materials, energy: F8, phases: Phases) -> F8:
        """Return (d, n) the hull at each of n materials in d worlds, where the others compete."""
        taken = set(asked.formulas())
        free = np.array([name not in taken for name in phases.materials.formulas()], dtype=bool)
        others = Known.of(phases.materials.take(np.flatnonzero(free)), phases.energy[free])
        others = others.with_elements_at_zero(asked)
        return others.index.together(phases_of(asked, np.zeros(len(asked))), energy)

    def _every(self, known: Materials, target: F8) -> tuple[Known, Known | None]:
        """Return all phases, and those of the run among them where they compete."""
        own = Known.of(known, target) if self.config.own or self.named is None else None
        every = self.named or own
        if self.named is not None and own is not None:
            every = self.named.joined(own)
        if every is None:
            raise DataError("reference convex_hull: there is no phase to compete")
        return every, own

    def _competing(self, asked: Materials, known: Materials, target: F8) -> tuple[Known, I8, F8]:
        """Return what competes, and for each asked material its own phase and the energy of it."""
        config, names = self.config, asked.formulas()
        every, own = self._every(known, target)
        if config.elements == "zero":
            every = every.with_elements_at_zero(asked)
        else:
            every.require_elements(asked, "reference convex_hull")
        rows = np.array([every.formulas.get(name, -1) for name in names], dtype=np.int64)
        energy = np.full(len(asked), np.inf)
        if own is not None:
            ids = own.materials.ids
            for place, (name, one) in enumerate(zip(names, asked.ids.tolist(), strict=True)):
                row = own.formulas.get(name, -1)
                if row >= 0:
                    itself = str(ids[row]) == one
                    energy[place] = own.runner_up[row] if itself else own.energy[row]
        return every, rows, energy


def in_words(hulls: Hulls, known: Known) -> Sequence[str]:
    """Return the phases of each hull, the largest share first: ``LiF + MgF2``."""
    texts = []
    for phases, shares in zip(hulls.phases, hulls.shares, strict=True):
        there = [p for p in np.argsort(-shares, kind="stable") if phases[p] >= 0]
        texts.append(" + ".join(known.written[int(phases[p])] for p in there))
    return texts
