"""Read 106,113 crystals, build their graphs and train CGCNN on them, and watch the memory.

Run by hand for the whole epoch (about 10 minutes on one free core); it writes
benchmarks/results/mp_gap_epoch.json:

    python benchmarks/mp_gap_epoch.py

``benchmarks/fast/memory.py`` runs it with ``--steps``, which trains that many batches only, and
with ``--lists``, which holds a seeded sample as a Python list of torch-geometric ``Data``. With
either the figures go to stdout as JSON, not into the results. Every figure is of a process of its
own.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "fast"))

from measure import save, shared

from atlas_core.api import DataContext, Dataset, FitContext, Graphs, derive_seed
from atlas_core.engine.features import FeatureCache
from atlas_core.spec.load import resolve_one
from atlas_registry.loading import Registry

SEED = 20_261_121
OPTIONS = ("structure=numbers", "id=mbid", 'target="gap pbe"', "unit=eV")
GIB = 2**30


def peak_gib() -> float:
    """Return the largest resident memory that this process ever had, mapped files included.

    Linux counts the memory of the parent at the fork into getrusage; VmHWM begins anew.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / GIB
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB


def clock() -> tuple[float, float]:
    """Return the seconds of the clock and of the processor, which other programs do not share."""
    return time.perf_counter(), time.process_time()


def read(path: Path, scratch: Path) -> Dataset:
    """Return the data set, read by ``table``."""
    chosen = resolve_one("dataset", "table", [f"path={path}", *OPTIONS], Registry())
    data = chosen.build().load(DataContext(None, scratch, scratch))
    assert isinstance(data, Dataset)
    return data


def build(data: Dataset, scratch: Path) -> Graphs:
    """Return crystal graphs, written to and mapped from a store in ``scratch``."""
    chosen = resolve_one("featurizer", "crystal_graph", [], Registry())
    graphs, stored = FeatureCache(scratch).features(chosen, data.materials)
    assert isinstance(graphs, Graphs)
    assert not stored
    return graphs


def some_steps(graphs: Graphs, target: np.ndarray, steps: int) -> None:
    """Train ``steps`` batches of random crystals."""
    import torch

    from atlas_gnn._crystals import CrystalExamples
    from atlas_gnn._device import torch_settings
    from atlas_gnn.cgcnn import CrystalGraphNet
    from atlas_gnn.hooks import CGCNNConfig

    config = CGCNNConfig()
    network = CrystalGraphNet(config, SEED)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    scaled = torch.as_tensor((target - target.mean()) / target.std(), dtype=torch.float32)
    order = np.random.default_rng(SEED).permutation(len(graphs))
    noise = torch.Generator().manual_seed(SEED)
    with torch_settings(1):
        examples = CrystalExamples(graphs, "cpu")
        for step in range(steps):
            rows = order[step * config.batch_size : (step + 1) * config.batch_size]
            optimizer.zero_grad()
            output = network(examples.batch(rows), noise)
            torch.nn.functional.huber_loss(output, scaled[rows]).backward()
            optimizer.step()


def one_epoch(graphs: Graphs, target: np.ndarray) -> dict[str, Any]:
    """Train the model itself for one epoch; return its learning curve."""
    from atlas_gnn.cgcnn import cgcnn
    from atlas_gnn.hooks import CGCNNConfig

    records: dict[str, Any] = {}
    context = FitContext(
        derive_seed(SEED, "fit"), record=lambda name, content: records.update({name: content})
    )
    cgcnn(CGCNNConfig(epochs=1)).fit(graphs, target, context)
    return dict(records["learning_curve"])


