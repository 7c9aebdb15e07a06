"""One training step of CGCNN, and what loading its batches costs.

The references stand here in full: the layer of the original CGCNN code as its paper describes it
(dense neighbors, one linear layer on the joined vectors), and torch-geometric's ``CGConv``. All
three share embedding, pooling, head, optimizer, batch and threads; denormal numbers are flushed and
freed memory is kept for all of them, as ATLAS does for itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from measure import Bar, alternating, ratio
from torch import Tensor, nn
from torch.nn import functional

from atlas_core.api import Graphs, offsets_of
from atlas_gnn._crystals import CrystalBatch, CrystalExamples
from atlas_gnn._device import torch_settings
from atlas_gnn.cgcnn import CrystalGraphNet, Expansion
from atlas_gnn.hooks import CGCNNConfig

CRYSTALS, ATOMS, NEIGHBORS = 256, 10, 12
CONFIG = CGCNNConfig()
EPOCH = 12
"""Batches of the loading benchmark."""


class DenseConvolution(nn.Module):
    """The layer of the original code: (atoms, neighbors, ...) arrays, one joined linear layer."""

    def __init__(self, width: int, edge_width: int) -> None:
        super().__init__()
        self.joined = nn.Linear(2 * width + edge_width, 2 * width)
        self.edge_norm = nn.BatchNorm1d(2 * width)
        self.atom_norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (a, width) updated atoms."""
        atoms, width = x.shape
        neighbors = x[batch.dst.view(atoms, -1)]
        center = x[:, None].expand_as(neighbors)
        dense = edges.values.view(atoms, batch.degree, -1)
        z = self.joined(torch.cat([center, neighbors, dense], dim=2))
        z = self.edge_norm(z.view(-1, 2 * width)).view(atoms, batch.degree, 2 * width)
        gate, core = z.chunk(2, dim=2)
        total = (torch.sigmoid(gate) * functional.softplus(core)).sum(1)
        return functional.softplus(x + self.atom_norm(total))


class GeometricConvolution(nn.Module):
    """torch-geometric's layer, which normalizes after the sum."""

    def __init__(self, width: int, edge_width: int) -> None:
        super().__init__()
        from torch_geometric.nn import CGConv

        self.layer = CGConv(width, edge_width, batch_norm=True)

    def forward(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (a, width) updated atoms."""
        return self.layer(x, torch.stack([batch.dst, batch.src]), edges.values)


def random_graphs(crystals: int) -> Graphs:
    """Return crystals of ``ATOMS`` atoms with ``NEIGHBORS`` random neighbors each."""
    rng = np.random.default_rng(0)
    atoms, edges = crystals * ATOMS, crystals * ATOMS * NEIGHBORS
    return Graphs(
        node_offsets=offsets_of(np.full(crystals, ATOMS)),
        numbers=rng.integers(1, 90, atoms),
        edge_offsets=offsets_of(np.full(crystals, ATOMS * NEIGHBORS)),
        src=np.tile(np.repeat(np.arange(ATOMS), NEIGHBORS), crystals),
        dst=rng.integers(0, ATOMS, edges),
        distance=np.sort(rng.uniform(2, 6, (atoms, NEIGHBORS)), axis=1).ravel(),
        image=np.zeros((edges, 3)),
    )


def networks(batch: CrystalBatch) -> dict[str, nn.Module]:
    """Return ATLAS's network, and the same with the reference layers in place of its own."""
    own = CrystalGraphNet(CONFIG, 0)
    steps = len(own.centers)
    found = {"atlas": own}
    for name, layer in (("dense", DenseConvolution), ("geometric", GeometricConvolution)):
        other = copy.deepcopy(own)
        other.convolutions = nn.ModuleList(layer(CONFIG.width, steps) for _ in own.convolutions)
        whole = Expansion(
            own.expand(replace(batch, nearest=0.0, farthest=CONFIG.cutoff)).values, slice(None)
        )
        other.expand = lambda _batch, whole=whole: whole  # they store the Gaussians with the data
        found[name] = other
    for mine, theirs in zip(own.convolutions, found["dense"].convolutions, strict=True):
        parts = [mine.center.weight, mine.neighbor.weight, mine.edge.weight]
        theirs.joined.weight.data = torch.cat(parts, dim=1).detach().clone()
        theirs.joined.bias.data = mine.center.bias.detach().clone()
    return found


def difference(found: dict[str, nn.Module], batch: CrystalBatch, target: Tensor) -> float:
    """Return the largest difference to the dense reference of outputs and gradients.

    Raises:
        AssertionError: it exceeds 1e-5 of the largest value.
    """
    sides = []
    for name in ("atlas", "dense"):
        network = copy.deepcopy(found[name])
        output = network(batch, None)
        (output - target).square().mean().backward()
        first = network.convolutions[0]
        weight = (
            torch.cat(
                [first.center.weight.grad, first.neighbor.weight.grad, first.edge.weight.grad], 1
            )
            if name == "atlas"
            else first.joined.weight.grad
        )
        sides.append((output.detach(), weight, network.output.weight.grad))
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*sides, strict=True))
    assert worst < 1e-5, f"the step differs from the dense reference by {worst:.2g}"
    return worst


