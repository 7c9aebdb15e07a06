"""No check is unable to fail: each has a component here that breaks just that promise."""

import base64
import hashlib
import importlib
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from html import escape
from pathlib import Path, PurePosixPath
from statistics import NormalDist
from typing import ClassVar

import click
import numpy as np
import pytest
from pydantic import ConfigDict, field_serializer

from atlas_core.api import (
    Assessment,
    Batch,
    Border,
    Calibration,
    Component,
    Config,
    DataError,
    Evaluation,
    Export,
    Field,
    Finding,
    Graphs,
    JobsLostError,
    Materials,
    OODScore,
    Prediction,
    Reason,
    Selection,
    Split,
    Vectors,
    Verdict,
    Wording,
    labels_of,
    longest_prefix,
    select_top,
)
from atlas_core.engine.local import LocalExecutor
from atlas_core.kinds import KINDS
from atlas_core.kinds.metric import Metric
from atlas_core.rows import safe_cell
from atlas_core.testing import (
    CheckResult,
    checks_of,
    format_results,
    run_contract,
)
from atlas_core.testing.samples import (
    far_materials,
    supercell,
    toy_dataset,
    toy_graphs,
    toy_materials,
    toy_vectors,
)
from atlas_core.testing.toy_model import ToyModel


class NoOptions(Config):
    """Nothing to choose."""


def component(make, *, config=NoOptions, **fields):
    return Component("toy", config, lambda _config: make(), **fields)


def thaw(array):
    """Return a read-only array writeable again, as a careless component might."""
    array.flags.writeable = True
    return array


# --- one honest component a kind, with one thing to break in each ------------------------------


class Source:
    def __init__(self, change=lambda data: data):
        self.change = change

    def load(self, context):
        return self.change(toy_dataset())


class Filed(Source):
    """A data set that lies in a file, as one does that reads candidates."""

    def load(self, context):
        context.path("crystals")
        return super().load(context)


@dataclass
class Listing:
    """The same crystals without a target; ``change`` spoils them."""

    materials: Materials = field(default_factory=lambda: toy_dataset().materials)
    path: Path = Path("crystals")
    structures: bool = True
    notes: tuple[str, ...] = ()
    total: int = 75
    smallest: int = 0

    def batches(self, size, only=None):
        rows = np.arange(len(self.materials))
        rows = rows if only is None else rows[sorted(only)]
        for at in range(0, len(rows), max(size, self.smallest)):
            here = rows[at : at + max(size, self.smallest)]
            texts = [""] * len(here)
            yield Batch(here, texts, texts, texts, self.materials.take(here), [], texts)


def listed(known=("crystals",), **changes):
    def candidates(path, options):
        return Listing(**changes) if path.name in known else "a file of crystals"

    return component(Filed, candidates=candidates, **DATA)


class Halves:
    """A shuffled half to train, the rest to test; ``change`` spoils the folds."""

    def __init__(self, change=lambda folds, request: folds, seeded=True):
        self.change, self.seeded = change, seeded

    def split(self, request):
        rng = np.random.default_rng(request.context.seed if self.seeded else 0)
        order = rng.permutation(len(request.materials))
        return self.change([Split("half", train=order[:40], test=order[40:])], request)


def writes_column(folds, request):
    request.columns["space_group"][0] = 1
    return folds


class Feature:
    """A featurizer made of a function."""

    def __init__(self, function=toy_vectors):
        self.function = function

    def featurize(self, materials):
        return self.function(materials)


def column(values):
    return Vectors(np.asarray(values, dtype=float)[:, None], np.array(["x"]))


def writes_numbers(materials):
    thaw(materials.numbers)[0] = 1
    return toy_vectors(materials)


def minus_mean(materials):
    vectors = toy_vectors(materials)
    return Vectors(vectors.values - vectors.values.mean(axis=0), vectors.labels)


def silent_nan(materials):
    vectors = toy_vectors(materials)
    odd = np.maximum.reduceat(materials.numbers, materials.offsets[:-1]) == 118
    return Vectors(np.where(odd[:, None], np.nan, vectors.values), vectors.labels)


def fewer_in_large_cells(materials):
    return toy_graphs(materials, most=12 if len(materials.numbers) < 100 else 6)


class Model(ToyModel):
    """The toy model, with gaps filled."""

    def _inputs(self, features):
        return np.nan_to_num(super()._inputs(features))

    def fit(self, features, target, context):
        filled = Vectors(np.nan_to_num(features.values), features.labels)
        super().fit(filled, target, context)


def model(**methods):
    """Return a subclass of Model with methods replaced."""
    return type("Broken", (Model,), methods)


def honest(method, change):
    """Return a method that changes the honest answer."""
    return lambda self, *arguments: change(getattr(Model, method)(self, *arguments))


class Forgetful(Model):
    calls = 0

    def predict(self, features):
        self.calls += 1
        return super().predict(features) + self.calls


class Resumes(Model):
    """Trains on from a checkpoint that was already at the end."""

    extra = 0.0

    def fit(self, features, target, context):
        super().fit(features, target, context)
        if context.directory is not None:
            if (context.directory / "weights").exists():
                self.extra = 0.1
            (context.directory / "weights").write_text("all")

    def predict(self, features):
        return super().predict(features) + self.extra


class Threaded(Model):
    """Sums in another order with two threads."""

    def fit(self, features, target, context):
        super().fit(features, target, context)
        self.extra = 1e-15 * context.n_jobs

    def predict(self, features):
        return super().predict(features) * (1 + self.extra)


class Rounding(Model):
    """Rounds the targets to a grid of its own, as a stopping rule with a fixed tolerance does."""

    def fit(self, features, target, context):
        super().fit(features, np.round(target, 6), context)


class Shared(Model):
    """Keeps the seed of the fit where another thread finds it."""

    fits_in_threads = True
    begun: ClassVar[list[int]] = []

    def fit(self, features, target, context):
        super().fit(features, target, context)
        self.begun.append(context.seed)
        time.sleep(0.2)  # the other thread begins, too
        self.extra = float(self.begun[-1])

    def predict(self, features):
        return super().predict(features) + self.extra


class Zeroing(Model):
    def fit(self, features, target, context):
        super().fit(features, target, context)
        target[:] = 0.0


class Global(Model):
    def fit(self, features, target, context):
        np.random.rand()  # noqa: NPY002 - the sin that is to be found
        super().fit(features, target, context)


class Constant:
    """Read no features: predict the training mean."""

    value = 0.0

    def fit(self, features, target, context):
        self.value = target.mean()

    def predict(self, features):
        return np.full(len(features), self.value)


class VectorsOnly(Constant):
    def predict(self, features):
        return np.full(len(features.values), self.value)


class Pooled(Model):
    """A graph model: a straight line of averages over atoms."""

    pool = staticmethod(lambda sums, counts: sums / counts)

    def vectors(self, graphs):
        z = graphs.numbers.astype(float)
        table = np.stack([z, np.cos(z / 9.0), np.sqrt(z)], axis=1)
        sums = np.add.reduceat(table, graphs.node_offsets[:-1], axis=0)
        counts = np.diff(graphs.node_offsets)[:, None]
        return Vectors(self.pool(sums, counts), np.array(["a", "b", "c"]))

    def fit(self, features, target, context):
        super().fit(self.vectors(features), target, context)

    def _inputs(self, features):
        return super()._inputs(
            features if isinstance(features, Vectors) else self.vectors(features)
        )


class Extensive(Pooled):
    pool = staticmethod(lambda sums, counts: sums)


class FixedAxes(Pooled):
    """Reads how far bonds reach along x, as if axes had a meaning."""

    def vectors(self, graphs):
        z = super().vectors(graphs)
        reach = np.maximum.reduceat(graphs.vector[:, 0], graphs.edge_offsets[:-1])
        return Vectors(z.values + 0.1 * reach[:, None], z.labels)


@dataclass(frozen=True, eq=False)
class Lines:
    """What ``Spread`` fitted; ``change`` spoils a prediction."""

    fitted: ToyModel
    change: Callable | None = None

    def predict(self, rows):
        members = self.fitted.members(rows)
        done = Prediction(members.mean(axis=0), members.std(axis=0))
        return done if self.change is None else self.change(done)


