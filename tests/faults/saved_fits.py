"""Change saved fits as a stranger would, read them and ask them: nothing but one line may come.

Estimators, every component that can be saved and both files of a fitted arm are
changed (``saved_changes``), read and asked (``saved_corpus``). It happens in a child process, so
that a signal is counted and not suffered: the child writes the number of the change before it
tries it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faults.campaign import Campaign, Tally

if TYPE_CHECKING:
    from saved_changes import Hurt
    from saved_corpus import Saved

SECONDS, BYTES = 20, 2 * 2**30
"""Processor time and memory that reading and asking one fit may take: many times what is usual."""
SHARES = {
    "estimator": 0.72,
    "model": 0.08,
    "uq": 0.05,
    "calibrator": 0.01,
    "ood": 0.08,
    "trust": 0.03,
    "arm": 0.03,
}
"""Shares of the changes by what is changed: all compiled parts are in the first."""
QUICK = {"estimator": 0.8, "model": 0.2}
"""Few changes do not pay for fitting everything."""
MANY = 1000


def corpus_of(kind: str, *, slow: bool) -> list[Saved]:
    """Return what is changed; without ``slow`` nothing that imports torch."""
    from saved_corpus import of_arms, of_components, of_estimators

    if kind == "estimator":
        return list(of_estimators())
    return list(of_arms() if kind == "arm" else of_components(kind, slow=slow))


def try_one(saved: Saved, hurt: Hurt, file: Path | None) -> str:
    """Read and ask a changed fit; return "" or what came that is no line for the user."""
    from atlas_core import saving
    from atlas_core.errors import AtlasError
    from atlas_core.store import write_arrays

    try:
        with saving.readable("a fit"):
            text = json.dumps(hurt.structure)
            if saved.read is not None:
                made = saved.read(json.loads(text), hurt.arrays)
            elif file is None:
                made = saving.unpack(json.loads(text), hurt.arrays, saved.allowed)
            else:
                body = np.frombuffer(text.encode(), np.uint8)
                write_arrays(file, {**hurt.arrays, "structure": body}, {"format": saving.FORMAT})
                made, _ = saving.load(file, saved.allowed)
            saved.ask(made)
    except AtlasError as err:
        return "" if "\n" not in str(err) else f"several lines: {err!r}"
    except BaseException as err:  # what comes here is a failure, whatever it is
        return f"{type(err).__name__}: {err}"
    return ""


def child(kind: str, seed: int, start: int, stop: int, progress: Path, *, slow: bool) -> None:
    """Try the changes from ``start`` to ``stop``; tell before and after each."""
    from saved_changes import Hurt

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    corpus = corpus_of(kind, slow=slow)
    names = sorted(
        {
            str(part[key])
            for saved in corpus
            for part in saved.structure["parts"]
            for key in ("object", "made", "config", "library")
            if key in part
        }
    )
    with progress.open("a", encoding="utf-8") as reported:
        for i in range(start, stop):
            saved = corpus[i % len(corpus)]
            rng = np.random.default_rng([seed, list(SHARES).index(kind), i])
            hurt = Hurt(saved.structure, saved.arrays, names, rng)
            how = f"{saved.name}: {'; '.join(hurt.said)}"
            reported.write(json.dumps({"i": i, "how": how}) + "\n")
            reported.flush()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(10 * SECONDS)  # for what waits without computing, on a busy machine
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            why = try_one(saved, hurt, progress.with_suffix(".npz") if i % 20 == 0 else None)
            grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            if not why and grown > BYTES:
                why = f"took {grown / 2**30:.1f} GiB"
            reported.write(json.dumps({"i": i, "why": why}) + "\n")
            reported.flush()


def run(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    """Try so many changes in child processes; a signal costs its own change alone."""
    seed = int(rng.integers(2**31))
    slow = count >= MANY
    failures: list[str] = []
    tried = 0
    for kind, share in (SHARES if slow else QUICK).items():
        rows = _all_of(kind, seed, round(share * count), folder / f"{kind}.jsonl", slow=slow)
        how = {row["i"]: row["how"] for row in rows if "how" in row}
        done = [row for row in rows if "why" in row]
        tried += len(done)
        failures += [f"{how.get(row['i'], kind)}: {row['why']}" for row in done if row["why"]]
    return Tally(tried, tried - len(failures), tuple(failures))


def _all_of(kind: str, seed: int, stop: int, progress: Path, *, slow: bool) -> list[dict[str, Any]]:
    """Return what children told of all changes of a kind; one that dies is followed by another."""
    progress.touch()
    start = 0
    while start < stop:
        code = _run_child(kind, seed, start, stop, progress, slow=slow)
        rows = [json.loads(line) for line in progress.read_text(encoding="utf-8").splitlines()]
        if code == 0:
            return rows
        died = signal.Signals(-code).name if code < 0 else f"exit {code}"
        if not rows or "why" in rows[-1]:  # between two changes: the next child would die there too
            last = {"i": start, "why": f"{died} while it made itself ready"}
        else:
            last = {"i": rows[-1]["i"], "why": died}
        rows.append(last)
        if "ready" in last["why"]:
            return rows
        with progress.open("a", encoding="utf-8") as reported:
            reported.write(json.dumps(last) + "\n")
        start = last["i"] + 1
    return rows if stop else []


def _run_child(kind: str, seed: int, start: int, stop: int, progress: Path, *, slow: bool) -> int:
    tests = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    asked = [kind, str(seed), str(start), str(stop), str(progress), "slow" if slow else "quick"]
    done = subprocess.run(
        [sys.executable, "-m", "faults.saved_fits", *asked],
        env={
            **os.environ,
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


CAMPAIGNS = [
    Campaign(
        name="saved_fits",
        fault="arrays, numbers, names and structure of a saved fit are changed, and it is asked",
        kind="saved fit",
        bar="no signal, no error but one line, less than 20 s of processor time and 2 GiB",
        run=run,
        full=20_000,
        quick=300,
    )
]


if __name__ == "__main__":
    given = sys.argv[1:]
    child(
        given[0],
        int(given[1]),
        int(given[2]),
        int(given[3]),
        Path(given[4]),
        slow=given[5] == "slow",
    )
