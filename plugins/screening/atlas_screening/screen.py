"""Ask a fitted arm of a finished run about candidates: rank, trust and reasons. Light.

Candidates stream through in chunks; what is kept of each is a handful of numbers. A label may
depend on the whole list, so the table is written twice: first what each row says alone, then with
ranks and labels.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.elements import SYMBOLS
from atlas_core.errors import AtlasError, DataError
from atlas_core.kinds.acquisition import Goal
from atlas_core.kinds.featurizer import Features, Featurizer
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.kinds.trust import LABELS, Assessment, Promise
from atlas_core.links import TEMPORARY, hold
from atlas_core.materials import Materials
from atlas_core.open_arm import OpenArm, open_arm
from atlas_core.reading.rows import BadRow, Flag, unreadable_rows, write_csv
from atlas_core.resolver import Resolver
from atlas_core.runner.answers import Answers, warning_texts
from atlas_core.runner.blame import blame
from atlas_core.runner.cell import Cell, CellData, CellSettings, Fitted, quiet
from atlas_core.runner.executor import cores
from atlas_core.runner.features import side_by_side
from atlas_core.runner.folder import SCREENS, slug
from atlas_core.runner.rehearsal import TrustRegions
from atlas_core.saving import readable
from atlas_core.seal import MANIFEST
from atlas_core.store import (
    cannot_write,
    in_the_way,
    new_file,
    write_bytes,
    write_json,
    written,
)
from atlas_screening.candidates import Batch, Candidates, odd_formula, open_candidates
from atlas_screening.sanity import ABSENT, charge_test, impossible, limit_of

TABLE, TOP, PROBLEMS, PAGE, ABOUT = (
    "screened.parquet",
    "top.csv",
    "unreadable.csv",
    "screen.html",
    "screen.json",
)
NEIGHBOURS = 3
EXTREME = 0.05
"""The share of the training values, at the end that is looked for, that is told as extreme."""
SHOWN = 100
"""Unreadable rows that are kept for the page; all of them stand in ``unreadable.csv``."""


@dataclass(frozen=True)
class ScreenOptions:
    """Hold what a screen is asked to do.

    Attributes:
        run: folder of a finished run that kept its fits.
        candidates: file or folder.
        out: folder of the results.
        arm: which arm; None: the only one.
        fold: which fold's fit; None: the only one.
        top: rows that are told in full.
        goal: whether low or high values are wanted; None: as the run says, else low ones.
        chunk: rows that are looked at together.
        trust_fit: open a fit that was not made by this user.
        key_file: of the user; None: every fit is one from elsewhere.
        tell: called with rows done and rows in all.
    """

    run: Path
    candidates: Path
    out: Path
    arm: str | None = None
    fold: str | None = None
    top: int = 100
    goal: Goal | None = None
    chunk: int = 20_000
    trust_fit: bool = False
    key_file: Path | None = None
    tell: Callable[[int, int], None] = field(default=lambda _done, _total: None)


@dataclass(frozen=True, eq=False)
class Looked:
    """Hold what an arm says of n candidates, each on its own.

    Attributes:
        prediction: calibrated.
        std: (n,) or NaN.
        lower: (n,) end of the interval at the arm's level, or NaN.
        upper: (n,) likewise.
        score: of the detector, or None.
        assessment: of the first trust method, or None.
        notes: n texts: what the featurizer could not do.
    """

    prediction: Prediction
    std: F8
    lower: F8
    upper: F8
    score: OODScore | None
    assessment: Assessment | None
    notes: list[str]

    def check(self, n: int) -> None:
        """Stop unless everything is said of n rows: what was fitted may come from anybody.

        Raises:
            DataError: something is said of another number of rows.
        """
        said = {"mean": self.prediction.mean, "std": self.std}
        said |= {"lower end": self.lower, "upper end": self.upper}
        if self.score is not None:
            said["novelty score"] = self.score.score
        if self.assessment is not None:
            said["risk"] = self.assessment.risk
        for name, values in said.items():
            if values.shape != (n,):
                raise DataError(f"its {name} has the shape {values.shape}, not ({n},); fit anew")


class Screener:
    """Ask one fitted arm about materials, as the run did."""

    def __init__(self, opened: OpenArm) -> None:
        self.opened = opened
        self.said: set[str] = set()
        self._fit = f"arm {opened.arm}, fold {opened.fold}: its fit"
        self._featurizers: list[tuple[str, Featurizer]] = [
            (one.name, one.build()) for one in opened.components["featurizer"].together
        ]
        self._settings = CellSettings(
            arm=opened.arm,
            fold=opened.fold,
            components=opened.components,
            seed=int(opened.manifest["seed"]),
            levels=opened.levels,
            n_jobs=cores(),
            device="cpu",
            directory=Path(),
        )

    def features(self, materials: Materials) -> tuple[Features, list[str]]:
        """Return features, and n notes of what could not be made.

        Raises:
            DataError: a featurizer refuses one of the materials.
        """
        chosen = self.opened.components["featurizer"]
        with blame(chosen):
            parts = [(name, one.featurize(materials)) for name, one in self._featurizers]
        joined = side_by_side(parts)
        notes = dict.fromkeys(materials.ids.tolist(), "")
        for material, why in getattr(joined, "failures", ()):
            notes[material] = why
        return joined, list(notes.values())

    def look(self, materials: Materials, features: Features, notes: list[str]) -> Looked:
        """Return what the arm says of materials; with one thread of BLAS, as in the run."""
        with readable(self._fit), quiet() as caught:
            cell, fitted, rows = self._cell(materials, features)
            _, final, score = cell.look(fitted, rows)
            assessment = self._assess(cell, fitted, rows, score)
            self.said |= warning_texts(caught) | fitted.answers.said
            n = len(materials)
            nan = np.full(n, np.nan)
            level = self.opened.level
            lower, upper = _interval(final.levels, final.lower, final.upper, level, nan)
            if assessment is not None and assessment.levels is not None:
                lower, upper = _interval(
                    assessment.levels, assessment.lower, assessment.upper, level, nan
                )
            std = nan if final.std is None else final.std
            looked = Looked(final, std, lower, upper, score, assessment, notes)
            looked.check(n)
            return looked

    def embed(self, materials: Materials, features: Features) -> F8:
        """Return (n, d) the model's inner representation."""
        with readable(self._fit), quiet():
            _, fitted, rows = self._cell(materials, features)
            return fitted.answers.embed(rows)

    def _cell(self, materials: Materials, features: Features) -> tuple[Cell, Fitted, I8]:
        saved, components = self.opened.saved, self.opened.components
        n = len(materials)
        rows = np.arange(n, dtype=np.int64)
        data = CellData(
            materials,
            features,
            np.full(n, np.nan),
            self.opened.task,
            Split("screen", np.array([0]), test=np.array([1])),  # a cell has one; none is read
            bounds=self.opened.bounds,
        )
        calibrator = components.get("calibrator")
        draws = calibrator is not None and "samples" in calibrator.needs
        answers = Answers(lambda _record: saved.predictor, features, samples=draws)
        regions = None
        if saved.regions is not None and saved.promise is not None:
            regions = TrustRegions(
                components["trust"], Promise(*saved.promise), dict(saved.regions)
            )
        fitted = Fitted(answers, saved.calibration, saved.detector, regions)
        return Cell(self._settings, data, lambda _text: None), fitted, rows

    def _assess(
        self, cell: Cell, fitted: Fitted, rows: I8, score: OODScore | None
    ) -> Assessment | None:
        if fitted.trust is None:
            return None
        region = next(iter(fitted.trust.regions.values()))
        seen: Inputs = cell.shown(fitted.trust.chosen, fitted.answers, rows)
        found = region.assess(seen, fitted.answers.predict(rows), score)
        return found.within(self.opened.bounds)

    def label(self, assessment: Assessment) -> Str | None:
        """Return (n,) labels of the whole list, or None without a trust region."""
        regions = self.opened.saved.regions
        if not regions:
            return None
        with readable(self._fit):
            labels = np.asarray(next(iter(regions.values())).label(assessment), dtype=np.str_)
            if labels.shape != assessment.risk.shape:
                raise DataError(f"trust: {labels.shape} labels of {assessment.risk.shape} rows")
        if unknown := sorted(set(labels.tolist()) - set(LABELS)):
            raise DataError(f"trust: unknown labels {', '.join(unknown)}")
        return labels