class Spread:
    """Spread of the toy model's lines; ``change`` spoils a prediction."""

    def __init__(self, change=None, predictor=Lines):
        self.change, self.predictor = change, predictor

    def fit(self, make_model, features, target, context):
        fitted = make_model()
        fitted.fit(features, target, context)
        return self.predictor(fitted, self.change), fitted


class UntrainedSpread(Spread):
    """Gives a model that saw no row."""

    def fit(self, make_model, features, target, context):
        return super().fit(make_model, features, target, context)[0], make_model()


class ThreadedSpread(Spread):
    """Trains another model with two threads."""

    def fit(self, make_model, features, target, context):
        other = replace(context, seed=context.seed + context.n_jobs)
        return super().fit(make_model, features, target, other)


class ZeroingSpread(Spread):
    def fit(self, make_model, features, target, context):
        made = super().fit(make_model, features, target, context)
        target[:] = 0.0
        return made


class SharedSpread(Spread):
    """Every predictor looks at the model that was fitted last."""

    last = None

    def fit(self, make_model, features, target, context):
        self.last = make_model()
        self.last.fit(features, target, context)
        method = self

        class Predictor:
            def predict(self, rows):
                return Prediction(method.last.predict(rows))

        return Predictor(), self.last


@dataclass(frozen=True, eq=False)
class ToyIntervals:
    """What ``Conformal`` learned; ``change`` spoils what it answers."""

    levels: np.ndarray
    wanted: np.ndarray
    binary: bool
    change: Callable | None = None

    def __call__(self, prediction, inputs):
        mean = prediction.mean
        if self.binary:
            one = (1 - mean)[None] <= self.wanted[:, None]
            zero = mean[None] <= self.wanted[:, None]
            sure = np.where(mean >= 0.5, 1.0, 0.0)
            lower = np.where(zero, 0.0, np.where(one, 1.0, sure))
            upper = np.where(one, 1.0, np.where(zero, 0.0, sure))
        else:
            half = self.wanted[:, None] * prediction.std
            lower, upper = mean - half, mean + half
        done = prediction.replace(levels=self.levels, lower=lower, upper=upper)
        return done if self.change is None else self.change(done)


class Conformal:
    """Split conformal, scaled by sigma; sets of labels for a binary task."""

    def __init__(self, change=None, width=1.0, learned=ToyIntervals):
        self.change, self.width, self.learned = change, width, learned

    def calibrate(self, request) -> Calibration:
        levels = np.array(request.levels)
        if not len(request.target):
            raise DataError("conformal: no calibration rows; keep some aside")
        binary = request.context.task == "binary"

        def intervals(score):
            n = len(score)
            ranks = np.minimum(np.ceil((n + 1) * levels).astype(int), n) - 1
            return self.width * np.sort(score)[ranks]

        if binary:
            p = request.prediction.mean
            wanted = intervals(np.where(request.target == 1, 1 - p, p))
        else:
            wanted = intervals(
                np.abs(request.target - request.prediction.mean) / request.prediction.std
            )
        return self.learned(levels, wanted, binary, self.change)


class ClosedConformal(Conformal):
    """A closure around what was learned."""

    def calibrate(self, request):
        calibration = super().calibrate(request)

        def closure(prediction, inputs):
            return calibration(prediction, inputs)

        return closure


class LocalConformal(Conformal):
    """An object of a class that no other process could find."""

    def calibrate(self, request):
        class Local(ToyIntervals):
            pass

        return Local(**vars(super().calibrate(request)))


class ZeroingConformal(Conformal):
    def calibrate(self, request):
        calibration = super().calibrate(request)
        request.target[:] = 0.0
        return calibration


class CrashingConformal(Conformal):
    def calibrate(self, request):
        if not len(request.target):
            raise ValueError("zero-size array")
        return super().calibrate(request)


def by_batch(done):
    factor = 1.0 + 0.1 * len(done)
    middle = 0.5 * (done.lower + done.upper)
    return done.replace(
        lower=middle - factor * (middle - done.lower), upper=middle + factor * (done.upper - middle)
    )


def to_nearest(rows, fractions, drop=0):
    """Return the distance of each row to the nearest composition, without the first ``drop``."""
    own = rows.fractions
    far = np.sqrt(((own[:, None] - fractions[None]) ** 2).sum(axis=2))
    return np.sort(far, axis=1)[:, drop]


@dataclass(frozen=True, eq=False)
class ToyDetector:
    """What ``Nearest`` learned; ``change`` spoils scores."""

    fractions: np.ndarray
    threshold: float
    change: Callable | None = None

    def score(self, rows):
        score = to_nearest(rows, self.fractions)
        return OODScore(score if self.change is None else self.change(score), self.threshold)


class Nearest:
    """Distance to the nearest training composition; ``change`` spoils scores."""

    def __init__(self, change=None, threshold=None, needs_calibration=False, learned=ToyDetector):
        self.change, self.threshold, self.strict = change, threshold, needs_calibration
        self.learned = learned

    def fit(self, train, calibration, context):
        x = train.fractions
        if self.strict and not len(calibration):
            raise ValueError("no calibration rows")
        kept = to_nearest(calibration, x) if len(calibration) else to_nearest(train, x, drop=1)
        threshold = np.quantile(kept, 0.95) if self.threshold is None else self.threshold
        return self.learned(x, float(threshold), self.change)


class WritingNearest(Nearest):
    def fit(self, train, calibration, context):
        detector = super().fit(train, calibration, context)
        thaw(train.fractions)[0] = 9.0
        return detector


def one_minus(target_reliability):
    return 1.0 - target_reliability


@dataclass(frozen=True)
class GaussianRegion:
    """Believe sigma to be the std of a Gaussian; ``change`` and ``relabel`` spoil it."""

    error_tolerance: float
    allowed: float
    levels: tuple[float, ...]
    change: Callable | None = None
    relabel: Callable | None = None
    looks_at_ood: bool = False

    def assess(self, inputs, prediction, ood):
        sigma, z = prediction.epistemic, [NormalDist().inv_cdf(0.5 + x / 2) for x in self.levels]
        if self.looks_at_ood:
            assert ood.score is not None
        half = np.array(z)[:, None] * sigma
        found = Assessment(
            np.array([math.erfc(self.error_tolerance / (s * math.sqrt(2))) for s in sigma]),
            math.sqrt(2 / math.pi) * sigma,
            np.array(self.levels),
            prediction.mean - half,
            prediction.mean + half,
        )
        return found if self.change is None else self.change(found)

    def label(self, assessment):
        trusted = longest_prefix(assessment.risk, self.allowed)
        labels = labels_of(trusted, assessment.risk > 0.5)
        return labels if self.relabel is None else self.relabel(labels)


@dataclass(frozen=True)
class Gaussian:
    """Trust the Gaussian; ``fields`` are what its region takes."""

    change: Callable | None = None
    relabel: Callable | None = None
    allowed: Callable = one_minus
    looks_at_ood: bool = False
    wants_rows: bool = True
    learned: type[GaussianRegion] = GaussianRegion

    def fit(self, in_domain, nested, *, reliability, levels, context):
        if self.wants_rows and not len(in_domain.inputs):
            raise DataError("trust gaussian: no calibration rows")
        return self.learned(
            reliability.error_tolerance,
            self.allowed(reliability.target_reliability),
            levels,
            self.change,
            self.relabel,
            self.looks_at_ood,
        )


class WritingGaussian(Gaussian):
    def fit(self, in_domain, nested, **promised):
        thaw(nested[0].train_target)[0] = 9.0
        return super().fit(in_domain, nested, **promised)


def gaussian(**changes):
    return component(lambda: Gaussian(**changes), requires={"epistemic", "task:regression"})


def with_risk(change):
    return gaussian(change=lambda found: replace(found, risk=change(found.risk)))


def always(label):
    return gaussian(relabel=lambda labels: np.full(len(labels), label))


def narrow(found):
    middle = 0.5 * (found.lower + found.upper)
    return replace(
        found,
        lower=middle - 0.4 * (middle - found.lower),
        upper=middle + 0.4 * (found.upper - middle),
    )


