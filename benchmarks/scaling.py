"""Time and memory of every step at 1k, 4k, 16k and 64k crystals: does cost grow linearly?

    python benchmarks/scaling.py

Each size is a seeded sample of the 106,113 crystals of matbench_mp_gap, nested in the next one, and
has a process of its own on one thread. Writes benchmarks/results/scaling.json and scaling.svg. The
slope of a step is that of log(cost) over log(crystals), least squares over the three largest sizes:
1 is linear. Time is that of the processor, which other programs do not share. Memory is what a step
added to the resident memory at its peak, mapped files included.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "fast"))

from measure import RESULTS, ROOT, save, shared

from atlas_core.api import (
    DataContext,
    Dataset,
    FitContext,
    Graphs,
    Inputs,
    Vectors,
)
from atlas_core.engine.features import FeatureCache
from atlas_core.spec.load import resolve_one
from atlas_datasets.bulk_file import write_bulk
from atlas_registry.loading import Registry

SEED = 20_261_121
SIZES = (1_000, 4_000, 16_000, 64_000)
TREES = 10
STEPS = 20
BATCH = 128
LABELS = {
    "read": "read columnar Parquet",
    "magpie": "magpie features",
    "graphs": "crystal graphs, into the store",
    "collate": "collate one epoch of batches",
    "forest": f"forest, {TREES} trees",
    "cgcnn": f"CGCNN epoch, from {STEPS} steps",
    "mahalanobis": "OOD: Mahalanobis distance",
    "knn": "OOD: distance to neighbors",
}
WHY = {
    "collate": "linear work; rows at random from arrays that outgrow the processor's cache",
    "mahalanobis": "linear work; its arrays outgrow the processor's cache at 64k",
    "forest": "a tree sorts its rows at every cut: n log n",
    "knn": "every material is compared with every training material: both grow, so n squared",
    "cgcnn": "seconds per crystal of a fixed number of steps, times the crystals",
}
Result = TypeVar("Result")


def _status(name: str) -> int:
    """Return a figure of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