def _interval(
    levels: F8 | None, lower: F8 | None, upper: F8 | None, level: float, nan: F8
) -> tuple[F8, F8]:
    if levels is None or lower is None or upper is None:
        return nan, nan
    at = np.flatnonzero(levels == level)
    return (lower[at[0]], upper[at[0]]) if at.size else (nan, nan)


@dataclass(eq=False)
class Tally:
    """Keep what the second pass and the page need of every row: a few numbers each."""

    prediction: list[F8] = field(default_factory=list)
    risk: list[F8] = field(default_factory=list)
    expected: list[F8] = field(default_factory=list)
    novel: list[Bool] = field(default_factory=list)
    outside: list[Bool] = field(default_factory=list)
    rows: list[I8] = field(default_factory=list)
    formulas: list[I8] = field(default_factory=list)
    known: int = 0
    impossible: int = 0
    incomplete: int = 0
    unreadable: int = 0
    shown: list[BadRow] = field(default_factory=list)

    def repeated(self) -> int:
        """Return how many rows have a formula that an earlier row has."""
        if not self.formulas:
            return 0
        every = np.concatenate(self.formulas)
        return len(every) - len(np.unique(every))


@dataclass(frozen=True, eq=False)
class Screened:
    """Hold the result of a screen.

    Attributes:
        folder: where the files are.
        about: facts and counts, as in ``screen.json``.
        top: rows of ``top.csv``, best first.
        prediction: (n,) of all candidates.
        labels: (n,) or None.
        outside: (n,) or None without a detector.
        shown: unreadable rows.
        training: (t,) true values of the training materials.
    """

    folder: Path
    about: Mapping[str, Any]
    top: list[dict[str, Any]]
    prediction: F8
    labels: Str | None
    outside: Bool | None
    shown: list[BadRow]
    training: F8