class Middle:
    """One border for all, and a Gaussian of sigma."""

    fingerprint, unit, margin, target_reliability = "", "", 0.1, 0.9

    def load(self, context):
        return self

    def wording(self, known):
        return Wording(against="a border in the middle")

    def border(self, asked, known, target):
        return Border(np.full(len(asked), 0.0), self.words(asked))

    def words(self, asked):
        return ["the middle"] * len(asked)

    def learn(self, rows, margin):
        return MiddleDecision(margin, self.probability)

    def probability(self, rows, margin):
        z = (rows.border + margin - rows.mean) / rows.std
        return np.array([NormalDist().cdf(one) for one in z])


@dataclass
class MiddleDecision:
    margin: float
    probability: Callable

    def __call__(self, rows):
        return self.probability(rows, self.margin)


def middle(**methods):
    return component(type("Broken", (Middle,), methods))


def of_its_own_value(self, asked, known, target):
    place = {one: i for i, one in enumerate(known.ids.tolist())}
    own = np.array([target[place[one]] for one in asked.ids.tolist()])
    return Border(own + 1.0, self.words(asked))


def of_the_list(self, asked, known, target):
    return Border(np.full(len(asked), float(len(asked))), self.words(asked))


def writes_its_rows(self, rows, margin):
    rows.std[:] = 1.0
    return MiddleDecision(margin, self.probability)


class Greedy:
    """The highest mean, or the lowest."""

    def utility(self, request):
        mean = request.prediction.mean
        return mean if request.goal == "maximize" else -mean

    def select(self, request):
        return select_top(request, self.utility(request))


def greedy(**methods):
    return type("Broken", (Greedy,), methods)


def too_few(self, request):
    whole = select_top(request, self.utility(request))
    return Selection(whole.ids[:1], whole.indices[:1], whole.utility)


def worst_first(self, request):
    rows = np.argsort(self.utility(request))[: request.batch]
    return Selection(request.ids[rows], rows, self.utility(request))


def by_position(self, request):
    rows = np.argsort(-self.utility(request), kind="stable")[: request.batch]
    return Selection(request.ids[rows], rows, self.utility(request))


def writes_mean(self, request):
    thaw(request.prediction.mean)[0] = 9.0
    return select_top(request, self.utility(request))


def by_their_word(run):
    """Return every id as it stands."""
    return [str(one) for one in run.predictions.ids]


POLICY = """<head><meta http-equiv="Content-Security-Policy" content="default-src 'none'"></head>"""


class Reported:
    """A page and a table of ids."""

    places = ("told.html", "told.csv")

    def page(self, run):
        return [POLICY, *(escape(one) for one in [*run.arms, *by_their_word(run)])]

    def table(self, run):
        return [safe_cell(one) for one in by_their_word(run)]

    def report(self, run, sections):
        parts = (self.page(run), self.table(run))
        return [
            Export(PurePosixPath(name), "\n".join(lines).encode())
            for name, lines in zip(("told.html", "told.csv"), parts, strict=True)
        ]


def reported(**changes):
    methods = {
        name: (lambda self, run, make=make: make(run)) if callable(make) else make
        for name, make in changes.items()
    }
    return type("Broken", (Reported,), methods)


META = '<meta http-equiv="Content-Security-Policy" content="{policy}">'
SCRIPT = "<script>{script}</script>"
TWICE = '<script type="text/javascript" type="application/json">a</script>'


def scripted(text, *, policy="default-src 'none'; script-src {}", page=None):
    """Return a page with one script: its policy names it, or says something else."""
    layout = page or (
        '<head><meta http-equiv="Content-Security-Policy" content="{policy}"></head>'
        "<script>{script}</script>"
    )

    def made(run):
        script = text(run)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        says = policy.replace("{}", f"'sha256-{digest}'")
        head = layout.replace("{policy}", says).replace("{script}", script)
        return [head, *(escape(arm) for arm in run.arms)]

    return made


def ids_as_code(run):
    return f"const ids = {json.dumps(run.predictions.ids.tolist())};".replace("<", "\\u003c")


def own_script(run):
    return "document.title = 1;"


def arms_as_code(run):
    return f"const arms = {json.dumps(list(run.arms))};".replace("<", "\\u003c")


def no_line(run):
    return []


def only_numbers(run):
    return [str(run.metrics["arms"][arm]["parts"]["test"]["metrics"]["mae"]) for arm in run.arms]


def writes_in_the_run(run):
    thaw(run.predictions.mean)[0] = 9.0
    return list(run.arms)


def without_vectors(materials):
    return replace(toy_graphs(materials), vector=None)


def cut_shells(materials):
    graphs = toy_graphs(materials)
    shift = np.repeat(graphs.node_offsets[:-1], np.diff(graphs.edge_offsets))
    atom = graphs.src + shift
    rank = np.arange(len(atom)) - np.searchsorted(atom, atom)
    kept = np.flatnonzero(rank < 5)  # of six at one distance, or more
    edges = {n: getattr(graphs, n)[kept] for n in ("src", "dst", "distance", "image", "vector")}
    return replace(graphs, edge_offsets=np.searchsorted(kept, graphs.edge_offsets), **edges)


def backwards(materials):
    graphs = toy_graphs(materials)
    return replace(graphs, vector=-graphs.vector)


class Threads:
    """Run jobs in threads."""

    def __init__(self, workers=lambda asked: asked, drop=True, result=lambda i, found: found):
        self.workers, self.drop, self.result = workers, drop, result

    def run(self, function, jobs, *, workers):
        pool = ThreadPoolExecutor(self.workers(workers))
        try:
            futures = {pool.submit(function, job): i for i, job in enumerate(jobs)}
            for future in as_completed(futures):
                i = futures[future]
                yield i, self.result(i, future.result())
        finally:
            pool.shutdown(cancel_futures=self.drop)


class Twice(Threads):
    def run(self, function, jobs, *, workers):
        for found in super().run(function, jobs, workers=workers):
            yield found
            yield found


class OneForNothing(Threads):
    def run(self, function, jobs, *, workers):
        return super().run(function, jobs or [0], workers=workers)


class Silent(Threads):
    def run(self, function, jobs, *, workers):
        with suppress(DataError):
            yield from super().run(function, jobs, workers=workers)


class Renames(Threads):
    def run(self, function, jobs, *, workers):
        try:
            yield from super().run(function, jobs, workers=workers)
        except DataError as err:
            raise RuntimeError("a job failed") from err


class Forgets:
    def run(self, function, jobs, *, workers):
        with suppress(JobsLostError):
            yield from LocalExecutor().run(function, jobs, workers=workers)


VECTORS = {"provides": {"features:vectors"}}
STRUCTURE = {"requires": {"inputs:structure"}, "provides": {"features:vectors"}}
GRAPHS = {"requires": {"inputs:structure"}, "provides": {"features:graphs"}}
DIRECTIONS = {**GRAPHS, "provides": {"features:graphs", "features:directions"}}
TAKES = {"requires": {"features:vectors"}}
ALL = {
    "model:members",
    "model:variance",
    "model:dropout",
    "model:embedding",
    "model:leaves",
    "model:inbag",
    "model:quantiles",
    "model:snapshots",
    "model:threads",
}
EPISTEMIC = {"provides": {"epistemic"}}
DATA = {"provides": {"inputs:structure"}}


def command(*, name="toy", text="Say hello.", params=(), **settings):
    return click.Command(name, callback=lambda **_: None, help=text, params=params, **settings)


def metric(**changes):
    about = {
        "name": "toy", "label": "MAE", "unit": "target", "better": "lower",
        "columns": ("target", "mean"), "meaning": "Mean of the absolute errors.",
        "task": "regression", "terms": (lambda rows: rows.error,),
    }  # fmt: skip
    return Metric(**{**about, **changes})


class Limit:
    """Grades an arm by its mean absolute error."""

    def audit(self, request):
        folds = [{"fold": one.name, "figures": {}} for one in request.splits]
        return {"sentence": "The folds have names.", "folds": folds}

    def score(self, rows, *, task, metrics, seed):
        return {"n": len(rows), "metrics": {"mae": {"value": float(rows.error.mean())}}}

    def score_round(self, prediction, target):
        return {"mae": float(np.abs(prediction.mean - target).mean())}

    def parts(self, rows, task, metrics):
        names = dict.fromkeys(rows.parts.tolist())
        return {
            one: self.score(rows.part(one), task=task, metrics=metrics, seed=None) for one in names
        }

    def verdict(self, parts):
        small = parts["test"]["metrics"]["mae"]["value"] < 1
        return Verdict("trust" if small else "do_not_trust", "It was measured.")

    def found(self, run, metrics):
        task = run.manifest["dataset"]["task"]
        return {
            arm: self.parts(rows, task, metrics) for arm, rows in run.predictions.by_arm().items()
        }

    def evaluate(self, run, *, levels, metrics):
        found = self.found(run, metrics)
        return Evaluation(
            metrics={
                "task": run.manifest["dataset"]["task"],
                "levels": list(levels),
                "arms": {arm: {"parts": parts} for arm, parts in found.items()},
            },
            verdicts={arm: self.verdict(parts) for arm, parts in found.items()},
        )


