"""Message passing between the elements of a formula (Goodall & Lee 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from atlas_core.api import (
    ATOMIC_NUMBER,
    I8,
    MAX_Z,
    SYMBOLS,
    DataError,
    Features,
    Vectors,
    offsets_of,
    segments,
)
from atlas_gnn._device import put
from atlas_gnn._elements import descriptors
from atlas_gnn._heads import COLUMNS, joined
from atlas_gnn._network import NetworkModel, drop, linear, network_model, skip_init
from atlas_gnn.hooks import RoostConfig

_CHUNK_PAIRS = 16_384
"""Pairs of elements of a piece at prediction; bounds memory at about 0.1 GB."""

_ROUNDING = 1e-6
"""How far the sum of a row's fractions may be from 1."""


@dataclass(frozen=True)
class Formulas:
    """n sets of elements as flat arrays.

    Attributes:
        offsets: (n + 1,) formula i owns elements ``offsets[i]:offsets[i + 1]``.
        numbers: (m,) atomic numbers, ascending within a formula.
        weights: (m,) atomic fractions, > 0, of sum 1 within a formula.
    """

    offsets: I8
    numbers: I8
    weights: npt.NDArray[np.float32]

    @classmethod
    def of(cls, features: Features) -> Formulas:
        """Return the sets that the columns other than 0 name.

        Raises:
            DataError: features are no atomic fractions of all elements; names row or column.
        """
        if not isinstance(features, Vectors):
            raise DataError(
                "roost: it learns from formulas, not from graphs; use featurizer element_fractions"
            )
        number = _numbers(features)
        order = np.argsort(number)
        values = features.values[:, order]
        bad = ~(values >= 0) | (values > 1 + _ROUNDING)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise DataError(
                f"roost: row {row} has {values[row, column]:g} in column"
                f" {SYMBOLS[number[order[column]]]}, expected an atomic fraction from 0 to 1; use"
                " featurizer element_fractions"
            )
        total = values.sum(axis=1)
        if (off := np.flatnonzero(np.abs(total - 1) > _ROUNDING)).size:
            raise DataError(
                f"roost: the fractions of row {off[0]} sum to {total[off[0]]:.6g} and not to 1: it"
                " holds elements that are no column; use element_fractions with elements: null"
            )
        rows, columns = np.nonzero(values)
        return cls(
            offsets=offsets_of(np.bincount(rows, minlength=len(values))),
            numbers=number[order][columns],
            weights=values[rows, columns].astype(np.float32),
        )


