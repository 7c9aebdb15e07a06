"""106,113 crystals: reading, graphs and training in little memory, against a list of ``Data``.

The whole epoch takes about ten minutes and is measured by ``benchmarks/mp_gap_epoch.py``; its
committed result is the bar, and a run with a few batches beside it says whether it still holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from measure import RESULTS, ROOT, Bar, shared

STEPS = 20
SAMPLE = 3000
ROWS = 106_113
NAMES = (
    f"reading {ROWS:,} crystals (3.2 million sites) of columnar Parquet",
    f"peak memory: {ROWS:,} crystals read, graphs built, one CGCNN epoch",
    f"memory of {ROWS:,} crystal graphs, of which ours are mapped from a file",
)
LIST = "a Python list of torch-geometric Data"


def _child(*args: str) -> dict[str, Any]:
    """Run the script in a process of its own, on one thread."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/mp_gap_epoch.py"), *args],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    if done.returncode:
        raise RuntimeError(f"mp_gap_epoch.py {' '.join(args)}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def bars() -> list[Bar]:
    """Measure reading and memory."""
    if shared("mp_gap", "structures.parquet") is None:
        why = "the data file is not on this machine"
        return [
            Bar(NAMES[0], "the clock", None, 5, unit="s", more_is_better=False, note=why),
            Bar(NAMES[1], "the system's count", None, 6, "GB", more_is_better=False, note=why),
            Bar(NAMES[2], LIST, None, 1, note=why),
        ]
    short = _child("--steps", str(STEPS))
    if short["rows"] != ROWS:
        raise ValueError(f"{short['rows']} rows, expected {ROWS}")
    return [
        Bar(
            NAMES[0],
            "the clock",
            short["read"]["seconds"],
            5,
            unit="s",
            more_is_better=False,
            note=f"{short['read']['processor_seconds']:.2f} s of processor time, fresh process",
        ),
        _epoch(short),
        _lists(short["graphs"]["bytes_per_crystal"]),
    ]


def _epoch(short: dict[str, Any]) -> Bar:
    """Return the bar of the whole epoch, with the short run of now beside it."""
    path = RESULTS / "mp_gap_epoch.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    now = short["peak_gib"] * 1.073741824
    rate = short["graphs"]
    said = (
        f"graphs built at {rate['crystals_per_second']:,.0f} crystals"
        f" and {rate['edges_per_second']:,.0f} edges a processor second,"
        f" {rate['bytes'] / 1e9:.2f} GB in the store"
    )
    if stored is None:
        measured, note = None, f"run python benchmarks/mp_gap_epoch.py for the whole epoch; {said}"
    else:
        measured = max(stored["peak_gib"] * 1.073741824, now)
        note = f"whole epoch from mp_gap_epoch.json, {STEPS} steps of now: {now:.1f} GB; {said}"
    return Bar(
        NAMES[1],
        "the system's count",
        measured,
        6,
        unit="GB",
        more_is_better=False,
        note=note,
        detail={"short": short, "whole": stored},
    )


def _lists(ours: float) -> Bar:
    """Return the bar that compares bytes per crystal, the list's from a sample."""
    try:
        found = _child("--lists", str(SAMPLE))
    except RuntimeError as err:
        if "torch_geometric" not in str(err):
            raise
        return Bar(NAMES[2], LIST, None, 1, note="torch-geometric is not installed")
    # a crystal of the sample is not the mean crystal: scaled by what the graphs of both hold
    theirs = found["list_bytes"] / found["graphs_bytes"] * ours
    return Bar(
        NAMES[2],
        LIST,
        theirs / ours,
        1,
        note=f"a list of {SAMPLE} seeded crystals, extrapolated: {theirs / 1e3:.1f} kB a crystal,"
        f" {theirs * ROWS / 1e9:.2f} GB in all; ours {ours / 1e3:.1f} kB, {ours * ROWS / 1e9:.2f}"
        " GB; both hold numbers, edges, distances and images, no expansion of distances",
        detail=found,
    )
