r'''The ``metric`` kind: one number that measures predictions. Light: numpy only.

A whole plugin, in a module ``atlas_share_within``::

    """Share of materials whose prediction is off by little."""

    from atlas_core.api import Component, Config, Field, Metric, hookimpl


    class ShareWithinConfig(Config):
        """Which errors are small."""

        within: float = Field(0.1, gt=0, description="Largest small |error|, in the target's unit.")


    def share_within(config):
        return Metric(
            name="share_within",
            label=f"within {config.within:g}",
            unit="share",
            better="higher",
            columns=("target", "mean"),
            meaning=f"Share of materials whose prediction is off by {config.within:g} or less.",
            terms=(lambda rows: rows.error <= config.within,),
        )


    @hookimpl
    def atlas_metric():
        return [Component("share_within", ShareWithinConfig, share_within)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.metric"]
    share_within = "atlas_share_within"

Once it is installed, ``metrics.json``, the report's table and the glossary of every run have it,
with a 95 % interval over materials; a spec chooses with ``metrics``. A median of a column of its
own would say ``whole=lambda rows: float(np.median(rows.error))`` in place of ``terms``.
'''

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.kinds.kind import Kind
from atlas_core.metrics import weighted
from atlas_core.metrics.rows import COLUMNS, Draw, MetricRows, Term

Unit = Literal["target", "share", "plain"]
Better = Literal["lower", "higher", "one", "level", "neither"]


@dataclass(frozen=True, eq=False)
class Metric:
    """Describe one figure of predictions, and compute it.

    What it is made of, one of: the mean of its only term (``compute`` and ``whole`` left out); a
    function of a :class:`Draw`, for (b,) resamples at once; or ``whole``, a function of the rows
    themselves, which is slow.

    Attributes:
        name: as in ``metrics.json``; of a metric of intervals, the level follows it.
        label: short, for a table.
        unit: in the ``target``'s unit, a ``share`` of the rows, or ``plain``.
        better: ``lower``, ``higher``, near ``one``, near its ``level``, or ``neither``.
        columns: what it reads, of ``COLUMNS``; it is of the rows that have them all.
        meaning: a sentence for a reader without machine learning.
        definition: the formula, in the notation of ``docs/metrics.md``.
        note: how to read it, for that page.
        source: the paper and equation; "" where it is plain arithmetic.
        task: ``regression`` or ``binary``; "" for both.
        terms: values of the rows whose sums ``compute`` reads: one matrix product sums all.
        compute: a draw -> (b,) values; NaN where it is not defined.
        whole: rows -> the value; NaN where it is not defined.
        ranked: it depends on the order of the rows, which costs ten times a mean: 200 resamples in
            place of 1000. So does ``whole``.
        classes: of a metric of two classes, which row is of which, 0 or 1: it has no interval where
            one of them has few materials.
        among: of a share, 1 for the rows that it is a share of; all of them where it is None.
        interval: whether resampling says anything of it.
        shown: whether the report's table has it; ``metrics.json`` and the glossary do.
    """

    name: str
    label: str
    unit: Unit
    better: Better
    columns: Sequence[str]
    meaning: str
    definition: str = ""
    note: str = ""
    source: str = ""
    task: str = ""
    terms: Sequence[Term] = ()
    compute: Callable[[Draw], F8] | None = None
    whole: Callable[[MetricRows], float] | None = None
    ranked: bool = False
    classes: Term | None = None
    among: Term | None = None
    interval: bool = True
    shown: bool = True

    def __post_init__(self) -> None:
        if self.compute is None and self.whole is None and len(self.terms) != 1:
            raise ValueError(f"metric {self.name}: give compute, whole, or one term to average")
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"metric {self.name}: no such column: {', '.join(unknown)}")

    @property
    def per_row(self) -> Term | None:
        """Return the term that the metric is the mean of; None where it is more than a mean."""
        return self.terms[0] if self.compute is None and self.whole is None else None

    @property
    def of_levels(self) -> bool:
        """Return whether each coverage level has a figure of its own."""
        return bool({"lower", "upper"} & set(self.columns))

    @property
    def of_detectors(self) -> bool:
        """Return whether it says how a detector separates held-out rows from the test part."""
        return "held_out" in self.columns

    def draws(self, draw: Draw) -> F8:
        """Return (b,) values, NaN where it is not defined."""
        if any(draw.rows.of(term) is None for term in self.terms):
            return np.full(len(draw.n), np.nan)
        if self.whole is not None:
            drawn = (np.repeat(np.arange(len(own)), own.astype(int)) for own in draw.weights)
            each = [self.whole(draw.rows.take(rows)) if len(rows) else np.nan for rows in drawn]
            return np.array(each, dtype=np.float64)
        return draw[self.terms[0]] if self.compute is None else self.compute(draw)

    def value(self, **columns: npt.ArrayLike | float | str) -> float:
        """Return the metric of columns by name; ``task`` and ``level`` may stand among them.

        Args:
            columns: (n,) each, of ``COLUMNS``; what is not declared is left out.
        """
        about = {name: columns.pop(name) for name in ("task", "level") if name in columns}
        arrays = {name: _floats(columns[name]) for name in self.columns}
        rows = MetricRows(arrays, **about)  # type: ignore[arg-type]
        return float(self.draws(Draw(rows, weighted.unit_weights(len(rows))))[0])


def _floats(values: Any) -> npt.NDArray[Any]:
    found = np.asarray(values)
    return found if found.dtype.kind == "U" else found.astype(np.float64)


def metric(
    label: str,
    *,
    unit: Unit,
    better: Better,
    columns: Sequence[str],
    mean: bool = False,
    **rest: Any,
) -> Callable[[Callable[[Draw], F8]], Callable[..., Metric]]:
    """Make a component's implementation of a function of a draw, for a metric without options.

    The function's name is the metric's, the first paragraph of its docstring the meaning.

    Args:
        label: see :class:`Metric`.
        unit: see :class:`Metric`.
        better: see :class:`Metric`.
        columns: see :class:`Metric`.
        mean: the function returns the mean of its one term, so that rows can be compared.
        rest: other fields of a :class:`Metric`.
    """

    def wrap(function: Callable[[Draw], F8]) -> Callable[..., Metric]:
        meaning = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
        made = Metric(
            function.__name__, label, unit, better, columns, meaning,
            compute=None if mean else function, **rest,
        )  # fmt: skip

        def build(_config: Any = None) -> Metric:
            return made

        build.__doc__, build.__module__ = function.__doc__, function.__module__
        build.__name__ = build.__qualname__ = function.__name__
        return build

    return wrap


KIND = Kind(
    "metric",
    Metric | list,
    place="run",
    key="metrics",
    description="Metrics to report, in addition to those that verdicts use; null: all installed"
    " ones.",
    many=True,
)
