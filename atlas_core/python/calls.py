"""What ``import atlas_core as atlas`` offers: run, validate, load_run and components. Light."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_core.engine.machine import choose_device
from atlas_core.engine.options import RunOptions, say_nothing
from atlas_core.engine.run import run as run_plan
from atlas_core.errors import DataError, SpecError
from atlas_core.finished import read_run
from atlas_core.progress import is_brief
from atlas_core.python.machine import cache_folder, key_file
from atlas_core.python.runs import Run
from atlas_core.python.specs import HeldDataset, Spec, plan_of_file
from atlas_core.spec.load import resolve_one
from atlas_core.spec.plan import Plan
from atlas_registry.listing import installed
from atlas_registry.loading import Registry

if TYPE_CHECKING:
    from pandas import DataFrame

Notify = Callable[[str], None]


def run(
    spec: Spec | Mapping[str, Any] | str | Path,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as on the command line
    out: str | Path = "runs",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    workers: int = 1,
    device: str = "auto",
    force: bool = False,
    save_fitted: bool | None = None,
    offline: bool = False,
    progress: bool | Notify = True,
) -> Run:
    """Run a spec and return what came of it; a result that is stored is not computed again.

    Args:
        spec: a ``Spec``, the keys of one as a mapping, or the path of a YAML file.
        set: {path: value} that changes the spec, such as ``{"seed": 8}``; None takes a key out.
        out: folder that run folders go into.
        data_dir: folder with local copies of data files.
        cache_dir: folder for features, fits and downloads; None: the user's cache folder.
        workers: jobs (arm x fold) that are computed at a time; more than one needs the usual
            ``if __name__ == "__main__":`` in a script, and nothing in a notebook.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:<number>``.
        force: train and compute anew although a stored result is there.
        save_fitted: keep the fitted arms, for ``Run.arm``; None: where the split has one fold and
            they are small.
        offline: refuse downloads.
        progress: show a progress bar, or call a function with each line of progress.

    Raises:
        SpecError: the spec is wrong; every mistake at once.
        AtlasError: a component, a data file or the output folder failed; one line says which.
    """
    registry = Registry()
    spec, out = _made(spec), Path(out).expanduser().absolute()
    plan = _plan(spec, out, registry, set or {})
    if isinstance(spec, Spec) and isinstance(spec.dataset, HeldDataset):
        spec.dataset.write(out)
    executor = resolve_one("executor", "local", (), registry).build()
    with _notifying(progress) as notify:
        options = RunOptions(
            out=out,
            cache_dir=cache_folder(cache_dir),
            data_dir=_folder(data_dir),
            workers=workers,
            device=choose_device(device),
            force=force,
            save_fitted=save_fitted,
            offline=offline,
            key_file=key_file(),
            notify=notify,
        )
        with closing(registry.observers(_warn)) as observers:
            done = run_plan(plan, options, observers=observers, executor=executor)
        return Run(done, registry, again=run)


def validate(
    spec: Spec | Mapping[str, Any] | str | Path,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as on the command line
    out: str | Path = "runs",
) -> Plan:
    """Check a spec and return it resolved; nothing is trained.

    Raises:
        SpecError: the spec is wrong; every mistake at once.
        PluginError: a plugin is broken.
    """
    return _plan(_made(spec), Path(out), Registry(), set or {})


def load_run(path: str | Path) -> Run:
    """Return a finished run from its folder.

    Raises:
        DataError: the folder holds no finished run.
    """
    folder = Path(path).expanduser().absolute()
    if not (folder / "manifest.json").exists():
        raise DataError(f"{folder}: no finished run here; `path` of a run is its folder")
    return Run(read_run(folder), Registry(), again=run)


def components(kind: str | None = None) -> DataFrame:
    """Return the installed components as a data frame, importing none of them.

    Args:
        kind: ``model``, ``uq``, ...; None: all.

    Raises:
        SpecError: there is no such kind.
    """
    from dataclasses import asdict

    from pandas import DataFrame

    from atlas_core.kinds import KINDS

    if kind is not None and kind not in KINDS:
        raise SpecError(f"no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    rows = [asdict(row) for row in installed(KINDS if kind is None else [kind])]
    names = ["kind", "name", "distribution", "version", "summary", "problem"]
    return DataFrame(rows, columns=names)


def _plan(
    spec: Spec | str | Path, out: Path, registry: Registry, changes: Mapping[str, Any]
) -> Plan:
    if isinstance(spec, Spec):
        return spec.plan(out, registry, changes)
    return plan_of_file(Path(spec), registry, changes)


def _made(spec: Spec | Mapping[str, Any] | str | Path) -> Spec | str | Path:
    """Return a spec given as a mapping as a ``Spec``."""
    if isinstance(spec, Spec | str | Path):
        return spec
    if not isinstance(spec, Mapping):
        raise SpecError(f"a {type(spec).__name__} is no spec: give a Spec, its keys, or a path")
    missing = [key for key in ("dataset", "split", "arms") if key not in spec]
    if missing:
        raise SpecError([f"Spec  {key}: this key is missing" for key in missing])
    return Spec(**{key: value for key, value in spec.items() if key != "atlas"})


def _folder(path: str | Path | None) -> Path | None:
    if path is None:
        return None
    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        raise SpecError(f"data_dir {path}: no such folder")
    return folder


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


@contextmanager
def _notifying(progress: bool | Notify) -> Iterator[Notify]:
    """Yield what is called with each line of progress."""
    if callable(progress):
        yield lambda text: None if is_brief(text) else progress(text)
    elif not progress:
        yield say_nothing
    else:
        from atlas_core.python.bar import shown

        with shown() as notify:
            yield notify
