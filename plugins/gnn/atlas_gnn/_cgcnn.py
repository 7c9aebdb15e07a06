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
from torch.autograd.function import once_differentiable
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
    offsets_of,
    segments,
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
_CHUNK_CRYSTALS = 4096
"""Crystals that are looked at together when a set is opened."""
_BLOCK_ROWS = 2048
"""Rows of (edges, 128) whose product is held at once: 1 MB."""
_REACH = 5.0
"""Widths at which a Gaussian counts as zero: it is 1e-11 there."""
_FARTHEST = 80.0
"""exp(-80) is 2e-35; beyond it float32 turns denormal and the exponential ten times slower."""


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
        nearest: the smallest distance, in Å.
        farthest: the largest distance, in Å.
        degree: edges of every atom where all have the same and edges stand in atom order, else 0.
    """

    numbers: Tensor
    owner: Tensor
    atoms: Tensor
    src: Tensor
    dst: Tensor
    distance: Tensor
    nearest: float
    farthest: float
    degree: int


@dataclass(frozen=True)
class Expansion:
    """Distances as Gaussians.

    Attributes:
        values: (e, c) at the ``reached`` centres; the others are zero for every edge.
        reached: which of all centres.
    """

    values: Tensor
    reached: slice


class CrystalExamples:
    """Graphs in their stored arrays, memory-mapped or not; a batch is a handful of gathers."""

    def __init__(self, graphs: Graphs, device: str) -> None:
        self._graphs, self._device = graphs, device
        self._atoms = np.diff(graphs.node_offsets)
        self._edges = np.diff(graphs.edge_offsets)
        self._degree = _common_degree(graphs)

    def __len__(self) -> int:
        return len(self._atoms)

    def batch(self, indices: I8) -> CrystalBatch:
        """Return the crystals at ``indices``, in that order."""
        graphs, degree = self._graphs, self._degree
        atoms = self._atoms[indices]
        first = offsets_of(atoms)[:-1]
        nodes = segments(graphs.node_offsets, indices)
        if degree:
            # Edges stand in atom order: whole rows of neighbours, not single edges, are gathered.
            dst = graphs.dst.reshape(-1, degree)[nodes] + np.repeat(first, atoms)[:, None]
            distance = graphs.distance.reshape(-1, degree)[nodes]
            src = np.repeat(np.arange(len(nodes)), degree)
        else:
            edges = segments(graphs.edge_offsets, indices)
            shift = np.repeat(first, self._edges[indices])
            src, dst = graphs.src[edges] + shift, graphs.dst[edges] + shift
            distance = graphs.distance[edges]
        return CrystalBatch(
            numbers=self._put(graphs.numbers[nodes].astype(np.int64)),
            owner=self._put(np.repeat(np.arange(len(indices)), atoms)),
            atoms=self._put(atoms),
            src=self._put(src),
            dst=self._put(dst.reshape(-1)),
            distance=self._put(distance.reshape(-1)),
            nearest=float(distance.min()) if distance.size else 0.0,
            farthest=float(distance.max()) if distance.size else 0.0,
            degree=degree,
        )

    def _put(self, values: npt.NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(values)
        if self._device == "cpu":
            return tensor
        # From pinned memory the copy runs while the device computes.
        return tensor.pin_memory().to(self._device, non_blocking=True)

    def chunks(self) -> Iterator[I8]:
        """Yield all crystals in order, in pieces of about ``_CHUNK_ROWS`` atoms and edges."""
        if len(self):
            offsets = self._graphs.node_offsets + self._graphs.edge_offsets
            piece = offsets[:-1] // _CHUNK_ROWS
            yield from np.split(np.arange(len(self)), np.flatnonzero(np.diff(piece)) + 1)


def _common_degree(graphs: Graphs) -> int:
    """Return the edges of every atom where all have the same, in atom order; else 0."""
    atoms, degree = len(graphs.numbers), 0
    if atoms and len(graphs.src) % atoms == 0:
        degree = len(graphs.src) // atoms
    if not degree or not np.array_equal(graphs.edge_offsets, graphs.node_offsets * degree):
        return 0
    for start in range(0, len(graphs), _CHUNK_CRYSTALS):
        stop = min(start + _CHUNK_CRYSTALS, len(graphs))
        low, high = graphs.node_offsets[start], graphs.node_offsets[stop]
        sizes = np.diff(graphs.node_offsets[start : stop + 1])
        within = np.arange(high - low) - np.repeat(graphs.node_offsets[start:stop] - low, sizes)
        rows = graphs.src[low * degree : high * degree].reshape(-1, degree)
        if not (rows == within[:, None]).all():
            return 0
    return degree


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


def _column_dot(x: Tensor, y: Tensor) -> Tensor:
    """Return (d,) dot products of the columns of x and y, in blocks that stay in the cache."""
    blocks = zip(x.split(_BLOCK_ROWS), y.split(_BLOCK_ROWS), strict=True)
    return torch.stack([(left * right).sum(0) for left, right in blocks]).sum(0)


class _GatedSum(torch.autograd.Function):
    """Normalise over edges, gate, and sum over neighbours: forward and backward by hand.

    torch's own derivative of these steps makes twice as many passes over arrays of (edges,
    2 width), which is where a step on a CPU spends its time.
    """

    @staticmethod
    def forward(  # type: ignore[override]  # noqa: PLR0917 - autograd counts by position
        ctx: Any,
        centre: Tensor,
        neighbour: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        edges: Tensor,
        batch: CrystalBatch,
        norm: nn.BatchNorm1d,
    ) -> Tensor:
        """Return (a, width) from (a, 2 width) centre and neighbour and (e, c) edges."""
        atoms, double = centre.shape
        edges = edges.to(neighbour.dtype)
        z = neighbour.index_select(0, batch.dst)
        z.addmm_(edges, weight.to(neighbour.dtype).t())
        z.view(atoms, batch.degree, double).add_(centre[:, None])
        normed, _, inverse_std = torch.native_batch_norm(
            z, None, None, norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        )
        torch.addcmul(beta, normed, gamma, out=z)
        gate, core = torch.sigmoid(z[:, : double // 2]), functional.softplus(z[:, double // 2 :])
        ctx.save_for_backward(edges, gamma, batch.dst, normed, inverse_std, gate, core)
        # Into memory that is no longer needed: a new array of this size costs more than the sum.
        message = torch.mul(gate, core, out=z[:, : double // 2])
        return message.view(atoms, batch.degree, double // 2).sum(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of ``forward``'s tensors."""
        edges, gamma, dst, normed, inverse_std, gate, core = ctx.saved_tensors
        atoms, width = grad.shape
        gate, core = (part.view(atoms, -1, width) for part in (gate, core))
        dz = torch.empty_like(normed)
        by_atom = dz.view(atoms, -1, 2 * width)
        dgate, dcore = by_atom[..., :width], by_atom[..., width:]
        torch.mul(gate, grad[:, None], out=dcore)
        torch.mul(dcore, core, out=dgate)
        dgate.addcmul_(dgate, gate, value=-1)  # sigmoid' = gate (1 - gate)
        dcore.addcmul_(dcore, torch.exp_(-core), value=-1)  # softplus' = 1 - exp(-core)
        dbeta, dgamma = dz.sum(0), _column_dot(dz, normed)
        dz.addcmul_(normed, dgamma / -len(dz)).sub_(dbeta / len(dz))
        slope = gamma * inverse_std  # of each column: applied to the small sums, not to dz
        dneighbour = dz.new_zeros((atoms, 2 * width)).index_add_(0, dst, dz)
        dweight = (edges.t() @ dz).t() * slope[:, None]
        dcentre = by_atom.sum(1) * slope
        return dcentre, dneighbour * slope, dweight, dgamma, dbeta, None, None, None


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

    def join(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (e, 2 width): the linear layer on ``[x_i; x_j; e_ij]`` of every edge."""
        centre: Tensor = self.centre(x)
        z: Tensor = functional.embedding(batch.dst, self.neighbour(x))
        z = z + functional.linear(edges.values, self.edge.weight[:, edges.reached])
        if batch.degree:
            per_atom = z.view(len(x), batch.degree, -1) + centre[:, None, :]
            return per_atom.view(len(z), -1)
        return z + functional.embedding(batch.src, centre)

    def forward(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (a, width) updated atoms."""
        if batch.degree and self.training and len(batch.dst) > 1:
            norm = self.edge_norm
            total: Tensor = _GatedSum.apply(  # type: ignore[no-untyped-call]
                self.centre(x),
                self.neighbour(x),
                self.edge.weight[:, edges.reached],
                norm.weight,
                norm.bias,
                edges.values,
                batch,
                norm,
            )
        else:
            total = self._gated_sum(x, edges, batch)
        return functional.softplus(x + self.atom_norm(total))

    def _gated_sum(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (a, width) sums of messages, for any number of neighbours."""
        if len(batch.dst):
            gate, core = self.edge_norm(self.join(x, edges, batch)).chunk(2, dim=1)
            message = torch.sigmoid(gate) * functional.softplus(core)
        else:
            message = x.new_zeros((0, x.shape[1]))
        if batch.degree:
            return message.view(len(x), batch.degree, -1).sum(1)
        return torch.zeros_like(x).index_add(0, batch.src, message)


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

    def expand(self, batch: CrystalBatch) -> Expansion:
        """Return the Gaussians of the batch's distances, without those that none reaches."""
        first = max(0, math.ceil(batch.nearest / self._spacing - _REACH))
        last = max(first, math.floor(batch.farthest / self._spacing + _REACH))
        reached = slice(first, last + 1)
        values = (batch.distance[:, None] - self.centres[reached]).div_(self._spacing)
        return Expansion(values.square_().clamp_(max=_FARTHEST).neg_().exp_(), reached)

    def encode(self, batch: CrystalBatch) -> Tensor:
        """Return (b, width) crystal vectors: the mean over the atoms after the convolutions."""
        # Row z of one (119, width) table: the descriptors cost nothing per atom.
        table = self.describe(self.elements) + self.element.weight
        x = functional.embedding(batch.numbers, table)
        edges = self.expand(batch)
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

    fits_in_threads = True

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
