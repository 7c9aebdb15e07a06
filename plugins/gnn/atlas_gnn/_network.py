"""What the networks share: start values, dropout, and the model around an encoder and a head."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from atlas_core.api import F8, DataError, Features, FitContext, TrainingError, derive_seed
from atlas_gnn._device import put
from atlas_gnn._heads import stds_of
from atlas_gnn._options import TrainingConfig
from atlas_gnn._training import (
    Examples,
    Scale,
    check_target,
    evaluate,
    fingerprint,
    torch_settings,
    train,
)

# Layers without torch's own start values, which would draw from the global generator.
skip_init: Callable[..., Any] = nn.utils.skip_init


def linear(inputs: int, outputs: int, rng: torch.Generator, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer drawn from ``rng`` alone: uniform within 1 / sqrt(inputs)."""
    layer: nn.Linear = skip_init(nn.Linear, inputs, outputs, bias=bias)
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=rng)
    return layer


def drop(x: Tensor, share: float, noise: torch.Generator | None, *, shared: bool) -> Tensor:
    """Return (n, d) with a ``share`` of it set to zero and the rest scaled up; None: all of it.

    Args:
        x: (n, d) features.
        share: of the features, from 0 to 1.
        noise: draws the masks.
        shared: one mask for all rows instead of one each.
    """
    if noise is None:
        return x
    # Drawn on the CPU: the same masks whatever the device.
    draw = torch.rand((1 if shared else len(x), x.shape[1]), generator=noise)
    keep = put(draw >= share, x.device).to(x.dtype)
    return x * keep / (1 - share)


class Network(Protocol):
    """An encoder without dropout and a head with it; also an ``nn.Module`` (see ``train``).

    Attributes:
        width: d, columns of what ``encode`` returns.
    """

    width: int

    def encode(self, batch: Any) -> Tensor:
        """Return (b, d) one vector a row of the batch."""
        ...

    def head(self, encoded: Tensor, noise: torch.Generator | None, *, shared: bool) -> Tensor:
        """Return (b,) outputs from (b, d) vectors, or (b, c) of a head with c columns.

        Args:
            encoded: what ``encode`` returned.
            noise: draws the dropout masks; None: no dropout.
            shared: one mask for all rows instead of one each.
        """
        ...


class NetworkModel:
    """A model around a network: fits, predicts, samples with dropout, embeds.

    Args:
        name: the component's.
        config: its options.
        make_network: returns a ``Network`` from a seed.
        make_examples: returns the rows of features on a device, or raises ``DataError``.
    """

    fits_in_threads = True

    def __init__(
        self,
        name: str,
        config: TrainingConfig,
        make_network: Callable[[int], Any],
        make_examples: Callable[[Features, str], Examples],
    ) -> None:
        self._name, self._config = name, config
        self._make_network, self._make_examples = make_network, make_examples
        self._network: Any = None
        self._scale = Scale()
        self._device = "cpu"

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Learn from n rows.

        Args:
            features: n rows in the form that the network reads.
            target: (n,) in the target's unit; 0 or 1 when ``context.task`` is ``binary``.
            context: seed, threads, device, folder for ``checkpoint.npz``. Records
                ``learning_curve`` and, with ``outlier_sigma``, ``outliers``.

        Raises:
            DataError: the network cannot read the features, or a target cannot be learnt.
            TrainingError: the loss is NaN or explodes.
        """
        examples = self._make_examples(features, context.device)
        values = np.array(target, dtype=np.float64)
        check_target(values, len(features), context)
        if self._config.head != "mean" and context.task != "regression":
            raise DataError(
                f"{self._name}: head {self._config.head} needs a regression target, this one is"
                " binary; use head: mean, whose prediction is a probability"
            )
        digest = features.fingerprint + values.tobytes().hex()
        identity = fingerprint(self._name, self._config, digest, context)
        network = self._make_network(derive_seed(context.seed, "weights"))
        network.to(context.device)
        with torch_settings(self._config.threads):
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

        The encoder holds no dropout and runs once; each pass draws one thinned head and applies it
        to all rows, so a row does not depend on the rows beside it.
        """
        network = self._fitted()
        encoded = self._encode(features)
        noise = torch.Generator().manual_seed(seed)
        with torch_settings(self._config.threads), torch.inference_mode():
            draws = [network.head(encoded, noise, shared=True) for _ in range(passes)]
            return np.stack([self._scale.to_target(draw) for draw in draws])

    def embed(self, features: Features) -> F8:
        """Return (n, d) encoded rows, the input of the head."""
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
        network = self._make_network(0)
        network.load_state_dict(
            {name: torch.tensor(arrays[name]) for name in arrays if "scale/" not in name}
        )
        self._network, self._scale = network.eval(), Scale(**scalars)

    def _fitted(self) -> Any:
        if self._network is None:
            raise TrainingError(f"{self._name}: predict was called before fit; fit it first")
        return self._network

    def _ready(self, features: Features) -> tuple[Any, Examples]:
        return self._fitted(), self._make_examples(features, self._device)

    def _encode(self, features: Features) -> Tensor:
        network, examples = self._ready(features)
        with torch_settings(self._config.threads), torch.inference_mode():
            pieces = [network.encode(examples.batch(rows)) for rows in examples.chunks()]
            return (
                torch.cat(pieces)
                if pieces
                else torch.zeros((0, network.width), device=self._device)
            )


class SpreadingModel(NetworkModel):
    """A network whose head predicts the std of the target too."""

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) epistemic and (n,) aleatoric std in the target's unit."""
        network, examples = self._ready(features)
        with torch_settings(self._config.threads), torch.inference_mode():
            parts = stds_of(evaluate(network, examples), self._config)
        epistemic, aleatoric = (self._scale.std * part.double().cpu().numpy() for part in parts)
        return epistemic, aleatoric


def network_model(
    name: str,
    config: TrainingConfig,
    make_network: Callable[[int], Any],
    make_examples: Callable[[Features, str], Examples],
) -> NetworkModel:
    """Return an unfitted model with the methods that its options give it."""
    kind = NetworkModel if config.head == "mean" else SpreadingModel
    return kind(name, config, make_network, make_examples)
