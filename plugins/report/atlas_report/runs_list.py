"""List any number of finished runs: question, data, verdict of each arm, errors, time. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from atlas_core.api import FinishedRun
from atlas_core.data.meaning import meaning_of
from atlas_core.printing import counted, on_one_line
from atlas_pages.formatting import number
from atlas_report.cards import GRADES, NO_VERDICT, TONES
from atlas_report.source import HELD_OUT, IN_DOMAIN, WORTH

Entry = Mapping[str, float]


@dataclass(frozen=True)
class ListedArm:
    """One arm of a listed run.

    Attributes:
        arm: its name.
        grade: of its verdict, in words.
        code: of that grade.
        tone: of that grade.
        inside: MAE (classes: balanced accuracy) in-domain with its interval; None where unknown.
        outside: the same on held-out materials.
    """

    arm: str
    grade: str
    code: str
    tone: str
    inside: Entry | None
    outside: Entry | None


@dataclass(frozen=True)
class ListedRun:
    """One run of a list.

    Attributes:
        run: its id.
        folder: where it stands.
        question: of its spec, "" without one.
        data: name of its data.
        target: what is predicted, in words.
        unit: of the target, "" without one.
        task: ``regression`` or ``binary``.
        seconds: what it took; None where the manifest does not say.
        arms: in the order of the spec.
        asks: what two runs must have alike to be compared.
    """

    run: str
    folder: str
    question: str
    data: str
    target: str
    unit: str
    task: str
    seconds: float | None
    arms: tuple[ListedArm, ...]
    asks: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {name: value for name, value in asdict(self).items() if name != "asks"}


def listed_run(run: FinishedRun) -> ListedRun:
    """Return what a list says of a run."""
    manifest, about = run.manifest, run.manifest["dataset"]
    task = str(about["task"])
    seconds = manifest.get("seconds")
    return ListedRun(
        run=run.run_id,
        folder=str(run.folder),
        question=" ".join(str(manifest.get("question") or "").split()),
        data=str(about.get("name") or about.get("component") or ""),
        target=meaning_of(about).words(str(about["target"])),
        unit=str(about.get("unit") or ""),
        task=task,
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        arms=tuple(_arm(run, arm, WORTH[task]) for arm in run.arms),
        asks=tuple(str(about.get(key)) for key in ("task", "target", "unit", "sha256")),
    )


def _arm(run: FinishedRun, arm: str, name: str) -> ListedArm:
    said = run.verdict.get(arm) or NO_VERDICT
    parts = run.metrics["arms"][arm]["parts"]
    found = [
        (parts.get(part) or {"metrics": {}})["metrics"].get(name) for part in (IN_DOMAIN, HELD_OUT)
    ]
    grade = str(said["grade"])
    return ListedArm(arm, GRADES.get(grade, grade), grade, TONES.get(grade, "ref"), *found)


def format_runs(runs: Sequence[ListedRun]) -> str:
    """Return runs as plain text: what each asked, then a line per arm."""
    lines = [f"{counted(len(runs), 'run')}; give two of them to compare them row by row"]
    for one in runs:
        unit = f" in {one.unit}" if one.unit else ""
        lines += [
            "",
            f"{one.run}: {one.question or 'no question stated'}",
            f"  {one.data}, {one.target}{unit}, {time(one.seconds)}",
        ]
        error = "balanced accuracy" if one.task == "binary" else "MAE"
        room = max((len(arm.grade) for arm in one.arms), default=0)
        for opening, arm in zip(_openings(one), one.arms, strict=True):
            errors = f"{error} {_value(arm.inside)} in-domain, {_value(arm.outside)} held out"
            lines.append(f"{opening}{' ' * (room - len(arm.grade))}  {errors}")
    return "\n".join(map(on_one_line, lines))


def grades_of(runs: Sequence[ListedRun]) -> dict[str, str]:
    """Return {what the line of an arm begins with: the grade of its verdict}."""
    return {
        on_one_line(opening): arm.code
        for one in runs
        for opening, arm in zip(_openings(one), one.arms, strict=True)
    }


def _openings(run: ListedRun) -> list[str]:
    """Return the name and grade of each arm of a run, one grade below the other."""
    width = max((len(arm.arm) for arm in run.arms), default=0)
    return [f"  {arm.arm:<{width}}  {arm.grade}" for arm in run.arms]


def _value(entry: Entry | None) -> str:
    return number(None if entry is None else float(entry["value"]))


def time(seconds: float | None) -> str:
    """Return a duration as a reader wants it: in s below two minutes, else in min or h."""
    if seconds is None:
        return "–"
    for size, unit in ((7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{number(seconds / (3600 if unit == 'h' else 60), digits=2)} {unit}"
    return f"{number(seconds, digits=2)} s"
