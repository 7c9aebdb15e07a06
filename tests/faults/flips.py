"""Damage the files of a cache and of run folders: nothing damaged is used, nothing is stuck."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from atlas_core.engine.folder import RunFolder
from atlas_core.errors import AtlasError
from atlas_core.seal import MANIFEST, look, read_manifest
from faults.campaign import Campaign, Tally
from faults.ground import FOREST, NETWORK, Ground, answer, compute, copied, ground

Rng = np.random.Generator
Damage = Callable[[Path, Rng], None]
Outcome = tuple[str, str]
"""The file that was damaged, and what went wrong with it: "" where nothing did."""


def flip(path: Path, rng: Rng) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def cut(path: Path, rng: Rng) -> None:
    """Cut the end off."""
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(len(content)))])


def _units(folder: Path, rng: Rng) -> list[Path]:
    """Return files of a cache of which each is read on its own: one of each entry of features."""
    entries: dict[Path, list[Path]] = {}
    for path in sorted(folder.glob("features/*/*/*")):
        if path.stat().st_size:
            entries.setdefault(path.parent, []).append(path)
    some = [paths[int(rng.integers(len(paths)))] for paths in entries.values()]
    return some + sorted(folder.glob("fits/*/*/*.npz"))


def _same(found: Path, clean: Ground) -> str:
    return "" if answer(found) == clean.answer() else "the run answered differently"


def _try(work: Callable[[], str]) -> str:
    """Return what went wrong; an error of any kind is a run that is stuck."""
    try:
        return work()
    except Exception as err:
        return f"{type(err).__name__}: {err}"


def _cache(home: Path, clean: Ground, damage: Damage, rng: Rng) -> Iterator[Outcome]:
    """A new run meets a cache in which every file is damaged."""
    cache, out = copied(clean.cache, home / "cache"), home / "runs"
    shutil.rmtree(out, ignore_errors=True)
    hurt = {path: path.read_bytes() for path in _units(cache, rng)}
    for path in hurt:
        damage(path, rng)
    hurt_to = {path: path.read_bytes() for path in hurt}

    said = []

    def work() -> str:
        found, _ = compute(clean.spec, out, cache)
        said.append((found / "records.json").read_text())
        for path in clean.run.glob("fitted/*/*/predictor.npz"):
            name = path.relative_to(clean.run)
            if (found / name).read_bytes() != path.read_bytes():
                return f"{name} is another"
        return _same(found, clean)

    wrong = _try(work)
    for path, before in hurt.items():
        left = path.exists() and path.read_bytes() == hurt_to[path] != before
        unseen = "left as it was" if left else "" if str(path) in "".join(said) else "not told"
        yield str(path.relative_to(cache)), wrong or unseen


def _unfinished(home: Path, clean: Ground, damage: Damage, rng: Rng) -> Iterator[Outcome]:
    """A run that was killed goes on, with damaged cells, fits and a damaged checkpoint."""
    out = home / "runs"
    folder = copied(clean.run, out / clean.run.name)
    cache = copied(clean.cache, home / "cache")
    for name in (MANIFEST, "predictions.parquet", "metrics.json", "report.html"):
        (folder / name).unlink()
    forest = [*folder.glob("checkpoints/forest/**/*.npz"), *folder.glob("fitted/forest/*/*.npz")]
    (checkpoint,) = folder.glob("checkpoints/network/**/checkpoint.npz")
    (folder.glob("checkpoints/network/*/result.npz").__next__()).unlink()
    shutil.rmtree(cache / "fits")  # the checkpoint is all that is known of the network
    hurt = [forest[int(rng.integers(len(forest)))], checkpoint]
    for path in hurt:
        damage(path, rng)
    wrong = _try(lambda: _same(compute(clean.spec, out, cache)[0], clean))
    said = (folder / "records.json").read_text() if not wrong else ""
    for path in hurt:
        unseen = "" if str(path) in said else "not told"
        yield str(path.relative_to(folder)), wrong or unseen


def _finished(
    home: Path, clean: Ground, damage: Damage, rng: Rng, *, manifest: bool
) -> Iterator[Outcome]:
    """The files of a finished run are damaged: it is reported, and the same command mends it."""
    out = home / "runs"
    folder = copied(clean.run, out / clean.run.name)
    cache = copied(clean.cache, home / "cache")
    names = [MANIFEST] if manifest else sorted(read_manifest(folder)["files"])
    for name in names:
        damage(folder / name, rng)
    reported = "\n".join(RunFolder(folder).damage())

    def work() -> str:
        found, _ = compute(clean.spec, out, cache)
        if not look(found, read_manifest(found)).intact:
            return "not intact after the same command"
        return _same(found, clean)

    wrong = _try(work)
    for name in names:
        unseen = "" if str(folder / name) in reported else "not told"
        yield name, wrong or unseen


def _campaign(damage: Damage, home: Path, count: int, rng: Rng) -> Tally:
    clean = ground(FOREST + NETWORK)
    scenes = (
        _cache,
        partial(_finished, manifest=False),
        _unfinished,
        partial(_finished, manifest=True),
        _unfinished,
    )
    tried, failures, turn = 0, [], 0
    while tried < count:
        for name, wrong in scenes[turn % len(scenes)](home, clean, damage, rng):
            tried += 1
            if wrong:
                failures.append(f"{name}: {wrong}")
        turn += 1
    return Tally(tried, tried - len(failures), tuple(failures))


def _refused(home: Path, count: int, rng: Rng) -> Tally:
    """Every reader of a finished run refuses it, whichever of its files was hit."""
    from atlas_core.finished import read_run
    from atlas_registry.loading import Registry
    from atlas_screening.open_arm import open_arm

    def opened(folder: Path, arm: str) -> object:
        return open_arm(read_run(folder), Registry(), arm=arm)

    clean, failures = ground(FOREST + NETWORK), []
    names = [
        name
        for name in sorted(read_manifest(clean.run)["files"])
        if name.split("/")[0] not in {"report.html", "figures", "checkpoints", "events.jsonl"}
    ]
    for number in range(count):
        folder = copied(clean.run, home / "run")
        name = [MANIFEST, *names][number % (len(names) + 1)]
        flip(folder / name, rng)
        arm = "network" if "/network/" in name else "forest"
        readers: list[Callable[[], object]] = [partial(opened, folder, arm)]
        if not name.startswith("fitted/"):
            readers.append(partial(read_run, folder))
        for reader in readers:
            try:
                reader()
                failures.append(f"{name}: read")
                break
            except AtlasError:
                continue
            except Exception as err:
                failures.append(f"{name}: {type(err).__name__}: {err}")
                break
    return Tally(count, count - len(failures), tuple(failures))


CAMPAIGNS = [
    Campaign(
        name="flipped_bits",
        fault="one flipped bit in a file of the cache or of a run folder",
        kind="flip",
        bar="reported, never used, and the same command gives the result of the clean run, byte for"
        " byte",
        run=partial(_campaign, flip),
        full=300,
        quick=35,
    ),
    Campaign(
        name="truncated_files",
        fault="a file of the cache or of a run folder truncated",
        kind="truncation",
        bar="reported, never used, and the same command gives the result of the clean run, byte for"
        " byte",
        run=partial(_campaign, cut),
        full=50,
        quick=12,
    ),
    Campaign(
        name="flipped_bits_of_a_finished_run_are_refused",
        fault="one flipped bit in a file that compare, report or screen reads",
        kind="flip",
        bar="refused with one line",
        run=_refused,
        full=100,
        quick=12,
    ),
]
