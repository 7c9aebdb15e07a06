"""Let the disk run full; one line says where and what to do, and the same command goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from faults.campaign import Campaign, Tally
from faults.ground import FOREST, answer, command, ground

LONGEST_FILE = 20_000
"""Bytes that a file may have where no small disk can be mounted; a report has more."""


def _mount(*words: str) -> bool:
    program = shutil.which("mount")
    if program is None:
        return False
    return subprocess.run([program, *words], check=False, capture_output=True).returncode == 0


@contextmanager
def _small_disk(place: Path, size: int) -> Iterator[bool]:
    """Mount a disk of ``size`` bytes; yield whether that was allowed."""
    place.mkdir(parents=True, exist_ok=True)
    allowed = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", str(place)], check=True, capture_output=True)


def _case(home: Path, what: str, share: float) -> str:
    """Return what went wrong when the results, or the cache, have too small a disk; or ""."""
    clean, disk, log = ground(FOREST), home / "disk", home / "log"
    held = {"runs": clean.run, "cache": clean.cache}[what]
    need = sum(path.stat().st_size for path in held.rglob("*") if path.is_file())
    shutil.rmtree(home / "other", ignore_errors=True)
    with _small_disk(disk, max(4096, int(share * need))) as mounted:
        places = {name: home / "other" / name for name in ("runs", "cache")}
        places[what] = disk / what
        words = ["run", clean.spec, "--out", places["runs"], "--cache-dir", places["cache"]]
        done = command(*words, log=log, longest=None if mounted else LONGEST_FILE)
        if done.code != 0:
            line = done.errors[0] if len(done.errors) == 1 else ""
            place = str(disk) if mounted else str(home)
            if done.code != 4 or place not in line or not ("free" in line and "--" in line):
                return f"exit {done.code}: {done.text[-400:]}"
            if mounted:
                _mount("-o", "remount,size=200m", str(disk))
            done = command(*words, log=log)
        if done.code != 0:
            return f"afterward exit {done.code}: {done.text[-400:]}"
        (folder,) = places["runs"].iterdir()
        return "" if answer(folder) == clean.answer() else "the run answered differently"


def _run(home: Path, count: int, rng: np.random.Generator) -> Tally:
    failures = []
    for number in range(count):
        what, share = ("runs", "cache")[number % 2], float(rng.uniform(0.02, 0.9))
        if wrong := _case(home, what, share):
            failures.append(f"{what} on a disk of {share:.2f} of what it needs: {wrong}")
    return Tally(count, count - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="full_disks",
        fault="a disk that runs full under the results or the cache",
        kind="disk",
        bar="exit 4, one line with the file and the remedy; with room, the same command ends alike",
        run=_run,
        full=20,
        quick=1,
    )
]