def limit(**methods):
    return component(type("Broken", (Limit,), methods))


def with_an_array(self, parts):
    finding = Finding("evidence", "n", None, {"n": np.int64(3)}, "It was counted.")
    return Verdict("trust", "It was measured.", findings=(finding,))


def among_all(self, run, metrics):
    found = Limit.found(self, run, metrics)
    mean = float(run.predictions.error.mean())
    for parts in found.values():
        parts["test"]["metrics"]["mae"] = {"value": mean}
    return found


def always_good(self, rows, **_):
    return {"n": len(rows), "metrics": {"mae": {"value": 0.0}}}


def without_a_name(self, request):
    return {**Limit.audit(self, request), "folds": [{"fold": "one", "figures": {}}]}


def spoils_the_run(self, run, metrics):
    found = Limit.found(self, run, metrics)
    thaw(run.predictions.mean)[0] = 9.0
    return found


HONEST = [
    ("dataset", component(Source, **DATA)),
    ("dataset", listed()),
    ("split", component(Halves)),
    ("featurizer", component(Feature, **VECTORS)),
    ("featurizer", component(lambda: Feature(toy_graphs), **DIRECTIONS)),
    ("featurizer", component(lambda: Feature(without_vectors), **GRAPHS)),
    ("model", component(Model, **TAKES, provides=ALL)),
    ("model", component(Pooled, requires={"features:graphs"})),
    ("uq", component(Spread, **EPISTEMIC)),
    ("calibrator", component(Conformal)),
    ("ood", component(Nearest)),
    ("trust", component(Gaussian, requires={"epistemic", "task:regression"})),
    ("acquisition", component(Greedy)),
    ("reference", component(Middle)),
    ("metric", component(metric)),
    ("report", component(Reported)),
    ("evaluator", component(Limit)),
    ("evaluator", limit(audit=lambda self, request: {})),
    ("command", component(command)),
    ("executor", component(Threads)),
    ("executor", component(LocalExecutor)),
]


def dataset(**changes):
    return component(lambda: Source(lambda data: replace(data, **changes)), **DATA)


def formulas_only(data):
    m = data.materials
    return replace(data, materials=Materials(m.ids, m.offsets, m.numbers, m.amounts))


LENIENT = {"ignore_unknown_options": True, "allow_extra_args": True}


