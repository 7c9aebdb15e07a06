"""Equivariant network on bond directions, and thus angles (Schütt et al. 2021).

Equations are those of arXiv:2102.03150. Vectors turn with the crystal; scalars, and so what is
predicted, do not change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from atlas_core.api import MAX_Z, DataError, Features
from atlas_gnn._crystals import CrystalBatch, CrystalExamples, crystals
from atlas_gnn._elements import descriptors
from atlas_gnn._heads import COLUMNS, joined
from atlas_gnn._network import NetworkModel, drop, linear, network_model, skip_init
from atlas_gnn.hooks import PaiNNConfig

_BLOCK_ROWS = 1024
"""Edges whose messages are held at once: (1024, 192) numbers are 0.8 MB."""
_SMALL = 1e-8
"""Added under square roots, so that the length of a zero vector has a derivative."""


@dataclass(frozen=True)
class Edges:
    """What messages are made from, for e edges.

    Attributes:
        src: (e,) the atom that receives.
        dst: (e,) its neighbor, which sends.
        basis: (e, r) radial functions of the distance, the last one the cutoff itself; all are
            zero from the cutoff on.
        unit: (e, 3) from ``src`` to ``dst``, of length 1.
    """

    src: Tensor
    dst: Tensor
    basis: Tensor
    unit: Tensor

    def blocks(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield src, dst, basis and unit of a few edges after another; on a GPU of all at once."""
        size = _BLOCK_ROWS if self.dst.device.type == "cpu" else max(1, len(self.dst))
        parts = (self.src, self.dst, self.basis, self.unit)
        yield from zip(*(part.split(size) for part in parts), strict=True)


def radial_basis(distance: Tensor, cutoff: float, waves: int) -> Tensor:
    """Return (e, waves + 1): sin(n pi x) / (pi x) at x = distance / cutoff, and 1, all fading.

    The sines are those of the paper's message block in units of the cutoff, so that their size
    does not depend on it; the 1 is the bias of the filters. All are multiplied by the cosine
    cutoff, so that nothing jumps where an atom leaves the sphere.
    """
    x = (distance / cutoff).clamp(max=1.0)[:, None]
    fade = 0.5 * (torch.cos(math.pi * x) + 1)
    order = torch.arange(1, waves + 1, dtype=distance.dtype, device=distance.device)
    return torch.cat([torch.sinc(order * x) * order * fade, fade], dim=1)


