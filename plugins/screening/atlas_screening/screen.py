"""Ask a fitted arm of a finished run about candidates: rank, trust and reasons.

Candidates stream through in chunks; what is kept of each is a handful of numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import Bool, Str
from atlas_core.context import Notify
from atlas_core.data.meaning import meaning_of
from atlas_core.errors import DataError, SpecError
from atlas_core.finished import read_run
from atlas_core.kinds.dataset import Candidates
from atlas_core.kinds.trust import LABELS, Assessment
from atlas_core.resolver import Resolver
from atlas_core.store import write_json
from atlas_screening.best import EXTREME, describe, extreme, usual_distance, write_top
from atlas_screening.candidates import open_candidates
from atlas_screening.folder import FACTS, PAGE, TABLE, TOP, replaced
from atlas_screening.held import Held, hold
from atlas_screening.joint import Competition, compete
from atlas_screening.named_reference import Wanted
from atlas_screening.open_arm import OpenArm, open_arm
from atlas_screening.page import write_page
from atlas_screening.result import Facts, Screened, ScreenGoal
from atlas_screening.rows import KEPT, TO_DECIDE, Tally
from atlas_screening.sanity import ABSENT, charge_test
from atlas_screening.table import first_pass, listed, ranks, second_pass


@dataclass(frozen=True)
class ScreenOptions:
    """What a screen is asked to do.

    Attributes:
        run: folder of a finished run that kept its fits.
        candidates: file or folder.
        out: folder of the results.
        arm: which arm; None: the only one.
        fold: which fold's fit; None: the only one.
        top: number of candidates that are described in full.
        goal: whether low or high values come first, or what is most probably ``stable``; None:
            ``stable`` where there is a reference, else low values.
        wanted: what predictions are held against.
        cost: column of the candidates by which ``stable`` is divided; "" for none.
        chunk: number of rows that are looked at together.
        trust_fit: open a fit that was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.
        notify: called with a line of progress.
    """

    run: Path
    candidates: Path
    out: Path
    arm: str | None = None
    fold: str | None = None
    top: int = 100
    goal: ScreenGoal | None = None
    wanted: Wanted = field(default_factory=Wanted)
    cost: str = ""
    chunk: int = 20_000
    trust_fit: bool = False
    key_file: Path | None = None
    notify: Notify = field(default=lambda _text: None)


def screen(options: ScreenOptions, resolver: Resolver) -> Screened:
    """Screen candidates and write the results; the same candidates, the same bytes.

    Raises:
        AtlasError: the run, the candidates or a component failed; one line says which.
    """
    opened = open_arm(
        read_run(options.run),
        resolver,
        arm=options.arm,
        fold=options.fold,
        trust=options.trust_fit,
        key_file=options.key_file,
        wanted=options.wanted,
    )
    if opened.against is None and (options.goal == "stable" or options.cost):
        what = "--cost" if options.goal != "stable" else "goal stable"
        raise SpecError(
            f"{what}: the run has no reference to be stable against; name one with --reference"
        )
    if options.cost and options.goal in ("minimize", "maximize"):
        raise SpecError("--cost: ranks by the probability of being stable; leave --goal out")
    data = opened.dataset
    candidates = open_candidates(
        options.candidates, resolver, dataset=data.use, options=data.options
    )
    for remark in (*opened.fitted.remarks, *candidates.notes):
        warnings.warn(remark, stacklevel=2)
    for one in opened.components["featurizer"].together:
        if "inputs:structure" in one.requires and not candidates.structures:
            raise DataError(
                f"{options.candidates}: formulas, but featurizer {one.name} of arm {opened.arm}"
                " needs structures; give CIF files, or screen with an arm on compositions"
            )
    with replaced(options.out, run=options.run, candidates=options.candidates) as folder:
        return _screened(opened, candidates, options, folder)


def _screened(
    opened: OpenArm, candidates: Candidates, options: ScreenOptions, folder: Path
) -> Screened:
    """Write the results into ``folder``; they will lie in ``options.out``."""
    parts = folder / "parts.parquet"
    tally = first_pass(
        opened, candidates, folder, parts=parts, chunk=options.chunk, notify=options.notify,
        kept=KEPT if opened.against is None else (*KEPT, *TO_DECIDE),
    )  # fmt: skip
    prediction = np.asarray(tally.all("prediction"))
    labels, outside = _labels(opened, tally), tally.all("outside")
    held = None if opened.against is None else hold(opened.against, tally, options, opened)
    goal: ScreenGoal = options.goal or ("minimize" if held is None else "stable")
    if held is not None and goal == "stable":
        rank = held.ranks
    else:
        rank = ranks(prediction, "maximize" if goal == "maximize" else "minimize", labels)
    wanted = listed(rank, labels if held is None else held.decided.label, options.top)
    more = {} if held is None else held.columns()
    rows = second_pass(parts, folder / TABLE, rank, labels, wanted=wanted, more=more)
    parts.unlink()
    charges = charge_test()
    describe(opened, candidates, rows, charges=charges)
    best = [row for row in rows if row["rank"] <= options.top]
    write_top(folder / TOP, best, sound="pass" if charges is not None else "not checked")
    competition = _competition(held, tally, best)
    training = opened.reference.target
    asked = np.array([float(row["prediction"]) for row in best])
    facts = _facts(
        opened,
        candidates,
        tally,
        goal=goal,
        labels=labels,
        outside=outside,
        top=len(best),
        extreme=0
        if opened.task != "regression" or goal == "stable"
        else extreme(asked, training, goal),
        charges="" if charges is not None else ABSENT,
        decisions=_decisions(held, competition),
    )
    write_json(folder / FACTS, asdict(facts))
    result = Screened(
        options.out,
        facts,
        best,
        rows,
        prediction,
        labels,
        outside,
        tally.shown,
        training,
        held,
        competition,
    )
    write_page(result, folder / PAGE)
    return result


def _competition(
    held: Held | None, tally: Tally, best: Sequence[Mapping[str, Any]]
) -> Competition | None:
    """Return how the best candidates compete with each other; None without a hull."""
    if held is None or not held.against.hull:
        return None
    order = np.array([int(row["row"]) for row in best], dtype=np.int64)
    at = np.searchsorted(np.asarray(tally.all("row")), order)
    return compete(held, np.asarray(tally.all("std")), at)


def _decisions(held: Held | None, competition: Competition | None) -> dict[str, Any] | None:
    """Return what the facts of a screen hold of its decisions; None without a reference."""
    if held is None:
        return None
    return {**held.facts(), **({} if competition is None else competition.facts(held))}


def _labels(opened: OpenArm, tally: Tally) -> Str | None:
    """Return (n,) the label of each candidate in this list, or None without a trust region."""
    risk, expected = tally.all("risk"), tally.all("expected_error")
    if risk is None or expected is None:
        return None
    return opened.label(Assessment(risk, expected, novel=tally.all("novel")))


def _facts(
    opened: OpenArm,
    candidates: Candidates,
    tally: Tally,
    *,
    goal: ScreenGoal,
    labels: Str | None,
    outside: Bool | None,
    top: int,
    extreme: int,
    charges: str,
    decisions: dict[str, Any] | None,
) -> Facts:
    manifest, data = opened.run.manifest, opened.run.manifest["dataset"]
    return Facts(
        run=str(manifest["run_id"]),
        science_hash=str(manifest["science_hash"]),
        arm=opened.arm,
        fold=opened.fold,
        final=opened.final,
        candidates=candidates.path.name,
        target=str(data["target"]),
        meaning=meaning_of(data),
        unit=str(data.get("unit") or ""),
        task=opened.task,
        goal=goal,
        level=opened.level,
        components={
            kind: [one.label.removeprefix(f"{kind} ") for one in chosen.together]
            for kind, chosen in opened.components.items()
            if kind != "acquisition"
        },
        trained_on=len(opened.reference.target),
        space=opened.reference.space,
        usual_distance=usual_distance(opened.reference),
        mae=_mae(opened),
        reliability=opened.reliability,
        record=opened.record,
        held_out=_held_out(opened),
        screened=tally.screened,
        unreadable=tally.unreadable,
        labels=None if labels is None else {one: int((labels == one).sum()) for one in LABELS},
        outside=None if outside is None else int(outside.sum()),
        in_training=tally.in_training,
        repeated=tally.repeated,
        impossible=tally.impossible,
        incomplete_features=tally.incomplete,
        unseen_elements=tally.unseen,
        top=top,
        extreme=extreme,
        extreme_share=EXTREME,
        charges=charges,
        decisions=decisions,
        remarks=(*opened.fitted.remarks, *candidates.notes),
        warnings=tuple(sorted(opened.said)),
    )


def _held_out(opened: OpenArm) -> str:
    """Return the class that the fit never saw, in words; "" where there is none."""
    folds = {str(one["name"]): one for one in opened.run.manifest["split"]["folds"]}
    if opened.final:
        return ""
    return str((folds.get(opened.fold) or {}).get("held_out") or "")


def _mae(opened: OpenArm) -> dict[str, float]:
    """Return the MAE of this fit by part, as the run found it."""
    own = opened.run.metrics["arms"].get(opened.arm) or {}
    if opened.final:  # of the evaluation's fits, all folds together
        scored = {name: one["metrics"].get("mae") for name, one in own.get("parts", {}).items()}
        parts = {name: {"mae": one["value"]} for name, one in scored.items() if one}
    else:
        parts = (own.get("folds") or {}).get(opened.fold) or {}
    found = {part: (parts.get(part) or {}).get("mae") for part in ("test", "ood_test")}
    return {part: float(mae) for part, mae in found.items() if mae is not None}