def screen(options: ScreenOptions, resolver: Resolver) -> Screened:
    """Screen candidates and write the results; the same candidates, the same bytes.

    Raises:
        AtlasError: the run, the candidates or a component failed; one line says which.
    """
    from atlas_core.report.source import foreign

    with foreign(options.run):
        opened = open_arm(
            options.run,
            resolver,
            arm=options.arm,
            fold=options.fold,
            trust=options.trust_fit,
            key_file=options.key_file,
        )
    for remark in opened.saved.remarks:
        warnings.warn(remark, stacklevel=2)
    candidates = open_candidates(options.candidates, opened.names)
    for remark in candidates.notes:
        warnings.warn(remark, stacklevel=2)
    for one in opened.components["featurizer"].together:
        if "inputs:structure" in one.needs and not candidates.structures:
            raise DataError(
                f"{options.candidates}: formulas, but featurizer {one.name} of arm {opened.arm}"
                " needs structures; give CIF files, or screen with an arm on compositions"
            )
    goal = options.goal or _goal(opened)
    screener = Screener(opened)
    with _replaced(options) as new:
        return _screened(screener, candidates, replace(options, out=new), goal, options.out)


@contextmanager
def _replaced(options: ScreenOptions) -> Iterator[Path]:
    """Give a folder to write into, whose files take the place of another screen's at the end.

    Raises:
        DataError: they would stand among the files of a run, or in the place of the candidates,
            or cannot be written.
    """
    out, names = options.out, (TABLE, TOP, PAGE, PROBLEMS, ABOUT)
    here, run = out.resolve(), options.run.resolve()
    inside = here.relative_to(run).parts if here.is_relative_to(run) else None
    if (out / MANIFEST).exists() or (inside is not None and inside[:1] != (SCREENS,)):
        raise DataError(f"{out}: holds files of a run; choose another folder with --out")
    for name in names:
        if (out / name).is_dir():
            raise in_the_way(out / name)
        if (here / name) == options.candidates.resolve():
            raise DataError(f"{out / name}: holds the candidates; choose another --out")
    new = out
    held: int | None = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob(f".screen.*{TEMPORARY}"):  # of a screen that was killed
            if (free := hold(old)) is not None:
                shutil.rmtree(old, ignore_errors=True)
                os.close(free)
        made = Path(tempfile.mkdtemp(dir=out, prefix=".new."))
        held = hold(made)  # before it has the name under which others look for what was left
        new = made.rename(out / f".screen.{made.name.removeprefix('.new.')}{TEMPORARY}")
        yield new
        (out / ABOUT).unlink(missing_ok=True)
        for name in names:  # the one that says what they are comes last
            (new / name).replace(out / name)
    except OSError as err:
        raise cannot_write(out, err) from err
    except DataError as err:
        raise DataError(str(err).replace(f"{new}{os.sep}", f"{out}{os.sep}")) from err
    finally:
        if new != out:
            shutil.rmtree(new, ignore_errors=True)
        if held is not None:
            os.close(held)
        with suppress(OSError):  # nothing is left of a screen that failed at once
            out.rmdir()


