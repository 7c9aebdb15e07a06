"""The crystal graph convolutional network on flat graphs (Xie & Grossman 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from atlas_core.api import (
    F8,
    I8,
    MAX_Z,
    DataError,
    Features,
    FitContext,
    Graphs,
    TrainingError,
    derive_seed,
)
from atlas_gnn._elements import descriptors
from atlas_gnn._training import (
    Scale,
    check_target,
    evaluate,
    fingerprint,
    torch_settings,
    train,
)
from atlas_gnn.cgcnn import CGCNNConfig

# Layers without torch's own start values, which would draw from the global generator.
_skip_init: Callable[..., Any] = nn.utils.skip_init

_CHUNK_ROWS = 65_536
"""Edges and atoms of a piece at prediction; bounds memory at about 0.2 GB."""


@dataclass(frozen=True)
class CrystalBatch:
    """b crystals with a atoms and e edges in all.

    Attributes:
        numbers: (a,) atomic numbers.
        owner: (a,) the crystal of each atom.
        atoms: (b,) atoms of each crystal.
        src: (e,) the atom whose neighbour this is, numbered through the batch.
        dst: (e,) the neighbour.
        distance: (e,) in Å.
        degree: edges of every atom where all have the same and edges stand in atom order, else 0.
    """

    numbers: Tensor
    owner: Tensor
    atoms: Tensor
    src: Tensor
    dst: Tensor
    distance: Tensor
    degree: int


def _segments(starts: Tensor, lengths: Tensor) -> Tensor:
    """Return the flat row numbers of segments given by their starts and lengths."""
    ends = lengths.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    shift = torch.repeat_interleave(starts - (ends - lengths), lengths)
    return torch.arange(total, device=starts.device) + shift


class CrystalExamples:
    """Graphs as tensors on one device; a batch is a handful of index operations."""

    def __init__(self, graphs: Graphs, device: str) -> None:
        def put(values: npt.NDArray[Any]) -> Tensor:
            # A copy: the arrays of Graphs are read-only, which torch cannot express.
            return torch.tensor(values, device=device)

        self._device = device
        self._offsets = np.asarray(graphs.node_offsets + graphs.edge_offsets)
        self._node_start = put(graphs.node_offsets[:-1])
        self._atoms = put(np.diff(graphs.node_offsets))
        self._edge_start = put(graphs.edge_offsets[:-1])
        edges = np.diff(graphs.edge_offsets)
        self._edges = put(edges)
        self._numbers = put(graphs.numbers.astype(np.int64))
        self._src = put(graphs.src.astype(np.int64))
        self._dst = put(graphs.dst.astype(np.int64))
        self._distance = put(graphs.distance)
        first = np.repeat(graphs.node_offsets[:-1], edges)
        atoms, degree = len(graphs.numbers), 0
        if atoms and len(graphs.src) % atoms == 0:
            degree = len(graphs.src) // atoms
            expected = np.repeat(np.arange(atoms), degree)
            degree = degree if np.array_equal(graphs.src + first, expected) else 0
        self._degree = degree

    def __len__(self) -> int:
        return len(self._atoms)

    def batch(self, indices: I8) -> CrystalBatch:
        """Return the crystals at ``indices``, in that order."""
        chosen = torch.as_tensor(indices, device=self._device)
        atoms, edges = self._atoms[chosen], self._edges[chosen]
        node_rows = _segments(self._node_start[chosen], atoms)
        edge_rows = _segments(self._edge_start[chosen], edges)
        shift = torch.repeat_interleave(atoms.cumsum(0) - atoms, edges)
        return CrystalBatch(
            numbers=self._numbers[node_rows],
            owner=torch.repeat_interleave(torch.arange(len(chosen), device=self._device), atoms),
            atoms=atoms,
            src=self._src[edge_rows] + shift,
            dst=self._dst[edge_rows] + shift,
            distance=self._distance[edge_rows],
            degree=self._degree,
        )

    def chunks(self) -> Iterator[I8]:
        """Yield all crystals in order, in pieces of about ``_CHUNK_ROWS`` atoms and edges."""
        if len(self):
            piece = self._offsets[:-1] // _CHUNK_ROWS
            yield from np.split(np.arange(len(self)), np.flatnonzero(np.diff(piece)) + 1)


def _linear(inputs: int, outputs: int, rng: torch.Generator, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer drawn from ``rng`` alone: uniform within 1 / sqrt(inputs)."""
    layer: nn.Linear = _skip_init(nn.Linear, inputs, outputs, bias=bias)
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=rng)
    return layer


