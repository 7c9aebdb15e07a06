"""How fast and in how much memory ``atlas screen`` goes through a million formulas.

``python benchmarks/screen.py`` trains a forest on magpie features of the embedded FLLA crystals,
writes formulas (the elements of real formulas replaced by others of their kind, from a seed) and
screens them in a process of its own; it writes benchmarks/results/screen.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from atlas_core.api import SYMBOLS, DataContext
from atlas_core.engine.machine import hardware, packages
from atlas_datasets.command import load_dataset
from atlas_registry.loading import Registry

ROOT = Path(__file__).resolve().parents[1]
SPEC = """\
atlas: 1
name: screening
seed: 18
dataset: {use: flla, options: {target: formation_energy_per_atom}}
split: {use: leave_elements_out, options: {elements: [F], calibration: 0.1, test: 0.1}}
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 100}}
    uq: tree_variance
    calibrator: {use: split_conformal, options: {score: normalized}}
    ood: mahalanobis
"""
KINDS = (
    "H Li Na K Rb Cs Tl Ag",
    "Be Mg Ca Sr Ba Zn Cd Hg Pb",
    "Sc Y La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu",
    "Ti Zr Hf V Nb Ta Cr Mo W Mn Re Fe Co Ni Cu Ru Rh Pd Os Ir Pt Au",
    "B Al Ga In Si Ge Sn P As Sb Bi",
    "O S Se Te",
    "F Cl Br I",
    "N C",
)
"""Elements that stand for each other."""


def formulas(count: int, seed: int) -> Iterator[str]:
    """Yield ``count`` formulas: real ones of FLLA with each element replaced by one of its kind."""
    kinds = [line.split() for line in KINDS]
    kind_of = {symbol: kind for kind in kinds for symbol in kind}
    context = DataContext(None, Path(tempfile.gettempdir()), ROOT, offline=True)
    data = load_dataset("flla", ["target=formation_energy_per_atom"], Registry(), context)
    whole = data.materials
    real = []
    for row in range(len(whole)):
        rows = slice(whole.offsets[row], whole.offsets[row + 1])
        numbers, amounts = np.unique(whole.numbers[rows], return_counts=True)
        real.append([(SYMBOLS[z], int(n)) for z, n in zip(numbers, amounts, strict=True)])
    rng = np.random.default_rng(seed)
    for row in rng.integers(0, len(real), count).tolist():
        parts: dict[str, int] = {}
        for symbol, amount in real[row]:
            kind = kind_of.get(symbol, [symbol])
            new = kind[int(rng.integers(len(kind)))]
            parts[new] = parts.get(new, 0) + amount
        yield "".join(f"{symbol}{amount}" for symbol, amount in parts.items())


def main() -> None:
    """Run, write, screen, and note the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/screen.json")
    options = parser.parse_args()
    atlas = [sys.executable, "-m", "atlas_core.cli"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
        command = [*atlas, "run", "spec.yaml", "--json", "-q", "--cache-dir", "cache"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        run = json.loads(done.stdout)["run"]
        with (folder / "candidates.csv").open("w", encoding="utf-8") as file:
            file.write("id,formula\n")
            for i, formula in enumerate(formulas(options.count, 0)):
                file.write(f"c{i},{formula}\n")
        command = [*atlas, "screen", run, "candidates.csv", "--json", "-q"]
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        stdout, _ = child.communicate()
        seconds = time.perf_counter() - start
        if child.returncode:
            sys.exit(child.returncode)
        about = json.loads(stdout)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        table = folder / run / "screens/candidates/screened.parquet"
        result = {
            "what": "atlas screen: formulas through magpie, a forest of 100 trees, members,"
            " split_conformal and mahalanobis",
            "candidates": options.count,
            "screened": about["screened"],
            "unreadable": about["unreadable"],
            "flagged": about["outside"],
            "seconds": round(seconds, 1),
            "per_second": round(options.count / seconds),
            "processor_seconds_of_run_and_screen": round(used.ru_utime + used.ru_stime, 1),
            "peak_memory_mb": round(used.ru_maxrss / 1024),
            "peak_is_of": "the larger of the training and the screening process",
            "table_mb": round(table.stat().st_size / 1e6, 1),
            "load_average_15_minutes": round(os.getloadavg()[2], 1),
            "hardware": hardware("cpu"),
            "packages": packages(
                ["atlas-materials-sklearn", "atlas-materials-composition", "atlas-materials-domain"]
            ),
        }
    print(json.dumps(result, indent=1))
    options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
