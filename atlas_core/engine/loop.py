"""Active learning in one job: label, learn, choose, again, with a lookup oracle. Light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, Notify, derive_seed
from atlas_core.data.predictions import Predictions
from atlas_core.engine.arm import FittedArm
from atlas_core.engine.blame import blame
from atlas_core.engine.job import Job, JobResult, Oracle
from atlas_core.engine.likely import learned_probability
from atlas_core.engine.nested import learn_trust
from atlas_core.engine.notes import Heard, Notes, quiet
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.acquisition import Acquisition, AcquisitionRequest, Selection
from atlas_core.kinds.split import Split
from atlas_core.links import delete
from atlas_core.origin import doubt, mark
from atlas_core.printing import counted
from atlas_core.spec.model import ActiveLearning
from atlas_core.store import DROPPED, read_arrays, write_arrays


@dataclass
class _State:
    """Where a loop stands.

    Attributes:
        labeled: rows whose labels are known, ascending.
        rows: of the table, one per finished round.
        records: of the fits of these rounds.
    """

    labeled: I8
    rows: list[dict[str, float]]
    records: list[dict[str, Any]]

    def write(self, path: Path, key_file: Path | None) -> None:
        """Write it, under the user's mark."""
        write_arrays(path, {"labeled": self.labeled}, {"rows": self.rows, "records": self.records})
        if key_file is not None:
            mark(path.parent, [path.name], key_file)


def run_loop(job: Job, loop: ActiveLearning, oracle: Oracle, *, notify: Notify) -> JobResult:
    """Run the rounds of one arm on one fold; a killed loop goes on after its last round.

    Raises:
        DataError: there are fewer candidates than initial labels and batches need.
        ContractError: an acquisition broke its promise.
    """
    if problem := too_few(job.split, loop):
        raise DataError(problem)
    rounds = _Rounds(job, loop, oracle, notify)
    path = job.directory / "loop.npz"
    state = _stored(path, job, loop, notify)
    said: list[Predictions] = []
    for number in range(len(state.rows), loop.rounds + 1):
        last = number == loop.rounds
        said += rounds.run(state, number, last=last)
        if not last:
            state.write(path, job.key_file)
    names = sorted({name for row in state.rows for name in row})
    table = {name: np.array([row.get(name, np.nan) for row in state.rows]) for name in names}
    return JobResult(Predictions.stacked(said), state.records, rounds.stages, table)


