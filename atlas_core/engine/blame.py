"""Put the right component's name on an error: whose code raised it? Light."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from atlas_core.errors import (
    MORE_MEMORY,
    AtlasError,
    ContractError,
    DataError,
    said,
    short_of_memory,
)
from atlas_core.resolver import Resolved


def culprit(error: BaseException, candidates: Sequence[Resolved]) -> Resolved:
    """Return the component whose code raised ``error``: the innermost frame of a plugin.

    A stage runs several components (an uncertainty method trains a model). Of two from one
    package, the one whose name stands in the module's name is meant, then the first.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        module = str(frame.f_globals.get("__name__", ""))
        same = [one for one in candidates if one.package == module.split(".", maxsplit=1)[0]]
        if same:
            named = [one for one in same if one.name in module.rpartition(".")[2]]
            return (named or same)[0]
    return candidates[0]


@contextmanager
def blame(
    called: Sequence[Resolved], others: Iterable[Resolved] = (), where: str = ""
) -> Iterator[None]:
    """Turn whatever is raised inside into one line that names the component.

    Args:
        called: the component that the host called, and what belongs to it.
        others: components that it may call in turn.
        where: arm and fold, in front of the name.

    Raises:
        AtlasError: of the same class, if a component raised one.
        DataError: memory ran out.
        ContractError: anything else was raised.
    """
    try:
        yield
    except (Exception, SystemExit) as err:  # a plugin that ends the program is no end of the run
        text = said(err) or type(err).__name__
        if isinstance(err, AtlasError) and getattr(err, "blamed", False):
            raise
        label = culprit(err, (*called, *others)).label
        line = f"{where}, {label}" if where else label
        text = text.removeprefix(f"{label} ")  # what an import says of itself
        fresh: AtlasError
        if isinstance(err, AtlasError):
            fresh = type(err)(f"{line}: {text}")
        elif short_of_memory(err):
            fresh = DataError(f"{line}: out of memory ({text}); {MORE_MEMORY}")
        else:
            fresh = ContractError(f"{line}: {type(err).__name__}: {text}")
        fresh.blamed = True
        raise fresh from err
