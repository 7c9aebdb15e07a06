"""Put links into run folders and caches; nothing outside is written, or read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faults.campaign import Campaign, Tally
from faults.ground import FOREST, Ground, command, copied, ground

PRECIOUS = b"precious\n"


@dataclass(frozen=True)
class Trap:
    """One link and the command that meets it.

    Attributes:
        place: of the link, in the run folder or, for a cache, in that.
        to: ``file`` or ``folder`` outside.
        command: the words of it.
        hard: whether it is a second name of the file instead.
        cache: whether it lies in the cache.
        harmless: whether the command may go on: it writes nothing through the link.
    """

    place: str
    to: str
    command: str
    hard: bool = False
    cache: bool = False
    harmless: bool = False


def _traps(run: Path) -> Iterator[Trap]:
    fitted = next(path for path in run.glob("fitted/*/*/predictor.npz"))
    result = next(path for path in run.glob("checkpoints/*/*/result.npz"))
    for name in (".lock", "events.jsonl", "manifest.json", "spec.yaml", "spec.lock.yaml"):
        yield Trap(name, "file", "run")
    for name in ("predictions.parquet", "metrics.json", "records.json", "report.html"):
        for words in ("run", "report", "compare", "verify", "export", "screen"):
            yield Trap(name, "file", words)
    for name in ("figures", "checkpoints", "exports", "fitted", ".previous", "screens"):
        for words in ("run", "force", "report", "screen", "verify", "export"):
            yield Trap(name, "folder", words)
    for words in ("screen", "report", "run"):
        yield Trap("screens/candidates", "folder", words)
        yield Trap("screens/candidates/screened.parquet", "file", words)
        yield Trap("screens/candidates/.screened.parquet.parts", "file", words)
    for path in (fitted, result, fitted.parent, result.parent):
        to = "folder" if path.is_dir() else "file"
        for words in ("run", "screen", "force"):
            yield Trap(str(path.relative_to(run)), to, words)
    for name in (".lock", "events.jsonl", "metrics.json", "report.html"):
        for words in ("run", "force", "report"):
            yield Trap(name, "file", words, hard=True, harmless=True)
    yield from (Trap("", "folder", words) for words in ("run", "force"))  # the run folder itself
    for name in ("fits", "features", "fits/{fit}", "features/{feature}"):
        for words in ("run", "cache"):
            yield Trap(name, "folder", words, cache=True)


def _words(trap: Trap, home: Path, spec: Path, run: Path) -> list[str | Path]:
    where = ["--cache-dir", home / "cache"]
    compute = ["run", spec, "--out", run.parent, *where]
    return {
        "run": compute,
        "force": [*compute, "--force"],
        "report": ["report", run],
        "compare": ["compare", run, run],
        "verify": ["verify", run],
        "export": ["export", run, "--out", home / "run.zip", "--force"],
        "screen": ["screen", run, home / "candidates.csv"],
        "cache": ["cache", "clear", "-y", *where],
    }[trap.command]


def _case(trap: Trap, home: Path, clean: Ground) -> str:
    """Return what went wrong, or ""."""
    run = copied(clean.run, home / "runs" / clean.run.name)
    cache = copied(clean.cache, home / "cache")
    outside = home / "outside"
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    (outside / "file").write_bytes(PRECIOUS)
    (outside / "folder").mkdir()
    (outside / "folder" / "inside").write_bytes(PRECIOUS)
    (home / "candidates.csv").write_text("formula\nNaCl\nFe2O3\n")
    names = {
        "fit": sorted(p.name for p in cache.glob("fits/*"))[0],
        "feature": sorted(p.name for p in cache.glob("features/*"))[0],
    }
    place = (cache if trap.cache else run) / trap.place.format(**names)
    if trap.command == "run" and not trap.cache:  # an unfinished run, which is gone on with
        (run / "manifest.json").unlink()
    elif trap.command == "run":  # a new one, which looks into the cache
        shutil.rmtree(run)
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if trap.hard:
        os.link(outside / trap.to, place)
    else:
        place.symlink_to(outside / trap.to)
    done = command(*_words(trap, home, clean.spec, run), log=home / "log")
    there = {p.relative_to(outside).as_posix() for p in outside.rglob("*") if p.is_file()}
    if there != {"file", "folder/inside"}:
        return f"outside there is {', '.join(sorted(there))}"
    if any((outside / name).read_bytes() != PRECIOUS for name in there):
        return "a file outside was changed"
    refused = done.code == 4 and len(done.errors) == 1 and str(place) in done.errors[0]
    if not refused and not (trap.harmless and done.code in {0, 4}):
        return f"exit {done.code}: {done.text[-300:]}"
    return ""


def _run(home: Path, count: int, rng: np.random.Generator) -> Tally:
    clean = ground(FOREST)
    traps = list(_traps(clean.run))
    order = rng.permutation(len(traps))[:count]
    reported = [(traps[i], _case(traps[i], home, clean)) for i in order]
    failures = [f"{trap}: {wrong}" for trap, wrong in reported if wrong]
    return Tally(len(reported), len(reported) - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="links_out_of_folders",
        fault="a link out of a run folder or a cache, at a place that is read or written",
        kind="link",
        bar="nothing outside is written or read; refused with one line that names the link",
        run=_run,
        full=108,  # every place of a small run
        quick=4,
    )
]