class _Rounds:
    """Run one round after another: fit, look at the test rows, choose what to label next."""

    def __init__(self, job: Job, loop: ActiveLearning, oracle: Oracle, notify: Notify) -> None:
        self._job, self._loop, self._oracle, self._notify = job, loop, oracle, notify
        self._candidates = np.concatenate([job.split.train, job.split.pool])
        self._finds = job.sought.finds(self._candidates, oracle.target)
        self.stages: list[tuple[str, float]] = []

    def run(self, state: _State, number: int, *, last: bool) -> list[Predictions]:
        """Run a round and add it to the state; return the predictions of the last one."""
        job, split, labeled = self._job, self._job.split, state.labeled
        notes = job.notes(self._notify)
        so_far = counted(len(labeled), "label")
        notes.step(f"round {number} of {self._loop.rounds}, {so_far}")
        said: list[Predictions] = []
        heard = Heard()
        with quiet() as caught:
            step = f"round-{number}"
            context, data = job.context(step, notes), self._data(labeled)
            fitted = FittedArm.fit(
                job.arm,
                data,
                labeled,
                context,
                notes=notes,
                calibration=split.calibration,
                step=step,
            )
            if job.trust is not None:
                heard.add(learn_trust(fitted, job.trust, context, notes=notes))
            row = {
                "round": float(number),
                "labeled": float(len(labeled)),
                "calibration_labels": float(len(split.calibration)),
                **self._progress(fitted, labeled),
            }
            if last:
                said.append(fitted.of_split(split, notes)[0])
            else:
                rest = np.setdiff1d(self._candidates, labeled)
                request, selection, border = self._choose(
                    fitted, rest, number, data.known[labeled], context=context, notes=notes,
                    heard=heard,
                )  # fmt: skip
                picked = rest[selection.indices]
                row |= self._picked(request, selection, picked, border)
                state.labeled = np.sort(np.concatenate([labeled, picked]))
        heard.listen(caught)
        heard.add(fitted.trained.heard)
        notes.keep(heard)
        state.rows.append(row)
        state.records.extend(notes.records)
        self.stages.extend(notes.stages)
        return said

    def _data(self, labeled: I8) -> Any:
        """Return the data with the labels that are known by now."""
        known = self._job.data.known.copy()
        known[self._candidates] = np.nan
        known[labeled] = self._oracle.ask(labeled)
        return replace(self._job.data, known=known)

    def _progress(self, fitted: FittedArm, labeled: I8) -> dict[str, float]:
        sought = self._job.sought
        known = fitted.train.data.known
        found = sought.sign * (known[labeled] - sought.border(labeled, known))
        share = float(np.isin(self._finds, labeled).mean()) if len(self._finds) else np.nan
        progress = {"best": float(sought.sign * np.max(found)), sought.found: share}
        if sought.decider is not None:
            progress["finds_share"] = len(self._finds) / len(self._candidates)
        test = self._job.split.test
        if len(test) and self._job.evaluator is not None:
            said = fitted.ask(fitted.train.data, test).final
            with blame(self._job.evaluator.parts, (), "evaluate"):
                scored = self._job.evaluator.build().score_round(said, self._oracle.ask(test))
                progress |= {f"{name}_test": float(value) for name, value in scored.items()}
        return progress

    def _picked(
        self, request: AcquisitionRequest, selection: Selection, picked: I8, border: F8
    ) -> dict[str, float]:
        """Return what the picks turned out to be, beside what was expected of them."""
        at = selection.indices
        error = request.prediction.mean[at] - (self._oracle.ask(picked) - border[at])
        row = {"mae_picked": float(np.mean(np.abs(error)))}
        if self._job.sought.decider is not None:
            row["finds_picked"] = float(np.isin(picked, self._finds).mean())
        if request.probability is not None:
            row["finds_expected"] = float(request.probability[at].mean())
        if request.cost is not None:
            row["cost_picked"] = float(request.cost[at].mean())
        return row

    def _choose(
        self, fitted: FittedArm, rest: I8, number: int, found: F8, *, context: FitContext,
        notes: Notes, heard: Heard,
    ) -> tuple[AcquisitionRequest, Selection, F8]:  # fmt: skip
        """Return what is asked of the rest, which are labeled next, and the border of the rest."""
        arm, loop, data = self._job.arm, self._loop, fitted.train.data
        chosen, path = arm.components["acquisition"], ("acquire", arm.fold, number)
        acquisition: Acquisition = chosen.build()
        answer, sought = fitted.ask(data, rest), self._job.sought
        at_border = sought.decider is not None  # to lie there is all that is asked
        border, probability = sought.borders(rest, data.known), None
        if "decision" in chosen.requires and at_border:
            probability, more = learned_probability(
                arm, data, border, rest, context, notes=notes, step=f"decision-{number}"
            )
            heard.add(more)
        request = AcquisitionRequest(
            ids=self._job.data.every.ids[rest],
            prediction=sought.held_against(answer.final, border[rest]),
            batch=loop.batch,
            goal=sought.goal,
            best=0.0 if at_border else float(sought.sign * np.max(sought.sign * found)),
            context=replace(context, seed=derive_seed(self._job.seed, *path)),
            ood=answer.score,
            probability=probability,
            cost=sought.cost(rest, loop.cost),
        )
        with blame(chosen.parts, arm.parts, self._job.label):
            selection = acquisition.select(request)
        if len(selection.ids) != loop.batch or not np.array_equal(
            request.ids[selection.indices], selection.ids
        ):
            raise ContractError(
                f"arm {arm.name}: acquisition {chosen.name} chose {len(selection.ids)} rows"
                f" where {loop.batch} distinct ones were asked for"
            )
        return request, selection, border[rest]


def too_few(split: Split, loop: ActiveLearning) -> str:
    """Return why a fold has too few candidates for a loop, "" where it has enough."""
    found, needed = len(split.train) + len(split.pool), loop.initial + loop.batch * loop.rounds
    if found >= needed:
        return ""
    return (
        f"active learning needs {loop.initial} + {loop.rounds} x {loop.batch} = {needed}"
        f" candidates, the split leaves {found}; lower batch or rounds"
    )


def first_labels(split: Split, loop: ActiveLearning, seed: int) -> I8:
    """Return the rows that are labeled at first.

    They are the same for every arm: a comparison of acquisitions, not of luck.
    """
    candidates = np.concatenate([split.train, split.pool])
    rng = np.random.default_rng(derive_seed(seed, "initial", split.name))
    return np.sort(rng.permutation(candidates)[: loop.initial])


def _stored(path: Path, job: Job, loop: ActiveLearning, notify: Notify) -> _State:
    """Return the state after the last stored round, or that of the start."""
    split, arm = job.split, job.arm
    initial = first_labels(split, loop, job.seed)
    if not path.exists():
        return _State(initial, [], [])
    try:
        arrays, note = read_arrays(path)
        if job.key_file is not None and (why := doubt(path.parent, [path.name], job.key_file)):
            raise DataError(f"{path}: {why}")
        labeled, rows = arrays["labeled"], [_round(row) for row in note["rows"]]
        candidates = np.concatenate([split.train, split.pool])
        done = np.unique(labeled).astype(np.int64, casting="safe")
        size = loop.initial + loop.batch * len(rows)
        fits = np.array_equal(done, labeled) and len(done) == size and 0 < len(rows) <= loop.rounds
        if not fits or not np.isin(initial, done).all() or not np.isin(done, candidates).all():
            raise ValueError(f"{path}: its labeled rows are not those of {len(rows)} rounds")
        return _State(done, rows, [dict(record) for record in note["records"]])
    except (AttributeError, DataError, KeyError, TypeError, ValueError) as err:
        delete(path)
        text = f"stored rounds {DROPPED}: {err}"
        notify(f"arm {arm.name}: {text}")
        notes = Notes(arm.name, arm.fold, (), notify)
        notes.record("warnings", {"texts": [text]})
        return _State(initial, [], notes.records)


def _round(row: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items()}
