"""The training loop: any network that reads examples in batches, on CPU or one GPU.

It knows nothing of crystals: a network is an ``nn.Module`` with ``forward(batch, noise)`` that
returns one number per row, and examples hand out batches by row number.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from atlas_core.api import F8, I8, DataError, FitContext, Task, TrainingError, derive_seed
from atlas_gnn import _checkpoint
from atlas_gnn._device import put
from atlas_gnn._examples import Examples, Subset, kept_rows
from atlas_gnn._heads import COLUMNS, loss_of, mean_of
from atlas_gnn._options import TrainingConfig

_FORMAT = 2
"""Of checkpoints; raised with every change of the arithmetic of a fit."""
_SAVE_EVERY = 30.0
"""Seconds between two checkpoints: what a kill may cost; an epoch can take less than its file."""
_AHEAD = 2
"""Batches that are made ahead of a GPU."""
_EXPLODED = 1e3
"""A loss no healthy fit reaches: predictions thousands of standard deviations off."""


@dataclass(frozen=True)
class Scale:
    """How a network's output becomes the target: ``mean + std * output``, or a sigmoid of it."""

    mean: float = 0.0
    std: float = 1.0
    task: Task = "regression"

    def to_target(self, output: Tensor) -> F8:
        """Return float64 values in the target's unit, or P(1) of a binary task."""
        values = mean_of(output).double()
        values = torch.sigmoid(values) if self.task == "binary" else self.mean + self.std * values
        return np.asarray(values.cpu().numpy(), dtype=np.float64)


@dataclass
class _Progress:
    """Where a fit stands, as plain data that goes into the checkpoint."""

    fingerprint: str
    epochs_done: int = 0
    best_epoch: int = 0
    best_error: float = math.inf
    finished: bool = False
    curve: dict[str, list[float]] = field(
        default_factory=lambda: {
            "epoch": [],
            "train_loss": [],
            "validation_loss": [],
            "validation_mae": [],
            "learning_rate": [],
        }
    )


def one_cycle(step: int, total: int, peak: float) -> tuple[float, float]:
    """Return learning rate and momentum of ``step`` (from 0) of ``total``.

    The rate rises over the first 30 % from ``peak / 25`` to ``peak`` and falls to
    ``peak / 250000``, both along half a cosine; momentum mirrors it between 0.95 and 0.85 (Smith &
    Topin 2018, arXiv:1708.07120). A pure function of the step: no scheduler state to store.
    """
    top = 0.3 * total - 1
    if step <= top:
        start, end, low, high, share = peak / 25, peak, 0.95, 0.85, step / top
    else:
        share = (step - top) / (total - 1 - top) if total - 1 > top else 1.0
        start, end, low, high = peak, peak / 25e4, 0.85, 0.95
    blend = (1 + math.cos(math.pi * share)) / 2
    return end + (start - end) * blend, high + (low - high) * blend


def evaluate(network: nn.Module, examples: Examples) -> Tensor:
    """Return (n,) or (n, c) outputs with dropout off, piece by piece in a fixed order."""
    network.eval()
    with torch.inference_mode():
        pieces = [network(examples.batch(rows), None) for rows in examples.chunks()]
    return torch.cat(pieces) if pieces else torch.zeros((0, max(COLUMNS.values())))


def fingerprint(name: str, options: TrainingConfig, data: str, context: FitContext) -> str:
    """Return a text that tells two fits apart: options, seed, data, and what computes."""
    parts = (name, _FORMAT, torch.__version__, options.model_dump_json(), data)
    text = repr((*parts, context.seed, context.task, context.device))
    return hashlib.sha256(text.encode()).hexdigest()


