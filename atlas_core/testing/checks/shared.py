"""What components of several kinds promise, each promise written once. Light."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from types import UnionType
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.errors import AtlasError, ContractError, DataError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.saving import Allowed, restored
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample

Arrays = dict[str, npt.NDArray[Any]]
T = TypeVar("T")

TOYS = "atlas_core.testing"
"""The package of the toys: what is fitted around one holds it."""

ROWWISE = (
    "inputs_unchanged",
    "order_is_kept",
    "batch_of_one_equals_the_batch",
    "saved_and_loaded_it_answers_alike",
)
"""What every kind promises of which a fitted object answers for rows."""

HANGS_ON_PLACES = {"samples", "inbag"}
"""Parts of an answer that are drawn row after row, or are none of the rows asked for."""

HANGS_ON_THE_LIST = {"label", *HANGS_ON_PLACES}
"""Parts that may look at all rows that are asked for, but follow their order."""


@dataclass(frozen=True)
class Case:
    """What a component fitted, rows that it never saw, and how it is asked for them.

    Attributes:
        name: of the case, for messages.
        fitted: a model, a detector, a calibration, ...
        rows: of a type with a length and ``take``.
        ask: returns arrays of which the last axis is that of the rows, and single values.
        tolerance: to which a row's answer depends on no other row, relative to the largest.
    """

    name: str
    fitted: Any
    rows: Any
    ask: Callable[[Any, Any], Arrays]
    tolerance: float = 1e-5

    @cached_property
    def whole(self) -> Arrays:
        """Return the answer for all rows."""
        return self.ask(self.fitted, self.rows)

    def answer(self, rows: npt.ArrayLike) -> Arrays:
        """Return the answer for some rows."""
        return self.ask(self.fitted, self.rows.take(rows))

    def require_rows(self, rows: npt.NDArray[np.int64], what: str, skip: set[str]) -> None:
        """Stop the check unless some rows, asked for alone, get what they get among all."""
        found = self.answer(rows)
        for part in self.whole.keys() - skip:
            every = self.whole[part]
            wanted = every[..., rows] if every.ndim else every
            what = " ".join(f"{self.name} {part} of {what}".split())
            require_close(found[part], wanted, what, tolerance=self.tolerance, size=every)


@dataclass(frozen=True)
class Outcome:
    """What came of one use of a component.

    Attributes:
        made: what the kind's ``make`` returned.
        content: all numbers and words in it, or in the answers to it, to be compared by ``==``.
        unchanged: whether what the component was handed is what it was before.
    """

    made: Any
    content: Any
    unchanged: bool

    @property
    def digest(self) -> str:
        """Return the sha256 of the content."""
        return hashlib.sha256(repr(self.content).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Rows:
    """What a calibration or a trust region is asked for n rows, and their true values."""

    inputs: Inputs
    prediction: Prediction
    target: F8
    ood: OODScore | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def error(self) -> F8:
        """Return (n,) absolute errors in the target's unit."""
        return np.asarray(np.abs(self.target - self.prediction.mean), dtype=np.float64)

    def take(self, rows: npt.ArrayLike) -> Rows:
        """Return some rows, in that order."""
        i = np.asarray(rows, dtype=np.int64)
        ood = None if self.ood is None else self.ood.take(i)
        return Rows(self.inputs.take(i), self.prediction.take(i), self.target[i], ood)


def returned(value: Any, promised: Callable[..., T] | UnionType, what: str, rows: Any = None) -> T:
    """Return what a component gave, which must be of the class that its kind promises.

    Args:
        value: what it gave.
        promised: a class or a protocol.
        what: the call that gave it, for messages.
        rows: what it was asked for, with a length; None: its own does not count.

    Raises:
        ContractError: it is something else, or not of as many rows.
    """
    right = isinstance(value, promised)  # type: ignore[arg-type]  # mypy takes no protocol as type
    name = getattr(promised, "__name__", promised)
    require(right, f"{what} returned a {type(value).__name__}, no {name}")
    if rows is not None:
        require(len(value) == len(rows), f"{what}: {len(rows)} rows gave {len(value)}")
    return cast(T, value)


def contract_of(sample: Sample) -> Any:
    """Return the module of the checks of the component's kind."""
    return importlib.import_module(f"{__package__}.{sample.kind}")


def answers_of(cases: list[Case]) -> Arrays:
    """Return what fitted objects answer for all their rows."""
    return {f"{c.name} {part}": found for c in cases for part, found in c.whole.items()}


def use(sample: Sample) -> Outcome:
    """Use a component as a run does, and watch what it was handed."""
    kind = contract_of(sample)
    given = kind.given(sample)
    before = state_of(given)
    made = kind.make(sample, given)
    cases = [one for one in made if isinstance(one, Case)] if isinstance(made, list) else []
    asked = [state_of(case.rows) for case in cases]
    content = state_of(answers_of(cases) if cases else made)
    unchanged = state_of(given) == before and [state_of(case.rows) for case in cases] == asked
    return Outcome(made, content, unchanged)


def used(sample: Sample) -> Outcome:
    """Return what came of the first use, which all checks share."""
    return sample.once("used", lambda: use(sample))


def case_of(sample: Sample) -> Case:
    """Return the only case of the first use."""
    case: Case
    (case,) = used(sample).made
    return case