def _screened(
    screener: Screener, candidates: Candidates, options: ScreenOptions, goal: Goal, folder: Path
) -> Screened:
    """Screen into ``options.out``, whose files will lie in ``folder``."""
    opened = screener.opened
    parts = new_file(options.out, TABLE)
    try:
        tally = _first_pass(screener, candidates, options, parts)
        if not tally.prediction:
            first = tally.shown[0]
            raise DataError(
                f"{options.candidates}: none of {tally.unreadable} rows can be screened; the first"
                f" of them: {first.place}: {first.why}"
            )
        prediction = np.concatenate(tally.prediction)
        rows = np.concatenate(tally.rows)
        labels = None
        if tally.risk:
            labels = screener.label(
                Assessment(
                    np.concatenate(tally.risk),
                    np.concatenate(tally.expected),
                    novel=np.concatenate(tally.novel) if tally.novel else None,
                )
            )
        rank = ranks(prediction, goal, labels)
        best = _second_pass(parts, options.out / TABLE, rank, labels, top=options.top)
    finally:
        parts.unlink(missing_ok=True)
    _tell_of_top(screener, candidates, best, rows=rows, goal=goal)
    outside = np.concatenate(tally.outside) if tally.outside else None
    about = _about(opened, options, tally, goal, labels=labels, outside=outside, n=len(prediction))
    about["warnings"] = sorted(screener.said)
    about["remarks"] += candidates.notes
    about["told"] = len(best)
    about["extreme"], about["extreme_share"] = 0, EXTREME
    if opened.task == "regression":
        told = np.array([float(row["prediction"]) for row in best])
        about["extreme"] = extreme(told, opened.saved.reference.target, goal)
    _write_top(options.out / TOP, best, "not looked at" if about["charges"] else "pass")
    write_json(options.out / ABOUT, about)
    result = Screened(
        folder,
        about,
        best,
        prediction,
        labels,
        outside,
        tally.shown,
        opened.saved.reference.target,
    )
    from atlas_screening.page import write_page

    write_page(result, options.out / PAGE)
    return result


def extreme(predictions: F8, known: F8, goal: Goal) -> int:
    """Return how many of (n,) predictions are at the end of known values that is looked for.

    A prediction is, where no more than ``EXTREME`` of the known values are as good or better.
    """
    sign = 1.0 if goal == "minimise" else -1.0
    as_good = np.searchsorted(np.sort(sign * known), sign * predictions, side="right")
    return int((as_good <= EXTREME * len(known)).sum()) if len(known) else 0


def ranks(prediction: F8, goal: Goal, labels: Str | None) -> I8:
    """Return (n,) ranks from 1: deferred candidates come last, ties in the order of the list."""
    sign = 1.0 if goal == "minimise" else -1.0
    late = np.zeros(len(prediction), bool) if labels is None else labels == "defer"
    order = np.lexsort((np.arange(len(prediction)), sign * prediction, late))
    rank = np.empty(len(prediction), dtype=np.int64)
    rank[order] = np.arange(1, len(prediction) + 1)
    return rank


def _goal(opened: OpenArm) -> Goal:
    loop = opened.manifest.get("active_learning") or {}
    stated = loop.get("goal")
    goals: tuple[Goal, ...] = get_args(Goal)
    return stated if stated in goals else "minimise"


