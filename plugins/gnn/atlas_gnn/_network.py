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
from atlas_gnn._device import put, torch_settings
from atlas_gnn._examples import Examples, check_target
from atlas_gnn._heads import stds_of
from atlas_gnn._options import TrainingConfig
from atlas_gnn._training import Scale, evaluate, fingerprint, train
from atlas_gnn.hooks import atlas_model


def skip_init(kind: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return a layer without start values, which torch would draw from its global generator."""
    # on the device of new tensors: a network that is only measured takes no memory
    return nn.utils.skip_init(kind, *args, device=torch.get_default_device(), **options)


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
        self._trained: list[tuple[Any, Scale]] = []
        self._device = "cpu"

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Learn from n rows.

        Args:
            features: n rows in the form that the network reads.
            target: (n,) in the target's unit; 0 or 1 when ``context.task`` is ``binary``.
            context: seed, threads, device, folder for ``checkpoint.npz``. Records
                ``learning_curve`` and, with ``outlier_sigma``, ``outliers``.

        Raises:
            DataError: the network cannot read the features, or a target cannot be learned.
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
        options, trained = self._config, []
        network = self._make_network(derive_seed(context.seed, "weights"))
        for i in range(self._config.snapshots):
            if i:
                # one more cycle of the learning rate, from the weights that the last one ended at
                options = options.model_copy(
                    update={"epochs": options.snapshot_epochs, "least_steps": 0, "validation": 0.0}
                )
                weights = network.state_dict()
                network = self._make_network(0)
                network.load_state_dict(weights)
            network.to(context.device)
            here = context.child("snapshot", i) if i else context
            with torch_settings(self._config.threads, context.device):
                scale = train(
                    network,
                    examples,
                    values,
                    options=options,
                    context=here,
                    identity=fingerprint(self._name, self._config, digest, here),
                )
            trained.append((network, scale))
        self._trained = trained
        self._device = context.device

    def predict(self, features: Features) -> F8:
        """Return (n,) predictions in the target's unit; P(1) for a binary task."""
        draws = self._draws(features)
        # (n, k) with k last: numpy then sums a row alike, alone or in a batch
        return draws[0] if len(draws) == 1 else np.ascontiguousarray(draws.T).mean(axis=1)

    def sample(self, features: Features, passes: int, seed: int) -> F8:
        """Return (passes, n) predictions with dropout on (Gal & Ghahramani 2016).

        Of several snapshots it is the first.
        The encoder holds no dropout and runs once; each pass draws one thinned head and applies it
        to all rows, so a row does not depend on the rows beside it.
        """
        network, scale = self._fitted()[0]
        encoded = self._encode(features)
        noise = torch.Generator().manual_seed(seed)
        with torch_settings(self._config.threads, self._device), torch.inference_mode():
            draws = [network.head(encoded, noise, shared=True) for _ in range(passes)]
            return np.stack([scale.to_target(draw) for draw in draws])

    def embed(self, features: Features) -> F8:
        """Return (n, d) encoded rows, the input of the head; of several snapshots, the first's."""
        return np.asarray(self._encode(features).double().cpu().numpy(), dtype=np.float64)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the fitted model as named arrays, for storage without pickle."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for i, (network, scale) in enumerate(self._fitted()):
            start = f"snapshot/{i}/" if i else ""
            for name, value in network.state_dict().items():
                arrays[start + name] = value.cpu().numpy()
            for name, value in asdict(scale).items():
                arrays[f"{start}scale/{name}"] = np.asarray(value)
        return arrays

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Become the fitted model that ``state`` described, on the CPU."""
        trained = []
        for i in range(self._config.snapshots):
            start = f"snapshot/{i}/" if i else ""
            own = {
                name.removeprefix(start): value
                for name, value in arrays.items()
                if (name.startswith(start) if i else not name.startswith("snapshot/"))
            }
            scalars = {n.removeprefix("scale/"): own[n].item() for n in own if "scale/" in n}
            weights = {n: own[n] for n in own if "scale/" not in n}
            self._check_shapes(weights)
            network = self._make_network(0)
            network.load_state_dict({n: torch.tensor(weights[n]) for n in weights})
            trained.append((network.eval(), Scale(**scalars)))
        self._trained = trained

    def _check_shapes(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        """Stop unless the options make a network of just these weights.

        It is measured before it is made: options from a stranger could claim any amount of memory.

        Raises:
            DataError: the weights are those of another network.
        """
        with torch.device("meta"):
            wanted = self._make_network(0).state_dict()
        expected = {
            name: (tuple(value.shape), str(value.dtype).removeprefix("torch."))
            for name, value in wanted.items()
        }
        if {name: (value.shape, str(value.dtype)) for name, value in weights.items()} != expected:
            raise DataError(f"{self._name}: its weights are not those of its options; fit anew")

    def to_state(self) -> dict[str, Any]:
        """Return what a run keeps: the name, the options and the arrays."""
        return {"name": self._name, "config": self._config, "arrays": self.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NetworkModel:
        """Return the fitted model that ``to_state`` described, on the CPU.

        Raises:
            DataError: there is no such network.
        """
        name = state["name"]
        known = {component.name: component for component in atlas_model()}
        if name not in known:
            raise DataError(f"no network {name!r}; there are {', '.join(known)}")
        config = state["config"]
        # only what was validated bounds the number of layers
        if type(config) is not known[name].config:
            raise DataError(f"{name}: its options are a {type(config).__qualname__}; fit anew")
        made: NetworkModel = known[name].build(config)
        made.restore(state["arrays"])
        return made

    def _fitted(self) -> list[tuple[Any, Scale]]:
        if not self._trained:
            raise TrainingError(f"{self._name}: predict was called before fit; fit it first")
        return self._trained

    def _outputs(self, features: Features) -> list[tuple[Tensor, Scale]]:
        """Return what each snapshot's head returns, and how that becomes the target."""
        trained = self._fitted()
        examples = self._make_examples(features, self._device)
        with torch_settings(self._config.threads, self._device):
            return [(evaluate(network, examples), scale) for network, scale in trained]

    def _draws(self, features: Features) -> F8:
        """Return (k, n) predictions of the snapshots."""
        return np.stack([scale.to_target(output) for output, scale in self._outputs(features)])

    def _encode(self, features: Features) -> Tensor:
        network, _ = self._fitted()[0]
        examples = self._make_examples(features, self._device)
        with torch_settings(self._config.threads, self._device), torch.inference_mode():
            pieces = [network.encode(examples.batch(rows)) for rows in examples.chunks()]
            return (
                torch.cat(pieces)
                if pieces
                else torch.zeros((0, network.width), device=self._device)
            )


class SpreadingModel(NetworkModel):
    """A network whose head predicts the std of the target too."""

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) epistemic and (n,) aleatoric std; of several snapshots the rms of each."""
        squares = []
        for output, scale in self._outputs(features):
            parts = torch.stack(stds_of(output, self._config)).double().cpu().numpy()
            squares.append((scale.std * parts) ** 2)
        epistemic, aleatoric = np.sqrt(np.mean(squares, axis=0))
        return epistemic, aleatoric


class SnapshotModel(NetworkModel):
    """A network that kept its weights at several points of its training."""

    def snapshots(self, features: Features) -> F8:
        """Return (k, n) predictions, one row for each set of weights."""
        return self._draws(features)


class SpreadingSnapshotModel(SpreadingModel, SnapshotModel):
    """Both."""


def network_model(
    name: str,
    config: TrainingConfig,
    make_network: Callable[[int], Any],
    make_examples: Callable[[Features, str], Examples],
) -> NetworkModel:
    """Return an unfitted model with the methods that its options give it."""
    plain = config.head == "mean"
    if config.snapshots > 1:
        kind = SnapshotModel if plain else SpreadingSnapshotModel
    else:
        kind = NetworkModel if plain else SpreadingModel
    return kind(name, config, make_network, make_examples)
