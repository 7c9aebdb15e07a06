"""Run campaigns at full size: ``PYTHONPATH=tests python -m faults [KIND or NAME or -KIND ...]``.

Without a word all are run; ``-input`` leaves that kind out; another word lists the kinds and names.

Writes ``benchmarks/results/faults.summary.json``, a list of {bar, measured, needed, holds}, and
``faults.json`` beside it, from which the table of ``docs/reliability.md`` is made.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from faults import at_full_size, campaigns
from faults.campaign import Campaign

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def _asked(one: Campaign, wanted: list[str]) -> bool:
    """Return whether a campaign is meant by the words of the command line."""
    left_out = {word[1:] for word in wanted if word.startswith("-")}
    named = {word for word in wanted if not word.startswith("-")}
    return one.kind not in left_out and (not named or bool({one.kind, one.name} & named))


def main(wanted: list[str]) -> int:
    """Run the campaigns that are named, or all; return 1 where a fault was not survived."""
    file = RESULTS / "faults.json"
    stored: list[dict[str, Any]] = json.loads(file.read_text()) if file.is_file() else []
    table = {row["name"]: row for row in stored}
    known = campaigns()
    words = {word for one in known for word in (one.kind, one.name)}
    if strange := [word for word in wanted if word.removeprefix("-") not in words]:
        print(f"no campaign {', '.join(strange)}; there are {', '.join(sorted(words))}")
        return 2
    asked = {one.name: one for one in known if _asked(one, wanted)}
    # most of them wait for a child that they have killed or stopped: two at once
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(at_full_size, name): one for name, one in asked.items()}
        for future in as_completed(running):
            one, (tally, seconds) = running[future], future.result()
            table[one.name] = {
                "name": one.name,
                "fault": one.fault,
                "kind": one.kind,
                "bar": one.bar,
                "asked": one.full,
                "tried": tally.tried,
                "survived": tally.survived,
                "failures": list(tally.failures[:10]),
            }
            counts = f"{tally.survived} of {tally.tried} in {seconds:.0f} s"
            print(f"{one.kind}: {one.fault}: {counts}", flush=True)
            for line in tally.failures:
                print(f"  {line}")
    rows = [table[one.name] for one in known if one.name in table]
    summary = [
        {
            "bar": f"{row['fault']}: {row['bar']}",
            "measured": row["survived"],
            "needed": row["asked"],
            "holds": row["survived"] == row["tried"] and row["tried"] >= row["asked"],
        }
        for row in rows
    ]
    file.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
    (RESULTS / "faults.summary.json").write_text(
        json.dumps(summary, indent=1, sort_keys=True) + "\n"
    )
    return 0 if all(row["holds"] for row in summary) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