def steps_of(network: nn.Module, batch: CrystalBatch, target: Tensor) -> Callable[[], None]:
    """Return a function that makes one training step."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    noise = torch.Generator().manual_seed(0)

    def step() -> None:
        optimizer.zero_grad()
        (network(batch, noise) - target).square().mean().backward()
        optimizer.step()

    return step


def step_bars() -> list[Bar]:
    """Compare one training step on one and on two threads; the lesser ratio counts."""
    batch = CrystalExamples(random_graphs(CRYSTALS), "cpu").batch(np.arange(CRYSTALS))
    target = torch.randn(CRYSTALS, generator=torch.Generator().manual_seed(1))
    found = networks(batch)
    detail: dict[str, Any] = {"largest_difference": difference(found, batch, target)}
    ratios: dict[str, list[float]] = {"geometric": [], "dense": []}
    for threads in (1, 2):
        with torch_settings(threads):
            ways = {name: steps_of(network, batch, target) for name, network in found.items()}
            seconds = alternating(ways, rounds=9)
        detail[f"seconds_{threads}_threads"] = seconds
        for name, values in ratios.items():
            values.append(ratio(seconds, name, "atlas"))
    detail |= {f"ratios_{name}": values for name, values in ratios.items()}
    size = f"{CRYSTALS} crystals x {ATOMS} atoms x {NEIGHBORS} neighbors"
    note = "the lesser of one and two threads; "
    equal = f"equal to {detail['largest_difference']:.0e}"
    return [
        Bar(
            f"CGCNN training step ({size})",
            "torch-geometric CGConv(batch_norm=True)",
            min(ratios["geometric"]),
            2.5,
            note=note + "it normalizes after the sum, so its numbers differ",
            detail=detail,
        ),
        Bar(
            f"CGCNN training step ({size})",
            "the original dense layer",
            min(ratios["dense"]),
            2.0,
            note=note + equal,
            detail=detail,
        ),
    ]


@contextmanager
def _one_thread() -> Iterator[None]:
    with torch_settings(1):
        yield


def loading_bars() -> list[Bar]:
    """Compare collating an epoch of batches with torch-geometric's loader and with training."""
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader

    size = CONFIG.batch_size
    graphs = random_graphs(size * EPOCH)
    offsets, edges = graphs.node_offsets, graphs.edge_offsets
    listed = []
    for i in range(len(graphs)):
        rows, nodes = slice(edges[i], edges[i + 1]), slice(offsets[i], offsets[i + 1])
        pair = np.stack([graphs.dst[rows], graphs.src[rows]]).astype(np.int64)
        listed.append(
            Data(
                num_nodes=int(offsets[i + 1] - offsets[i]),
                z=torch.tensor(graphs.numbers[nodes], dtype=torch.long),
                edge_index=torch.tensor(pair),
                distance=torch.tensor(graphs.distance[rows]),
            )
        )
    rng = np.random.default_rng(0)
    network = CrystalGraphNet(CONFIG, 0)
    examples = CrystalExamples(graphs, "cpu")
    target = torch.zeros(size)

    def collate() -> None:
        for rows in np.array_split(rng.permutation(len(graphs)), EPOCH):
            examples.batch(rows)

    def geometric() -> None:
        for _ in DataLoader(listed, batch_size=size, shuffle=True):
            pass

    step = steps_of(network, examples.batch(np.arange(size)), target)
    with _one_thread():
        seconds = alternating(
            {"atlas": collate, "geometric": geometric, "step": step},
            rounds=7,
            repeats={"atlas": 10},
        )
    share = float(np.median(np.array(seconds["atlas"]) / EPOCH / np.array(seconds["step"])))
    detail = {"seconds": seconds, "batches": EPOCH, "crystals_a_batch": size}
    return [
        Bar(
            "loading: collating a batch of 128 crystals",
            "the training step on it",
            share,
            0.05,
            unit="share",
            more_is_better=False,
            detail=detail,
        ),
        Bar(
            "loading: an epoch of batches",
            "torch-geometric DataLoader",
            ratio(seconds, "geometric", "atlas"),
            10,
            detail=detail,
        ),
    ]


def bars() -> list[Bar]:
    """Return the bars of the training step and of loading."""
    return step_bars() + loading_bars()