def _first_pass(
    screener: Screener, candidates: Candidates, options: ScreenOptions, parts: Path
) -> Tally:
    """Look at every candidate, and write what each says alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tally = Tally()
    reference = screener.opened.saved.reference
    elements = np.asarray(reference.materials.element_fractions().any(axis=0), dtype=np.bool_)
    true = _true_values(reference.materials, reference.target)
    writer: pq.ParquetWriter | None = None
    sink = parts.open("r+b")  # a stream: pyarrow takes no path that is not UTF-8
    problems = io.StringIO()
    said = csv.writer(problems, lineterminator="\n")
    said.writerow(["place", "id", "text", "why", "used"])
    done = 0
    try:
        for batch in candidates.batches(options.chunk):
            done += batch.count
            bad = list(batch.unreadable)
            columns = _columns(screener, batch, bad, elements=elements, true=true, tally=tally)
            tally.unreadable += len(bad)
            tally.shown += bad[: max(0, SHOWN - len(tally.shown))]
            said.writerows(unreadable_rows(bad, _flagged(batch)))
            if columns is not None:
                table = pa.table(columns)
                writer = writer or pq.ParquetWriter(sink, table.schema, compression="zstd")
                writer.write_table(table)
            options.tell(done, max(done, candidates.total))
        if writer is not None:
            writer.close()
        sink.close()
    except OSError as err:
        raise cannot_write(options.out / TABLE, err) from err
    finally:
        _abandon(writer)
        with suppress(OSError):
            sink.close()
    write_bytes(options.out / PROBLEMS, problems.getvalue().encode())
    return tally


def _abandon(writer: Any) -> None:
    """Close a writer of tables that may have failed: closing it writes, and may fail once more."""
    if writer is not None:
        with suppress(OSError):
            writer.close()
        writer.is_open = False  # else it tries again when it is deleted


def _flagged(batch: Batch) -> list[Flag]:
    """Return the crystals of a batch that are odd, and how."""
    odd = zip(batch.flags, batch.places, batch.ids, strict=True)
    return [Flag(kinds, place, own) for kinds, place, own in odd if kinds]


def _true_values(materials: Materials, target: F8) -> dict[str, tuple[float, int]]:
    """Return the training value of each formula and how many it has; of several, the lowest."""
    found: dict[str, tuple[float, int]] = {}
    for formula, value in zip(materials.formulas(), target.tolist(), strict=True):
        least, n = found.get(formula, (value, 0))
        found[formula] = (min(value, least), n + 1)
    return found


def featurized(
    screener: Screener, batch: Batch, bad: list[BadRow]
) -> list[tuple[I8, Features, list[str]]]:
    """Return features by rows of the batch; a material that a featurizer refuses becomes bad."""

    def some(rows: I8) -> list[tuple[I8, Features, list[str]]]:
        if not len(rows):
            return []
        try:
            features, notes = screener.features(batch.materials.take(rows))
        except AtlasError as err:
            if len(rows) == 1:
                row = int(rows[0])
                bad.append(
                    BadRow(
                        batch.places[row],
                        batch.ids[row],
                        batch.formulas[row],
                        " ".join(str(err).split()),
                    )
                )
                return []
            half = len(rows) // 2
            return [*some(rows[:half]), *some(rows[half:])]
        return [(rows, features, notes)]

    return some(np.arange(len(batch.materials), dtype=np.int64))


def _columns(
    screener: Screener,
    batch: Batch,
    bad: list[BadRow],
    *,
    elements: npt.NDArray[np.bool_],
    true: Mapping[str, tuple[float, int]],
    tally: Tally,
) -> dict[str, Any] | None:
    """Return the columns of a batch, or None where nothing of it can be screened."""
    blocks = []
    for rows, features, notes in featurized(screener, batch, bad):
        materials = batch.materials.take(rows)
        looked = screener.look(materials, features, notes)
        blocks.append(
            _block(
                screener,
                batch,
                rows,
                materials=materials,
                looked=looked,
                elements=elements,
                true=true,
            )
        )
    if not blocks:
        return None
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    tally.formulas.append(columns.pop("formula_hash"))
    tally.prediction.append(columns["prediction"])
    tally.rows.append(columns["row"])
    if "risk" in columns:
        tally.risk.append(columns["risk"])
        tally.expected.append(columns["expected_error"])
    if "novel" in columns:
        tally.novel.append(columns.pop("novel"))
    if "outside" in columns:
        tally.outside.append(columns["outside"])
    tally.known += int(np.isfinite(columns["training_value"]).sum())
    tally.impossible += int((columns["impossible"] != "").sum())
    tally.incomplete += int((columns["note"] != "").sum())
    return columns


def _block(
    screener: Screener,
    batch: Batch,
    rows: I8,
    *,
    materials: Materials,
    looked: Looked,
    elements: npt.NDArray[np.bool_],
    true: Mapping[str, tuple[float, int]],
) -> dict[str, npt.NDArray[Any]]:
    data = screener.opened.manifest["dataset"]
    limit = limit_of(str(data["target"]), str(data.get("unit") or ""), screener.opened.task)
    columns: dict[str, npt.NDArray[Any]] = {
        "row": batch.rows[rows],
        "id": np.array([batch.ids[i] for i in rows], dtype=object),
        "formula": np.array([batch.formulas[i] for i in rows], dtype=object),
        "prediction": looked.prediction.mean,
        "std": looked.std,
        "lower": looked.lower,
        "upper": looked.upper,
    }
    crystals = batch.materials.lattice is not None
    texts = [batch.flags[i] if crystals else odd_formula(batch.formulas[i]) for i in rows]
    reasons = [texts, unseen(materials, elements)]
    if looked.score is not None:
        columns["ood_score"], columns["outside"] = looked.score.score, looked.score.outside
        reasons.append(_texts(looked.score.reasons, len(rows)))
    if looked.assessment is not None:
        columns["risk"] = looked.assessment.risk
        columns["expected_error"] = looked.assessment.expected_error
        if looked.assessment.novel is not None:
            columns["novel"] = looked.assessment.novel
        reasons.append(_texts(looked.assessment.reasons, len(rows)))
    columns["reason"] = np.array([joined(parts) for parts in zip(*reasons, strict=True)], object)
    columns["impossible"] = impossible(looked.prediction.mean, limit).astype(object)
    formulas = materials.formulas()
    columns["training_value"] = np.array([true.get(f, (np.nan, 0))[0] for f in formulas])
    columns["training_rows"] = np.array([true.get(f, (np.nan, 0))[1] for f in formulas])
    columns["formula_hash"] = np.array([hash(f) for f in formulas], dtype=np.int64)
    columns["note"] = np.array(looked.notes, dtype=object)
    return columns


def _texts(reasons: Str | None, n: int) -> list[str]:
    return [""] * n if reasons is None else [str(text) for text in reasons]


def unseen(materials: Materials, elements: npt.NDArray[np.bool_]) -> list[str]:
    """Return n texts that name the elements that no training material has."""
    texts = [""] * len(materials)
    new = ~elements[materials.numbers.astype(np.int64) - 1]
    owner = materials.owner
    for row in np.unique(owner[new]).tolist():
        mine = materials.numbers[materials.offsets[row] : materials.offsets[row + 1]]
        names = [SYMBOLS[z] for z in sorted(set(mine.tolist())) if not elements[z - 1]]
        texts[row] = f"contains {' and '.join(names)}, never seen in training"
    return texts


def joined(parts: tuple[str, ...]) -> str:
    """Join reasons; what one says, another need not say again."""
    told: list[str] = []
    for text in parts:
        told += [one for one in text.split("; ") if one and one not in told]
    return "; ".join(told)


def _second_pass(
    parts: Path, path: Path, rank: I8, labels: Str | None, *, top: int
) -> list[dict[str, Any]]:
    """Write the table with ranks and labels; return its first ``top`` ranks, best first."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    best: list[dict[str, Any]] = []
    writer: pq.ParquetWriter | None = None
    start = 0
    # streams: pyarrow takes no path that is not UTF-8
    with written(path) as sink, parts.open("rb") as stream, pq.ParquetFile(stream) as source:
        try:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group, use_threads=False)  # see read_table
                here = slice(start, start + table.num_rows)
                start += table.num_rows
                table = table.add_column(0, "rank", pa.array(rank[here]))
                if labels is not None:
                    table = table.add_column(1, "label", pa.array(labels[here].tolist()))
                writer = writer or pq.ParquetWriter(
                    sink, table.schema, compression="zstd", write_page_checksum=True
                )
                writer.write_table(table)
                best += table.filter(pc.less_equal(table["rank"], top)).to_pylist()
            if writer is not None:
                writer.close()
        finally:
            _abandon(writer)
    return sorted(best, key=lambda row: int(row["rank"]))


