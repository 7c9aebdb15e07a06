"""Crystal graph convolutional network with dropout and embedding (Xie & Grossman 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from atlas_core.api import MAX_Z, Features
from atlas_gnn._crystals import CrystalBatch, CrystalExamples, crystals
from atlas_gnn._elements import descriptors
from atlas_gnn._heads import COLUMNS, joined
from atlas_gnn._network import NetworkModel, drop, linear, network_model, skip_init
from atlas_gnn.hooks import CGCNNConfig

_BLOCK_ROWS = 2048
"""Rows of (edges, 128) whose product is held at once: 1 MB."""
_REACH = 5.0
"""Widths at which a Gaussian counts as zero: it is 1e-11 there."""
_FARTHEST = 80.0
"""exp(-80) is 2e-35; beyond it float32 turns denormal and the exponential ten times slower."""


@dataclass(frozen=True)
class Expansion:
    """Distances as Gaussians.

    Attributes:
        values: (e, c) at the ``reached`` centers; the others are zero for every edge.
        reached: which of all centers.
    """

    values: Tensor
    reached: slice


class _RowNorm(nn.BatchNorm1d):
    """Batch normalization that falls back on its running statistics for a single row."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) < 2:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        normed: Tensor = super().forward(x)
        return normed


def _column_dot(x: Tensor, y: Tensor, sums: torch.dtype) -> Tensor:
    """Return (d,) dot products of the columns of x and y, in blocks that stay in the cache."""
    blocks = zip(x.split(_BLOCK_ROWS), y.split(_BLOCK_ROWS), strict=True)
    return torch.stack([(left * right).sum(0, dtype=sums) for left, right in blocks]).sum(0)


