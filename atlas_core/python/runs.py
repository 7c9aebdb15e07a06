"""A finished run as a Python object: verdict, metrics, predictions, fitted arms. Light.

pandas is imported when a table is asked for.
"""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from atlas_core.data.predictions import Predictions
from atlas_core.errors import AtlasError, DataError
from atlas_core.observe import FinishedRun
from atlas_core.python.machine import key_file
from atlas_core.python.offered import offered
from atlas_core.resolver import Resolver

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class ArmVerdict:
    """What a run says of one arm.

    Attributes:
        grade: a fixed code, such as ``trust`` or ``do_not_trust``.
        headline: the same in one sentence.
        findings: what it rests on: codes, grades and figures, as in ``verdict.json``.
        text: the sentences.
    """

    grade: str
    headline: str
    findings: tuple[Mapping[str, Any], ...]
    text: tuple[str, ...]


class Predicts(Protocol):
    """Predict with a fitted arm of a run: what ``Run.arm`` opens."""

    def predict(self, materials: Sequence[Any] | Any) -> Any:
        """Return value, std, interval, label, reasons and nearest known materials of each.

        Args:
            materials: formulas as text, or ``Structure`` objects of pymatgen, or a list of either;
                an arm that reads crystals takes crystals only.

        Returns:
            An object with a column each; ``to_pandas`` makes a data frame of them.

        Raises:
            DataError: a formula or crystal cannot be read; all bad ones are named.
        """
        ...


@dataclass(frozen=True)
class Report:
    """Name the report of a run.

    Attributes:
        path: what a reader opens; None of a run without a report.
    """

    path: Path | None

    def open(self) -> None:
        """Open the report in the browser.

        Raises:
            DataError: the run has none.
        """
        if self.path is None or not self.path.is_file():
            raise DataError("the run has no report: name one in the `reports` of its spec")
        webbrowser.open(self.path.resolve().as_uri())


class Run:
    """Show a finished run.

    Attributes:
        path: its folder.
        manifest: what was run: components, data, seed, versions, machine.
        predictions: of every arm, fold and part.
        repeats: likewise of the other trainings of a spec with ``repeats``; () without.
        reused: whether its result was stored before.
    """

    def __init__(
        self, finished: FinishedRun, resolver: Resolver, *, again: Callable[..., Run]
    ) -> None:
        """Hold a finished run; ``again`` runs a spec, as ``atlas_core.run`` does."""
        self.path, self.reused = finished.folder, finished.reused
        self.manifest: Mapping[str, Any] = finished.manifest
        self.predictions: Predictions = finished.predictions
        self.repeats: Sequence[Predictions] = finished.repeats
        self._finished, self._resolver, self._again = finished, resolver, again
        self._key_file = key_file()

    def __repr__(self) -> str:
        grades = ", ".join(f"{arm}: {one.grade}" for arm, one in self.verdict.items())
        return f"Run({str(self.path)!r}, {grades})"

    @property
    def arms(self) -> list[str]:
        """Return the names of the arms, as the spec orders them."""
        return list(self._finished.arms)

    @property
    def verdict(self) -> dict[str, ArmVerdict]:
        """Return {arm: what the run says of it}."""
        found = self._finished.verdict
        return {
            arm: ArmVerdict(
                grade=found[arm]["grade"],
                headline=found[arm]["headline"],
                findings=tuple(found[arm]["findings"]),
                text=tuple(found[arm]["sentences"]),
            )
            for arm in self.arms
            if arm in found
        }

    @property
    def metrics(self) -> DataFrame:
        """Return a data frame: a row for each arm and part, a column for each metric.

        A metric with an interval has two more columns, ``<name>_low`` and ``<name>_high``. A run
        of several trainings (``repeats``) has ``<name>_mean_of_trainings`` and
        ``<name>_std_of_trainings``, the mean and the standard deviation (of a sample) over them;
        all other columns are of the first training.
        """
        from pandas import DataFrame, MultiIndex

        rows, names = [], []
        for arm in self.arms:
            own = self._finished.metrics["arms"][arm]
            again = (own.get("repeats") or {}).get("parts", {})
            for part, scored in own["parts"].items():
                row: dict[str, float] = {"n": scored["n"]}
                for name, entry in scored["metrics"].items():
                    row[name] = entry["value"]
                    if "low" in entry:
                        row[f"{name}_low"], row[f"{name}_high"] = entry["low"], entry["high"]
                    for kind in ("mean", "std") if name in again.get(part, {}) else ():
                        row[f"{name}_{kind}_of_trainings"] = again[part][name][kind]
                rows.append(row)
                names.append((arm, part))
        return DataFrame(rows, index=MultiIndex.from_tuples(names, names=["arm", "part"]))

    @property
    def report(self) -> Report:
        """Return the report: what a reader opens of the first that the spec names."""
        return Report(self._finished.report)

    def arm(
        self, name: str | None = None, *, fold: str | None = None, trust_fit: bool = False
    ) -> Predicts:
        """Open a fitted arm, ready to predict.

        Args:
            name: of the arm; None: the only one.
            fold: whose fit; None: the final one, or else the only one.
            trust_fit: open a fit that was not made by you on this machine. Its numbers are checked
                and no code from it runs, but it answers whatever its maker chose.

        Raises:
            SpecError: the run kept no fit (``save_fitted=True`` keeps them), or it is not clear
                which one is meant.
        """
        opened: Predicts = offered("open_arm")(
            self._finished, arm=name, fold=fold, trust=trust_fit, key_file=self._key_file
        )
        return opened

    def final(
        self,
        *,
        data_dir: str | Path | None = None,
        cache_dir: str | Path | None = None,
        workers: int = 1,
        device: str = "auto",
        progress: bool | Callable[[str], None] = True,
    ) -> Run:
        """Fit each arm once more on all rows, calibrated by cross-fitting, and keep the fits.

        The evaluation stays as it is, to the byte. ``arm`` then opens the final fit, whose errors
        are those of the evaluation, measured on fits with fewer rows. What was trained and is in
        the cache is not trained again.

        Args:
            data_dir: folder with local copies of data files; None: where they lay.
            cache_dir: as of the run.
            workers: fits at a time.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<number>``.
            progress: show a progress bar, or call a function with each line of progress.

        Raises:
            SpecError: the run is one of active learning, which has no final fit.
        """
        return self._again(
            self.path / "spec.lock.yaml",
            set={"final": True},
            out=self.path.parent,
            data_dir=data_dir,
            cache_dir=cache_dir,
            workers=workers,
            device=device,
            progress=progress,
        )

    def _repr_html_(self) -> str:
        """Return what the first report that has a card shows in Jupyter, else the verdicts."""
        for name in self._resolver.names("report"):
            with suppress(AtlasError):  # a broken report is no reason to show nothing
                component = self._resolver.resolve("report", name).component
                card = getattr(component.build(component.config()), "card", None)
                if card is not None:
                    return f"{card(self._finished)}<small>{escape(str(self.path))}</small>"
        lines = [str(self.path), *(f"{arm}: {one.headline}" for arm, one in self.verdict.items())]
        return f"<pre>{escape(chr(10).join(lines))}</pre>"
