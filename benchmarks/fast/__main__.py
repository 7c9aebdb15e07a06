"""Run the speed and memory benchmarks, print their table: ``python benchmarks/fast [TOPIC ...]``.

Writes benchmarks/results/fast.<topic>.json for each topic, and fast.summary.json over all topics
whose file is there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

from measure import RESULTS, save_bars

TOPICS = tuple(
    sorted(
        path.stem
        for path in Path(__file__).parent.glob("*.py")
        if "\ndef bars(" in path.read_text(encoding="utf-8")
    )
)


def summary() -> list[dict[str, Any]]:
    """Return {bar, measured, needed, holds, ...} of every stored topic, and write them."""
    rows = []
    for path in sorted(RESULTS.glob("fast.*.json")):
        if path.name == "fast.summary.json":
            continue
        for bar in json.loads(path.read_text(encoding="utf-8"))["bars"]:
            kept = {key: value for key, value in bar.items() if key != "detail"}
            rows.append({"topic": path.name.split(".")[1], **kept})
    text = json.dumps(rows, indent=1, sort_keys=True) + "\n"
    (RESULTS / "fast.summary.json").write_text(text, encoding="utf-8")
    return rows


def line(row: dict[str, Any]) -> str:
    """Return one line of the printed table."""
    word = {True: "holds", False: "MISSED", None: "not measured"}[row["holds"]]
    sign = ">=" if row["more_is_better"] else "<="
    measured = "-" if row["measured"] is None else f"{row['measured']:.3g}"
    figure = f"{measured} {row['unit']} ({sign} {row['needed']:g})"
    return f"{word:12}  {figure:26}  {row['bar']}, against {row['against']}  {row['note']}".rstrip()


def main() -> None:
    """Run the topics that are named, or all, and print every bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=", ".join(TOPICS))
    wanted = parser.parse_args().topics or TOPICS
    if unknown := set(wanted) - set(TOPICS):
        parser.error(f"no topic {', '.join(sorted(unknown))}; there are {', '.join(TOPICS)}")
    for topic in wanted:
        start = time.perf_counter()
        print(f"{topic} ...", flush=True)
        save_bars(topic, importlib.import_module(topic).bars())
        print(f"{topic}: {time.perf_counter() - start:.0f} s", flush=True)
    for row in summary():
        print(line(row))


if __name__ == "__main__":
    main()