class _GatedSum(torch.autograd.Function):
    """Normalize over edges, gate, and sum over neighbors: forward and backward by hand.

    torch's own derivative of these steps makes twice as many passes over arrays of (edges,
    2 width), which is where a step on a CPU spends its time.
    """

    @staticmethod
    def forward(  # type: ignore[override]  # noqa: PLR0917 - autograd counts by position
        ctx: Any,
        center: Tensor,
        neighbor: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        edges: Tensor,
        batch: CrystalBatch,
        norm: nn.BatchNorm1d,
    ) -> Tensor:
        """Return (a, width) from (a, 2 width) center and neighbor and (e, c) edges."""
        atoms, double = center.shape
        edges = edges.to(neighbor.dtype)
        z = neighbor.index_select(0, batch.dst)
        z.addmm_(edges, weight.to(neighbor.dtype).t())
        z.view(atoms, batch.degree, double).add_(center[:, None])
        normed, _, inverse_std = torch.native_batch_norm(
            z, None, None, norm.running_mean, norm.running_var, True, norm.momentum, norm.eps
        )
        torch.addcmul(beta, normed, gamma, out=z)
        gate, core = torch.sigmoid(z[:, : double // 2]), functional.softplus(z[:, double // 2 :])
        ctx.save_for_backward(edges, gamma, batch.dst, normed, inverse_std, gate, core)
        # Into memory that is no longer needed: a new array of this size costs more than the sum.
        message = torch.mul(gate, core, out=z[:, : double // 2])
        sums = torch.promote_types(z.dtype, torch.float32)
        return message.view(atoms, batch.degree, double // 2).sum(1, dtype=sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of ``forward``'s tensors."""
        edges, gamma, dst, normed, inverse_std, gate, core = ctx.saved_tensors
        atoms, width = grad.shape
        sums = torch.promote_types(normed.dtype, torch.float32)  # products may be in bfloat16
        gate, core = (part.view(atoms, -1, width) for part in (gate, core))
        dz = torch.empty_like(normed)
        by_atom = dz.view(atoms, -1, 2 * width)
        dgate, dcore = by_atom[..., :width], by_atom[..., width:]
        torch.mul(gate, grad[:, None], out=dcore)
        torch.mul(dcore, core, out=dgate)
        dgate.addcmul_(dgate, gate, value=-1)  # sigmoid' = gate (1 - gate)
        dcore.addcmul_(dcore, torch.exp_(-core), value=-1)  # softplus' = 1 - exp(-core)
        dbeta, dgamma = dz.sum(0, dtype=sums), _column_dot(dz, normed, sums)
        dz.addcmul_(normed, dgamma / -len(dz)).sub_(dbeta / len(dz))
        slope = gamma * inverse_std  # of each column: applied to the small sums, not to dz
        dneighbor = dz.new_zeros((atoms, 2 * width), dtype=sums).index_add_(0, dst, dz.to(sums))
        dweight = (edges.t() @ dz).t() * slope[:, None]
        dcenter = by_atom.sum(1, dtype=sums) * slope
        return dcenter, dneighbor * slope, dweight, dgamma, dbeta, None, None, None


class GatedConvolution(nn.Module):
    """Update atoms from their neighbors (eq. 5 of the paper).

    The linear layer on the joined ``[x_i; x_j; e_ij]`` is split into one each, so that the two on
    atoms run over atoms, not over their twelve times as many edges: the same numbers, 2.6 times
    as fast.
    """

    def __init__(self, width: int, edge_width: int, rng: torch.Generator) -> None:
        super().__init__()
        # One draw for the joined layer keeps the usual bound, that of all its inputs.
        joined = linear(2 * width + edge_width, 2 * width, rng)
        self.center = linear(width, 2 * width, rng)
        self.neighbor = linear(width, 2 * width, rng, bias=False)
        self.edge = linear(edge_width, 2 * width, rng, bias=False)
        parts = torch.split(joined.weight.detach(), [width, width, edge_width], dim=1)
        layers = (self.center, self.neighbor, self.edge)
        for layer, part in zip(layers, parts, strict=True):
            layer.weight.data = part.clone()
        self.center.bias.data = joined.bias.detach().clone()
        self.edge_norm = _RowNorm(2 * width)
        self.atom_norm = _RowNorm(width)

    def join(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (e, 2 width): the linear layer on ``[x_i; x_j; e_ij]`` of every edge."""
        center: Tensor = self.center(x)
        z: Tensor = functional.embedding(batch.dst, self.neighbor(x))
        z = z + functional.linear(edges.values, self.edge.weight[:, edges.reached])
        if batch.degree:
            per_atom = z.view(len(x), batch.degree, -1) + center[:, None, :]
            return per_atom.view(len(z), -1)
        return z + functional.embedding(batch.src, center)

    def forward(self, x: Tensor, edges: Expansion, batch: CrystalBatch) -> Tensor:
        """Return (a, width) updated atoms."""
        if batch.degree and self.training and len(batch.dst) > 1:
            norm = self.edge_norm
            total: Tensor = _GatedSum.apply(  # type: ignore[no-untyped-call]
                self.center(x),
                self.neighbor(x),
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
        """Return (a, width) sums of messages, for any number of neighbors."""
        if len(batch.dst):
            gate, core = self.edge_norm(self.join(x, edges, batch)).chunk(2, dim=1)
            message = (torch.sigmoid(gate) * functional.softplus(core)).to(x.dtype)
        else:
            message = x.new_zeros((0, x.shape[1]))
        if batch.degree:
            return message.view(len(x), batch.degree, -1).sum(1)
        return torch.zeros_like(x).index_add(0, batch.src, message)


class CrystalGraphNet(nn.Module):
    """Atoms, convolutions, mean over the crystal, head with dropout."""

    elements: Tensor
    centers: Tensor

    def __init__(self, config: CGCNNConfig, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.width = width = config.width
        table = torch.from_numpy(descriptors())
        self.register_buffer("elements", table, persistent=False)
        steps = round(config.cutoff / config.spacing) + 1
        centers = torch.arange(steps, dtype=torch.float64) * config.spacing
        self.register_buffer("centers", centers.float(), persistent=False)
        self._spacing, self._dropout = config.spacing, config.dropout
        self.describe = linear(table.shape[1], width, rng)
        # Small at first: an element starts as its place in the table, and learns to differ.
        self.element = skip_init(nn.Embedding, MAX_Z + 1, width)
        nn.init.normal_(self.element.weight, std=0.05, generator=rng)
        self.convolutions = nn.ModuleList(
            GatedConvolution(width, steps, rng) for _ in range(config.convolutions)
        )
        self.hidden = linear(width, config.hidden, rng)
        self.output = linear(config.hidden, COLUMNS[config.head], rng)

    def expand(self, batch: CrystalBatch) -> Expansion:
        """Return the Gaussians of the batch's distances, without those that none reaches."""
        first = max(0, math.ceil(batch.nearest / self._spacing - _REACH))
        last = max(first, math.floor(batch.farthest / self._spacing + _REACH))
        reached = slice(first, last + 1)
        values = (batch.distance[:, None] - self.centers[reached]).div_(self._spacing)
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
        """Return outputs from (b, width) crystal vectors (see ``Network.head``)."""
        x = drop(functional.softplus(crystal), self._dropout, noise, shared=shared)
        x = drop(functional.softplus(self.hidden(x)), self._dropout, noise, shared=shared)
        return joined(self.output(x))

    def forward(self, batch: CrystalBatch, noise: torch.Generator | None) -> Tensor:
        """Return outputs of the head, in standard deviations of the target or as a logit."""
        return self.head(self.encode(batch), noise, shared=False)


def cgcnn(config: CGCNNConfig) -> NetworkModel:
    """Return the unfitted ``cgcnn`` model."""
    return network_model("cgcnn", config, partial(CrystalGraphNet, config), _examples)


def _examples(features: Features, device: str) -> CrystalExamples:
    return CrystalExamples(crystals(features, "cgcnn"), device)