def first_errors(rows):
    return float(rows.error[: len(rows) // 2].mean())


def spoiled(rows):
    rows.target[:] = 0.0
    return rows.error


BROKEN = [
    ("metric", "has_the_components_name", component(lambda: metric(name="other"))),
    ("metric", "words_are_there", component(lambda: metric(meaning="none"))),
    (
        "metric",
        "finite_on_toy_predictions",
        component(lambda: metric(terms=(), whole=lambda rows: float("nan"))),
    ),
    (
        "metric",
        "finite_on_toy_predictions",
        component(lambda: metric(terms=(lambda rows: rows.std,))),
    ),
    (
        "metric",
        "row_order_does_not_matter",
        component(lambda: metric(terms=(), whole=first_errors)),
    ),
    (
        "metric",
        "resamples_are_repeated_rows",
        component(lambda: metric(compute=lambda draw: np.full(len(draw.n), draw.rows.error.sum()))),
    ),
    ("metric", "unit_scales_as_declared", component(lambda: metric(unit="plain"))),
    ("metric", "better_is_better", component(lambda: metric(better="higher"))),
    (
        "metric",
        "undefined_is_nan",
        component(
            lambda: metric(
                unit="plain", terms=(), whole=lambda rows: np.float64(1) / np.ptp(rows.target)
            )
        ),
    ),
    ("metric", "inputs_unchanged", component(lambda: metric(terms=(spoiled,)))),
    ("evaluator", "every_arm_gets_figures_and_a_verdict", limit(found=lambda *_: {})),
    (
        "evaluator",
        "every_arm_gets_figures_and_a_verdict",
        limit(verdict=lambda self, parts: Verdict("superb", "It was measured.")),
    ),
    (
        "evaluator",
        "every_arm_gets_figures_and_a_verdict",
        limit(verdict=lambda self, parts: Verdict("trust", "")),
    ),
    ("evaluator", "findings_are_plain_data", limit(verdict=with_an_array)),
    ("evaluator", "figures_are_those_of_the_run", limit(score=always_good)),
    ("evaluator", "an_arm_is_evaluated_alone", limit(found=among_all)),
    (
        "evaluator",
        "rounds_of_a_loop_are_scored",
        limit(score_round=lambda self, prediction, target: {"mae": 0.0}),
    ),
    (
        "evaluator",
        "rounds_of_a_loop_are_scored",
        limit(score_round=lambda self, prediction, target: {"mae": float("nan")}),
    ),
    ("evaluator", "the_audit_names_every_fold", limit(audit=without_a_name)),
    ("evaluator", "inputs_unchanged", limit(found=spoils_the_run)),
    ("command", "name_is_the_entry_points", component(lambda: command(name="other"))),
    ("command", "no_built_in_command_is_shadowed", replace(component(command), name="run")),
    ("command", "help_works", component(lambda: command(text=" "))),
    ("command", "help_works", component(lambda: command(add_help_option=False))),
    (
        "command",
        "options_have_help",
        component(lambda: command(params=[click.Option(["--fast"], is_flag=True)])),
    ),
    (
        "command",
        "unknown_option_is_a_usage_error",
        component(lambda: command(context_settings=LENIENT)),
    ),
    ("executor", "each_job_is_run_once", component(Twice)),
    (
        "executor",
        "each_job_is_run_once",
        component(lambda: Threads(result=lambda i, found: replace(found, of=i + 1))),
    ),
    ("executor", "no_job_gives_nothing", component(OneForNothing)),
    (
        "executor",
        "no_more_run_at_a_time_than_asked",
        component(lambda: Threads(workers=lambda asked: asked + 2)),
    ),
    ("executor", "what_a_job_raises_is_raised", component(Silent)),
    ("executor", "what_a_job_raises_is_raised", component(Renames)),
    ("executor", "closing_stops_the_rest", component(lambda: Threads(drop=False))),
    ("executor", "a_lost_job_costs_no_other", component(Forgets)),
    ("dataset", "there_is_something_to_learn", dataset(target=np.zeros(75))),
    ("dataset", "license_and_citation", dataset(license=" ")),
    ("dataset", "license_and_citation", dataset(citation=())),
    ("dataset", "hash_is_sha256", dataset(sha256="unknown")),
    ("dataset", "inputs_are_as_declared", component(lambda: Source(formulas_only), **DATA)),
    ("dataset", "candidates_are_the_same_materials", listed(known=())),
    ("dataset", "candidates_are_the_same_materials", listed(known=("crystals", "no-form.known"))),
    ("dataset", "candidates_are_the_same_materials", listed(structures=False)),
    ("dataset", "candidates_are_the_same_materials", listed(smallest=9)),
    (
        "dataset",
        "candidates_are_the_same_materials",
        listed(materials=toy_dataset().materials.take(range(70))),
    ),
    (
        "split",
        "rows_exist",
        component(lambda: Halves(lambda folds, _: [replace(folds[0], test=np.array([75]))])),
    ),
    ("split", "fold_names_are_distinct", component(lambda: Halves(lambda folds, _: folds * 2))),
    (
        "split",
        "held_out_class_is_named",
        component(
            lambda: Halves(
                lambda folds, _: [
                    Split("x", folds[0].train, test=folds[0].test[1:], ood_test=folds[0].test[:1])
                ]
            )
        ),
    ),
    ("split", "different_seed_different_folds", component(lambda: Halves(seeded=False))),
    ("split", "inputs_unchanged", component(lambda: Halves(writes_column))),
    ("featurizer", "form_is_as_declared", component(Feature, provides={"features:graphs"})),
    (
        "featurizer",
        "something_is_defined",
        component(lambda: Feature(lambda m: column(np.zeros(len(m)))), **VECTORS),
    ),
    ("featurizer", "inputs_unchanged", component(lambda: Feature(writes_numbers), **VECTORS)),
    (
        "featurizer",
        "order_is_kept",
        component(lambda: Feature(lambda m: toy_vectors(m.take(np.argsort(m.ids)))), **VECTORS),
    ),
    (
        "featurizer",
        "batch_of_one_equals_the_batch",
        component(lambda: Feature(minus_mean), **VECTORS),
    ),
    (
        "featurizer",
        "site_order_does_not_matter",
        component(lambda: Feature(lambda m: column(m.numbers[m.offsets[:-1]])), **VECTORS),
    ),
    (
        "featurizer",
        "origin_does_not_matter",
        component(lambda: Feature(lambda m: column(m.frac[m.offsets[:-1], 0])), **STRUCTURE),
    ),
    (
        "featurizer",
        "rotation_does_not_matter",
        component(lambda: Feature(lambda m: column(m.lattice[:, 0, 1])), **STRUCTURE),
    ),
    (
        "featurizer",
        "directions_are_displacements",
        component(lambda: Feature(without_vectors), **DIRECTIONS),
    ),
    (
        "featurizer",
        "directions_are_displacements",
        component(lambda: Feature(backwards), **DIRECTIONS),
    ),
    (
        "featurizer",
        "directions_are_those_of_the_crystal",
        component(lambda: Feature(cut_shells), **DIRECTIONS),
    ),
    (
        "featurizer",
        "supercell_does_not_matter",
        component(lambda: Feature(lambda m: column(m.counts)), **STRUCTURE),
    ),
    (
        "featurizer",
        "supercell_does_not_matter",
        component(
            lambda: Feature(lambda m: toy_graphs(m, most=12 if len(m.numbers) < 100 else 6)),
            **GRAPHS,
        ),
    ),
    (
        "featurizer",
        "formula_scale_does_not_matter",
        component(
            lambda: Feature(lambda m: column(np.add.reduceat(m.amounts, m.offsets[:-1]))), **VECTORS
        ),
    ),
    ("featurizer", "failures_are_reported", component(lambda: Feature(silent_nan), **VECTORS)),
    (
        "model",
        "predictions_are_finite",
        component(model(predict=honest("predict", np.float32)), **TAKES),
    ),
    ("model", "learns_better_than_the_mean", component(Constant, **TAKES)),
    (
        "model",
        "binary_predictions_are_probabilities",
        component(model(predict=honest("predict", lambda p: p + 1.0)), **TAKES),
    ),
    (
        "model",
        "binary_predictions_are_probabilities",
        component(model(predict=honest("predict", lambda p: 1.0 - p)), **TAKES),
    ),
    ("model", "inputs_unchanged", component(Zeroing, **TAKES)),
    ("model", "order_is_kept", component(model(predict=honest("predict", np.sort)), **TAKES)),
    (
        "model",
        "batch_of_one_equals_the_batch",
        component(model(predict=honest("predict", lambda p: p - p.mean())), **TAKES),
    ),
    ("model", "predicting_changes_nothing", component(Forgetful, **TAKES)),
    ("model", "global_random_state_is_left_alone", component(Global, **TAKES)),
    ("model", "accepts_the_forms_it_says", component(VectorsOnly)),
    ("model", "missing_values_are_handled", component(ToyModel, **TAKES)),
    ("model", "checkpoints_change_nothing", component(Resumes, **TAKES)),
    ("model", "jobs_change_nothing", component(Threaded, **TAKES)),
    (
        "model",
        "fits_at_once_change_nothing",
        component(Shared, **TAKES, provides={"model:threads"}),
    ),
    ("model", "capabilities_are_implemented", component(Constant, **TAKES, provides=ALL)),
    (
        "model",
        "members_average_to_the_prediction",
        component(
            model(predict=honest("predict", lambda p: p + 0.1)), **TAKES, provides={"model:members"}
        ),
    ),
    (
        "model",
        "variance_is_a_variance",
        component(
            model(predict_std=honest("predict_std", lambda s: (-s[0], s[1]))), **TAKES, provides=ALL
        ),
    ),
    (
        "model",
        "dropout_samples_obey_the_seed",
        component(
            model(sample=lambda self, rows, passes, seed: Model.sample(self, rows, passes, 0)),
            **TAKES,
            provides=ALL,
        ),
    ),
    (
        "model",
        "batch_of_one_equals_the_batch",
        component(
            model(embed=honest("embed", lambda e: e - e.mean(axis=0))), **TAKES, provides=ALL
        ),
    ),
    (
        "model",
        "capabilities_are_implemented",
        component(model(embed=honest("embed", lambda e: e[1:])), **TAKES, provides=ALL),
    ),
    (
        "model",
        "capabilities_are_implemented",
        component(model(members=honest("members", lambda m: m / 0.0)), **TAKES, provides=ALL),
    ),
    (
        "model",
        "rows_are_embedded_apart",
        component(model(embed=honest("embed", np.zeros_like)), **TAKES, provides=ALL),
    ),
    (
        "model",
        "rows_are_embedded_apart",
        component(model(leaves=honest("leaves", lambda leaf: 1.0 * leaf)), **TAKES, provides=ALL),
    ),
    (
        "model",
        "batch_of_one_equals_the_batch",
        component(
            model(leaves=honest("leaves", lambda leaf: leaf + (len(leaf) > 1))),
            **TAKES,
            provides=ALL,
        ),
    ),
    (
        "model",
        "bags_are_drawn_from_the_training_rows",
        component(model(inbag=honest("inbag", lambda bag: 2 * bag)), **TAKES, provides=ALL),
    ),
    (
        "model",
        "quantiles_rise_with_their_level",
        component(model(quantiles=honest("quantiles", lambda q: q[::-1])), **TAKES, provides=ALL),
    ),
    (
        "model",
        "snapshots_average_to_the_prediction",
        component(
            model(snapshots=honest("snapshots", lambda draws: draws + 0.1)), **TAKES, provides=ALL
        ),
    ),
    (
        "model",
        "graph_representation_does_not_matter",
        component(Extensive, requires={"features:graphs"}),
    ),
    (
        "model",
        "orientation_does_not_matter",
        component(FixedAxes, requires={"features:graphs", "features:directions"}),
    ),
    (
        "uq",
        "gives_what_it_declares",
        component(lambda: Spread(lambda p: Prediction(p.mean)), **EPISTEMIC),
    ),
    (
        "uq",
        "sigma_is_not_zero",
        component(lambda: Spread(lambda p: p.replace(epistemic=0 * p.mean)), **EPISTEMIC),
    ),
    (
        "uq",
        "mean_follows_the_data",
        component(lambda: Spread(lambda p: p.replace(mean=p.mean + 3)), **EPISTEMIC),
    ),
    (
        "uq",
        "sigma_grows_off_the_data",
        component(lambda: Spread(lambda p: p.replace(epistemic=0 * p.mean + 1)), **EPISTEMIC),
    ),
    (
        "uq",
        "order_is_kept",
        component(lambda: Spread(lambda p: p.replace(mean=np.sort(p.mean))), **EPISTEMIC),
    ),
    (
        "uq",
        "batch_of_one_equals_the_batch",
        component(
            lambda: Spread(lambda p: p.replace(epistemic=p.epistemic / p.epistemic.max())),
            **EPISTEMIC,
        ),
    ),
    ("uq", "inputs_unchanged", component(ZeroingSpread, **EPISTEMIC)),
    (
        "uq",
        "binary_means_are_probabilities",
        component(lambda: Spread(lambda p: p.replace(mean=1.5 * p.mean)), **EPISTEMIC),
    ),
    ("uq", "the_model_comes_with_it", component(UntrainedSpread, **EPISTEMIC)),
    ("uq", "each_predictor_is_its_own", component(SharedSpread)),
    (
        "uq",
        "the_unit_does_not_matter",
        component(lambda: Spread(lambda p: p.replace(epistemic=p.epistemic + 1e-3)), **EPISTEMIC),
    ),
    ("model", "the_unit_does_not_matter", component(Rounding, **TAKES)),
    (
        "model",
        "the_zero_does_not_matter",
        component(model(predict=honest("predict", lambda p: 0.99 * p)), **TAKES),
    ),
    (
        "calibrator",
        "parts_of_std_are_scaled_alike",
        component(lambda: Conformal(lambda d: d.replace(epistemic=2 * d.epistemic))),
    ),
    (
        "calibrator",
        "binary_order_is_kept",
        component(lambda: Conformal(lambda d: d.replace(mean=np.round(d.mean, 1)))),
    ),
    (
        "trust",
        "the_unit_does_not_matter",
        gaussian(change=lambda found: replace(found, expected_error=found.expected_error + 1e-3)),
    ),
    ("uq", "jobs_change_nothing", component(ThreadedSpread, **EPISTEMIC)),
    (
        "calibrator",
        "intervals_at_every_level",
        component(
            lambda: Conformal(
                lambda d: d.replace(levels=d.levels[:1], lower=d.lower[:1], upper=d.upper[:1])
            )
        ),
    ),
    (
        "calibrator",
        "intervals_at_every_level",
        component(lambda: Conformal(lambda d: d.replace(lower=d.lower[::-1], upper=d.upper[::-1]))),
    ),
    ("calibrator", "coverage_keeps_its_word", component(lambda: Conformal(width=0.5))),
    ("calibrator", "coverage_keeps_its_word", component(lambda: Conformal(width=1.5))),
    (
        "calibrator",
        "mean_is_kept",
        component(lambda: Conformal(lambda d: d.replace(mean=d.mean + 0.1))),
    ),
    (
        "calibrator",
        "binary_intervals_are_sets_of_labels",
        component(lambda: Conformal(lambda d: d.replace(upper=d.upper + 0.5))),
    ),
    ("calibrator", "batch_of_one_equals_the_batch", component(lambda: Conformal(by_batch))),
    (
        "calibrator",
        "order_is_kept",
        component(lambda: Conformal(lambda d: d.replace(mean=np.sort(d.mean)))),
    ),
    ("calibrator", "saved_and_loaded_it_answers_alike", component(ClosedConformal)),
    ("calibrator", "saved_and_loaded_it_answers_alike", component(LocalConformal)),
    (
        "calibrator",
        "saved_and_loaded_it_answers_alike",
        component(lambda: Conformal(lambda done: done)),
    ),
    ("calibrator", "inputs_unchanged", component(ZeroingConformal)),
    ("calibrator", "no_calibration_rows", component(CrashingConformal)),
    ("ood", "far_scores_above_near", component(lambda: Nearest(lambda s: -s))),
    ("ood", "far_materials_are_flagged", component(lambda: Nearest(threshold=1e9))),
    ("ood", "few_near_materials_are_flagged", component(lambda: Nearest(threshold=-1.0))),
    (
        "ood",
        "works_without_calibration_rows",
        component(lambda: Nearest(needs_calibration=True)),
    ),
    ("ood", "order_is_kept", component(lambda: Nearest(np.sort))),
    (
        "ood",
        "batch_of_one_equals_the_batch",
        component(lambda: Nearest(lambda s: s - s.mean() if len(s) else s)),
    ),
    (
        "ood",
        "nothing_to_score",
        component(lambda: Nearest(lambda s: s / np.max(s, initial=0.0) if len(s) else s[0])),
    ),
    ("ood", "inputs_unchanged", component(WritingNearest)),
    ("trust", "labels_of_a_list", with_risk(lambda risk: 2.0 * risk)),
    ("trust", "labels_of_a_list", gaussian(relabel=np.char.upper)),
    ("trust", "labels_of_a_list", gaussian(relabel=lambda labels: labels[:1])),
    ("trust", "order_is_kept", with_risk(np.sort)),
    ("trust", "order_is_kept", gaussian(relabel=np.sort)),
    (
        "trust",
        "batch_of_one_equals_the_batch",
        with_risk(lambda risk: risk / np.max(risk, initial=1e-9)),
    ),
    ("trust", "reliability_is_reached_in_domain", always("trust")),
    ("trust", "trusts_some_in_domain", always("verify")),
    ("trust", "huge_errors_are_not_trusted", always("trust")),
    (
        "trust",
        "expected_error_has_the_right_size",
        gaussian(change=lambda found: replace(found, expected_error=10.0 * found.expected_error)),
    ),
    (
        "trust",
        "expected_error_has_the_right_size",
        gaussian(change=lambda found: replace(found, expected_error=0.0 * found.risk + 0.13)),
    ),
    (
        "trust",
        "lower_reliability_never_trusts_fewer",
        gaussian(allowed=lambda target_reliability: target_reliability - 0.8),
    ),
    ("trust", "intervals_keep_their_word", gaussian(change=narrow)),
    ("trust", "works_without_a_detector", gaussian(looks_at_ood=True)),
    ("trust", "no_calibration_rows", gaussian(wants_rows=False)),
    (
        "trust",
        "inputs_unchanged",
        component(WritingGaussian, requires={"epistemic", "task:regression"}),
    ),
    ("trust", "saved_and_loaded_it_answers_alike", gaussian(change=lambda found: found)),
    ("acquisition", "picks_are_distinct_and_complete", component(greedy(select=too_few))),
    (
        "acquisition",
        "utility_is_defined_for_all",
        component(
            greedy(utility=lambda self, r: np.where(r.prediction.epistemic > 0, 0.0, np.nan))
        ),
    ),
    ("acquisition", "highest_utility_is_chosen", component(greedy(select=worst_first))),
    ("acquisition", "ties_go_by_id", component(greedy(select=by_position))),
    (
        "acquisition",
        "pool_order_does_not_matter",
        component(greedy(utility=lambda self, r: np.random.default_rng(r.seed).random(len(r.ids)))),
    ),
    (
        "acquisition",
        "goal_is_honored",
        component(greedy(utility=lambda self, r: r.prediction.mean)),
    ),
    ("acquisition", "inputs_unchanged", component(greedy(select=writes_mean))),
    ("reference", "border_of_every_material", middle(words=lambda self, asked: [""] * len(asked))),
    ("reference", "a_material_says_nothing_of_itself", middle(border=of_its_own_value)),
    ("reference", "a_border_is_that_of_the_material_alone", middle(border=of_the_list)),
    (
        "reference",
        "probability_follows_the_margin",
        middle(probability=lambda self, r, margin: 1 - Middle.probability(self, r, margin)),
    ),
    (
        "reference",
        "probabilities_are_calibrated",
        middle(probability=lambda self, r, margin: 0.5 * Middle.probability(self, r, margin)),
    ),
    (
        "reference",
        "a_wider_margin_is_likelier",
        middle(probability=lambda self, r, margin: Middle.probability(self, r, 0.0)),
    ),
    (
        "reference",
        "decides_from_few_rows",
        middle(learn=lambda self, r, margin: MiddleDecision(margin / len(r), self.probability)),
    ),
    ("reference", "inputs_unchanged", middle(learn=writes_its_rows)),
    (
        "reference",
        "order_is_kept",
        middle(probability=lambda self, r, margin: np.sort(Middle.probability(self, r, margin))),
    ),
    (
        "reference",
        "batch_of_one_equals_the_batch",
        middle(
            probability=lambda self, r, margin: (
                Middle.probability(self, r, margin) / Middle.probability(self, r, margin).max()
            )
        ),
    ),
    ("report", "places_are_its_own", component(reported(places=("manifest.json",)))),
    ("report", "places_are_its_own", component(reported(places=("a/b",)))),
    ("report", "files_stand_in_its_places", component(reported(places=("other.html",)))),
    (
        "report",
        "files_stand_in_its_places",
        component(reported(places=("none.md", *Reported.places))),
    ),
    ("report", "every_task_is_shown", component(reported(page=only_numbers))),
    (
        "report",
        "numbers_are_those_of_the_run",
        component(reported(page=lambda run: [], table=lambda run: [])),
    ),
    ("report", "pages_run_their_own_script_only", component(reported(page=by_their_word))),
    *(
        ("report", "pages_run_their_own_script_only", component(reported(page=page)))
        for page in (
            scripted(arms_as_code),
            scripted(ids_as_code),
            scripted(own_script, policy="script-src 'unsafe-inline'"),
            scripted(own_script, policy="default-src 'none'; script-src 'sha256-'"),
            scripted(
                own_script, policy="default-src 'none'; script-src 'unsafe-inline'; script-src {}"
            ),
            scripted(
                own_script, policy="default-src 'none'; script-src {}; script-src-elem 'self'"
            ),
            scripted(own_script, page=f"<title>{META}</title>{SCRIPT}"),
            scripted(own_script, page=f"<head></head><body>{META}{SCRIPT}</body>"),
            scripted(own_script, page=f"<head>{SCRIPT}{META}</head>"),
            scripted(own_script, page=f"<head>{META}</head>{TWICE}<script>{{script}}</script>"),
        )
    ),
    *(
        ("report", "pages_load_nothing", component(reported(page=scripted(own_script, page=page))))
        for page in (
            f"<head>{META}<script src='https://a.b/c'></script></head>{SCRIPT}",
            f"<head>{META}</head><p onclick='a()'>{SCRIPT}",
            f"<head>{META}<meta http-equiv='Refresh' content='0;url=https://a.b'></head>{SCRIPT}",
            f"<head>{META}</head><a href=' JavaScript:a()'>b</a>{SCRIPT}",
            f"<head>{META}</head>{TWICE}{SCRIPT}",
        )
    ),
    ("report", "tables_hold_no_formula", component(reported(table=by_their_word))),
    ("report", "inputs_unchanged", component(reported(page=writes_in_the_run))),
]

# --- what a file does not give back --------------------------------------------------------------


class Forgets:
    """Write all but one attribute; when it is read again, that one is as the class has it."""

    forgotten: ClassVar[str]

    def to_state(self):
        return {name: value for name, value in vars(self).items() if name != self.forgotten}

    @classmethod
    def from_state(cls, state):
        made = object.__new__(cls)
        vars(made).update(state)
        return made


class WithCode(Model):
    def fit(self, features, target, context):
        super().fit(features, target, context)
        self.link = lambda values: values

    def predict(self, features):
        return self.link(super().predict(features))


class WithStranger(Model):
    """Holds an object of a class that no component brought."""

    def fit(self, features, target, context):
        super().fit(features, target, context)
        self.share = Fraction(1, 3)


class KeptAside(Model):
    """Keeps the slope where only the object that was fitted finds it."""

    aside: ClassVar[dict[int, float]] = {}

    def fit(self, features, target, context):
        super().fit(features, target, context)
        self.aside.clear()
        self.aside[id(self)] = 1.1

    def predict(self, features):
        return super().predict(features) * self.aside.get(id(self), 1.0)


class ForgetsNoise(Forgets, Model):
    """Predicts alike, but its residuals are gone."""

    forgotten = "noise"


class ForgetsDoubt(Forgets, Lines):
    """Predicts alike, with less doubt."""

    forgotten = "doubt"
    doubt = 1.0

    def __init__(self, fitted, change):
        super().__init__(fitted, change)
        vars(self)["doubt"] = 2.0

    def predict(self, rows):
        done = super().predict(rows)
        return done.replace(epistemic=self.doubt * done.epistemic)


class RoundsIntervals(ToyIntervals):
    """Keeps seven digits of what it learned."""

    def to_state(self):
        return vars(self) | {"wanted": self.wanted.astype(np.float32)}

    @classmethod
    def from_state(cls, state):
        return cls(**state)


class ForgetsThreshold(Forgets, ToyDetector):
    forgotten = "threshold"
    threshold = 0.0


class RoundsScores(ToyDetector):
    """Keeps seven digits of the training compositions."""

    def to_state(self):
        return vars(self) | {"fractions": self.fractions.astype(np.float32)}

    @classmethod
    def from_state(cls, state):
        return cls(**state)


class ForgetsReason(Forgets, ToyDetector):
    """Scores alike, but no longer says why."""

    forgotten = "reason"
    reason = ""

    def __init__(self, *learned):
        super().__init__(*learned)
        vars(self)["reason"] = "far away"

    def score(self, rows):
        done = super().score(rows)
        return replace(done, reasons=[(Reason("far", self.reason),)] * len(done.score))


class ForgetsBudget(Forgets, GaussianRegion):
    """Takes every error to be within the tolerance."""

    forgotten = "error_tolerance"
    error_tolerance = math.inf


class ForgetsConfidence(Forgets, GaussianRegion):
    """Assesses alike, but allows every risk."""

    forgotten = "allowed"
    allowed = 1.0


SAVED = "saved_and_loaded_it_answers_alike"
UNSAVED = [
    ("model", component(WithCode, **TAKES), "WithCode.link cannot be saved"),
    ("model", component(WithStranger, **TAKES), "not loaded: it names fractions:"),
    ("model", component(KeptAside, **TAKES), "predict: .* bytes differ"),
    ("model", component(ForgetsNoise, **TAKES, provides=ALL), "quantiles: .* bytes differ"),
    (
        "uq",
        component(lambda: Spread(lambda p: p), **EPISTEMIC),
        "Lines.change cannot be saved",
    ),
    (
        "uq",
        component(lambda: Spread(predictor=ForgetsDoubt), **EPISTEMIC),
        "epistemic: .* bytes differ",
    ),
    (
        "calibrator",
        component(lambda: Conformal(lambda done: done)),
        "ToyIntervals.change cannot be saved",
    ),
    (
        "calibrator",
        component(lambda: Conformal(learned=RoundsIntervals)),
        "lower: .* bytes differ",
    ),
    (
        "ood",
        component(lambda: Nearest(lambda score: score)),
        "ToyDetector.change cannot be saved",
    ),
    (
        "ood",
        component(lambda: Nearest(learned=ForgetsThreshold)),
        "threshold: .* bytes differ",
    ),
    ("ood", component(lambda: Nearest(learned=RoundsScores)), "score: .* bytes differ"),
    ("ood", component(lambda: Nearest(learned=ForgetsReason)), "reasons: .* bytes differ"),
    (
        "trust",
        gaussian(change=lambda found: found),
        "GaussianRegion.change cannot be saved",
    ),
    ("trust", gaussian(learned=ForgetsBudget), "risk: .* bytes differ"),
    ("trust", gaussian(learned=ForgetsConfidence), "label: .* bytes differ"),
]

# --- promises of every kind ---------------------------------------------------------------------


class Undescribed(Config):
    """An option without a description."""

    depth: int = 1


class Tolerant(Config):
    """Takes any key."""

    model_config = ConfigDict(extra="ignore")


class Lossy(Config):
    """Forgets a digit on the way through JSON."""

    rate: float = Field(0.123, description="A rate.")

    @field_serializer("rate")
    def short(self, value: float) -> float:
        return round(value, 1)


class Unseeded(Greedy):
    def utility(self, request):
        return np.random.default_rng().random(len(request.ids))


IN_PROCESS = [
    ("descriptor_is_well_formed", component(Greedy, provides={"telepathy"})),
    ("descriptor_is_well_formed", component(Greedy, expected_failures={"no_such": "never"})),
    ("descriptor_is_well_formed", replace(component(Greedy), name="Not A Name")),
    ("options_are_documented", component(Greedy, config=Undescribed)),
    ("unknown_options_are_refused", component(Greedy, config=Tolerant)),
    ("options_survive_json", component(Greedy, config=Lossy)),
    ("build_returns_its_protocol", component(object)),
    ("same_seed_same_bytes", component(Unseeded)),
]

MODULE = '''"""{summary}"""
from __future__ import annotations
{imports}
import numpy as np
from atlas_core.api import Component, Config, select_top


class Options(Config):
    """None."""


class Method:
    def select(self, request):
        {body}
        return select_top(request, request.prediction.mean * (-1) ** (request.goal != "maximize"))


def build(config):
    return Method()


def atlas_acquisition():
    {hook}
    return [Component("{name}", Options, build)]
'''

IN_A_MODULE = [
    ("summary_line", {"summary": "Far too long: " + "words " * 20}),
    ("light_module_is_light", {"imports": "import scipy"}),
    ("light_module_is_light", {"hook": "import scipy"}),
    (
        "same_bytes_in_another_process",
        {"body": "request = __import__('dataclasses').replace(request, prediction="
         "request.prediction.replace(mean=request.prediction.mean + hash('salt') % 99991))"},
    ),
    ("leaves_no_files_behind", {"body": "open('left.txt', 'w').close()"}),
]  # fmt: skip


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return a function that writes a plugin module and gives its component."""

    def write(name, *, summary="A toy.", imports="", body="pass", hook="pass"):
        text = MODULE.format(name=name, summary=summary, imports=imports, body=body, hook=hook)
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.chdir(tmp_path)
        return importlib.import_module(name).atlas_acquisition()[0]

    return write


def outcomes(results):
    return {r.name: r.outcome for r in results}


@pytest.mark.parametrize(
    ("kind", "honest_one"), HONEST, ids=[f"{k}-{i}" for i, (k, _) in enumerate(HONEST)]
)
def test_an_honest_component_passes(kind, honest_one):
    results = run_contract(honest_one, kind)
    assert [(r.name, r.message) for r in results if r.broken] == []
    assert sum(r.outcome == "passed" for r in results) >= 10


@pytest.mark.parametrize(
    ("kind", "check", "broken"), BROKEN, ids=[f"{k}-{c}-{i}" for i, (k, c, _) in enumerate(BROKEN)]
)
def test_a_broken_rule_fails_its_check(kind, check, broken):
    (result,) = run_contract(broken, kind, only=[check])
    assert result.outcome == "failed"
    assert result.message


@pytest.mark.parametrize(
    ("kind", "broken", "why"), UNSAVED, ids=[f"{u[0]}-{i}" for i, u in enumerate(UNSAVED)]
)
def test_what_a_file_does_not_give_back_is_named(kind, broken, why):
    (result,) = run_contract(broken, kind, only=[SAVED])
    assert result.outcome == "failed"
    assert re.search(why, result.message)


@pytest.mark.parametrize(
    ("check", "broken"), IN_PROCESS, ids=[f"{c}-{i}" for i, (c, _) in enumerate(IN_PROCESS)]
)
def test_a_broken_descriptor_fails_its_check(check, broken):
    (result,) = run_contract(broken, "acquisition", only=[check])
    assert result.outcome == "failed"


@pytest.mark.parametrize(("check", "parts"), IN_A_MODULE, ids=[c for c, _ in IN_A_MODULE])
def test_a_broken_module_fails_its_check(check, parts, written):
    (result,) = run_contract(written(f"toy_{check}", **parts), "acquisition", only=[check])
    assert result.outcome == "failed"


def test_an_honest_module_passes_every_check(written):
    results = run_contract(written("toy_honest"), "acquisition")
    assert {r.outcome for r in results} == {"passed"}


def test_every_check_has_a_component_that_breaks_it():
    own = {(kind, check) for kind, check, *_ in BROKEN} | {(u[0], SAVED) for u in UNSAVED}
    everywhere = {c for c, _ in IN_PROCESS} | {c for c, _ in IN_A_MODULE}
    missing = [
        (kind, check)
        for kind in KINDS
        for check in checks_of(kind)
        if (kind, check) not in own and check not in everywhere
    ]
    assert missing == []


def test_every_check_states_its_rule():
    for kind in KINDS:
        for name, check in checks_of(kind).items():
            assert (check.__doc__ or "").strip(), name


def test_an_expected_failure_is_no_failure():
    constant = component(
        Constant, **TAKES, expected_failures={"learns_better_than_the_mean": "it is the mean"}
    )
    (result,) = run_contract(constant, "model", only=["learns_better_than_the_mean"])
    assert result.outcome == "expected failure"
    assert result.message.startswith("it is the mean")
    assert not result.broken


def test_an_expected_failure_that_passes_is_a_failure():
    good = component(Greedy, expected_failures={"goal_is_honored": "it was once broken"})
    (result,) = run_contract(good, "acquisition", only=["goal_is_honored"])
    assert result.outcome == "unexpected pass"
    assert result.broken


def test_an_expected_failure_of_a_check_that_does_not_apply_is_a_failure():
    name = "graph_representation_does_not_matter"
    (result,) = run_contract(
        component(Model, **TAKES, expected_failures={name: "why"}), "model", only=[name]
    )
    assert result.outcome == "unexpected pass"


def test_options_that_are_not_valid_are_one_failed_result():
    results = run_contract(component(Greedy), "acquisition", options={"no_such": 1})
    assert outcomes(results) == {"options_are_valid": "failed"}
    assert "no_such" in results[0].message


def test_the_table_ends_with_the_count():
    results = [
        CheckResult("a", "passed", "", 0.1),
        CheckResult("b", "failed", "two\nlines", 0.1),
        CheckResult("c", "unexpected pass", "why", 0.1),
        CheckResult("d", "expected failure", "why", 0.1),
        CheckResult("e", "not applicable", "why", 0.1),
    ]
    lines = format_results(results).splitlines()
    assert len(lines) == 6
    assert "two lines" in lines[1]
    assert lines[-1] == ("5 checks: 1 passed, 2 failed, 1 expected failures, 1 not applicable")


def test_contract_options_of_the_component_are_used(tmp_path, monkeypatch):
    (tmp_path / "toy_options.py").write_text(
        '"""A toy."""\n'
        "from atlas_core.api import Component, Config, Field, select_top\n"
        "class Options(Config):\n"
        '    """None."""\n'
        '    path: str = Field(description="A file that must be there.")\n'
        "class Method:\n"
        "    def __init__(self, path):\n"
        "        open(path).close()\n"
        "    def select(self, request):\n"
        "        sign = 1 if request.goal == 'maximize' else -1\n"
        "        return select_top(request, sign * request.prediction.mean)\n"
        "def build(config):\n"
        "    return Method(config.path)\n"
        "def contract_options(folder):\n"
        "    (folder / 'x.txt').write_text('x')\n"
        "    return {'path': str(folder / 'x.txt')}\n"
        "def atlas_acquisition():\n"
        "    return [Component('toy_options', Options, build, contract_options=contract_options)]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = importlib.import_module("toy_options").atlas_acquisition()[0]
    assert {r.outcome for r in run_contract(found, "acquisition")} == {"passed"}


PROJECT = """
[project]
name = "atlas-toys"
[project.entry-points."atlas.uq"]
not_installed_anywhere = "toys"
[project.entry-points."atlas.acquisition"]
random = "atlas_acquisition.hooks"
"""


def collected(folder, *words):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder).stdout


def test_pytest_collects_the_contract_of_what_a_project_declares(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    lines = collected(tmp_path, "--collect-only").splitlines()
    names = [line.rpartition("::")[2] for line in lines if "acquisition.random" in line]
    assert names == list(checks_of("acquisition"))
    assert sum("uq.not_installed_anywhere" in line for line in lines) == len(checks_of("uq"))


def test_pytest_reports_what_a_check_found(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    reported = collected(tmp_path, "-k", "summary_line", "-rA")
    assert "no component 'not_installed_anywhere' is installed" in reported
    assert "PASSED pyproject.toml::acquisition.random::summary_line" in reported
    assert "1 failed, 1 passed" in reported


def test_pytest_passes_other_projects_by(tmp_path):
    for text in ('[project]\nname = "other"\n', "[tool.ruff]\n", "no = [TOML"):
        (tmp_path / "inner").mkdir(exist_ok=True)
        (tmp_path / "inner/pyproject.toml").write_text(text)
        assert "no tests" in collected(tmp_path)


# --- the toy data themselves ---------------------------------------------------------------------


def test_far_materials_share_no_element_with_the_toys():
    near = set(toy_materials().numbers.tolist())
    assert not near & set(far_materials().numbers.tolist())


def test_toy_graph_of_rocksalt_has_six_neighbors_at_half_the_edge():
    crystals = toy_materials()
    row = crystals.formulas().index("MgO")
    graph = toy_graphs(crystals.take([row]))
    assert isinstance(graph, Graphs)
    assert np.bincount(graph.src).tolist() == [6, 6]
    edge = 2.0 * crystals.lattice[row, 0, 1]
    np.testing.assert_allclose(graph.distance, edge / 2.0, rtol=1e-6)
    assert (graph.src != graph.dst).all()


def test_a_doubled_cell_has_twice_the_volume_and_the_same_formula():
    crystals = toy_materials()
    doubled = supercell(crystals, 1)
    volume = np.linalg.det(crystals.lattice)
    np.testing.assert_allclose(np.linalg.det(doubled.lattice), 2.0 * volume)
    assert doubled.formulas() == crystals.formulas()