class Steps:
    """Run steps one after another and note the cost of each; on Linux only."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    def __call__(self, name: str, call: Callable[[], Result]) -> Result:
        """Return what ``call`` returns; its time and peak memory are noted."""
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what was freed before is no room for this step
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        before = _status("VmRSS")
        start, wall = time.process_time(), time.perf_counter()
        result = call()
        seconds = time.process_time() - start
        added = max(0, _status("VmHWM") - before)
        self.found[name] = {
            "seconds": seconds,
            "wall_seconds": time.perf_counter() - wall,
            "added_mb": added / 1e6,
        }
        return result


def _one(kind: str, name: str, *options: str) -> Any:
    return resolve_one(kind, name, options, Registry()).build()


def _features(name: str, data: Dataset, scratch: Path) -> Any:
    chosen = resolve_one("featurizer", name, [], Registry())
    return FeatureCache(scratch).features(chosen, data.materials)[0]


def _collate(graphs: Graphs) -> None:
    from atlas_gnn._crystals import CrystalExamples

    examples = CrystalExamples(graphs, "cpu")
    order = np.random.default_rng(SEED).permutation(len(graphs))
    for rows in np.array_split(order, max(1, len(order) // BATCH)):
        examples.batch(rows)


def _train(graphs: Graphs, target: np.ndarray) -> None:
    """Train ``STEPS`` batches of crystals at random."""
    import torch

    from atlas_gnn._crystals import CrystalExamples
    from atlas_gnn._device import torch_settings
    from atlas_gnn.cgcnn import CrystalGraphNet
    from atlas_gnn.hooks import CGCNNConfig

    network = CrystalGraphNet(CGCNNConfig(), SEED)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    scaled = torch.as_tensor(target - target.mean(), dtype=torch.float32)
    rng, noise = np.random.default_rng(SEED), torch.Generator().manual_seed(SEED)
    with torch_settings(1):
        examples = CrystalExamples(graphs, "cpu")
        for _ in range(STEPS):
            rows = rng.choice(len(graphs), BATCH, replace=False)
            optimizer.zero_grad()
            output = network(examples.batch(rows), noise)
            torch.nn.functional.huber_loss(output, scaled[rows]).backward()
            optimizer.step()


def _detect(name: str, data: Dataset, vectors: Vectors) -> None:
    """Fit on four fifths and score the rest, on magpie vectors."""
    held = np.arange(len(data)) % 5 == 0
    train, test, none = (
        Inputs(data.materials.take(rows), vectors.take(rows))
        for rows in (np.flatnonzero(~held), np.flatnonzero(held), [])
    )
    _one("ood", name, "representation=features").fit(train, none, SEED).score(test)


def run_size(path: Path, count: int) -> dict[str, dict[str, float]]:
    """Return seconds and added memory of every step for ``count`` crystals."""
    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        context = DataContext(None, scratch, scratch)
        options = ["structure=numbers", "id=mbid", 'target="gap pbe"']
        whole = _one("dataset", "table", f"path={path}", *options).load(context)
        rows = np.sort(np.random.default_rng(SEED).permutation(len(whole))[:count])
        written = write_bulk(scratch / "sample.parquet", whole.take(rows))
        del whole
        settings = [f"{name}={json.dumps(value)}" for name, value in written.items()]
        source = _one("dataset", "table", *settings)
        data = steps("read", lambda: source.load(context))
        vectors = steps("magpie", lambda: _features("magpie", data, scratch))
        graphs = steps("graphs", lambda: _features("crystal_graph", data, scratch))
        steps("collate", lambda: _collate(graphs))
        forest = _one("model", "random_forest", f"trees={TREES}")
        steps("forest", lambda: forest.fit(vectors, data.target, FitContext(SEED)))
        steps("cgcnn", lambda: _train(graphs, data.target))
        steps.found["cgcnn"]["seconds"] *= count / (STEPS * BATCH)
        steps("mahalanobis", lambda: _detect("mahalanobis", data, vectors))
        steps("knn", lambda: _detect("knn_distance", data, vectors))
    return steps.found


def slope(values: list[float]) -> float:
    """Return the slope of log(values) over log(sizes), least squares over the three largest."""
    costs = np.log(np.maximum(values[-3:], 1e-9))
    return float(np.polyfit(np.log(SIZES[-3:]), costs, 1)[0])


def draw(steps: Sequence[dict[str, Any]]) -> str:
    """Return the plot as the text of an SVG file: time beside memory, both axes logarithmic."""
    from matplotlib.figure import Figure

    from atlas_pages.palette import SENTINELS
    from atlas_pages.svg import drawing, to_file, to_svg

    panels = (("seconds", "Processor time (s)"), ("added_mb", "Memory added at the peak (MB)"))
    colors = ["arm0", "arm1", "arm2", "arm3", "arm4", "arm5", "ink", "poor"]
    marks = ["o", "s", "^", "D", "v", "P", "X", "h"]
    with drawing():
        figure = Figure(figsize=(10.4, 5.2), layout="constrained")
        for axis, (figures, title) in zip(figure.subplots(1, 2), panels, strict=True):
            shown = [np.maximum(step[figures], 1.0 * (figures == "added_mb")) for step in steps]
            low = 10 ** np.floor(np.log10(np.min(shown)))
            high = 10 ** np.ceil(np.log10(np.max(shown)))
            for values, step, color, mark in zip(shown, steps, colors, marks, strict=True):
                axis.plot(
                    SIZES,
                    values,
                    color=SENTINELS[color],
                    marker=mark,
                    markersize=5,
                    linewidth=1.4,
                    label=f"{step['label']} ({_slope(step, 'seconds')}, {_slope(step, 'memory')})",
                )
            x = np.array([SIZES[0], SIZES[-1]], dtype=float)
            for power in range(-9, 9):  # lines of slope 1 to compare with
                axis.plot(x, 10.0**power * x / x[0], color=SENTINELS["ref"], lw=0.6, ls=":")
            axis.set(xscale="log", yscale="log", xlabel="Crystals", ylim=(low, high))
            axis.set_xticks(SIZES, [f"{size // 1000}k" for size in SIZES])
            decades = 10.0 ** np.arange(np.log10(low), np.log10(high) + 0.5)
            axis.set_yticks(decades, [f"{decade:g}" for decade in decades])
            axis.set_title(title, fontsize=9)
        handles, labels = axis.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=2,
            title="step (slope of time, slope of memory; 1 is linear, as the dotted lines)",
        )
        return to_file(to_svg(figure, "scaling"))


def _slope(step: dict[str, Any], of: str) -> str:
    value = step[f"slope_{of}"]
    return "small" if value is None else f"{value:.2f}"


def main() -> None:
    """Measure every size and write results and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="measure this size in this process, to stdout")
    parser.add_argument("--draw", action="store_true", help="draw the stored results again")
    given = parser.parse_args()
    path = shared("mp_gap", "structures.parquet")
    if given.draw:
        stored = json.loads((RESULTS / "scaling.json").read_text(encoding="utf-8"))
        (RESULTS / "scaling.svg").write_text(
            draw([stored["steps"][name] for name in LABELS]), encoding="utf-8"
        )
        return
    if path is None:
        raise SystemExit("mp_gap/structures.parquet is not on this machine")
    if given.size is not None:
        run_size(path, 256)  # imports and first calls are no part of the cost
        print(json.dumps(run_size(path, given.size)))
        return
    found = [_measure(size) for size in SIZES]
    steps = {}
    for name, label in LABELS.items():
        seconds = [one[name]["seconds"] for one in found]
        memory = [one[name]["added_mb"] for one in found]
        steps[name] = {
            "label": label,
            "seconds": seconds,
            "wall_seconds": [one[name]["wall_seconds"] for one in found],
            "added_mb": memory,
            "slope_seconds": slope(seconds),
            # below some MB it is the allocator's whim, not the step
            "slope_memory": slope(memory) if min(memory[-3:]) > 5 else None,
            "note": WHY.get(name, ""),
        }
    content = {"seed": SEED, "sizes": SIZES, "threads": 1, "batch": BATCH, "steps": steps}
    save(
        "scaling",
        content,
        distributions=[
            "atlas-materials-crystal",
            "atlas-materials-gnn",
            "atlas-materials-composition",
        ],
    )
    (RESULTS / "scaling.svg").write_text(draw(list(steps.values())), encoding="utf-8")
    for step in steps.values():
        times = "  ".join(f"{value:8.3g}" for value in step["seconds"])
        print(f"{step['label']:34} {times} s   slope {step['slope_seconds']:.2f}  {step['note']}")


def _measure(size: int) -> dict[str, dict[str, float]]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/scaling.py"), "--size", str(size)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    print(f"{size} crystals: done", flush=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