def state_of(value: Any) -> Any:
    """Return a copy of all that can be written to in ``value``, to be compared by ``==``."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return [state_of(getattr(value, one.name)) for one in fields(value)]
    if isinstance(value, Mapping):  # in whatever order it was filled
        return sorted((str(name), state_of(one)) for name, one in value.items())
    return [state_of(one) for one in value] if isinstance(value, list | tuple) else value


def found_in(answer: object, *names: str) -> Arrays:
    """Return attributes of an answer as arrays, without those that are None."""
    values = {name: getattr(answer, name) for name in names}
    return {name: np.asarray(value) for name, value in values.items() if value is not None}


def saved_and_loaded(sample: Sample, value: Any) -> Any:
    """Return what a run folder would give back of a fitted object.

    Raises:
        ContractError: it cannot be saved, or names what may not be loaded.
    """
    own = Allowed.by(sample.components)
    try:
        return restored(value, Allowed(own.packages | {TOYS}, own.classes))
    except DataError as err:
        raise ContractError(f"saved, but not loaded: {err}") from err


def one_line_or(act: Callable[[], Any]) -> Any:
    """Return what ``act`` does, or None where it refuses by an error of one line.

    Raises:
        ContractError: its error is none of one line.
    """
    try:
        return act()
    except AtlasError as err:
        require(str(err).strip() and "\n" not in str(err), "the error must be one line")
        return None


def require_nested(found: Any, levels: tuple[float, ...], where: str = "") -> tuple[F8, F8]:
    """Return lower and upper ends, (l, n) each, of an answer's intervals: an interval per level.

    Raises:
        ContractError: there are none, at other levels, or one sticks out of that of a higher level.
    """
    require(found.levels is not None, f"{where}there are no intervals")
    require_close(found.levels, np.array(levels), f"{where}the levels", tolerance=1e-12)
    lower, upper = np.asarray(found.lower), np.asarray(found.upper)
    nested = (np.diff(lower, axis=0) <= 1e-12).all() and (np.diff(upper, axis=0) >= -1e-12).all()
    require(nested, f"{where}an interval sticks out of that of a higher level")
    return lower, upper


def require_coverage(
    rows: Rows, found: Any, levels: tuple[float, ...], *, known: int, exact: bool, where: str = ""
) -> None:
    """Stop the check unless nested intervals hold at each level, within four binomial deviations.

    Args:
        rows: n rows with their true values.
        found: an answer for them with intervals.
        levels: that the intervals state.
        known: how many rows they were calibrated on.
        exact: whether they may not cover more, either.
        where: in front of messages.
    """
    for level, lower, upper in zip(levels, *require_nested(found, levels, where), strict=True):
        covered = float(((rows.target >= lower - 1e-9) & (rows.target <= upper + 1e-9)).mean())
        deviation = float(np.sqrt(level * (1 - level) * (1 / known + 1 / len(rows))))
        slack = 4.0 * deviation + 1 / known
        fair = covered >= level - slack and (not exact or covered <= level + slack)
        require(fair, f"{where}{covered:.3f} of rows covered at level {level} (± {slack:.3f})")


def check_inputs_unchanged(sample: Sample) -> None:
    """What it is handed is only read: other arms, folds and members get it too."""
    require(used(sample).unchanged, "something that it was handed was changed")


def check_order_is_kept(sample: Sample) -> None:
    """Answer i belongs to row i, in whatever order rows come."""
    for case in used(sample).made:
        order = np.random.default_rng(1).permutation(len(case.rows))
        case.require_rows(order, "shuffled rows", HANGS_ON_PLACES)


def check_batch_of_one_equals_the_batch(sample: Sample) -> None:
    """A row's answer depends on that row alone, not on what else is asked that day."""
    for case in used(sample).made:
        n = len(case.rows)
        for row in range(n) if n < 20 else (0, n // 3, n - 1):
            case.require_rows(np.array([row]), f"row {row} alone", HANGS_ON_THE_LIST)


def check_saved_and_loaded_it_answers_alike(sample: Sample) -> None:
    """What was fitted comes back from a file without pickle, and gives the same bytes.

    What screens candidates next month, or on another machine, is what was evaluated. A closure, or
    an object of a class that is made in a function, has no name by which it could be found there.
    """
    for case in used(sample).made:
        after = case.ask(saved_and_loaded(sample, case.fitted), case.rows)
        for part in {**case.whole, **after}:
            one, other = case.whole.get(part), after.get(part)
            same = one is not None and other is not None and one.dtype == other.dtype
            same = same and one.tobytes() == other.tobytes()
            what = " ".join(f"{case.name} {part}".split())
            require(same, f"{what}: saved and loaded, its bytes differ")


def check_the_unit_does_not_matter(sample: Sample) -> None:
    """The same target in another unit gives the same answers in that unit, to 1e-9.

    Every number is rounded anew in another unit, and nothing may hang on that: neither a stopping
    rule with a fixed tolerance nor which of two equally good cuts is taken.
    """
    applies("regression" in sample.tasks(), "P(1) has no unit")
    kind, wanted = contract_of(sample), answers_of(used(sample).made)
    for factor in kind.UNITS:
        found = answers_of(kind.make(sample, kind.given(sample, factor)))
        for name, values in wanted.items():
            power = kind.POWERS.get(name.rpartition(" ")[2])
            if power is not None:
                what = f"{name.strip()} of a target times {factor:g}, in its unit"
                require_close(found[name] / factor**power, values, what, tolerance=1e-9)


def check_jobs_change_nothing(sample: Sample) -> None:
    """``n_jobs`` is a share of the machine and part of no hash: it must change no byte."""
    kind = contract_of(sample)
    two = answers_of(kind.make(sample, kind.given(sample), n_jobs=2))
    require(state_of(two) == used(sample).content, "predictions differ between one job and two")