def _tell_of_top(
    screener: Screener, candidates: Candidates, best: list[dict[str, Any]], *, rows: I8, goal: Goal
) -> None:
    """Add charges and the nearest training materials to the rows that are told in full."""
    reference = screener.opened.saved.reference
    ask = charge_test()
    wanted = {int(row["row"]): row for row in best}
    formulas = reference.shown_formulas()
    for batch in candidates.batches(1024, wanted):
        materials = batch.materials
        place = {int(row): i for i, row in enumerate(batch.rows)}
        here = np.array([i for row, i in place.items() if row in wanted], dtype=np.int64)
        some = materials.take(here)
        values: F8 | None = None
        if reference.space != "fractions":
            features, _ = screener.features(some)
            vectors = reference.space == "features"
            values = features.values if vectors else screener.embed(some, features)  # type: ignore[union-attr]
        near, apart = reference.nearest(reference.place(some, values), NEIGHBOURS)
        own = some.formulas()
        for i, row in enumerate(batch.rows[here].tolist()):
            told = wanted[row]
            told["charges"] = "" if ask is None else ask(own[i])
            told["nearest"] = [
                {
                    "id": str(reference.ids[j]),
                    "formula": formulas[j],
                    "value": float(reference.target[j]),
                    "distance": float(distance),
                }
                for j, distance in zip(near[i].tolist(), apart[i].tolist(), strict=True)
            ]