def stages(path: Path, *, steps: int | None) -> dict[str, Any]:
    """Read, build, take a training fold and train; return seconds, rates and peak memory of each.

    Args:
        path: the Parquet file.
        steps: batches to train; None trains one whole epoch of the ``cgcnn`` model.
    """
    found: dict[str, Any] = {"rows": 0, "started_gib": peak_gib(), "threads": 1}

    def timed(name: str, start: tuple[float, float]) -> None:
        wall, processor = clock()
        found[name] = {
            "seconds": wall - start[0],
            "processor_seconds": processor - start[1],
            "peak_gib": peak_gib(),
        }

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        start = clock()
        data = read(path, scratch)
        timed("read", start)
        start = clock()
        graphs = build(data, scratch)
        timed("graphs", start)
        size = FeatureCache(scratch).entries()[0][1]
        rate = 1 / found["graphs"]["processor_seconds"]
        found["graphs"] |= {
            "crystals_per_second": len(graphs) * rate,
            "edges_per_second": len(graphs.src) * rate,
            "bytes": size,
            "bytes_per_crystal": size / len(graphs),
        }
        found |= {"rows": len(data), "sites": len(graphs.numbers), "edges": len(graphs.src)}
        start = clock()
        rows = np.random.default_rng(SEED).permutation(len(data))[: len(data) * 4 // 5]
        fold = graphs.take(np.sort(rows))
        timed("take_four_fifths", start)
        del fold
        start = clock()
        if steps is None:
            curve = one_epoch(graphs, data.target)
            timed("epoch", start)
            found["epoch"] |= {"learning_curve": curve}
        else:
            some_steps(graphs, data.target, steps)
            timed("steps", start)
            found["steps"] |= {"count": steps, "batch_size": 128}
    found["peak_gib"] = peak_gib()
    return found


def lists(path: Path, count: int) -> dict[str, Any]:
    """Hold a seeded sample as a list of torch-geometric ``Data`` with what ``Graphs`` holds."""
    import torch
    from torch_geometric.data import Data

    with tempfile.TemporaryDirectory() as folder:
        data = read(path, Path(folder))
        chosen = resolve_one("featurizer", "crystal_graph", [], Registry())
        rows = np.random.default_rng(SEED).permutation(len(data))[:count]
        graphs = chosen.build().featurize(data.materials.take(np.sort(rows)))
    assert isinstance(graphs, Graphs)
    del data
    before = _resident()
    held = []
    for i in range(len(graphs)):
        nodes = slice(graphs.node_offsets[i], graphs.node_offsets[i + 1])
        edges = slice(graphs.edge_offsets[i], graphs.edge_offsets[i + 1])
        vector = {}
        if graphs.vector is not None:
            vector["edge_vector"] = torch.tensor(graphs.vector[edges])
        held.append(
            Data(
                z=torch.tensor(graphs.numbers[nodes], dtype=torch.long),
                edge_index=torch.tensor(
                    np.stack([graphs.dst[edges], graphs.src[edges]]), dtype=torch.long
                ),
                edge_attr=torch.tensor(graphs.distance[edges]),
                edge_image=torch.tensor(graphs.image[edges]),
                **vector,
            )
        )
    after = _resident()
    arrays = graphs.to_arrays().values()
    return {
        "crystals": count,
        "edges": len(graphs.src),
        "list_bytes": after - before,
        "tensor_bytes": sum(t.element_size() * t.numel() for d in held for _, t in d),
        "graphs_bytes": sum(array.nbytes for array in arrays),
    }


def _resident() -> int:
    """Return the bytes in memory, after what was freed went back to the system."""
    import ctypes
    import gc

    import psutil

    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, help="train this many batches, not an epoch")
    parser.add_argument("--lists", type=int, help="hold this many crystals as a list")
    given = parser.parse_args()
    path = shared("mp_gap", "structures.parquet")
    if path is None:
        raise SystemExit("mp_gap/structures.parquet is not on this machine")
    if given.lists is not None:
        print(json.dumps(lists(path, given.lists)))
    elif given.steps is not None:
        print(json.dumps(stages(path, steps=given.steps)))
    else:
        content = {"seed": SEED, **stages(path, steps=None)}
        print(
            save(
                "mp_gap_epoch",
                content,
                distributions=["atlas-materials-crystal", "atlas-materials-gnn"],
            )
        )


if __name__ == "__main__":
    main()
