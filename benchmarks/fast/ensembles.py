"""Ensembles of CGCNN and Monte-Carlo dropout against training or predicting as often by hand.

An ensemble saves no computing: its members run side by side on the cores there are. So the
processor time is kept beside the wall time, and separate trainings on two threads each, the other
way to use two cores, are timed as well.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from measure import Bar, alternating, ratio
from real import Real, real

from atlas_core.api import F8, I8, FitContext, HasDropout
from atlas_core.engine.machine import cores
from atlas_uncertainty.ensemble import Ensemble
from atlas_uncertainty.hooks import EnsembleConfig

MEMBERS, PASSES = 5, 30
CRYSTALS, EPOCHS = 1500, 2
ROUNDS = 3


def bars() -> list[Bar]:
    """Return the bars of the ensemble and of Monte-Carlo dropout."""
    every = np.random.default_rng(0).permutation(3938)
    return [ensemble_bar(np.sort(every[:CRYSTALS])), dropout_bar(np.sort(every[CRYSTALS:]))]


def fit_all(data: Real, rows: I8) -> list[F8]:
    """Return predictions of members trained one after another, each by its own call."""
    features, context = data.features.take(rows), FitContext(seed=7, n_jobs=1)
    found = []
    for i in range(MEMBERS):
        model = data.model.build()
        model.fit(features, data.target[rows], context.child("member", i))
        found.append(model.predict(features))
    return found


def ensemble_bar(rows: I8) -> Bar:
    """Compare one fit of the ensemble with as many trainings one after another."""
    one = real("cgcnn", f"epochs={EPOCHS}")
    two = real("cgcnn", f"epochs={EPOCHS}", "threads=2")
    features = one.features.take(rows)

    def together() -> F8 | None:
        method = Ensemble(EnsembleConfig(k=MEMBERS))
        context = FitContext(seed=7, n_jobs=cores())
        predictor = method.fit(one.model.build, features, one.target[rows], context)[0]
        return predictor.predict(features).samples

    if not np.array_equal(np.stack(fit_all(one, rows)), np.asarray(together())):
        raise ValueError("members trained side by side predict other bytes")
    separate, threaded = "separate trainings", "separate trainings, two threads each"
    processor: dict[str, list[float]] = {}
    ways = {
        separate: counted(processor, separate, lambda: fit_all(one, rows)),
        threaded: counted(processor, threaded, lambda: fit_all(two, rows)),
        "ensemble": counted(processor, "ensemble", together),
    }
    seconds = alternating(ways, rounds=ROUNDS)
    return Bar(
        f"ensemble of {MEMBERS} CGCNN",
        f"{MEMBERS} separate trainings",
        ratio(seconds, "ensemble", separate),
        0.7,
        unit="share",
        more_is_better=False,
        note=f"side by side on {cores()} cores, the same bytes; of the processor time"
        f" {ratio(processor, 'ensemble', separate):.2f}, of separate trainings on two threads each"
        f" {ratio(seconds, 'ensemble', threaded):.2f}",
        detail={
            "seconds": seconds,
            "processor_seconds": processor,
            "crystals": CRYSTALS,
            "epochs": EPOCHS,
            "jobs": cores(),
        },
    )


def counted(
    processor: dict[str, list[float]], name: str, call: Callable[[], Any]
) -> Callable[[], Any]:
    """Return ``call`` that notes its processor time under its name."""

    def count() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF)
        call()
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        processor.setdefault(name, []).append(used)

    return count


def dropout_bar(rows: I8) -> Bar:
    """Compare one call for all passes with one call a pass, on a trained network."""
    data = real("cgcnn", "epochs=1")
    model = data.model.build()
    learned = rows[:500]
    model.fit(data.features.take(learned), data.target[learned], FitContext(seed=7))
    if not isinstance(model, HasDropout):
        raise TypeError("cgcnn has no dropout")
    network: HasDropout = model
    asked = data.features.take(rows[500:1500])
    at_once, one = network.sample(asked, PASSES, 3), network.sample(asked, 1, 3)
    if not np.array_equal(at_once[:1], one):
        raise ValueError("the first of many passes is not a pass alone")
    seconds: Mapping[str, Sequence[float]] = alternating(
        {
            "at once": lambda: network.sample(asked, PASSES, 3),
            "separate": lambda: [network.sample(asked, 1, seed) for seed in range(PASSES)],
        },
        rounds=ROUNDS,
    )
    return Bar(
        f"MC-dropout with {PASSES} passes",
        f"{PASSES} separate passes",
        ratio(seconds, "at once", "separate"),
        0.3,
        unit="share",
        more_is_better=False,
        note="the convolutions hold no dropout and run once",
        detail={"seconds": seconds, "crystals": 1000},
    )