def _numbers(features: Vectors) -> I8:
    """Return the atomic number of each column.

    Raises:
        DataError: a label is no symbol.
    """
    labels = [str(label) for label in features.labels]
    for label in labels:
        if label not in ATOMIC_NUMBER:
            close = get_close_matches(label.capitalize(), ATOMIC_NUMBER, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise DataError(
                f"roost: column {label!r} is no element{hint}; its features are the atomic"
                " fractions of featurizer element_fractions"
            )
    return np.array([ATOMIC_NUMBER[label] for label in labels], dtype=np.int64)


@dataclass(frozen=True)
class FormulaBatch:
    """b formulas with m elements in all, those with few elements first.

    Attributes:
        numbers: (m,) atomic numbers.
        weights: (m,) atomic fractions.
        blocks: (formulas, elements of each) of each run of formulas with as many elements.
        places: (b,) where each formula of the batch stands in this order.
    """

    numbers: Tensor
    weights: Tensor
    blocks: tuple[tuple[int, int], ...]
    places: Tensor


class FormulaExamples:
    """Formulas on the host; a batch is a handful of gathers."""

    def __init__(self, formulas: Formulas, device: str) -> None:
        self._formulas, self._device = formulas, device
        self._counts = np.diff(formulas.offsets)

    def __len__(self) -> int:
        return len(self._counts)

    def batch(self, indices: I8) -> FormulaBatch:
        """Return the formulas at ``indices``, in that order.

        Formulas of as many elements stand together: a dense block without padding, so that nothing
        is computed for elements that are not there, and no mask is needed.
        """
        counts = self._counts[indices]
        order = np.argsort(counts, kind="stable")
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        flat = segments(self._formulas.offsets, np.asarray(indices)[order])
        sizes, formulas = np.unique(counts, return_counts=True)
        return FormulaBatch(
            numbers=self._put(self._formulas.numbers[flat]),
            weights=self._put(self._formulas.weights[flat]),
            blocks=tuple(zip(formulas.tolist(), sizes.tolist(), strict=True)),
            places=self._put(places),
        )

    def _put(self, values: npt.NDArray[Any]) -> Tensor:
        return put(values, self._device)

    def chunks(self) -> Iterator[I8]:
        """Yield all formulas in order, in pieces of about ``_CHUNK_PAIRS`` pairs."""
        if len(self):
            piece = np.cumsum(self._counts**2) // _CHUNK_PAIRS
            yield from np.split(np.arange(len(self)), np.flatnonzero(np.diff(piece)) + 1)


def _split(x: Tensor, batch: FormulaBatch) -> list[Tensor]:
    """Return (formulas, elements, d) of each block from (m, d)."""
    pieces = torch.split(x, [formulas * size for formulas, size in batch.blocks])
    return [
        piece.view(*block, x.shape[1]) for piece, block in zip(pieces, batch.blocks, strict=True)
    ]


class Attention(nn.Module):
    """Weighted soft attention over the elements of a formula, several heads (eq. 3 to 5).

    Head m has a layer of ``message`` units to its score and one to its message. The scores of a
    receiver become ``a_j = w_j exp(score_j) / sum_k w_k exp(score_k)``, and the pooled messages of
    all heads go through one linear layer: the last layer of the message and the sum over heads.
    That layer stands after the sum over j, because it is linear and the a_j sum to 1: the same
    numbers, once per element and not once per pair.
    """

    def __init__(self, inputs: int, config: RoostConfig, rng: torch.Generator) -> None:
        super().__init__()
        self._heads, self._units = config.heads, config.message
        columns = 2 * config.heads * config.message
        self.score = nn.Parameter(torch.empty(config.heads, config.message))
        bound = config.message**-0.5
        nn.init.uniform_(self.score, -bound, bound, generator=rng)
        self.first = linear(inputs, columns, rng)
        self.last = linear(columns // 2, config.width, rng)

    def pool(self, inner: Tensor, log_weights: Tensor) -> Tensor:
        """Return (..., heads x units) pooled messages of (..., k, 2 x heads x units) layers.

        Args:
            inner: the first layer of scores and messages of k senders, before its activation.
            log_weights: (..., k) logarithms of the senders' fractions.
        """
        inner = functional.leaky_relu(inner)
        shape = (*inner.shape[:-1], 2, self._heads, self._units)
        score, message = inner.view(shape).unbind(-3)
        # w exp(s) = exp(s + log w); the last layer's bias of a score would cancel out.
        share = torch.softmax((score * self.score).sum(-1) + log_weights[..., None], dim=-2)
        return (message * share[..., None]).sum(-3).flatten(-2)


class Message(Attention):
    """Update the elements of a formula from all of them, themselves included (eq. 2 to 4).

    The first layer on the joined ``[h_i; h_j]`` is split in two that run over elements, not over
    pairs of them: the same numbers.
    """

    def __init__(self, config: RoostConfig, rng: torch.Generator) -> None:
        width = config.width
        super().__init__(2 * width, config, rng)

    def forward(self, x: Tensor, log_weights: list[Tensor], batch: FormulaBatch) -> Tensor:
        """Return (m, width) updated elements."""
        receiver, sender = self.first.weight.chunk(2, dim=1)
        mine = _split(functional.linear(x, receiver, self.first.bias), batch)
        theirs = _split(functional.linear(x, sender), batch)
        pooled = [
            self.pool(i[:, :, None] + j[:, None], w[:, None]).flatten(0, 1)
            for i, j, w in zip(mine, theirs, log_weights, strict=True)
        ]
        change: Tensor = self.last(torch.cat(pooled))
        return x + change


class Pooling(Attention):
    """Pool the elements of a formula to one vector by their weights (the paper's last pooling)."""

    def __init__(self, config: RoostConfig, rng: torch.Generator) -> None:
        super().__init__(config.width, config, rng)

    def forward(self, x: Tensor, log_weights: list[Tensor], batch: FormulaBatch) -> Tensor:
        """Return (b, width) formula vectors, in the order of the blocks."""
        inner = _split(self.first(x), batch)
        pooled = [self.pool(z, w) for z, w in zip(inner, log_weights, strict=True)]
        vector: Tensor = self.last(torch.cat(pooled))
        return vector


class CompositionNet(nn.Module):
    """Elements, rounds of messages, pooling to the formula, head with dropout."""

    elements: Tensor

    def __init__(self, config: RoostConfig, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.width = width = config.width
        table = torch.from_numpy(descriptors())
        self.register_buffer("elements", table, persistent=False)
        self._dropout = config.dropout
        self.describe = linear(table.shape[1], width, rng)
        # Small at first: an element starts as its place in the table, and learns to differ.
        self.element = skip_init(nn.Embedding, MAX_Z + 1, width)
        nn.init.normal_(self.element.weight, std=0.05, generator=rng)
        self.amount = linear(1, width, rng, bias=False)
        self.rounds = nn.ModuleList(Message(config, rng) for _ in range(config.rounds))
        self.pooling = Pooling(config, rng)
        self.hidden = linear(width, config.hidden, rng)
        self.output = linear(config.hidden, COLUMNS[config.head], rng)

    def encode(self, batch: FormulaBatch) -> Tensor:
        """Return (b, width) formula vectors, in the order of the batch."""
        # Row z of one (119, width) table: the descriptors cost nothing per element.
        table = self.describe(self.elements) + self.element.weight
        x = functional.embedding(batch.numbers, table) + self.amount(batch.weights[:, None])
        log_weights = [w[..., 0] for w in _split(batch.weights.log()[:, None], batch)]
        for layer in self.rounds:
            x = layer(x, log_weights, batch)
        vectors: Tensor = self.pooling(x, log_weights, batch)
        return vectors[batch.places]

    def head(self, encoded: Tensor, noise: torch.Generator | None, *, shared: bool) -> Tensor:
        """Return outputs from (b, width) formula vectors.

        Args:
            encoded: what ``encode`` returned.
            noise: draws the dropout masks; None: no dropout.
            shared: one mask for all rows instead of one each.
        """
        x = drop(functional.leaky_relu(encoded), self._dropout, noise, shared=shared)
        x = drop(functional.leaky_relu(self.hidden(x)), self._dropout, noise, shared=shared)
        return joined(self.output(x))

    def forward(self, batch: FormulaBatch, noise: torch.Generator | None) -> Tensor:
        """Return outputs of the head, in standard deviations of the target or as a logit."""
        return self.head(self.encode(batch), noise, shared=False)


def roost(config: RoostConfig) -> NetworkModel:
    """Return the unfitted ``roost`` model; its rows are (n, columns) fractions, by symbol."""
    return network_model("roost", config, partial(CompositionNet, config), _examples)


def _examples(features: Features, device: str) -> FormulaExamples:
    return FormulaExamples(Formulas.of(features), device)
