"""Rank candidates by a fitted arm, with labels and reasons.

The options of the command, what it prints and what it answers.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atlas_core.api import CommandHost, Config
from atlas_core.printing import counted, on_one_line
from atlas_screening.reference_options import reference_options
from atlas_screening.result import ScreenGoal
from atlas_statistics import digits

if TYPE_CHECKING:
    from atlas_screening.held import Held
    from atlas_screening.result import Screened

PRINTED = 10
"""Unreadable rows that are printed; the file has all of them."""
FIRST = 5
"""Ranks that are printed."""
GOALS: dict[str, ScreenGoal] = {"min": "minimize", "max": "maximize", "stable": "stable"}


@click.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("candidates", type=click.Path(path_type=Path))
@click.option("--arm", help="The arm to use; required if the run kept several.")
@click.option(
    "--fold",
    help="The fold whose fit is used; required if the run kept several and no final one.",
)
@click.option(
    "--goal",
    type=click.Choice(["min", "max", "stable"]),
    help="What is ranked first: low values, high values, or what is most probably stable"
    " against a reference, then the expected margin. Default: stable with a reference, else"
    " min.",
)
@reference_options
@click.option(
    "--cost",
    metavar="COLUMN",
    default="",
    help="With a reference: rank by P(stable) per cost, which stands in this column of the"
    " candidates.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Number of candidates described in full: reasons, charges, nearest training materials.",
)
@click.option(
    "--chunk",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Number of candidates per batch; smaller batches need less memory.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results. Default: RUN/screens/<name of the candidates, and --arm and"
    " --fold>.",
)
@click.option(
    "--trust-fit",
    is_flag=True,
    help="Open a fit that was not made by you on this machine. Its numbers are checked and it"
    " runs no code, but its predictions are whatever its author chose.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def screen(
    host: CommandHost,
    *,
    run_path: Path,
    candidates: Path,
    arm: str | None,
    fold: str | None,
    goal: str | None,
    reference: str | None,
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    cost: str,
    top: int,
    chunk: int,
    out: Path | None,
    trust_fit: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Predict CANDIDATES with a fitted arm of RUN: rank, trust labels and reasons.

    CANDIDATES are formulas (.csv with a column `formula`, .txt, .xlsx, .parquet) or crystals (a
    folder of CIF files, .json of pymatgen dicts, .parquet in ATLAS's bulk format).
    """
    from atlas_screening.folder import PAGE, default_out
    from atlas_screening.named_reference import Wanted
    from atlas_screening.screen import ScreenOptions
    from atlas_screening.screen import screen as screened

    folder = host.run_folder(run_path)
    with (
        redirect_stdout(sys.stderr),  # what a component prints is not part of the answer
        host.progress(quiet=quiet) as notify,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        options = ScreenOptions(
            run=folder,
            candidates=candidates,
            out=out or default_out(folder, candidates, arm=arm, fold=fold),
            arm=arm,
            fold=fold,
            top=top,
            goal=GOALS.get(goal or ""),
            wanted=Wanted(reference, data_dir, cache_dir, offline),
            cost=cost,
            chunk=chunk,
            trust_fit=trust_fit,
            key_file=host.key_file,
            notify=notify,
        )
        result = screened(options, host.resolver)
    for text in dict.fromkeys(" ".join(str(one.message).split()) for one in caught):
        host.note(f"warning: {text}")
    for line in _left_out(result):
        host.note(line)
    about = asdict(result.facts) | {"folder": str(result.folder), "page": str(result.folder / PAGE)}
    host.answer(about, summary(result), as_json=as_json)


def _left_out(result: Screened) -> Iterator[str]:
    """Yield a line for each of the first rows that were left out, and one with their number."""
    count = result.facts.unreadable
    for row in result.shown[:PRINTED]:
        yield f"left out: {row.place}: {row.why}"
    if count:
        more = f" ({count - PRINTED} not printed)" if count > PRINTED else ""
        yield f"left out: {counted(count, 'row')} in all{more}, see unreadable.csv"


def summary(result: Screened) -> str:
    """Return the counts, the first ranks and the files, a line each."""
    from atlas_screening.folder import PAGE, TABLE, TOP

    facts = result.facts
    lines = [
        f"{counted(facts.screened, 'candidate')} by arm {facts.arm} ({facts.fold}),"
        f" {_first(result)} first"
    ]
    if facts.labels is not None:
        of = "" if result.held is None else "labels of the value: "
        lines.append(of + ", ".join(f"{label} {n}" for label, n in facts.labels.items()))
    if result.held is not None:
        lines += _decisions(result.held)
    if facts.outside is not None:
        lines.append(f"flagged as unlike the training data: {facts.outside}")
    if facts.unseen_elements:
        lines.append(f"with an element never seen in training: {facts.unseen_elements}")
    some = result.top[:FIRST]
    if facts.screened > len(some):
        lines.append(f"the first {len(some)} of {facts.screened}; the files have all:")
    lines += [_line(row, result, _places(some)) for row in some]
    lines += [str(result.folder / name) for name in (TABLE, TOP, PAGE)]
    return "\n".join(map(on_one_line, lines))


def _first(result: Screened) -> str:
    """Return in words what is ranked first."""
    facts = result.facts
    if facts.goal == "stable" and result.held is not None:
        from atlas_screening.decision_words import names_of

        return f"highest {names_of(result.held.against).probability}" + (
            f" per {facts.decisions['cost']}" if facts.decisions and facts.decisions["cost"] else ""
        )
    return f"{'lowest' if facts.goal == 'minimize' else 'highest'} {facts.words}"


def _decisions(held: Held) -> list[str]:
    """Return how many candidates got which label of the decision, and what it rests on."""
    from atlas_screening.decision_words import basis, like_these, names_of

    facts, names = held.facts(), names_of(held.against)
    counts = ", ".join(f"{label} {n}" for label, n in facts["labels"].items())
    none = f", no decision {facts['undecided']}" if facts["undecided"] else ""
    return [
        f"{names.yes}: {facts['calls']} by the call; labels of the call: {counts}{none}",
        basis(held.against),
        like_these(names),
    ]


def _places(rows: list[dict[str, Any]]) -> int:
    """Return the decimals of all predictions that are printed: three digits of the largest."""
    sizes = [abs(float(row["prediction"])) for row in rows]
    return digits.decimals(max([size for size in sizes if math.isfinite(size)], default=0.0))


def _plain(value: float, places: int) -> str:
    """Return a number with the minus sign of a keyboard, as elsewhere on the terminal."""
    return digits.fixed(value, places).replace(digits.MINUS, "-")


def _interval(row: dict[str, Any], result: Screened, places: int) -> str:
    """Return a candidate's interval in words, "" without one."""
    low, high = float(row["lower"]), float(row["upper"])
    if math.isnan(low) or math.isnan(high):
        return ""
    level = f"{100 * result.facts.level:g} %"
    if result.facts.task == "binary":
        named = "either class" if low != high else result.facts.meaning.class_name(int(low))
        return f" ({level} label set: {named})"
    ends = (_plain(end, places) for end in (low, high))
    return f" ({level} interval {' to '.join(ends)})"


def _line(row: dict[str, Any], result: Screened, places: int) -> str:
    """Return a candidate of the first ranks as one line."""
    facts = result.facts
    unit = f" {facts.unit}" if facts.unit else ""
    label = f"  {row['label']}" if "label" in row else ""
    flag = f"  ({row['reason']})" if row["reason"] else ""
    value = f"{_plain(float(row['prediction']), places)}{unit}"
    if facts.task == "binary":
        value = f"P({facts.meaning.class_name(1)}) {digits.probability(float(row['prediction']))}"
    decision = ""
    if result.held is not None:
        from atlas_screening.decision_words import decision_in_words, names_of

        decision = f"  {decision_in_words(row, names_of(result.held.against), facts.unit)}"
    value += _interval(row, result, places)
    return f"{row['rank']:>3}  {_named(row)}  {value}{label}{decision}{flag}"


def _named(row: dict[str, Any]) -> str:
    """Return a candidate's formula, and its own id (of a CIF file the name) where it has one."""
    formula, own = str(row["formula"]), str(row["id"])
    return formula if own == formula else f"{formula} ({own})"


def command(config: Config) -> click.Command:
    """Return the command ``screen``; it has no options of a component."""
    del config
    return screen