class _Run:
    """One fit: the network, its optimizer and where it stands."""

    def __init__(
        self,
        network: nn.Module,
        examples: Examples,
        target: F8,
        *,
        options: TrainingConfig,
        context: FitContext,
        progress: _Progress,
    ) -> None:
        self.network, self.examples = network, examples
        self.options, self.context, self.progress = options, context, progress
        kept = kept_rows(target, options, context)
        if len(kept) < 2:
            raise DataError(f"training: {len(kept)} rows to train on, at least 2 are needed")
        rng = np.random.default_rng(derive_seed(context.seed, "validation"))
        mixed = rng.permutation(kept)
        held = int(options.validation * len(mixed))
        if options.validation and not held:
            text = (
                f"validation {options.validation:g} of {len(mixed)} training rows is less than one"
                " row: nothing was held out, and the last epoch is kept"
            )
            context.record("warnings", {"texts": [text]})
        self.held, self.rows = np.sort(mixed[:held]), np.sort(mixed[held:])
        self.scale = Scale(task=context.task)
        if context.task == "regression":
            std = float(target[self.rows].std())
            # A constant target has no spread to divide by.
            self.scale = Scale(float(target[self.rows].mean()), std if std > 0 else 1.0)
        self.target = target
        self.scaled = ((target - self.scale.mean) / self.scale.std).astype(np.float32)
        self.validation_examples = Subset(examples, self.held)
        # Every batch has at least batch_size rows: batch normalization needs company.
        self.steps = max(1, len(self.rows) // options.batch_size)
        self.epochs = max(options.epochs, math.ceil(options.least_steps / self.steps))
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            fused=True,
        )
        self.best = _copy(network)
        self.whole: _Whole | None = None

    def loss(self, output: Tensor, rows: I8, *, judged: bool = False) -> Tensor:
        target = put(self.scaled[rows], output.device)
        if self.context.task == "binary":
            return functional.binary_cross_entropy_with_logits(output, target)
        return loss_of(output, target, self.options, judged=judged)

    def epoch(self) -> None:
        """Train one epoch and note how it went; all its randomness comes from its own seed."""
        epoch, options = self.progress.epochs_done, self.options
        seed = derive_seed(self.context.seed, "epoch", epoch)
        order = np.random.default_rng(seed).permutation(self.rows)
        noise = torch.Generator().manual_seed(seed)
        total = self.epochs * self.steps
        rate = 0.0
        parts = np.array_split(order, self.steps)
        losses, norms = [], []
        self.network.train()
        for step, (rows, batch) in enumerate(zip(parts, self.batches(parts), strict=True)):
            rate, momentum = one_cycle(epoch * self.steps + step, total, options.learning_rate)
            for group in self.optimizer.param_groups:
                group["lr"], group["betas"] = rate, (momentum, 0.999)
            self.optimizer.zero_grad()
            with self.precision():
                output = self.network(batch, noise)
            loss = self.loss(output.float(), rows)
            loss.backward()  # type: ignore[no-untyped-call]
            norms.append(nn.utils.clip_grad_norm_(self.network.parameters(), options.clip_norm))
            losses.append(loss.detach())
            self.optimizer.step()
        # Read once per epoch: a look at every step would make a GPU wait for the host.
        found = torch.stack([torch.stack(losses), torch.stack(norms)]).tolist()
        for step, (value, norm) in enumerate(zip(*found, strict=True)):
            if not (value < _EXPLODED and math.isfinite(norm)):
                self.fail(f"epoch {epoch + 1}, step {step + 1}: the loss is {value:.4g}")
        summed = math.fsum(v * len(rows) for v, rows in zip(found[0], parts, strict=True))
        self.note(summed / len(self.rows), rate)

    def batches(self, parts: Sequence[I8]) -> Iterator[Any]:
        """Yield the batches of ``parts``; beside a GPU, the next is made while one is trained."""
        if torch.device(self.context.device).type == "cpu":
            yield from map(self.examples.batch, parts)
            return
        with ThreadPoolExecutor(1) as one:
            ahead = deque(one.submit(self.examples.batch, rows) for rows in parts[:_AHEAD])
            for rows in [*parts[_AHEAD:], *[None] * min(_AHEAD, len(parts))]:
                ready = ahead.popleft().result()
                if rows is not None:
                    ahead.append(one.submit(self.examples.batch, rows))
                yield ready

    def precision(self) -> torch.autocast:
        """Return the context of a forward pass: bfloat16 for products where options ask so."""
        device = torch.device(self.context.device).type
        return torch.autocast(device, torch.bfloat16, enabled=self.options.bfloat16)

    def note(self, train_loss: float, rate: float) -> None:
        """Validate, keep the weights where they are the best so far, extend the curves."""
        progress, curve = self.progress, self.progress.curve
        progress.epochs_done += 1
        curve["epoch"].append(progress.epochs_done)
        curve["train_loss"].append(train_loss)
        curve["learning_rate"].append(rate)
        if not len(self.held):
            progress.best_epoch, self.best = progress.epochs_done, _copy(self.network)
            return
        output = evaluate(self.network, self.validation_examples)
        loss = self.loss(output, self.held, judged=True).item()
        mae = float(np.abs(self.scale.to_target(output) - self.target[self.held]).mean())
        if not math.isfinite(mae + loss):
            self.fail(f"epoch {progress.epochs_done}, validation: the loss is {loss:.4g}")
        curve["validation_loss"].append(loss)
        curve["validation_mae"].append(mae)
        plain = self.context.task == "regression" and self.options.head == "mean"
        error = mae if plain else loss
        if error < progress.best_error:
            progress.best_error, progress.best_epoch = error, progress.epochs_done
            self.best = _copy(self.network)

    def fail(self, where: str) -> None:
        """Stop with what to try; the checkpoint of the last whole epoch stays.

        Raises:
            TrainingError: always.
        """
        self.record_curve()
        kept = ""
        if self.context.directory is not None and self.progress.epochs_done:
            kept = f"; the weights before it are kept in {_checkpoint.FILE}"
        raise TrainingError(
            f"training stopped at {where}; try a lower learning_rate"
            f" (now {self.options.learning_rate:g}) or look for wrong targets with"
            f" outlier_sigma{kept}"
        )

    def record_curve(self) -> None:
        self.context.record(
            "learning_curve",
            {**self.progress.curve, "best_epoch": self.progress.best_epoch},
        )

    def is_over(self) -> bool:
        stale = self.progress.epochs_done - self.progress.best_epoch
        return self.progress.epochs_done >= self.epochs or stale >= self.options.patience

    def keep(self) -> None:
        """Copy where the fit stands: the next epoch changes it long before it is whole again."""
        if self.context.directory is None:
            return
        model, optimizer = {}, {}
        if not self.progress.finished:
            model = _copy(self.network)
            for index, state in self.optimizer.state_dict()["state"].items():
                optimizer[index] = {name: value.clone() for name, value in state.items()}
        self.whole = _Whole(self.best, model, optimizer, asdict(self.progress))

    def save(self) -> None:
        """Write what was kept last, unless it is written: all that an exact continuation needs."""
        if self.context.directory is None or self.whole is None:
            return
        arrays = _arrays("best", self.whole.best) | _arrays("model", self.whole.model)
        for index, state in self.whole.optimizer.items():
            arrays |= _arrays(f"optimizer/{index}", state)
        _checkpoint.save(self.context.directory, arrays, self.whole.progress)
        self.whole = None

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from what ``save`` wrote."""
        self.best = _group("best", arrays)
        if self.progress.finished:
            return
        self.network.load_state_dict(_group("model", arrays))
        known = self.optimizer.state_dict()
        names = {name.split("/")[1] for name in arrays if name.startswith("optimizer/")}
        states = {int(i): _group(f"optimizer/{i}", arrays) for i in names}
        self.optimizer.load_state_dict({**known, "state": states})


@dataclass(frozen=True, eq=False)
class _Whole:
    """A fit after a whole epoch: the best weights, the last ones with what the optimizer knows."""

    best: dict[str, Tensor]
    model: dict[str, Tensor]
    optimizer: dict[int, dict[str, Tensor]]
    progress: dict[str, Any]


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _arrays(group: str, tensors: Mapping[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    return {f"{group}/{name}": value.detach().cpu().numpy() for name, value in tensors.items()}


def _group(group: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    start = group + "/"
    return {
        name.removeprefix(start): torch.as_tensor(value)
        for name, value in arrays.items()
        if name.startswith(start)
    }


def train(  # noqa: D417 - the network's forward is described in the module docstring
    network: nn.Module,
    examples: Examples,
    target: F8,
    *,
    options: TrainingConfig,
    context: FitContext,
    identity: str,
    clock: Callable[[], float] = time.monotonic,
) -> Scale:
    """Fit ``network`` in place, and leave in it the weights of the best epoch.

    Args:
        examples: n training rows.
        target: (n,) in the target's unit, checked by ``check_target``.
        options: how to train.
        context: seed, threads, device; its folder holds ``checkpoint.npz``, written after an epoch
            where half a minute has passed since the last one, and when the fit ends or is stopped.
            A checkpoint with the same ``identity`` is continued to the same bytes as an
            uninterrupted fit, and a finished one is used as it is; any other is left unused, with
            a ``warnings`` record, and replaced.
        identity: tells this fit from others (``fingerprint``).
        clock: seconds; decides when a checkpoint is written, and nothing else.

    Returns:
        How the network's output becomes the target.

    Raises:
        DataError: fewer than two rows are left.
        TrainingError: the loss is NaN or explodes, or a checkpoint cannot be written.
    """
    stored = _matching_checkpoint(identity, context)
    progress = _Progress(identity) if stored is None else _Progress(**stored[1])
    run = _Run(network, examples, target, options=options, context=context, progress=progress)
    if stored is not None:
        run.restore(stored[0])
    saved = clock()
    try:
        while not (progress.finished or run.is_over()):
            run.epoch()
            run.keep()
            if clock() - saved >= _SAVE_EVERY:
                run.save()
                saved = clock()
            context.notify(f"epoch {progress.epochs_done} of {run.epochs}")
    except BaseException:
        with suppress(TrainingError):  # what stopped the fit is the message
            run.save()
        raise
    if not progress.finished:
        progress.finished = True
        run.keep()
        run.save()
    network.load_state_dict(run.best)
    network.eval()
    run.record_curve()
    return run.scale


def _matching_checkpoint(
    identity: str, context: FitContext
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
    """Return the folder's checkpoint when it belongs to this fit; say so when it does not."""
    if context.directory is None:
        return None
    try:
        stored = _checkpoint.load(context.directory)
    except ValueError as err:
        context.record("warnings", {"texts": [f"{err}; training starts anew"]})
        return None
    if stored is None or stored[1].get("fingerprint") == identity:
        return stored
    path = context.directory / _checkpoint.FILE
    message = f"checkpoint {path} is of other options or data; training starts anew"
    context.record("warnings", {"texts": [message]})
    return None
