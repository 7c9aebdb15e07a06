"""A trained predictor, and what it answered in this run or an earlier one. Light.

With a cache, a question that an earlier run put to the same fit is not put again, and where all of
them were, nothing is trained and no framework is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import Record
from atlas_core.engine.fits import FitCache, rows_name
from atlas_core.engine.notes import Heard, listening
from atlas_core.errors import ContractError, DataError
from atlas_core.interfaces import HasEmbedding, HasLeaves
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor, UQFit
from atlas_core.saving import Allowed, load, save
from atlas_core.store import Arrays, checked_bytes, write_bytes

Train = Callable[[Record], UQFit]
"""Train and return predictor and model; what they record goes to the given function."""

PREDICTOR = "predictor"
PARTS = ("mean", "epistemic", "aleatoric", "samples", "levels", "lower", "upper")


@dataclass(frozen=True)
class Shelf:
    """Name the entry of one fit in the cache.

    Attributes:
        cache: of all fits.
        key: of this one (``FitIdentity.key``).
        allowed: what a kept predictor may name: what model and uq declare.
    """

    cache: FitCache
    key: str
    allowed: Allowed

    @property
    def predictor(self) -> Path:
        """Return where the predictor itself lies, if it was kept."""
        return self.cache.path(self.key, PREDICTOR)


class Trained:
    """Ask a predictor about rows; train it only when an answer is not there.

    Attributes:
        records: (name, content) of the fit, whether it was made now or before.
        heard: warnings of the fit and of all answers.
        stored: whether the fit itself was found in the cache.
    """

    def __init__(self, train: Train, *, shelf: Shelf | None = None, samples: bool = True) -> None:
        """Look the fit up, else train now.

        Args:
            train: makes the predictor.
            shelf: where answers are kept, or None.
            samples: whether a component needs the draws of a prediction; else they are left out.
        """
        self._train, self._shelf, self._samples = train, shelf, samples
        self._made: UQFit | None = None
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.heard = Heard()
        self.stored = self._found("fit") is not None
        if not self.stored:
            self._fit()

    def predict(self, features: Features, rows: I8) -> Prediction:
        """Return the predictions of ``rows``.

        Raises:
            ContractError: the predictor returned another number of them.
        """

        def ask(made: UQFit) -> Arrays:
            found = made[0].predict(features.take(rows))
            if len(found) != len(rows):
                raise ContractError(f"{len(found)} predictions for {len(rows)} rows")
            kept = PARTS if self._samples else tuple(p for p in PARTS if p != "samples")
            parts = {part: getattr(found, part) for part in kept}
            return {part: values for part, values in parts.items() if values is not None}

        question = "predict-samples" if self._samples else "predict"
        return Prediction(**self._answer(question, rows, ask))

    def embed(self, features: Features, rows: I8) -> F8:
        """Return (n, d) the trained model's representation of ``rows``.

        Raises:
            ContractError: the model has no embedding.
        """

        def ask(made: UQFit) -> Arrays:
            model: object = made[1]
            if not isinstance(model, HasEmbedding):
                raise ContractError(f"an embedding is needed, but {_name(model)} has no embed()")
            vectors = model.embed(features.take(rows))
            # as it will be read: the order of a sum depends on how an array lies in memory
            return {"embedding": np.ascontiguousarray(vectors, dtype=np.float64)}

        return self._answer("embed", rows, ask)["embedding"]

    def leaves(self, features: Features, rows: I8) -> I8:
        """Return (n, k) the leaf of each tree that ``rows`` fall into.

        Raises:
            ContractError: the model has no trees.
        """

        def ask(made: UQFit) -> Arrays:
            model: object = made[1]
            if not isinstance(model, HasLeaves):
                raise ContractError(f"leaves are needed, but {_name(model)} has no leaves()")
            found = model.leaves(features.take(rows))
            return {"leaves": np.ascontiguousarray(found, dtype=np.int32)}

        return self._answer("leaves", rows, ask)["leaves"]

    def keep(self, path: Path, note: Mapping[str, Any], *, most: int | None) -> str:
        """Write the predictor to ``path``; return "", or why it was not written.

        With a cache it is written there, and ``path`` is a copy: damage to one of them is no
        damage to the other, and a copy is made of bytes whose checksum was found right.

        Args:
            path: of the file.
            note: plain data about it.
            most: bytes of a predictor that is worth its room; None: any is, and it is trained
                again where only its answers are known.

        Raises:
            ContractError: it cannot be saved; names the part.
            DataError: the file cannot be written.
        """
        shelf, content = self._shelf, None
        cached = None if shelf is None else shelf.predictor
        there = cached is not None and cached.exists()
        if shelf is not None:
            content = shelf.cache.content(shelf.key, PREDICTOR)
        if content is None:
            made = self._made
            if made is None:
                if most is not None and not there:
                    return "its answers came from the cache; --save-fitted trains it again"
                made = self._fit()
            size = save(cached or path, _kept(made), note, most=most)
            if most is not None and size > most:
                return f"it takes {size / 2**20:.0f} MB; --save-fitted keeps it nevertheless"
        if cached is not None:
            write_bytes(path, checked_bytes(cached) if content is None else content)
        return ""

    def leave(self, note: Mapping[str, Any]) -> str:
        """Keep the predictor in the cache after a later step failed; return "", or why it is not.

        The next run then asks it, and trains nothing.

        Args:
            note: plain data about it.
        """
        if self._shelf is None:
            return "no fit of a loop is kept"
        path = self._shelf.predictor
        if self._made is None or (path.exists() and not self._shelf.cache.fresh):
            return ""
        try:
            save(path, _kept(self._made), note)
        except (ContractError, DataError) as err:
            return str(err)
        return ""

    def _revived(self) -> UQFit | None:
        """Return what an earlier run left, None where it left nothing."""
        shelf = self._shelf
        if shelf is None or shelf.cache.fresh:
            return None
        path = shelf.predictor
        if not path.exists():
            return None
        try:
            found, _ = load(path, shelf.allowed)
        except DataError as err:
            shelf.cache.drop(shelf.key, PREDICTOR, str(err).removeprefix(f"{path}: "))
            return None
        if not is_fit(found):
            return None
        self._made = found
        return self._made

    def _answer(self, question: str, rows: I8, ask: Callable[[UQFit], Arrays]) -> Arrays:
        """Return the answer by the exact rows: a network may round a row of another batch apart."""
        name = f"{question}-{rows_name(rows)}"
        if (found := self._found(name)) is not None:
            return found
        made = self._made or self._revived() or self._fit()
        with listening() as heard:
            arrays = ask(made)
        self._put(name, arrays, {}, heard)
        return arrays

    def _fit(self) -> UQFit:
        """Train; where the fit is known and only an answer was not, its records are, too."""
        records: list[tuple[str, dict[str, Any]]] = []
        with listening() as heard:
            made = self._train(lambda name, content: records.append((name, dict(content))))
        self._made, self.records = made, records
        self._put("fit", {}, {"records": records}, heard)
        return made

    def _found(self, name: str) -> Arrays | None:
        shelf = self._shelf
        found = None if shelf is None else shelf.cache.get(shelf.key, name)
        if shelf is None or found is None:
            return None
        arrays, note = found
        try:
            said = {str(text) for text in note["warnings"]}
            cautions = {str(text) for text in note["cautions"]}
            if name == "fit":
                self.records = [(str(record), dict(content)) for record, content in note["records"]]
        except (KeyError, TypeError, ValueError) as err:
            shelf.cache.drop(shelf.key, name, f"its note lacks what it is read for ({err})")
            return None
        self.heard.add(Heard(said, cautions))
        return arrays

    def _put(self, name: str, arrays: Arrays, note: dict[str, Any], heard: Heard) -> None:
        self.heard.add(heard)
        if self._shelf is not None:
            note = {**note, **heard.note()}
            self._shelf.cache.put(self._shelf.key, name, arrays, note)


def is_fit(found: object) -> TypeGuard[UQFit]:
    """Return whether an object that was read is what ``keep`` wrote."""
    return isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Predictor)


def _kept(made: UQFit) -> tuple[Predictor, object]:
    """Return what is written: the model only where it may be asked for more than predictions."""
    predictor, model = made
    return predictor, model if isinstance(model, HasEmbedding | HasLeaves) else None


def _name(model: object) -> str:
    return type(model).__name__ if model is not None else "the model"
