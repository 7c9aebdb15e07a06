"""Examine trust on wider shifts than single elements: groups, oxides, clusters, target tails.

``python benchmarks/shifts.py --data-dir FOLDER`` runs specs/trust_exam.yaml with other splits (one
seed, the first of the two promises; twenty minutes of one core) and writes what came of each class
to ``results/trust_shifts.json``. Nothing was chosen on these classes. It needs
``matbench_mp_e_form``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from trust import RELIABILITIES, RESULTS, ROOT, exam

from atlas_core.engine.machine import hardware, packages
from atlas_core.store import write_json

PARTS = "calibration: 0.15, test: 0.2"


def _group(column: str, value: int | str) -> str:
    options = f"column: {column}, values: [{value}], {PARTS}"
    return f"split={{use: leave_group_out, options: {{{options}}}}}"


SHIFTS = {
    **{f"group {number}": _group("periodic_group", number) for number in (1, 14, 15, 16, 17)},
    "row 6": _group("periodic_row", 6),
    "oxides": _group("anion_family", "oxide"),
    "clusters": "split={use: cluster, options: {clusters: 8, held_out: 3,"
    f" representation: statistics, {PARTS}}}}}",
    **{
        f"{tail} tail": f"split={{use: target_tail, options: {{tail: {tail}, {PARTS}}}}}"
        for tail in ("high", "low")
    },
}
"""The split of the spec, by what is held out."""


def main() -> None:
    """Run every exam and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="matbench_mp_e_form.json.*")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/shifts")
    given = parser.parse_args()
    reliability = next(iter(RELIABILITIES.values()))
    found = {
        name: exam(
            [split], seed=0, reliability=reliability, runs=given.runs, data_dir=given.data_dir
        )
        for name, split in SHIFTS.items()
    }
    versions = packages(["atlas-materials-trust"])
    about = {"packages": versions, "hardware": hardware("cpu"), "reliability": reliability}
    write_json(RESULTS / "trust_shifts.json", {**about, "exams": found})


if __name__ == "__main__":
    main()
