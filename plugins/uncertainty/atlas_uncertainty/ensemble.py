"""Deep ensemble: spread of k trained models, by seeds or bootstrap (Lakshminarayanan 2017)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core.api import (
    F8,
    I8,
    CautionWarning,
    Features,
    FitContext,
    FitsInThreads,
    HasVariance,
    Model,
    ModelFactory,
    Prediction,
    TrainingError,
    UQFit,
)
from atlas_uncertainty._shared import spread

if TYPE_CHECKING:
    from atlas_uncertainty.hooks import EnsembleConfig

LOOKED_AT = 32
"""Training rows on which the members are compared after training."""

Fit = Callable[[FitContext], None]


def bootstrap_rows(n: int, context: FitContext) -> I8:
    """Return (n,) rows drawn with replacement from the seed of a member's context."""
    return context.child("bootstrap").rng().integers(0, n, n)


class Ensemble:
    """Train k models, each from its own seed; ``bootstrap`` also draws their rows."""

    def __init__(self, config: EnsembleConfig) -> None:
        self._config = config

    def fit(
        self, make_model: ModelFactory, features: Features, target: F8, context: FitContext
    ) -> UQFit:
        """Train the members; see ``UQMethod.fit``."""
        models = [make_model() for _ in range(self._config.k)]

        def fit(model: Model, member: FitContext) -> None:
            rows, labels = features, target
            if self._config.resample == "bootstrap":
                drawn = bootstrap_rows(len(target), member)
                rows, labels = features.take(drawn), target[drawn]
                if member.ids is not None:
                    member = replace(member, ids=member.ids[drawn])
            model.fit(rows, labels, member)

        fits = [lambda member, model=model: fit(model, member) for model in models]
        # members on a GPU would share it: side by side they are no faster
        parallel = isinstance(models[0], FitsInThreads) and context.device == "cpu"
        fit_members(fits, context, threads=context.n_jobs if parallel else 1)
        predictor = EnsemblePredictor(models)
        few = features.take(np.arange(min(len(features), LOOKED_AT)))
        if not np.any(predictor.predict(few).epistemic):
            warnings.warn(
                f"ensemble: all {len(models)} models predict the same, so sigma is 0; "
                "a model that uses no seed needs resample: bootstrap",
                CautionWarning,
                stacklevel=2,
            )
        return predictor, models[0]


def fit_members(fits: Sequence[Fit], context: FitContext, *, threads: int) -> None:
    """Run every member's fit with its own child of ``context``, ``threads`` of them at once.

    What members record arrives in their order, so that the number of threads changes no byte.
    When one fails, or the user interrupts, the others stop where they next tell of their progress:
    a network has then saved its last whole epoch.

    Raises:
        AtlasError: what a member raised.
    """
    members = [context.child("member", i) for i in range(len(fits))]
    threads = min(threads, len(fits))

    def of_member(i: int, tell: Callable[[str], None]) -> Callable[[str], None]:
        return lambda text: tell(f"model {i + 1} of {len(fits)}: {text}")

    if threads <= 1:
        for i, (fit, member) in enumerate(zip(fits, members, strict=True)):
            fit(replace(member, notify=of_member(i, context.notify)))
        return
    stop = Event()
    heard: list[list[tuple[str, Mapping[str, Any]]]] = [[] for _ in fits]

    def notify(text: str) -> None:
        if stop.is_set():
            raise TrainingError("stopped, because another member of the ensemble was")
        context.notify(text)

    def share(i: int) -> FitContext:
        return replace(
            members[i],
            n_jobs=max(1, context.n_jobs // threads),
            record=lambda name, content: heard[i].append((name, dict(content))),
            notify=of_member(i, notify),
        )

    with ThreadPoolExecutor(threads) as pool:
        # each in a copy of this context: numpy's error state belongs to it
        running = [pool.submit(copy_context().run, fit, share(i)) for i, fit in enumerate(fits)]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    for member, records in zip(members, heard, strict=True):
        for name, content in records:
            member.record(name, content)


class EnsemblePredictor:
    """Predict with the mean and the std of the members."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models

    def predict(self, features: Features) -> Prediction:
        """Return mean, std (ddof 1: k models are a sample), and the members as samples.

        Where each model predicts its own noise, the root mean square of those is the aleatoric std:
        the variance of the mixture is that of the means and the mean of the variances
        (Lakshminarayanan 2017, sec. 2.4). What a model says of its own ignorance is left out: the
        spread measures the same.
        """
        draws = np.stack([model.predict(features) for model in self._models])
        noise = [m.predict_std(features)[1] for m in self._models if isinstance(m, HasVariance)]
        found = spread(draws, ddof=1)
        if not noise:
            return found
        table = np.ascontiguousarray(np.stack(noise).T)
        return found.replace(aleatoric=np.sqrt((table**2).mean(axis=1)))
