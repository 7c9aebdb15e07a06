"""What a trained predictor says about rows: every question is put once, and the answer kept. Light.

With a cache, a question that an earlier run put to the same fit is not put again, and where all of
them were, nothing is trained and no framework is imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import Record
from atlas_core.errors import CautionWarning, ContractError, DataError
from atlas_core.fits import FitCache, rows_name
from atlas_core.interfaces import HasEmbedding, HasLeaves
from atlas_core.kinds.featurizer import Features
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor
from atlas_core.saving import load, save, weight
from atlas_core.store import Arrays, checked_bytes, write_bytes

Train = Callable[[Record], Predictor]
"""Train and return a predictor; what it records goes to the given function."""

PARTS = ("mean", "epistemic", "aleatoric", "samples", "levels", "lower", "upper")


class Answers:
    """Ask a predictor about rows of the features; train it only when an answer is not there.

    Attributes:
        records: (name, content) of the fit, whether it was made now or before.
        said: texts of the warnings of the fit and of all answers.
        cautions: texts of those among them that lower the verdict.
        stored: whether the fit itself was found in the cache.
    """

    def __init__(
        self,
        train: Train,
        features: Features,
        *,
        cache: FitCache | None = None,
        key: str = "",
        samples: bool = True,
        packages: Collection[str] = (),
    ) -> None:
        """Look the fit up, else train now.

        Args:
            train: makes the predictor.
            features: of all materials; questions name rows of them.
            cache: where answers are kept, or None.
            key: of the fit (``FitIdentity.key``); unused without a cache.
            samples: whether a component needs the draws of a prediction; else they are left out.
            packages: whose classes a kept predictor may name; those of model and uq.
        """
        self._train, self._features = train, features
        self._cache, self._key, self._samples = cache, key, samples
        self._packages = packages
        self._predictor: Predictor | None = None
        self._known: dict[str, Arrays] = {}
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.said: set[str] = set()
        self.cautions: set[str] = set()
        note = self._stored("fit")
        self.stored = note is not None
        if note is None:
            self._fit()

    def predict(self, rows: I8) -> Prediction:
        """Return the predictions of ``rows``.

        Raises:
            ContractError: the predictor returned another number of them.
        """

        def ask(predictor: Predictor) -> Arrays:
            found = predictor.predict(self._features.take(rows))
            if len(found) != len(rows):
                raise ContractError(f"{len(found)} predictions for {len(rows)} rows")
            kept = PARTS if self._samples else tuple(p for p in PARTS if p != "samples")
            parts = {part: getattr(found, part) for part in kept}
            return {part: values for part, values in parts.items() if values is not None}

        question = "predict-samples" if self._samples else "predict"
        return Prediction(**self._answer(question, rows, ask))

    def embed(self, rows: I8) -> F8:
        """Return (n, d) the trained model's representation of ``rows``.

        Raises:
            ContractError: the predictor has no embedding.
        """

        def ask(predictor: Predictor) -> Arrays:
            if not isinstance(predictor, HasEmbedding):
                raise ContractError(
                    f"an embedding is needed, but {type(predictor).__name__} does not pass on its"
                    " model's: add embed() to this predictor of the uq component"
                )
            vectors = predictor.embed(self._features.take(rows))
            # as it will be read: the order of a sum depends on how an array lies in memory
            return {"embedding": np.ascontiguousarray(vectors, dtype=np.float64)}

        return self._answer("embed", rows, ask)["embedding"]

    def leaves(self, rows: I8) -> I8:
        """Return (n, k) the leaf of each tree that ``rows`` fall into.

        Raises:
            ContractError: the predictor has no trees.
        """

        def ask(predictor: Predictor) -> Arrays:
            if not isinstance(predictor, HasLeaves):
                raise ContractError(
                    f"leaves are needed, but {type(predictor).__name__} does not pass on its"
                    " model's: add leaves() to this predictor of the uq component"
                )
            found = predictor.leaves(self._features.take(rows))
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
        cache, content = self._cache, None
        cached = None if cache is None else cache.path(self._key, "predictor")
        there = cached is not None and cached.exists()
        if cache is not None:
            content = cache.content(self._key, "predictor")
        if content is None:
            predictor = self._predictor
            if predictor is None:
                if most is not None and not there:
                    return "its answers came from the cache; --save-fitted trains it again"
                predictor = self._fit()
            if most is not None and (size := weight(predictor)) > most:
                return f"it takes {size / 2**20:.0f} MB; --save-fitted keeps it nevertheless"
            save(cached or path, predictor, note)
        if cached is not None:
            write_bytes(path, checked_bytes(cached) if content is None else content)
        return ""

    def leave(self, note: Mapping[str, Any]) -> str:
        """Keep the predictor in the cache after a later step failed; return "", or why it is not.

        The next run then asks it, and trains nothing.

        Args:
            note: plain data about it.
        """
        if self._cache is None:
            return "no fit of a loop is kept"
        path = self._cache.path(self._key, "predictor")
        if self._predictor is None or (path.exists() and not self._cache.fresh):
            return ""
        try:
            save(path, self._predictor, note)
        except (ContractError, DataError) as err:
            return str(err)
        return ""

    def _revived(self) -> Predictor | None:
        """Return the predictor that an earlier run left, None where it left none."""
        if self._cache is None or self._cache.fresh:
            return None
        path = self._cache.path(self._key, "predictor")
        if not path.exists():
            return None
        try:
            found, _ = load(path, self._packages)
        except DataError as err:
            self._cache.drop(self._key, "predictor", str(err).removeprefix(f"{path}: "))
            return None
        if not isinstance(found, Predictor):
            return None
        self._predictor = found
        return found

    def _answer(self, question: str, rows: I8, ask: Callable[[Predictor], Arrays]) -> Arrays:
        """Return the answer by the exact rows: a network may round a row of another batch apart."""
        name = f"{question}-{rows_name(rows)}"
        if name not in self._known and self._stored(name) is None:
            predictor = self._predictor or self._revived() or self._fit()
            with self._listening() as heard:
                arrays = ask(predictor)
            self._keep(name, arrays, heard.note())
        return self._known[name]

    def _fit(self) -> Predictor:
        """Train; where the fit is known and only an answer was not, its records are, too."""
        records: list[tuple[str, dict[str, Any]]] = []
        with self._listening() as heard:
            predictor = self._train(lambda name, content: records.append((name, dict(content))))
        self._predictor, self.records = predictor, records
        self._keep("fit", {}, {"records": records, **heard.note()})
        return predictor

    def _stored(self, name: str) -> dict[str, Any] | None:
        found = None if self._cache is None else self._cache.get(self._key, name)
        if found is None:
            return None
        arrays, note = found
        try:
            said = {str(text) for text in note["warnings"]}
            cautions = {str(text) for text in note["cautions"]}
            if name == "fit":
                self.records = [(str(record), dict(content)) for record, content in note["records"]]
        except (KeyError, TypeError, ValueError) as err:
            if self._cache is not None:
                self._cache.drop(self._key, name, f"its note lacks what it is read for ({err})")
            return None
        self._known[name] = arrays
        self.said |= said
        self.cautions |= cautions
        return note

    def _keep(self, name: str, arrays: Arrays, note: dict[str, Any]) -> None:
        self._known[name] = arrays
        if self._cache is not None:
            self._cache.put(self._key, name, arrays, note)

    @contextmanager
    def _listening(self) -> Iterator[_Heard]:
        heard = _Heard()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield heard
        heard.said.update(warning_texts(caught))
        heard.cautions.update(caution_texts(caught))
        self.said |= heard.said
        self.cautions |= heard.cautions


@dataclass(frozen=True)
class _Heard:
    """Hold the warnings of a fit or an answer, and which of them lower the verdict."""

    said: set[str] = field(default_factory=set)
    cautions: set[str] = field(default_factory=set)

    def note(self) -> dict[str, Any]:
        """Return plain data for the cache."""
        return {"warnings": sorted(self.said), "cautions": sorted(self.cautions)}


def caution_texts(caught: list[warnings.WarningMessage]) -> set[str]:
    """Return each distinct warning that lowers the verdict, as one text."""
    return {
        str(warning.message) for warning in caught if issubclass(warning.category, CautionWarning)
    }


def warning_lines(caught: list[warnings.WarningMessage]) -> list[str]:
    """Return each distinct warning as one line, without its class, in alphabetical order."""
    return sorted({" ".join(str(warning.message).split()) for warning in caught})


def warning_texts(caught: list[warnings.WarningMessage]) -> set[str]:
    """Return each distinct warning as one text."""
    return {f"{warning.category.__name__}: {warning.message}" for warning in caught}