class _SumInBlocks(torch.autograd.Function):
    """The sums of ``pass_messages``, block by block, with a derivative by hand.

    A block of filters and messages stays in the processor's cache, and backward makes it again
    instead of reading it from memory: messages of all edges are never held.
    """

    @staticmethod
    def forward(
        ctx: Any, phi: Tensor, weight: Tensor, v: Tensor | None, edges: Edges
    ) -> tuple[Tensor, Tensor]:
        """Return (a, f) and (a, 3, f)."""
        f = weight.shape[1] // (2 if v is None else 3)
        ctx.save_for_backward(phi, weight, v)
        ctx.edges = edges
        s_sum, v_sum = phi.new_zeros((len(phi), f)), phi.new_zeros((len(phi), 3, f))
        for src, dst, basis, unit in edges.blocks():
            x = torch.mm(basis, weight).mul_(phi.index_select(0, dst))
            along = unit[:, :, None] * x[:, None, f : 2 * f]
            if v is not None:
                along.addcmul_(v.index_select(0, dst), x[:, None, 2 * f :])
            s_sum.index_add_(0, src, x[:, :f])
            v_sum.index_add_(0, src, along)
        return s_sum, v_sum

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, s_grad: Tensor, v_grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of phi, weight and v."""
        phi, weight, v = ctx.saved_tensors
        f = s_grad.shape[1]
        dphi, dweight = torch.zeros_like(phi), torch.zeros_like(weight)
        dv = None if v is None else torch.zeros_like(v)
        for src, dst, basis, unit in ctx.edges.blocks():
            sent, filters = phi.index_select(0, dst), torch.mm(basis, weight)
            pull = v_grad.index_select(0, src)
            dx = torch.empty_like(filters)
            dx[:, :f] = s_grad.index_select(0, src)
            torch.sum(pull * unit[:, :, None], 1, out=dx[:, f : 2 * f])
            if v is not None and dv is not None:
                vectors = v.index_select(0, dst)
                torch.sum(vectors.mul_(pull), 1, out=dx[:, 2 * f :])
                scale = sent[:, 2 * f :] * filters[:, 2 * f :]
                dv.index_add_(0, dst, pull.mul_(scale[:, None]))
            dweight.addmm_(basis.t(), sent.mul_(dx))
            dphi.index_add_(0, dst, dx.mul_(filters))
        return dphi, dweight, dv, None


def pass_messages(
    phi: Tensor, weight: Tensor, v: Tensor | None, edges: Edges
) -> tuple[Tensor, Tensor]:
    """Return (a, f) and (a, 3, f): the sums over neighbors of equations 7 and 8.

    Args:
        phi: (a, 3 f) what an atom sends: to scalars, along the edge, and along its own vectors;
            (a, 2 f) where vectors are still zero.
        weight: (r, 3 f) or (r, 2 f) filters.
        v: (a, 3, f) vectors, or None for zero.
        edges: the edges.
    """
    with torch.autocast(phi.device.type, enabled=False):
        found: tuple[Tensor, Tensor] = _SumInBlocks.apply(  # type: ignore[no-untyped-call]
            phi.float(), weight, v, edges
        )
        return found


class Interaction(nn.Module):
    """One round of the paper's message and update blocks (figure 2).

    Args:
        width: f, scalars and vectors of an atom.
        radial: columns of the radial basis.
        rng: draws the start values.
        first: vectors are still zero, so none are sent.
        last: vectors are not read afterward, so they are not updated.
    """

    def __init__(
        self, width: int, radial: int, rng: torch.Generator, *, first: bool, last: bool
    ) -> None:
        super().__init__()
        self._last = last
        sent, changed = 2 if first else 3, 2 if last else 3
        self.send_in = linear(width, width, rng)
        self.send_out = linear(width, sent * width, rng)
        self.filters = linear(radial, sent * width, rng, bias=False)
        self.mix = linear(width, 2 * width, rng, bias=False)
        self.update_in = linear(2 * width, width, rng)
        self.update_out = linear(width, changed * width, rng)

    def forward(self, s: Tensor, v: Tensor | None, edges: Edges) -> tuple[Tensor, Tensor]:
        """Return (a, f) scalars and (a, 3, f) vectors after one round."""
        f = s.shape[1]
        # The dense layers of the message run over atoms: only their result goes to the edges.
        phi = self.send_out(functional.silu(self.send_in(s)))
        s_sum, v_sum = pass_messages(phi, self.filters.weight.t(), v, edges)
        s = s + s_sum
        v = v_sum if v is None else v + v_sum
        left, right = self.mix(v).float().split(f, dim=2)  # U v and V v of equations 9 and 10
        length = torch.sqrt(right.square().sum(1) + _SMALL)
        a = self.update_out(functional.silu(self.update_in(torch.cat([s, length], dim=1))))
        s = s + a[:, :f] + a[:, f : 2 * f] * (left * right).sum(1)
        return s, v if self._last else v + a[:, None, 2 * f :] * left


class EquivariantNet(nn.Module):
    """Atoms, interactions, mean over the crystal, head with dropout."""

    elements: Tensor

    def __init__(self, config: PaiNNConfig, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.width = width = config.width
        table = torch.from_numpy(descriptors())
        self.register_buffer("elements", table, persistent=False)
        self._config = config
        self.describe = linear(table.shape[1], width, rng)
        # Small at first: an element starts as its place in the table, and learns to differ.
        self.element = skip_init(nn.Embedding, MAX_Z + 1, width)
        nn.init.normal_(self.element.weight, std=0.05, generator=rng)
        rounds = range(config.interactions)
        self.interactions = nn.ModuleList(
            Interaction(width, config.radial + 1, rng, first=i == 0, last=i == rounds[-1])
            for i in rounds
        )
        self.hidden = linear(width, config.hidden, rng)
        self.output = linear(config.hidden, COLUMNS[config.head], rng)

    def edges(self, batch: CrystalBatch) -> Edges:
        """Return what messages are made from."""
        if batch.vector is None:
            raise DataError("painn: the graphs hold no vectors of edges")
        return Edges(
            src=batch.src,
            dst=batch.dst,
            basis=radial_basis(batch.distance, self._config.cutoff, self._config.radial),
            unit=batch.vector / batch.distance.clamp(min=_SMALL)[:, None],
        )

    def interact(self, batch: CrystalBatch) -> tuple[Tensor, Tensor]:
        """Return (a, f) scalars and (a, 3, f) vectors of the atoms after the last round."""
        # Row z of one (119, width) table: the descriptors cost nothing per atom.
        table = self.describe(self.elements) + self.element.weight
        s: Tensor = functional.embedding(batch.numbers, table)
        v: Tensor | None = None
        edges = self.edges(batch)
        for interaction in self.interactions:
            s, v = interaction(s, v, edges)
        assert v is not None  # noqa: S101 - there is at least one round
        return s, v

    def encode(self, batch: CrystalBatch) -> Tensor:
        """Return (b, width) crystal vectors: the mean over the atoms after the last round."""
        s, _ = self.interact(batch)
        total = s.new_zeros((len(batch.atoms), s.shape[1])).index_add(0, batch.owner, s)
        return total / batch.atoms[:, None]

    def head(self, crystal: Tensor, noise: torch.Generator | None, *, shared: bool) -> Tensor:
        """Return outputs from (b, width) crystal vectors (see ``Network.head``)."""
        share = self._config.dropout
        x = drop(functional.silu(crystal), share, noise, shared=shared)
        x = drop(functional.silu(self.hidden(x)), share, noise, shared=shared)
        return joined(self.output(x))

    def forward(self, batch: CrystalBatch, noise: torch.Generator | None) -> Tensor:
        """Return outputs of the head, in standard deviations of the target or as a logit."""
        return self.head(self.encode(batch), noise, shared=False)


def painn(config: PaiNNConfig) -> NetworkModel:
    """Return the unfitted ``painn`` model."""
    return network_model("painn", config, partial(EquivariantNet, config), _examples)


def _examples(features: Features, device: str) -> CrystalExamples:
    graphs = crystals(features, "painn")
    if graphs.vector is None:
        raise DataError(
            "painn: the graphs hold no vectors of edges; use a featurizer that gives"
            " features:directions, such as crystal_graph with shells: whole"
        )
    return CrystalExamples(graphs, device, directions=True)