def _write_top(path: Path, best: list[dict[str, Any]], charges: str) -> None:
    """Write the best rows as CSV, one line each; ``charges`` where nothing is wrong with them."""
    plain = [name for name in best[0] if name != "nearest"]
    near = [
        f"nearest_{i + 1}_{part}"
        for i in range(NEIGHBOURS)
        for part in ("id", "formula", "value", "distance")
    ]

    def cell(name: str, value: Any) -> Any:
        if name == "charges":
            return value or charges
        return "" if isinstance(value, float) and np.isnan(value) else value

    rows = (
        [
            *(cell(name, row[name]) for name in plain),
            *(v for one in row["nearest"] for v in one.values()),
        ]
        for row in best
    )
    write_bytes(path, write_csv([*plain, *near], rows))


def _about(
    opened: OpenArm,
    options: ScreenOptions,
    tally: Tally,
    goal: Goal,
    *,
    labels: Str | None,
    outside: Bool | None,
    n: int,
) -> dict[str, Any]:
    data = opened.manifest["dataset"]
    counts = None if labels is None else {one: int((labels == one).sum()) for one in LABELS}
    return {
        "run": str(opened.manifest["run_id"]),
        "science_hash": str(opened.manifest["science_hash"]),
        "arm": opened.arm,
        "fold": opened.fold,
        "candidates": options.candidates.name,
        "target": str(data["target"]),
        "unit": str(data.get("unit") or ""),
        "task": str(opened.task),
        "goal": goal,
        "level": opened.level,
        "screened": n,
        "unreadable": tally.unreadable,
        "labels": counts,
        "outside": None if outside is None else int(outside.sum()),
        "in_training": tally.known,
        "impossible": tally.impossible,
        "incomplete_features": tally.incomplete,
        "promise": None if opened.saved.promise is None else list(opened.saved.promise),
        "components": {
            kind: [one.label for one in chosen.together]
            for kind, chosen in opened.components.items()
            if kind != "acquisition"
        },
        "trained_on": len(opened.saved.reference.target),
        "near_by": opened.saved.reference.space,
        "judged": _judged(opened),
        "record": opened.record,
        "held_out": _held_out(opened),
        "repeated": tally.repeated(),
        "remarks": list(opened.saved.remarks),
        "charges": "" if charge_test() is not None else ABSENT,
    }


def _held_out(opened: OpenArm) -> str:
    """Return the class that the fit never saw, in words; "" where there is none."""
    folds = {str(one["name"]): one for one in opened.manifest["split"]["folds"]}
    return str((folds.get(opened.fold) or {}).get("held_out") or "")


def _judged(opened: OpenArm) -> dict[str, float]:
    """Return the MAE of this fit by part, as the run found it."""
    parts = (opened.metrics.get("folds") or {}).get(opened.fold) or {}
    found = {part: (parts.get(part) or {}).get("mae") for part in ("test", "shifted")}
    return {part: float(mae) for part, mae in found.items() if mae is not None}


def default_out(
    run: Path, candidates: Path, *, arm: str | None = None, fold: str | None = None
) -> Path:
    """Return the folder of the results in the run folder, named by what was asked for."""
    listed = candidates.name.removesuffix(".gz").removesuffix(".csv")
    asked = [f"{what}={one}" for what, one in (("arm", arm), ("fold", fold)) if one]
    return run / SCREENS / slug("/".join([listed, *asked]))