class _RowNorm(nn.BatchNorm1d):
    """Batch normalisation that falls back on its running statistics for a single row."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) < 2:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        normed: Tensor = super().forward(x)
        return normed


class GatedConvolution(nn.Module):
    """Update atoms from their neighbours (eq. 5 of the paper).

    The linear layer on the joined ``[x_i; x_j; e_ij]`` is split into one each, so that the two on
    atoms run over atoms, not over their twelve times as many edges: the same numbers, 2.6 times
    as fast.
    """

    def __init__(self, width: int, edge_width: int, rng: torch.Generator) -> None:
        super().__init__()
        # One draw for the joined layer keeps the usual bound, that of all its inputs.
        joined = _linear(2 * width + edge_width, 2 * width, rng)
        self.centre = _linear(width, 2 * width, rng)
        self.neighbour = _linear(width, 2 * width, rng, bias=False)
        self.edge = _linear(edge_width, 2 * width, rng, bias=False)
        parts = torch.split(joined.weight.detach(), [width, width, edge_width], dim=1)
        layers = (self.centre, self.neighbour, self.edge)
        for layer, part in zip(layers, parts, strict=True):
            layer.weight.data = part.clone()
        self.centre.bias.data = joined.bias.detach().clone()
        self.edge_norm = _RowNorm(2 * width)
        self.atom_norm = _RowNorm(width)

    def join(self, x: Tensor, edges: Tensor, batch: CrystalBatch) -> Tensor:
        """Return (e, 2 width): the linear layer on ``[x_i; x_j; e_ij]`` of every edge."""
        centre: Tensor = self.centre(x)
        z: Tensor = functional.embedding(batch.dst, self.neighbour(x)) + self.edge(edges)
        if batch.degree:
            per_atom = z.view(len(x), batch.degree, -1) + centre[:, None, :]
            return per_atom.view(len(z), -1)
        return z + functional.embedding(batch.src, centre)

    def forward(self, x: Tensor, edges: Tensor, batch: CrystalBatch) -> Tensor:
        """Return (a, width) updated atoms."""
        if len(edges):
            gate, core = self.edge_norm(self.join(x, edges, batch)).chunk(2, dim=1)
            message = torch.sigmoid(gate) * functional.softplus(core)
        else:
            message = x.new_zeros((0, x.shape[1]))
        if batch.degree:
            total = message.view(len(x), batch.degree, -1).sum(1)
        else:
            total = torch.zeros_like(x).index_add(0, batch.src, message)
        return functional.softplus(x + self.atom_norm(total))


class CrystalGraphNet(nn.Module):
    """Atoms, convolutions, mean over the crystal, head with dropout."""

    elements: Tensor
    centres: Tensor

    def __init__(self, config: CGCNNConfig, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        width = config.width
        table = torch.from_numpy(descriptors())
        self.register_buffer("elements", table, persistent=False)
        steps = round(config.cutoff / config.spacing) + 1
        centres = torch.arange(steps, dtype=torch.float64) * config.spacing
        self.register_buffer("centres", centres.float(), persistent=False)
        self._spacing, self._dropout = config.spacing, config.dropout
        self.describe = _linear(table.shape[1], width, rng)
        # Small at first: an element starts as its place in the table, and learns to differ.
        self.element = _skip_init(nn.Embedding, MAX_Z + 1, width)
        nn.init.normal_(self.element.weight, std=0.05, generator=rng)
        self.convolutions = nn.ModuleList(
            GatedConvolution(width, steps, rng) for _ in range(config.convolutions)
        )
        self.hidden = _linear(width, config.hidden, rng)
        self.output = _linear(config.hidden, 1, rng)

    def encode(self, batch: CrystalBatch) -> Tensor:
        """Return (b, width) crystal vectors: the mean over the atoms after the convolutions."""
        # Row z of one (119, width) table: the descriptors cost nothing per atom.
        table = self.describe(self.elements) + self.element.weight
        x = functional.embedding(batch.numbers, table)
        offset = (batch.distance[:, None] - self.centres) / self._spacing
        edges = torch.exp(-offset.square())
        for convolution in self.convolutions:
            x = convolution(x, edges, batch)
        total = x.new_zeros((len(batch.atoms), x.shape[1])).index_add(0, batch.owner, x)
        return total / batch.atoms[:, None]

    def head(self, crystal: Tensor, noise: torch.Generator | None, *, shared: bool) -> Tensor:
        """Return (b,) outputs from (b, width) crystal vectors.

        Args:
            crystal: what ``encode`` returned.
            noise: draws the dropout masks; None: no dropout.
            shared: one mask for all rows instead of one each.
        """
        x = self._drop(functional.softplus(crystal), noise, shared=shared)
        x = self._drop(functional.softplus(self.hidden(x)), noise, shared=shared)
        out: Tensor = self.output(x)
        return out[:, 0]

    def forward(self, batch: CrystalBatch, noise: torch.Generator | None) -> Tensor:
        """Return (b,) outputs, in standard deviations of the target or as a logit."""
        return self.head(self.encode(batch), noise, shared=False)

    def _drop(self, x: Tensor, noise: torch.Generator | None, *, shared: bool) -> Tensor:
        if noise is None:
            return x
        # Drawn on the CPU: the same masks whatever the device.
        draw = torch.rand((1 if shared else len(x), x.shape[1]), generator=noise)
        keep = (draw >= self._dropout).to(x)
        return x * keep / (1 - self._dropout)


class CGCNN:
    """The ``cgcnn`` model: fits, predicts, samples with dropout, embeds."""

    def __init__(self, config: CGCNNConfig) -> None:
        self._config = config
        self._network: CrystalGraphNet | None = None
        self._scale = Scale()
        self._device = "cpu"

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Learn from n crystals.

        Args:
            features: n graphs.
            target: (n,) in the target's unit; 0 or 1 when ``context.task`` is ``binary``.
            context: seed, threads, device, folder for ``checkpoint.npz``. Records
                ``learning_curve`` and, with ``outlier_sigma``, ``outliers``.

        Raises:
            DataError: features are no graphs, or a target cannot be learnt.
            TrainingError: the loss is NaN or explodes.
        """
        graphs = _graphs(features)
        values = np.array(target, dtype=np.float64)
        check_target(values, len(graphs), context)
        digest = graphs.fingerprint + values.tobytes().hex()
        identity = fingerprint("cgcnn", self._config, digest, context)
        network = CrystalGraphNet(self._config, derive_seed(context.seed, "weights"))
        network.to(context.device)
        with torch_settings(self._config.threads):
            examples = CrystalExamples(graphs, context.device)
            self._scale = train(
                network,
                examples,
                values,
                options=self._config,
                context=context,
                identity=identity,
            )
        self._network = network
        self._device = context.device

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions in the target's unit; P(1) for a binary task."""
        network, examples = self._ready(features)
        with torch_settings(self._config.threads):
            return self._scale.to_target(evaluate(network, examples))

    def sample(self, features: Features, passes: int, seed: int) -> F8:
        """Return (passes, n) predictions with dropout on (Gal & Ghahramani 2016).

        The convolutions hold no dropout and run once; each pass draws one thinned head and applies
        it to all crystals, so a row does not depend on the rows beside it.
        """
        network = self._ready(features)[0]
        crystal = self._encode(features)
        noise = torch.Generator().manual_seed(seed)
        with torch_settings(self._config.threads), torch.inference_mode():
            draws = [network.head(crystal, noise, shared=True) for _ in range(passes)]
            return np.stack([self._scale.to_target(draw) for draw in draws])

    def embed(self, features: Features) -> F8:
        """Return (n, width) crystal vectors, the input of the head."""
        return np.asarray(self._encode(features).double().cpu().numpy(), dtype=np.float64)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fitted model as named arrays, for storage without pickle."""
        network, scale = self._fitted(), self._scale
        arrays = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
        scalars = {f"scale/{name}": np.asarray(value) for name, value in asdict(scale).items()}
        return {**arrays, **scalars}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become the fitted model that ``state`` described, on the CPU."""
        scalars = {n.removeprefix("scale/"): arrays[n].item() for n in arrays if "scale/" in n}
        network = CrystalGraphNet(self._config, 0)
        network.load_state_dict(
            {name: torch.tensor(arrays[name]) for name in arrays if "scale/" not in name}
        )
        self._network, self._scale = network.eval(), Scale(**scalars)

    def _fitted(self) -> CrystalGraphNet:
        if self._network is None:
            raise TrainingError("cgcnn: predict was called before fit; fit it first")
        return self._network

    def _ready(self, features: Features) -> tuple[CrystalGraphNet, CrystalExamples]:
        return self._fitted(), CrystalExamples(_graphs(features), self._device)

    def _encode(self, features: Features) -> Tensor:
        network, examples = self._ready(features)
        with torch_settings(self._config.threads), torch.inference_mode():
            pieces = [network.encode(examples.batch(rows)) for rows in examples.chunks()]
            return torch.cat(pieces) if pieces else torch.zeros((0, self._config.width))


def _graphs(features: Features) -> Graphs:
    if not isinstance(features, Graphs):
        raise DataError(
            "cgcnn: it learns from graphs, not from vectors; use a featurizer such as crystal_graph"
        )
    if (empty := np.flatnonzero(np.diff(features.node_offsets) < 1)).size:
        raise DataError(f"cgcnn: the graph of row {empty[0]} has no atom")
    if ((features.numbers < 1) | (features.numbers > MAX_Z)).any():
        raise DataError(f"cgcnn: a graph holds an atomic number outside 1..{MAX_Z}")
    return features
