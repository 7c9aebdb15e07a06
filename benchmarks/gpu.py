"""Training speed and memory on this machine's device, and what all of Matbench would take on it.

``python benchmarks/gpu.py [--device auto]`` trains CGCNN for a few epochs on random crystals of two
sizes, in float32 and in bfloat16, and writes benchmarks/results/gpu.<device>.json. The projection
takes a training to cost so much an edge, whatever the crystal: it states what was measured and what
was multiplied. On a GPU the peak is the device's, else the process's.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from atlas_core.context import FitContext
from atlas_core.engine.machine import choose_device, hardware, packages, peak_memory_mb

sys.path.insert(0, str(Path(__file__).parent / "fast"))
from measure import RESULTS
from training import random_graphs

from atlas_gnn.cgcnn import cgcnn
from atlas_gnn.hooks import CGCNNConfig

TASKS = {
    # structure tasks: materials, mean sites of the formulas in the data files; dielectric: a guess
    "jdft2d": (636, 7.2),
    "phonons": (1265, 7.5),
    "dielectric": (4764, 16.0),
    "log_gvrh": (10987, 8.6),
    "log_kvrh": (10987, 8.6),
    "perovskites": (18928, 5.0),
    "mp_gap": (106113, 29.6),
    "mp_is_metal": (106113, 29.6),
    "mp_e_form": (132752, 28.7),
    # formula tasks: materials, elements, whose pairs are the edges; glass: a guess
    "steels": (312, 11.7),
    "expt_gap": (4604, 3.2),
    "expt_is_metal": (4921, 3.1),
    "glass": (5680, 3.0),
}
FORMULAS = {"steels", "expt_gap", "expt_is_metal", "glass"}
NEIGHBORS = 12
CARD_BYTES = 12 * 2**30
"""What a larger card is held to: the desktop's 12 GB."""
FOLDS, SHARE_TRAINED = 5, 0.8 * 0.9
BATCH, EPOCHS, LEAST_STEPS = 64, 100, 5000
"""The recipe of benchmarks/matbench/cgcnn/spec.yaml."""


def measure(device: str, *, crystals: int, bfloat16: bool) -> dict[str, float]:
    """Train one warm-up epoch and two measured ones; return rates and peak memory."""
    graphs = random_graphs(crystals)
    target = np.random.default_rng(0).normal(size=crystals)
    stamps = []

    def notify(_line: str) -> None:
        if device != "cpu":
            torch.cuda.synchronize(device)
        stamps.append(time.perf_counter())

    if device != "cpu":
        share = CARD_BYTES / torch.cuda.get_device_properties(device).total_memory
        # `cuda` alone names no card: this call wants a number
        number = torch.device(device).index
        card = torch.cuda.current_device() if number is None else number
        torch.cuda.set_per_process_memory_fraction(min(1.0, share), card)
        torch.cuda.reset_peak_memory_stats(device)
    config = CGCNNConfig(epochs=3, batch_size=BATCH, bfloat16=bfloat16, validation=0.0)
    cgcnn(config).fit(graphs, target, FitContext(seed=0, device=device, notify=notify))
    seconds = (stamps[2] - stamps[0]) / 2
    # of the process on a CPU: so bfloat16, measured second, is at least what float32 took
    peak = peak_memory_mb() if device == "cpu" else torch.cuda.max_memory_allocated(device) / 2**20
    return {
        "crystals_a_second": crystals / seconds,
        "edges_a_second": len(graphs.src) / seconds,
        "peak_memory_mb": round(peak, 1),
    }


def projection(edges_a_second: float) -> dict[str, float]:
    """Return hours of training of each task: five folds, by the recipe of the Matbench records."""
    hours = {}
    for task, (count, size) in TASKS.items():
        edges = count * size * (size if task in FORMULAS else NEIGHBORS)
        steps = max(1, round(SHARE_TRAINED * count) // BATCH)
        passes = max(EPOCHS, math.ceil(LEAST_STEPS / steps))
        hours[task] = FOLDS * passes * SHARE_TRAINED * edges / edges_a_second / 3600
    return {**hours, "all": sum(hours.values())}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--crystals", type=int, default=0, help="crystals of a measured epoch")
    asked = parser.parse_args()
    device = choose_device(asked.device)
    crystals = asked.crystals or (2048 if device == "cpu" else 65536)
    measured = {
        name: measure(device, crystals=crystals, bfloat16=name == "bfloat16")
        for name in ("float32", "bfloat16")
    }
    result = {
        "device": device if device == "cpu" else torch.cuda.get_device_name(device),
        "crystals": crystals,
        "recipe": {"batch_size": BATCH, "epochs": EPOCHS, "least_steps": LEAST_STEPS},
        "measured": measured,
        "projected_hours": projection(measured["float32"]["edges_a_second"]),
        "note": "hours are edges x epochs x folds over the measured rate, validation left out;"
        " formula tasks are projected at the rate of graph edges",
        "hardware": hardware(device),
        "packages": packages(["atlas-materials-gnn"]),
    }
    path = RESULTS / f"gpu.{device.partition(':')[0]}.json"
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps({k: result[k] for k in ("device", "measured", "projected_hours")}, indent=1))


if __name__ == "__main__":
    main()
